"""An examination: the connection, one request of each operation, and one invalid request."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final, TextIO

from rich.text import Text

from bedrock_frames.bench.doctor.exchange import Answer, Endpoint
from bedrock_frames.bench.doctor.finding import Finding, note, wrong
from bedrock_frames.bench.doctor.streams import examine_stream
from bedrock_frames.bench.doctor.transport import examine_transport
from bedrock_frames.bench.doctor.wholes import examine_error, examine_head, examine_whole
from bedrock_frames.bench.options import units
from bedrock_frames.bench.options.base import Flag, PositiveSeconds
from bedrock_frames.bench.options.targets import Target, body_of
from bedrock_frames.bench.report import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KINDS: Final = (
    ("Converse", "converse", "converse"),
    ("ConverseStream", "converse-stream", "converse-stream"),
    ("InvokeModel", "invoke", "invoke"),
    ("InvokeModelWithResponseStream", "invoke-stream", "invoke-with-response-stream"),
)
"""Each operation's name, its name in benchmarks, and its name in the path."""
NONSENSE: Final = b'{"messages": "no list"}'
MARKS: Final = {"right": ("✓", "green"), "note": ("·", "yellow"), "wrong": ("✗", "bold red")}


class Examination(Target):
    """The options of an examination.

    Raises:
        OptionError: an option has a value that is not allowed.
    """

    timeout: Annotated[
        PositiveSeconds,
        Flag(
            help="limit of each request",
            metavar="TIME",
            read=units.duration,
            group="request",
        ),
    ] = 30.0

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint's address and the credentials."""
        return Endpoint(
            url=self.url,
            auth=self.auth,
            headers=self.headers,
            ca_file=self.ca_file,
            insecure=self.insecure,
            timeout=self.timeout,
        )


def examine(examination: Examination) -> list[Finding]:
    """Send an endpoint one request of each kind; return findings about its answers."""
    endpoint = examination.endpoint
    findings = list(examine_transport(endpoint))
    if any(finding.level == "wrong" for finding in findings):
        return findings
    # A refusal takes no longer than the round trip.
    nonsense = endpoint.ask(examination.model, "converse", NONSENSE)
    served = False
    for index, (name, operation, path) in enumerate(KINDS):
        body = body_of(operation, examination.model, examination.message).encode()
        answer = endpoint.ask(examination.model, path, body)
        if index == 0 and answer.status:
            findings += examine_head(answer, now=time.time())
        served |= answer.status == 200
        findings += _answer_findings(name, operation, answer, nonsense.head_at)
    if not served:
        findings.append(wrong("operations", f"none of the {len(KINDS)} is answered with 200"))
    return [*findings, *examine_error("errors", nonsense)]


def _answer_findings(
    name: str, operation: str, answer: Answer, round_trip: float
) -> Iterator[Finding]:
    converse = operation.startswith("converse")
    if answer.status == 0:
        yield wrong(name, answer.failure or "no answer")
    elif answer.status != 200:
        kind = answer.headers.get("x-amzn-errortype", "no x-amzn-errortype")
        said = answer.body[:200].decode(errors="replace")
        # An endpoint may well not have what was asked for, and then says so rightly; a fault of
        # its own is another thing.
        level = wrong if answer.status >= 500 else note
        yield level(name, f"{answer.status} {kind}: {said}")
    elif operation.endswith("stream"):
        yield from examine_stream(name, answer, converse=converse, round_trip=round_trip)
    else:
        yield from examine_whole(name, answer, converse=converse)


def findings_json(findings: Sequence[Finding]) -> str:
    """Return findings as JSON."""
    return json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False)


def show_findings(findings: Sequence[Finding], stream: TextIO) -> None:
    """Print findings, a line each."""
    console = terminal.console(stream)
    width = max((len(finding.subject) for finding in findings), default=0)
    for finding in findings:
        mark, style = MARKS[finding.level]
        text = finding.text if finding.level == "right" else Text(finding.text, style=style)
        subject = Text(finding.subject.ljust(width), "dim")
        console.print(Text(mark, style=style), subject, text, soft_wrap=True)
