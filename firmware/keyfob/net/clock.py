"""The two clocks of a board: a monotonic millisecond counter, and the time of day.

They are never mixed. Waits and deadlines follow the counter, which cannot be set. Unix time is
used only for what is stored and for dates in certificates and ID tokens, and it may be unknown.
The sources that set it are in `time_sources`, loaded when one is asked.
"""

import asyncio
import os
import time

from keyfob.compat import Loaded, const
from keyfob.oauth.ticks import PERIOD, Stopwatch

_FLOOR = const(1_767_225_600)  # 2026-01-01, before this was built: less is not set
_CEILING = const(2_524_608_000)  # 2050-01-01: more is not plausible
_EPOCH_2000 = const(946_684_800)  # Unix time of 2000-01-01, where an ESP32 starts to count
_QUIET = const(60_000)  # ms without another reply before its Date is checked
_JUMP = const(86_400)  # s that nothing but another program or a fault moves a clock


class Clock:
    """Reads the platform's `time` module, and sets its clock.

    `source` is where the time came from: "rtc" (the clock was set already), "ntp" (a time
    server), "http" (a reply's Date), or None where it is unknown or in doubt.
    """

    source = None
    # State of `time_sources`. On the class, since there are clocks that set nothing.
    asked = 0  # queries to time servers
    failed = 0  # the last ones in a row without a trusted answer
    date = None  # (Date header, Stopwatch): from verified TLS, not checked yet
    proof = None  # (Unix time, Stopwatch): the last Date that was valid
    doubt = None  # the same for a time server that contradicts the clock
    rest = None  # (ms, Stopwatch): no query before that
    _last = None  # (Unix time, Stopwatch) of the last `keep`

    def ticks(self):
        """Monotonic milliseconds that wrap at `oauth.ticks.PERIOD`."""
        read = getattr(time, "ticks_ms", None)
        return (read() if read else time.monotonic_ns() // 1_000_000) & (PERIOD - 1)

    def unix(self):
        """Unix seconds, or None while the clock has not been set."""
        return self.credible(int(time.time()) + self.epoch())

    async def sleep(self, ms):
        """Let other tasks run for `ms` milliseconds."""
        await asyncio.sleep(ms / 1000)

    def jitter(self, limit):
        """A random number of ms below `limit`, so that boards that started together spread out."""
        return int.from_bytes(os.urandom(2), "big") * limit // 65536

    async def synchronise(self):
        """Set the clock if it is not set or in doubt; return the `source` of the time, or None."""
        with Loaded("keyfob.net.time_sources") as sources:
            await sources.synchronise(self)
        return self.source

    def note_date(self, date):
        """Note the Date header (or None) of an uncached reply over verified TLS."""
        self.date = date, Stopwatch(self.ticks())

    async def keep(self):
        """Check a noted Date, or ask time servers: about once a day, more often after a failure.

        After a jump of more than a day that is at once. A background task calls this regularly
        while there is a network.
        """
        unix, now = self.unix(), self.ticks()
        if unix is None and self.source is not None:  # another program has unset it
            self.source = self.rest = None
        last = self._last
        has_jumped = (
            last is not None
            and unix is not None
            and abs(last[0] + last[1].elapsed(now) // 1000 - unix) > _JUMP
        )
        if has_jumped:
            self.source = None
            self.rest = 0, Stopwatch(now)
        # A clock that is set can wait until the linking is over, when more RAM is free.
        is_urgent = unix is None or has_jumped
        is_date_due = self.date and (is_urgent or self.date[1].elapsed(now) >= _QUIET)
        if is_date_due or self.rest is None or self.rest[1].elapsed(now) >= self.rest[0]:
            with Loaded("keyfob.net.time_sources") as sources:
                await (sources.check_date if is_date_due else sources.ask_server)(self)
            unix, now = self.unix(), self.ticks()  # it may have been set
        self._last = None if unix is None else (unix, Stopwatch(now))

    def epoch(self):
        """Unix time at which the platform's `time` starts to count."""
        return _EPOCH_2000 if time.gmtime(0)[0] == 2000 else 0

    def credible(self, unix):
        """`unix`, or None where it is not plausible."""
        return unix if _FLOOR <= unix < _CEILING else None

    def calendar(self, unix):
        """(year, month, day, hour, minute, second) of Unix time, in UTC."""
        return time.gmtime(unix - self.epoch())[:6]
