"""A screen of a round panel that is drawn, but for the time left of its code."""

from math import cos, pi, sin

from keyfob.compat import const

_DOTS = const(60)
_SIZE = const(4)  # pixels of a dot, each way
INNER = const(8)  # pixels between the rim and the inside of the ring


class Ring:
    """A screen on a round panel: page `page` of `count`, with a ring of dots at the rim.

    The dots from the top clockwise are the part of `whole`, in seconds, that is left; all of them
    where it is None. `has_ring` says whether the page has room for them.
    """

    def __init__(self, panel, page, count, whole, has_ring):
        self._panel = panel
        self._whole = whole
        self.page = page
        self.count = count
        self._places = bytearray()  # a byte for each corner's x, and for its y
        if has_ring:
            middle = panel.width // 2
            for dot in range(_DOTS):
                turn = 2 * pi * dot / _DOTS
                radius = middle - INNER + _SIZE // 2
                self._places.append(round(middle + radius * sin(turn)) - _SIZE // 2)
                self._places.append(round(middle - radius * cos(turn)) - _SIZE // 2)
            self.draw(page, whole)

    def draw(self, page, seconds):
        """Draw the time left, as a part of what it was at first. Allocates nothing."""
        lit = _DOTS
        if self._whole:
            if seconds is None:
                return
            lit = max(1, min(_DOTS, _DOTS * seconds // self._whole))
        places = self._places
        for at in range(0, len(places), 2):
            self._panel.fill_rect(places[at], places[at + 1], _SIZE, _SIZE, int(at // 2 < lit))
