"""`keyfob monitor`: a board's serial console, with what it says made plain."""

from __future__ import annotations

import contextlib
import datetime
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

from keyfob_host.printable import one_line, say
from keyfob_host.verbs import options
from keyfob_host.verbs.dialogue import Dialogue

_BAUD = 115200
_LOOK = 0.1  # s between two looks at the keyboard
_WAIT = 0.2  # s between two tries to find a board again
_LEAVE = b"\x1d"  # Ctrl-]


def monitor(
    port: options.Port = None,
    board: Annotated[
        str | None, options.option("--board", "NAME", "For scripts: the port alone decides.")
    ] = None,
    timestamps: Annotated[
        bool, options.flag("--timestamps", "Begin each line with the time of day.")
    ] = False,
    log: Annotated[
        str | None, options.option("--log", "FILE", "Add all that is heard to this file, too.")
    ] = None,
    yes: options.Yes = False,
    json: Annotated[
        bool, options.flag("--json", "The board's events alone, one JSON object a line.")
    ] = False,
    timeout: Annotated[
        str | None, options.option("--timeout", "S", "Stop after this long.  [default: never]")
    ] = None,
) -> int:
    """Show what a board says until Ctrl-] or Ctrl-C; a board that is reset comes back by itself.

    Its machine lines become state, its code a QR, and tracebacks get their lines of source. What
    is typed goes to the board.

    \b
    Examples:
      keyfob monitor
      keyfob monitor --timestamps --log board.log
      keyfob monitor --json | jq .event
    """
    from keyfob_host.board.ports import choose
    from keyfob_host.board.serial_events import SerialEvents
    from keyfob_host.report.events import Report

    limit = options.seconds("--timeout", timeout, _TOO_LONG) if timeout else _TOO_LONG
    until = time.monotonic() + limit
    dialogue = Dialogue(as_json=json, yes=yes)
    chosen = choose(port, dialogue.choice)
    printer = _Printer(as_json=json, timestamps=timestamps)
    report = Report(as_json=json)
    if report.terminal is not None:
        report.terminal.stamp = printer.stamp
    events = SerialEvents(report, printer.line)
    events.notify = printer.seen
    with _log(log) as note, _keyboard() as typed:
        dialogue.say(f"{chosen.device}: Ctrl-] leaves")
        while time.monotonic() < until:
            with _opened(chosen, typed, until) as serial:
                if serial is None or _follow(serial, typed, _lines(events.feed, note), until):
                    break
                dialogue.say("the board has gone; waiting for it to come back")
            time.sleep(_WAIT)  # for a port that can be opened, and not read
    return 0


_TOO_LONG = 999_999.0  # s


class _Printer:
    """Prints text, and what of an event has no other words."""

    def __init__(self, *, as_json: bool, timestamps: bool) -> None:
        self._as_json = as_json
        self._timestamps = timestamps

    def line(self, text: str) -> None:
        from keyfob_host.firmware.traceback_source import source_of

        if self._as_json:
            return
        source = source_of(text)
        stamp = self.stamp()
        say(stamp + one_line(text))
        if source is not None:
            say(f"{stamp}    {source}")

    def stamp(self) -> str:
        """What each line begins with."""
        return _time() + " " if self._timestamps else ""

    def seen(self, event: str, members: dict[str, Any]) -> None:
        if event == "error" and members["fatal"]:
            self.line(f"· {members['message']}")
            if members["hint"]:
                self.line(f"  try: {members['hint']}")


def _follow(
    serial: Any, typed: Callable[[], bytes], feed: Callable[[bytes], object], until: float
) -> bool:
    """Pass on what comes until the person or the time ends it; False once the board has gone."""
    while time.monotonic() < until:
        keys = typed()
        if _LEAVE in keys:
            return True
        try:
            if keys:
                serial.write(keys)
            data = serial.read(serial.in_waiting or 1)
        except OSError:
            return False
        if data:
            feed(data)
    return True


@contextlib.contextmanager
def _opened(port: Any, typed: Callable[[], bytes], until: float) -> Iterator[Any]:
    """The open port of the same board, as soon as it is there; None where the person leaves."""
    from serial import serial_for_url

    from keyfob_host.board import access as port_access

    begun = time.monotonic()
    serial = None
    while serial is None and _LEAVE not in typed():
        try:
            serial = serial_for_url(_device(port), _BAUD, timeout=_LOOK, exclusive=True)
        except (OSError, ValueError):
            trouble = port_access.trouble(port)
            if trouble.kind != "port" and time.monotonic() - begun > 2 * _WAIT:
                raise trouble from None
            if time.monotonic() >= until:
                raise trouble from None
            time.sleep(_WAIT)
    try:
        yield serial
    finally:
        if serial is not None:
            with contextlib.suppress(OSError):
                serial.close()


def _device(port: Any) -> str:
    """Where that board is now: USB may have given it another name."""
    from keyfob_host.board.ports import candidates

    if port.serial_number is not None:
        for found in candidates():
            if found.serial_number == port.serial_number:
                return found.device
    return str(port.device)


def _lines(*receivers: Callable[[str], object]) -> Callable[[bytes], object]:
    """A function that cuts what it is fed into lines."""
    from keyfob_host.board.repl import Lines

    def each(line: str) -> None:
        for receive in receivers:
            receive(line)

    return Lines(each).feed


@contextlib.contextmanager
def _log(path: str | None) -> Iterator[Callable[[str], object]]:
    """A function that adds a line to the log."""
    if path is None:
        yield lambda line: None
        return
    with _log_errors(path):
        file = Path(path).open("ab", buffering=0)  # noqa: SIM115 - closed below

    def add(line: str) -> None:
        with _log_errors(path):
            file.write(f"{_time()} {line}\n".encode())

    with file:
        yield add


@contextlib.contextmanager
def _log_errors(path: str) -> Iterator[None]:
    """What keeps a file from being written, as a CliError."""
    from keyfob_host.errors import CliError

    try:
        yield
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}", "--log FILE") from None


@contextlib.contextmanager
def _keyboard() -> Iterator[Callable[[], bytes]]:
    """A function that returns the keys pressed meanwhile; none where this is no terminal."""
    if os.name == "nt" or not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield lambda: b""
        return
    import select
    import termios
    import tty

    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)
    try:
        yield lambda: os.read(fd, 256) if select.select([fd], [], [], 0)[0] else b""
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _time() -> str:
    return datetime.datetime.now().astimezone().strftime("%H:%M:%S.%f")[:-3]
