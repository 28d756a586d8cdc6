"""The network and the time while a board runs: lost, found, told of."""

import asyncio

from fakes import (
    API,
    DEVICE,
    TOKEN,
    UNIX,
    Board,
    FakeClock,
    Told,
    device_code,
    fails,
    lost,
    reply,
    tokens,
)
from radio import HOME, Radio

from keyfob.errors import KeyfobError, TransportError
from keyfob.events import Events
from keyfob.net.online import Online
from keyfob.storage.memory import MemoryStore

MINUTE = 60_000
HOUR = 60 * MINUTE


class Router(Radio):
    """A radio whose network can be taken away; `finds` says whether the driver finds it again."""

    def __init__(self, finds=True):
        super().__init__({"Home": "p4ssword"}, state=201)
        self.is_up = True
        self.finds = finds

    def isconnected(self):
        if not self.is_up:
            self._joined = None
            if not self.finds:
                self._wanted = None
            return False
        return super().isconnected()


class Bench:
    """A Connection that is looked after in virtual time."""

    def __init__(self, router, networks=(HOME,)):
        self.router = router
        self.clock = FakeClock()
        self.told = Told()
        self.link = Board(clock=self.clock)
        self.connection = Online(
            networks, self.clock, Events(self.told.notify), self.link.link._account
        )

    async def __aenter__(self):
        self.router.__enter__()
        return self

    async def __aexit__(self, *_):
        self.router.__exit__(*_)

    async def look_after(self, ms):
        """Let it run for so long."""
        task = asyncio.create_task(self.connection.run())
        await self.clock.sleep(ms)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass

    async def ended(self, ms):
        """Whether it has ended within so long."""
        task = asyncio.create_task(self.connection.run())
        await self.clock.sleep(ms)
        ended = task.done()
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        return ended

    @property
    def states(self):
        return [members["state"] for members in self.told.of("wifi")]


async def test_joining_and_the_time_are_told():
    async with Bench(Router()) as bench:
        await bench.connection.join(False)
        assert bench.told.events == [
            ("wifi", {"state": "joined"}),
            ("clock", {"state": "set", "source": "rtc"}),
        ]
        await bench.look_after(10 * MINUTE)
        assert len(bench.told.events) == 2  # nothing else happened


async def test_without_patience_it_is_one_round_and_an_error():
    async with Bench(Router()) as bench:
        bench.router.is_up = False
        error = await fails(TransportError, bench.connection.join(False))
        assert "Home is out of reach" in error.message
        trouble = {"ssid": "Home", "kind": "lost"}
        assert bench.told.events == [("wifi", {"state": "failed", "trouble": trouble})]


async def test_with_patience_it_goes_on_for_ever_ever_more_slowly():
    async with Bench(Router()) as bench:
        bench.router.is_up = False
        task = asyncio.create_task(bench.connection.join(True))
        await bench.clock.sleep(20 * MINUTE)
        rounds = len(bench.states)
        assert bench.states == ["failed"] * rounds
        assert 16 < rounds < 22  # 15 s of trying and 60 s of rest, less at first
        (error,) = bench.told.of("error")  # the same one is told once
        assert error["kind"] == "network" and error["fatal"] is False
        bench.router.is_up = True
        await bench.clock.sleep(100_000)
        assert task.done()
        assert bench.states[rounds:] == ["joined"] or bench.states[rounds:] == ["failed", "joined"]
        assert bench.told.names[-1] == "clock"


async def test_a_new_reason_is_told_again():
    async with Bench(Router()) as bench:
        bench.router.is_up = False
        task = asyncio.create_task(bench.connection.join(True))
        await bench.clock.sleep(5 * MINUTE)
        bench.router.state = bench.router.STAT_WRONG_PASSWORD
        await bench.clock.sleep(5 * MINUTE)
        assert [error["message"].split(": ")[1] for error in bench.told.of("error")] == [
            "Home is out of reach",
            "Home has another password",
        ]
        shown = [members["trouble"] for members in bench.told.of("wifi") if len(members) > 1]
        assert shown == [{"ssid": "Home", "kind": "lost"}, {"ssid": "Home", "kind": "password"}]
        task.cancel()


async def test_a_radio_that_does_not_work_is_told_in_its_own_words():
    class Broken(Router):
        def active(self, on):
            raise OSError("WiFi Out of Memory")

    async with Bench(Broken()) as bench:
        task = asyncio.create_task(bench.connection.join(True))
        await bench.clock.sleep(MINUTE)
        (shown,) = [members["trouble"] for members in bench.told.of("wifi") if len(members) > 1]
        assert shown == {"message": "Wi-Fi does not work: WiFi Out of Memory"}
        task.cancel()


async def test_a_network_that_goes_away_for_a_while_is_left_to_the_driver():
    async with Bench(Router()) as bench:
        await bench.connection.join(False)
        calls = list(bench.router.calls)
        task = asyncio.create_task(bench.connection.run())
        for times in (1, 2):
            bench.router.is_up = False
            await bench.clock.sleep(25_000)
            assert bench.states == ["joined", "lost"] * times
            bench.router.is_up = True
            await bench.clock.sleep(5_000)
            assert bench.states == ["joined", "lost"] * times + ["joined"]
        assert bench.router.calls == calls
        task.cancel()


async def test_a_driver_that_does_not_find_it_is_helped():
    async with Bench(Router(finds=False)) as bench:
        await bench.connection.join(False)
        task = asyncio.create_task(bench.connection.run())
        for _ in range(2):
            del bench.told.events[:]
            bench.router.is_up = False
            await bench.clock.sleep(3 * MINUTE)
            assert bench.states[:2] == ["lost", "failed"] and set(bench.states[2:]) == {"failed"}
            bench.router.is_up = True
            await bench.clock.sleep(2 * MINUTE)
            assert bench.states[-1] == "joined"
        assert not task.done()
        task.cancel()


async def test_a_look_that_memory_does_not_suffice_for_is_not_the_last():
    async with Bench(Router()) as bench:
        await bench.connection.join(False)
        looked = []

        def isconnected():
            looked.append(bench.clock.now)
            raise MemoryError

        bench.router.isconnected = isconnected
        await bench.look_after(25_000)
        assert [later - looked[0] for later in looked] == [0, 10_000, 20_000]


async def test_a_network_that_is_up_by_other_means_is_left_alone():
    async with Bench(Router(), networks=()) as bench:
        await bench.connection.join(False)
        await bench.look_after(HOUR)
        assert bench.states == [] and bench.router.calls == []


async def test_a_time_that_becomes_known_or_unknown_is_told():
    async with Bench(Router()) as bench:
        bench.clock.start, start = None, bench.clock.start
        await bench.connection.join(False)
        assert bench.told.last("clock") == {"state": "unknown", "source": None}
        task = asyncio.create_task(bench.connection.run())
        bench.clock.start, bench.clock.source = start, "http"
        await bench.clock.sleep(MINUTE + 1)
        assert bench.told.last("clock") == {"state": "set", "source": "http"}
        bench.clock.start = None
        await bench.clock.sleep(MINUTE + 1)
        assert bench.told.last("clock") == {"state": "unknown", "source": None}
        assert len(bench.told.of("clock")) == 3
        task.cancel()


# What a link makes of it


async def test_a_stored_link_counts_although_there_is_no_network_yet():
    store = MemoryStore()
    await Board(store=store).linked()
    board = Board(store=store)
    board.link.wifi = (HOME,)
    with Router() as router:
        router.is_up = False
        async with board.link as link:
            assert board.told.names == ["wifi"]
            assert await link.ensure_linked() == "Ana"
            await board.clock.sleep(5 * MINUTE)
            assert not any(error["fatal"] for error in board.told.of("error"))
            router.is_up = True
            await board.clock.sleep(2 * MINUTE)
            assert board.told.of("wifi")[-1]["state"] == "joined"
            assert board.told.names[-1] == "clock"
    assert board.link._task is None or board.link._task.done()
    assert board.link._watch.done()


async def test_without_a_link_there_is_an_error_unless_somebody_is_patient():
    board = Board()
    board.link.wifi = (HOME,)
    with Router() as router:
        router.is_up = False
        await fails(TransportError, board.link.__aenter__())
        board.link.is_patient = True
        task = asyncio.create_task(board.link.__aenter__())
        await board.clock.sleep(10 * MINUTE)
        assert not task.done()
        router.is_up = True
        await board.clock.sleep(2 * MINUTE)
        assert task.done()
        await board.link.__aexit__(None, None, None)


async def test_when_the_network_is_back_a_refresh_does_not_wait_for_its_pause():
    board = Board()
    board.link.wifi = (HOME,)
    with Router() as router:
        async with board.link as link:
            await board.linked(expires_in=300)
            router.is_up = False
            board.http.answer(TOKEN, lost(), ...)
            await board.clock.sleep(30 * MINUTE)
            assert link.pause > 5 * MINUTE
            board.http.script(TOKEN, tokens(2))
            router.is_up = True
            await board.clock.sleep(3 * MINUTE)
            assert board.told.names[-1] == "refreshed"


async def test_but_for_one_that_the_provider_asked_for():
    board = Board()
    board.link.wifi = (HOME,)
    with Router() as router:
        async with board.link as link:
            await board.linked()
            board.http.answer(TOKEN, reply(503, retry_after="7200"), ...)
            await board.clock.sleep(HOUR)
            router.is_up = False
            await board.clock.sleep(MINUTE)
            router.is_up = True
            await board.clock.sleep(10 * MINUTE)
            assert board.http.count(TOKEN) == 1
            assert link.pause > HOUR


async def test_the_date_of_a_reply_is_a_witness_where_tls_has_verified_it():
    date = "Fri, 15 Jan 2027 08:00:00 GMT"
    for fields, heard in (
        ({}, [date]),
        ({"refresh_endpoint": TOKEN + "/new"}, [date]),
        ({"token_endpoint": "http://127.0.0.1/token"}, []),
    ):
        board = Board(**fields)
        board.http.answer(fields.get("token_endpoint", TOKEN), tokens())
        link = await board.linked()
        dates = []
        board.clock.note_date = dates.append
        for url in list(fields.values()) + [TOKEN, API]:
            board.http.script(url, reply(200, {}, date=date))
        await fails(KeyfobError, link.refresh())  # that was no token
        await link.get(API)  # another's clock, or a cached reply
        assert dates == heard


async def test_a_board_that_trusts_no_certificate_for_want_of_the_time_waits_for_it():
    for is_patient in (False, True):
        board = Board(clock=FakeClock(None))
        board.link.is_patient = is_patient
        board.http.answer(DEVICE, lost("tls"), ...)
        if not is_patient:
            await fails(TransportError, board.link.ensure_linked())
            assert board.told.last("error")["fatal"] is True
    task = asyncio.create_task(board.link.ensure_linked())
    await board.clock.sleep(10 * MINUTE)
    assert not task.done() and board.told.last("error")["fatal"] is False
    board.clock.start = UNIX
    board.http.script(DEVICE, device_code())
    board.http.script(TOKEN, tokens())
    await board.clock.sleep(MINUTE)
    assert task.done() and board.link.is_linked


async def test_but_with_the_time_a_certificate_that_is_refused_is_an_end():
    board = Board()
    board.link.is_patient = True
    board.http.answer(DEVICE, lost("tls"), ...)
    await fails(TransportError, board.link.ensure_linked())
    assert board.told.last("error")["fatal"] is True


async def test_no_exception_of_any_kind_ends_the_upkeep():
    for kind in (ValueError, OSError, AttributeError, RuntimeError, TypeError, ImportError):
        async with Bench(Router()) as bench:
            looks = []

            async def keep(looks=looks, bench=bench, kind=kind):
                looks.append(bench.clock.now)
                if len(looks) < 5:
                    raise kind("p4ssword")

            bench.clock.keep = keep
            assert await bench.ended(HOUR) is False
            gaps = [later - earlier for earlier, later in zip(looks, looks[1:])]
            assert gaps[:4] == sorted(gaps[:4]) and gaps[3] > 8 * gaps[0], gaps
            assert gaps[5] <= MINUTE, "and back to its pace"
            errors = bench.told.of("error")
            assert [error["message"] for error in errors] == ["unexpected " + kind.__name__] * 4
            assert not any(error["fatal"] for error in errors)
