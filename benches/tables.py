"""benches/README.md, as text made of what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from benches.words import number, quantity, target_of, value_of, verdict_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benches.outcome import Result


SERVED: Final = {
    "server": "server",
    "connections": "streams",
    "streams_per_s": "streams/s",
    "frames_per_s": "frames/s",
    "offered_ratio": "of due",
    "coalesced_ratio": "joined",
    "gap_p50_ms": "gap p50 ms",
    "gap_p99_ms": "p99",
    "gap_error_p99_ms": "error p99",
    "ttff_p99_ms": "first frame p99",
    "kib_per_stream": "KiB/stream",
    "server_cpu": "CPU",
    "server_us_per_frame": "µs/frame",
    "client_cpu": "client CPU",
}
"""Columns of servers, by the names that they have in the results."""

RATIOS: Final = {"offered_ratio", "coalesced_ratio"}
PACE: Final = {"offered_ratio", "coalesced_ratio", "gap_p50_ms", "gap_p99_ms", "gap_error_p99_ms"}
OTHERS_BUSY_CPU: Final = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How a benchmark is shown."""

    benchmark: str
    title: str
    text: str
    plots: Sequence[tuple[str, str]] = ()
    """File names, and what is to be seen."""
    hidden: frozenset[str] = frozenset()
    """Columns that mean nothing here."""


PARTS: Final = (
    Part(
        benchmark="unpaced",
        title="Answers at once",
        text="A ConverseStream answer of 64 frames, 64 connections, one core for the server.",
        hidden=frozenset(PACE),
    ),
    Part(
        benchmark="paced",
        title="Paced streams",
        text="A frame every 20 ms in each stream, one core for the server.",
        plots=[
            ("frames.svg", "frames a second that arrive, by the number of streams"),
            ("gaps.svg", "the gap that one in a hundred exceeds, by the number of streams"),
            ("memory.svg", "memory a stream"),
        ],
    ),
    Part(
        benchmark="held",
        title="Streams held on one core",
        text="At least 95 % of the frames that were due, at most 1 % of them together with the one "
        "before, gap p99 at most 30 ms.",
    ),
    Part(
        benchmark="worker",
        title="What the workers save",
        text="The same server, where workers serve HTTP/1.1 and where hyper serves everything "
        "(`BEDROCK_FRAMES_NO_WORKERS=1`).",
    ),
    Part(
        benchmark="threads",
        title="A second thread",
        text="The speed-up is reckoned from the server's CPU time a frame, while one and two "
        "threads of it run: 2 × (CPU a frame, one) / (CPU a frame, two) / (busier thread / mean).",
    ),
    Part(
        benchmark="matching",
        title="Finding the fixture",
        text="A request to an engine of 10,000 fixtures, against the same of 10.",
    ),
    Part(
        benchmark="startup",
        title="Starting",
        text="From the start of the process to its line on stdout.",
    ),
    Part(
        benchmark="framing",
        title="Framing, from Python",
        text="CPU time a frame, read as far as its event type and its payload, or all its headers.",
        plots=[("framing.svg", "how many times faster than the peer")],
    ),
    Part(
        benchmark="codec",
        title="Framing, in Rust",
        text="One CRC pass over a frame and one copy of it is what no codec can do without.",
    ),
    Part(
        benchmark="botocore_calls",
        title="botocore",
        text="An answer of 64 events, read with `bedrock_frames.botocore` and without.",
    ),
    Part(
        benchmark="load",
        title="The load generator",
        text="One thread. Frames are counted a second of the client's own CPU time.",
    ),
    Part(
        benchmark="soak",
        title="A soak",
        text="Half of what a core holds, for as long as it takes to see something grow: "
        "`python -m benches.soak`.",
    ),
)

OPENING: Final = """\
# What was measured

Made by `python -m benches.report` from the files in [results](results), which hold every sample.

```text
make bench                              # all of it: half an hour on a quiet machine
make bench BENCH="--only paced load"    # some of it
.venv/bin/python -m benches.report      # writes this page, the plots, and the README's figures
```

Servers are measured by a kit that is looked for at `../shared/bench`. Its floor is a C server that
does nothing but send the same frames at the same times: what it cannot do, nobody can here. Its C
client measures all of them alike. aimock is the peer, from npm.

A figure is the median of its rounds. Contenders take turns in each round, a ratio is taken within
a round, and what is judged is the median of those; the least and the most stand beside it. Every
answer is proved right before it is timed. Servers have one core, clients the other.
"""


def page(measured: Mapping[str, Result]) -> str:
    """Return the page."""
    parts = [part for part in PARTS if part.benchmark in measured]
    if not parts:
        return f"{OPENING}\nNothing was measured yet.\n"
    sections = [_section(part, measured[part.benchmark]) for part in parts]
    return "\n".join([OPENING, _summary(measured), *sections, _environments(measured)])


def _summary(measured: Mapping[str, Result]) -> str:
    held = [each for found in measured.values() for each in found.outcome.comparisons]
    judged = [each for each in held if each.met is not None]
    missed = [
        (name, each)
        for name, found in measured.items()
        for each in found.outcome.comparisons
        if each.met is False
    ]
    lines = [f"**{len(judged) - len(missed)} of {len(judged)} targets are met.**"]
    if missed:
        lines.append("Missed:\n")
    titles = {part.benchmark: part.title for part in PARTS}
    for name, each in missed:
        peer = f" against {each.peer}" if each.peer else ""
        said = f"{value_of(each)}, and should be {target_of(each)}"
        lines.append(f"* {titles[name]}, {each.name}{peer}: {said}")
    return "\n".join(lines) + "\n"


def _section(part: Part, found: Result) -> str:
    shown = [f"## {part.title}", part.text, _comparisons(found)]
    shown += [f"![{text}](plots/{name})" for name, text in part.plots]
    if isinstance(found.samples, dict) and "medians" in found.samples:
        shown.append(_served(found.samples["medians"], part.hidden))
    others = found.environment.get("other_cpu", 0.0)
    if others > OTHERS_BUSY_CPU:
        shown.append(f"**Do not believe it: others used {number(others)} processors meanwhile.**")
    if found.outcome.limits:
        shown.append(found.outcome.limits)
    return "\n\n".join(shown) + "\n"


def _comparisons(found: Result) -> str:
    rows = [
        [
            each.name,
            quantity(each.figure, each.unit),
            each.peer or "",
            quantity(each.peer_figure, each.unit),
            value_of(each) if each.peer else "",
            _spread(each.rounds),
            target_of(each),
            verdict_of(each),
        ]
        for each in found.outcome.comparisons
    ]
    return table(["", "figure", "against", "its figure", "ratio", "rounds", "target", ""], rows)


def _spread(rounds: Sequence[float]) -> str:
    least, most = number(min(rounds)), number(max(rounds))
    return "" if least == most else f"{least} – {most}"


def _served(medians: Sequence[Mapping[str, Any]], hidden: frozenset[str]) -> str:
    names = [name for name in SERVED if name in medians[0] and name not in hidden]
    rows = [[_cell(name, row[name]) for name in names] for row in medians]
    return table([SERVED[name] for name in names], rows)


def _cell(name: str, value: object) -> str:
    if name in RATIOS and isinstance(value, int | float):
        return f"{100 * value:.1f} %"
    if name == "connections":
        return f"{value:,}"
    return number(value) if isinstance(value, int | float) else str(value)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; numbers stand to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *rows])


def _environments(measured: Mapping[str, Result]) -> str:
    rows = []
    for name, found in measured.items():
        facts = found.environment
        peers = ", ".join(f"{peer} {version}" for peer, version in found.outcome.peers.items())
        quick = " (quick: means nothing)" if found.quick else ""
        busy = facts.get("other_cpu", "")
        row = [f"{name}{quick}", facts["date"], facts["commit"], busy, peers]
        rows.append([str(cell) for cell in row])
    first = next(iter(measured.values())).environment
    machine = (
        f"{first['cpu']}, {first['cpus']} processors, Linux {first['kernel']}, {first['python']}, "
        f"bedrock-frames {first['bedrock_frames']} ({first['build_profile']} build)."
    )
    head = ["", "date", "commit", "others' CPU", "beside it"]
    return f"## Where\n\n{machine}\n\n{table(head, rows)}\n"
