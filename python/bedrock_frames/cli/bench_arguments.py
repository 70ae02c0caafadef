"""The flags of the benchmark commands, and what they mean as options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from bedrock_frames.bench import Arrivals, BenchOptions, Sessions

OPERATIONS = ("converse-stream", "converse", "invoke-stream", "invoke")


def add_to(command: argparse.ArgumentParser) -> None:
    """Add the flags of ``bench``."""
    add_endpoint(command)
    command.add_argument("--http", choices=("auto", "h1", "h2"), default="auto")
    command.add_argument("--operation", choices=OPERATIONS, default=OPERATIONS[0])
    command.add_argument("--message", default="hello", help="what to say (%(default)s)")
    command.add_argument("--body-file", type=Path, metavar="FILE", help="bodies, a line each")
    _add_sessions(command.add_argument_group("sessions"))
    _add_arrivals(command.add_argument_group("arrivals"))
    _add_run(command.add_argument_group("run"))
    _add_judgement(command.add_argument_group("judgement"))
    add_outputs(command)


def add_endpoint(command: argparse.ArgumentParser) -> None:
    """Add the flags that say whom to ask, and who asks."""
    command.add_argument("url", metavar="URL", help="such as http://127.0.0.1:4010")
    group = command.add_argument_group("endpoint")
    group.add_argument("--model", help="model id")
    group.add_argument(
        "--auth",
        choices=("none", "bearer", "sigv4"),
        default="none",
        help="credentials are taken from where the AWS SDKs take them (%(default)s)",
    )
    group.add_argument("--region", help="of sigv4; else AWS_REGION")
    group.add_argument("--ca-file", type=Path, metavar="FILE", help="certificates to believe")
    group.add_argument("--insecure", action="store_true", help="believe every certificate")
    group.add_argument("--header", action="append", default=[], metavar="NAME:VALUE")


def _add_sessions(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--sessions",
        action="store_true",
        help="answer tool calls until the model ends its turn; rates and --requests count sessions",
    )
    group.add_argument("--think-time", metavar="TIME", help="before each answer (0s)")
    group.add_argument("--max-turns", type=int, metavar="N", help="of each session (10)")
    group.add_argument("--tool-result", metavar="TEXT", help="what a tool call is answered (ok)")
    group.add_argument("--session-header", metavar="NAME", help="that names the session")


def _add_arrivals(group: argparse._ArgumentGroup) -> None:
    how = group.add_mutually_exclusive_group()
    how.add_argument("--concurrency", type=int, metavar="N", help="closed loop of N at a time (1)")
    how.add_argument("--rate", type=float, metavar="R", help="open loop of R requests a second")
    how.add_argument("--stages", metavar="1:10s,100:60s", help="open loop: rates in turn")
    how.add_argument("--sweep", metavar="FROM[:TO]", help="open loop: double R until it saturates")
    how.add_argument("--trace", type=Path, metavar="FILE", help="open loop: as they came once")
    group.add_argument(
        "--arrival", choices=("constant", "poisson", "gamma"), help="of an open loop (constant)"
    )
    group.add_argument("--burstiness", type=float, metavar="CV", help="of gamma (1.0)")
    group.add_argument("--trace-format", choices=("auto", "azure", "mooncake"), help="(auto)")
    group.add_argument("--trace-speed", type=float, metavar="FACTOR", help="(1.0)")


def _add_run(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--duration", metavar="TIME", help="after the warm-up (10s)")
    group.add_argument("--requests", type=int, metavar="N", help="no more than these")
    group.add_argument("--warmup", default="0s", metavar="TIME", help="not counted (%(default)s)")
    group.add_argument("--ramp", default="0s", metavar="TIME", help="to full load (%(default)s)")
    group.add_argument("--timeout", default="300s", metavar="TIME", help="of one (%(default)s)")
    group.add_argument(
        "--grace", default="30s", metavar="TIME", help="for what runs at the end (%(default)s)"
    )
    group.add_argument("--max-in-flight", type=int, metavar="N")
    group.add_argument(
        "--max-errors", type=int, metavar="N", help="end the run when N requests have failed"
    )
    group.add_argument("--seed", type=int, default=0, help="decides all chance (%(default)s)")
    group.add_argument("--threads", type=int, default=1, metavar="N", help="(%(default)s)")
    group.add_argument("--processes", type=int, default=1, metavar="N", help="(%(default)s)")
    group.add_argument("--start-at", type=float, metavar="UNIX", help="begin at this second")
    group.add_argument("--share", default="0/1", metavar="I/N", help="of arrivals (%(default)s)")
    group.add_argument(
        "--source", action="append", default=[], metavar="IP", help="local address to use"
    )


def _add_judgement(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--expect-text", metavar="TEXT", help="that every answer must have")
    group.add_argument(
        "--fail-bursts", action="store_true", help="a stream that comes all at once has failed"
    )
    group.add_argument("--goodput", metavar="'ttft:500ms tpot:50ms'", help="what is good")


def add_outputs(command: argparse.ArgumentParser) -> None:
    """Add the flags that say what to write."""
    group = command.add_argument_group("output")
    group.add_argument(
        "--threshold", action="append", default=[], metavar="'ttft.p99<800ms'", help="else 99"
    )
    group.add_argument("--output", type=Path, metavar="FILE", help="the report as JSON")
    group.add_argument(
        "--html", type=Path, metavar="FILE", help="the report as one page (extra html)"
    )
    group.add_argument("--csv", type=Path, metavar="FILE", help="the seconds of the run")
    group.add_argument("--hlog", type=Path, metavar="FILE", help="the histograms as an HDR log")
    group.add_argument("--metrics-out", type=Path, metavar="FILE", help="as OpenMetrics text")
    group.add_argument("--push-gateway", metavar="URL", help="push metrics to Prometheus' gateway")
    if command.prog.endswith("bench"):
        group.add_argument("--requests-out", type=Path, metavar="FILE", help="a line for each")
    group.add_argument("--title", metavar="TEXT", help="what the report is called")
    group.add_argument(
        "--note", action="append", default=[], metavar="TEXT", help="to be read with it"
    )
    group.add_argument("--quiet", action="store_true", help="print nothing but what is wrong")


def read(options: argparse.Namespace, environment: Mapping[str, str]) -> BenchOptions:
    """Return the options that the flags of ``bench`` state.

    Raises:
        ValueError: one makes no sense.
    """
    from bedrock_frames import bench

    duration = bench.units.duration
    _check_dependent(options)
    return bench.BenchOptions(
        **read_endpoint(options, environment),
        http=options.http,
        operation=options.operation,
        message=options.message,
        body_file=options.body_file,
        sessions=_sessions(options),
        arrivals=_arrivals(options),
        duration=None if options.duration is None else duration(options.duration),
        requests=options.requests,
        warmup=duration(options.warmup),
        ramp=duration(options.ramp),
        timeout=duration(options.timeout),
        grace=duration(options.grace),
        max_in_flight=options.max_in_flight,
        max_errors=options.max_errors,
        expect_text=options.expect_text,
        fail_bursts=options.fail_bursts,
        goals=bench.units.goals(options.goodput) if options.goodput is not None else {},
        seed=options.seed,
        threads=options.threads,
        processes=options.processes,
        start_at=options.start_at,
        share=bench.units.share(options.share),
        sources=tuple(options.source),
        requests_out=options.requests_out,
    )


def read_endpoint(options: argparse.Namespace, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what the flags say of the endpoint, as both commands' options name it.

    Raises:
        ValueError: one makes no sense.
    """
    from bedrock_frames import bench

    return {
        "url": options.url,
        "model": options.model or bench.DEFAULT_MODEL,
        "auth": bench.read_auth(options.auth, environment, region=options.region),
        "ca_file": options.ca_file,
        "insecure": options.insecure,
        "headers": tuple(_header(text) for text in options.header),
    }


def _check_dependent(options: argparse.Namespace) -> None:
    """Refuse flags that mean something only with another flag, which is not there."""
    open_loop = any(
        getattr(options, name) is not None for name in ("rate", "stages", "sweep", "trace")
    )
    spread = open_loop and options.trace is None
    conditions = {
        "--sessions": (
            options.sessions,
            ("think_time", "max_turns", "tool_result", "session_header"),
        ),
        "--rate, --stages or --sweep": (spread, ("arrival", "burstiness")),
        "--arrival gamma": (options.arrival == "gamma", ("burstiness",)),
        "--trace": (options.trace is not None, ("trace_format", "trace_speed")),
        "--auth sigv4": (options.auth == "sigv4", ("region",)),
    }
    for needed, (holds, names) in conditions.items():
        for name in names:
            if not holds and getattr(options, name) is not None:
                flag = f"--{name.replace('_', '-')}"
                raise ValueError(f"{flag}: means something only with {needed}")


def _sessions(options: argparse.Namespace) -> Sessions | None:
    from bedrock_frames import bench

    if not options.sessions:
        return None
    think_time = options.think_time
    stated = _given(
        think_time=None if think_time is None else bench.units.duration(think_time),
        max_turns=options.max_turns,
        tool_result=options.tool_result,
        header=options.session_header,
    )
    return bench.Sessions(**stated)


def _arrivals(options: argparse.Namespace) -> Arrivals:
    from bedrock_frames import bench

    spread = _given(process=options.arrival, burstiness=options.burstiness)
    if options.sweep is not None:
        return bench.Rate(rate=bench.units.rates(options.sweep)[0], **spread)
    if options.rate is not None:
        return bench.Rate(rate=options.rate, **spread)
    if options.stages is not None:
        return bench.Stages(stages=bench.units.stages(options.stages), **spread)
    if options.trace is not None:
        replay = _given(format=options.trace_format, speed=options.trace_speed)
        return bench.Trace(path=options.trace, **replay)
    return bench.Closed(concurrency=1 if options.concurrency is None else options.concurrency)


def _given(**flags: Any) -> dict[str, Any]:
    """Return the flags that were given; the others have the defaults of what they belong to."""
    return {name: value for name, value in flags.items() if value is not None}


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise ValueError(f"--header: a header is NAME:VALUE, not {text!r}")
    return name.strip(), value.strip()
