"""The sources of the time of day, and the order in which they are trusted.

Time servers (SNTP) work before anything else does, but their answers can be forged. The Date of
a reply over verified TLS cannot, but an ESP32 verifies no certificate before it knows the time.
So time servers are asked first, and the Date overrules them. A clock that is set is moved far
only where two sources agree.

A clock that is set and has no source is in doubt: it has jumped, or a certificate was refused for
its dates. Then it does not count as a source itself.
"""

from keyfob.compat import Loaded, const
from keyfob.oauth.ticks import Stopwatch

_APART = const(300)  # s between two readings that contradict each other
_FAR = const(86_400)  # s that a Date alone does not move a clock
_SECOND = const(1_000)  # ms between two queries at power-up
_SOON = const(60_000)  # ms before the next query, doubled after each failure
_HOUR = const(3_600_000)  # ms, the most after failures
_DAY = const(86_400_000)  # ms before a known time is checked again
_LOOK = const(50)  # ms between two looks for an answer
_LOOKS = const(40)  # then there is none

_SERVERS = ("pool.ntp.org", "time.google.com", "time.cloudflare.com")  # asked in turn

_PORT = const(123)
_SIZE = const(48)  # bytes of a question and of an answer
_QUESTION = b"\x23"  # version 4, from a client
_ORIGINATE = const(24)  # where the answer repeats what the question has at the end
_TRANSMIT = const(40)
_EPOCH_1900 = const(2_208_988_800)  # s from 1900, where era 0 begins, to 1970
_ERA = const(4_294_967_296)  # s: era 1 begins in 2036


async def synchronise(clock):
    """Set the clock if it is not set, or is in doubt."""
    if clock.unix() is not None:
        if clock.source is None:
            if clock.rest is None:
                clock.source = "rtc"
                _rest(clock, _SOON)  # it may have been set wrong
            else:
                await ask_server(clock)
        return
    enough = clock.asked + len(_SERVERS)
    while not await ask_server(clock):
        if clock.asked >= enough:
            break
        await clock.sleep(_SECOND)
    else:
        return
    clock.failed = 0
    _rest(clock, _SOON)


async def ask_server(clock):
    """Ask the next time server; return whether the clock is set by its answer.

    Others are asked at once where it knows no time, where a second one has to agree, or where
    the clock has just come into doubt.
    """
    is_urgent = clock.rest is not None and not clock.rest[0]
    for _ in _SERVERS:
        unix = await _ask_next(clock)
        if unix is None:
            if clock.doubt is None and not is_urgent:
                break
        elif unix and _is_trusted(clock, unix):
            is_small = _agree(clock, _note(clock, unix), clock.unix())
            _set(clock, unix, (is_small and clock.source) or "ntp")
            clock.doubt = None
            clock.failed = 0
            _rest(clock, _DAY - clock.jitter(_DAY // 8))
            return True
        elif unix and clock.doubt is None:
            break  # the next Date decides
    _rest(clock, min(_SOON << min(clock.failed, 6), _HOUR))
    clock.failed += 1
    return False


async def check_date(clock):
    """Take the noted Date of an authenticated server; set the clock where they differ.

    It is not taken where it is far off and two time servers agree on another time.
    """
    date, watch = clock.date
    clock.date = None
    with Loaded("keyfob.oauth.http_date") as http_date:
        unix = clock.credible(http_date.parse(date) or 0)
    if unix is None:
        return
    reading = unix, watch
    now = clock.unix()
    is_far = now is not None and abs(_now(clock, reading) - now) > _FAR
    is_again = clock.proof is not None and _agree(clock, clock.proof, _now(clock, reading))
    if is_far and not is_again and await _is_outvoted(clock, reading):
        clock.proof = None
        return
    clock.proof = reading
    if not _agree(clock, reading, clock.unix()):
        _set(clock, _now(clock, reading), "http")


async def _is_outvoted(clock, reading):
    """Whether two time servers agree on another time than `reading`."""
    other = None
    for _ in _SERVERS:
        unix = await _ask_next(clock)
        if unix:
            if _agree(clock, reading, unix):
                return False
            if other is not None and _agree(clock, other, unix):
                return True
            other = _note(clock, unix)
    return False


def _is_trusted(clock, unix):
    """Whether a time server's answer agrees with what else is known.

    It must not contradict a Date from verified TLS. A clock that is set is moved far, or out of
    doubt, only if another server agrees.
    """
    is_doubted = clock.source is None
    now = clock.unix()
    if clock.proof is not None:
        if _agree(clock, clock.proof, unix):
            return True
        clock.proof = None
        if now is None or not is_doubted:
            return False
    reading = _note(clock, unix)
    if now is None or (not is_doubted and _agree(clock, reading, now)):
        return True
    doubt, clock.doubt = clock.doubt, reading
    return doubt is not None and _agree(clock, doubt, unix)


async def _ask_next(clock):
    """Unix time from the next time server: None without an answer, 0 where it knows no time."""
    server = _SERVERS[clock.asked % len(_SERVERS)]
    clock.asked += 1
    unix = await _query(server, clock)
    return unix and (clock.credible(unix) or 0)


async def _query(server, clock):
    """Unix time by SNTP (RFC 4330), None without an answer, 0 where it is no time.

    Only looking the name up can take long without letting other tasks run.
    """
    try:
        from machine import RTC  # noqa: F401 - without it no clock can be set
    except ImportError:
        return None
    import os
    import socket

    # An answer proves by these bytes that it is one. The time of day would say too much.
    token = os.urandom(8)
    try:
        found = socket.getaddrinfo(server, _PORT)[0]
        link = socket.socket(found[0], socket.SOCK_DGRAM)
        try:
            link.settimeout(0)
            link.sendto(_QUESTION + bytes(_TRANSMIT - 1) + token, found[-1])
            return await _answer(link, token, clock)
        finally:
            link.close()
    except OSError:  # no network, or nobody knows the name
        return None


async def _answer(link, token, clock):
    for _ in range(_LOOKS):
        try:
            data = link.recv(2 * _SIZE)
        except OSError:  # nothing has come
            await clock.sleep(_LOOK)
        else:
            if len(data) == _SIZE and data[_ORIGINATE : _ORIGINATE + 8] == token:
                return _unix(data)
    return None


def _unix(data):
    """The time that an answer tells, 0 where it tells none, such as a Kiss-o'-Death."""
    leap, version, mode = data[0] >> 6, data[0] >> 3 & 7, data[0] & 7
    is_valid = leap < 3 and 3 <= version <= 4 and mode == 4 and 1 <= data[1] <= 15
    if not is_valid or not any(data[_TRANSMIT:]):
        return 0
    seconds = int.from_bytes(data[_TRANSMIT : _TRANSMIT + 4], "big")
    if seconds < _EPOCH_1900:  # as is every time of era 1 that this clock can have
        seconds += _ERA
    return seconds - _EPOCH_1900


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
