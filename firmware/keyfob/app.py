"""What a board runs at power-up: link, show, call, stay linked.

Everything that happens is shown on the display and, one JSON object a line behind an
`@`, told to whoever listens on the serial port.
"""

import asyncio
import json

from keyfob.compat import drop
from keyfob.errors import KeyfobError, NotLinked, TransportError
from keyfob.events import Events
from keyfob.link import AccountLink
from keyfob.net.clock import Clock
from keyfob.ui.screens import Screens


class App:
    """One run of the application. `link` is None until the configuration has been read."""

    def __init__(self, root="", display=None, emit=None):
        """Use the files under `root`; `emit(event, members)` instead of serial lines."""
        self.link = None
        self._root = root
        self._display = display
        self._emit = print_event if emit is None else emit
        self._events = Events(self.notify)
        self._screens = None
        self._stage = "starting"  # the last thing told of, for whoever runs out of memory
        self._changed = asyncio.Event()  # there is a new screen

    async def run(self):
        """Link and stay linked until cancelled; return only after an error that ends it."""
        task = None
        try:
            self._screens = Screens(self._display or self._open_display(), self._shown)
            task = asyncio.create_task(self._keep_screen())
            self._screens.show("starting", {})
            link = AccountLink.from_config(root=self._root, notify=self.notify)
            link.is_patient = True
            if link.language is not None:
                self._screens.language = link.language
            self._screens.show("wifi", {})
            async with link:
                self.link = link
                await link.ensure_linked()
                await self._call_api()
                self._events.tell("ready")
                await self.idle()
        except KeyfobError as error:
            self._events.tell_error(error, fatal=True)  # a new code is for the person to ask for
        except MemoryError:
            error = TransportError(
                "not enough memory after: " + self._stage, "use a board with more RAM", "memory"
            )
            self._events.tell_error(error, fatal=True)
        finally:
            if task is not None:
                task.cancel()

    def notify(self, event, members):
        """Tell and show what happened."""
        self._stage = event
        self._emit(event, members)
        if self._screens is not None:
            self._screens.notify(event, members)

    async def idle(self):
        """Go on while the link refreshes itself; for a subclass to do something better."""
        while True:
            await asyncio.sleep(3600)

    async def _call_api(self):
        try:
            await self.link.call_api()
        except NotLinked:
            raise
        except KeyfobError as error:
            self._events.tell_error(error)  # the link itself may be fine

    def _shown(self, name):
        self._emit("screen", {"name": name})
        self._changed.set()

    def _open_display(self):
        """The board's panel as /board.json describes it, else the serial console."""
        from keyfob.ui.displays.opening import open_board_display

        try:
            return open_board_display(self._root, self._events)
        finally:
            del open_board_display
            drop("keyfob.ui.displays.opening")

    async def _keep_screen(self):
        """Draw what changes with time: the time left, and alternating pages."""
        clock = Clock()
        while True:
            wait = self._screens.update(clock.ticks())
            try:
                limit = None if wait is None else wait / 1000
                await asyncio.wait_for(self._changed.wait(), limit)
            except asyncio.TimeoutError:
                pass
            self._changed.clear()


def print_event(event, members):
    """Write one machine line to the serial port."""
    line = {"event": event}
    line.update(members)
    print("@" + json.dumps(line))


def run(kind=None):
    """Run the application (`kind`, a subclass of App) until an error ends it or Ctrl-C."""
    try:
        asyncio.run((kind or App)().run())
    finally:
        if hasattr(asyncio, "core"):
            asyncio.new_event_loop()  # MicroPython: or the next run would go on with this one
