"""The clock that a virtual board, the embedded server and the scripted faults share."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable

_DAY = 86_400.0  # s


class Timer:
    """A callback that is due at a certain time, unless it is cancelled."""

    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback: Callable[[], object] | None = callback

    @property
    def is_alive(self) -> bool:
        """False once it has run or was cancelled."""
        return self._callback is not None

    def cancel(self) -> None:
        """Call it off; no effect once it has run."""
        self._callback = None

    def run(self) -> None:
        """Call the callback, unless it was called or cancelled before."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class SharedClock:
    """Unix time for the server, uptime for the board, both from one monotonic clock.

    `t` counts the board's seconds since its first power-on, over all runs on the same
    state. With `virtual`, waits that only time can end are skipped: the thread that runs
    the board calls `skip`, and no other does.
    """

    def __init__(self, *, virtual: bool, t: float = 0.0, virtual_time: float | None = None):
        """Start at `t`, and the virtual clock at `virtual_time` (Unix s) or the host's."""
        self.virtual = virtual
        self._skipped = 0.0
        self._power_on: float | None = None
        self._t = t
        self._start = virtual_time if virtual and virtual_time is not None else time.time()
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()
        self._moved = threading.Condition()
        # By sleeping thread: when it wakes, and a call that says whether a client waits for it.
        self._sleepers: dict[int, tuple[float, Callable[[], bool]]] = {}
        self.fell_asleep: Callable[[], object] = lambda: None  # called by a thread that sleeps
        self.before_skip: Callable[[], object] = lambda: None  # for what takes no time

    def monotonic(self) -> float:
        """Seconds, from no particular start; the time skipped counts as passed."""
        return time.monotonic() + self._skipped

    def power_on(self) -> None:
        """Start counting: until now no time has passed for the board or its server."""
        self._power_on = self.monotonic()

    def run_time(self) -> float:
        """Seconds since this run's first power-on."""
        return 0.0 if self._power_on is None else self.monotonic() - self._power_on

    def t(self) -> float:
        """Seconds of board time since the first power-on."""
        return self._t + self.run_time()

    def now(self) -> float:
        """Unix seconds. May be called from any thread."""
        return self._start + self.run_time() if self.virtual else time.time()

    def skip(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        self.before_skip()
        with self._moved:
            self._skipped += seconds
            self._moved.notify_all()

    def let_pass(self, seconds: float) -> None:
        """Block for `seconds`, as a busy board does; skipped with a virtual clock."""
        if self.virtual:
            self.skip(seconds)
        else:
            time.sleep(seconds)

    # Timers: for the thread that runs the board

    def after(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Have `callback` called by `run_due` once `seconds` have passed."""
        timer = Timer(callback)
        entry = (self.monotonic() + seconds, next(self._numbers), timer)
        heapq.heappush(self._timers, entry)
        return timer

    def until_due(self) -> float | None:
        """Seconds until the next timer is due (0 if it is already), None without any.

        A day at most: select refuses a timeout of more than some weeks.
        """
        while self._timers and not self._timers[0][2].is_alive:
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        return min(max(0.0, self._timers[0][0] - self.monotonic()), _DAY)

    def run_due(self) -> bool:
        """Run every timer that is due; return whether there was any."""
        ran = False
        while self.until_due() == 0.0:
            heapq.heappop(self._timers)[2].run()
            ran = True
        return ran

    # Sleeping: for threads of the server

    def sleep(self, seconds: float, is_awaited: Callable[[], bool] = lambda: True) -> None:
        """Let `seconds` of this clock pass for the calling thread.

        `is_awaited` is called from other threads; it returns whether a client still waits.
        """
        number = next(self._numbers)
        end = self.monotonic() + seconds
        with self._moved:
            self._sleepers[number] = end, is_awaited
        self.fell_asleep()
        with self._moved:
            try:
                while (left := end - self.monotonic()) > 0:
                    self._moved.wait(left)
            finally:
                del self._sleepers[number]

    def until_wake(self) -> float | None:
        """Seconds until the first sleeping thread wakes, None where none sleeps."""
        with self._moved:
            ends = [end for end, _ in self._sleepers.values()]
            return max(0.0, min(ends) - self.monotonic()) if ends else None

    def holds_up(self) -> bool:
        """Whether a client waits for a sleeping thread, so that only time can end its wait."""
        with self._moved:
            return any(is_awaited() for _, is_awaited in self._sleepers.values())
