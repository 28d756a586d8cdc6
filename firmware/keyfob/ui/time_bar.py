"""A screen of a colour panel that is drawn, but for the time left of its code."""

from keyfob.compat import const

ROWS = const(4)  # of the bar that shows the time left


class Drawn:
    """A screen of a colour panel, drawn but for the time left: page `page` of `count`."""

    def __init__(self, panel, page, count, bar, whole):
        self._panel = panel
        self._bar = bar
        self._whole = whole
        self.page = page
        self.count = count

    def draw(self, page, seconds):
        """Draw the time left, as a part of what it was at first. Allocates nothing."""
        if self._bar is None or seconds is None:
            return
        x, y, width = self._bar
        self._panel.fill_rect(x, y, width, ROWS, 0)
        self._panel.fill_rect(x, y, max(1, min(width, width * seconds // self._whole)), ROWS, 1)
