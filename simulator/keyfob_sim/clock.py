"""The time that a simulated board and the server beside it share."""

import asyncio
import time

from keyfob_sim.cpython.virtual_time import JumpingLoop


class SharedClock:
    """Unix time for the server, uptime for the board, both from one event loop.

    `t` counts the board's seconds since its first power-on, over all runs on the same
    state; with the virtual clock both leap over every wait.
    """

    def __init__(self, *, virtual: bool, t: float = 0.0, virtual_time: float | None = None):
        """Start at `t`, and the virtual clock at `virtual_time` (Unix s) or the host's."""
        self.virtual = virtual
        self.loop: asyncio.AbstractEventLoop = (
            JumpingLoop() if virtual else asyncio.SelectorEventLoop()
        )
        self._boot: float | None = None
        self._t = t
        self._start = virtual_time if virtual and virtual_time is not None else time.time()

    def power_on(self) -> None:
        """Start counting: until now no time has passed for the board or its server."""
        self._boot = self.loop.time()

    def uptime(self) -> float:
        """Seconds since this run's power-on."""
        return 0.0 if self._boot is None else self.loop.time() - self._boot

    def t(self) -> float:
        """Seconds of board time since the first power-on."""
        return self._t + self.uptime()

    def now(self) -> float:
        """Unix seconds. May be called from any thread."""
        return self._start + self.uptime() if self.virtual else time.time()
