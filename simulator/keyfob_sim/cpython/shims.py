"""The modules that a board has and CPython has not, as thin as the firmware allows.

`time` and `asyncio` are seen by the firmware only: they are in place while its files are
imported and the real ones are back before anything runs.
"""

import asyncio
import contextlib
import importlib
import pkgutil
import sys
import time as host_time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from keyfob_sim.cpython.virtual_time import JumpingLoop

_EPOCH_2000 = 946_684_800  # an ESP32 counts from 2000-01-01
_TICKS_MASK = (1 << 30) - 1


class BoardTime:
    """A board's clocks: `uptime()` in seconds, and an RTC that nobody has set yet."""

    def __init__(self, uptime: Callable[[], float], true_time: Callable[[], float]) -> None:
        self._uptime = uptime
        self._true_time = true_time
        self._offset: float | None = None  # from uptime to the RTC's time

    def ticks_ms(self) -> int:
        """As `time.ticks_ms` on a 32-bit board."""
        return int(self._uptime() * 1000) & _TICKS_MASK

    def time(self) -> int:
        """As `time.time` on an ESP32: from 2000, and from zero at power-on."""
        return int(self._uptime() + (self._offset or 0.0))

    def gmtime(self, seconds: float) -> host_time.struct_time:
        """As `time.gmtime` on an ESP32."""
        return host_time.gmtime(seconds + _EPOCH_2000)

    def set_rtc(self) -> None:
        """As `ntptime.settime`: the RTC shows the true time from now on."""
        self._offset = self._true_time() - _EPOCH_2000 - self._uptime()


class _Station:
    """`network.WLAN` of a board beside its access point."""

    def __init__(self, interface: int) -> None:
        self._connected = False

    def active(self, on: bool | None = None) -> bool:
        return True

    def isconnected(self) -> bool:
        return self._connected

    def connect(self, ssid: str, password: str | None = None) -> None:
        self._connected = True

    def disconnect(self) -> None:
        self._connected = False


class _Reader:
    """A stream reader whose waits count as real ones."""

    def __init__(self, reader: asyncio.StreamReader, loop: JumpingLoop) -> None:
        self._reader = reader
        self._loop = loop

    def at_eof(self) -> bool:
        return self._reader.at_eof()

    async def read(self, size: int) -> bytes:
        with self._loop.busy():
            return await self._reader.read(size)


class _Asyncio(ModuleType):
    """asyncio, with connections that tell a jumping loop when they wait."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    @staticmethod
    async def open_connection(*args: Any, **kwargs: Any) -> tuple[Any, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, JumpingLoop):
            return await asyncio.open_connection(*args, **kwargs)
        with loop.busy():
            reader, writer = await asyncio.open_connection(*args, **kwargs)
        return _Reader(reader, loop), writer


def _module(name: str, **members: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(members)
    return module


@contextlib.contextmanager
def firmware(board_time: BoardTime) -> Iterator[ModuleType]:
    """Yield a fresh copy of the firmware's `keyfob.app`, running on `board_time`.

    Inside the block `sys.modules` holds this copy and the board's modules.
    """
    lasting = {
        "network": _module("network", STA_IF=0, WLAN=_Station),
        "ntptime": _module("ntptime", settime=board_time.set_rtc),
    }
    passing = {
        "time": _module(
            "time",
            ticks_ms=board_time.ticks_ms,
            time=board_time.time,
            gmtime=board_time.gmtime,
        ),
        "asyncio": _Asyncio("asyncio"),
    }
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_firmware(name)}
    with _in_place(lasting):
        try:
            with _in_place(passing):
                app = importlib.import_module("keyfob.app")
                _import_all(sys.modules["keyfob"])
            yield app
        finally:
            for name in [name for name in sys.modules if _is_firmware(name)]:
                del sys.modules[name]
            sys.modules.update(before)


def _is_firmware(name: str) -> bool:
    return name == "keyfob" or name.startswith("keyfob.")


def _import_all(package: ModuleType) -> None:
    """Import what the firmware would import late, while the board's clock is in place."""
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(found.name)


@contextlib.contextmanager
def _in_place(modules: dict[str, ModuleType]) -> Iterator[None]:
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
