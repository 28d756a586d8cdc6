"""The two clocks of a board, and the time sources that set the second one."""

import sys

from keyfob.net import clock, time_sources
from keyfob.oauth.ticks import PERIOD, Stopwatch, diff

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
    """In place of the module `socket` inside `with`: time servers that speak SNTP.

    `answers` are, in order, Unix times, errors that looking the name up raises, bytes to send
    instead of an answer, None for none, and functions that change an answer (a bytearray); the
    last one stays.
    """

    AF_INET = 2
    SOCK_DGRAM = 7

    def __init__(self, wall, *answers):
        self.asked = []  # the servers, in order
        self.questions = []
        self.open = 0  # sockets
        self._wall = wall
        self._answers = list(answers)
        self._coming = []  # datagrams

    def getaddrinfo(self, host, port):
        assert port == 123
        self.asked.append(host)
        if isinstance(self._answers[0], Exception):
            raise self._next()
        return [(self.AF_INET, 1, 0, "", ("192.0.2.1", port))]

    def socket(self, family, kind):
        assert (family, kind) == (self.AF_INET, self.SOCK_DGRAM)
        del self._coming[:]
        self.open += 1
        return self

    def settimeout(self, seconds):
        assert seconds == 0  # or it would stop every task

    def sendto(self, question, address):
        assert address == ("192.0.2.1", 123)
        assert len(question) == 48
        self.questions.append(question)
        answer = self._next()
        if callable(answer):
            correct = bytearray(packet(IN_2027, question))
            answer = answer(correct)
            answer = correct if answer is None else answer
        elif isinstance(answer, int):
            answer = packet(answer, question)
        if isinstance(answer, list):
            self._coming.extend(answer)
        elif answer is not None:
            self._coming.append(bytes(answer))

    def recv(self, size):
        if not self._coming:
            raise OSError(11)
        return self._coming.pop(0)[:size]

    def close(self):
        self.open -= 1

    def _next(self):
        return self._answers.pop(0) if self._answers[1:] else self._answers[0]

    def __enter__(self):
        self._before = sys.modules.get("socket")
        sys.modules["socket"] = self
        return self

    def __exit__(self, *_):
        del sys.modules["socket"]
        if self._before is not None:
            sys.modules["socket"] = self._before
        assert self.open == 0


def packet(unix, question):
    """The answer of a good time server to `question`: RFC 4330 section 4."""
    stamp = ((unix + 2_208_988_800) % 2**32).to_bytes(4, "big")
    zero = bytes(4)
    return b"".join(
        (
            b"\x24\x02\x06\xec",
            bytes(8),
            b"GPS\0",
            stamp,
            zero,
            question[40:],
            stamp,
            zero,
            stamp,
            zero,
        )
    )


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

    async def hear(self, date):
        """Get a reply with that Date, and nothing else for a minute."""
        self.note_date(date)
        await self.let_pass(60)

    async def let_pass(self, seconds):
        """Look after the clock for so long, a minute at a time."""
        for _ in range(seconds // 60):
            self.now += 60_000
            self.wall.now += 60
            await self.keep()


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
    for trouble in (SILENT, OSError(-202)):
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
            await ours.let_pass(DAY)
            assert 20 < len(servers.asked) < 40
        with TimeServers(wall, IN_2027):
            await ours.let_pass(3_600)
    assert ours.source == "ntp"


async def test_a_known_time_is_checked_once_a_day():
    with Time(60, epoch=2000) as wall, TimeServers(wall, IN_2027) as servers:
        ours = Clock(wall)
        await ours.synchronise()
        for day in range(1, 31):
            servers._answers = [IN_2027 + day * DAY + 5]  # our clock loses a little
            await ours.let_pass(DAY)
            assert abs(ours.unix() - IN_2027 - day * DAY - 5) < 5
        assert len(servers.asked) == 31
        assert ours.source == "ntp"


async def test_a_clock_that_was_set_wrong_before_the_boot_is_put_right_by_two_that_agree():
    for wrong in (QUARTER, -QUARTER):
        with Time(IN_2027 + wrong) as wall, TimeServers(wall, IN_2027) as servers:
            ours = Clock(wall)
            assert await ours.synchronise() == "rtc"
            await ours.let_pass(60)
            assert servers.asked == [POOL, SECOND] and ours.unix() == IN_2027
            assert ours.source == "ntp"


async def test_one_time_server_cannot_move_a_clock_that_is_set():
    with Time(60, epoch=2000) as wall, TimeServers(wall, IN_2027) as servers:
        ours = Clock(wall)
        await ours.synchronise()

        def right(_):
            return packet(ours.unix() + 60, servers.questions[-1])

        for wrong in (QUARTER, -QUARTER, 600):
            for others in (right, None, OSError(-202)):
                servers._answers = [ours.unix() + DAY + wrong, others]
                before = ours.unix()
                await ours.let_pass(DAY + 120)
                assert 0 <= ours.unix() - before - DAY < 300
                servers._answers = [right]
                await ours.let_pass(3_600)


async def test_a_second_one_is_asked_at_once():
    answers = IN_2027 + 999, None, IN_2027
    with Time(IN_2027 + QUARTER) as wall, TimeServers(wall, *answers) as servers:
        ours = Clock(wall)
        await ours.synchronise()
        await ours.let_pass(60)  # the three contradict each other
        assert servers.asked == [POOL, SECOND, THIRD]
        assert ours.unix() == IN_2027 + QUARTER + 60 and ours.source == "rtc"
        await ours.let_pass(60)
        assert ours.unix() == IN_2027 and ours.source == "ntp"
        assert servers.asked == [POOL, SECOND, THIRD, POOL]


# What is an answer


def test_the_time_of_either_era():
    question = bytes(48)
    for unix in (IN_2027, 2_085_978_495, 2_085_978_497, 2_524_607_999):
        assert time_sources._unix(packet(unix, question)) == unix


def changed(at, *octets):
    """A function that changes an answer from `at` on."""

    def change(answer):
        answer[at : at + len(octets)] = bytes(octets)

    return change


# Answers that tell no time: the next server is asked at once.
USELESS = {
    "the answer of a client": changed(0, 0x23),
    "a broadcast": changed(0, 0x25),
    "symmetric": changed(0, 0x21),
    "of version 0": changed(0, 0x04),
    "of version 2": changed(0, 0x14),
    "of version 5": changed(0, 0x2C),
    "of version 7": changed(0, 0x3C),
    "of a server whose clock is not set": changed(0, 0xE4),
    "Kiss-o'-Death RATE": changed(1, 0, 6, 0xEC, 0, 0, 0, 0, 0, 0, 0, 0, 82, 65, 84, 69),
    "Kiss-o'-Death DENY, of a clock that is not set": lambda answer: changed(0, 0xE4, 0)(answer),
    "of stratum 16": changed(1, 16),
    "of stratum 255": changed(1, 255),
    "no transmit time": changed(40, 0, 0, 0, 0, 0, 0, 0, 0),
}
# Datagrams that are no answer: it is still awaited.
NOTHING = {
    "another originate time": changed(24, 0, 0, 0, 0, 0, 0, 0, 0),
    "an originate time that is off by a bit": lambda answer: changed(31, answer[31] ^ 1)(answer),
    "47 bytes": lambda answer: bytes(answer[:47]),
    "49 bytes": lambda answer: bytes(answer) + b"\0",
    "no bytes": lambda answer: b"",
    "a Kiss-o'-Death of somebody else": lambda answer: (
        changed(24, *bytes(8))(answer) or changed(1, 0)(answer)
    ),
}
CASES = {
    "test_a_server_that_tells_no_time_is_followed_by_the_next": list(USELESS),
    "test_what_is_no_answer_is_ignored": list(NOTHING),
}


async def test_a_server_that_tells_no_time_is_followed_by_the_next(case):
    with Time(60, epoch=2000) as wall, TimeServers(wall, USELESS[case], IN_2027) as servers:
        ours = Clock(wall)
        assert await ours.synchronise() == "ntp"
        assert ours.unix() == IN_2027
        assert servers.asked == [POOL, SECOND] and ours.slept == []
    with Time(60, epoch=2000) as wall, TimeServers(wall, USELESS[case]) as servers:
        assert await Clock(wall).synchronise() is None
        assert wall.now == 60 and servers.asked == [POOL, SECOND, THIRD]


async def test_what_is_no_answer_is_ignored(case):
    with Time(60, epoch=2000) as wall, TimeServers(wall, NOTHING[case]) as servers:
        ours = Clock(wall)
        assert await ours.synchronise() is None
        assert wall.now == 60
        assert servers.asked == [POOL, SECOND, THIRD]
        assert sum(ours.slept) < 9_000  # and other tasks run meanwhile

    def both(answer):
        """What is no answer, and then the answer."""
        right = bytes(answer)
        other = NOTHING[case](answer)
        return [bytes(answer) if other is None else other, right]

    with Time(60, epoch=2000) as wall, TimeServers(wall, both) as servers:
        ours = Clock(wall)
        assert await ours.synchronise() == "ntp"
        assert ours.unix() == IN_2027 and servers.asked == [POOL]


async def test_a_question_tells_nothing_and_is_never_the_same():
    with Time(60, epoch=2000) as wall, TimeServers(wall, None) as servers:
        await Clock(wall).synchronise()
    assert {question[:40] for question in servers.questions} == {b"\x23" + bytes(39)}
    assert len({question[40:] for question in servers.questions}) == 3


# In doubt


async def test_after_a_jump_of_a_day_two_servers_have_to_agree_at_once():
    for jump in (2 * DAY, -2 * DAY, QUARTER):
        with Time(60, epoch=2000) as wall, TimeServers(wall, IN_2027) as servers:
            ours = Clock(wall)
            await ours.synchronise()
            await ours.let_pass(600)
            assert servers.asked == [POOL]
            wall.now += jump
            # The first one to answer agrees with the clock: that is not enough.
            servers._answers = [ours.unix() + 60, IN_2027 + 660]
            await ours.let_pass(60)
            assert servers.asked == [POOL, SECOND, THIRD, POOL]
            assert ours.unix() == IN_2027 + 660 and ours.source == "ntp"


async def test_while_nobody_answers_a_clock_that_jumped_is_in_doubt():
    with Time(60, epoch=2000) as wall, TimeServers(wall, IN_2027) as servers:
        ours = Clock(wall)
        await ours.synchronise()
        await ours.let_pass(600)
        wall.now += 2 * DAY
        servers._answers = [SILENT]
        await ours.let_pass(600)
        assert ours.source is None
        assert 3 < len(servers.asked) < 8  # with a growing pause
        await ours.hear(DATE)
        assert ours.unix() == IN_2027 + 60 and ours.source == "http"


async def test_a_question_that_is_lost_is_followed_by_the_next_while_there_is_doubt():
    with Time(60, epoch=2000) as wall, TimeServers(wall, IN_2027 + QUARTER) as servers:
        ours = Clock(wall)
        await ours.synchronise()
        ours.source = None  # as the HTTP client does where a certificate's dates are refused
        ours.rest = 0, Stopwatch(ours.now)
        servers._answers = [None, IN_2027]
        await ours.synchronise()
        assert servers.asked == [POOL, SECOND, THIRD, POOL]
        assert ours.unix() == IN_2027 and ours.source == "ntp"


async def test_a_jump_just_after_a_query_is_one():
    with Time(60, epoch=2000) as wall, TimeServers(wall, IN_2027) as servers:
        ours = Clock(wall)
        await ours.synchronise()
        await ours.let_pass(DAY - 60)
        servers._answers = [IN_2027 + DAY]
        await ours.let_pass(60)
        assert servers.asked == [POOL, SECOND]
        wall.now += QUARTER
        await ours.let_pass(60)
        assert servers.asked == [POOL, SECOND, THIRD, POOL]
        assert ours.unix() == IN_2027 + DAY and ours.source == "ntp"


async def test_a_smaller_jump_waits_for_the_next_query():
    with Time(60, epoch=2000) as wall, TimeServers(wall, IN_2027) as servers:
        ours = Clock(wall)
        await ours.synchronise()
        await ours.let_pass(600)
        wall.now += DAY - 600
        await ours.let_pass(600)
        assert servers.asked == [POOL] and ours.source == "ntp"


async def test_a_clock_that_somebody_unsets_is_set_again_at_once():
    with Time(60, epoch=2000) as wall, TimeServers(wall, IN_2027) as servers:
        ours = Clock(wall)
        await ours.synchronise()
        wall.now = 0
        assert ours.unix() is None
        await ours.keep()
        assert ours.unix() == IN_2027 and len(servers.asked) == 2
        servers._answers = [SILENT]
        wall.now = 0
        await ours.keep()
        assert ours.unix() is None and ours.source is None


# The Date of a reply over verified TLS


async def test_a_date_sets_a_clock_that_no_time_server_has_set():
    with Time(60, epoch=2000) as wall, TimeServers(wall, SILENT):
        ours = Clock(wall)
        await ours.synchronise()
        for nothing in (None, "", "yesterday", "Sun, 06 Nov 1994 08:49:37 GMT"):
            await ours.hear(nothing)
            assert ours.unix() is None and ours.source is None
        ours.note_date(DATE)
        await ours.keep()  # at once
        assert ours.unix() == IN_2027 and ours.source == "http"


async def test_a_date_puts_a_wrong_clock_right():
    for wrong in (QUARTER, -QUARTER, 301, -301):
        with Time(IN_2027 + wrong) as wall, TimeServers(wall, SILENT):
            ours = Clock(wall)
            await ours.synchronise()
            await ours.hear(DATE)
            assert ours.unix() == IN_2027 + 60 and ours.source == "http"


async def test_while_replies_come_thick_and_fast_a_clock_that_is_set_waits():
    with Time(IN_2027 + QUARTER) as wall, TimeServers(wall, SILENT):
        ours = Clock(wall)
        await ours.synchronise()
        for _ in range(20):
            ours.note_date(DATE)
            ours.now += 30_000
            await ours.keep()
        assert ours.source == "rtc"
        ours.now += 30_000
        await ours.keep()
        assert ours.source == "http"


async def test_a_date_that_agrees_moves_nothing():
    with Time(IN_2027 + 200) as wall, TimeServers(wall, SILENT):
        ours = Clock(wall)
        await ours.synchronise()
        await ours.hear(DATE)
        assert ours.unix() == IN_2027 + 260 and ours.source == "rtc"


async def test_a_jump_after_a_date_is_put_right_by_the_next():
    with Time(IN_2027) as wall, TimeServers(wall, SILENT):
        ours = Clock(wall)
        await ours.synchronise()
        await ours.hear(DATE)
        for jump in (QUARTER, -QUARTER):
            wall.now += jump
            await ours.hear(DATE)
            assert ours.unix() == IN_2027 + 60


async def test_two_time_servers_that_agree_outvote_a_date_that_is_days_off():
    with Time(60, epoch=2000) as wall, TimeServers(wall, IN_2027) as servers:
        ours = Clock(wall)
        await ours.synchronise()
        for date in ("Sun, 17 Jan 2027 08:00:00 GMT", "Fri, 15 Jan 2038 08:00:00 GMT"):
            servers._answers = [ours.unix() + 60]
            before = ours.unix()
            await ours.hear(date)
            assert ours.unix() == before + 60 and ours.source == "ntp"
        assert servers.asked == [POOL, SECOND, THIRD, POOL, SECOND]


async def test_one_that_agrees_with_the_date_is_enough():
    with Time(60, epoch=2000) as wall, TimeServers(wall, IN_2027 + QUARTER) as servers:
        ours = Clock(wall)
        await ours.synchronise()
        servers._answers = [IN_2027 + QUARTER, IN_2027 + 60]
        await ours.hear(DATE)
        assert servers.asked == [POOL, SECOND, THIRD]
        assert ours.unix() == IN_2027 + 60 and ours.source == "http"


async def test_what_tls_has_proven_no_time_server_can_contradict():
    with Time(60, epoch=2000) as wall, TimeServers(wall, SILENT) as servers:
        ours = Clock(wall)
        await ours.synchronise()
        await ours.hear(DATE)
        servers._answers = [IN_2027 + QUARTER]
        await ours.let_pass(60)
        assert len(servers.asked) == 4
        assert ours.unix() == IN_2027 + 120
        assert ours.proof is None  # and the next reply will say who was right
