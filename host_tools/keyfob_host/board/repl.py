"""Talking to a MicroPython board at its raw REPL, over mpremote.

    with Board.connected(port, timeout=30) as board:
        board.run("print(1 + 1)")           # "2\r\n"
        board.put("/keyfob.json", content)

Whatever happens the port is free again afterwards and the board runs its main.py.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import struct
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from keyfob_host.board import access as port_access
from keyfob_host.board.answers import ANSWERS
from keyfob_host.board.ports import Port, remember
from keyfob_host.errors import CliError

ON_BOARD = Path(__file__).parents[1] / "on_board"

_PIECE = 1536  # bytes of a file that are sent at once: a multiple of 3, for base64
_ENTER = 4.0  # s for each answer on the way into the raw REPL
_PROMPT = 3.0  # s to call for a prompt
_SLOW = 3  # times as long for a board that starts: it hears nothing while it imports modules
_BOOT = 10.0  # s for boot.py, which may join a network
_CTRL_C_GAP = 0.2  # s between two Ctrl-C
_READ = 3.0  # s for a byte that must come
_WRITE = 2.0  # s for the board to take what is sent
_PULSE = 0.1  # s that the reset line is held
_KEPT = 8192  # bytes kept of what the board said
_MOST = 1 << 20  # bytes that a program may print
_LONGEST_LINE = 16384  # bytes: what is longer is several lines
_PROMPT_TEXT = b">>> "
_RAW_TEXT = b"raw REPL; CTRL-B to exit\r\n"
_IN_BOOT = re.compile(rb'File "/?boot\.py"')


class NoRepl(CliError):
    """The board did not come to its prompt; `output` is what it printed instead."""

    def __init__(self, port: Port, output: bytes) -> None:
        super().__init__(
            f"the board on {port.device} does not come to its MicroPython prompt",
            "keyfob doctor, which finds out why",
        )
        self.output = output


class Lost(CliError):
    """The board has gone, or what it says no longer follows the protocol."""

    def __init__(self, port: Port) -> None:
        super().__init__(
            f"the board on {port.device} went away in the middle",
            "plug it in again, then the same command: what was on it still runs",
        )


class TookTooLong(CliError):
    """The board was not done in time."""

    def __init__(self, port: Port, timeout: float | None) -> None:
        limit = "in time" if timeout is None else f"within {timeout:g} s"
        super().__init__(
            f"the board on {port.device} was not done {limit}",
            "a longer --timeout, or keyfob doctor",
        )


class Garbled(CliError):
    """What a program on the board printed is not what it prints."""

    def __init__(self, port: Port) -> None:
        super().__init__(
            f"what the board on {port.device} answers is garbled",
            "the same again; if it stays so, remove a boot.py that goes on printing",
        )


class Raised(CliError):
    """A program on the board ended with an exception, whose last line this tells."""

    def __init__(self, text: str) -> None:
        lines = [line for line in text.splitlines() if line.strip()] or ["an exception"]
        super().__init__(f"the board says: {lines[-1]}", "keyfob doctor, which finds out why")
        self.text = text

    @property
    def error(self) -> str:
        """The exception without what it says."""
        return self.message.removeprefix("the board says: ").partition(":")[0]


class _Late(Exception):
    """The deadline is over."""


class _TooMuchError(TransportError):  # type: ignore[misc]  # mpremote has no types
    """What should come to an end is longer than any answer."""


class _Transport(SerialTransport):  # type: ignore[misc]  # mpremote has no types
    """mpremote's transport with one deadline over everything, even where a board never pauses."""

    def __init__(self, device: str) -> None:
        self.deadline: float | None = None
        self.cancelled = threading.Event()  # set where the answer is no longer wanted
        self.output = b""
        self.is_rebooting = False  # a soft reset has begun and not come to its end
        self.boot_blocks = False  # Ctrl-C was what ended boot.py after that
        self.numbers = itertools.count(1)
        super().__init__(device, timeout=_READ)
        self.serial.write_timeout = _WRITE
        self.serial.inWaiting = self._waiting  # which mpremote asks until it is 0
        self._read = self.serial.read
        self.serial.read = self._read_in_time

    def _waiting(self) -> int:
        self.check_deadline()
        return int(self.serial.in_waiting)

    def _read_in_time(self, size: int = 1) -> bytes:
        """What pyserial reads; a window of raw paste can be 0 bytes for ever."""
        self.check_deadline()
        return bytes(self._read(size))

    def check_deadline(self) -> None:
        """Raise _Late where the time is over or the answer is no longer wanted."""
        is_over = self.deadline is not None and time.monotonic() >= self.deadline
        if is_over or self.cancelled.is_set():
            raise _Late

    def drain(self) -> None:
        """Take what has come so far: it is no answer to what is sent from now on."""
        self.output = (self.output + self.serial.read(self.serial.in_waiting))[-_KEPT:]

    def read_until(
        self,
        min_num_bytes: int,
        ending: bytes,
        timeout: float | None = 10,
        data_consumer: Callable[[bytes], object] | None = None,
        timeout_overall: float | None = None,
    ) -> bytes:
        """Return what came up to `ending`, or until one of the times (s) is over."""
        data = bytearray()
        begun = last = time.monotonic()
        while not data.endswith(ending):
            self.check_deadline()
            now = time.monotonic()
            if timeout_overall is not None and now >= begun + timeout_overall:
                break
            if self.serial.in_waiting:
                byte = self.serial.read(1)
            else:
                byte = b""
                if timeout is not None and now >= last + timeout:
                    break
                time.sleep(0.005)
            if byte:
                last = now
                self.output = (self.output + byte)[-_KEPT:]
                if data_consumer is not None:
                    data_consumer(byte)
                    data = bytearray(byte)
                else:
                    data += byte
                    if len(data) > _MOST:
                        raise _TooMuchError("it goes on and on")
        if ending in _RAW_TEXT + b">" and len(ending) > 1 and not data.endswith(ending):
            raise TransportError("no answer")  # before mpremote prints what came instead
        return bytes(data)


# The ladder into the raw REPL: what is tried in turn, from the gentlest on.
#
# A board that starts is deaf, and what it was sent meanwhile it answers later, in that order. So
# no rung takes an answer for its own that an earlier one may have caused: there is one soft reset
# on the whole ladder, and a rung without it has a program answer.


def _interrupt(transport: _Transport) -> None:
    """Ctrl-C again and again until there is a prompt."""
    _call_for_prompt(transport, _PROMPT)
    _enter_by_soft_reset(transport)


def _wait_for_prompt(transport: _Transport) -> None:
    """The same for longer: the board may be starting. Some have no such prompt, and a raw REPL."""
    if transport.is_rebooting:
        raise TransportError("a soft reset has begun")
    with contextlib.suppress(TransportError):
        _call_for_prompt(transport, _PROMPT * _SLOW)
    _enter_by_soft_reset(transport)


def _without_soft_reset(transport: _Transport) -> None:
    """A boot.py that never ends keeps a soft reset from ending, too."""
    if not transport.is_rebooting:
        raise TransportError("no soft reset has begun")
    said = _call_for_prompt(transport, _PROMPT)
    _enter_by_program(transport)
    transport.boot_blocks = _IN_BOOT.search(said) is not None


def _hard_reset(transport: _Transport) -> None:
    """Pull the reset line, as the board's reset button does; a pseudo-terminal has none."""
    transport.serial.dtr = False
    transport.serial.rts = True
    time.sleep(_PULSE)
    transport.serial.rts = False
    _call_for_prompt(transport, _PROMPT * _SLOW)
    _enter_by_program(transport)


LADDER: tuple[tuple[str, Callable[[_Transport], None]], ...] = (
    ("Ctrl-C", _interrupt),
    ("waiting for the prompt", _wait_for_prompt),
    ("leaving the soft reset out", _without_soft_reset),
    ("a hard reset", _hard_reset),
)


def _call_for_prompt(transport: _Transport, seconds: float) -> bytes:
    """Send Ctrl-C every 0.2 s until there is a prompt; return what the board said up to it."""
    said = b""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        transport.serial.write(b"\r\x03\x02")  # Ctrl-B leaves a raw REPL, which has no such prompt
        said += transport.read_until(1, _PROMPT_TEXT, timeout_overall=_CTRL_C_GAP)
        if said.endswith(_PROMPT_TEXT):
            return said
    raise TransportError("no prompt")


def _enter_by_soft_reset(transport: _Transport) -> None:
    """Into the raw REPL and through a soft reset, after which there is a raw REPL again."""
    transport.serial.write(b"\r\x01")
    _expect(transport, _RAW_TEXT + b">", _ENTER)
    transport.is_rebooting = True
    transport.serial.write(b"\x04")
    _expect(transport, b"soft reboot\r\n", _ENTER)
    _expect(transport, _RAW_TEXT, _BOOT)
    transport.is_rebooting = False


def _enter_by_program(transport: _Transport) -> None:
    """Into the raw REPL, where a program proves that all that was sent before is over."""
    number = next(transport.numbers)
    transport.serial.write(b"\r\x01")
    _expect(transport, _RAW_TEXT + b">", _ENTER)
    transport.serial.write(b"print('keyfob', %d)\x04" % number)
    _expect(transport, b"OKkeyfob %d\r\n\x04\x04" % number, _ENTER)


def _expect(transport: _Transport, ending: bytes, seconds: float) -> None:
    said = transport.read_until(1, ending, timeout_overall=seconds)
    if not said.endswith(ending):
        raise TransportError("no answer")


class Board:
    """A board at its raw REPL. `step` is the rung of LADDER that led there."""

    def __init__(self, port: Port, transport: _Transport, step: str) -> None:
        self.port = port
        self.step = step
        self._transport = transport

    @property
    def boot_blocks(self) -> bool:
        """Whether boot.py went on until Ctrl-C ended it."""
        return self._transport.boot_blocks

    @property
    def output(self) -> bytes:
        """The last that came from the board, its start included."""
        return bytes(self._transport.output)

    @classmethod
    @contextlib.contextmanager
    def connected(
        cls, port: Port, timeout: float | None, cancelled: threading.Event | None = None
    ) -> Iterator[Board]:
        """Open `port`, break into whatever runs, and yield the board.

        It is noted as the one that answered last, unless it is one of several that are asked at
        once; `cancelled` is then what ends the wait for all of them.

        Everything together may take `timeout` seconds, None for no limit. Afterwards the board
        starts anew. Raises PortError, NoRepl, Lost, Raised, and CliError where the time is over.
        """
        try:
            transport = _Transport(port.device)
        except (TransportError, OSError, ValueError):
            raise port_access.trouble(port) from None
        transport.deadline = None if timeout is None else time.monotonic() + timeout
        if cancelled is not None:
            transport.cancelled = cancelled
        try:
            with translated(port, timeout):
                board = cls(port, transport, _enter(port, transport))
                if cancelled is None:
                    remember(port)
                yield board
        finally:
            _release(transport)

    def run(self, program: str, on_line: Callable[[str], object] | None = None) -> str:
        """Run `program` on the board to its end; return what it printed.

        `on_line` gets each line at once instead. Raises Raised.
        """
        lines = Lines(on_line)
        consumer = None if on_line is None else lines.feed
        out, error = self._transport.exec_raw(program, timeout=None, data_consumer=consumer)
        if error:
            raise Raised(error.decode("utf-8", "replace"))
        return "" if on_line is not None else str(out.decode("utf-8", "replace"))

    def renew(self, timeout: float | None) -> None:
        """What is asked of the board from now on may take `timeout` seconds, None for no limit."""
        self._transport.deadline = None if timeout is None else time.monotonic() + timeout

    def soft_reset(self) -> None:
        """Reset softly, without main.py: the next program has all of the RAM."""
        self.step = _enter(self.port, self._transport)

    def run_file(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        on_line: Callable[[str], object] | None = None,
        then: str = "",
    ) -> str:
        """Run on_board/NAME.py with global names as `arguments` sets them, then `then`.

        See `run`.
        """
        settings = "".join(f"{key} = {value!r}\n" for key, value in (arguments or {}).items())
        text = (ON_BOARD / f"{name}.py").read_text(encoding="utf-8")
        return self.run(settings + text + then, on_line)

    def ask(self, name: str, then: str = "") -> Any:
        """The JSON value that on_board/NAME.py, then `then`, prints last: see ANSWERS.

        Raises Garbled where it is another.
        """
        lines = self.run_file(name, then=then).splitlines()
        try:
            answer = json.loads(lines[-1])
        except (ValueError, IndexError, RecursionError):
            raise Garbled(self.port) from None
        if not ANSWERS[name](answer):
            raise Garbled(self.port)
        return answer

    def read(self, path: str) -> bytes | None:
        """The content of a file, None where there is none.

        Raises Raised where the board cannot read it, Garbled where it arrives damaged.
        """
        try:
            lines = self.run_file("read", {"PATH": path})
        except Raised as error:
            if "ENOENT" in error.text or "[Errno 2]" in error.text:
                return None
            raise
        try:
            return b"".join(b64decode(line, validate=True) for line in lines.split())
        except ValueError:
            raise Garbled(self.port) from None

    def put(self, path: str, content: bytes) -> None:
        """Let a file with `content` take the place of `path` at once (littlefs renames whole)."""
        self.write(path + ".new", content)
        self.run(f"import os\nos.rename({path + '.new'!r}, {path!r})")

    def write(self, path: str, content: bytes) -> None:
        """Write a file, in place; its folder must be there."""
        self.run(f"from binascii import a2b_base64 as _d\n_f = open({path!r}, 'wb')")
        for start in range(0, len(content), _PIECE):
            piece = b64encode(content[start : start + _PIECE]).decode()
            self.run(f"_f.write(_d('{piece}'))")
        self.run("_f.close()")


class Lines:
    """Cuts what comes byte by byte into lines."""

    def __init__(self, on_line: Callable[[str], object] | None) -> None:
        self._on_line = on_line or (lambda line: None)
        self._line = b""

    def feed(self, data: bytes) -> None:
        *lines, self._line = (self._line + data.replace(b"\x04", b"")).split(b"\n")
        if len(self._line) > _LONGEST_LINE:
            lines, self._line = [*lines, self._line], b""
        for line in lines:
            self._on_line(line.rstrip(b"\r").decode("utf-8", "replace"))


def _enter(port: Port, transport: _Transport) -> str:
    """Climb the ladder; return the name of the rung that led into the raw REPL."""
    transport.is_rebooting = transport.boot_blocks = False
    for name, climb in LADDER:
        with contextlib.suppress(TransportError, OSError):
            transport.drain()
            climb(transport)
            return name
        transport.check_deadline()
    raise Lost(port) if port_access.is_gone(port) else NoRepl(port, transport.output)


@contextlib.contextmanager
def translated(port: Port, timeout: float | None) -> Iterator[None]:
    """What goes wrong on the line, in our own words."""
    try:
        yield
    except _Late:
        raise TookTooLong(port, timeout) from None
    except _TooMuchError:
        raise Garbled(port) from None
    except (TransportError, OSError, struct.error) as error:
        if isinstance(error, OSError) and not _is_of_port(error):
            raise
        raise Lost(port) from None


def _is_of_port(error: OSError) -> bool:
    """Whether an OSError is about the port, not about a file or a pipe of this computer."""
    return error.filename is None and not isinstance(error, BrokenPipeError)


def _release(transport: _Transport) -> None:
    """End what runs, have the board start anew, free the port. None of it may fail."""
    with contextlib.suppress(OSError, TransportError):
        transport.serial.write(b"\r\x03\x02\x04")
        time.sleep(0.02)  # for a port that forgets what it has not sent when it is closed
    with contextlib.suppress(OSError, TransportError):
        transport.close()
    with contextlib.suppress(OSError):
        transport.serial.close()
