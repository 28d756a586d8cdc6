"""`keyfob sim`: one virtual board, run until its goal is reached or ruled out."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from keyfob_host.errors import INTERRUPTED, CliError, UsageError
from keyfob_host.report.events import Report
from keyfob_sim.dashboard.window import Window
from keyfob_sim.hardware.board import VirtualBoard
from keyfob_sim.hardware.clock import SharedClock
from keyfob_sim.run import board_files, state
from keyfob_sim.run.options import SimOptions
from keyfob_sim.run.scenario import Faults, load_scenario
from keyfob_sim.run.simulation import Simulation, Told
from keyfob_sim.runtime import Runtime

# As providers that rotate do by default: whoever loses power while a reply is on its way must
# find the old refresh token good for a little longer.
ROTATION = "grace"


def run(options: SimOptions) -> int:
    """Run a board as `options` say; return the exit code.

    Raises CliError where the goal was not reached, after the `error` and `end` events.
    """
    report = Report(as_json=options.json)
    reached = False
    try:
        with _opened(options, report) as (simulation, runtime):
            with _wall_limit(options.timeout, lambda: runtime.call_soon(simulation.late)):
                runtime.run()
            reached = simulation.progress.reached
            if not reached:
                raise simulation.failure
    except KeyboardInterrupt:
        return INTERRUPTED
    except CliError as error:
        if not isinstance(error, Told):
            kind = getattr(error, "kind", "usage" if isinstance(error, UsageError) else "config")
            report.error(kind, error.message, error.hint)
        raise
    finally:
        report.end(reached=reached)
    return 0


@contextlib.contextmanager
def _opened(options: SimOptions, report: Report) -> Iterator[tuple[Simulation, Runtime]]:
    """Everything a run needs, taken down again whatever happens."""
    scenario = load_scenario(options)
    if options.screens is not None:
        _make_folder(options.screens)
    with contextlib.ExitStack() as stack:
        found = stack.enter_context(state.opened(options.state_dir, options.board.name))
        clock = SharedClock(
            virtual=options.clock == "virtual", t=found.t, virtual_time=found.virtual_time
        )
        report.t = clock.t
        board = VirtualBoard(options.board, found.flash, clock)
        stack.callback(board.close)
        report.flash_ops = lambda: board.power.ops
        if options.power_cut is not None:
            board.power.cut_at(*options.power_cut)
        simulation = Simulation(options, report, found, board)
        stack.callback(simulation.save)
        server = stack.enter_context(_server(options, found, clock))
        if server is not None:
            report.say("server", server.description)
        board_files.install(board.flash, options, server and server.description)
        runtime = stack.enter_context(_runtime(options, board, simulation))
        queue = None if server is None else server.realm.faults
        faults = Faults(scenario, board, runtime, simulation, queue)
        simulation.occurred = faults.see
        window = Window(options, board, runtime, faults, simulation, report, server)
        stack.enter_context(window)
        yield simulation, runtime


@contextlib.contextmanager
def _server(options: SimOptions, found: state.State, clock: SharedClock) -> Iterator[Any]:
    """Yield the embedded server, or None where there is none."""
    if not options.embedded:
        yield None
        return
    from keyfob_sim.server import MockServer, ServerOptions

    server = MockServer(
        ServerOptions(
            host=options.host,
            port=options.port,
            https=options.https,
            rotation=ROTATION,
            state=found.server / "state.json",
            approve=options.approve if options.approve in ("auto", "deny") else None,
            ca_dir=found.server / "ca",
        ),
        now=clock.now,
        sleep=clock.sleep,
    )
    with server:
        yield server


@contextlib.contextmanager
def _runtime(
    options: SimOptions, board: VirtualBoard, simulation: Simulation
) -> Iterator[Runtime]:
    """Yield what runs the firmware."""
    if options.heap is None:
        from keyfob_sim.cpython.runtime import CPythonRuntime

        yield CPythonRuntime(board, simulation)
        return
    import tempfile

    from keyfob_sim.micropython.runtime import MicroPythonRuntime, compile_rom
    from keyfob_sim.micropython.serial_port import SerialPort

    with contextlib.ExitStack() as stack:
        rom = stack.enter_context(tempfile.TemporaryDirectory(prefix="keyfob-rom-"))
        port = None
        if options.serial is not None:
            port = SerialPort(options.serial)
            stack.callback(port.close)
        yield MicroPythonRuntime(board, simulation, options.heap, compile_rom(Path(rom)), port)


@contextlib.contextmanager
def _wall_limit(seconds: float | None, late: Callable[[], object]) -> Iterator[None]:
    """Call `late` after `seconds` of wall time, whatever the board's clock says."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, late)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be made: {error.strerror}", "another folder for --screens"
        ) from None
