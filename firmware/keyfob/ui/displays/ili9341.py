"""ILI9341, a colour display of 240 x 320 pixels, and ILI9342 with 320 x 240."""

from keyfob.ui.displays.tft import Tft


class ILI9341(Tft):
    """A display on a SpiBus. Its panels have the first column at the right."""

    flips = 0x40


class ILI9342(Tft):
    """A display on a SpiBus."""

    memory = (320, 240)
