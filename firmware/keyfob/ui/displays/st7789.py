"""ST7789: colour display of up to 240 x 320 pixels."""

from keyfob.ui.displays.tft import Tft


class ST7789(Tft):
    """A display on a SpiBus."""
