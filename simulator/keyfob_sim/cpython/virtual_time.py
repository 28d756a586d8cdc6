"""An event loop on virtual time: it skips every wait that only time can end.

Waits on sockets stay real: no time is skipped while a `busy()` block is open, so a server in
another thread or on another machine has the time it needs.
"""

import asyncio
import contextlib
import selectors
from collections.abc import Callable, Iterator
from typing import Any

from keyfob_sim.hardware.clock import SharedClock


class BoardLoop(asyncio.SelectorEventLoop):
    """A selector loop on a SharedClock, whose timers it runs.

    `is_silent` returns whether the network is down, so that no socket can become readable.
    """

    def __init__(self, clock: SharedClock, is_silent: Callable[[], bool]) -> None:
        self.clock = clock
        self._is_silent = is_silent
        self._busy = 0
        super().__init__(_BoardSelector(self))

    def time(self) -> float:
        """Seconds, monotonic; the time skipped counts as passed."""
        return self.clock.monotonic()

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Mark a wait that something other than time will end."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    def skip(self, timeout: float | None) -> bool:
        """Let virtual time pass, up to `timeout` seconds; False where the wait must be real."""
        clock = self.clock
        wake = clock.until_wake()
        limits = [limit for limit in (timeout, wake) if limit is not None]
        if not clock.virtual or not limits:
            return False
        if self._busy and not (clock.holds_up() or self._is_silent()):
            return False
        clock.skip(min(limits))
        return True


class _BoardSelector(selectors.DefaultSelector):
    def __init__(self, loop: BoardLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        clock = self._loop.clock
        due = clock.until_due()
        if due is not None and (timeout is None or due < timeout):
            timeout = due
        ready: list[Any] = super().select(0)
        if not ready and timeout != 0 and not self._loop.skip(timeout):
            ready = super().select(timeout)
        clock.run_due()
        return ready
