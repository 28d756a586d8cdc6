from framebuf import FrameBuffer
from machine import I2C

from keyfob.ui.displays import _Bus

class Oled(FrameBuffer):
    memory_columns: int
    setup: bytes
    width: int
    height: int
    buffer: bytearray
    def __init__(
        self,
        bus: I2C | _Bus,
        width: int,
        height: int,
        address: int = 60,
        rotation: int = 0,
        column_offset: int = 0,
        row_offset: int = 0,
        inverted: bool = False,
    ) -> None: ...
    def power(self, on: bool) -> None: ...
    def contrast(self, level: int) -> None: ...
    def steady(self, on: bool) -> None: ...
    def show(self) -> None: ...
