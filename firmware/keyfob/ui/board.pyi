from keyfob.events import Events
from keyfob.ui.buttons import Button
from keyfob.ui.displays.console import Console
from keyfob.ui.displays.oled import Oled
from keyfob.ui.displays.tft import Tft
from keyfob.ui.led import StatusLed

# Display, button and LED, in this order.
def open_board(
    root: str, events: Events
) -> list[Oled | Tft | Console | Button | StatusLed | None]: ...
