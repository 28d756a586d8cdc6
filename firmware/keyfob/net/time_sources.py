"""The sources of the time of day, and the order in which they are trusted.

Time servers (SNTP) work before anything else does, but their answers can be forged. The Date of
a reply over verified TLS cannot, but an ESP32 verifies no certificate before it knows the time.
So time servers are asked first, and the Date overrules them.
"""

from keyfob.compat import Loaded, const
from keyfob.oauth.ticks import Stopwatch

_APART = const(300)  # s between two readings that contradict each other
_SECOND = const(1_000)  # ms between two queries at power-up
_SOON = const(60_000)  # ms before the next query, doubled after each failure
_HOUR = const(3_600_000)  # ms, the most after failures
_DAY = const(86_400_000)  # ms before a known time is checked again

# Asked in turn. ntptime waits for an answer, one second at most, and lets no task run.
_SERVERS = ("pool.ntp.org", "time.google.com", "time.cloudflare.com")


async def synchronise(clock):
    """Set the clock if it is not set."""
    if clock.unix() is not None:
        if clock.source is None:
            clock.source = "rtc"
            _rest(clock, _SOON)  # it may have been set wrong
        return
    for left in range(len(_SERVERS) - 1, -1, -1):
        if ask_server(clock):
            return
        if left:
            await clock.sleep(_SECOND)
    clock.failed = 0
    _rest(clock, _SOON)


def ask_server(clock):
    """Ask the next time server; return whether its answer was trusted."""
    unix = clock.credible(_query(_SERVERS[clock.asked % len(_SERVERS)], clock))
    clock.asked += 1
    if unix is None or not _is_trusted(clock, unix):
        _rest(clock, min(_SOON << min(clock.failed, 6), _HOUR))
        clock.failed += 1
        return False
    is_small = _agree(clock, _note(clock, unix), clock.unix())
    _set(clock, unix, clock.source if is_small else "ntp")
    clock.doubt = None
    clock.failed = 0
    _rest(clock, _DAY - clock.jitter(_DAY // 8))
    return True


def check_date(clock):
    """Take the noted Date of an authenticated server; set the clock where they differ."""
    date, watch = clock.date
    clock.date = None
    with Loaded("keyfob.oauth.http_date") as http_date:
        unix = clock.credible(http_date.parse(date) or 0)
    if unix is not None:
        clock.proof = unix, watch
        if not _agree(clock, clock.proof, clock.unix()):
            _set(clock, _now(clock, clock.proof), "http")


def _is_trusted(clock, unix):
    """Whether a time server's answer agrees with what else is known.

    It must not contradict a Date from verified TLS. A clock that is set is moved far only if
    another server agrees.
    """
    if clock.proof is not None:
        if _agree(clock, clock.proof, unix):
            return True
        clock.proof = None  # the next Date decides
    reading = _note(clock, unix)
    if clock.unix() is None or _agree(clock, reading, clock.unix()):
        return True
    doubt, clock.doubt = clock.doubt, reading
    return doubt is not None and _agree(clock, doubt, unix)


def _query(server, clock):
    """Unix time from an SNTP server (RFC 4330), 0 without an answer."""
    try:
        import ntptime
    except ImportError:
        return 0
    ntptime.host = server
    try:
        return ntptime.time() + clock.epoch()
    except (OSError, OverflowError, ValueError):  # no answer, or an invalid one
        return 0


def _note(clock, unix):
    """A reading (Unix time, Stopwatch) as of now."""
    return unix, Stopwatch(clock.ticks())


def _now(clock, reading):
    """The present time by an earlier reading."""
    unix, watch = reading
    return unix + watch.elapsed(clock.ticks()) // 1000


def _agree(clock, reading, unix):
    """Whether the present time by an earlier reading is about `unix` (or None)."""
    return unix is not None and abs(_now(clock, reading) - unix) <= _APART


def _rest(clock, ms):
    """Make no query for so long."""
    clock.rest = ms, Stopwatch(clock.ticks())


def _set(clock, unix, source):
    try:
        from machine import RTC
    except ImportError:
        return  # the clock is a PC's
    year, month, day, hour, minute, second = clock.calendar(unix)
    RTC().datetime((year, month, day, 0, hour, minute, second, 0))
    clock.source = source
