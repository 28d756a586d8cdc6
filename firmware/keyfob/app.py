"""What a board runs at power-up: link, show, call, stay linked.

Everything that happens is shown on the display and, one JSON object a line behind an
`@`, told to whoever listens on the serial port.
"""

import asyncio
import json

from keyfob.errors import KeyfobError, LinkDenied, LinkExpired, TransportError
from keyfob.link import AccountLink
from keyfob.ui import screens
from keyfob.ui.displays.console import Console

# The screen that an event brings up. Others leave the screen alone.
_SCREEN_OF = {
    "user_code": "user_code",
    "linked": "linked",
    "denied": "denied",
    "expired": "expired",
    "unlinked": "unlinked",
    "signed_out": "sign_in_again",
}

_LAST = ("denied", "expired", "sign_in_again")  # screens that say more than the error


class App:
    """One run of the application. `link` is None until the configuration has been read."""

    def __init__(self, root="", display=None, emit=None):
        """Use the files under `root`; `emit(event, members)` instead of serial lines."""
        self.link = None
        self._root = root
        self._display = Console() if display is None else display
        self._emit = print_event if emit is None else emit
        self._screen = None
        self._code = None  # what the code screen shows

    async def run(self):
        """Link and stay linked until cancelled; return only after an error that ends it."""
        self.show("starting", {})
        try:
            link = AccountLink.from_config(root=self._root, notify=self.notify)
            self.show("wifi", {})
            async with link:
                self.link = link
                await link.ensure_linked()
                await self._call_api()
                await self.idle()
        except (LinkDenied, LinkExpired):
            pass  # shown and told already; a new code is for the person to ask for
        except KeyfobError as error:
            self.notify("error", error.members(True))

    def notify(self, event, members):
        """Show and tell what happened."""
        self._emit(event, members)
        if event == "user_code":
            self._code = members
        if event == "poll":
            self._show_poll(members)
        elif event == "error":
            if members["fatal"] and self._screen not in _LAST:
                self.show("error", members)
        elif event in _SCREEN_OF:
            self.show(_SCREEN_OF[event], members)

    def show(self, name, members):
        """Bring up a screen, and tell which."""
        self._screen = name
        self._display.show(screens.lines(name, members))
        self._emit("screen", {"name": name})

    def _show_poll(self, members):
        is_offline = self._screen == "offline"
        if members["result"] == "retry" and not is_offline:
            self.show("offline", dict(self._code, trouble=members["trouble"]))
        elif members["result"] in ("pending", "slow_down") and is_offline:
            self.show("user_code", self._code)

    async def _call_api(self):
        try:
            await self.link.call_api()
        except TransportError as error:
            self.notify("error", error.members(False))  # the link itself is fine

    async def idle(self):
        """Go on while the link refreshes itself; for a subclass to do something better."""
        while True:
            await asyncio.sleep(3600)


def print_event(event, members):
    """Write one machine line to the serial port."""
    line = {"event": event}
    line.update(members)
    print("@" + json.dumps(line))


def run():
    """Run the application until an error ends it or somebody presses Ctrl-C."""
    asyncio.run(App().run())
