"""Whether a run's figures can be trusted: whether they are the endpoint's, or the generator's own.

A generator that is late, starved of processor time, or out of ports and files, measures itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bedrock_frames.bench.report.formatting import count, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bedrock_frames.bench.report.results import Audit, Figures, Result

DELAY_MS: Final = 5.0
"""The generator may be this late at p99,"""
DELAY_SHARE: Final = 0.01
"""or this share of the median latency that it measures, whichever is more."""
CPU_SHARE: Final = 0.9
"""A thread that works more than this has no time left to be punctual."""
UNSENT_SHARE: Final = 0.001
"""More of the arrivals may not be missing."""
APART_S: Final = 0.1
"""Parts of a run that begin this far apart are not one load."""
FEW: Final = 100
"""With fewer samples a p99 is the maximum by another name."""
_TAKING_TIME: Final = {"requests": "answers", "sessions": "sessions"}


def reasons(result: Result) -> list[str]:
    """Return why a result cannot be trusted: nothing if it can."""
    found = (_emptiness, _ending, _lateness, _absence, _starvation, _limits)
    return [reason for of in found for reason in of(result)]


def notes(result: Result, *, same_host: bool = False) -> list[str]:
    """Return what a reader should know of a result that is otherwise to be trusted."""
    return list(_notes(result, same_host=same_host))


def delay_bound_ms(result: Result) -> float:
    """Return how late the generator may be at p99."""
    metrics = result.metrics
    measured = metrics.ttft_ms.p50 or metrics.e2e_ms.p50 or 0.0
    return max(DELAY_MS, DELAY_SHARE * measured)


def _emptiness(result: Result) -> Iterator[str]:
    requests = result.requests
    if not requests.sent:
        yield "no request was sent inside the window"
    elif not requests.completed:
        yield f"none of {requests.sent} requests completed, so there is no latency to report"


def _ending(result: Result) -> Iterator[str]:
    if result.audit.stopped_by_errors:
        yield (
            f"the run ended early, after {result.window.ended_s:.1f} s: "
            "as many requests had failed as max_errors allows"
        )
    yield from result.audit.lost


def _lateness(result: Result) -> Iterator[str]:
    bound = delay_bound_ms(result)
    delay = result.metrics.schedule_delay_ms
    if _late(delay, bound):
        cause = (
            "max_in_flight held requests back"
            if result.audit.backlogged
            else "the generator could not keep its schedule"
        )
        yield f"schedule delay p99 is {delay.p99:.1f} ms, more than {bound:.1f} ms: {cause}"
    loop = result.audit.loop_delay_ms
    if _late(loop, bound):
        yield (
            f"the generator's loop was {loop.p99:.1f} ms late at p99, more than {bound:.1f} ms: "
            "give it processors of its own, or more threads"
        )


def _absence(result: Result) -> Iterator[str]:
    unsent, sent = result.audit.unsent, result.requests.sent
    if unsent > UNSENT_SHARE * (sent + unsent):
        yield f"{unsent} arrivals were due and never sent: what they would have met is not measured"


def _late(delay: Figures, bound: float) -> bool:
    return delay.p99 is not None and delay.p99 > bound


def _starvation(result: Result) -> Iterator[str]:
    audit = result.audit
    if audit.elapsed_s < 1:
        # Starting a thread is a good part of so short a run.
        return
    for cpu in sorted(audit.cpu_of_threads_s, reverse=True)[:1]:
        if cpu > CPU_SHARE * audit.elapsed_s:
            share = cpu / audit.elapsed_s
            yield f"a generator thread used {share:.0%} of its processor: use more threads"


def _limits(result: Result) -> Iterator[str]:
    audit = result.audit
    if audit.out_of_ports:
        yield (
            f"{audit.out_of_ports} connections found no free port{_range(audit)}: "
            "give it more sources, or keep connections open"
        )
    if audit.out_of_files:
        limit = audit.open_files.hard
        yield (
            f"{audit.out_of_files} connections found no free file descriptor (limit {limit}): "
            "raise it with ulimit -n"
        )


def _range(audit: Audit) -> str:
    return f" ({audit.port_range[0]} to {audit.port_range[1]})" if audit.port_range else ""


def _notes(result: Result, *, same_host: bool) -> Iterator[str]:
    requests, rates = result.requests, result.rates
    if same_host:
        yield "the endpoint runs on this machine: both share its processors"
    if 0 < requests.completed < FEW:
        yield f"{requests.completed} samples are too few for a p99; it is all but the maximum"
    if result.started_apart_s > APART_S:
        yield f"the parts began {result.started_apart_s:.1f} s apart; their seconds are aligned"
    if requests.warmup_failed:
        kinds = ", ".join(f"{times} {kind}" for kind, times in result.warmup_errors.items())
        yield f"{requests.warmup_failed} of {requests.warmup} failed in the warm-up: {kinds}"
    if requests.bursts:
        share = requests.bursts / max(requests.completed, 1)
        yield (
            f"{share:.0%} of the streams came in one burst: the endpoint, or a proxy before it, "
            "buffers (or its answers are not paced)"
        )
    asked = rates.asked()
    if asked and asked.kept < 0.95 * asked.rate and requests.completed:
        missing = 1 - asked.kept / asked.rate
        why = (
            f"{percent(requests.error_rate)} of the requests failed"
            if requests.error_rate >= missing / 2
            else f"the endpoint does not keep up, or {_TAKING_TIME[asked.of]} outlast the window"
        )
        yield (
            f"{asked.kept:.1f} of {asked.rate:.1f} {asked.of} a second completed in the window: "
            f"{why}"
        )
    if result.audit.paused:
        yield (
            f"users of the closed loop paused {count(result.audit.paused)} times, "
            "20 ms to 250 ms each, as several of their requests in a row had failed"
        )
    if requests.without_content:
        yield (
            f"{percent(requests.without_content / max(requests.completed, 1))} of the completed "
            "streams have output tokens, and no content in a form that is known: "
            "they have no first token"
        )
    if result.unknown_events:
        kinds = ", ".join(sorted(result.unknown_events))
        yield (
            f"{count(sum(result.unknown_events.values()))} events are not in the service model, "
            f"and SDKs skip them: {kinds}"
        )
    if result.audit.records_dropped:
        yield f"{result.audit.records_dropped} lines were not written: the disk was too slow"
