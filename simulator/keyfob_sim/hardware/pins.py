"""The GPIO pins of a chip, and the levels that are applied to them from outside."""

from collections.abc import Callable

# Numbers as in `machine.Pin` of an ESP32.
IN, OUT, OPEN_DRAIN = 1, 3, 7
PULL_DOWN, PULL_UP = 1, 2
RISING, FALLING = 1, 2


class Pins:
    """Levels of pins by number. `changed(pin, level)` is called after each change of a level."""

    def __init__(
        self,
        changed: Callable[[int, int], None],
        interrupt: Callable[[int], None],
    ) -> None:
        """`interrupt(pin)` is called on the edges that the firmware watches."""
        self._changed = changed
        self._interrupt = interrupt
        self._outside: dict[int, int] = {}  # levels that buttons and the like apply
        self._sensed: dict[int, Callable[[], int]] = {}  # levels that a chip applies
        self.reset()

    def reset(self) -> None:
        """Make every pin an input without a pull, as a reset of the chip does."""
        self._modes: dict[int, int] = {}
        self._outputs: dict[int, int] = {}
        self._pulls: dict[int, int] = {}
        self.unwatch()

    def unwatch(self) -> None:
        """Watch no edge any more."""
        self._triggers: dict[int, int] = {}

    def configure(self, pin: int, mode: int, pull: int) -> None:
        """Set mode and pull; -1 leaves either as it is."""
        before = self.level(pin)
        if mode >= 0:
            self._modes[pin] = mode
        if pull >= 0:
            self._pulls[pin] = pull
        self._notify(pin, before)

    def watch(self, pin: int, trigger: int) -> None:
        """Call `interrupt` on RISING and FALLING edges of `pin`, or on neither."""
        self._triggers[pin] = trigger

    def write(self, pin: int, level: int) -> None:
        """Set the output level, which shows while the pin is an output."""
        before = self.level(pin)
        self._outputs[pin] = level
        self._notify(pin, before)

    def drive(self, pin: int, level: int | None) -> None:
        """Set the level that is applied from outside; None leaves the pin unconnected."""
        before = self.level(pin)
        if level is None:
            self._outside.pop(pin, None)
        else:
            self._outside[pin] = level
        self._notify(pin, before)

    def sense(self, pin: int, level: Callable[[], int]) -> None:
        """Have a chip outside apply a level, which it is asked for as the pin is read."""
        self._sensed[pin] = level

    def is_output(self, pin: int) -> bool:
        """Whether the pin puts out a level."""
        return self._modes.get(pin) == OUT

    def level(self, pin: int) -> int:
        """The level now: the output, else what is applied from outside, else the pull."""
        if self._modes.get(pin) == OUT:
            return self._outputs.get(pin, 0)
        if pin in self._sensed:
            return self._sensed[pin]()
        if pin in self._outside:
            return self._outside[pin]
        return int(self._pulls.get(pin) == PULL_UP)

    def _notify(self, pin: int, before: int) -> None:
        level = self.level(pin)
        if level == before:
            return
        self._changed(pin, level)
        if self._triggers.get(pin, 0) & (RISING if level else FALLING):
            self._interrupt(pin)
