"""Display controllers that turn what drivers send over a bus into the picture a person sees."""

from __future__ import annotations

from PIL import Image

from keyfob_host.boards import Display
from keyfob_sim.hardware.panels.gc9a01 import Gc9a01
from keyfob_sim.hardware.panels.ili9341 import Ili9341, Ili9342
from keyfob_sim.hardware.panels.panel import I2cPanel, Panel, SpiPanel
from keyfob_sim.hardware.panels.sh1106 import Sh1106
from keyfob_sim.hardware.panels.ssd1306 import Ssd1306
from keyfob_sim.hardware.panels.ssd1680 import Ssd1680
from keyfob_sim.hardware.panels.st7789 import St7789

__all__ = ["I2cPanel", "Panel", "SpiPanel", "make_panel"]

_PANELS: dict[str, type[Panel]] = {
    "ssd1306": Ssd1306,
    "sh1106": Sh1106,
    "st7789": St7789,
    "ili9341": Ili9341,
    "ili9342": Ili9342,
    "gc9a01": Gc9a01,
    "ssd1680": Ssd1680,
}


class Unseen(I2cPanel, SpiPanel):
    """A panel without a model: it takes whatever is sent, and stays dark."""

    columns = rows = 1 << 16

    def write(self, data: bytes) -> None:
        """Take it."""

    def read(self, count: int) -> bytes:
        """Answer with zeros."""
        return bytes(count)

    def transfer(self, data: bytes, is_data: bool) -> None:
        """Take it."""

    def _reset(self) -> None: ...

    def _fill_with_noise(self) -> None: ...

    def _shows(self) -> bool:
        return False

    def _glass(self) -> Image.Image:
        return Image.new("RGB", (self.display.width, self.display.height))


def make_panel(display: Display) -> Panel:
    """The panel of `display`, just powered on. Raises ValueError for an unknown controller."""
    if display.controller == "other":
        return Unseen(display)
    if display.controller not in _PANELS:
        raise ValueError(f"no model of {display.controller}; there are {', '.join(_PANELS)}")
    return _PANELS[display.controller](display)
