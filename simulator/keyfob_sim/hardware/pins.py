"""The pins of a chip, and what is wired to them from outside."""

from collections.abc import Callable

IN, OUT, OPEN_DRAIN = (
    1,
    3,
    7,
)  # modes, and the numbers below, as `machine.Pin` of an ESP32 has them
PULL_DOWN, PULL_UP = 1, 2
RISING, FALLING = 1, 2


class Pins:
    """Levels of pins by number. `changed(pin, level)` is told of every level that changes."""

    def __init__(
        self,
        changed: Callable[[int, int], None],
        interrupt: Callable[[int], None],
    ) -> None:
        """`interrupt(pin)` is called on an edge that the firmware asked to be told of."""
        self._changed = changed
        self._interrupt = interrupt
        self._outside: dict[int, int] = {}  # driven by a button and the like
        self.reset()

    def reset(self) -> None:
        """Make every pin an input without a pull, as a reset of the chip does."""
        self._modes: dict[int, int] = {}
        self._outputs: dict[int, int] = {}
        self._pulls: dict[int, int] = {}
        self.unwatch()

    def unwatch(self) -> None:
        """Tell of no edge any more."""
        self._triggers: dict[int, int] = {}

    def configure(self, pin: int, mode: int, pull: int) -> None:
        """Set mode and pull; -1 leaves either as it is."""
        before = self.level(pin)
        if mode >= 0:
            self._modes[pin] = mode
        if pull >= 0:
            self._pulls[pin] = pull
        self._tell(pin, before)

    def watch(self, pin: int, trigger: int) -> None:
        """Call `interrupt` on RISING and FALLING edges of `pin`, or on neither."""
        self._triggers[pin] = trigger

    def write(self, pin: int, level: int) -> None:
        """Set what the firmware puts out."""
        before = self.level(pin)
        self._outputs[pin] = level
        self._tell(pin, before)

    def drive(self, pin: int, level: int | None) -> None:
        """Set what the world outside puts on the pin; None lets go of it."""
        before = self.level(pin)
        if level is None:
            self._outside.pop(pin, None)
        else:
            self._outside[pin] = level
        self._tell(pin, before)

    def level(self, pin: int) -> int:
        """What a look at the pin sees now."""
        if self._modes.get(pin) == OUT:
            return self._outputs.get(pin, 0)
        if pin in self._outside:
            return self._outside[pin]
        return int(self._pulls.get(pin) == PULL_UP)

    def _tell(self, pin: int, before: int) -> None:
        level = self.level(pin)
        if level == before:
            return
        self._changed(pin, level)
        if self._triggers.get(pin, 0) & (RISING if level else FALLING):
            self._interrupt(pin)
