from collections.abc import Mapping
from typing import Any

from keyfob.ui.displays.oled import Oled
from keyfob.ui.displays.ssd1680 import SSD1680
from keyfob.ui.displays.tft import Tft

def open_display(board: Mapping[str, Any]) -> Oled | Tft | SSD1680 | None: ...
