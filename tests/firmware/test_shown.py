"""A link of from_config on a board with panel or button: what it shows, what a press does."""

import asyncio

from fakes import (
    API,
    DEVICE,
    ISSUER,
    REVOKE,
    TOKEN,
    FakeClock,
    FakeHttp,
    Folder,
    device_code,
    lost,
    refusal,
    reply,
    tokens,
)

from keyfob.errors import ConfigError, KeyfobError, LinkDenied
from keyfob.link import AccountLink, from_config
from keyfob.link import shown as shown_code
from keyfob.ui import raised
from keyfob.ui.led import StatusLed

CONFIGURATION = {
    "provider": {
        "issuer": ISSUER,
        "device_authorization_endpoint": DEVICE,
        "token_endpoint": TOKEN,
        "revocation_endpoint": REVOKE,
        "client_id": "board",
    },
    "scope": "openid profile",
}


class Lines:
    """A console, or with `fill` a panel as far as `hasattr` knows."""

    def __init__(self):
        self.shown = []

    def show(self, lines):
        self.shown.append(" ".join(lines))


class Panel(Lines):
    """A panel whose screens are read by their names."""

    width = 72
    height = 40

    def fill(self, colour):
        pass

    def fill_rect(self, *box):
        pass

    def blit(self, *what):
        pass

    def show(self):
        pass


class Button:
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


class Pin:
    def __init__(self):
        self.levels = []

    def value(self, level):
        self.levels.append(level)


class Board:
    """A board with parts, whose link has its network and its time by script."""

    def __init__(self, folder, display=None, button=None, led=None, **changes):
        folder.write("keyfob.json", dict(CONFIGURATION, **changes))
        self.clock = FakeClock()
        self.http = FakeHttp(self.clock)
        self.display = display or Panel()
        self.names = []
        parts = [self.display, button, led]
        self.link = from_config._shown(
            parts, AccountLink, "/keyfob.json", folder.path, "account", "files", None
        )
        self.link._provider._http = self.http
        self.link._clock = self.link._provider._clock = self.clock
        self.front = self.link.display[0]
        self.front._clock = self.clock
        self.front.came_up = self.names.append

    async def ends(self, program, ms=60_000):
        """Run `program` for so long; return whether it has ended, and raise what it raises."""
        task = asyncio.create_task(program(self.link))
        await self.clock.sleep(ms)
        if task.done():
            await task
            return True
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        return False

    def approved(self):
        self.http.answer(DEVICE, device_code())
        self.http.answer(TOKEN, refusal("authorization_pending"), tokens())
        self.http.answer(API, reply(200, {}))
        return self


async def example(link):
    async with link:
        await link.ensure_linked()
        await link.get(API)


async def test_the_panel_shows_the_code_and_the_states():
    with Folder() as folder:
        board = Board(folder).approved()
        assert await board.ends(example)
        assert board.names == ["wifi", "user_code", "linked"]


async def test_a_program_that_goes_on_sees_its_own_screen_and_no_other():
    with Folder() as folder:
        board = Board(folder, Lines(), Button()).approved()

        async def program(link):
            async with link:
                for number in range(3):
                    assert await link.ensure_linked() == "Ana"
                    link.show("Tasks", number, "open", "since today")
                    await board.clock.sleep(60_000)

        assert await board.ends(program, 300_000)
        assert board.names == ["wifi", "user_code", "linked", "idle", "idle", "idle"]
        assert board.display.shown[-1] == "Tasks 2 open since today"


async def test_a_led_alone_changes_nothing_else():
    with Folder() as folder:
        pin = Pin()
        board = Board(folder, Lines(), led=StatusLed(pin))
        board.http.answer(DEVICE, device_code())
        board.http.answer(TOKEN, refusal("access_denied"))
        assert board.link.is_patient is False
        try:
            await board.ends(example)
        except LinkDenied:
            pass
        else:
            raise AssertionError("the program decides")
        assert pin.levels


async def test_a_code_that_ran_out_is_followed_by_another_as_the_screen_says():
    with Folder() as folder:
        board = Board(folder)
        assert board.link.is_patient is True
        board.http.answer(DEVICE, device_code(), device_code())
        board.http.answer(TOKEN, refusal("expired_token"), tokens())
        board.http.answer(API, reply(200, {}))
        assert await board.ends(example)
        assert board.names == ["wifi", "user_code", "expired", "user_code", "linked"]


async def test_with_a_button_a_press_asks_for_the_next_code():
    with Folder() as folder:
        button = Button()
        board = Board(folder, Lines(), button)
        board.http.answer(DEVICE, device_code(), device_code())
        board.http.answer(TOKEN, refusal("access_denied"), tokens())
        board.http.answer(API, reply(200, {}))
        task = asyncio.create_task(example(board.link))
        await board.clock.sleep(60_000)
        assert board.names[-1] == "denied" and not task.done()
        button.push()
        await board.clock.sleep(60_000)
        assert task.done() and board.names[-2:] == ["user_code", "linked"]


async def test_the_button_unlinks_and_links_again():
    with Folder() as folder:
        button = Button()
        board = Board(folder, Lines(), button).approved()
        board.http.answer(REVOKE, reply(200))

        async def program(link):
            async with link:
                while True:
                    await link.ensure_linked()
                    await board.clock.sleep(5_000)

        task = asyncio.create_task(board.ends(program, 200_000))
        await board.clock.sleep(60_000)
        button.push(is_long=True)
        await board.clock.sleep(1_000)
        assert board.names[-1] == "unlink"
        button.push()
        await board.clock.sleep(20_000)
        assert board.names[-1] == "unlinked" and not board.link.is_linked
        board.http.answer(DEVICE, device_code())
        board.http.answer(TOKEN, tokens())
        button.push()
        await task
        assert board.names[-2:] == ["user_code", "linked"]


async def test_what_ends_the_program_is_on_the_panel_with_its_place():
    for kind, words in ((KeyError, "unexpected KeyError"), (lost, "no connection")):
        with Folder() as folder:
            board = Board(folder, Lines(), Button()).approved()

            async def program(link, kind=kind):
                async with link:
                    await link.ensure_linked()
                    raise kind()

            try:
                await board.ends(program)
            except (KeyError, KeyfobError):
                pass
            else:
                raise AssertionError("it was swallowed")
            said = board.display.shown[-1]
            assert words in said and "(test_shown.py, line " in said, said
            assert board.names[-1] == "error"
            assert not board.link.display[1], "nothing goes on running"


async def test_a_cancelled_program_leaves_nothing_running():
    with Folder() as folder:
        board = Board(folder).approved()

        async def program(link):
            async with link:
                await link.ensure_linked()
                await asyncio.Event().wait()

        assert not await board.ends(program)
        assert board.names[-1] in ("linked", "idle") and not board.link.display[1]


async def test_a_wrong_configuration_is_on_the_panel_and_raised():
    with Folder() as folder:
        console = Lines()
        try:
            Board(folder, console, Button(), scoop="x")
        except ConfigError:
            pass
        else:
            raise AssertionError("it was swallowed")
        assert "scoop" in console.shown[-1]


async def test_the_screens_speak_the_language_of_the_configuration():
    with Folder() as folder:
        console = Lines()
        board = Board(folder, console, Button(), language="de").approved()
        await board.ends(example)
        assert console.shown[-1].startswith("Verbunden")


async def test_a_missing_certificate_is_on_the_panel_too():
    with Folder() as folder:
        error = None
        panel = Panel()
        shown = []
        show_error = shown_code.show_error
        shown_code.show_error = lambda front, error: shown.append(error)
        try:
            Board(folder, panel, ca=["/ca/none.der"])
        except ConfigError as found:
            error = found
        finally:
            shown_code.show_error = show_error
        assert error is not None and shown == [error]


async def test_a_screen_of_the_program_before_the_link_is_told_hides_no_other():
    with Folder() as folder:
        board = Board(folder)
        board.front._open_parts(None)
        board.front._screens.show("wifi", {})
        board.link.show("Boot", 5)
        board.front.notify("wifi", {"state": "joined"})
        assert board.front._screens.name == "clock"
        board.front.notify("linked", {"account": "Ana", "unsaved": None})
        assert board.front._screens.name == "linked"
        assert board.front._screens.link["name"] == "Boot", "it comes back"


async def test_a_link_is_closed_even_where_its_end_cannot_be_shown():
    with Folder() as folder:
        board = Board(folder)
        tell = shown_code.show_error

        def fails(front, error):
            raise MemoryError

        async def program(link):
            async with link:
                raise ValueError("of the program")

        shown_code.show_error = fails
        try:
            await board.ends(program)
            raise AssertionError("nothing was raised")
        except ValueError:
            pass
        finally:
            shown_code.show_error = tell
        assert not board.link._is_open and not board.link.display[1]


def test_the_text_of_an_exception_is_no_place_in_a_program():
    for text in ('oops\nFile "SECRET", line 5', 'oops\n  File "SECRET", line 5', 'a\nFile "x'):
        try:
            raise ValueError(text)
        except ValueError as error:
            message = raised.with_place(error).message
        assert "SECRET" not in message and "ValueError" in message, message
