"""A status LED, for boards without a screen and for a look from afar."""

from keyfob.compat import Loaded
from keyfob.oauth import ticks


class StatusLed:
    """Shows a state by a pattern of its own on `pin`, a machine.Pin; `on` is the lit level."""

    def __init__(self, pin, on=1):
        self._pin = pin
        self._on = on
        self._pattern = ()
        self._rounds = 0
        self._phase = 0
        self._since = None  # ticks when the phase began

    def show(self, name, members=None):
        """Start the pattern of the screen called `name`; off where it has none.

        Its `members` (see Screens.show) may name a trouble, which has a pattern of its own.
        """
        try:
            with Loaded("keyfob.ui.led_patterns") as patterns:
                self._pattern = patterns.pattern(name, members)
        except MemoryError:
            self._pattern = []  # a dark LED must not cost the link
        self._rounds = self._pattern.pop() if len(self._pattern) == 3 else 0  # 0: no end
        self._phase = 0
        self._since = None
        self._light(bool(self._pattern))

    def update(self, now):
        """Continue the pattern, `now` in ticks; return ms until the next call, None for never."""
        pattern = self._pattern
        if len(pattern) < 2:
            return None
        if self._since is None:
            self._since = now
        left = pattern[self._phase] - ticks.diff(now, self._since)
        if left > 0:
            return left
        self._phase = (self._phase + 1) % len(pattern)
        self._since = now
        if self._phase == 0:
            self._rounds -= 1
            if self._rounds == 0:
                self._pattern = ()
                return None
        self._light(self._phase % 2 == 0)
        return pattern[self._phase]

    def _light(self, is_on):
        self._pin.value(self._on if is_on else 1 - self._on)
