"""The sources of the time of day, and the order in which they are trusted.

Time servers (SNTP) can be asked before anything else works, but anybody on the way can
answer in their place. The Date of a reply over verified TLS is certain, but an ESP32
verifies no certificate before it knows the time. So time servers are asked first, and the
Date overrules them.
"""

from keyfob.compat import Loaded, const
from keyfob.oauth.ticks import Stopwatch

_APART = const(300)  # s between two readings that contradict each other
_SECOND = const(1_000)  # ms between two questions at power-up
_SOON = const(60_000)  # ms before somebody is asked again, doubled each time that is in vain
_HOUR = const(3_600_000)  # ms, up to this
_DAY = const(86_400_000)  # ms before a time that is known is checked

# Asked in turn. ntptime waits for an answer, one second at most, and lets no task run.
_SERVERS = ("pool.ntp.org", "time.google.com", "time.cloudflare.com")


async def synchronise(clock):
    """Set the clock if it is not set."""
    if clock.unix() is not None:
        if clock.source is None:
            clock.source = "rtc"
            _rest(clock, _SOON)  # somebody may have set it wrong
        return
    for left in range(len(_SERVERS) - 1, -1, -1):
        if ask_server(clock):
            return
        if left:
            await clock.sleep(_SECOND)
    clock.in_vain = 0
    _rest(clock, _SOON)


def ask_server(clock):
    """Ask the next time server; return whether its answer has been taken."""
    unix = clock.credible(_query(_SERVERS[clock.asked % len(_SERVERS)], clock))
    clock.asked += 1
    if unix is None or not _is_trusted(clock, unix):
        _rest(clock, min(_SOON << min(clock.in_vain, 6), _HOUR))
        clock.in_vain += 1
        return False
    is_small = _agree(clock, _note(clock, unix), clock.unix())
    _set(clock, unix, clock.source if is_small else "ntp")
    clock.doubt = None
    clock.in_vain = 0
    _rest(clock, _DAY - clock.jitter(_DAY // 8))
    return True


def judge_date(clock):
    """Judge the Date of a server that has proven who it is."""
    date, watch = clock.date
    clock.date = None
    with Loaded("keyfob.oauth.http_date") as http_date:
        unix = clock.credible(http_date.parse(date) or 0)
    if unix is not None:
        clock.proof = unix, watch
        if not _agree(clock, clock.proof, clock.unix()):
            _set(clock, _now(clock, clock.proof), "http")


def _is_trusted(clock, unix):
    """Whether a time server's answer holds against what else is known.

    It must not contradict what TLS has proven. A clock that is set is moved far only if
    another server agrees.
    """
    if clock.proof is not None:
        if _agree(clock, clock.proof, unix):
            return True
        clock.proof = None  # the next reply decides
    reading = _note(clock, unix)
    if clock.unix() is None or _agree(clock, reading, clock.unix()):
        return True
    doubt, clock.doubt = clock.doubt, reading
    return doubt is not None and _agree(clock, doubt, unix)


def _query(server, clock):
    """Unix time as an SNTP server tells it (RFC 4330), 0 where it does not."""
    try:
        import ntptime
    except ImportError:
        return 0
    ntptime.host = server
    try:
        return ntptime.time() + clock.epoch()
    except (OSError, OverflowError, ValueError):  # no answer, or nonsense
        return 0


def _note(clock, unix):
    """A reading, which goes on from now."""
    return unix, Stopwatch(clock.ticks())


def _now(clock, reading):
    """What an earlier reading says by now."""
    unix, watch = reading
    return unix + watch.elapsed(clock.ticks()) // 1000


def _agree(clock, reading, unix):
    """Whether an earlier reading says by now about the same as `unix` (or None)."""
    return unix is not None and abs(_now(clock, reading) - unix) <= _APART


def _rest(clock, ms):
    """Ask nobody for so long."""
    clock.rest = ms, Stopwatch(clock.ticks())


def _set(clock, unix, source):
    try:
        from machine import RTC
    except ImportError:
        return  # the clock is a PC's
    year, month, day, hour, minute, second = clock.calendar(unix)
    RTC().datetime((year, month, day, 0, hour, minute, second, 0))
    clock.source = source
