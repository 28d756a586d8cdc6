"""`time` of an ESP32: the epoch is 2000, and waiting is the host's business."""

import _board
import utime

_EPOCH_2000 = 946684800


def ticks_ms():
    return utime.ticks_ms() + _board.skew


def ticks_us():
    return utime.ticks_us() + _board.skew * 1000


def sleep(seconds):
    _board.wait(int(seconds * 1000))


def sleep_ms(ms):
    _board.wait(ms)


def sleep_us(us):
    _board.wait((us + 999) // 1000)


def time():
    return _board.call(84)


def time_ns():
    return time() * 1000000000


def gmtime(seconds=None):
    return utime.gmtime((time() if seconds is None else seconds) + _EPOCH_2000)


localtime = gmtime


def mktime(fields):
    return utime.mktime(fields) - _EPOCH_2000


def __getattr__(name):
    return getattr(utime, name)
