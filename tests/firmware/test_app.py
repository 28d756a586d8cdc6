"""The application that main.py starts: what it shows, what it tells, when it ends."""

import asyncio
import json
import sys

import support
from fakes import (
    API,
    DEVICE,
    DISCOVERY,
    ISSUER,
    REVOKE,
    TOKEN,
    FailingStore,
    FakeClock,
    FakeHttp,
    Folder,
    device_code,
    lost,
    refusal,
    reply,
    tokens,
)

from keyfob import app
from keyfob.app import App
from keyfob.errors import KeyfobError, NotLinked, ProviderError, StorageError, UsageError
from keyfob.events import Events
from keyfob.storage.open_store import open_store
from keyfob.ui import front
from keyfob.ui.led import StatusLed

HOUR = 3_600_000
OAUTH_DISCOVERY = ISSUER + "/.well-known/oauth-authorization-server"
CONFIGURATION = {
    "provider": {
        "issuer": ISSUER,
        "device_authorization_endpoint": DEVICE,
        "token_endpoint": TOKEN,
        "revocation_endpoint": REVOKE,
        "client_id": "board",
    },
    "scope": "openid profile",
    "api": API,
}


async def _cancel(task):
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    else:
        raise AssertionError("it swallowed the cancel")


class Bench:
    """A board on the bench: an App on a folder of its own, with its network scripted."""

    def __init__(self, folder, configuration=CONFIGURATION, button=None):
        self.clock = FakeClock()
        self.http = FakeHttp(self.clock)
        self.lines = []
        self.told = []
        if configuration is not None:
            folder.write("keyfob.json", configuration)
        self.app = App(
            folder.path, self, lambda event, members: self.told.append((event, members)), button
        )
        self.app._clock = self.clock

    def show(self, lines):
        self.lines = lines

    @property
    def names(self):
        """Events in order; a screen by its name in brackets."""
        return [
            "[%s]" % members["name"] if event == "screen" else event
            for event, members in self.told
        ]

    def of(self, name):
        return [members for event, members in self.told if event == name]

    async def run(self, ms=0):
        """Run it for `ms`, or until it ends by itself; return whether it did."""
        real = app.AccountLink.from_config

        def from_config(**named):
            link = real(**named)
            link._provider._http = self.http
            link._clock = link._provider._clock = self.clock
            return link

        app.AccountLink.from_config = from_config
        task = asyncio.create_task(self.app.run())
        try:
            if not ms:
                await task
                return True
            try:
                await self.clock.sleep(ms)
            finally:
                ended = task.done()
                if not ended:
                    await _cancel(task)
            return ended
        finally:
            app.AccountLink.from_config = real

    def approved(self):
        self.http.answer(DEVICE, device_code())
        self.http.answer(TOKEN, refusal("authorization_pending"), tokens())
        self.http.answer(API, reply(200, {}))
        return self

    def ended(self, code=None):
        """The provider has ended the link, and nobody approves another."""
        self.http.answer(DEVICE, code or device_code(), ...)
        self.http.answer(TOKEN, refusal("invalid_grant"), refusal("authorization_pending"), ...)


async def test_it_links_shows_calls_and_stays():
    with Folder() as folder:
        bench = Bench(folder).approved()
        assert await bench.run(60_000) is False
        assert bench.names == [
            "[starting]",
            "[wifi]",
            "clock",
            "user_code",
            "[user_code]",
            "poll",
            "poll",
            "linked",
            "[linked]",
            "api",
            "ready",
        ]
        assert bench.of("api") == [{"status": 200}]
        assert bench.lines == ["Linked", "Account  Ana"]
        assert bench.http.closed


async def test_a_subclass_has_the_display_and_learns_of_each_screen():
    with Folder() as folder:
        bench = Bench(folder).approved()
        seen = []
        bench.app.came_up = seen.append
        await bench.run(60_000)
        assert bench.app.display is bench
        assert seen == ["starting", "wifi", "user_code", "linked"]


async def test_next_time_it_starts_linked():
    with Folder() as folder:
        await Bench(folder).approved().run(60_000)
        bench = Bench(folder)
        bench.http.answer(API, reply(200, {}))
        await bench.run(60_000)
        assert bench.names == [
            "[starting]",
            "[wifi]",
            "clock",
            "linked",
            "[linked]",
            "api",
            "ready",
        ]
        assert bench.of("linked")[0]["stored"] is True
        assert bench.http.count(DEVICE) == 0


async def test_it_goes_on_refreshing():
    with Folder() as folder:
        bench = Bench(folder).approved()
        bench.http.answer(TOKEN, tokens(2), tokens(3))
        await bench.run(7_000_000)
        assert bench.of("refreshed") == [{"rotated": True, "unsaved": None}] * 2
        assert open_store(directory=folder.path).load()["tokens"]["refresh_token"] == "rt-secret-3"


async def test_a_refusal_or_an_end_of_the_code_ends_it_with_its_screen():
    for answer, name in (
        (refusal("access_denied"), "denied"),
        (refusal("expired_token"), "expired"),
    ):
        with Folder() as folder:
            bench = Bench(folder)
            bench.app.asks_first = False
            bench.http.answer(DEVICE, device_code())
            bench.http.answer(TOKEN, answer)
            assert await bench.run() is True
            assert bench.names[-2:] == [name, "[%s]" % name]
            assert bench.of("error") == []
            assert bench.http.count(DEVICE) == 1
            assert "fH7k-Qp0O" not in "".join(bench.lines)


async def test_any_other_error_ends_it_and_takes_the_code_off_the_screen():
    with Folder() as folder:
        bench = Bench(folder)
        bench.app.asks_first = False
        bench.http.answer(DEVICE, device_code())
        bench.http.answer(TOKEN, refusal("invalid_client", 401))
        assert await bench.run() is True
        assert bench.names[-2:] == ["error", "[error]"]
        assert len(bench.of("error")) == 1
        assert bench.of("error")[0]["fatal"] is True
        assert "fH7k-Qp0O" not in "".join(bench.lines)


# Nobody there to press a button

PAGE = reply(200, b"<html>Please sign in to the hotel")
TOO_LONG = 1 << 17  # s


def without_endpoints():
    fields = {"issuer": ISSUER, "client_id": "board"}
    return dict(CONFIGURATION, provider=fields)


def found(**changes):
    names = ("device_authorization_endpoint", "token_endpoint", "revocation_endpoint")
    document = {name: CONFIGURATION["provider"][name] for name in names}
    document["issuer"] = ISSUER
    document.update(changes)
    return reply(200, document)


async def test_what_passes_is_tried_again_ever_more_slowly_and_shown():
    for trouble, requests, told in (
        (lambda _: lost(), 3, "no connection to as.example"),
        (lambda _: lost("timeout"), 3, "no connection to as.example"),
        (lambda _: lost("tls"), 1, "no connection to as.example"),  # a hotel has no certificate
        (reply(503, b"<html>"), 3, "no usable answer: HTTP 503"),
        (PAGE, 3, "does the network want a login?"),
        (reply(302, b""), 1, "a redirect"),
        (reply(403, b"<html>"), 1, "HTTP 403"),
        (reply(503, b"", retry_after="61"), 1, "HTTP 503"),
        (refusal("slow_down", 429), 1, "slow_down"),
    ):
        with Folder() as folder:
            bench = Bench(folder)
            bench.http.answer(DEVICE, trouble, ...)
            bench.http.answer(TOKEN, tokens())
            bench.http.answer(API, reply(200, {}))
            task = asyncio.create_task(bench.run(3 * HOUR))
            await bench.clock.sleep(2 * HOUR)
            assert bench.names[-1] == "[error]" and told in " ".join(bench.lines), trouble
            rounds = len(bench.of("error"))
            assert bench.http.count(DEVICE) == rounds * requests
            assert 10 <= rounds <= 16
            starts = bench.http.sent_at[::requests]
            gaps = [after - before for before, after in zip(starts, starts[1:])]
            assert gaps == sorted(gaps) and gaps[0] < 310_000 and 900_000 <= gaps[-1] < 910_000
            bench.http.script(DEVICE, device_code())
            await bench.clock.sleep(901_000)
            assert bench.names[-1] == "ready"
            await _cancel(task)


async def test_a_wait_that_the_provider_asks_for_is_kept_for_a_day_at_most():
    for asked, waits in (("1800", 1_800_000), (str(TOO_LONG), 86_400_000)):
        with Folder() as folder:
            bench = Bench(folder)
            bench.http.answer(DEVICE, reply(429, b"", retry_after=asked), ...)
            await bench.run(waits + 10_000)
            assert bench.http.sent_at == [0, waits]


async def test_a_discovery_that_fails_is_tried_again():
    for trouble in (lost(), reply(503), PAGE, reply(404), found(issuer="https://other.example")):
        with Folder() as folder:
            bench = Bench(folder, without_endpoints())
            for url in (DISCOVERY, OAUTH_DISCOVERY):
                bench.http.answer(url, trouble, ...)
            task = asyncio.create_task(bench.run(5 * HOUR))
            await bench.clock.sleep(2 * HOUR)
            assert bench.names[-1] == "[error]"
            bench.approved()
            bench.http.script(DISCOVERY, found())
            await bench.clock.sleep(HOUR // 3)
            assert bench.names[-1] == "ready", trouble
            await _cancel(task)


async def test_a_discovery_behind_a_gateway_is_tried_ever_more_slowly_and_shown():
    for trouble, told in (
        (PAGE, "does the network want a login?"),
        (reply(302), "a redirect"),
        (reply(403, b"<html>"), "HTTP 403"),
    ):
        with Folder() as folder:
            bench = Bench(folder, without_endpoints())
            for url in (DISCOVERY, OAUTH_DISCOVERY):
                bench.http.answer(url, trouble, ...)
            await bench.run(HOUR)
            assert bench.names[-1] == "[error]" and told in " ".join(bench.lines), trouble
            assert [at // 1000 for at in bench.http.sent_at[::2]][:5] == [0, 10, 30, 70, 150]
    with Folder() as folder:
        bench = Bench(folder, without_endpoints())
        for url in (DISCOVERY, OAUTH_DISCOVERY):
            bench.http.answer(url, reply(503, b"", retry_after="600"), ...)
        await bench.run(HOUR)
        assert [at // 1000 for at in bench.http.sent_at[::2]][:3] == [0, 600, 1200]


async def test_a_code_that_ran_out_gives_way_to_four_and_then_to_one_an_hour():
    with Folder() as folder:
        bench = Bench(folder)
        bench.http.answer(DEVICE, device_code(expires_in=600), ...)
        bench.http.answer(TOKEN, refusal("authorization_pending"), ...)
        await bench.run(5 * HOUR)
        codes = [at for at, request in zip(bench.http.sent_at, bench.http.requests)
                 if request.url == DEVICE]  # fmt: skip
        minutes = [at // 60_000 for at in codes]
        assert minutes == [0, 10, 20, 30, 100, 170, 240]
        assert len(bench.of("expired")) == len(codes)
        assert bench.of("error") == []


async def test_what_a_person_has_to_mend_is_tried_once_an_hour():
    for url, answer, screen in (
        (DEVICE, refusal("invalid_client", 401), "error"),
        (TOKEN, refusal("invalid_grant"), "error"),
        (TOKEN, refusal("access_denied"), "denied"),
        (TOKEN, reply(200, {"token_type": "mac", "access_token": "x"}), "error"),
    ):
        with Folder() as folder:
            bench = Bench(folder)
            bench.http.answer(DEVICE, device_code(), ...)
            bench.http.script(url, answer, ...)
            await bench.run(4 * HOUR)
            assert bench.names[-1] == "[%s]" % screen
            starts = [at for at, request in zip(bench.http.sent_at, bench.http.requests)
                      if request.url == DEVICE]  # fmt: skip
            assert [at // HOUR for at in starts] == [0, 1, 2, 3], url


async def test_an_outage_between_two_codes_does_not_make_more_of_them():
    with Folder() as folder:
        bench = Bench(folder)
        code = device_code(expires_in=60)
        bench.http.answer(DEVICE, code, lost("tls"), code, lost("tls"), code, code, code, ...)
        bench.http.answer(TOKEN, refusal("authorization_pending"), ...)
        await bench.run(HOUR)
        assert len(bench.of("user_code")) == 4


async def test_a_link_that_ended_before_the_start_leaves_the_run_going():
    with Folder() as folder:
        await Bench(folder).approved().run(60_000)
        bench = Bench(folder)
        bench.clock.start += 4_000
        bench.ended()
        assert await bench.run(60_000) is False
        assert "[sign_in_again]" in bench.names and "[user_code]" in bench.names


async def test_it_speaks_the_language_of_the_configuration():
    for language, title in (("de", "Verbunden"), ("en", "Linked"), ("tlh", "Linked")):
        with Folder() as folder:
            bench = Bench(folder, dict(CONFIGURATION, language=language)).approved()
            await bench.run(60_000)
            assert bench.lines[0] == title


async def test_a_bad_configuration_is_told_and_shown():
    for configuration, field in (
        (None, "/keyfob.json"),
        (b"{", "/keyfob.json"),
        (dict(CONFIGURATION, scoop="x"), "scoop"),
    ):
        with Folder() as folder:
            bench = Bench(folder, configuration)
            assert await bench.run() is True
            assert bench.names == ["[starting]", "error", "[error]"]
            (error,) = bench.of("error")
            assert error["kind"] == "config" and error["fatal"] is True
            assert field in error["message"] and field in " ".join(bench.lines)


async def test_an_api_out_of_reach_does_not_end_it():
    for answer in (lost(), lost("timeout"), reply(500), reply(403)):
        with Folder() as folder:
            bench = Bench(folder).approved()
            bench.http.script(API, answer)
            assert await bench.run(60_000) is False
            errors = bench.of("error")
            assert all(members["fatal"] is False for members in errors)
            assert len(errors) + len(bench.of("api")) == 1
            assert bench.names[-2] in ("error", "api")
            assert bench.names[-1] == "ready"
            assert bench.lines[0] == "Linked"


async def test_a_provider_that_refuses_to_refresh_does_not_end_it():
    with Folder() as folder:
        await Bench(folder).approved().run(60_000)
        bench = Bench(folder)
        bench.clock.start += 4_000
        bench.http.answer(TOKEN, refusal("invalid_client", 401), ...)
        assert await bench.run(60_000) is False
        assert [(m["kind"], m["fatal"]) for m in bench.of("error")] == [("provider", False)]


async def test_a_link_that_the_provider_ended_is_told_once_and_shown():
    with Folder() as folder:
        await Bench(folder).approved().run(60_000)
        bench = Bench(folder)
        bench.clock.start += 4_000
        bench.ended()
        await bench.run(60_000)
        at = bench.names.index("signed_out")
        assert bench.names[at : at + 5] == [
            "signed_out",
            "[sign_in_again]",
            "error",
            "user_code",  # a board without a button offers one by itself
            "[user_code]",
        ]
        assert bench.names.count("signed_out") == 1
        assert len(bench.of("error")) == 1 and bench.of("error")[0]["fatal"] is True
        assert bench.http.count(DEVICE) == 1


async def test_a_link_that_ended_before_the_boot_is_shown_and_a_code_is_offered():
    with Folder() as folder:
        await ended_link(folder)
        bench = Bench(folder)
        bench.clock.start += 5_000
        bench.http.answer(DEVICE, device_code())
        bench.http.answer(TOKEN, refusal("authorization_pending"), tokens(2))
        bench.http.answer(API, reply(200, {}))
        await bench.run(60_000)
        assert bench.names[2:7] == [
            "clock",
            "signed_out",
            "[sign_in_again]",
            "user_code",
            "[user_code]",
        ]
        assert bench.names[-1] == "ready" and bench.lines[0] == "Linked"


async def ended_link(folder, configuration=CONFIGURATION, code=None):
    """Link a board, and have the provider end it; return the last run of it."""
    await Bench(folder, configuration).approved().run(60_000)
    bench = Bench(folder, configuration)
    bench.clock.start += 4_000
    bench.ended(code)
    await bench.run(60_000)
    return bench


async def test_a_link_that_the_provider_takes_back_is_shown_and_a_program_goes_on():
    with Folder() as folder:
        await Bench(folder).approved().run(60_000)
        bench = Bench(folder)
        bench.clock.start += 4_000
        bench.http.answer(TOKEN, refusal("invalid_grant"), tokens(2), ...)
        bench.http.answer(DEVICE, reply(503), ...)
        bench.http.answer(API, reply(200, {}), ...)
        used = []

        async def idle():
            while True:
                used.append(await bench.app.link.token())
                await bench.clock.sleep(600_000)

        bench.app.idle = idle
        assert await bench.run(2 * 3_600_000) is False
        told = [name for name in bench.names[3:] if "error" not in name]
        assert told == [
            "linked",
            "[linked]",
            "signed_out",
            "[sign_in_again]",
            "linked",
            "[linked]",
            "api",
            "ready",
            "refreshed",
        ]
        assert bench.lines[0] == "Linked"
        assert used[0] == "at-secret-2" and len(used) >= 5


async def test_the_owner_may_want_an_ended_link_erased():
    for erase, left in ((True, False), (False, True)):
        with Folder() as folder:
            configuration = dict(CONFIGURATION, erase_ended=erase)
            bench = await ended_link(folder, configuration)
            assert "signed_out" in bench.names
            assert ("tokens" in open_store(directory=folder.path).load()) is left


async def test_a_trouble_that_is_over_leaves_the_screen():
    with Folder() as folder:
        await Bench(folder).approved().run(60_000)
        bench = Bench(folder)
        bench.clock.start += 4_000
        bench.http.answer(TOKEN, *[reply(400, b"")] * 3, tokens(2), ...)
        bench.http.answer(API, reply(200, {}), ...)
        assert await bench.run(600_000) is False
        shown = [name for name in bench.names if name.startswith("[")]
        assert shown[-2:] == ["[error]", "[linked]"]
        assert bench.lines[0] == "Linked"


def _fails_at_first(function, *errors):
    """`function`, which raises each of `errors` before it works."""
    left = list(errors)

    def failing(*arguments, **named):
        if left:
            raise left.pop(0)
        return function(*arguments, **named)

    return failing


async def test_a_lack_of_memory_at_the_start_is_told_and_the_run_starts_again():
    with Folder() as folder:
        bench = Bench(folder).approved()
        bench.app._make_link = _fails_at_first(bench.app._make_link, *[MemoryError()] * 3)
        starts = []
        bench.app.came_up = lambda name: name == "starting" and starts.append(bench.clock.now)
        assert await bench.run(200_000) is False
        assert bench.names[:6] == ["[starting]", "error", "[error]"] * 2
        assert starts == [0, 10_000, 30_000, 70_000]  # the pause grows
        assert bench.names[-1] == "ready" and bench.lines[0] == "Linked"
        for error in bench.of("error"):
            assert (error["kind"], error["fatal"]) == ("memory", True)
            assert error["message"] == "not enough memory after: starting"


async def test_the_pause_without_memory_is_ten_minutes_at_most():
    with Folder() as folder:
        bench = Bench(folder)
        bench.app._make_link = _fails_at_first(None, *[MemoryError()] * 30)
        assert await bench.run(10_000 * 63 + 600_000 * 3 + 1) is False
        assert len(bench.of("error")) == 10


async def test_a_board_without_memory_for_its_parts_opens_them_again():
    with Folder() as folder:
        bench = Bench(folder).approved()
        bench.app._parts = None
        bench.app._open_board = _fails_at_first(lambda: (bench, None, None), MemoryError())
        assert await bench.run(60_000) is False
        assert bench.names[:2] == ["error", "[starting]"]
        assert bench.names[-1] == "ready" and bench.app.display is bench


async def test_a_linking_for_which_memory_does_not_suffice_is_tried_again():
    with Folder() as folder:
        bench = Bench(folder)
        bench.http.answer(DEVICE, lost("memory"), lost("memory"), lost("memory"))
        bench.http.answer(DEVICE, lost("memory"), lost("memory"), device_code())
        bench.http.answer(TOKEN, MemoryError(), tokens())
        bench.http.answer(API, reply(200, {}))
        assert await bench.run(300_000) is False
        assert [(m["kind"], m["fatal"]) for m in bench.of("error")] == [("memory", True)]
        assert bench.of("poll")[0]["trouble"].startswith("not enough memory")
        assert bench.names[-1] == "ready"


async def test_a_program_that_runs_out_of_memory_starts_again_with_the_link():
    for error in (MemoryError(), lost("memory")):
        with Folder() as folder:
            bench = Bench(folder).approved()
            bench.http.answer(API, reply(200, {}))
            bench.app.idle = _fails_at_first(bench.app.idle, error)
            assert await bench.run(120_000) is False
            assert [members["kind"] for members in bench.of("error")] == ["memory"]
            assert "[error]" in bench.names
            assert [members["stored"] for members in bench.of("linked")] == [False, True]
            assert bench.names[-1] == "ready"


async def test_a_button_outlives_a_lack_of_memory():
    with Folder() as folder:
        async with Session(folder, Bench.approved) as session:
            bench = session.bench
            bench.http.answer(REVOKE, reply(200))
            await session.push(then_ms=60_000)
            unlink = bench.app.link.unlink
            bench.app.link.unlink = _fails_at_first(unlink, MemoryError())
            for _ in range(2):
                await session.push(is_long=True)
                await session.push(then_ms=20_000)
            assert session.screen == "unlinked"


async def test_ctrl_c_and_a_cancel_end_what_waits_for_memory():
    with Folder() as folder:
        bench = Bench(folder)
        bench.app._make_link = _fails_at_first(None, MemoryError(), KeyboardInterrupt())
        task = asyncio.create_task(bench.app.run())
        await bench.clock.sleep(5_000)
        assert bench.names[-1] == "[error]"
        await _cancel(task)
        try:
            await bench.app.run()
        except KeyboardInterrupt:
            pass
        else:
            raise AssertionError("it swallowed Ctrl-C")


async def test_an_error_for_whose_line_memory_is_short_is_no_end_either():
    with Folder() as folder:
        bench = Bench(folder).approved()
        bench.app._make_link = _fails_at_first(bench.app._make_link, MemoryError())
        bench.app.notify = bench.app._events._notify = _fails_at_first(
            bench.app.notify, MemoryError()
        )
        assert await bench.run(60_000) is False
        assert bench.names[-1] == "ready"


async def test_trouble_while_waiting_comes_and_goes_on_the_screen():
    with Folder() as folder:
        bench = Bench(folder)
        bench.http.answer(DEVICE, device_code())
        bench.http.answer(TOKEN, lost(), refusal("authorization_pending"), tokens(id_token=None))
        bench.http.answer(API, reply(200, {}))
        await bench.run(60_000)
        shown = [name for name in bench.names if name.startswith("[")]
        assert shown[2:] == ["[user_code]", "[offline]", "[user_code]", "[linked]"]


async def test_no_line_and_no_screen_holds_a_secret():
    with Folder() as folder:
        bench = Bench(folder).approved()
        seen = []
        bench.show = seen.append
        bench.http.answer(TOKEN, tokens(2))
        bench.ended()
        await bench.run(10_000_000)
        assert bench.of("signed_out")  # a list of all events would not fit into the VM's heap
        for told in bench.told, seen:
            assert [item for item in told if "-secret" in "%s" % (item,)] == []


async def test_an_error_that_a_program_shares_with_the_link_is_told_once():
    with Folder() as folder:
        await Bench(folder).approved().run(60_000)
        bench = Bench(folder)
        bench.clock.start += 4_000
        bench.http.answer(TOKEN, refusal("invalid_client", 401), ...)
        starts = []

        async def idle():
            starts.append(bench.clock.now)
            await bench.app.link.refresh()

        bench.app.idle = idle
        assert await bench.run(60_000) is False
        assert len(starts) == 3
        (error,) = bench.of("error")
        assert error["fatal"] is False
        assert bench.http.count(TOKEN) == 1


def test_an_error_told_in_passing_is_told_again_where_it_ends_something():
    told = []
    events = Events(lambda event, members: told.append((event, members["fatal"])))
    error = lost()
    for fatal in (False, False, True, True, False):
        events.notify_error(error, fatal)
    assert told == [("error", False), ("error", True)]


class Glass:
    """A panel too small for most of what there is to say; keeps its pictures."""

    width = 72
    height = 40

    def __init__(self):
        self.shown = []
        self._drawn = []

    def fill(self, colour):
        self._drawn = []

    def fill_rect(self, *box):
        self._drawn.append(box)

    def blit(self, canvas, x, y):
        self._drawn = [id(canvas)]

    def show(self):
        self.shown.append(repr(self._drawn))


async def test_what_an_error_left_on_the_screen_can_be_read_to_its_end():
    with Folder() as folder:
        bench = Bench(folder, dict(CONFIGURATION, scoop="x"))
        glass = Glass()
        bench.app._parts = glass, None, None
        assert await bench.app.run() is True
        del glass.shown[:-1]
        await last_of(bench, 60_000)
        assert len(set(glass.shown)) > 1 and glass.shown[0] in glass.shown[1:]


async def test_an_led_goes_on_saying_that_it_is_over():
    with Folder() as folder:
        levels = []
        bench = Bench(folder)
        bench.app._parts = bench, None, StatusLed(Level(levels))
        bench.app.asks_first = False
        bench.http.answer(DEVICE, device_code())
        bench.http.answer(TOKEN, refusal("access_denied"))
        await bench.run()
        del levels[:]
        await last_of(bench, 10_000)
        assert levels[:8] == [0, 1] * 4


async def test_a_screen_that_says_all_at_once_ends_with_the_run():
    with Folder() as folder:
        bench = Bench(folder, None)
        await bench.run()
        await bench.app.last()
        assert bench.names[-1] == "[error]"


async def last_of(bench, ms):
    """What `last` does in `ms` of the bench's time."""

    class Waits:
        TimeoutError = asyncio.TimeoutError

        @staticmethod
        async def wait_for(event, seconds):
            event.close()
            await bench.clock.sleep(round(seconds * 1000))
            raise asyncio.TimeoutError

    real, front.asyncio = front.asyncio, Waits
    last = asyncio.create_task(bench.app.last())
    try:
        await bench.clock.sleep(ms)
    finally:
        last.cancel()
        front.asyncio = real


def test_only_the_application_itself_stays_with_what_it_shows():
    stayed = []

    class Failing:
        async def run(self):
            return True

        async def last(self):
            stayed.append(True)

    app.run(Failing)
    assert stayed == []
    real, app.App = app.App, Failing
    try:
        app.run()
    finally:
        app.App = real
    assert stayed == [True]


class Level:
    """A pin that notes its levels."""

    def __init__(self, levels):
        self.value = levels.append


def test_ctrl_c_gets_out_and_leaves_nothing_running():
    ran = []

    async def background():
        ran.append(1)
        while True:
            await asyncio.sleep(0)
            ran.append(2)

    class Interrupted:
        async def run(self):
            self.task = asyncio.create_task(background())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            raise KeyboardInterrupt

    async def next_run():
        for _ in range(5):
            await asyncio.sleep(0)

    real, app.App = app.App, Interrupted
    try:
        support.raises(KeyboardInterrupt, app.run)
    finally:
        app.App = real
    del ran[:]
    asyncio.run(next_run())
    assert ran == []


def test_a_machine_line_is_json_behind_an_at_sign():
    written = []
    front.print, before = written.append, getattr(front, "print", None)
    try:
        app.print_event("poll", {"result": "pending", "interval": 5.5, "error": None})
    finally:
        if before is None:
            del front.print
    (line,) = written
    assert line[0] == "@" and "\n" not in line
    assert json.loads(line[1:]) == {
        "event": "poll",
        "result": "pending",
        "interval": 5.5,
        "error": None,
    }


def test_main_starts_it():
    done = []

    class Time:
        sleep = done.append

    real, app.run = app.run, lambda: done.append("run")
    real_time = sys.modules.get("time")
    sys.modules["time"] = Time
    try:
        with open(app.__file__.rpartition("keyfob/")[0] + "main.py") as file:
            exec(file.read(), {})
    finally:
        app.run = real
        del sys.modules["time"]
        if real_time:
            sys.modules["time"] = real_time
    assert done == [2, "run"]


class Button:
    """Presses that the test makes; it takes no time."""

    name = "boot"

    def __init__(self):
        self._presses = []
        self._pushed = asyncio.Event()

    def push(self, is_long=False):
        self._presses.append(is_long)
        self._pushed.set()

    async def press(self, sleep_ms):
        await self._pushed.wait()
        self._pushed.clear()
        return self._presses.pop(0)


class Session:
    """A Bench with a button, running until the end of the `async with` block."""

    def __init__(self, folder, prepare=None):
        self.button = Button()
        self.bench = Bench(folder, button=self.button)
        if prepare:
            prepare(self.bench)

    async def __aenter__(self):
        self._task = asyncio.create_task(self.bench.run(10_000_000))
        await self.bench.clock.sleep(1_000)
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        try:
            await self._task
        except asyncio.CancelledError:
            pass

    async def push(self, is_long=False, then_ms=1_000):
        self.button.push(is_long)
        await self.bench.clock.sleep(then_ms)

    @property
    def screen(self):
        return self.bench.of("screen")[-1]["name"]


async def test_a_board_with_a_button_waits_to_be_asked():
    with Folder() as folder:
        async with Session(folder, Bench.approved) as session:
            await session.bench.clock.sleep(600_000)
            assert session.screen == "press"
            assert session.bench.http.count(DEVICE) == 0
            assert session.bench.lines[1] == "Press “boot” to link"
            await session.push(then_ms=60_000)
            assert session.screen == "linked"
            assert session.bench.names[-1] == "ready"


async def test_after_each_bad_end_a_press_gets_a_new_code():
    for answer, screen in (
        (refusal("access_denied"), "denied"),
        (refusal("expired_token"), "expired"),
        (refusal("invalid_client", 401), "error"),
    ):
        with Folder() as folder:
            session = Session(folder)
            session.bench.http.answer(DEVICE, device_code(), device_code(user_code="NEXT-ONE"))
            session.bench.http.answer(TOKEN, answer, tokens())
            session.bench.http.answer(API, reply(200, {}))
            async with session:
                await session.push(then_ms=60_000)
                assert session.screen == screen
                assert session.bench.http.count(DEVICE) == 1
                await session.push(then_ms=60_000)
                assert session.screen == "linked"
                codes = [members["user_code"] for members in session.bench.of("user_code")]
                assert len(codes) == 2 and codes[1] == "NEXT-ONE"


async def test_with_a_button_what_passes_is_tried_again_by_itself_or_by_a_press():
    for press_ms in (None, 1_000):
        with Folder() as folder:
            session = Session(folder)
            http = session.bench.http
            http.answer(DEVICE, reply(429, retry_after="100"), device_code())
            http.answer(TOKEN, tokens())
            http.answer(API, reply(200, {}))
            async with session:
                await session.push(then_ms=50_000)
                assert session.screen == "error" and http.count(DEVICE) == 1
                if press_ms is None:
                    await session.bench.clock.sleep(60_000)
                else:
                    await session.push(then_ms=20_000)
                assert session.screen == "linked"


async def test_with_a_button_a_code_that_ran_out_waits_for_a_press():
    with Folder() as folder:
        session = Session(folder)
        session.bench.http.answer(DEVICE, device_code(expires_in=60))
        session.bench.http.answer(TOKEN, lost(), ...)
        async with session:
            await session.push(then_ms=3 * HOUR)
            assert session.screen == "expired"
            assert session.bench.http.count(DEVICE) == 1


async def test_a_pending_code_without_a_provider_is_no_reason_to_hurry():
    with Folder() as folder:
        bench = Bench(folder)
        bench.http.answer(DEVICE, device_code())
        bench.http.answer(TOKEN, refusal("authorization_pending"), ...)
        await bench.run(60_000)

        def prepare(bench):
            folder.write("keyfob.json", without_endpoints())
            for url in (DISCOVERY, OAUTH_DISCOVERY):
                bench.http.answer(url, lost(), ...)

        async with Session(folder, prepare) as session:
            await session.bench.clock.sleep(600_000)
            assert session.bench.app.link.is_pending
            assert session.bench.http.count(DISCOVERY) < 25


async def test_a_press_while_a_code_is_up_shows_it_again_and_asks_for_no_other():
    with Folder() as folder:
        session = Session(folder)
        session.bench.http.answer(DEVICE, device_code())
        session.bench.http.answer(TOKEN, refusal("authorization_pending"), ...)
        async with session:
            await session.push()
            for is_long in (False, True):
                session.bench.lines = []
                await session.push(is_long)
                assert ("Code  fH7k-Qp0O" in session.bench.lines) is not is_long
            assert session.screen == "user_code"
            assert session.bench.http.count(DEVICE) == 1


async def test_unlinking_takes_a_long_press_and_a_short_one():
    with Folder() as folder:
        async with Session(folder, Bench.approved) as session:
            bench = session.bench
            bench.http.answer(REVOKE, reply(200))
            await session.push(then_ms=60_000)
            await session.push(is_long=True)
            assert session.screen == "unlink"
            assert bench.app.link.is_linked
            await session.push(is_long=True)  # that is no answer
            assert session.screen == "unlink"
            await session.push()
            assert session.screen == "unlinked"
            assert bench.of("unlinked") == [{"revoked": True}]
            assert not bench.app.link.is_linked
            bench.http.script(DEVICE, device_code())
            bench.http.script(TOKEN, tokens(2))
            bench.http.answer(API, reply(200, {}))
            await session.push(then_ms=60_000)
            assert bench.names.count("linked") == 2


async def test_a_short_press_tells_of_the_link_again():
    with Folder() as folder:
        async with Session(folder, Bench.approved) as session:
            await session.push(then_ms=60_000)
            shown = len(session.bench.of("screen"))
            await session.push()  # the console has no idle screen
            assert len(session.bench.of("screen")) == shown
            session.bench.app._screens.show("idle", {})
            await session.push()
            assert session.screen == "linked"


async def test_a_link_that_is_in_memory_only_says_so_on_every_screen_of_it():
    with Folder() as folder:
        async with Session(folder, Bench.approved) as session:
            bench = session.bench
            await session.push(then_ms=60_000)
            link = bench.app.link
            kept = link._account._store
            link._account._store = FailingStore(fails=("save",))
            bench.http.script(TOKEN, tokens(2), tokens(3))
            await link.refresh()
            assert bench.lines == ["Linked", "Account  Ana", "Not saved: the flash cannot save"]
            assert bench.of("refreshed")[-1]["unsaved"] == "the flash cannot save"
            assert bench.of("error")[-1]["fatal"] is False
            bench.app._screens.show("idle", bench.app._screens.link)
            assert bench.lines[2] == "Not saved: the flash cannot save"
            await session.push()
            assert session.screen == "linked"
            assert bench.lines[2] == "Not saved: the flash cannot save"
            link._account._store = kept
            await link.refresh()
            assert bench.lines == ["Linked", "Account  Ana"]
            assert kept.load()["tokens"]["refresh_token"] == "rt-secret-3"


async def test_not_saved_goes_from_the_screen_within_a_minute_of_the_reason():
    with Folder() as folder:
        async with Session(folder, Bench.approved) as session:
            bench = session.bench
            bench.app.link._account._store = store = FailingStore()
            await session.push(then_ms=60_000)
            assert bench.lines == ["Linked", "Account  Ana", "Not saved: the flash cannot save"]
            await bench.clock.sleep(600_000)
            told = len(bench.of("error"))
            store.fails = ()
            await bench.clock.sleep(60_000)
            assert bench.lines == ["Linked", "Account  Ana"]
            assert store.record["tokens"]["refresh_token"] == "rt-secret-1"
            assert len(bench.of("error")) == told == 2, "once for the code, once for the tokens"


# Exceptions that are not ours

ANY = (ValueError, OSError, AttributeError, RuntimeError, TypeError, KeyError, MemoryError)


OURS = (
    lost,
    lambda text: lost("tls"),
    ProviderError,
    UsageError,
    NotLinked,
    StorageError,
    lambda text: KeyfobError(text, "some", "sensor"),
)


async def raised_four_times(bench, make, text):
    """The errors told of an `idle` that raises so often before it lasts, with a growing pause."""
    starts = []

    async def idle():
        starts.append(bench.clock.now)
        if len(starts) < 5:
            raise make(text)
        await bench.clock.sleep(1_000_000)

    bench.app.idle = idle
    assert await bench.run(1_000_000) is False
    gaps = [later - earlier for earlier, later in zip(starts, starts[1:])]
    assert gaps == [10_000, 20_000, 40_000, 80_000], "the pause grows"
    return bench.of("error")


async def test_a_program_outlives_any_exception_of_its_own():
    for make in OURS:
        with Folder() as folder:
            bench = Bench(folder).approved()
            errors = await raised_four_times(bench, make, "no reading")
            assert all("(test_app.py, line " in error["message"] for error in errors)
            assert len(errors) == 4 and not any(error["fatal"] for error in errors)
            assert bench.names.count("linked") == 1, "the link was never given up"
            assert bench.names.count("[error]") == bench.names.count("[idle]") == 4
            assert bench.lines[0] == "Linked", "the error's screen is gone"


def _runs_out(bench):
    """Prepare a provider without refresh tokens, and a program that uses the access token."""
    bench.http.answer(DEVICE, device_code(), ...)
    bench.http.answer(TOKEN, tokens(refresh_token=None), tokens(2, id_token=None))
    bench.http.answer(API, reply(200, {}), ...)

    async def idle():
        while True:
            await bench.app.link.token()
            await bench.clock.sleep(600_000)

    bench.app.idle = idle


async def test_where_a_token_has_run_out_for_good_a_new_code_is_offered():
    with Folder() as folder:
        bench = Bench(folder)
        _runs_out(bench)
        assert await bench.run(HOUR + 900_000) is False
        (error,) = bench.of("error")
        assert "run out" in error["message"] and not error["fatal"]
        assert bench.names.count("user_code") == bench.names.count("linked") == 2
        assert bench.names[-1] == "ready"


async def test_or_a_button_to_get_one():
    with Folder() as folder:
        async with Session(folder, _runs_out) as session:
            await session.push(then_ms=60_000)
            session.bench.app._screens.show("idle", {})
            await session.bench.clock.sleep(HOUR + 900_000)
            assert session.screen == "press"
            await session.push(then_ms=60_000)
            assert session.screen == "linked"
            assert session.bench.names.count("user_code") == 2


async def test_a_program_outlives_any_foreign_exception():
    for kind in ANY[:-1]:
        with Folder() as folder:
            bench = Bench(folder).approved()
            errors = await raised_four_times(bench, kind, "at-secret-1")
            for error in errors:
                words, _, place = error["message"].partition(" (")
                assert words == "unexpected " + kind.__name__
                assert place.startswith("test_app.py, line "), "where it was raised"
            assert bench.names.count("[error]") == 4, "the panel shows it"
            assert not any(error["fatal"] for error in errors)
            assert bench.names.count("linked") == 1, "the link was never given up"
            assert "secret" not in str(bench.told)


async def test_no_error_of_a_program_costs_tokens_that_could_not_be_saved_yet():
    for error in (lost(), lost("memory"), MemoryError(), NotLinked("no account is linked")):
        with Folder() as folder:
            bench = Bench(folder).approved()
            make_link = bench.app._make_link
            store = FailingStore(fails=("save",))

            def link_to_full_flash(make_link=make_link, store=store):
                link = make_link()
                link._account._store = store
                return link

            bench.app._make_link = link_to_full_flash
            bench.app.idle = _fails_at_first(bench.app.idle, error, error)
            task = asyncio.create_task(bench.run(300_000))
            await bench.clock.sleep(200_000)
            store.fails = ()  # there is room again
            await task
            assert len(bench.of("user_code")) == 1 and bench.names.count("linked") == 1, error
            assert bench.of("saved") and store.record["tokens"]["refresh_token"] == "rt-secret-1"
            assert not any(members["fatal"] for members in bench.of("error"))


async def test_a_start_that_meets_any_exception_is_made_again():
    for kind in ANY[:-1]:
        with Folder() as folder:
            bench = Bench(folder).approved()
            bench.app._make_link = _fails_at_first(bench.app._make_link, kind(), kind())
            assert await bench.run(120_000) is False
            assert [(e["kind"], e["fatal"]) for e in bench.of("error")] == [("internal", True)] * 2
            assert bench.names[-1] == "ready" and bench.lines[0] == "Linked"


async def test_the_tasks_for_button_and_screen_outlive_any_exception():
    for kind in ANY:
        with Folder() as folder:
            async with Session(folder, Bench.approved) as session:
                bench = session.bench
                await session.push(then_ms=60_000)
                screens = bench.app._screens
                for part, method in ((bench.app._button, "press"), (screens, "update")):
                    real = getattr(part, method)
                    setattr(part, method, _fails_at_first(real, kind(), kind()))
                bench.app._changed.set()
                session.button.push()
                await bench.clock.sleep(60_000)
                errors = bench.of("error")
                assert len(errors) == 4 and not any(error["fatal"] for error in errors), kind
                await session.push(is_long=True)
                assert session.screen == "unlink", kind
                looks = []
                screens.update = looks.append
                bench.app._changed.set()
                await bench.clock.sleep(1_000)
                assert looks, kind


async def test_an_emit_or_a_came_up_that_raises_costs_nothing():
    for kind in ANY:
        with Folder() as folder:
            bench = Bench(folder).approved()
            seen = []
            emit = bench.app.emit

            def broken(event, members, kind=kind, emit=emit):
                emit(event, members)
                raise kind("the line went dead")

            def came_up(screen, kind=kind, seen=seen):
                seen.append(screen)
                raise kind("no such picture")

            bench.app.emit = broken
            bench.app.came_up = came_up
            assert await bench.run(60_000) is False
            assert bench.names[-1] == "ready" and bench.lines[0] == "Linked", kind
            assert seen[-1] == "linked" and "error" not in bench.names


async def test_unlinking_what_cannot_be_erased_ends_the_link_and_says_what_is_left():
    with Folder() as folder:
        async with Session(folder, Bench.approved) as session:
            bench = session.bench
            bench.http.answer(REVOKE, reply(200))
            await session.push(then_ms=60_000)
            bench.app.link._account._store = FailingStore(fails=("erase",))
            await session.push(is_long=True)
            await session.push()
            assert bench.of("unlinked") == [{"revoked": True}]
            assert session.screen == "error"
            assert "the flash cannot erase" in bench.lines
            await bench.clock.sleep(20_000)
            assert session.screen == "error"
            bench.http.script(DEVICE, device_code())
            bench.http.script(TOKEN, tokens(2))
            bench.http.answer(API, reply(200, {}))
            await session.push(then_ms=60_000)
            assert session.screen == "linked"


async def test_a_link_that_has_ended_can_be_made_again_with_the_button():
    with Folder() as folder:
        await Bench(folder).approved().run(60_000)

        def prepare(bench):
            bench.clock.start += 4_000
            bench.http.answer(TOKEN, refusal("invalid_grant"), tokens(2))
            bench.http.answer(DEVICE, device_code())
            bench.http.answer(API, reply(200, {}))

        async with Session(folder, prepare) as session:
            await session.bench.clock.sleep(60_000)
            assert session.screen == "sign_in_again"
            assert session.bench.http.count(DEVICE) == 0
            await session.push(then_ms=60_000)
            assert session.screen == "linked"


async def test_a_link_that_has_ended_is_back_without_a_press():
    with Folder() as folder:
        await Bench(folder).approved().run(60_000)

        def prepare(bench):
            bench.clock.start += 4_000
            bench.http.answer(TOKEN, refusal("invalid_grant"), tokens(2), ...)
            bench.http.answer(API, reply(200, {}), ...)

        async with Session(folder, prepare) as session:
            await session.bench.clock.sleep(60_000)
            assert session.screen == "sign_in_again"
            await session.bench.clock.sleep(3_600_000)
            assert session.screen == "linked"
            assert session.bench.names.count("linked") == 2
            assert session.bench.names[-1] == "ready"


async def test_after_a_restart_the_screen_of_an_ended_link_takes_the_press():
    with Folder() as folder:
        await ended_link(folder, code=reply(503))

        def prepare(bench):
            bench.clock.start += 5_000
            bench.approved()

        async with Session(folder, prepare) as session:
            await session.bench.clock.sleep(10_000)
            assert session.screen == "sign_in_again"
            assert session.bench.http.requests == []
            await session.push(then_ms=60_000)
            assert session.screen == "linked"


async def test_a_program_that_was_asked_already_does_not_wait_for_the_button():
    with Folder() as folder:
        session = Session(folder, Bench.approved)
        session.bench.app.asks_first = False
        async with session:
            await session.bench.clock.sleep(60_000)
            assert session.screen == "linked"
