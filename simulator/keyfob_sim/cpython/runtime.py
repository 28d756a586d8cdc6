"""Runs a virtual board's firmware in this process, for debuggers, coverage and any platform."""

import asyncio
import contextlib
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from keyfob_sim.cpython import shims
from keyfob_sim.cpython.machine import BoardReset, machine
from keyfob_sim.cpython.virtual_time import BoardLoop
from keyfob_sim.hardware.board import VirtualBoard
from keyfob_sim.hardware.filesystem import open_littlefs
from keyfob_sim.run.runtime_interface import Runtime, Watcher


class CPythonRuntime(Runtime):
    """Runs main.py of the board's flash on an event loop of its own, boot after boot."""

    def __init__(self, board: VirtualBoard, watcher: Watcher) -> None:
        self._board = board
        self._watcher = watcher
        self._loop = BoardLoop(board.clock, lambda: board.uplink.is_silent)
        self._main: asyncio.Task[Any] | None = None
        self._cause: str | None = "power_on"  # of the next boot, None while none is due
        self._loop.set_exception_handler(_report_exception)
        board.clock.fell_asleep = lambda: self.call_soon(lambda: None)  # ends a wait on sockets

    def run(self) -> None:
        """Power the board on and let it run until the watcher has seen enough."""
        try:
            while not self._watcher.ended:
                cause, self._cause = self._cause, None
                if cause is None:  # main.py is over: wait for a reset
                    with contextlib.suppress(asyncio.CancelledError):
                        self._run(asyncio.sleep(1))
                else:
                    self._boot(cause)
        finally:
            self._board.clock.fell_asleep = lambda: None
            self._cancel_all()
            self._loop.close()

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Have `callback` called in the thread that runs the board. Thread-safe."""

        def call() -> None:
            callback()
            self._stop_if_over()

        self._loop.call_soon_threadsafe(call)

    def reboot(self, cause: str) -> None:
        """Stop the firmware at its next wait, and boot it again."""
        self._cause = cause
        self._stop_if_over()

    def type(self, data: bytes) -> None:
        """Do nothing: this runtime has no serial port."""

    def _boot(self, cause: str) -> None:
        board = self._board
        if cause == "power_on":
            board.power_off()
        elif cause == "soft_reset":
            board.soft_reset()
        else:
            board.reset()
        board.boot()
        self._watcher.booted(cause)
        board.power.start()
        module = machine(board, cause, self._loop.call_soon)
        with (
            open_littlefs(board.flash) as fs,
            shims.firmware(board, fs, module, self._run, self._hear),
        ):
            with fs.open("/main.py", "r", encoding="utf-8") as file:
                program = compile(file.read(), "main.py", "exec")
            try:
                exec(program, {"__name__": "__main__"})  # noqa: S102 - our own main.py
                if self._cause is None:
                    self._watcher.stopped()
            except asyncio.CancelledError:
                pass  # by _stop_if_over: the run is over, or the board boots again
            except BoardReset as reset:
                self._reset(reset)
            except Exception as error:  # noqa: BLE001 - as a board prints it and goes on
                self._crashed(error)
            finally:
                self._cancel_all()

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """What the firmware gets as `asyncio.run`."""
        self._main = self._loop.create_task(coroutine)
        self._stop_if_over()
        try:
            return self._loop.run_until_complete(self._main)
        finally:
            self._main = None

    def _hear(self, line: str) -> None:
        if self._cause is None:  # else the board is off, and its firmware is being cancelled
            self._watcher.hear(line)
            self._board.clock.run_due()
        self._stop_if_over()

    def _stop_if_over(self) -> None:
        if self._main is not None and (self._watcher.ended or self._cause is not None):
            self._main.cancel()

    def _reset(self, reset: BoardReset) -> None:
        if reset.sleep_ms:
            self._board.reset()
            if reset.sleep_ms > 0:
                self._board.clock.after(reset.sleep_ms / 1000, lambda: self.reboot(reset.cause))
        else:
            self._cause = reset.cause

    def _crashed(self, error: Exception) -> None:
        last = traceback.extract_tb(error.__traceback__)[-1]
        kind = "memory" if isinstance(error, MemoryError) else "internal"
        self._watcher.fail(
            kind,
            f"{type(error).__name__} ended the firmware in {last.name}, "
            f"{last.filename.rpartition('firmware/')[2]}:{last.lineno}",
            "the same with a debugger: this runtime runs in CPython",
        )

    def _cancel_all(self) -> None:
        """Cancel every task of the board and wait for their cleanup."""
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


def _report_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report as asyncio does, apart from Ctrl-C and exit inside a task, which end the run."""
    if not isinstance(context.get("exception"), (KeyboardInterrupt, SystemExit)):
        loop.default_exception_handler(context)
