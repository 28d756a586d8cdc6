"""What every test shares: sweeps whole or by sample, and no skip where all is required."""

import gc
import os
import socket
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from keyfob_sim.server import MockServer

# Set where everything must be there (.ci/run): a skipped test is then a failed one.
REQUIRE_ALL = "KEYFOB_REQUIRE_ALL"

# The files that take longest, longest first (`make test PYTEST_ARGS=--durations=50`). They are
# begun first, so that no worker is alone with one at the end.
LONGEST = (
    "tests/simulator/test_fleet.py",
    "tests/host_tools/test_device_verbs.py",
    "tests/host_tools/test_doctor.py",
    "tests/simulator/test_sim_faults.py",
    "tests/host_tools/test_flash.py",
    "tests/host_tools/test_install_interrupted.py",
    "tests/simulator/test_chip_memory_in_vm.py",
    "tests/host_tools/test_board_memory.py",
    "tests/simulator/test_power_cuts.py",
    "tests/browser/test_dashboard.py",
    "tests/simulator/test_sim_boards.py",
    "tests/simulator/test_sim_events.py",
    "tests/test_micropython_leg.py",
    "tests/simulator/test_code_screens.py",
    "tests/simulator/test_firmware_examples.py",
    "tests/simulator/test_screen_pictures.py",
    "tests/interop/test_oidc_provider.py",
    "tests/simulator/test_serial_port.py",
    "tests/host_tools/test_monitor.py",
    "tests/simulator/test_sim_state.py",
    "tests/simulator/test_sim_foreign.py",
    "tests/host_tools/test_wheel.py",
    "tests/test_stubs.py",
    "tests/simulator/test_storage_faults.py",
    "tests/browser/test_verification_page.py",
    "tests/host_tools/test_devices.py",
    "tests/host_tools/test_slow_board.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--soak", action="store_true", help="run the sweeps whole, and the tests marked soak"
    )


def pytest_xdist_auto_num_workers() -> int:
    """Two workers a core: half of the time a test waits, for a board, a port or a clock."""
    return 2 * (os.cpu_count() or 1)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Look for no garbage meanwhile: next to all that is made stays, and it takes a quarter."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    places = {file: place for place, file in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(LONGEST)))
    if config.getoption("--soak"):
        return
    long = [item for item in items if item.get_closest_marker("soak")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture(scope="module", autouse=True)
def frozen_heap() -> None:
    """Keep all that is there by now out of the firmware's gc.collect(), which it calls often."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the figures that sweeps and soaks print, which pytest keeps to itself else."""
    if not terminalreporter.config.getoption("--soak"):
        return
    for outcome in ("passed", ""):  # what a test's capsys still held comes with its teardown
        for report in terminalreporter.stats.get(outcome, ()):
            if report.when != "setup" and report.capstdout:
                terminalreporter.write_line(f"{report.nodeid}")
                terminalreporter.write_line(report.capstdout.rstrip())


@pytest.fixture
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether a test marked `sweep` runs all of its cases (make soak) or its fixed sample."""
    return bool(request.config.getoption("--soak"))


@pytest.fixture
def unused_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def mock_server() -> "Iterator[MockServer]":
    """A mock authorization server of its own that approves by itself."""
    from keyfob_sim.server import MockServer, ServerOptions  # slow to import, and seldom needed

    with MockServer(ServerOptions(approve="auto")) as server:
        yield server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    return _required((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    return _required((yield))


def _required(report: Any) -> Any:
    if report.outcome == "skipped" and os.environ.get(REQUIRE_ALL):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{REQUIRE_ALL} is set and this was not run: {reason}"
    return report
