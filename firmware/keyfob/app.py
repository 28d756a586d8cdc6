"""What a board runs at power-up: link, show, call, stay linked.

Everything that happens is shown on the display and, one JSON object a line behind an
`@`, told to whoever listens on the serial port.
"""

import asyncio
import json

from keyfob.errors import KeyfobError, NotLinked, TransportError
from keyfob.events import Events
from keyfob.link import AccountLink
from keyfob.ui.displays.console import Console
from keyfob.ui.screens import Screens


class App:
    """One run of the application. `link` is None until the configuration has been read."""

    def __init__(self, root="", display=None, emit=None):
        """Use the files under `root`; `emit(event, members)` instead of serial lines."""
        self.link = None
        self._root = root
        self._emit = print_event if emit is None else emit
        self._events = Events(self.notify)
        self._screens = Screens(Console() if display is None else display, self._shown)

    async def run(self):
        """Link and stay linked until cancelled; return only after an error that ends it."""
        self._screens.show("starting", {})
        try:
            link = AccountLink.from_config(root=self._root, notify=self.notify)
            self._screens.show("wifi", {})
            async with link:
                self.link = link
                await link.ensure_linked()
                await self._call_api()
                await self.idle()
        except KeyfobError as error:
            self._events.tell_error(error, fatal=True)  # a new code is for the person to ask for
        except MemoryError:
            error = TransportError("not enough memory", "use a board with more RAM", "memory")
            self._events.tell_error(error, fatal=True)

    def notify(self, event, members):
        """Tell and show what happened."""
        self._emit(event, members)
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


def print_event(event, members):
    """Write one machine line to the serial port."""
    line = {"event": event}
    line.update(members)
    print("@" + json.dumps(line))


def run():
    """Run the application until an error ends it or somebody presses Ctrl-C."""
    try:
        asyncio.run(App().run())
    finally:
        if hasattr(asyncio, "core"):
            asyncio.new_event_loop()  # MicroPython: or the next run would go on with this one
