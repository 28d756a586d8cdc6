"""The two clocks of a board, and setting the one that can be set."""

import sys

from keyfob.net import clock
from keyfob.oauth.ticks import PERIOD, diff

IN_2027 = 1_800_000_000
FROM_2000 = 946_684_800


class Time:
    """In place of the `time` module inside `with`: counts from `epoch` on."""

    def __init__(self, now, epoch=1970, **functions):
        self.now = now
        self._epoch = epoch
        for name in functions:
            setattr(self, name, functions[name])

    def time(self):
        return self.now

    def gmtime(self, seconds):
        return (self._epoch, 1, 1, 0, 0, 0, 5, 1)

    def __enter__(self):
        self._real = clock.time
        clock.time = self
        return self

    def __exit__(self, *_):
        clock.time = self._real


class TimeServer:
    """In place of `ntptime` inside `with`; `answers` are times to set or errors to raise."""

    def __init__(self, wall, *answers):
        self.asked = 0
        self._wall = wall
        self._answers = answers

    def settime(self):
        answer = self._answers[self.asked]
        self.asked += 1
        if isinstance(answer, Exception):
            raise answer
        self._wall.now = answer

    def __enter__(self):
        self._before = sys.modules.get("ntptime")
        sys.modules["ntptime"] = self
        return self

    def __exit__(self, *_):
        del sys.modules["ntptime"]
        if self._before is not None:
            sys.modules["ntptime"] = self._before


class Clock(clock.Clock):
    """Notes its sleeps instead of sleeping."""

    def __init__(self):
        self.slept = []

    async def sleep(self, ms):
        self.slept.append(ms)


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
    for now, epoch in ((0, 2000), (86_400, 2000), (0, 1970), (1_609_459_200, 1970)):
        with Time(now, epoch):
            assert ours.unix() is None


async def test_sleep_is_in_milliseconds():
    ours = clock.Clock()
    before = ours.ticks()
    await ours.sleep(3)
    assert 2 <= diff(ours.ticks(), before) < 1000


# Setting


async def test_a_clock_that_is_right_is_left_alone():
    with Time(IN_2027) as wall, TimeServer(wall) as server:
        assert await Clock().synchronise() == "rtc"
        assert server.asked == 0


async def test_a_time_server_sets_it():
    with Time(60, epoch=2000) as wall, TimeServer(wall, IN_2027 - FROM_2000):
        ours = Clock()
        assert await ours.synchronise() == "ntp"
        assert ours.unix() == IN_2027
        assert ours.slept == []


async def test_a_time_server_is_asked_again_after_a_failure():
    for trouble in (OSError(110), OSError(-202), OverflowError(), ValueError("buffer too small")):
        with Time(60, epoch=2000) as wall:
            with TimeServer(wall, trouble, trouble, IN_2027 - FROM_2000) as server:
                ours = Clock()
                assert await ours.synchronise() == "ntp"
                assert server.asked == 3
                assert ours.slept == [1000, 1000]


async def test_a_clock_that_cannot_be_set_stays_unknown():
    with Time(60, epoch=2000) as wall:
        with TimeServer(wall, *[OSError(110)] * 3) as server:
            ours = Clock()
            assert await ours.synchronise() is None
            assert server.asked == 3
            assert ours.unix() is None


async def test_a_time_that_cannot_be_is_not_believed():
    with Time(60, epoch=2000) as wall:
        with TimeServer(wall, 0, 1000, 2000):
            assert await Clock().synchronise() is None


async def test_a_platform_without_a_time_server():
    try:
        import ntptime
    except ImportError:
        ntptime = None
    with Time(60, epoch=2000):
        assert ntptime or await Clock().synchronise() is None
