"""Examines an answer that is one JSON body, and an error."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from bedrock_frames.bedrock.model import check, error_statuses
from bedrock_frames.bedrock.words import json_path
from bedrock_frames.bench.doctor.finding import Finding, note, right, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bedrock_frames.bench.doctor.exchange import Answer

SKEW_WRONG_S: Final = 300.0
"""AWS refuses signatures that are older, or younger, than this."""
SKEW_NOTED_S: Final = 5.0


def examine_whole(subject: str, answer: Answer, *, converse: bool) -> Iterator[Finding]:
    """Yield findings about a whole answer with status 200."""
    if answer.failure:
        yield wrong(subject, f"the answer broke off: {answer.failure}")
        return
    faults = list(_body_faults(answer, converse=converse))
    for text in faults:
        yield wrong(subject, text)
    if not faults:
        yield right(subject, f"the body is right ({len(answer.body):,} bytes)")


def _body_faults(answer: Answer, *, converse: bool) -> Iterator[str]:
    if answer.media_type != "application/json":
        told = answer.headers.get("content-type", "none")
        yield f"content-type is {told}, not application/json"
    try:
        body = json.loads(answer.body)
    except ValueError:
        yield "the body is not JSON"
        return
    if not isinstance(body, dict):
        yield "the body is no JSON object"
    elif converse:
        for problem in check("ConverseResponse", body):
            if problem.severity == "error":
                yield f"{json_path(problem.path)}: {problem.message}"


def examine_error(subject: str, answer: Answer) -> Iterator[Finding]:
    """Yield findings about the answer to an invalid request."""
    if answer.failure:
        yield wrong(subject, answer.failure)
        return
    if answer.status == 200:
        yield wrong(subject, "a body without sense is answered with 200")
        return
    told = answer.headers.get("x-amzn-errortype", "")
    name = told.partition(":")[0]
    faults = []
    if not told:
        faults.append("no x-amzn-errortype header: clients cannot tell which error it is")
    elif name not in error_statuses():
        faults.append(f"x-amzn-errortype is {told!r}, which the service model does not have")
    elif error_statuses()[name] != answer.status:
        faults.append(f"{name} has status {answer.status}, not {error_statuses()[name]}")
    try:
        body = json.loads(answer.body)
    except ValueError:
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("message"), str):
        faults.append('the body is no {"message": …}')
    for text in faults:
        yield wrong(subject, text)
    if not faults:
        yield right(subject, f"a body without sense is refused: {answer.status} {name}")


def examine_head(answer: Answer, *, now: float) -> Iterator[Finding]:
    """Yield findings from the headers of an answer. ``now`` is in Unix seconds."""
    if "x-amzn-requestid" in answer.headers:
        yield right("headers", "x-amzn-requestid is there")
    else:
        yield note("headers", "no x-amzn-requestid: errors cannot be traced to a request")
    date = answer.headers.get("date")
    if date is None:
        yield note("clock", "no date header: time skew cannot be seen")
        return
    try:
        skew = parsedate_to_datetime(date).timestamp() - now
    except ValueError:
        yield wrong("clock", f"the date header is no date: {date!r}")
        return
    if abs(skew) > SKEW_WRONG_S:
        yield wrong("clock", f"{abs(skew):.0f} s apart: AWS refuses signatures beyond 300 s")
    elif abs(skew) > SKEW_NOTED_S:
        yield note("clock", f"{abs(skew):.0f} s apart")
    else:
        yield right("clock", "the same time as here")
