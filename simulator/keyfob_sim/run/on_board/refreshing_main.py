"""The main.py of a run whose goal is `refreshed`, in place of firmware/main.py."""

import time

WINDOW = 2

time.sleep(WINDOW)

import asyncio  # noqa: E402

from keyfob.app import App, run  # noqa: E402
from keyfob.errors import KeyfobError, UsageError  # noqa: E402

AT_ONCE = 0  # refreshes to make without waiting until they are due
LEAST = 1_000  # ms before another try


class Refreshing(App):
    """The board's program: refresh at once so many times, then whenever it is due."""

    async def idle(self):
        """What runs once the board is linked; it ends without a refresh token."""
        link = self.link
        if not link.can_refresh:
            error = KeyfobError(
                "the provider gave no refresh token",
                "ask for it by --scope; many providers want offline_access",
                "no_refresh_token",
            )
            self.notify("error", error.members(True))
            return
        left = AT_ONCE
        while left:
            try:
                await link.refresh()
                left -= 1
            except UsageError:
                raise  # there is no link any more
            except KeyfobError as error:
                self.notify("error", error.members(False))
                await asyncio.sleep(max(link.pause, LEAST) / 1000)
        await super().idle()


run(Refreshing)
