from framebuf import FrameBuffer
from machine import Pin

from keyfob.ui.displays import _Bus

class Tft(FrameBuffer):
    memory: tuple[int, int]
    flips: int
    setup: bytes
    width: int
    height: int
    buffer: bytearray
    can_dim: bool
    def __init__(
        self,
        bus: _Bus,
        width: int,
        height: int,
        rotation: int = 0,
        column_offset: int = 0,
        row_offset: int = 0,
        inverted: bool = False,
        bgr: bool = False,
        backlight: Pin | None = None,
    ) -> None: ...
    def power(self, on: bool) -> None: ...
    def contrast(self, level: int) -> None: ...
    def steady(self, on: bool) -> None: ...
    def palette(self, background: int, foreground: int) -> None: ...
    def tint(
        self, x: int, y: int, width: int, height: int, background: int, foreground: int
    ) -> None: ...
    def show(self) -> None: ...
