"""The common part of colour displays: a 1-bit picture, coloured in strips while it is sent."""

import time
from struct import pack

import framebuf

from keyfob.compat import const

_SWRESET = b"\x01"
_SLPOUT = b"\x11"
_NORON = b"\x13"
_INVOFF = b"\x20"
_INVON = b"\x21"
_DISPOFF = b"\x28"
_DISPON = b"\x29"
_CASET = b"\x2a"
_RASET = b"\x2b"
_RAMWR = b"\x2c"
_MADCTL = b"\x36"
_COLMOD = b"\x3a"

_16_BITS = b"\x55"
_TURN = b"\x00\x60\xc0\xa0"  # MADCTL by rotation: MX MV, MX MY, MY MV
_BGR = const(0x08)

_RESET = 0.15  # s until commands are accepted again
_WAKE = 0.01
_STRIP = const(2048)  # bytes of a strip, at most

_BLACK = const(0x0000)
_WHITE = const(0xFFFF)


class Tft(framebuf.FrameBuffer):
    """A picture of 1-bit pixels, 1 the foreground, that `show()` sends to the display.

    `bus` is a SpiBus of `keyfob.ui.displays.spi`, `backlight` a machine.Pin or None.
    `rotation` is in quarter turns clockwise; the glass begins at `column_offset` and
    `row_offset` of the controller's memory before it. `inverted` and `bgr` describe
    panels that need it to show true colours.
    """

    # Of the controller: columns and rows of its memory, the bits of MADCTL that its panels need
    # inverted, and what it is sent after a reset: commands, each with the number of its arguments.
    memory = (240, 320)
    flips = 0x00
    setup = b""

    def __init__(
        self,
        bus,
        width,
        height,
        rotation=0,
        column_offset=0,
        row_offset=0,
        inverted=False,
        bgr=False,
        backlight=None,
    ):
        self.width = width
        self.height = height
        self._bus = bus
        self._backlight = backlight
        self.can_dim = backlight is not None
        self._light(0)
        self.buffer = bytearray((width + 7) // 8 * height)
        super().__init__(self.buffer, width, height, framebuf.MONO_HLSB)
        self._make_strip()
        self._make_window(rotation, column_offset, row_offset)
        self._wake(self.flips ^ _TURN[rotation] | (_BGR if bgr else 0), inverted)
        self.show()
        self.power(True)

    def power(self, on):
        """Switch glass and backlight on or off; the picture stays."""
        if not on:
            self._light(0)
        self._bus.command(_DISPON if on else _DISPOFF)
        if on:
            self._light(1)

    def contrast(self, level):
        """Switch the backlight off at level 0, and on at 1 to 255."""
        self._light(int(level > 0))

    def steady(self, on):
        """Nothing to do: the panel does not flicker."""

    def palette(self, background, foreground):
        """Set the colours of pixels that are 0 and 1, as RGB565; shown by the next show()."""
        self._palette = _palette(background, foreground)

    def tint(self, x, y, width, height, background, foreground):
        """Give a part of the picture colours of its own, as RGB565; shown by the next show().

        `x` is rounded down to a multiple of 8. A part that begins at 0, 0 and is as large as the
        picture takes the place of all earlier ones.
        """
        if width >= self.width and height >= self.height:
            self._parts = []
            self.palette(background, foreground)
            return
        width += x & 7
        x &= ~7
        first = (self.width + 7) // 8 * y + x // 8
        picture = framebuf.FrameBuffer(
            memoryview(self.buffer)[first:], width, height, framebuf.MONO_HLSB, self.width
        )
        self._parts.append((picture, x, y, _palette(background, foreground)))

    def show(self):
        """Send the picture to the display."""
        bus = self._bus
        bus.command(_CASET)
        bus.data(self._across)
        bus.command(_RASET)
        bus.data(self._down)
        bus.command(_RAMWR)
        row = 0
        while row < self.height:
            self._strip.blit(self, 0, -row, -1, self._palette)  # coloured at C's speed
            for picture, x, y, palette in self._parts:
                self._strip.blit(picture, x, y - row, -1, palette)
            row += self._rows
            bus.data(self._whole if row <= self.height else self._rest)

    def _make_strip(self):  # rare
        row = 2 * self.width
        self._rows = max(1, _STRIP // row)
        pixels = bytearray(self._rows * row)
        self._whole = memoryview(pixels)
        self._rest = self._whole[: self.height % self._rows * row]
        self._strip = framebuf.FrameBuffer(pixels, self.width, self._rows, framebuf.RGB565)
        self._parts = []
        self.palette(_BLACK, _WHITE)

    def _make_window(self, rotation, column_offset, row_offset):  # rare
        """Where the turned picture begins and ends in the turned memory."""
        columns, rows = self.width, self.height
        if rotation & 1:
            columns, rows = rows, columns
        # The memory that the panel leaves free: left, above, right, below. A quarter turn moves
        # on by one side.
        free = (
            column_offset,
            row_offset,
            self.memory[0] - columns - column_offset,
            self.memory[1] - rows - row_offset,
        )
        x, y = free[rotation], free[(rotation + 1) % 4]
        self._across = pack(">HH", x, x + self.width - 1)
        self._down = pack(">HH", y, y + self.height - 1)

    def _wake(self, madctl, inverted):  # rare
        bus = self._bus
        bus.command(_SWRESET)
        time.sleep(_RESET)
        table = memoryview(self.setup)
        while table:
            end = 2 + table[1]
            bus.command(table[:1])
            bus.data(table[2:end])
            table = table[end:]
        bus.command(_SLPOUT)
        time.sleep(_WAKE)
        bus.command(_COLMOD)
        bus.data(_16_BITS)
        bus.command(_MADCTL)
        bus.data(bytes((madctl,)))
        bus.command(_INVON if inverted else _INVOFF)
        bus.command(_NORON)

    def _light(self, level):
        if self._backlight is not None:
            self._backlight.value(level)


def _palette(background, foreground):
    """The two colours as `blit` takes them.

    The display expects the upper byte first, and framebuf stores the lower one first.
    """
    colours = bytearray((background >> 8, background & 0xFF, foreground >> 8, foreground & 0xFF))
    return framebuf.FrameBuffer(colours, 2, 1, framebuf.RGB565)
