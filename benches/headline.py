"""The few figures that other documents quote, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benches.words import number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benches.outcome import Result


def gain(measured: Mapping[str, Result]) -> str:
    """Say how much less CPU boto3 takes: the least and the most over all chunkings."""
    found = [
        comparison.value
        for comparison in measured["botocore_calls"].outcome.comparisons
        if comparison.name.startswith("boto3 converse_stream") and comparison.peer
    ]
    least, most = f"{min(found):.1f}", f"{max(found):.1f}"
    return least if least == most else f"{least} to {most}"


def first_screen(measured: Mapping[str, Result]) -> str:
    """Return the README's table."""
    rows = [
        ("", "bedrock-frames", "beside it"),
        ("---", "---", "---"),
        *_streams(measured),
        *_library(measured),
        *_load(measured),
    ]
    return "\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n\n"


def _streams(measured: Mapping[str, Result]) -> list[tuple[str, str, str]]:
    held, paced, unpaced = measured["held"], measured["paced"], measured["unpaced"]

    def count(server: str) -> str:
        value = held.comparison(f"streams held, {server}").value
        return f"{value:,.0f}" if value else "fewer than " + _lowest(held, server)

    native, floor = unpaced.comparison("native", "aimock"), unpaced.comparison("native", "C floor")
    most = paced.comparison("most frames delivered, native", "aimock")
    bare = paced.comparison("most frames delivered, native", "C floor")
    memory = "memory a stream, 10,000 streams"

    def kib(server: str) -> str:
        return f"{number(paced.comparison(f'{memory}, {server}').value)} KiB"

    return [
        (
            "streams held on one core, a frame every 20 ms in each",
            f"**{count('native')}**",
            f"C floor {count('C floor')}, aimock {count('aimock')}",
        ),
        (
            "paced frames a second on one core, at most",
            f"**{number(most.figure)}**",
            f"C floor {number(bare.peer_figure or 0)}, aimock {number(most.peer_figure or 0)}",
        ),
        (
            "answers of 64 frames a second on one core",
            f"**{number(native.figure)}**",
            f"C floor {number(floor.peer_figure or 0)}, aimock {number(native.peer_figure or 0)}",
        ),
        (
            "memory a stream, at 10,000",
            f"**{kib('native')}**",
            f"C floor {kib('C floor')}, aimock {kib('aimock')}",
        ),
    ]


def _lowest(held: Result, server: str) -> str:
    loads = [row["connections"] for row in held.samples["medians"] if row["server"] == server]
    return f"{min(loads):,}"


def _library(measured: Mapping[str, Result]) -> list[tuple[str, str, str]]:
    decode = measured["framing"].comparison("feed: recorded sizes, 1,000 B chunks")
    return [
        (
            "decoding a frame in Python",
            f"**{number(decode.figure)} ns**",
            f"botocore {number(decode.peer_figure or 0)} ns",
        ),
        (
            "CPU of boto3's `converse_stream` after `install()`",
            f"**{gain(measured)} times less**",
            "boto3 as it is",
        ),
    ]


def _load(measured: Mapping[str, Result]) -> list[tuple[str, str, str]]:
    name = "frames consumed and verified"
    boto3, bare = (measured["load"].comparison(name, peer) for peer in ("boto3", "C client"))
    return [
        (
            "frames verified a second by one core of the load generator",
            f"**{number(boto3.figure)}**",
            f"C client {number(bare.peer_figure or 0)}, boto3 {number(boto3.peer_figure or 0)}",
        )
    ]


QUOTES: Final[dict[str, tuple[set[str], Callable[[Mapping[str, Result]], str]]]] = {
    "first-screen": (
        {"held", "paced", "unpaced", "framing", "botocore_calls", "load"},
        first_screen,
    ),
    "gain": ({"botocore_calls"}, gain),
}
"""By its name in a document: the benchmarks that a quotation needs, and its words."""
