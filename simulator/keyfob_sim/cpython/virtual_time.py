"""An event loop whose clock jumps over every wait that waits for nothing but time.

Waits on sockets stay real: while a `busy()` block is open the loop neither jumps nor
hurries, so a server in another thread or on another machine gets the time it needs.
"""

import asyncio
import contextlib
import selectors
from collections.abc import Iterator
from typing import Any


class JumpingLoop(asyncio.SelectorEventLoop):
    """A selector loop with `time()` ahead of the machine's by all that was skipped."""

    def __init__(self) -> None:
        self._skipped = 0.0
        self._busy = 0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Seconds, monotonic; the time skipped counts as passed."""
        return super().time() + self._skipped

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Mark a wait that something other than time will end."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    def skip(self, timeout: float) -> bool:
        """Jump ahead by `timeout` seconds unless something real is being waited for."""
        if self._busy:
            return False
        self._skipped += timeout
        return True


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[Any] = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is not None and self._loop.skip(timeout):
            return []
        return super().select(timeout)
