"""The two clocks of a board, and the time sources that set the second one."""

import sys

from keyfob.net import clock, time_sources
from keyfob.oauth.ticks import PERIOD, diff

IN_2027 = 1_800_000_000
DATE = "Fri, 15 Jan 2027 08:00:00 GMT"  # the same, in a header
FROM_2000 = 946_684_800
DAY = 86_400
QUARTER = 90 * DAY
POOL, SECOND, THIRD = time_sources._SERVERS


class Time:
    """In place of the modules `time` and `machine` inside `with`: counts from `epoch` on."""

    def __init__(self, now, epoch=1970, **functions):
        self.now = now  # the time of day as the platform counts it
        self._epoch = epoch
        for name in functions:
            setattr(self, name, functions[name])

    @property
    def unix(self):
        return self.now + (FROM_2000 if self._epoch == 2000 else 0)

    def time(self):
        return self.now

    def gmtime(self, seconds):
        if seconds == 0:
            return (self._epoch, 1, 1, 0, 0, 0, 5, 1)
        return (2026 + seconds // DAY, 1, 2, 3, 4, seconds % DAY, 6, 7)  # of a calendar of its own

    def RTC(self):  # noqa: N802 - the platform's name
        return self

    def datetime(self, fields):
        year, month, day, _, hour, minute, second, us = fields
        assert (month, day, hour, minute, us) == (1, 2, 3, 4, 0)
        self.now = (year - 2026) * DAY + second

    def __enter__(self):
        self._real = clock.time, sys.modules.get("machine")
        clock.time = sys.modules["machine"] = self
        return self

    def __exit__(self, *_):
        clock.time, before = self._real
        del sys.modules["machine"]
        if before is not None:
            sys.modules["machine"] = before


class TimeServers:
    """In place of `ntptime` inside `with`.

    `answers` are Unix times or errors to raise, in order; the last one stays.
    """

    def __init__(self, wall, *answers):
        self.asked = []  # the servers, in order
        self.host = None
        self._wall = wall
        self._answers = list(answers)

    def time(self):
        self.asked.append(self.host)
        answer = self._answers.pop(0) if self._answers[1:] else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer - (self._wall.unix - self._wall.now)

    def settime(self):
        raise AssertionError("it would set what nobody has judged")

    def __enter__(self):
        self._before = sys.modules.get("ntptime")
        sys.modules["ntptime"] = self
        return self

    def __exit__(self, *_):
        del sys.modules["ntptime"]
        if self._before is not None:
            sys.modules["ntptime"] = self._before


class Clock(clock.Clock):
    """Notes its sleeps instead of sleeping; time passes by `let_pass`."""

    def __init__(self, wall=None):
        self.slept = []
        self.now = 0
        self.wall = wall

    def ticks(self):
        return self.now & (PERIOD - 1)

    def jitter(self, limit):
        return 0

    async def sleep(self, ms):
        self.slept.append(ms)

    def hear(self, date):
        """Get a reply with that Date, and nothing else for a minute."""
        self.note_date(date)
        self.let_pass(60)

    def let_pass(self, seconds):
        """Look after the clock for so long, a minute at a time."""
        for _ in range(seconds // 60):
            self.now += 60_000
            self.wall.now += 60
            self.keep()


SILENT = OSError(110)


# Reading


def test_ticks_go_on_and_stay_within_the_period():
    ours = clock.Clock()
    before = ours.ticks()
    assert 0 <= before < PERIOD
    assert 0 <= diff(ours.ticks(), before) < 1000


def test_ticks_wrap_whatever_the_platform_counts():
    ours = clock.Clock()
    with Time(0, ticks_ms=lambda: PERIOD + 5):
        assert ours.ticks() == 5
    with Time(0, monotonic_ns=lambda: (PERIOD + 7) * 1_000_000 + 999_999):
        assert ours.ticks() == 7


def test_unix_time_of_either_epoch():
    ours = clock.Clock()
    with Time(IN_2027):
        assert ours.unix() == IN_2027
    with Time(IN_2027 + 0.9):
        assert ours.unix() == IN_2027
    with Time(IN_2027 - FROM_2000, epoch=2000):
        assert ours.unix() == IN_2027


def test_a_clock_that_was_never_set_is_unknown_and_not_the_past():
    ours = clock.Clock()
    for now, epoch in ((0, 2000), (DAY, 2000), (0, 1970), (1_609_459_200, 1970)):
        with Time(now, epoch):
            assert ours.unix() is None


def test_nor_is_it_a_future_that_nobody_has_seen():
    for now, epoch in ((3_000_000_000, 1970), (2_000_000_000, 2000)):
        with Time(now, epoch):
            assert clock.Clock().unix() is None


async def test_sleep_is_in_milliseconds():
    ours = clock.Clock()
    before = ours.ticks()
    await ours.sleep(3)
    assert 2 <= diff(ours.ticks(), before) < 1000


def test_jitter_is_below_its_limit_and_not_always_the_same():
    drawn = [clock.Clock().jitter(1_000) for _ in range(50)]
    assert all(0 <= each < 1_000 for each in drawn)
    assert len(set(drawn)) > 10
    assert clock.Clock().jitter(0) == 0


# At power-up


async def test_a_clock_that_is_right_is_left_alone():
    with Time(IN_2027) as wall, TimeServers(wall, SILENT) as servers:
        ours = Clock()
        assert await ours.synchronise() == ours.source == "rtc"
        assert servers.asked == []


async def test_a_time_server_sets_it():
    for epoch in (1970, 2000):
        with Time(60, epoch) as wall, TimeServers(wall, IN_2027) as servers:
            ours = Clock()
            assert await ours.synchronise() == ours.source == "ntp"
            assert ours.unix() == IN_2027
            assert ours.slept == [] and servers.asked == [POOL]


async def test_another_time_server_is_asked_after_a_failure():
    for trouble in (SILENT, OSError(-202), OverflowError(), ValueError("buffer too small")):
        with Time(60, epoch=2000) as wall:
            with TimeServers(wall, trouble, trouble, IN_2027) as servers:
                ours = Clock()
                assert await ours.synchronise() == "ntp"
                assert servers.asked == [POOL, SECOND, THIRD]
                assert ours.slept == [1000, 1000]


async def test_a_clock_that_cannot_be_set_stays_unknown():
    with Time(60, epoch=2000) as wall, TimeServers(wall, SILENT) as servers:
        ours = Clock()
        assert await ours.synchronise() is None
        assert len(servers.asked) == 3
        assert ours.unix() is None and ours.source is None


async def test_a_time_that_cannot_be_is_not_believed():
    for nonsense in (0, 1_000_000_000, 4_000_000_000):
        with Time(60, epoch=2000) as wall, TimeServers(wall, nonsense):
            assert await Clock().synchronise() is None
            assert wall.now == 60  # nor was the clock ever set to it


async def test_a_platform_without_a_time_server():
    try:
        import ntptime
    except ImportError:
        ntptime = None
    with Time(60, epoch=2000):
        assert ntptime or await Clock().synchronise() is None


async def test_a_platform_whose_clock_nobody_can_set():
    with Time(60) as wall, TimeServers(wall, IN_2027):
        sys.modules["machine"] = object()  # MicroPython on a PC has one without an RTC
        assert await Clock().synchronise() is None


# From then on


async def test_an_unknown_time_is_asked_for_ever_more_rarely_until_somebody_knows_it():
    with Time(60, epoch=2000) as wall:
        with TimeServers(wall, SILENT) as servers:
            ours = Clock(wall)
            await ours.synchronise()
            ours.let_pass(DAY)
            assert 20 < len(servers.asked) < 40
        with TimeServers(wall, IN_2027):
            ours.let_pass(3_600)
    assert ours.source == "ntp"


async def test_a_known_time_is_checked_once_a_day():
    with Time(60, epoch=2000) as wall, TimeServers(wall, IN_2027) as servers:
        ours = Clock(wall)
        await ours.synchronise()
        for day in range(1, 31):
            servers._answers = [IN_2027 + day * DAY + 5]  # our clock loses a little
            ours.let_pass(DAY)
            assert abs(ours.unix() - IN_2027 - day * DAY - 5) < 5
        assert len(servers.asked) == 31
        assert ours.source == "ntp"


async def test_a_clock_that_was_set_wrong_before_the_boot_is_put_right_by_two_that_agree():
    for wrong in (QUARTER, -QUARTER):
        with Time(IN_2027 + wrong) as wall, TimeServers(wall, IN_2027) as servers:
            ours = Clock(wall)
            assert await ours.synchronise() == "rtc"
            ours.let_pass(60)
            assert servers.asked == [POOL] and abs(ours.unix() - IN_2027 - wrong) <= 60
            ours.let_pass(60)
            assert servers.asked == [POOL, SECOND] and ours.unix() == IN_2027
            assert ours.source == "ntp"


async def test_one_time_server_cannot_move_a_clock_that_is_set():
    with Time(60, epoch=2000) as wall, TimeServers(wall, IN_2027) as servers:
        ours = Clock(wall)
        await ours.synchronise()
        for wrong in (QUARTER, -QUARTER, 600):
            servers._answers = [ours.unix() + DAY + wrong, ours.unix() + DAY + 60]
            before = ours.unix()
            ours.let_pass(DAY + 120)
            assert abs(ours.unix() - before - DAY) < 300


async def test_a_clock_that_somebody_unsets_is_set_again_at_once():
    with Time(60, epoch=2000) as wall, TimeServers(wall, IN_2027) as servers:
        ours = Clock(wall)
        await ours.synchronise()
        wall.now = 0
        assert ours.unix() is None
        ours.keep()
        assert ours.unix() == IN_2027 and len(servers.asked) == 2
        servers._answers = [SILENT]
        wall.now = 0
        ours.keep()
        assert ours.unix() is None and ours.source is None


# The Date of a reply over verified TLS


async def test_a_date_sets_a_clock_that_no_time_server_has_set():
    with Time(60, epoch=2000) as wall, TimeServers(wall, SILENT):
        ours = Clock(wall)
        await ours.synchronise()
        for nothing in (None, "", "yesterday", "Sun, 06 Nov 1994 08:49:37 GMT"):
            ours.hear(nothing)
            assert ours.unix() is None and ours.source is None
        ours.note_date(DATE)
        ours.keep()  # at once
        assert ours.unix() == IN_2027 and ours.source == "http"


async def test_a_date_puts_a_wrong_clock_right():
    for wrong in (QUARTER, -QUARTER, 301, -301):
        with Time(IN_2027 + wrong) as wall, TimeServers(wall, SILENT):
            ours = Clock(wall)
            await ours.synchronise()
            ours.hear(DATE)
            assert ours.unix() == IN_2027 + 60 and ours.source == "http"


async def test_while_replies_come_thick_and_fast_a_clock_that_is_set_waits():
    with Time(IN_2027 + QUARTER) as wall, TimeServers(wall, SILENT):
        ours = Clock(wall)
        await ours.synchronise()
        for _ in range(20):
            ours.note_date(DATE)
            ours.now += 30_000
            ours.keep()
        assert ours.source == "rtc"
        ours.now += 30_000
        ours.keep()
        assert ours.source == "http"


async def test_a_date_that_agrees_moves_nothing():
    with Time(IN_2027 + 200) as wall, TimeServers(wall, SILENT):
        ours = Clock(wall)
        await ours.synchronise()
        ours.hear(DATE)
        assert ours.unix() == IN_2027 + 260 and ours.source == "rtc"


async def test_a_jump_after_a_date_is_put_right_by_the_next():
    with Time(IN_2027) as wall, TimeServers(wall, SILENT):
        ours = Clock(wall)
        await ours.synchronise()
        ours.hear(DATE)
        for jump in (QUARTER, -QUARTER):
            wall.now += jump
            ours.hear(DATE)
            assert ours.unix() == IN_2027 + 60


async def test_what_tls_has_proven_no_time_server_can_contradict():
    with Time(60, epoch=2000) as wall, TimeServers(wall, SILENT) as servers:
        ours = Clock(wall)
        await ours.synchronise()
        ours.hear(DATE)
        servers._answers = [IN_2027 + QUARTER]
        ours.let_pass(60)
        assert len(servers.asked) == 4
        assert ours.unix() == IN_2027 + 120
        assert ours.proof is None  # and the next reply will say who was right
