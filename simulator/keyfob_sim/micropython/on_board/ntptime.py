"""`ntptime`: the host knows the time, if Wi-Fi leads there."""

import _board

host = "pool.ntp.org"
timeout = 1


def time():
    return _board.ask("ntp.time", host)


def settime():
    _board.ask("rtc.set", time())
