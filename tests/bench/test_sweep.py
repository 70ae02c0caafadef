"""A sweep finds the rate that an endpoint keeps."""

from typing import Any

import pytest

from bedrock_frames.bench import BenchOptions, OptionError, Rate, Report, Sessions, run_sweep
from tests.support.bench_results import report, result

OPTIONS = BenchOptions(url="http://127.0.0.1:1", arrivals=Rate(rate=1), duration=10)


class Endpoint:
    """Runs that complete at most so many requests a second."""

    def __init__(self, capacity: float, *, generator: float = 1e9) -> None:
        self.capacity = capacity
        self.generator = generator
        self.rates: list[float] = []
        self.interrupted_at: float | None = None

    def __call__(self, options: BenchOptions, /, **_: Any) -> Report:
        assert isinstance(options.arrivals, Rate)
        rate = options.arrivals.rate
        self.rates.append(rate)
        completed = min(rate, self.capacity)
        found = result(
            {"e2e_ms": [10_000] * 200},
            rates={"requested_requests_per_s": rate, "requests_per_s": completed},
            audit={"out_of_ports": int(rate > self.generator)},
        )
        return report(found, interrupted=rate == self.interrupted_at)


def kept(found: Report) -> float | None:
    return found.rates.requested_requests_per_s


def test_the_rate_is_doubled_until_it_is_too_much_and_then_narrowed_down() -> None:
    endpoint = Endpoint(100)
    found = run_sweep(OPTIONS, first=10, run=endpoint)
    assert endpoint.rates == [10, 20, 40, 80, 160, 120, 100, 110]
    assert kept(found) == 100
    assert [step.rate for step in found.sweep if step.saturated] == [160, 120, 110]
    assert found.notes[-1] == "keeps 100 requests/s, and not 110"
    assert found.exit_code == 0


def test_a_rate_of_sessions_is_kept_by_sessions() -> None:
    def no_session_ends(options: BenchOptions, /, **_: Any) -> Report:
        assert isinstance(options.arrivals, Rate)
        rate = options.arrivals.rate
        rates = {"requests_per_s": rate, "requested_sessions_per_s": rate, "sessions_per_s": 0.0}
        return report(result({"e2e_ms": [10_000] * 200}, rates=rates))

    found = run_sweep(OPTIONS.but(sessions=Sessions()), first=10, run=no_session_ends)
    assert found.sweep[0].saturated == "completed 0.0 of 10.0 sessions/s"
    assert found.notes[-1] == "does not keep even 10 sessions/s"


def test_a_sweep_ends_at_its_last_rate() -> None:
    endpoint = Endpoint(1000)
    found = run_sweep(OPTIONS, first=10, most=50, run=endpoint)
    assert endpoint.rates == [10, 20, 40, 50]
    assert found.notes[-1] == "not saturated at 50 requests/s"


def test_an_endpoint_that_does_not_keep_the_first_rate_is_reported_with_it() -> None:
    endpoint = Endpoint(5)
    found = run_sweep(OPTIONS, first=10, run=endpoint)
    assert endpoint.rates == [10]
    assert kept(found) == 10
    assert found.sweep[0].saturated == "completed 5.0 of 10.0 requests/s"
    assert found.notes[-1] == "does not keep even 10 requests/s"


def test_a_generator_that_saturates_first_ends_the_sweep() -> None:
    endpoint = Endpoint(1000, generator=50)
    found = run_sweep(OPTIONS, first=10, run=endpoint)
    assert endpoint.rates == [10, 20, 40, 80]
    assert kept(found) == 40
    assert "not trustworthy" in (found.sweep[-1].saturated or "")


def test_an_interrupt_ends_the_sweep_with_what_was_found() -> None:
    endpoint = Endpoint(1000)
    endpoint.interrupted_at = 40
    found = run_sweep(OPTIONS, first=10, run=endpoint)
    assert endpoint.rates == [10, 20, 40]
    assert found.exit_code == 130


@pytest.mark.parametrize(("first", "most"), [(0, 10), (20, 10)])
def test_rates_without_sense_are_refused(first: float, most: float) -> None:
    with pytest.raises(OptionError, match="sweep"):
        run_sweep(OPTIONS, first=first, most=most, run=Endpoint(1))
