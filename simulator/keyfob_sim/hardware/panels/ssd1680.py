"""SSD1680: e-paper of 176 sources x 296 gates, with a memory for the picture and one for the last.

The glass keeps what it shows without power, and changes by a refresh alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

from PIL import Image

from keyfob_host.boards import Display
from keyfob_sim.hardware.panels.panel import SpiPanel, noise

_COLUMNS = 176
_ROWS = 296
_STRIDE = _COLUMNS // 8
_ANY = sys.maxsize

_NEW, _OLD = 0x24, 0x26

# 0x22: what an update does, in this order.
_CLOCK = 0x80
_ANALOG = 0x40
_WAVEFORM = 0x10
_SECOND_MODE = 0x08  # only what differs from the old picture moves
_DISPLAY = 0x04
_ANALOG_OFF = 0x02
_CLOCK_OFF = 0x01

# 0x21, second argument: sources from S8 on; memory begins there, too.
_SKIPS_EIGHT = 0x80

FULL_REFRESH = 3.5  # s
PARTIAL_REFRESH = 0.5

Act = Callable[["Ssd1680", bytes], None]


class Command(NamedTuple):
    """How many argument bytes a command takes, and what it does with them."""

    takes: int
    act: Act | None = None


def _set(name: str, limit: int = 256) -> Act:
    """Set a register to the arguments, the lower byte first."""

    def act(panel: Ssd1680, arguments: bytes) -> None:
        value = int.from_bytes(arguments, "little")
        if value >= limit:
            panel.fault(f"{name} {value}, below {limit}")
        panel.registers[name] = value

    return act


def _set_window(axis: str, limit: int) -> Act:
    def act(panel: Ssd1680, arguments: bytes) -> None:
        half = len(arguments) // 2
        ends = [int.from_bytes(part, "little") for part in (arguments[:half], arguments[half:])]
        if max(ends) >= limit:
            panel.fault(f"a window to {axis} {max(ends)} of {limit}")
            ends = [min(end, limit - 1) for end in ends]
        panel.registers.update({axis + "_start": ends[0], axis + "_end": ends[1]})

    return act


def _set_gates(panel: Ssd1680, arguments: bytes) -> None:
    _set("gates", _ROWS)(panel, arguments[:2])
    panel.registers["scan"] = arguments[2]


def _set_control(panel: Ssd1680, arguments: bytes) -> None:
    panel.registers["skips"] = arguments[1] & _SKIPS_EIGHT
    if arguments[0]:
        panel.fault(f"command 0x21 with {arguments[0]:#04x}: no memory inverted or left out here")


def _sleep(panel: Ssd1680, arguments: bytes) -> None:
    panel.registers["asleep"] = arguments[0] & 3


_COMMANDS = {
    0x00: Command(0),
    0x01: Command(3, _set_gates),
    0x03: Command(1),  # gate voltage
    0x04: Command(3),  # source voltages
    0x08: Command(0),
    0x09: Command(4),
    0x0A: Command(0),
    0x0C: Command(4),  # booster
    0x10: Command(1, _sleep),
    0x11: Command(1, _set("entry", 8)),
    0x12: Command(0, lambda panel, _: panel.soft_reset()),
    0x14: Command(1),
    0x18: Command(1, _set("sensor")),
    0x1A: Command(2),
    0x20: Command(0, lambda panel, _: panel.update()),
    0x21: Command(2, _set_control),
    0x22: Command(1, _set("sequence")),
    _NEW: Command(_ANY, lambda panel, data: panel.store(_NEW, data)),
    _OLD: Command(_ANY, lambda panel, data: panel.store(_OLD, data)),
    0x2C: Command(1),  # VCOM
    0x32: Command(153),  # waveform of one's own
    0x37: Command(10),
    0x38: Command(10),
    0x3C: Command(1),  # border
    0x3F: Command(1),
    0x44: Command(2, _set_window("column", _STRIDE)),
    0x45: Command(4, _set_window("row", _ROWS)),
    0x4E: Command(1, _set("column", _STRIDE)),
    0x4F: Command(2, _set("row", _ROWS)),
    0x7F: Command(0),
}


class Ssd1680(SpiPanel):
    """Black is 0 in its memory. It takes nothing while it refreshes, or once it sleeps."""

    columns = _COLUMNS
    rows = _ROWS
    _code: int | None
    _arguments: bytes

    def __init__(self, display: Display) -> None:
        self.updates: list[str] = []  # each refresh: full or partial
        self._shown = bytearray(b"\xff" * (_STRIDE * _ROWS))  # in the order of sources and gates
        super().__init__(display)

    def transfer(self, data: bytes, is_data: bool) -> None:
        """Take commands with D/C low, and with D/C high their arguments."""
        if self.refreshing:
            self.fault("something sent while it is busy")
            return
        if self.registers["asleep"]:
            self.fault("something sent while it sleeps")
            return
        for code in () if is_data else data:
            self._begin(code)
        if is_data:
            self._take(data)

    def soft_reset(self) -> None:
        """Do what SWRESET does: memory stays."""
        self._reset_registers()

    def store(self, memory: int, data: bytes) -> None:
        """Write bytes of eight columns where the counters are, and move these on."""
        registers = self.registers
        kept = self._memory[memory]
        entry = registers["entry"]
        first, second = ("row", "column") if entry & 4 else ("column", "row")
        for byte in data:
            kept[registers["row"] * _STRIDE + registers["column"]] = byte
            if self._advance(first):
                self._advance(second)

    def update(self) -> None:
        """Begin what 0x22 asked for; `finish` shows it."""
        wanted = self.registers["sequence"]
        if not wanted & _DISPLAY:
            self._power(wanted)
            return
        self._power(wanted & (_CLOCK | _ANALOG))
        if not self._has_power:
            self.fault("a refresh without clock and voltages")
            return
        if not wanted & _WAVEFORM:
            self.fault("a refresh without a waveform")
        is_partial = bool(wanted & _SECOND_MODE)
        self.updates.append("partial" if is_partial else "full")
        self.refreshing = PARTIAL_REFRESH if is_partial else FULL_REFRESH

    def finish(self) -> None:
        """End a refresh, unless a reset did: the glass shows what it was to show."""
        if not self.refreshing:
            return
        self._shown = self._refreshed()
        super().finish()
        self._power(self.registers["sequence"] & (_ANALOG_OFF | _CLOCK_OFF))
        self.changes += 1

    def settled(self) -> Image.Image:
        """Return the picture as it is once the refresh is over."""
        before = self._shown
        if self.refreshing:
            self._shown = self._refreshed()
        try:
            return self.image()
        finally:
            self._shown = before

    def _refreshed(self) -> bytearray:
        """What the glass shows after the refresh that has begun."""
        shown = self._shown[:]
        new, old = self._memory[_NEW], self._memory[_OLD]
        is_partial = self.updates[-1] == "partial"
        skipped = bool(self.registers["skips"])
        for row in range(self.registers["gates"] + 1):
            for byte in range(_STRIDE - skipped):
                at = row * _STRIDE + byte
                moved = new[at] ^ old[at] if is_partial else 0xFF
                place = at + skipped
                shown[place] = shown[place] & ~moved | new[at] & moved
        return shown

    def _power(self, wanted: int) -> None:
        if wanted & (_CLOCK | _ANALOG) == _CLOCK | _ANALOG:
            self._has_power = True
        if wanted & (_ANALOG_OFF | _CLOCK_OFF):
            self._has_power = False

    def _advance(self, axis: str) -> bool:
        """Move a counter on by one; True when it went back to its window's start."""
        registers = self.registers
        start, end = registers[axis + "_start"], registers[axis + "_end"]
        if registers[axis] == end:
            registers[axis] = start
            return True
        step = 1 if registers["entry"] & (1 if axis == "column" else 2) else -1
        limit = _STRIDE if axis == "column" else _ROWS
        registers[axis] = (registers[axis] + step) % limit
        return False

    def _begin(self, code: int) -> None:
        command = _COMMANDS.get(self._code) if self._code is not None else None
        if command is not None and command.takes != _ANY and len(self._arguments) < command.takes:
            self.fault(f"command {self._code:#04x} without its {command.takes} arguments")
        self._code, self._arguments = code, b""
        if code not in _COMMANDS:
            self.fault(f"unknown command {code:#04x}")
        elif _COMMANDS[code].takes == 0 and (act := _COMMANDS[code].act):
            act(self, b"")

    def _take(self, data: bytes) -> None:
        command = _COMMANDS.get(self._code) if self._code is not None else None
        if command is None:
            self.fault("data before any command")
        elif command.takes == _ANY:
            if command.act:
                command.act(self, data)
        else:
            self._arguments += data
            if len(self._arguments) > command.takes:
                self.fault(f"command {self._code:#04x} with more than {command.takes} arguments")
            elif len(self._arguments) == command.takes and command.act:
                command.act(self, self._arguments)

    def _reset(self) -> None:
        self._code = None
        self._arguments = b""
        self._has_power = False
        self.refreshing = 0.0
        self._reset_registers()

    def _reset_registers(self) -> None:
        self.registers = {
            "asleep": 0,
            "gates": _ROWS - 1,
            "scan": 0,
            "entry": 3,
            "sensor": 0x48,
            "sequence": 0xFF,
            "skips": 0,
            "column": 0,
            "row": 0,
            "column_start": 0,
            "column_end": _STRIDE - 1,
            "row_start": 0,
            "row_end": _ROWS - 1,
        }

    def _fill_with_noise(self) -> None:
        self._memory = {memory: bytearray(noise(_STRIDE * _ROWS)) for memory in (_NEW, _OLD)}

    def _shows(self) -> bool:
        return True

    def _glass(self) -> Image.Image:
        picture = Image.frombytes("1", (_COLUMNS, _ROWS), bytes(self._shown))
        return picture.crop(self._box).convert("RGB")
