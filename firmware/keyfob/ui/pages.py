"""A laid-out screen, which is drawn page by page without allocating anything."""

from keyfob.ui import fonts


class Picture:
    """The layout of a screen on `panel` by `layout.compose`, with `count` pages.

    A single page is already drawn on the panel. Of several pages each is a canvas for the box at
    `x`, `y`; what is around the box is the same on every page.
    """

    def __init__(self, panel, canvases, x, y, clock):
        self._panel = panel
        self._canvases = canvases
        self._x = x
        self._y = y
        self._clock = clock
        self.page = None  # it has each
        self.count = len(canvases) or 1

    def draw(self, page, seconds):
        """Draw a page by its number, with the `seconds` left."""
        if self._canvases:
            self._panel.blit(self._canvases[page], self._x, self._y)
        if self._clock is not None and self._clock.page == page:
            self._clock.draw(self._panel, seconds)


class Clock:
    """The text with the time left: a number and its unit among other words.

    It was laid out as `lines` with the largest number, in glyphs of `size`.
    """

    def __init__(self, page, x, y, size, lines):
        self.page = page
        self._x = x
        self._y = y
        self._size = size
        self._columns = max([len(line) for line in lines])
        self._lines = len(lines)
        self._words = " ".join(lines).split()
        self._number = [word.isdigit() for word in self._words].index(True)

    def draw(self, panel, seconds):
        """Draw it over the earlier time: in minutes, in the last one in seconds."""
        unit = "s" if seconds < 60 else "min"
        number = seconds if seconds < 60 else seconds // 60
        size = self._size
        width = size * fonts.WIDTH
        height = size * fonts.HEIGHT
        panel.fill_rect(self._x, self._y, self._columns * width - size, self._lines * height, 0)
        y = self._y
        used = 0
        for index in range(len(self._words)):
            word = unit if index == self._number + 1 else self._words[index]
            length = _digits(number) if index == self._number else len(word)
            if used and used + 1 + length > self._columns:
                used = 0
                y += height
            elif used:
                used += 1
            if index == self._number:
                rest = number
                for place in range(used + length - 1, used - 1, -1):
                    fonts.draw_glyph(
                        panel, fonts.ZERO + rest % 10, self._x + place * width, y, size
                    )
                    rest //= 10
            else:
                fonts.draw(panel, word, self._x + used * width, y, size)
            used += length


def _digits(number):
    """The number of decimal digits."""
    count = 1
    while number >= 10:
        number //= 10
        count += 1
    return count
