"""What every test may rely on, and the closing count of what was skipped and why."""

import os
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from endpoint_kit import Endpoint

FORBID = os.environ.get("STILLHUNT_FORBID_SKIPS", "")
"""Marker whose skipped tests fail the run: CI forbids skipped integration tests."""


@pytest.fixture(autouse=True)
def _quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own settings out of the tests."""
    for name in list(os.environ):
        if name.startswith("STILLHUNT_") and "__" in name:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of public data, or skip."""
    folder = os.environ.get("STILLHUNT_DATA")
    if not folder:
        pytest.skip("STILLHUNT_DATA does not name the folder of public data")
    return Path(folder)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Return an HTTP end point on loopback that counts what it is sent."""
    made = Endpoint()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Count the skipped tests by reason, last thing before the closing line."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in skipped
        if isinstance(report.longrepr, tuple)
    )
    for reason, times in reasons.most_common():
        terminalreporter.write_line(f"skipped {times}: {reason}")
    forbidden = [r.nodeid for r in skipped if FORBID and FORBID in r.keywords]
    for nodeid in forbidden:
        terminalreporter.write_line(f"must not be skipped here: {nodeid}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail the run when a test was skipped that must not be."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not FORBID or exitstatus != 0:
        return
    if any(FORBID in report.keywords for report in reporter.stats.get("skipped", [])):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
