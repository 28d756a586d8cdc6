"""SH1106: OLED of 128 x 64 pixels on a controller with memory for 132 columns."""

from keyfob.ui.displays.oled import Oled


class SH1106(Oled):
    """A display on a machine.I2C, or on a bus of `keyfob.ui.displays`.

    Most panels begin at column 2.
    """

    memory_columns = 132
    setup = b"\xad\x8b\xdb\x35\xd5\x80"  # converter on, VCOMH, oscillator

    def _prepare(self):
        first = self._first_column
        self._place = bytearray((0xB0, first & 15, 0x10 | first >> 4))
        whole = memoryview(self.buffer)
        size = self._columns
        if self._is_turned:
            self._page = bytearray(size)
        else:
            self._parts = [whole[i * size : (i + 1) * size] for i in range(self._pages)]

    def show(self):
        """Send the picture to the display. Raises OSError where it does not answer."""
        for page in range(self._pages):
            self._place[0] = 0xB0 | page
            self._bus.command(self._place)
            self._bus.data(self._gathered(page) if self._is_turned else self._parts[page])

    def _gathered(self, page):
        """One page of a turned picture, whose bytes lie column after column."""
        gathered, buffer, step = self._page, self.buffer, self._pages
        for column in range(self._columns):
            gathered[column] = buffer[page]
            page += step
        return gathered
