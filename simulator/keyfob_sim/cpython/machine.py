"""`machine` of an ESP32 for firmware in this process: calls go to the virtual board."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from keyfob_sim.hardware import pins
from keyfob_sim.hardware.board import VirtualBoard
from keyfob_sim.runtime import RESET_CAUSES

_ENODEV = 19


class BoardReset(BaseException):
    """The firmware has reset its board, which nothing in it may catch."""

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
        IN, OUT, OPEN_DRAIN = pins.IN, pins.OUT, pins.OPEN_DRAIN
        PULL_DOWN, PULL_UP = pins.PULL_DOWN, pins.PULL_UP
        IRQ_RISING, IRQ_FALLING = pins.RISING, pins.FALLING

        def __init__(
            self, id: int, mode: int = -1, pull: int | None = -1, value: int | None = None
        ) -> None:
            self.id = id
            self.init(mode, pull, value)

        def init(self, mode: int = -1, pull: int | None = -1, value: int | None = None) -> None:
            board.pins.configure(self.id, mode, -1 if pull is None else pull)
            if value is not None:
                board.pins.write(self.id, int(bool(value)))

        def value(self, level: int | None = None) -> int | None:
            if level is None:
                return board.pins.level(self.id)
            board.pins.write(self.id, int(bool(level)))
            return None

        __call__ = value

        def on(self) -> None:
            self.value(1)

        def off(self) -> None:
            self.value(0)

        def irq(self, handler: Callable[[Any], object] | None = None, trigger: int = 3) -> None:
            handlers.pop(self.id, None)
            if handler is not None:
                handlers[self.id] = lambda: soon(handler, self)
            board.pins.watch(self.id, trigger if handler else 0)

    class SoftI2C:
        def __init__(self, scl: Any, sda: Any, freq: int = 400_000) -> None:
            self._pins = (_number(scl), _number(sda))

        def scan(self) -> list[int]:
            return board.i2c_scan(*self._pins)

        def writeto(self, address: int, data: Any, stop: bool = True) -> int:
            if not board.i2c_write(*self._pins, address, bytes(data)):
                raise OSError(_ENODEV, "ENODEV")
            return len(data)

        def writevto(self, address: int, vector: Sequence[Any], stop: bool = True) -> int:
            return self.writeto(address, b"".join(bytes(part) for part in vector), stop)

        def readfrom(self, address: int, count: int, stop: bool = True) -> bytes:
            found = board.i2c_read(*self._pins, address, count)
            if found is None:
                raise OSError(_ENODEV, "ENODEV")
            return found

    class I2C(SoftI2C):
        def __init__(self, id: int = 0, scl: Any = 18, sda: Any = 19, freq: int = 400_000) -> None:
            super().__init__(scl, sda, freq)

    class SPI:
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
            board.spi_write(*self._pins, bytes(data))

    class RTC:
        def datetime(self, fields: Sequence[int] | None = None) -> tuple[int, ...] | None:
            if fields is None:
                return tuple(board.rtc.datetime())
            board.rtc.set_datetime(fields)
            return None

        def memory(self, data: Any = None) -> bytes | None:
            if data is None:
                return board.rtc.memory
            board.rtc.set_memory(bytes(data))
            return None

    def reset() -> None:
        raise BoardReset("reset")

    def soft_reset() -> None:
        raise BoardReset("soft_reset")

    def deepsleep(ms: int = -1) -> None:
        raise BoardReset("deepsleep", ms)

    module = ModuleType("machine")
    vars(module).update(
        {name: value for name, value in locals().items() if isinstance(value, type)},
        PWRON_RESET=1,
        HARD_RESET=2,
        WDT_RESET=3,
        DEEPSLEEP_RESET=4,
        SOFT_RESET=5,
        reset=reset,
        soft_reset=soft_reset,
        deepsleep=deepsleep,
        reset_cause=lambda: RESET_CAUSES[cause],
        unique_id=lambda: board.unique_id,
    )
    return module


def _number(pin: Any) -> int:
    return int(getattr(pin, "id", pin))
