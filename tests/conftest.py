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


class BrokenRun:
    """Ends a run in several processes with exit code 2 where one crashed, or could not collect.

    pytest-xdist reports both as failed tests, which ``make test`` runs again. One process alone
    exits with another code by itself.
    """

    def __init__(self) -> None:
        self.broken = False

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that could not be collected."""
        self.broken |= report.failed

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self) -> None:
        """Note a process that crashed in a test."""
        self.broken = True

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Set the exit code."""
        if self.broken:
            session.exitstatus = pytest.ExitCode.INTERRUPTED


def pytest_configure(config: pytest.Config) -> None:
    """Watch the processes of pytest-xdist from the one that started them."""
    if config.getoption("numprocesses", default=None) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(BrokenRun())


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option with which ``make test`` runs failed tests again."""
    parser.addoption(
        "--second-run",
        action="store_true",
        help="with --last-failed: print each test that passes now as FLAKY",
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move the tests that depend on real time to the end; the sort keeps all other order.

    Refuse ids with an address in them: pytest-xdist needs the same ids in all its processes.
    """
    for item in items:
        if " at 0x" in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid}: differs in each process; state ids=")
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
