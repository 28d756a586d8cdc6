"""A TFT controller: commands with arguments, and memory between the bus and the glass."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from typing import ClassVar, NamedTuple

from PIL import Image, ImageChops

from keyfob_sim.hardware.panels.panel import SpiPanel, noise
from keyfob_sim.hardware.panels.pixel_formats import FORMATS

# MADCTL.
_MY = 0x80
_MX = 0x40
_MV = 0x20
_ML = 0x10
_BGR = 0x08

RAMWR = 0x2C
RAMWRC = 0x3C

_EIGHT_COLOURS = [0] * 128 + [255] * 128

Act = Callable[["TftPanel", int, bytes], None]


class Command(NamedTuple):
    """How many argument bytes a command takes, from `least` to `most`, and what it does.

    It acts as soon as it has the least, and again with each one that follows.
    """

    least: int
    most: int
    act: Act | None = None


class TftPanel(SpiPanel):
    """A colour panel."""

    mirrored: ClassVar[bool] = False  # whether the glass has column 0 at its right
    commands: ClassVar[Mapping[int, Command]]

    def transfer(self, data: bytes, is_data: bool) -> None:
        """Take commands with D/C low; with D/C high their arguments, or pixels after RAMWR."""
        if not is_data:
            for code in data:
                self._begin(code)
        elif self._code in (RAMWR, RAMWRC):
            self._take_pixels(data)
        elif self._command is not None:
            self._take_arguments(self._command, data)
        elif self._code is None and data:
            self.fault("data before any command")
        self.changes += 1

    def soft_reset(self) -> None:
        """Do what SWRESET does: what the address and pixel format were set to stays."""
        kept = {name: self.registers[name] for name in ("madctl", "colmod")}
        self._reset_registers()
        self.registers.update(kept)
        if self.registers["madctl"] & _MV:
            self.registers.update(column_end=self.rows - 1, row_end=self.columns - 1)

    def set_window(self, axis: str, start: int, end: int) -> None:
        """Set where columns or rows of what is written begin and end."""
        if start > end:
            self.fault(f"{axis}s from {start} back to {end}")
            return
        self.registers.update({axis + "_start": start, axis + "_end": end})
        self.pointer_is_set = False

    def start_writing(self) -> None:
        """Move the pointer to the window's first pixel."""
        across, down = self._extent()
        if self.registers["column_end"] >= across or self.registers["row_end"] >= down:
            self.fault(f"a window past {across} x {down} pixels")
        self._x, self._y = self.registers["column_start"], self.registers["row_start"]
        self._is_full = False
        self.pointer_is_set = True

    def _reset(self) -> None:
        self._code: int | None = None
        self._command: Command | None = None
        self._arguments = b""
        self._cut = b""  # the bytes of a pixel that is incomplete so far
        self._reset_registers()

    def _reset_registers(self) -> None:
        self.registers: dict[str, int] = {
            "asleep": 1,
            "on": 0,
            "inverted": 0,
            "idle": 0,
            "partial": 0,
            "partial_start": 0,
            "partial_end": self.rows - 1,
            "scrolling": 0,
            "scroll_top": 0,
            "scroll_rows": self.rows,
            "scroll_start": 0,
            "madctl": 0x00,
            "madctl_flips": 0x00,
            "colmod": 0x66,
            "little_endian": 0,
            "stops_when_full": 0,
            "shifts_left": 0,
            "scans_up": 0,
            "column_start": 0,
            "column_end": self.columns - 1,
            "row_start": 0,
            "row_end": self.rows - 1,
        }
        self._x = self._y = 0
        self._is_full = False
        self.pointer_is_set = False

    def _fill_with_noise(self) -> None:
        # Red, green, blue and nothing: as an array, a run in any direction is one slice.
        self._memory = array("I", noise(self.columns * self.rows * 4))

    # Commands and their arguments.

    def _begin(self, code: int) -> None:
        self._end()
        self._code, self._command = code, self.commands.get(code)
        if self._command is None:
            self.fault(f"unknown command {code:#04x}")
        elif self._command.least == 0 and self._command.act:
            self._command.act(self, code, b"")

    def _end(self) -> None:
        if self._command is not None and len(self._arguments) < self._command.least:
            self.fault(
                f"command {self._code:#04x} with {len(self._arguments)} arguments "
                f"of {self._command.least}"
            )
        if self._cut:
            self.fault("a pixel cut off")
        self._arguments = self._cut = b""

    def _take_arguments(self, command: Command, data: bytes) -> None:
        assert self._code is not None
        for argument in data:
            if len(self._arguments) == command.most:
                self.fault(f"command {self._code:#04x} with more than {command.most} arguments")
                return
            self._arguments += bytes([argument])
            if command.act and len(self._arguments) >= command.least:
                command.act(self, self._code, self._arguments)

    # Pixels into memory.

    @property
    def _madctl(self) -> int:
        return self.registers["madctl"] ^ self.registers["madctl_flips"]

    def _extent(self) -> tuple[int, int]:
        """Pixels across and down as the writer sees the memory."""
        if self._madctl & _MV:
            return self.rows, self.columns
        return self.columns, self.rows

    def _take_pixels(self, data: bytes) -> None:
        data = self._cut + data
        size, decode = FORMATS[self.registers["colmod"] & 0x07]
        whole = len(data) - len(data) % size
        self._cut = data[whole:]
        if whole:
            self._store(decode(data[:whole], bool(self.registers["little_endian"])))

    def _store(self, pixels: array[int]) -> None:
        registers = self.registers
        taken = 0
        while taken < len(pixels):
            if self._is_full:
                self.fault("more pixels than the window holds")
                if registers["stops_when_full"]:
                    return
                self._is_full = False
            run = pixels[taken : taken + registers["column_end"] - self._x + 1]
            self._put(self._x, self._y, run)
            taken += len(run)
            self._x += len(run)
            if self._x > registers["column_end"]:
                self._x = registers["column_start"]
                self._y += 1
            if self._y > registers["row_end"]:
                self._y = registers["row_start"]
                self._is_full = True

    def _put(self, x: int, y: int, run: array[int]) -> None:
        """Write pixels that lie side by side for the writer; what is past the memory is lost."""
        across, down = self._extent()
        run = run[: max(0, across - x)]
        if not run or y >= down:
            return
        madctl = self._madctl
        column, row = (y, x) if madctl & _MV else (x, y)
        if madctl & _MX:
            column = self.columns - 1 - column
        if madctl & _MY:
            row = self.rows - 1 - row
        if madctl & _MV:
            step = -self.columns if madctl & _MY else self.columns
        else:
            step = -1 if madctl & _MX else 1
        first = row * self.columns + column
        end = first + step * len(run)
        self._memory[first : end if end >= 0 else None : step] = run

    # Memory onto the glass.

    def _shows(self) -> bool:
        return bool(self.registers["on"] and not self.registers["asleep"])

    def _glass(self) -> Image.Image:
        display, registers = self.display, self.registers
        inverted = bool(registers["inverted"]) != display.inverted
        stride = self.columns * self._memory.itemsize
        memory = self._memory.tobytes()
        black = (b"\xff" if inverted else b"\x00") * stride
        shown = b"".join(
            black if row is None else memory[row * stride : (row + 1) * stride]
            for row in self._lines()
        )
        picture = Image.frombytes("RGB", (self.columns, self.rows), shown, "raw", "RGBX")
        if self.mirrored != bool(registers["shifts_left"]):
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if registers["scans_up"]:
            picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        picture = picture.crop(self._box)
        if inverted:
            picture = ImageChops.invert(picture)
        if bool(self._madctl & _BGR) != display.bgr:
            picture = Image.merge("RGB", picture.split()[::-1])
        if registers["idle"]:
            picture = picture.point(_EIGHT_COLOURS * 3)
        return picture

    def _lines(self) -> list[int | None]:
        """The row of memory that each line of the glass shows; None for one left blank."""
        registers = self.registers
        lines: list[int | None] = list(range(self.rows))
        if registers["scrolling"]:
            top, height = registers["scroll_top"], registers["scroll_rows"]
            turned = registers["scroll_start"] - top
            for line in range(height):
                lines[top + line] = top + (turned + line) % height
        if registers["partial"]:
            start, end = registers["partial_start"], registers["partial_end"]
            for line in range(self.rows):
                shown = start <= line <= end if start <= end else line >= start or line <= end
                if not shown:
                    lines[line] = None
        if self._madctl & _ML:  # all that was counted from the top, counts from the bottom
            lines = [None if row is None else self.rows - 1 - row for row in reversed(lines)]
        return lines
