"""What a person sees and presses of a board: display, LED and button, in step with a link."""

import asyncio
import json

from keyfob.compat import Loaded, const
from keyfob.errors import KeyfobError, LinkExpired, NotLinked, TransportError
from keyfob.events import Events
from keyfob.net.clock import Clock
from keyfob.oauth import ticks
from keyfob.ui.screens import Screens

FIRST_PAUSE = const(10_000)  # ms before what failed begins again, doubled each time
LONGEST_PAUSE = const(600_000)
_LOOK = const(1_000)  # ms between two looks at the button in a pause
_NAP = const(60_000)  # ms between two looks whether the old link is back
_HOUR = const(3_600_000)  # ms
_LONG = const(900_000)  # ms between two attempts while the provider is out of reach
_DAY = const(86_400)  # s of a provider's Retry-After, at most
_SHORT = const(12)  # characters of a value in large letters
_PASSING = const(1)  # the row of what passes


class Front:
    """Shows the events of `link`, which its `notify` is told, and acts on the presses.

    `display` is the panel, or the console where there is none; None before the parts are open.
    """

    asks_first = True

    def __init__(self, root="", display=None, emit=None, button=None):
        """Use the files under `root`; `emit(event, members)` instead of serial lines.

        Display, button and LED are what /board.json says, or else `display` and `button`.
        """
        self.link = self.display = None
        self._root = root
        self._parts = None if display is None else (display, button, None)
        self.emit = print_event if emit is None else emit
        self._events = Events(self.notify)
        self._clock = Clock()
        self._screens = self._button = self._led = None
        self._changed = asyncio.Event()  # there is a new screen
        self._wanted = asyncio.Event()  # the button to link was pressed
        self._over = asyncio.Event()  # the link has ended, or `idle` has
        self._stage = None  # the last event, for the message of a MemoryError
        self._trouble = None  # the lack of memory that ended `idle`

    def notify(self, event, members):
        """Emit and show what happened."""
        self._stage = event
        self._events.call(self.emit, event, members)
        if event == "signed_out" or (event == "unlinked" and self._button is not None):
            self._over.set()  # after an unlink without a button the screen asks for a restart
        elif event == "linked":
            self._wanted.set()  # whoever waits for a press, or for the link to come back
        if self._screens is not None:
            self._screens.notify(event, members)

    def _open_parts(self, tasks):  # rare
        """Open display, button and LED where that is to do; start the tasks that look after them.

        Without `tasks`, a list, none are started.
        """
        self._parts = self._parts or self._open_board()
        self.display, self._button, self._led = self._parts
        if self._screens is None:
            self._screens = Screens(self.display, self._shown)
            self._screens.button = self._button and self._button.name
        if tasks is None:
            return
        if self._button is not None:
            tasks.append(asyncio.create_task(self._lasting(self._watch_button)))
        tasks.append(asyncio.create_task(self._lasting(self._keep_screen)))

    async def _lasting(self, method):
        """Run `method`, a task's, to its end: again after each exception.

        The pause before that grows where one soon follows another.
        """
        pause = 0
        while True:
            start = self._clock.ticks()
            try:
                return await method()
            except Exception as error:  # noqa: BLE001 - it is told
                self._events.notify_error(error)
            if ticks.diff(self._clock.ticks(), start) > LONGEST_PAUSE:
                pause = 0
            pause = min(2 * pause or FIRST_PAUSE, LONGEST_PAUSE)
            await self._clock.sleep(pause)

    def came_up(self, screen):
        """Called after the screen of that name was drawn; a subclass may draw over `idle`."""

    async def last(self):  # rare
        """Keep drawing the error's screen until nothing on it changes any more."""
        if self._screens is not None:
            self._screens.button = None  # no task watches it any more
            await self._keep_screen(True)

    def show(self, name, value=None, *lines):  # rare: own
        """Show a screen of the program's own for as long as the link is all right.

        `value`, a short text or a number, is as large as the panel allows; `lines` are below it.
        """
        text = "" if value is None else str(value)
        is_short = len(text) <= _SHORT
        screens = self._screens
        screens.link = dict(
            screens.link,
            name=name,
            value=text if is_short else None,
            words=None if is_short else text,
            message="\n".join(lines),
        )
        if screens.name in ("linked", "idle"):
            screens.show("idle", screens.link)

    async def _get_linked(self, link, waits):
        """Link; after a press, or a pause, again until an attempt succeeds.

        With `waits` the first one takes a press, too. What ends it where it does not
        ask first, is raised; so is a lack of memory without a button.
        """
        pause = {}  # how many there were; see `_wait`
        while True:
            if waits and not link.is_linked:
                if self._screens.press != "link":
                    self._screens.show("press", {})
                self._wanted.clear()
                await self._wanted.wait()
                if link.is_linked:
                    return  # the provider took the old link back, which was told
            try:
                await link.ensure_linked()
                return
            except KeyfobError as error:
                if not self.asks_first or (error.kind == "memory" and self._button is None):
                    raise
                self._events.notify_error(error, fatal=True)
                waits = await self._wait(error, pause)
                if link.is_linked:
                    return

    async def _wait(self, error, tries):  # rare
        """Wait for a press, or until an attempt that ended by `error` is made again.

        It ends, too, where the old link is back. Return True where it takes a press. `tries` is
        a dict, empty at first, where it counts.
        """
        # By the error, the first that fits: whether a board with a button goes on by itself, too;
        # ms before the first attempt that follows, the second ..., the last one for good.
        pauses = (
            (LinkExpired, False, (1_000, 1_000, 1_000, _HOUR)),
            (
                TransportError,
                True,
                (10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, _LONG),
            ),
            (KeyfobError, False, (_HOUR,)),  # a person has to mend it, perhaps at the provider
        )
        row = 0
        while not isinstance(error, pauses[row][0]):
            row += 1
        if error.interval is not None:
            row = _PASSING
        _, is_for_all, gaps = pauses[row]
        if not is_for_all and self._button is not None:
            return True
        if row != _PASSING:
            tries[_PASSING] = 0
        done = tries.get(row, 0)
        tries[row] = done + 1
        pause = gaps[min(done, len(gaps) - 1)]
        pause += self._clock.jitter(pause // 4)  # boards must not come in step
        pause = max(pause, min(error.interval or 0, _DAY) * 1000)
        step = _NAP if self._button is None else _LOOK
        self._wanted.clear()
        while pause > 0 and not self._wanted.is_set():
            await self._clock.sleep(min(pause, step))
            pause -= step
        return False

    async def _watch_button(self):
        """Act on the presses."""
        while True:
            is_long = await self._button.press(self._clock.sleep)
            screens = self._screens
            if screens.wake():
                self._changed.set()
                continue  # that press only wakes the panel
            if is_long:
                if screens.name in ("linked", "idle") or (screens.name == "no_wifi" and self.link):
                    screens.show("unlink", {})
                continue
            if screens.press == "link":
                self._wanted.set()
            elif screens.press == "tell":
                screens.show("linked", screens.link)
            elif screens.press == "show":
                screens.show_again()
                self._changed.set()
            elif screens.press == "unlink":
                try:
                    await self.link.unlink()
                except KeyfobError as error:
                    self._events.notify_error(error, fatal=True)  # the store still has its copy

    def _open_board(self):  # rare
        with Loaded("keyfob.ui.board") as board:
            return board.open_board(self._root, self._events)

    def _shown(self, name):
        if self._led is not None:
            self._led.show(name, self._screens.members)
        self._events.call(self.came_up, name)
        self._events.call(self.emit, "screen", {"name": name})
        self._changed.set()

    def _refused(self, error):  # rare
        """Take what ended `idle`: it is told, shown and raised where that is to start again."""
        is_memory = isinstance(error, MemoryError) or getattr(error, "kind", None) == "memory"
        if is_memory and self.link.unsaved is None:  # else it would cost what is in RAM only
            self._trouble = error
        elif isinstance(error, NotLinked) and error.kind == "provider":
            self._events.notify_error(error)  # the access token has run out for good
        elif is_memory or not isinstance(error, NotLinked) or not self._over.is_set():
            if not is_memory:
                with Loaded("keyfob.ui.raised") as code:
                    error = code.with_place(error)
            error = self._events.notify_error(error)
            if self._screens.name in ("linked", "idle"):
                self._screens.show("error", error.members(False))
            raise error

    async def _keep_screen(self, is_last=False):
        """Redraw what changes with time: the time left, the pages, the LED's pattern."""
        while True:
            now = self._clock.ticks()
            waits = [self._screens.update(now)]
            if self._led is not None:
                waits.append(self._led.update(now))
            waits = [wait for wait in waits if wait is not None]
            if is_last and not waits:
                return
            try:
                await asyncio.wait_for(self._changed.wait(), min(waits) / 1000 if waits else None)
            except asyncio.TimeoutError:
                pass
            self._changed.clear()


def print_event(event, members):
    """Print one event as a line for programs: `@` and a JSON object."""
    line = {"event": event}
    line.update(members)
    print("@" + json.dumps(line))
