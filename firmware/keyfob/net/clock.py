"""The two clocks of a board: milliseconds since some start, and the time of day.

They are never mixed. Waits and deadlines follow the first, which nobody can set; Unix
time is used only for what is stored and for dates in certificates and ID tokens, and
"unknown" is one of its values. Who may set it is in `time_sources`, loaded when one is asked.
"""

import asyncio
import os
import time

from keyfob.compat import Loaded, const
from keyfob.oauth.ticks import PERIOD, Stopwatch

_FLOOR = const(1_767_225_600)  # 2026-01-01, before this was built: less is not set
_CEILING = const(2_524_608_000)  # 2050-01-01: more is nonsense
_EPOCH_2000 = const(946_684_800)  # Unix time of 2000-01-01, where an ESP32 starts to count
_CALM = const(60_000)  # ms without another reply


class Clock:
    """Reads the platform's `time` module, and sets its clock.

    `source` is what knew the time last: "rtc" (it was set already), "ntp" (a time server),
    "http" (a reply's Date); None before any did.
    """

    source = None
    # What `time_sources` remembers. On the class, since there are clocks that set nothing.
    asked = 0  # questions to time servers
    in_vain = 0  # of the last ones, how many had no credible answer
    date = None  # (Date header, Stopwatch): what verified TLS says, to be judged
    proof = None  # (Unix time, Stopwatch): what it has said
    doubt = None  # the same of a time server that contradicts the clock
    rest = None  # (ms, Stopwatch): no question before that

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
        """A random number of ms below `limit`, lest boards that began together act together."""
        return int.from_bytes(os.urandom(2), "big") * limit // 65536

    async def synchronise(self):
        """Set the clock if it is not set; return what knew the time, or None."""
        with Loaded("keyfob.net.time_sources") as sources:
            await sources.synchronise(self)
        return self.source

    def witness(self, date):
        """Remember the Date header (or None) of an uncached reply over verified TLS."""
        self.date = date, Stopwatch(self.ticks())

    def keep(self):
        """Judge a Date, and ask a time server about once a day, more often while in vain.

        For a background task, every now and then while there is a network.
        """
        is_set = self.unix() is not None
        if self.source is not None and not is_set:  # somebody has unset it
            self.source = self.rest = None
        now = self.ticks()
        # A clock that is set can wait for the end of the linking, when there is more room.
        is_date_due = self.date and (not is_set or self.date[1].elapsed(now) >= _CALM)
        if is_date_due or self.rest is None or self.rest[1].elapsed(now) >= self.rest[0]:
            with Loaded("keyfob.net.time_sources") as sources:
                if is_date_due:
                    sources.judge_date(self)
                else:
                    sources.ask_server(self)

    def epoch(self):
        """Unix time where the platform starts to count."""
        return _EPOCH_2000 if time.gmtime(0)[0] == 2000 else 0

    def credible(self, unix):
        """`unix`, or None where no clock that is set can say that."""
        return unix if _FLOOR <= unix < _CEILING else None

    def calendar(self, unix):
        """(year, month, day, hour, minute, second) of Unix time, in UTC."""
        return time.gmtime(unix - self.epoch())[:6]
