"""SSD1306: OLED of up to 128 x 64 pixels."""

from keyfob.ui.displays.oled import Oled

_OSCILLATOR = b"\xd5\x80"  # as after a reset
_FASTEST = b"\xd5\xf0"
_OWN_CURRENT = b"\xad\x30"


class SSD1306(Oled):
    """A display on a machine.I2C, or on a bus of `keyfob.ui.displays`."""

    setup = b"\x8d\x14\x2e\xdb\x20" + _OSCILLATOR  # charge pump on, no scrolling, VCOMH

    def _prepare(self):
        if self._columns == 72:
            self._bus.command(_OWN_CURRENT)  # this panel has no resistor for it
        # The whole panel, by columns if the picture is turned. It is sent before every picture, so
        # that an interrupted one does not shift the next.
        first, last = self._first_column, self._first_column + self._columns - 1
        by_columns = int(self._is_turned)
        self._window = bytes((0x20, by_columns, 0x21, first, last, 0x22, 0, self._pages - 1))

    def show(self):
        """Send the picture to the display. Raises OSError where it does not answer."""
        self._bus.command(self._window)
        self._bus.data(self.buffer)

    def steady(self, on):
        """Refresh at the highest rate, so that a camera sees no dark bands, or as usual."""
        self._bus.command(_FASTEST if on else _OSCILLATOR)
