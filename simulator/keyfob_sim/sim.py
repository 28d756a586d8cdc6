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
from keyfob_sim.run import board_files, state_dir
from keyfob_sim.run.board_faults import Faults, load_scenario
from keyfob_sim.run.events import AlreadyReported, RunEvents
from keyfob_sim.run.options import SimOptions
from keyfob_sim.run.runtime_interface import Runtime

# As most providers that rotate have it: a board that loses power before a reply arrives can
# still use the old refresh token for a while.
ROTATION = "grace"


def run(options: SimOptions) -> int:
    """Run a board as `options` say; return the exit code.

    Raises CliError where the goal was not reached, after the `error` and `end` events.
    """
    report = Report(as_json=options.json)
    reached = False
    try:
        with _opened(options, report) as (events, runtime):
            with _wall_limit(options.timeout, lambda: runtime.call_soon(events.late)):
                runtime.run()
            reached = events.progress.reached
            if not reached:
                raise events.failure
    except KeyboardInterrupt:
        return INTERRUPTED
    except CliError as error:
        if not isinstance(error, AlreadyReported):
            kind = getattr(error, "kind", "usage" if isinstance(error, UsageError) else "config")
            report.error(kind, error.message, error.hint)
        raise
    finally:
        report.end(reached=reached)
    return 0


@contextlib.contextmanager
def _opened(options: SimOptions, report: Report) -> Iterator[tuple[RunEvents, Runtime]]:
    """Yield the parts of a run, connected with each other; release them at the end."""
    scenario = load_scenario(options)
    if options.screens is not None:
        _make_folder(options.screens)
    with contextlib.ExitStack() as stack:
        found = stack.enter_context(state_dir.opened(options.state_dir, options.board.name))
        clock = SharedClock(
            virtual=options.clock == "virtual", t=found.t, virtual_time=found.virtual_time
        )
        report.t = clock.t
        board = VirtualBoard(options.board, found.flash, clock)
        stack.callback(board.close)
        if options.is_limited:
            board.limit_memory()
        report.flash_ops = lambda: board.power.ops
        if options.power_cut is not None:
            board.power.cut_at(*options.power_cut)
        events = RunEvents(options, report, found, board)
        stack.callback(events.save)
        server = stack.enter_context(_server(options, found, clock))
        if server is not None:
            report.say("server", server.description)
        board_files.install(board.flash, options, server and server.description)
        runtime = stack.enter_context(_runtime(options, board, events))
        queue = None if server is None else server.realm.faults
        faults = Faults(scenario, board, runtime, events, queue)
        events.on_event = faults.see
        window = Window(options, board, runtime, faults, events, report, server)
        stack.enter_context(window)
        yield events, runtime


@contextlib.contextmanager
def _server(options: SimOptions, found: state_dir.State, clock: SharedClock) -> Iterator[Any]:
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
            chain=options.chain,
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
def _runtime(options: SimOptions, board: VirtualBoard, events: RunEvents) -> Iterator[Runtime]:
    """Yield what runs the firmware."""
    if options.heap is None:
        from keyfob_sim.cpython.runtime import CPythonRuntime

        yield CPythonRuntime(board, events)
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
        yield MicroPythonRuntime(board, events, options.heap, compile_rom(Path(rom)), port)


@contextlib.contextmanager
def _wall_limit(seconds: float | None, late: Callable[[], object]) -> Iterator[None]:
    """Call `late` after `seconds` of real time, whatever clock the board has."""
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
