from framebuf import FrameBuffer

from keyfob.ui.displays import _Bus

class SSD1680(FrameBuffer):
    memory: tuple[int, int]
    can_dim: bool
    width: int
    height: int
    buffer: bytearray
    def __init__(
        self,
        bus: _Bus,
        width: int,
        height: int,
        rotation: int = 0,
        column_offset: int = 0,
        row_offset: int = 0,
        inverted: bool = False,
    ) -> None: ...
    def power(self, on: bool) -> None: ...
    def contrast(self, level: int) -> None: ...
    def steady(self, on: bool) -> None: ...
    def tint(
        self, x: int, y: int, width: int, height: int, background: int, foreground: int
    ) -> None: ...
    def show(self) -> None: ...
