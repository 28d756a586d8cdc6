"""One NeoPixel (a WS2812 and its like) as the status LED: a colour beside the rhythm."""

from keyfob.compat import Loaded
from keyfob.ui import led

_TONES = "wait good trouble"
# Green, red and blue of each tone: the accents of colour panels (see face), dim enough to look at.
_COLOURS = b"\x0a\x03\x18\x14\x03\x04\x0a\x1c\x00"
_TIMING = (400, 850, 800, 450)  # ns: high and low of a 0, of a 1


class StatusLed(led.StatusLed):
    """Shows a state by its pattern and by the colour of its tone, on the pixel's `pin`.

    `kind` is `led.kind` of /board.json; raises ValueError for one that is not known.
    """

    def __init__(self, pin, kind):
        if kind != "neopixel":
            raise ValueError("no such kind: %s" % kind)
        led.StatusLed.__init__(self, pin)
        self._colour = 0

    def show(self, name, members=None):
        """As that of every status LED."""
        try:
            with Loaded("keyfob.ui.screen_table") as table:
                tone = table.row(name)[3].partition(" ")[0]
            if members and members.get("unsaved"):
                tone = "trouble"
            self._colour = 3 * _TONES.split().index(tone) if tone else 0
        except MemoryError:
            pass  # the rhythm says it, too
        led.StatusLed.show(self, name, members)

    def _light(self, is_on):
        from machine import bitstream

        colour = _COLOURS[self._colour : self._colour + 3] if is_on else bytes(3)
        bitstream(self._pin, 0, _TIMING, colour)
