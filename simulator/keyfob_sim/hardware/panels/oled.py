"""What monochrome panels share: their buses, most commands, and how RAM maps to the glass."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Container, Iterable, Mapping
from typing import ClassVar, NamedTuple

from PIL import Image, ImageChops

from keyfob_sim.hardware.panels.panel import I2cPanel, SpiPanel, noise

LINES = 64  # of display RAM, and common outputs
PAGES = 8  # of eight lines, a byte each, the top one in bit 0

# Control byte on I2C.
_ONE_BYTE_FOLLOWS = 0x80
_DATA = 0x40

_STATUS_OFF = 0x40

# Argument of 0xDA.
_ALTERNATIVE = 0x10
_SIDES_SWAPPED = 0x20
_SEQUENTIAL_PINS = 0x02
_ALTERNATIVE_PINS = 0x12

Act = Callable[["OledPanel", int, bytes], None]


class Command(NamedTuple):
    """How many argument bytes follow a command, and what it does with them."""

    arguments: int
    act: Act


class OledPanel(I2cPanel, SpiPanel):
    """A monochrome panel.

    A module is upright with the highest SEG at the left and COM0 at the bottom, that is with
    segment remap and reversed scan, as in the makers' initialisation sequences. In that
    orientation `column_offset` is the first of the glass's columns and `row_offset` the first
    of its COM outputs.
    """

    rows = LINES
    commands: ClassVar[Mapping[int, Command]]
    defaults: ClassVar[Mapping[str, int]]

    def write(self, data: bytes) -> None:
        """Take control bytes, each with what follows it (SSD1306 datasheet, 8.1.5.2)."""
        while data:
            control, data = data[0], data[1:]
            if control & ~(_ONE_BYTE_FOLLOWS | _DATA):
                self.fault(f"control byte {control:#04x}")
            if control & _ONE_BYTE_FOLLOWS:
                run, data = data[:1], data[1:]
            else:
                run, data = data, b""
            if not run:
                self.fault("nothing after a control byte")
            self.transfer(run, bool(control & _DATA))

    def read(self, count: int) -> bytes:
        """Answer with the status register, whose bit 6 is set while the display is off."""
        return bytes([0 if self.registers["on"] else _STATUS_OFF]) * count

    def transfer(self, data: bytes, is_data: bool) -> None:
        """Take commands with D/C low, display data with D/C high."""
        if is_data:
            self._drop_unfinished()
            self._store(data)
        else:
            for byte in data:
                self._take(byte)
        self.changes += 1

    @property
    def contrast(self) -> int:
        """As set by 0x81."""
        return self.registers["contrast"]

    @property
    def oscillator(self) -> int:
        """Frequency in the upper and divide ratio in the lower four bits, as set by 0xD5."""
        return self.registers["oscillator"]

    def _reset(self) -> None:
        self.registers = dict(self.defaults)
        self._unfinished = b""

    def _fill_with_noise(self) -> None:
        self._memory = bytearray(noise(self.columns * PAGES))  # column by column

    def _take(self, byte: int) -> None:
        """Collect a command byte by byte, and carry it out once it is whole."""
        self._unfinished += bytes([byte])
        code, arguments = self._unfinished[0], self._unfinished[1:]
        command = self.commands.get(code)
        if command is None:
            self.fault(f"unknown command {code:#04x}")
        elif len(arguments) < command.arguments:
            return
        else:
            command.act(self, code, arguments)
        self._unfinished = b""

    def _drop_unfinished(self) -> None:
        if self._unfinished:
            self.fault(f"command {self._unfinished[0]:#04x} lacks arguments")
            self._unfinished = b""

    @abstractmethod
    def _store(self, data: bytes) -> None:
        """Write display data at the address pointer, and move it on."""

    def _put(self, column: int, page: int, run: bytes) -> None:
        self._memory[column * PAGES + page : (column + len(run)) * PAGES : PAGES] = run

    def _shows(self) -> bool:
        return bool(self.registers["on"] and self.registers["pump"])

    @abstractmethod
    def _runs_backwards(self) -> bool:
        """Whether the glass's columns run against those of the memory."""

    def _glass(self) -> Image.Image:
        left, _, right, _ = self._box
        shape = LINES, self.columns
        picture = Image.frombytes("1", shape, bytes(self._memory), "raw", "1;R")
        picture = picture.transpose(Image.Transpose.TRANSPOSE).convert("L")
        if self._runs_backwards():
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if self.registers["inverted"]:
            picture = ImageChops.invert(picture)
        if self.registers["all_on"]:
            picture = Image.new("L", picture.size, 255)
        width = right - left
        ram = picture.crop((left, 0, right, LINES)).tobytes()
        shown = [
            bytes(width) if line is None else ram[line * width : (line + 1) * width]
            for line in self._lines()
        ]
        return Image.frombytes("L", (width, len(shown)), b"".join(shown)).convert("RGB")

    def _lines(self) -> list[int | None]:
        """The RAM line that each row of the glass shows; None where nothing drives it."""
        registers = self.registers
        multiplex = registers["multiplex"] + 1
        driven = {}
        for row in range(multiplex):
            if registers["reversed_scan"]:
                output = multiplex - 1 - row + registers["offset"]
            else:
                output = row - registers["offset"]
            pad = _pad(output % LINES, registers["com_pins"])
            driven[pad] = (row + registers["start_line"]) % LINES
        return [driven.get(pad) for pad in self._wiring()]

    def _wiring(self) -> list[int]:
        """The COM pad that each row of the glass hangs on, from the top.

        Flat glasses (128 x 32, 96 x 16) have them in sequence, all others alternate.
        """
        left, top, right, bottom = self._box
        is_flat = right - left > 2 * (bottom - top)
        pins = _SEQUENTIAL_PINS if is_flat else _ALTERNATIVE_PINS
        return [_pad(output, pins) for output in reversed(range(top, bottom))]


def _pad(output: int, pins: int) -> int:
    """Where a common output leaves the chip: COM0 to 31 on one side, 32 to 63 on the other."""
    if pins & _ALTERNATIVE:
        output = output // 2 + output % 2 * (LINES // 2)
    return output ^ (LINES // 2) if pins & _SIDES_SWAPPED else output


def ignore(panel: OledPanel, code: int, arguments: bytes) -> None:
    """Do nothing that can be seen."""


def of_code(register: str, mask: int = 0x01) -> Act:
    """Set a register to the low bits of the command itself."""

    def act(panel: OledPanel, code: int, arguments: bytes) -> None:
        panel.registers[register] = code & mask

    return act


def of_argument(register: str, mask: int = 0xFF, allowed: Container[int] = range(256)) -> Act:
    """Set a register to the argument, unless it is a reserved value."""

    def act(panel: OledPanel, code: int, arguments: bytes) -> None:
        value = masked(panel, code, arguments[0], mask)
        if value in allowed:
            panel.registers[register] = value
        else:
            panel.fault(f"command {code:#04x} with reserved value {value:#04x}")

    return act


def masked(panel: OledPanel, code: int, argument: int, mask: int) -> int:
    """Drop the bits that the controller does not read."""
    if argument & ~mask:
        panel.fault(f"command {code:#04x} with argument {argument:#04x}, {mask:#04x} at most")
    return argument & mask


def same(codes: Iterable[int], command: Command) -> dict[int, Command]:
    """A table in which all `codes` are `command`."""
    return dict.fromkeys(codes, command)


# Reserved values of the precharge period: neither of its two phases may be 0.
_PRECHARGE = [period for period in range(256) if period & 0x0F and period & 0xF0]

COMMANDS: dict[int, Command] = {
    **same(range(0x40, 0x80), Command(0, of_code("start_line", LINES - 1))),
    0x81: Command(1, of_argument("contrast")),
    **same((0xA0, 0xA1), Command(0, of_code("remapped"))),
    **same((0xA4, 0xA5), Command(0, of_code("all_on"))),
    **same((0xA6, 0xA7), Command(0, of_code("inverted"))),
    **same((0xAE, 0xAF), Command(0, of_code("on"))),
    **same((0xC0, 0xC8), Command(0, of_code("reversed_scan", 0x08))),
    0xD3: Command(1, of_argument("offset", LINES - 1)),
    0xD5: Command(1, of_argument("oscillator")),
    0xD9: Command(1, of_argument("precharge", allowed=_PRECHARGE)),
    0xE3: Command(0, ignore),
}

DEFAULTS = {
    "start_line": 0,
    "remapped": 0,
    "all_on": 0,
    "inverted": 0,
    "on": 0,
    "reversed_scan": 0,
    "offset": 0,
    "multiplex": LINES - 1,
    "com_pins": _ALTERNATIVE_PINS,
    "precharge": 0x22,
    "pump": 1,  # always, where the chip has none to switch
    "column": 0,
    "page": 0,
}
