"""The look of colour panels: a title, one thing to see from afar, and text at the left margin.

A panel is anything with `width`, `height`, framebuf's `fill_rect` and `blit`, and `tint`, which
gives a part of it two colours (see displays.tft). A screen has one accent colour, by its tone.
What does not fit on one page is spread over several, and each is composed for itself.
"""

from keyfob.compat import Loaded, const
from keyfob.ui.colours import ACCENTS, BAR, GREY, GROUND, INK, PAPER, TONES, WHITE
from keyfob.ui.qr_fit import draw_symbol, least_module, short
from keyfob.ui.time_bar import ROWS, Drawn
from keyfob.ui.typeface import CODE, DOT, HUGE, ICONS, LARGE, STEP, TEXT, Font, draw_picture

_TITLE = const(26)  # rows of the title bar
_LINE = const(2)  # rows of the line below it
_ICON = const(72)  # pixels each way
_BADGE = const(16)  # pixels of a step's number, each way
_GAP = const(4)  # rows between two texts
_ROOMY = const(200)  # pixels across from which lines are further apart
_ABOVE = const(8)  # rows between the code and the time left
_MODULE = const(8)  # pixels of a module at most: a larger one does not help a camera
_QUIET = const(4)  # modules around a symbol
_COLUMN = const(96)  # pixels that text beside a symbol or an icon needs at least
_FONTS = (HUGE, CODE, LARGE, TEXT)  # for the code
# The signs of texts.items.
_CODE = const(35)  # "#"
_ADDRESS = const(64)  # "@"
_LEFT = const(126)  # "~"
_OPTIONAL = const(63)  # "?"
_HEADING = const(33)  # "!"
_VALUE = const(42)  # "*"
_FOOT = const(45)  # "-"
_FIRST = const(49)  # "1"
_SECOND = const(50)  # "2"

# What a code screen gives up where there is no room: the signs of the texts that stay, the title.
_LEVELS = (
    ((0, _FIRST, _SECOND, _ADDRESS, _OPTIONAL), True),
    ((0, _FIRST, _SECOND, _ADDRESS), True),
    ((0, _FIRST, _ADDRESS), True),
    ((0, _FIRST, _SECOND, _ADDRESS), False),
    ((0, _FIRST, _ADDRESS), False),
    ((0, _ADDRESS), False),
)
_CUTS = "/.-_?&=:@"  # an address is cut after one of these


def compose(panel, items, symbol, kind, whole=None, page=0):
    """Draw page `page` of `items` and `symbol` on `panel`, which must be dark; return a Drawn.

    Items are those of texts.items. `symbol` is None or a (bitmap, size) as `qr.encode` returns it,
    `kind` the screen's tone and icon (see screen_table), `whole` the seconds that its code was
    good for at first, None where there is none. Raises OSError where the typeface is missing.
    """
    if getattr(panel, "round", False):
        with Loaded("keyfob.ui.dial") as dial:
            return dial.compose(panel, items, symbol, kind, whole, page)
    return _Screen(panel, items, symbol, kind, whole, page).compose()


class _Screen:
    def __init__(self, panel, items, symbol, kind, whole, page):
        self._panel = panel
        self._symbol = symbol
        tone, _, self._icon = kind.partition(" ")  # both in words
        self._accent = ACCENTS[TONES.split().index(tone)]
        self._whole = whole
        self._page = page
        self._fonts = {}
        self._margin = 8 if panel.width < 280 else 16  # whole bytes of the picture: see tint
        self._code = ""
        self._items = []
        for text, sign in items:
            sign = ord(sign) if sign else 0
            if sign == _CODE:
                self._code = text
            elif sign != _LEFT:
                self._items.append((text, sign))

    def compose(self):
        panel = self._panel
        panel.tint(0, 0, panel.width, panel.height, GROUND, WHITE)
        return self._compose_code() if self._code or self._symbol else self._compose_state()

    def _font(self, number):
        if number not in self._fonts:
            font = Font(number)
            if number == TEXT and self._panel.width < _ROOMY:
                font.pitch -= 2  # one line more
            self._fonts[number] = font
        return self._fonts[number]

    # A state: an icon, what is so, and what can be done at the foot.

    def _compose_state(self):
        panel = self._panel
        margin = self._margin
        items = self._items
        inner = panel.width - 2 * margin
        heading = [item for item in items[1:] if item[1] in (_HEADING, _VALUE)]
        top = margin
        if heading:
            top += self._draw_title(self._title_lines(items[0][0]))
        else:  # its title is the one thing to see
            heading = [(items[0][0], _HEADING)]
        foot = self._lines([item for item in items[1:] if item[1] == _FOOT], inner)
        bottom = panel.height - margin - self._height(foot)
        self._draw_lines(foot, margin, bottom)
        if foot:
            bottom -= margin
        body = [item for item in items[1:] if item[1] not in (_HEADING, _VALUE, _FOOT)]
        short = [item for item in body if item[1] != _OPTIONAL]
        small = [(heading[0][0], 0)]
        for shown, icon in (
            (heading + body, _ICON),
            (heading + short, _ICON),
            (small + short, _ICON),
            (heading + body, 0),
            (small + body, 0),
        ):
            if icon and not self._icon:
                continue
            is_beside = icon and inner - icon - margin >= _COLUMN
            x = margin + (icon + margin if is_beside else 0)
            lines = self._lines(shown, panel.width - margin - x)
            above = icon + margin if icon and not is_beside else 0
            spare = bottom - top - above - self._height(lines)
            if spare >= 0 and icon <= bottom - top + margin:
                break
        pages = self._pages(lines, bottom - top - above)
        page = self._page % len(pages)
        spare = bottom - top - above - self._height(pages[page])
        if above:
            self._draw_icon((panel.width - icon) // 2 & ~7, top + spare // 3)
        elif icon:
            self._draw_icon(margin, (top + bottom - icon) // 2)
        self._draw_lines(pages[page], x, top + above + spare // 2)
        return Drawn(panel, page, len(pages), None, 0)

    def _title_lines(self, title):
        return _wrap(self._font(TEXT), title, self._panel.width - 2 * self._margin - _BADGE)

    def _draw_title(self, lines):
        """Draw the title bar; return the rows that it takes up."""
        panel = self._panel
        margin = self._margin
        font = self._font(TEXT)
        height = self._title_height(lines)
        panel.tint(0, 0, panel.width, height, BAR, WHITE)
        panel.tint(margin, _TITLE // 2 - 5, 10, 10, BAR, self._accent)
        draw_picture(panel, DOT, margin, _TITLE // 2 - 5)
        y = _TITLE // 2 + font.height // 2
        for line in lines:
            font.draw(panel, line, margin + _BADGE, y)
            y += font.pitch
        panel.tint(0, height - _LINE, panel.width, _LINE, GROUND, self._accent)
        panel.fill_rect(0, height - _LINE, panel.width, _LINE, 1)
        return height

    def _title_height(self, lines):
        return _TITLE + _LINE + (len(lines) - 1) * self._font(TEXT).pitch

    def _draw_icon(self, x, y):
        self._panel.tint(x, y, _ICON, _ICON, GROUND, self._accent)
        draw_picture(self._panel, ICONS.split().index(self._icon), x, y)

    # A code: its symbol, the steps, the code, and the time left.

    def _compose_code(self):
        panel = self._panel
        bottom = panel.height - self._margin
        if self._whole:
            bottom -= ROWS + _ABOVE
        found = self._fitting(bottom)
        pages = 1
        if found is None:
            pages, found = self._paged(bottom)
        title, module, number, lines, (corner, place, code_corner) = found
        if title:
            self._draw_title(title)
        if module:
            self._draw_symbol(module, corner)
        font = self._font(number)
        x, y = code_corner
        column, top = place[:2]
        if not (module or self._whole):  # a value, in the middle as any other state
            spare = max(0, bottom - top - self._height(lines)) // 2
            y += spare
            top += spare
        for line in _cut(font, self._code, panel.width - x - self._margin):
            if y + font.height <= bottom:
                font.draw(panel, line, x, y + font.height)
            y += font.pitch
        self._draw_lines(lines, column, top)
        bar = self._draw_bar(column, corner, module, bottom)
        return Drawn(panel, self._page % pages, pages, bar, self._whole)

    def _draw_bar(self, column, corner, module, bottom):
        """Give the time left its place at the foot; return that, None where it is not known."""
        if not self._whole:
            return None
        panel = self._panel
        x = self._margin
        if module and corner[1] + self._light(module) > bottom:  # beside the symbol
            x = column
        bar = x, panel.height - self._margin - ROWS, panel.width - self._margin - x
        panel.tint(bar[0], bar[1], bar[2], ROWS, BAR, self._accent)
        return bar

    def _fitting(self, bottom):
        """The first layout that holds everything above `bottom`, or None.

        Complete ones come first, then those with a large code, then those with a large symbol. It
        is the title's lines, pixels of a module, the font of the code, lines of text, and places.
        """
        first, sign = self._items[0]
        title = self._title_lines(first) if sign in (0, _OPTIONAL) else []
        for kept, has_title in _LEVELS:
            if has_title and not title:
                continue
            items = self._items[has_title or sign == _OPTIONAL :]
            items = [item for item in items if item[1] in kept]
            area = (
                sum([self._font(TEXT).width(text) for text, _ in items]) * self._font(TEXT).pitch
            )
            top = self._margin + (self._title_height(title) if has_title else 0)
            for number in self._code_fonts():
                is_small = number < CODE and (self._whole or self._symbol)
                if is_small and (kept, has_title) != _LEVELS[-1]:
                    continue  # a code in small letters only where nothing else can be left out
                for module in self._modules():
                    for places in self._places(self._light(module), top, bottom, number):
                        width, height = places[1][2:]
                        if area > width * height:
                            continue
                        lines = self._lines(items, width)
                        if self._height(lines) <= height:
                            return has_title and title, module, number, lines, places
        return None

    def _code_fonts(self):
        """The fonts that have the code, the largest first."""
        if not self._code:
            return _FONTS[3:]
        return _FONTS if len(self._code) == len(self._code.encode()) else _FONTS[2:]

    def _modules(self):
        """The pixels of a module to try."""
        if self._symbol is None:
            return (0,)
        return range(_MODULE, least_module(self._panel) - 1, -1)

    def _light(self, module):
        """The side of the light square around a symbol, 0 without one."""
        return module * (self._symbol[1] + 2 * _QUIET) if module else 0

    def _places(self, light, top, bottom, number):
        """Places for the symbol, the text and the code: corners, and the text's width and height.

        The code is on one line. The text is beside the symbol, or below it and the code.
        """
        panel = self._panel
        margin = self._margin
        font = self._font(number)
        wide = font.width(self._code)
        inner = panel.width - 2 * margin
        below = font.height // 3 if self._code != self._code.upper() else 0  # of a g or a p
        foot = bottom - font.height - below
        if wide > inner:
            return
        x = 2 * margin + light + 7 & ~7
        column = panel.width - x - margin
        text = x, top, column, foot - margin - top
        if light and column >= _COLUMN:
            if top + light + margin <= foot:  # the code is across the foot
                yield (margin, top), text, ((panel.width - wide) // 2, foot)
            y = min(top, (panel.height - light) // 2) if top == margin else top
            if 0 <= y <= panel.height - margin // 2 - light and wide <= column:
                yield (margin, y), text, (x, foot)
        y = top + light + (margin if light else 0)
        text_y = y + font.height + max(below, margin)
        if light <= inner and text_y < bottom:
            x = (panel.width - wide) // 2 if light else margin
            corner = (panel.width - light) // 2 & ~7, top
            yield corner, (margin, text_y, inner, bottom - text_y), (x, y)

    def _paged(self, bottom):
        """A layout of several pages: the symbol with the code, then the texts with the code."""
        panel = self._panel
        margin = self._margin
        inner = panel.width - 2 * margin
        fonts = self._code_fonts()
        fitting = [number for number in fonts if self._font(number).width(self._code) <= inner]
        number = (fitting or fonts[-1:])[0]
        font = self._font(number)
        rows = len(_cut(font, self._code, inner)) * font.pitch
        y = margin + rows + margin
        lines = self._lines([item for item in self._items if item[1] != _FIRST], inner)
        pages = self._pages(lines, bottom - y)
        has_symbol = self._symbol is not None
        count = len(pages) + has_symbol
        page = self._page % count
        if not has_symbol or page:
            lines = pages[page - has_symbol]
            return count, (None, 0, number, lines, (None, (margin, y), (margin, margin)))
        for number in fonts:
            for module in self._modules():
                for places in self._places(self._light(module), margin, bottom, number):
                    return count, (None, module, number, [], places)
        for module in self._modules():  # by itself
            light = self._light(module)
            if light <= short(panel):
                break
        light = min(light, short(panel))
        corner = (panel.width - light) // 2 & ~7, (panel.height - light) // 2
        return count, (None, module, number, [], (corner, (margin, 0), (margin, panel.height)))

    def _draw_symbol(self, module, corner):
        x, y = corner
        light = min(self._light(module), short(self._panel))
        self._panel.tint(x, y, light, light, INK, PAPER)
        draw_symbol(self._panel, self._symbol, module, light, x, y)

    # Lines of text: (font, text, colour, rows before it, step).

    def _colour(self, sign):
        if sign in (_OPTIONAL, _FOOT):
            return GREY
        return self._accent if sign == _ADDRESS else WHITE

    def _lines(self, items, width):
        lines = []
        step = 0
        has_steps = _FIRST in [sign for _, sign in items]
        for text, sign in items:
            if sign == _ADDRESS and text.startswith("https://"):
                text = text[8:]
            name = LARGE if sign in (_HEADING, _VALUE) else TEXT
            font = self._font(name)
            colour = self._colour(sign)
            gap = _GAP if lines and not (sign == _ADDRESS and has_steps) else 0
            indent = _BADGE + 6 if sign in (_FIRST, _SECOND, _ADDRESS) and has_steps else 0
            step = sign if has_steps and sign in (_FIRST, _SECOND) else 0
            cut = _cut if sign == _ADDRESS else _wrap
            for line in cut(font, text, width - indent):
                lines.append((name, line, colour, gap, step, indent))
                gap = 0
                step = 0
        return lines

    def _height(self, lines):
        return sum([self._font(line[0]).pitch + line[3] for line in lines])

    def _pages(self, lines, room):
        """`lines` as pages of at most `room` rows. A text is divided only where it fills one."""
        pages = [[]]
        at = 0
        while at < len(lines):
            end = at + 1
            while end < len(lines) and not lines[end][3]:
                end += 1
            if self._height(lines[at:end]) > room:
                end = at + 1
            if pages[-1] and self._height(pages[-1] + lines[at:end]) > room:
                pages.append([])
            pages[-1] += lines[at:end]
            at = end
        return pages

    def _draw_lines(self, lines, x, y):
        panel = self._panel
        for name, text, colour, gap, step, indent in lines:
            font = self._font(name)
            y += gap
            if step:
                panel.tint(x, y, _BADGE, _BADGE, GROUND, self._accent)
                draw_picture(panel, STEP + step - _FIRST, x, y)
            if text and colour != WHITE:
                panel.tint(x + indent, y, font.width(text), font.pitch, GROUND, colour)
            font.draw(panel, text, x + indent, y + (font.pitch + font.height) // 2)
            y += font.pitch


def _wrap(font, text, width):
    """Lines of whole words; a word that is too long is cut."""
    lines = []
    line = ""
    left = width
    blank = font.width(" ")
    for word in text.encode().split():  # as bytes: not at a blank that is not to be parted
        word = word.decode()
        needed = font.width(word)
        if line and blank + needed <= left:
            line += " " + word
            left -= blank + needed
            continue
        if line:
            lines.append(line)
        parts = _cut(font, word, width)
        lines += parts[:-1]
        line = parts[-1]
        left = width - font.width(line)
    return lines + [line]


def _cut(font, text, width):
    """The lines of a text without blanks, cut after one of _CUTS where there is one."""
    lines = []
    start = cut = 0  # where the line begins, and where it could end
    left = width
    at = 0
    while at < len(text):
        char = text[at : at + 1]
        left -= font.width(char)
        if left < 0 and at > start:
            end = cut if cut > start else at
            lines.append(text[start:end])
            start = at = end
            left = width
            continue
        at += 1
        if char in _CUTS:
            cut = at
    return lines + [text[start:]]
