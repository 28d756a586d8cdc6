"""The interface of a runtime, and of the watcher that it reports to.

A runtime is what runs the firmware: the MicroPython VM (`micropython/`) or this process
(`cpython/`).
"""

from collections.abc import Callable
from typing import Any, Protocol

# What `machine.reset_cause()` returns after each cause of a boot.
RESET_CAUSES = {"power_on": 1, "reset": 2, "watchdog": 3, "deepsleep": 4, "soft_reset": 5}


class Watcher(Protocol):
    """Follows a board's run. Its methods are called in the thread that runs the board."""

    @property
    def ended(self) -> bool:
        """Whether the run is over, so that the runtime can stop."""

    def booted(self, cause: str) -> None:
        """The firmware starts."""

    def hear(self, line: str) -> None:
        """The board has printed a line on its serial port."""

    def say(self, event: str, members: dict[str, Any]) -> None:
        """Something happened that the firmware does not report: a loss of power, a fault."""

    def stopped(self) -> None:
        """main.py has ended without a reset."""

    def fail(self, kind: str, message: str, hint: str) -> None:
        """The run cannot go on; `kind` is that of an `error` event."""


class Runtime(Protocol):
    """Runs the firmware of one board."""

    def run(self) -> None:
        """Power the board on and let it run until the watcher has seen enough."""

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Have `callback` called in the thread that runs the board. Thread-safe."""

    def reboot(self, cause: str) -> None:
        """Boot the board again, for one of the causes of the `boot` event."""

    def type(self, data: bytes) -> None:
        """Send `data` to the board's serial port."""
