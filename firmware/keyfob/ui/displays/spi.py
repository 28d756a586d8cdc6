"""A display's SPI bus with its D/C, CS and reset pins."""

import time

_PULSE = 0.01  # s: the reset pin low, and the wait behind it


class SpiBus:
    """Sends to the display on `spi`, a machine.SPI; pins are machine.Pin, set to be outputs.

    `cs` and `reset` may be None where they are not wired. The display is reset at once.
    """

    def __init__(self, spi, dc, cs=None, reset=None):
        self._spi = spi
        self._dc = dc
        self._cs = cs
        if reset is not None:
            for level in (0, 1):
                reset.value(level)
                time.sleep(_PULSE)

    def command(self, data):
        """Send commands; for a monochrome display with their arguments."""
        self._send(0, data)

    def data(self, data):
        """Send data for the display's memory, or the arguments of a colour display's commands."""
        self._send(1, data)

    def _send(self, level, data):
        self._dc.value(level)
        if self._cs is not None:
            self._cs.value(0)
        self._spi.write(data)
        if self._cs is not None:
            self._cs.value(1)


def open_bus(wires):
    """The bus that /board.json describes as `wires`."""
    from machine import SPI, Pin

    # Without CS nothing marks where a byte begins; a clock that idles high has fewer glitches.
    idle = int(wires["cs"] < 0)
    spi = SPI(
        wires["id"],
        baudrate=wires["frequency"],
        polarity=idle,
        phase=idle,
        sck=Pin(wires["sck"]),
        mosi=Pin(wires["mosi"]),
        miso=None,
    )
    bus = SpiBus(spi, output(wires["dc"], 0), output(wires["cs"], 1), output(wires["reset"], 1))
    if wires.get("busy", -1) >= 0:  # of e-paper
        bus.busy = Pin(wires["busy"], Pin.IN)
    return bus


def output(pin, level=0):
    """The pin of that number as an output at `level`; None for -1, which is not wired."""
    if pin < 0:
        return None
    from machine import Pin

    return Pin(pin, Pin.OUT, value=level)
