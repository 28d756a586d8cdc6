"""`machine` of an ESP32, as far as firmware for keyfob's boards goes.

The constants that say what caused a reset are the host's.
"""

from binascii import hexlify, unhexlify

import _board
from micropython import const
from umachine import *
from umachine import PinBase

_CHUNK = const(4096)  # bytes of SPI traffic in one packet
_ENODEV = const(19)


class Pin(PinBase):
    """A GPIO; `mode` and `pull` of -1 leave what is set."""

    IN = const(1)
    OUT = const(3)
    OPEN_DRAIN = const(7)
    PULL_DOWN = const(1)
    PULL_UP = const(2)
    IRQ_RISING = const(1)
    IRQ_FALLING = const(2)

    def __init__(self, id, mode=-1, pull=-1, value=None, **_):
        self._id = id
        self.init(mode, pull, value)

    def init(self, mode=-1, pull=-1, value=None, **_):
        """Set what is given, and put out `value` if it is."""
        _board.ask("machine.pin.init", self._id, mode, -1 if pull is None else pull)
        if value is not None:
            self.value(value)

    def value(self, level=None):
        """Return the level, 0 or 1, or put out `level`; also what calling the pin does."""
        if level is None:
            return _board.call(76, self._id)
        _board.call(72, self._id, bool(level))

    __call__ = value

    def on(self):
        """Put out 1."""
        self.value(1)

    def off(self):
        """Put out 0."""
        self.value(0)

    def irq(self, handler=None, trigger=3, **_):
        """Schedule `handler(pin)` at the edges in `trigger`; a handler of None ends it."""
        _board.interrupts[self._id] = (handler, self)
        if handler is None:
            del _board.interrupts[self._id]
            trigger = 0
        _board.ask("machine.pin.irq", self._id, trigger)

    def __str__(self):
        return "Pin(%d)" % self._id


def _number(pin):
    return pin._id if isinstance(pin, Pin) else pin


class SoftI2C:
    """A bus on two pins; `freq` changes nothing here. Transfers raise OSError(ENODEV)."""

    def __init__(self, scl, sda, freq=400000, **_):
        self._bus = _board.ask("machine.i2c.open", _number(scl), _number(sda), freq)

    def scan(self):
        """7-bit addresses of the devices that answer."""
        return _board.ask("machine.i2c.scan", self._bus)

    def writeto(self, address, data, stop=True):
        """Write `data` to a device; return the number of bytes, all acknowledged."""
        self._write(address, (data,))
        return len(data)

    def writevto(self, address, vector, stop=True):
        """Write several buffers in one transfer, without joining them in the heap."""
        self._write(address, vector)
        return sum([len(part) for part in vector])

    def _write(self, address, vector):
        if _board.call(73, self._bus, address, vector) < 0:
            raise OSError(_ENODEV)

    def readfrom(self, address, count, stop=True):
        """Read `count` bytes."""
        return unhexlify(_board.ask("machine.i2c.read", self._bus, address, count))

    def readfrom_into(self, address, buffer, stop=True):
        """Read as many bytes as `buffer` holds."""
        buffer[:] = self.readfrom(address, len(buffer))

    def writeto_mem(self, address, register, data, **_):
        """Write `data` from an 8-bit register on."""
        self.writeto(address, bytes((register,)) + data)

    def readfrom_mem(self, address, register, count, **_):
        """Read `count` bytes from an 8-bit register on."""
        self.writeto(address, bytes((register,)), False)
        return self.readfrom(address, count)

    def readfrom_mem_into(self, address, register, buffer, **_):
        """As `readfrom_mem`, as many bytes as `buffer` holds."""
        buffer[:] = self.readfrom_mem(address, register, len(buffer))


class I2C(SoftI2C):
    """A hardware bus, 0 or 1, on its usual pins unless told otherwise."""

    def __init__(self, id=0, scl=None, sda=None, freq=400000, **_):
        pins = ((18, 19), (25, 26))[id]  # where an ESP32 has them unless told otherwise
        super().__init__(pins[0] if scl is None else scl, pins[1] if sda is None else sda, freq)


class SPI:
    """A bus that only writes, as no panel here drives MISO; `baudrate` changes nothing."""

    MSB = const(0)
    LSB = const(1)

    def __init__(self, id, baudrate=1000000, sck=None, mosi=None, miso=None, **_):
        pins = (14, 13) if id == 1 else (18, 23)
        sck = pins[0] if sck is None else _number(sck)
        self._bus = _board.ask("machine.spi.open", sck, pins[1] if mosi is None else _number(mosi))

    def init(self, *_, **__):
        """Does nothing: speed and mode make no difference here."""

    def deinit(self):
        """Does nothing."""

    def write(self, data):
        """Clock `data` out to whichever device is selected."""
        for start in range(0, len(data), _CHUNK):
            _board.call(83, self._bus, 0, (memoryview(data)[start : start + _CHUNK],))

    def readinto(self, buffer, write=0):
        """Clock `write` out for each byte of `buffer`, and fill that with zeros."""
        self.write(bytes((write,)) * len(buffer))
        buffer[:] = bytes(len(buffer))  # no panel here drives MISO

    def read(self, count, write=0):
        """Return `count` zeros, clocking `write` out for each."""
        buffer = bytearray(count)
        self.readinto(buffer, write)
        return bytes(buffer)

    def write_readinto(self, data, buffer):
        """Clock `data` out and fill `buffer` with zeros."""
        self.write(data)
        buffer[:] = bytes(len(buffer))


def unique_id():
    """Six bytes, as an ESP32's base MAC address."""
    return unhexlify(_board.ask("machine.unique_id"))


def reset_cause():
    """Why the board booted last: PWRON_RESET to SOFT_RESET."""
    return _board.ask("machine.reset_cause")


def reset():
    """Reset the chip; does not return."""
    _board.ask("machine.reset")


class SoftSPI(SPI):
    """As SPI, on any pins."""

    def __init__(self, baudrate=500000, sck=None, mosi=None, miso=None, **_):
        super().__init__(1, sck=sck, mosi=mosi)


class RTC:
    """The real-time clock, in seconds since 2000-01-01; a loss of power alone resets it."""

    def datetime(self, fields=None):
        """Return or set (year, month, day, weekday, hour, minute, second, us)."""
        if fields is None:
            return tuple(_board.ask("machine.rtc.datetime"))
        _board.ask("machine.rtc.set_datetime", fields)

    def init(self, fields):
        """Set it by (year, month, day, hour, minute, second, us, zone); the zone is ignored."""
        year, month, day, hour, minute, second, us, _ = fields
        self.datetime((year, month, day, 0, hour, minute, second, us))

    def memory(self, data=None):
        """Return or set up to 2048 bytes that outlive a deep sleep. Raises ValueError for more."""
        if data is None:
            return unhexlify(_board.ask("machine.rtc.memory"))
        _board.ask("machine.rtc.set_memory", hexlify(data))


class WDT:
    """A watchdog that resets the board `timeout` ms after the last `feed`."""

    def __init__(self, id=0, timeout=5000):
        _board.ask("machine.wdt.start", timeout)

    def feed(self):
        """Start its time anew."""
        _board.call(70)


class Timer:
    """Schedules `callback(timer)` once or again and again."""

    ONE_SHOT = const(0)
    PERIODIC = const(1)

    def __init__(self, id, **settings):
        self._id = id
        if settings:
            self.init(**settings)

    def init(self, mode=PERIODIC, period=-1, freq=-1, callback=None, **_):
        """Start: every `period` ms, or `freq` times a second."""
        if freq > 0:
            period = int(1000 / freq)
        _board.interrupts[1000 + self._id] = (callback or (lambda _: None), self)
        _board.ask("machine.timer.start", self._id, period, mode)

    def deinit(self):
        """Stop."""
        _board.interrupts.pop(1000 + self._id, None)
        _board.ask("machine.timer.stop", self._id)


def _write(*_wave):
    """Send a wave, as bitstream does: pin, kind (0), four times in ns, bytes."""
    pin, _, timing, buf = _wave
    _board.ask("machine.bitstream", _number(pin), timing, hexlify(buf).decode())


def freq(hz=None):
    """CPU frequency in Hz; setting it changes nothing."""
    return 160000000 if hz is None else None


def bootloader(timeout=0):
    """Reset into the ROM's bootloader, where the board stays."""
    _board.ask("machine.bootloader")


def deepsleep(ms=-1):
    """Sleep for `ms`, -1 until a reset, then boot; does not return."""
    _board.ask("machine.deepsleep", ms)


def lightsleep(ms=-1):
    """Wait for `ms`, or for 12 days where it is -1; nothing in RAM is lost."""
    _board.wait(ms if ms >= 0 else 1 << 30)


def disable_irq():
    """Does nothing: every handler here is a scheduled one."""
    return 0


def enable_irq(state=0):
    """Does nothing."""


def __getattr__(name):
    value = _board.ask("machine.constant", name)
    return _write if value is None else value  # None: bitstream, a name less in every board's RAM
