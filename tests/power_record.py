"""What one run does to its board's flash, and the state that a power cut at any operation leaves.

A run is recorded once. A cut is then played back: on the flash as it was at power-on come the
operations until the cut, and beside it lies what the server had saved by then.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from board_run import BoardRun, run_board

from keyfob_host.report.events import Report
from keyfob_sim import sim
from keyfob_sim.hardware.board import VirtualBoard
from keyfob_sim.hardware.flash import Flash
from keyfob_sim.hardware.power import How, PowerGate, PowerLost
from keyfob_sim.run.state_dir import State


@dataclass(frozen=True)
class Operation:
    """One operation, and how far the run had come: its events, its server and its times (s)."""

    method: Callable[..., None]  # of Flash
    arguments: tuple[Any, ...]
    events: frozenset[str]
    server: bytes
    t: float
    virtual_time: float

    @property
    def place(self) -> tuple[str, int, int]:
        """What it does, where, and to how many bytes."""
        return self.method.__name__, self.arguments[0], len(b"".join(self.arguments[1:]))


class Record:
    """The flash operations of one run, in order, from its first power-on on."""

    def __init__(self, state_dir: Path) -> None:
        self.operations: list[Operation] = []
        self.left = b""  # what was on the flash when the power went
        self._server = State(state_dir, "").server / "state.json"
        self._events: set[str] = set()
        self._board = ""
        self._image = b""  # what was on the flash at power-on

    @contextlib.contextmanager
    def recording(self):
        """Record what is run meanwhile, which is one board."""
        say = Report.say

        def hear(report: Report, event: str, members: dict[str, Any]) -> None:
            self._events.add(event)
            say(report, event, members)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Report, "say", hear)
            patch.setattr(sim, "VirtualBoard", self._make)
            yield

    def play(self, op: int, how: How, folder: Path) -> bytes:
        """Make `folder` what is left of the run if the power goes at operation `op`, from 1 on.

        Return what is on the flash.
        """
        last = self.operations[op - 1]
        state = State(folder, self._board)
        for each in (state.flash, state.server):
            each.mkdir(parents=True)
        state.save(last.t, last.virtual_time)
        (state.server / self._server.name).write_bytes(last.server)
        path = state.flash / "flash.img"
        path.write_bytes(self._image)
        gate = PowerGate()
        gate.start()
        gate.cut_at(op, how)
        flash = Flash(path, len(self._image), gate)
        with contextlib.closing(flash):
            for operation in self.operations[: op - 1]:
                operation.method(flash, *operation.arguments)
            with pytest.raises(PowerLost):
                last.method(flash, *last.arguments)
            return flash.read(0, flash.size)

    def _make(self, about, folder, clock) -> VirtualBoard:
        board = VirtualBoard(about, folder, clock)
        self._board = about.name
        start = board.power.start

        def power_on() -> None:
            self._image = self._image or board.flash.read(0, board.flash.size)
            start()

        board.power.start = power_on
        board.flash.program = self._noted(board, Flash.program)
        board.flash.erase = self._noted(board, Flash.erase)
        return board

    def _noted(self, board: VirtualBoard, method: Callable[..., None]) -> Callable[..., None]:
        def note(*arguments: Any) -> None:
            ops = board.power.ops
            try:
                method(board.flash, *arguments)
            except PowerLost:
                self.left = board.flash.read(0, board.flash.size)
                raise
            finally:
                if board.power.ops > ops:  # what the host writes is not counted
                    assert board.power.ops == len(self.operations) + 1  # none but of the flash
                    server = self._server.read_bytes()
                    times = board.clock.t(), board.clock.now()
                    events = frozenset(self._events)
                    self.operations.append(Operation(method, arguments, events, server, *times))

        return note


def record_run(
    capsys: pytest.CaptureFixture[str], state_dir: Path, *arguments: object
) -> tuple[BoardRun, Record]:
    """Run a board with its state in `state_dir`, and record what it does to its flash."""
    record = Record(state_dir)
    with record.recording():
        run = run_board(capsys, "--state-dir", state_dir, *arguments)
    return run, record
