"""`time` of an ESP32: the epoch is 2000, and waiting is the host's business."""

import _board
import utime

_EPOCH_2000 = 946684800


def ticks_ms():
    """Milliseconds that wrap, time skipped included."""
    return utime.ticks_ms() + _board.skew


def ticks_us():
    """Microseconds that wrap, time skipped included."""
    return utime.ticks_us() + _board.skew * 1000


def sleep(seconds):
    """Sleep for `seconds`, which may be a fraction; interrupts are served meanwhile."""
    _board.wait(int(seconds * 1000))


def sleep_ms(ms):
    """Sleep for `ms`; interrupts are served meanwhile."""
    _board.wait(ms)


def sleep_us(us):
    """Sleep for `us`, rounded up to whole milliseconds."""
    _board.wait((us + 999) // 1000)


def time():
    """Seconds since 2000-01-01 by the RTC."""
    return _board.call(84)


def time_ns():
    """As `time`, in nanoseconds; whole seconds."""
    return time() * 1000000000


def gmtime(seconds=None):
    """(year, month, day, hour, minute, second, weekday, yearday) of seconds since 2000."""
    return utime.gmtime((time() if seconds is None else seconds) + _EPOCH_2000)


localtime = gmtime


def mktime(fields):
    """Seconds since 2000-01-01 of such a tuple."""
    return utime.mktime(fields) - _EPOCH_2000


def __getattr__(name):
    return getattr(utime, name)
