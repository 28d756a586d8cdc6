"""The ladder into the raw REPL on boards that start slowly, in the time of a scripted board."""

import contextlib
import io
from collections.abc import Iterator
from itertools import pairwise

import pytest
import serial
from mpremote import transport_serial

from keyfob_host.board import repl
from keyfob_host.board.ports import Port
from keyfob_host.board.repl import Board
from keyfob_host.errors import CliError

PORT = Port("scripted://", "scripted", 2)
RAW = b"raw REPL; CTRL-B to exit\r\n>"
PROMPT = b"\r\nMicroPython v1.24.0; a scripted board\r\n>>> "
INTERRUPTED = (
    b'Traceback (most recent call last):\r\n  File "%s", line 1\r\nKeyboardInterrupt: \r\n'
)


class ScriptedBoard:
    """MicroPython's two REPLs behind a serial port of pyserial, and the clock of all of it.

    What it is sent while it is deaf it does afterwards, in order, unless it `forgets`. Time passes
    where somebody looks at the clock, sleeps or waits for a byte; nothing runs beside that.
    """

    def __init__(self, deaf: float = 0.0, lag: float = 0.0, *, forgets: bool = False) -> None:
        self.now = 0.0
        self.deaf_until = deaf
        self.forgets = forgets
        self.lag = lag  # s from what is done to its answer
        self.reboot_takes = 0.0  # s in which it is deaf
        self.resets_by_line = 0.0  # s for which the reset line makes it deaf; 0: it has none
        self.boot_blocks = self.main_blocks = self.is_dead = False
        self.in_boot = False  # in a boot.py that does not end
        self.is_raw = False
        self.in_main = True
        self.sent: list[tuple[float, bytes]] = []
        self.reboots = 0
        self._program = b""
        self._heard = b""
        self._answers: list[tuple[float, bytes]] = []
        self._arrived = b""
        self._rts = False
        self.dtr = True
        self.timeout: float = 0
        self.write_timeout: float = 0
        self.closed = 0

    # The clock

    def monotonic(self) -> float:
        self.sleep(1e-5)
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self._pass()

    # The port

    def isOpen(self) -> bool:  # noqa: N802 - pyserial's name
        return True

    def close(self) -> None:
        self.closed += 1

    @property
    def rts(self) -> bool:
        return self._rts

    @rts.setter
    def rts(self, level: bool) -> None:
        if self._rts and not level and self.resets_by_line:
            self._heard = b""
            self._boot(self.resets_by_line)
            self.is_raw = self.main_blocks = False  # Ctrl-C gets through at the start of main.py
            self.in_main = True
        self._rts = level

    @property
    def in_waiting(self) -> int:
        self._pass()
        return len(self._arrived)

    def write(self, data: bytes) -> int:
        self.sent.append((self.now, data))
        if self.now >= self.deaf_until or not self.forgets:
            self._heard += data
        self._pass()
        return len(data)

    def read(self, size: int) -> bytes:
        until = self.now + self.timeout
        while len(self._arrived) < size and self.now < until:
            self.sleep(0.001)
        data, self._arrived = self._arrived[:size], self._arrived[size:]
        return data

    # MicroPython

    def _pass(self) -> None:
        while self._heard and self.now >= self.deaf_until and not self.is_dead:
            octet, self._heard = self._heard[:1], self._heard[1:]
            self._take(octet)
        while self._answers and self._answers[0][0] <= self.now:
            self._arrived += self._answers.pop(0)[1]

    def _say(self, data: bytes) -> None:
        self._answers.append((self.now + self.lag, data))

    def _take(self, octet: bytes) -> None:
        if self.in_boot or self.in_main:
            if octet == b"\x03" and not (self.in_main and self.main_blocks):
                self._say(INTERRUPTED % (b"boot.py" if self.in_boot else b"main.py"))
                self.in_boot = self.in_main = False
                self._say(RAW if self.is_raw else PROMPT)
        elif octet == b"\x01":
            is_paste = self._program == b"\x05A"
            self._program = b""
            self.is_raw = True
            self._say(b"R\x00" if is_paste else RAW)
        elif octet == b"\x02":
            self.is_raw = False
            self._say(PROMPT)
        elif octet == b"\x03":
            self._program = b""
            self._say(b"" if self.is_raw else b"\r\n>>> ")
        elif octet == b"\x04":
            self._end_of_program()
        elif self.is_raw:
            self._program += octet
        else:
            self._say(b"\r\n>>> " if octet == b"\r" else octet)

    def _end_of_program(self) -> None:
        program, self._program = self._program.strip(b"\r"), b""
        if self.is_raw and program:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(program)
            self._say(b"OK" + printed.getvalue().replace("\n", "\r\n").encode() + b"\x04\x04>")
            return
        self._say(b"OK\r\n" if self.is_raw else b"")
        self._say(b"MPY: soft reboot\r\n")
        self.reboots += 1
        self._boot(self.reboot_takes)
        self.in_main = not self.is_raw

    def _boot(self, takes: float) -> None:
        self.deaf_until = self.now + takes
        self.in_boot = self.boot_blocks
        if not self.in_boot and self.is_raw:
            self._answers.append((self.deaf_until + self.lag, RAW))


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch):
    """Connect to a scripted board, in its time."""

    @contextlib.contextmanager
    def connected(scripted: ScriptedBoard, timeout: float | None = 60.0) -> Iterator[Board]:
        def opened(device: str, timeout: float, **_: object) -> ScriptedBoard:
            scripted.timeout = timeout
            return scripted

        monkeypatch.setattr(serial, "serial_for_url", opened)
        monkeypatch.setattr(repl, "time", scripted)
        monkeypatch.setattr(transport_serial, "time", scripted)
        monkeypatch.setattr(repl, "remember", lambda port: None)
        with Board.connected(PORT, timeout) as board:
            yield board

    return connected


def is_in_step(board: Board) -> bool:
    """Whether each program's answer is its own."""
    return all(board.run(f"print({number})") == f"{number}\r\n" for number in range(3))


@pytest.mark.parametrize(
    ("deaf", "step"), [(0.0, "Ctrl-C"), (2.5, "Ctrl-C"), (11.0, "waiting for the prompt")]
)
def test_a_board_that_imports_is_called_until_it_hears(connect, deaf: float, step: str) -> None:
    scripted = ScriptedBoard(deaf)
    with connect(scripted) as board:
        assert (board.step, board.boot_blocks) == (step, False)
        assert is_in_step(board)
        assert scripted.reboots == 1
    assert scripted.closed


def test_ctrl_c_is_sent_from_the_beginning_and_every_fifth_of_a_second(connect) -> None:
    scripted = ScriptedBoard(deaf=2.8)
    with connect(scripted):
        pass
    calls = [when for when, data in scripted.sent if b"\x03" in data and when < 2.8]
    assert calls[0] < 0.05
    assert all(0.19 < later - when < 0.25 for when, later in pairwise(calls))
    assert len(calls) > 10


@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize("lag", [0.0, 0.3])
@pytest.mark.parametrize("takes", [0.0, 4.5, 11.0, 14.0])
def test_no_board_is_out_of_step_however_long_it_is_deaf(
    connect, takes: float, lag: float, forgets: bool
) -> None:
    """Neither at its start nor after the soft reset that the ladder makes."""
    for half in range(48):
        scripted = ScriptedBoard(half / 2, lag, forgets=forgets)
        scripted.reboot_takes = takes
        with connect(scripted) as board:
            assert is_in_step(board), half
            assert not board.boot_blocks
            assert scripted.reboots <= 1
            board.soft_reset()
            assert is_in_step(board), half


def test_a_soft_reset_that_takes_its_time_is_no_boot_py_that_blocks(connect) -> None:
    for takes in (6.0, 12.0):
        scripted = ScriptedBoard()
        scripted.reboot_takes = takes
        with connect(scripted) as board:
            assert not board.boot_blocks
            assert is_in_step(board)


def test_a_boot_py_that_ctrl_c_had_to_end_blocks(connect) -> None:
    scripted = ScriptedBoard(deaf=1.0)
    scripted.boot_blocks = True
    with connect(scripted) as board:
        assert (board.step, board.boot_blocks) == ("leaving the soft reset out", True)
        assert is_in_step(board)


def test_a_program_that_keeps_ctrl_c_gives_way_to_the_reset_line(connect) -> None:
    scripted = ScriptedBoard()
    scripted.main_blocks = True
    scripted.resets_by_line = 2.0
    with connect(scripted) as board:
        assert (board.step, board.boot_blocks) == ("a hard reset", False)
        assert is_in_step(board)


def test_a_board_that_never_hears_has_no_prompt_within_half_a_minute(connect) -> None:
    scripted = ScriptedBoard()
    scripted.is_dead = True
    with (
        pytest.raises(CliError, match="does not come to its MicroPython prompt"),
        connect(scripted, None),
    ):
        pass
    assert scripted.now < 30


def test_the_board_s_time_can_begin_anew_once_a_person_has_typed(connect) -> None:
    scripted = ScriptedBoard()
    with connect(scripted, 5.0) as board:
        scripted.sleep(600)
        board.renew(5.0)
        assert is_in_step(board)
        scripted.sleep(6)
        with pytest.raises(repl._Late):
            board.run("print(1)")
