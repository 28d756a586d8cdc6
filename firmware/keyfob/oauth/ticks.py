"""Elapsed time from a millisecond counter that wraps.

A board's counter wraps after 2**30 ms (12.4 days). Two readings can be compared only while they
are less than half of that apart. A `Stopwatch` adds up the steps between its readings instead:
any deadline works as long as it is read every six days.
"""

from keyfob.compat import const

PERIOD = const(1_073_741_824)  # 2 ** 30 ms
_HALF = const(1 << 29)


def diff(later, earlier):
    """Milliseconds from `earlier` to `later`; negative when it is the other way round."""
    return ((later - earlier + _HALF) & (PERIOD - 1)) - _HALF


class Stopwatch:
    """Counts milliseconds since it was made; it never runs backwards."""

    def __init__(self, now):
        self._last = now
        self._elapsed = 0

    def elapsed(self, now):
        """Milliseconds since the start, with `now` the counter's present reading."""
        step = diff(now, self._last)
        if step > 0:
            self._elapsed += step
            self._last = now
        return self._elapsed
