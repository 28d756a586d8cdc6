"""A monochrome display's I2C bus."""

_COMMANDS = b"\x00"  # control bytes: commands follow, or data for the display's memory
_DATA = b"\x40"


class I2cBus:
    """Sends to the display at `address` (7 bits) on `i2c`, a machine.I2C.

    Every call raises OSError (ENODEV) where nothing answers.
    """

    def __init__(self, i2c, address=0x3C):
        self._i2c = i2c
        self._address = address
        self._parts = [None, None]  # made once: sending allocates nothing

    def command(self, data):
        """Send commands with their arguments."""
        self._send(_COMMANDS, data)

    def data(self, data):
        """Send data for the display's memory."""
        self._send(_DATA, data)

    def _send(self, control, data):
        self._parts[0] = control
        self._parts[1] = data
        self._i2c.writevto(self._address, self._parts)


def open_bus(wires):
    """The bus that /board.json describes as `wires`."""
    from machine import I2C, Pin

    i2c = I2C(wires["id"], scl=Pin(wires["scl"]), sda=Pin(wires["sda"]), freq=wires["frequency"])
    return I2cBus(i2c, wires["address"])
