"""The two clocks of a board: milliseconds since some start, and the time of day.

They are never mixed. Waits and deadlines follow the first, which nobody can set; Unix
time is used only for what is stored and for dates in certificates and ID tokens, and
"unknown" is one of its values.
"""

import asyncio
import time

from keyfob.compat import const
from keyfob.oauth.ticks import PERIOD

_FLOOR = const(1_767_225_600)  # 2026-01-01: a clock that says less has not been set
_EPOCH_2000 = const(946_684_800)  # Unix time of 2000-01-01, where an ESP32 starts to count
_TRIES = const(3)
_PAUSE = const(1_000)  # ms between them


class Clock:
    """Reads the platform's `time` module."""

    def ticks(self):
        """Monotonic milliseconds that wrap at `oauth.ticks.PERIOD`."""
        read = getattr(time, "ticks_ms", None)
        return (read() if read else time.monotonic_ns() // 1_000_000) & (PERIOD - 1)

    def unix(self):
        """Unix seconds, or None while the clock has not been set."""
        now = int(time.time())
        if time.gmtime(0)[0] == 2000:
            now += _EPOCH_2000
        return now if now >= _FLOOR else None

    async def sleep(self, ms):
        """Let other tasks run for `ms` milliseconds."""
        await asyncio.sleep(ms / 1000)

    async def synchronise(self):
        """Set the clock if it is not set; return what knew the time, or None.

        "rtc" means that it was right already, "ntp" that a time server was asked.
        """
        if self.unix() is not None:
            return "rtc"
        try:
            import ntptime
        except ImportError:
            return None
        for _ in range(_TRIES):
            try:
                ntptime.settime()
            except (OSError, OverflowError, ValueError):  # no answer, or nonsense
                await self.sleep(_PAUSE)
            if self.unix() is not None:
                return "ntp"
        return None
