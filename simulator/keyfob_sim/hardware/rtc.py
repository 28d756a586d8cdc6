"""The real-time clock of an ESP32: the time, and a little memory that survives deep sleep."""

import calendar
import time
from collections.abc import Callable, Sequence

EPOCH_2000 = 946_684_800  # Unix time of 2000-01-01, where an ESP32 starts to count
MEMORY_SIZE = 2048  # bytes


class Rtc:
    """Counts from 2000-01-01 at power-on, until it is set. `uptime` is monotonic seconds.

    Resets and deep sleep leave it as it is; a loss of power does not.
    """

    def __init__(self, uptime: Callable[[], float]) -> None:
        self._uptime = uptime
        self.power_off()

    def power_off(self) -> None:
        """Forget the time and the memory."""
        self.memory = b""
        self._zero = self._uptime()

    def seconds(self) -> float:
        """Seconds since 2000-01-01, by this clock."""
        return self._uptime() - self._zero

    def set(self, seconds: float) -> None:
        """Set it, in seconds since 2000-01-01."""
        self._zero = self._uptime() - seconds

    def datetime(self) -> list[int]:
        """As `machine.RTC.datetime()`: year, month, day, weekday, hour, minute, second, us."""
        seconds = self.seconds()
        at = time.gmtime(seconds + EPOCH_2000)
        us = int(seconds % 1 * 1_000_000)
        return [*at[:3], at.tm_wday, *at[3:6], us]

    def set_datetime(self, fields: Sequence[int]) -> None:
        """As `machine.RTC.datetime(fields)`; the weekday is ignored."""
        year, month, day, _, hour, minute, second, us = fields
        unix = calendar.timegm((year, month, day, hour, minute, second))
        self.set(unix - EPOCH_2000 + us / 1_000_000)

    def set_memory(self, data: bytes) -> None:
        """Keep `data`. Raises ValueError where it is too long."""
        if len(data) > MEMORY_SIZE:
            raise ValueError("buffer too long")
        self.memory = data
