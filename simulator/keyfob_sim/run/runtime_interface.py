"""What the two runtimes have in common, and what they tell whom."""

from collections.abc import Callable
from typing import Any, Protocol

# What `machine.reset_cause()` returns after each cause of a boot.
RESET_CAUSES = {"power_on": 1, "reset": 2, "watchdog": 3, "deepsleep": 4, "soft_reset": 5}


class Watcher(Protocol):
    """Follows a board's run, in the thread that runs it."""

    @property
    def ended(self) -> bool:
        """Whether the run is over, so that the board need not go on."""

    def booted(self, cause: str) -> None:
        """The firmware starts."""

    def hear(self, line: str) -> None:
        """Take a line that the board has printed on its serial port."""

    def say(self, event: str, members: dict[str, Any]) -> None:
        """Take an event of the simulator's own."""

    def stopped(self) -> None:
        """main.py has ended by itself."""

    def fail(self, kind: str, message: str, hint: str) -> None:
        """The run cannot go on."""


class Runtime(Protocol):
    """Runs the firmware of one board."""

    def run(self) -> None:
        """Power the board on and let it run until the watcher has seen enough."""

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Have `callback` called in the thread that runs the board. For any thread."""

    def reboot(self, cause: str) -> None:
        """Boot the board again, for one of the causes of the `boot` event."""

    def type(self, data: bytes) -> None:
        """Send `data` to the board's serial port."""
