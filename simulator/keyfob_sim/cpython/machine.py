"""`machine` of an ESP32 for firmware in this process: calls go to the virtual board."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from keyfob_sim.hardware import pins
from keyfob_sim.hardware.board import VirtualBoard
from keyfob_sim.run.runtime_interface import RESET_CAUSES

_ENODEV = 19


class BoardReset(BaseException):
    """The firmware has reset its board; a BaseException, so that its handlers let it through."""

    def __init__(self, cause: str, sleep_ms: int = 0) -> None:
        super().__init__(cause)
        self.cause = cause
        self.sleep_ms = sleep_ms


def machine(board: VirtualBoard, cause: str, soon: Callable[..., object]) -> ModuleType:
    """The module, for one boot of `board` that `cause` brought about.

    `soon(handler, pin)` calls an interrupt's handler outside of what is running.
    """
    handlers: dict[int, Callable[[], object]] = {}

    def interrupt(pin: int) -> None:
        if pin in handlers:
            handlers[pin]()

    board.interrupt = interrupt

    class Pin:
        """A GPIO; `mode` and `pull` of -1 leave what is set."""

        IN, OUT, OPEN_DRAIN = pins.IN, pins.OUT, pins.OPEN_DRAIN
        PULL_DOWN, PULL_UP = pins.PULL_DOWN, pins.PULL_UP
        IRQ_RISING, IRQ_FALLING = pins.RISING, pins.FALLING

        def __init__(
            self, id: int, mode: int = -1, pull: int | None = -1, value: int | None = None
        ) -> None:
            self.id = id
            self.init(mode, pull, value)

        def init(self, mode: int = -1, pull: int | None = -1, value: int | None = None) -> None:
            """Set what is given, and put out `value` if it is."""
            board.pins.configure(self.id, mode, -1 if pull is None else pull)
            if value is not None:
                board.pins.write(self.id, int(bool(value)))

        def value(self, level: int | None = None) -> int | None:
            """Return the level, 0 or 1, or put out `level`; also what calling the pin does."""
            if level is None:
                return board.pins.level(self.id)
            board.pins.write(self.id, int(bool(level)))
            return None

        __call__ = value

        def on(self) -> None:
            """Put out 1."""
            self.value(1)

        def off(self) -> None:
            """Put out 0."""
            self.value(0)

        def irq(self, handler: Callable[[Any], object] | None = None, trigger: int = 3) -> None:
            """Have `handler(pin)` called soon after the edges in `trigger`; None ends it."""
            handlers.pop(self.id, None)
            if handler is not None:
                handlers[self.id] = lambda: soon(handler, self)
            board.pins.watch(self.id, trigger if handler else 0)

    class SoftI2C:
        """A bus on two pins; transfers raise OSError(ENODEV) where no device answers."""

        def __init__(self, scl: Any, sda: Any, freq: int = 400_000) -> None:
            self._pins = (_number(scl), _number(sda))

        def scan(self) -> list[int]:
            """7-bit addresses of the devices that answer."""
            return board.i2c_scan(*self._pins)

        def writeto(self, address: int, data: Any, stop: bool = True) -> int:
            """Write `data` to a device; return the number of bytes, all acknowledged."""
            if not board.i2c_write(*self._pins, address, bytes(data)):
                raise OSError(_ENODEV, "ENODEV")
            return len(data)

        def writevto(self, address: int, vector: Sequence[Any], stop: bool = True) -> int:
            """Write several buffers in one transfer."""
            return self.writeto(address, b"".join(bytes(part) for part in vector), stop)

        def readfrom(self, address: int, count: int, stop: bool = True) -> bytes:
            """Read `count` bytes."""
            found = board.i2c_read(*self._pins, address, count)
            if found is None:
                raise OSError(_ENODEV, "ENODEV")
            return found

    class I2C(SoftI2C):
        """A hardware bus, on the pins of bus 0 unless told otherwise."""

        def __init__(self, id: int = 0, scl: Any = 18, sda: Any = 19, freq: int = 400_000) -> None:
            super().__init__(scl, sda, freq)

    class SPI:
        """A bus that only writes, as no panel here drives MISO."""

        MSB, LSB = 0, 1

        def __init__(
            self,
            id: int,
            baudrate: int = 1_000_000,
            polarity: int = 0,
            phase: int = 0,
            sck: Any = 18,
            mosi: Any = 23,
            miso: Any = None,
        ) -> None:
            self._pins = (_number(sck), _number(mosi))

        def write(self, data: Any) -> None:
            """Clock `data` out to whichever device is selected."""
            board.spi_write(*self._pins, bytes(data))

    class RTC:
        """The real-time clock; of all resets only a loss of power clears it."""

        def datetime(self, fields: Sequence[int] | None = None) -> tuple[int, ...] | None:
            """Return or set (year, month, day, weekday, hour, minute, second, us)."""
            if fields is None:
                return tuple(board.rtc.datetime())
            board.rtc.set_datetime(fields)
            return None

        def memory(self, data: Any = None) -> bytes | None:
            """Return or set up to 2048 bytes that outlive a deep sleep; ValueError for more."""
            if data is None:
                return board.rtc.memory
            board.rtc.set_memory(bytes(data))
            return None

    def bitstream(pin: Any, encoding: int, timing: Sequence[int], data: Any, /) -> None:
        """Send `data` as a wave of `timing`, in ns."""
        board.bitstream(_number(pin), timing, bytes(data))

    def reset() -> None:
        """Reset the chip."""
        raise BoardReset("reset")

    def soft_reset() -> None:
        """Restart MicroPython; the hardware is left as it is."""
        raise BoardReset("soft_reset")

    def deepsleep(ms: int = -1) -> None:
        """Sleep for `ms`, -1 until a reset, then boot."""
        raise BoardReset("deepsleep", ms)

    module = ModuleType("machine")
    vars(module).update(
        Pin=Pin,
        SoftI2C=SoftI2C,
        I2C=I2C,
        SPI=SPI,
        RTC=RTC,
        PWRON_RESET=1,
        HARD_RESET=2,
        WDT_RESET=3,
        DEEPSLEEP_RESET=4,
        SOFT_RESET=5,
        bitstream=bitstream,
        reset=reset,
        soft_reset=soft_reset,
        deepsleep=deepsleep,
        reset_cause=lambda: RESET_CAUSES[cause],
        unique_id=lambda: board.unique_id,
    )
    return module


def _number(pin: Any) -> int:
    return int(getattr(pin, "id", pin))
