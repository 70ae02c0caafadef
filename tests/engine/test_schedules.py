"""When the bytes of an answer are due, and where its connection is cut."""

from itertools import pairwise
from typing import Any

import pytest

from bedrock_frames._core import Answer, Engine, Plan
from tests.support.engine_requests import (
    EVENT_STREAM,
    JSON,
    Compiler,
    ask,
    conversation,
    engine,
    rule,
    user,
)

GO = conversation(user("go"))
FRAME = 4
"""Bytes of each of the five frames that the compiler makes."""


def stream(timing: dict[str, Any] | None = None, **kwargs: Any) -> Answer:
    return ask(engine([rule(timing=timing, **kwargs)]), GO, operation="converse-stream")


def whole(timing: dict[str, Any] | None = None, **kwargs: Any) -> Answer:
    return ask(engine([rule(timing=timing, **kwargs)]), GO)


def due(answer: Answer) -> list[tuple[float, int]]:
    """(milliseconds, frames sent by then)"""
    return [(round(at * 1000, 6), end // FRAME) for at, end in answer.writes]


STEPS = {"ttft_ms": 600, "gap_ms": 48}
RECORDED = {"recorded": {"ttft_ms": 100, "delays_ms": [10, 0, 5]}}


@pytest.mark.parametrize(
    ("timing", "stream_due", "whole_due"),
    [
        (None, [(0, 5)], 0),
        (STEPS, [(600, 2), (648, 3), (696, 5)], 696),
        ({"ttft_ms": 0, "gap_ms": 0}, [(0, 5)], 0),
        ({**STEPS, "replay_speed": 4}, [(150, 2), (162, 3), (174, 5)], 174),
        ({"latency_ms": 20}, [(20, 1), (40, 2), (60, 3), (80, 4), (100, 5)], 100),
        (
            {"profile": {"ttft_ms": 100, "tps": 50}},
            [(100, 1), (120, 2), (140, 3), (160, 4), (180, 5)],
            180,
        ),
        ({"profile": {"tps": 100}}, [(10, 1), (20, 2), (30, 3), (40, 4), (50, 5)], 50),
        ({"profile": {"ttft_ms": 5}}, [(5, 5)], 5),
        (RECORDED, [(100, 1), (110, 3), (115, 4), (120, 5)], 120),
        ({**RECORDED, "replay_speed": 10}, [(10, 1), (11, 3), (11.5, 4), (12, 5)], 12),
        ({"recorded": {"ttft_ms": 7, "delays_ms": []}}, [(7, 5)], 7),
    ],
)
def test_frames_are_due_by_their_timing(
    timing: dict[str, Any] | None, stream_due: list[tuple[float, int]], whole_due: float
) -> None:
    assert due(stream(timing)) == stream_due
    answer = whole(timing)
    assert [(round(at * 1000, 6), end) for at, end in answer.writes] == [
        (whole_due, len(answer.body))
    ]


def test_jitter_is_seeded_and_within_its_bounds() -> None:
    timing = {"profile": {"ttft_ms": 100, "tps": 100, "jitter": 0.5}}

    def sample(seed: int) -> list[list[float]]:
        made = engine([rule(timing=timing)], seed=seed)
        answers = [ask(made, GO, operation="converse-stream") for _ in range(20)]
        return [[at for at, _ in answer.writes] for answer in answers]

    runs = sample(1)
    assert runs == sample(1)
    assert runs != sample(2)
    assert runs[0] != runs[1]
    for run in runs:
        assert 0.05 <= run[0] <= 0.15
        gaps = [later - earlier for earlier, later in pairwise(run)]
        assert all(0.005 <= gap <= 0.015 + 1e-9 for gap in gaps)


def test_the_engines_timing_is_for_fixtures_without_one() -> None:
    made = engine(
        [rule({"session": {"equals": "own"}}, timing={"latency_ms": 1}), rule()], timing=STEPS
    )
    assert due(ask(made, GO, operation="converse-stream"))[0] == (600, 2)
    own = ask(made, GO, operation="converse-stream", headers={"x-test-id": "own"})
    assert due(own)[0] == (1, 1)


def throttled(*_: object) -> Plan:
    return Plan.error("ThrottlingException", "slow down")


def test_an_error_is_timed_by_its_own_rule_alone() -> None:
    made = Engine(timing=STEPS)
    made.load([rule({"session": {"equals": "own"}}, timing=STEPS), rule()], throttled)
    assert [at for at, _ in ask(made, GO).writes] == [0.0]
    assert [at for at, _ in ask(made, GO, headers={"x-test-id": "own"}).writes] == [0.6]


def test_answers_of_the_engines_own_are_not_timed() -> None:
    made = engine([], timing=STEPS)
    assert [at for at, _ in ask(made, GO).writes] == [0.0]
    assert [at for at, _ in ask(made, b"{").writes] == [0.0]


CUTS: list[tuple[str, dict[str, Any], dict[str, Any], list[tuple[float, int]], Any]] = [
    ("frames, at once", {}, {"truncate_after_frames": 3}, [(0, 3)], (0, 3)),
    (
        "frames, paced",
        {"latency_ms": 20},
        {"truncate_after_frames": 2},
        [(20, 1), (40, 2)],
        (40, 2),
    ),
    ("no frames", {"latency_ms": 20}, {"truncate_after_frames": 0}, [], (0, 0)),
    ("all frames", {"latency_ms": 1}, {"truncate_after_frames": 5}, None, None),  # type: ignore[list-item]
    ("time", {"latency_ms": 20}, {"disconnect_after_ms": 50}, [(20, 1), (40, 2)], (50, 2)),
    ("time of a frame", {"latency_ms": 20}, {"disconnect_after_ms": 40}, [(20, 1)], (40, 1)),
    ("time before all", {"latency_ms": 20}, {"disconnect_after_ms": 5}, [], (5, 0)),
    ("time after all", {"latency_ms": 20}, {"disconnect_after_ms": 101}, None, None),  # type: ignore[list-item]
    ("time, at once", {}, {"disconnect_after_ms": 5}, [(0, 5)], None),
    (
        "frames first",
        {"latency_ms": 20},
        {"truncate_after_frames": 1, "disconnect_after_ms": 50},
        [(20, 1)],
        (20, 1),
    ),
    (
        "time first",
        {"latency_ms": 20},
        {"truncate_after_frames": 4, "disconnect_after_ms": 50},
        [(20, 1), (40, 2)],
        (50, 2),
    ),
]


@pytest.mark.parametrize(
    ("timing", "cut", "sent", "abort"), [pytest.param(*case[1:], id=case[0]) for case in CUTS]
)
def test_a_stream_is_cut(
    timing: dict[str, Any],
    cut: dict[str, Any],
    sent: list[tuple[float, int]] | None,
    abort: tuple[float, int] | None,
) -> None:
    answer = stream(timing or None, **cut)
    cut_at = answer.abort_after
    assert (cut_at and (round(cut_at[0] * 1000, 6), cut_at[1] // FRAME)) == abort
    if sent is not None:
        assert due(answer) == sent
    assert answer.frames == (5 if abort is None else abort[1])
    assert len(answer.body) == 5 * FRAME


def test_a_whole_answer_is_cut_by_time_and_not_by_frames() -> None:
    assert whole(STEPS, truncate_after_frames=1).abort_after is None
    cut = whole(STEPS, disconnect_after_ms=100)
    assert (list(cut.writes), cut.abort_after) == ([], (0.1, 0))
    assert whole(STEPS, disconnect_after_ms=1000).abort_after is None


def test_a_stream_without_frames_is_one_empty_write() -> None:
    made = Engine()
    made.load([rule(timing=STEPS)], lambda *_: Plan(headers=EVENT_STREAM, frames=[], steps=[]))
    answer = ask(made, GO)
    assert (list(answer.writes), answer.body, answer.stream) == ([(0.0, 0)], b"", True)


@pytest.mark.parametrize(
    ("headers", "is_stream"), [(EVENT_STREAM, True), (JSON, False), ([], False)]
)
def test_a_stream_is_recognised_by_content_type(
    headers: list[tuple[str, str]], is_stream: bool
) -> None:
    made = Engine()
    made.load([rule()], lambda *_: Plan(headers=headers, frames=[b"x"], steps=[0]))
    assert ask(made, GO).stream is is_stream


def variants(seed: int, weights: tuple[float, ...], requests: int = 400) -> list[int]:
    compiler = Compiler()
    made = engine([rule(weights=weights)], compiler, seed=seed)
    bodies = [ask(made, GO).body for _ in range(requests)]
    return [int(body.split(b"/")[1]) for body in bodies]


def test_variants_are_drawn_by_weight_and_seed() -> None:
    drawn = variants(7, (3, 1))
    assert drawn == variants(7, (3, 1))
    assert drawn != variants(8, (3, 1))
    assert 0.15 < sum(drawn) / len(drawn) < 0.35


def test_a_variant_of_weight_zero_is_never_drawn() -> None:
    assert set(variants(0, (0, 1, 0, 2, 0))) == {1, 3}


def test_a_reset_draws_again_with_other_request_ids() -> None:
    made = engine([rule(weights=(1, 1, 1))])
    first = [ask(made, GO) for _ in range(30)]
    made.reset()
    second = [ask(made, GO) for _ in range(30)]
    assert [answer.body for answer in first] == [answer.body for answer in second]
    assert len({answer.request_id for answer in [*first, *second]}) == 60
