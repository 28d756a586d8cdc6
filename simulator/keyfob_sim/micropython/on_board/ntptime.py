"""`ntptime`: the host knows the time, if Wi-Fi leads there."""

import _board

host = "pool.ntp.org"
timeout = 1


def time():
    """Seconds since 2000-01-01. Raises OSError where no time server answers."""
    return _board.ask("ntptime.time", host)


def settime():
    """Set the RTC to the network's time. Raises OSError as `time` does."""
    _board.ask("machine.rtc.set", time())
