"""What a board runs at power-up: link, show, call, stay linked.

Every event is shown on the display and printed on the serial port, one JSON object a line
after an `@`.
"""

import asyncio
import gc
import time

from keyfob.compat import Loaded
from keyfob.errors import KeyfobError, NotLinked, no_memory
from keyfob.link import AccountLink
from keyfob.ui.front import FIRST_PAUSE, LONGEST_PAUSE, Front, print_event


class App(Front):
    """One run of the application. `link` is None until the configuration has been read.

    `display` is the panel, or the console where there is none; `run` opens it.
    With a `button` (see keyfob.ui.buttons) a press starts the linking, and another tries again.
    Without one a code appears by itself. An attempt that failed is made again by itself where that
    may help (see `_wait`). Where a subclass sets `asks_first` to False, a code appears
    by itself, and an attempt that fails ends the run. Where memory ran out, or an exception
    came that is no KeyfobError, it starts again, after a pause that grows from 10 s to 10 minutes.
    """

    _is_done = False  # `idle` has ended

    async def run(self):
        """Link and stay linked until cancelled, or `idle` ends; return True after an error."""
        tasks = []
        pause = FIRST_PAUSE
        try:
            while True:
                error = await self._attempt(tasks)
                if error is None or error.kind not in ("memory", "internal"):
                    return error is not None
                self.link = None
                gc.collect()
                await self._clock.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            for task in tasks:
                task.cancel()

    async def _attempt(self, tasks):
        """Link and stay linked; return None where `idle` ended it, else the error that did.

        `tasks` get those for display and button, which go on until the run ends.
        """
        self._stage = "starting"
        try:
            if not tasks:
                self._open_parts(tasks)
            self._screens.show("starting", {})
            link = self._make_link()
            link.is_patient = True
            self._screens.show("wifi", {})
            async with link:
                self.link = link
                while not self._is_done:
                    waits = self.asks_first and self._button is not None and not link.is_pending
                    await self._get_linked(link, waits)
                    await self._stay_linked()
            return None
        except Exception as error:  # noqa: BLE001 - it is told
            if isinstance(error, MemoryError):
                error = no_memory("after: " + self._stage, "use a board with more RAM")
            # A new code takes a press or a restart.
            return self._events.notify_error(error, fatal=True)

    async def idle(self):
        """Wait while the link refreshes itself; a subclass overrides this.

        It is cancelled where the link ends, and starts again with the next link. Where it returns,
        the run ends. It starts again, too, after an exception, which is told and shown.
        """
        while True:
            await asyncio.sleep(3600)

    async def _stay_linked(self):
        """Run `idle` until it ends or the link ends."""
        self._over.clear()
        await self._call_api()
        if not self.link.is_linked:
            return  # it has ended, or its access token has run out
        self._events.notify("ready")
        idle = asyncio.create_task(self._lasting(self._go_on))
        try:
            await self._over.wait()
        finally:
            idle.cancel()
        if self._trouble is not None:
            trouble, self._trouble = self._trouble, None
            raise trouble

    async def _go_on(self):
        try:
            if self._screens.name == "error":
                self._screens.show("idle", self._screens.link)  # that was of the last time
            await self.idle()
            self._is_done = True
        except Exception as error:  # noqa: BLE001 - it is told
            self._refused(error)
        self._over.set()

    async def _call_api(self):
        try:
            await self.link.call_api()
        except KeyfobError as error:
            if not isinstance(error, NotLinked):  # that was told, or a new code tells it
                self._events.notify_error(error)  # the link itself may work

    def _make_link(self):
        """Make the link that the configuration file describes; set the screens' language."""
        from keyfob.oauth import profile  # noqa: F401 - stays: the link's profile does

        with Loaded("keyfob.config") as code:
            config = code.load(root=self._root)
            self._screens.language = config.language or self._screens.language
            return AccountLink.from_config(config=config, notify=self.notify, root=self._root)


async def _run():
    app = App()
    if await app.run():
        await app.last()


def run(kind=None):
    """Run the application (`kind`, a subclass of App) until `idle`, an error or Ctrl-C ends it.

    Without a `kind` the pages of an error's screen keep alternating, and the LED keeps blinking,
    until Ctrl-C. Where asyncio itself found no memory, it starts again after 10 s.
    """
    while True:
        try:
            return asyncio.run(kind().run() if kind else _run())
        except MemoryError:
            pass  # its tasks are gone, and with them what they held
        finally:
            if hasattr(asyncio, "core"):
                asyncio.new_event_loop()  # MicroPython: or the next run would continue this loop
        gc.collect()
        print_event("error", no_memory("for asyncio", "free RAM").members(True))
        time.sleep(FIRST_PAUSE // 1000)
