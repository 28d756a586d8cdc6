"""The common part of the monochrome displays, which have eight rows in a byte."""

import framebuf

# By rotation, where 0 is an upright module: the order of the panel's columns and of its rows. A
# quarter turn mirrors one of the two, and show() swaps them.
_ORDER = (b"\xa1\xc8", b"\xa0\xc8", b"\xa0\xc0", b"\xa1\xc0")
_CONTRAST = 0x81


class Oled(framebuf.FrameBuffer):
    """A picture of 1-bit pixels, 1 lit, that `show()` sends to the display.

    `bus` is a machine.I2C with the display at `address`, or a bus of keyfob's (`i2c`,
    `spi`). `rotation` is in quarter turns clockwise. The glass begins at `column_offset`
    of the controller's memory and `row_offset` of its row drivers.
    """

    # Of the controller: columns of its memory, and commands to set it up.
    memory_columns = 128
    setup = b""

    def __init__(
        self,
        bus,
        width,
        height,
        address=0x3C,
        rotation=0,
        column_offset=0,
        row_offset=0,
        inverted=False,
    ):
        if not hasattr(bus, "command"):
            from keyfob.ui.displays.i2c import I2cBus  # stays: the bus does

            bus = I2cBus(bus, address)
        self.width = width
        self.height = height
        self._bus = bus
        self._is_turned = bool(rotation & 1)
        columns, rows = (height, width) if self._is_turned else (width, height)
        self._columns = columns
        self._pages = (rows + 7) // 8
        self._first_column = column_offset
        # The bytes of a turned picture are those of the panel, column after column.
        layout = framebuf.MONO_HMSB if self._is_turned else framebuf.MONO_VLSB
        self.buffer = bytearray(columns * self._pages)
        super().__init__(self.buffer, width, height, layout)
        self._level = bytearray((_CONTRAST, 0))
        self._wake(columns, rows, rotation, column_offset, row_offset, inverted)

    def _wake(self, columns, rows, rotation, column_offset, row_offset, inverted):  # rare
        """Set the controller up, which is done once."""
        order = _ORDER[rotation]
        if order[0] == 0xA0:
            self._first_column = self.memory_columns - columns - column_offset
        self.power(False)
        bus = self._bus
        bus.command(
            bytes(
                (
                    0xA8,  # rows that are driven
                    rows - 1,
                    0xD3,  # by which row drivers
                    (row_offset if order[1] == 0xC8 else -row_offset) & 63,
                    0x40,  # from the first row of the memory
                    0xDA,  # flat panels have the row drivers in sequence, others alternately
                    0x02 if columns > 2 * rows else 0x12,
                    0xA7 if inverted else 0xA6,
                    0xA4,  # show the memory
                    0xD9,  # precharge for the display's own supply
                    0xF1,
                )
            )
        )
        bus.command(order)
        bus.command(self.setup)
        self._prepare()
        self.contrast(0xCF)
        self.show()
        self.power(True)

    def power(self, on):
        """Switch the glass on or off; the picture stays."""
        self._bus.command(b"\xaf" if on else b"\xae")

    def contrast(self, level):
        """Set the brightness, 0 to 255."""
        self._level[1] = level
        self._bus.command(self._level)

    def steady(self, on):
        """Flicker less, where the controller can, while a camera looks."""

    def _prepare(self):
        """Get ready for `show()`."""

    def show(self):
        """Send the picture to the display. Raises OSError where it does not answer."""
        raise NotImplementedError
