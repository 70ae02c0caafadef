"""Settings that all tests share, the order in which they run, and the report of a second run."""

import pytest
from hypothesis import HealthCheck, settings

# Runs share two cores with others: a slow example says nothing about the code. The seed is the
# same in every run, so that a failure seen once is seen again.
settings.register_profile(
    "default",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=5000)
settings.load_profile("default")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option with which ``make test`` runs failed tests again."""
    parser.addoption(
        "--second-run",
        action="store_true",
        help="with --last-failed: print each test that passes now as FLAKY",
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move the tests that depend on real time to the end; the sort keeps all other order."""
    items.sort(key=lambda item: item.get_closest_marker("realtime") is not None)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the tests that failed in the first run and pass in the second."""
    if not config.getoption("second_run"):
        return
    stats = terminalreporter.stats
    # A test that passes and then fails in its teardown counts as failed.
    failed = {report.nodeid for kind in ("failed", "error") for report in stats.get(kind, [])}
    for report in stats.get("passed", []):
        if report.nodeid not in failed:
            terminalreporter.write_line(f"FLAKY: {report.nodeid}", yellow=True)
