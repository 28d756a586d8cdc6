"""SSD1680: black and white e-paper of up to 176 x 296 pixels, such as 250 x 122."""

import time

import framebuf

from keyfob.compat import const

_SWRESET = b"\x12"
_GATES = b"\x01"
_ENTRY = b"\x11"
_SENSOR = b"\x18"
_ACTIVATE = b"\x20"
_CONTROL = b"\x21"
_SEQUENCE = b"\x22"
_NEW = b"\x24"  # the picture, and the one before it: a partial refresh moves what differs
_OLD = b"\x26"
_BORDER = b"\x3c"
_ACROSS = b"\x44"
_DOWN = b"\x45"
_COLUMN = b"\x4e"
_ROW = b"\x4f"

_FULL = b"\xf7"  # voltages on, waveform by temperature, and off again
_PARTIAL = b"\xff"
_WHOLE = const(6)  # pictures, of which the first gets a full refresh
_LATEST = const(6_000)  # ms that a refresh may take
_RESET = 0.01  # s until commands are accepted again
_PAUSE = const(10)  # ms between two looks at the busy pin
_NARROW = const(8)  # sources that most glasses leave free, which the controller can skip
_PAPER = const(0xFFFF)
_TIMED_OUT = const(110)  # ETIMEDOUT
# Bytes with their bits in the other order, by half a byte.
_TURNED = b"\x00\x08\x04\x0c\x02\x0a\x06\x0e\x01\x09\x05\x0d\x03\x0b\x07\x0f"


class SSD1680(framebuf.FrameBuffer):
    """A picture of 1-bit pixels, 1 black, that `show()` sends to the display.

    `bus` is a SpiBus whose `busy` is the machine.Pin of that name. The glass begins at
    `column_offset` and `row_offset` of the controller's memory before `rotation`, in quarter turns
    clockwise. `inverted` has 1 white.

    The first of six pictures gets a full refresh, which blinks for 2 to 4 s; the others change
    within a second. A picture stays without power.
    """

    memory = (176, 296)
    can_dim = False

    def __init__(
        self, bus, width, height, rotation=0, column_offset=0, row_offset=0, inverted=False
    ):
        self.width = width
        self.height = height
        self._bus = bus
        self._is_turned = bool(rotation & 1)
        self._is_upside_down = rotation > 1
        self._is_inverted = inverted
        self._shown = 0
        self._parts = []
        self.buffer = bytearray((width + 7) // 8 * height)
        super().__init__(self.buffer, width, height, framebuf.MONO_HLSB)
        self._wake(column_offset, row_offset)

    def power(self, on):
        """Nothing to do: between two refreshes the display takes no power."""

    def contrast(self, level):
        """Nothing to do: there is no light."""

    def steady(self, on):
        """Nothing to do: the display does not flicker."""

    def tint(self, x, y, width, height, background, foreground):
        """Have a part of the picture light where it is 1, if `foreground` is the brightest white.

        `x` is rounded down to a multiple of 8. A part that begins at 0, 0 and is as large as the
        picture takes the place of all earlier ones.
        """
        if width >= self.width and height >= self.height:
            self._parts = []
        elif foreground == _PAPER:
            width += x & 7
            x &= ~7
            first = (self.width + 7) // 8 * y + x // 8
            part = memoryview(self.buffer)[first:]
            picture = framebuf.FrameBuffer(part, width, height, framebuf.MONO_HLSB, self.width)
            self._parts.append((picture, x, y))

    def show(self):
        """Send the picture to the display. Raises OSError where the last one takes too long."""
        self._wait()
        is_whole = self._shown % _WHOLE == 0
        self._write(_NEW)
        if is_whole:
            self._write(_OLD)
        self._send(_SEQUENCE, _FULL if is_whole else _PARTIAL)
        self._bus.command(_ACTIVATE)
        self._shown += 1
        if not is_whole:
            self._wait()
            self._write(_OLD)

    def _wake(self, column_offset, row_offset):  # rare
        columns, rows = self.width, self.height
        if self._is_turned:
            columns, rows = rows, columns
        self._bus.command(_SWRESET)
        time.sleep(_RESET)
        skips = column_offset >= _NARROW
        column_offset -= _NARROW * skips
        top, bottom = row_offset, row_offset + rows - 1
        self._send(_GATES, bytes((bottom & 255, bottom >> 8, 0)))
        self._send(_CONTROL, bytes((0, 0x80 * skips)))
        self._send(_BORDER, b"\x05")
        self._send(_SENSOR, b"\x80")
        # In bytes of eight columns, which need not begin where the glass does. The first strip of
        # the picture has some pixels of none before it.
        first, last = column_offset // 8, (column_offset + columns - 1) // 8
        self._count = last - first + 1
        self._lead = column_offset - 8 * first
        is_backward = self._is_turned is not self._is_upside_down
        if is_backward:
            self._lead = 8 * self._count - columns - self._lead
            first, last = last, first
        if self._is_upside_down:
            top, bottom = bottom, top
        entry = self._is_turned << 2 | (not self._is_upside_down) << 1 | (not is_backward)
        self._send(_ENTRY, bytes((entry,)))
        self._send(_ACROSS, bytes((first, last)))
        self._send(_DOWN, bytes((top & 255, top >> 8, bottom & 255, bottom >> 8)))
        self._begin = bytes((first,)), bytes((top & 255, top >> 8))
        if self._is_turned:  # eight rows of the picture make a strip, else one
            self._strip = bytearray(self.width)
            self._canvas = framebuf.FrameBuffer(self._strip, self.width, 8, framebuf.MONO_VLSB)
        else:
            self._strip = bytearray(self._count)
            width = 8 * self._count
            self._canvas = framebuf.FrameBuffer(self._strip, width, 1, framebuf.MONO_HLSB)
            self._count = self.height

    def _write(self, memory):
        """Write the picture to one of the controller's two memories, strip by strip."""
        self._send(_COLUMN, self._begin[0])
        self._send(_ROW, self._begin[1])
        self._bus.command(memory)
        dark, light = _palette(self._is_inverted), _palette(not self._is_inverted)
        for number in range(self._count):
            x, y = (0, self._lead - 8 * number) if self._is_turned else (self._lead, -number)
            self._canvas.fill(1)
            self._canvas.blit(self, x, y, -1, dark)
            for picture, left, top in self._parts:
                self._canvas.blit(picture, left + x, top + y, -1, light)
            if self._is_upside_down:
                for at in range(len(self._strip)):
                    byte = self._strip[at]
                    self._strip[at] = _TURNED[byte & 15] << 4 | _TURNED[byte >> 4]
            self._bus.data(self._strip)

    def _send(self, command, arguments):
        self._bus.command(command)
        self._bus.data(arguments)

    def _wait(self):
        """Wait until a refresh is over. Raises OSError where it takes too long."""
        if not self._shown:
            return
        busy = getattr(self._bus, "busy", None)
        if busy is None:
            time.sleep(_LATEST / 1000)
            return
        waited = 0
        while busy.value():
            if waited >= _LATEST:
                raise OSError(_TIMED_OUT)
            time.sleep(_PAUSE / 1000)
            waited += _PAUSE


def _palette(is_light):
    """What 0 and 1 are on paper, as `blit` takes it: 1 is light there."""
    return framebuf.FrameBuffer(bytearray((0x40 if is_light else 0x80,)), 2, 1, framebuf.MONO_HLSB)
