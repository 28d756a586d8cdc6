"""The base of every panel: bus traffic in, the picture that a person sees out."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import ClassVar

from PIL import Image

from keyfob_host.boards import Display

_FAULTS_KEPT = 100

# By `rotation`, the quarter turns clockwise of the glass: how the picture is turned back.
_UPRIGHT = (
    None,
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_180,
    Image.Transpose.ROTATE_270,
)


class Panel(ABC):
    """A display controller with its glass.

    `changes` grows whenever what a person sees may have changed. `faults` says what a real
    panel would have ignored or shown as garbage, each kind once, the first hundred.
    """

    columns: ClassVar[int]  # of the controller's memory, in pixels
    rows: ClassVar[int]

    def __init__(self, display: Display) -> None:
        """Switch the power on. Raises ValueError for a glass larger than the memory."""
        self.display = display
        left, top, right, bottom = self._box = _box(display)
        if right > self.columns or bottom > self.rows:
            raise ValueError(
                f"a glass from {left}, {top} to {right}, {bottom} is larger than the memory of "
                f"{display.controller}, {self.columns} x {self.rows}"
            )
        self.changes = 0
        self.faults: list[str] = []
        self._lit = True
        self.power_off()

    @property
    def lit(self) -> bool:
        """Whether the backlight is on; the board sets it."""
        return self._lit

    @lit.setter
    def lit(self, lit: bool) -> None:
        self._lit = lit
        self.changes += 1

    def image(self) -> Image.Image:
        """Return the picture as the person sees it, in RGB; black while nothing is shown."""
        if not self.lit or not self._shows():
            return Image.new("RGB", (self.display.width, self.display.height))
        picture = self._glass()
        turn = _UPRIGHT[self.display.rotation]
        return picture if turn is None else picture.transpose(turn)

    def settled(self) -> Image.Image:
        """Return the picture as the person will see it, where that takes a moment."""
        return self.image()

    def power_off(self) -> None:
        """Lose everything: at the next power-on the memory is noise and the glass is dark."""
        self._fill_with_noise()
        self.reset()

    def reset(self) -> None:
        """Pulse the RESET pin: registers go back to their defaults, memory stays."""
        self._reset()
        self.changes += 1

    def fault(self, what: str) -> None:
        """Note something that a real panel would ignore or show as garbage."""
        if what not in self.faults and len(self.faults) < _FAULTS_KEPT:
            self.faults.append(what)

    @abstractmethod
    def _reset(self) -> None: ...

    @abstractmethod
    def _fill_with_noise(self) -> None: ...

    @abstractmethod
    def _shows(self) -> bool:
        """Whether the controller drives the glass at all."""

    @abstractmethod
    def _glass(self) -> Image.Image:
        """The picture on the glass in RGB, in the controller's own orientation."""


def _box(display: Display) -> tuple[int, int, int, int]:
    """Where the glass lies in the controller's memory: left, top, right, bottom."""
    left, top = display.column_offset, display.row_offset
    across, down = display.width, display.height
    if display.rotation % 2:
        across, down = down, across
    return left, top, left + across, top + down


class I2cPanel(Panel):
    """A panel on an I2C bus; the board checks its address."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Take one write transaction: what follows the address byte."""

    @abstractmethod
    def read(self, count: int) -> bytes:
        """Answer a read transaction of `count` bytes with the status."""


class SpiPanel(Panel):
    """A panel on an SPI bus with a D/C pin.

    `refreshing` is how long (s) the refresh takes that has begun, until `finish` is called: 0 for
    none. The level of the busy pin says whether there is one.
    """

    refreshing = 0.0

    def finish(self) -> None:
        """End a refresh."""
        self.refreshing = 0.0

    @abstractmethod
    def transfer(self, data: bytes, is_data: bool) -> None:
        """Take bytes clocked in while selected; `is_data` is the level of the D/C pin."""


def noise(size: int) -> bytes:
    """What memory holds at power-on: random on a real panel, here always the same."""
    return hashlib.shake_128(b"power-on").digest(size)
