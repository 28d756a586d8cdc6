"""The look of round colour panels: all of it centred, in a ring that shows the time left.

Each line is as long as the circle is wide there. A code has its symbol on one page, and the steps
on another; what else does not fit on one page is spread over several. See face for the terms.
"""

from keyfob.compat import const
from keyfob.ui.colours import ACCENTS, GREY, GROUND, PAPER, TONES, WHITE
from keyfob.ui.qr_fit import draw_symbol, least_module
from keyfob.ui.time_ring import INNER, Ring
from keyfob.ui.typeface import CODE, HUGE, ICONS, LARGE, STEP, TEXT, Font, draw_picture

_AROUND = const(15)  # pixels between the rim and the text
_ICON = const(72)  # pixels each way
_BADGE = const(16)  # pixels of a step's number, each way
_INDENT = const(22)  # pixels of it and what follows
_GAP = const(6)  # rows between two texts
_MOVE = const(3)  # rows between two places to try
_MODULE = const(8)  # pixels of a module at most
_QUIET = const(4)  # modules around a symbol
_CUTS = "/.-_?&=:@"  # a word that is too long is cut after one of these
# The signs of texts.items.
_ICON_SIGN = const(0)
_CODE = const(35)  # "#"
_ADDRESS = const(64)  # "@"
_LEFT = const(126)  # "~"
_OPTIONAL = const(63)  # "?"
_HEADING = const(33)  # "!"
_VALUE = const(42)  # "*"
_FOOT = const(45)  # "-"
_FIRST = const(49)  # "1"
_SECOND = const(50)  # "2"
_PLAIN = const(32)


def compose(panel, items, symbol, kind, whole, page):
    """Draw page `page` of `items` and `symbol` on `panel`, which must be dark; return a Ring.

    The arguments are those of face.compose.
    """
    return _Dial(panel, items, symbol, kind, whole, page).compose()


class _Dial:
    def __init__(self, panel, items, symbol, kind, whole, page):
        self._panel = panel
        self._symbol = symbol
        tone, _, self._icon = kind.partition(" ")  # both in words
        self._accent = ACCENTS[TONES.split().index(tone)]
        self._whole = whole
        self._page = page
        self._fonts = {}
        self._radius = panel.width // 2
        self._code = ""
        self._items = []  # of (text, sign, font)
        for text, sign in items:
            sign = ord(sign) if sign else _PLAIN
            if sign == _CODE:
                self._code = text
            if sign == _ADDRESS and text.startswith("https://"):
                text = text[8:]
            if sign != _LEFT:
                large = sign in (_HEADING, _VALUE) or not self._items
                self._items.append((text, sign, LARGE if large else TEXT))

    def compose(self):
        panel = self._panel
        self._font(TEXT)  # nothing is drawn where there is no typeface
        panel.tint(0, 0, panel.width, panel.height, GROUND, self._accent)
        if self._code:
            pages = self._code_pages()
        elif self._symbol:
            pages = self._split(self._items, [])
        else:
            pages = self._state_pages()
        count = len(pages) + (self._symbol is not None)
        page = self._page % count
        has_ring = True
        if self._symbol is not None and page == 0:
            has_ring = self._draw_symbol()
        else:
            self._draw(pages[page - (self._symbol is not None)])
        return Ring(panel, page, count, self._whole, has_ring)

    # Pages, each a list of items.

    def _state_pages(self):
        items = self._items
        if [item for item in items if item[1] in (_HEADING, _VALUE)]:
            items = [items[0][:2] + (TEXT,)] + items[1:]  # its title is not what is to be seen
        short = [item for item in items if item[1] != _OPTIONAL]
        small = [item[:2] + (TEXT,) for item in short]
        icon = [("", _ICON_SIGN, TEXT)]
        for shown in (icon + items, icon + short, icon + small, items):
            if self._placed(shown) is not None:
                return [shown]
        return self._split(items, [])

    def _code_pages(self):
        """The steps around the code, which is as large as its line has room for."""
        items = [item[:2] + (TEXT,) for item in self._items]
        for number in (HUGE, CODE, LARGE, TEXT):
            if number in (HUGE, CODE) and len(self._code) != len(self._code.encode()):
                continue  # these fonts have ASCII
            code = [(self._code, _CODE, number)]
            around = [code[0] if item[1] == _CODE else item for item in items]
            for left_out in ((), (_OPTIONAL,), (_OPTIONAL, _SECOND)):
                shown = [item for item in around if item[1] not in left_out]
                if self._placed(shown) is not None:
                    return [shown]
        return self._split([item for item in items if item[1] != _CODE], code)

    def _split(self, items, first):
        """The fewest pages in order, each of which begins with the items in `first`.

        A text is divided only where it fills a page.
        """
        pages = []
        while items:
            _, rest = self._flow(first + items, _AROUND, False)
            taken = len(items) - len(rest)
            page = first + items[: max(0, taken)]
            if taken < 0 or (taken == 0 and rest[0][0] == items[0][0]):
                first = []  # they leave no room
                continue
            if taken == 0:
                text, sign, number = items[0]
                page.append((text[: len(text) - len(rest[0][0])].strip(), sign, number))
                items = rest
            else:
                items = items[taken:]
            pages.append(page)
        return pages

    # Lines: (font, text, colour, x, y, step).

    def _placed(self, items):
        """The lines of `items`, as far above the middle as below it; None where there is no room.

        A code and the words of all but addresses are whole.
        """
        for y in range(self._radius - 8, _AROUND - 1, -_MOVE):
            lines, rest = self._flow(items, y, True)
            if rest:
                continue
            end = lines[-1][4] + self._font(lines[-1][0]).pitch
            if y + end <= 2 * self._radius:
                return lines
        return None

    def _flow(self, items, y, is_strict):
        """The lines of `items` from row `y` down, and the items that are left over.

        Strict: the code is not cut.
        """
        lines = []
        bottom = 2 * self._radius - _AROUND
        for index, (text, sign, number) in enumerate(items):
            rest = items[index:]
            if lines:
                before = items[index - 1][1]
                if sign != _ADDRESS or before != _FIRST:
                    y += 2 * _GAP if _CODE in (sign, before) else _GAP
            if sign == _ICON_SIGN:
                if self._room(y, _ICON) < _ICON:
                    return lines, rest
                lines.append((TEXT, "", 0, self._radius - _ICON // 2 & ~7, y, sign))
                y += _ICON
                continue
            font = self._font(number)
            indent = _INDENT if sign in (_FIRST, _SECOND) else 0
            is_whole = is_strict and sign == _CODE
            while text:
                room = self._room(y, font.pitch) - indent
                end = _end(font, text, room, is_whole)
                if not end or (end < len(text) and text[end - 1 : end] not in _CUTS + " "):
                    wider = self._room(self._radius, font.pitch) - indent
                    if _end(font, text, wider, is_whole) > end:
                        if y < self._radius:
                            y += 2  # there the circle is wider
                            continue
                        end = 0
                if not end or y + font.pitch > bottom:
                    rest[0] = (text, sign, number)
                    return lines, rest
                line = text[:end].strip()
                text = text[end:].strip()
                x = self._radius - (font.width(line) + indent) // 2
                if line:  # else it would be the icon's
                    lines.append((number, line, self._colour(sign), x, y, sign if indent else 0))
                y += font.pitch
                indent = 0
        return lines, []

    def _room(self, y, height):
        """The pixels across that text has in these rows."""
        radius = self._radius - _AROUND
        far = max(self._radius - y, y + height - self._radius)
        if far >= radius:
            return 0
        half = 0
        while (half + 1) * (half + 1) + far * far <= radius * radius:
            half += 1
        return 2 * half

    def _colour(self, sign):
        if sign in (_OPTIONAL, _FOOT):
            return GREY
        return self._accent if sign == _ADDRESS else WHITE

    def _font(self, number):
        if number not in self._fonts:
            self._fonts[number] = Font(number)
        return self._fonts[number]

    # Drawing.

    def _draw(self, items):
        lines = self._placed(items) or self._flow(items, _AROUND, False)[0]
        panel = self._panel
        for number, text, colour, x, y, step in lines:
            if not text:
                draw_picture(panel, ICONS.split().index(self._icon), x, y)
                continue
            font = self._font(number)
            if step:
                draw_picture(panel, STEP + step - _FIRST, x, y)
                x += _INDENT
            if colour != self._accent:
                panel.tint(x, y, font.width(text), font.pitch, GROUND, colour)
            font.draw(panel, text, x, y + (font.pitch + font.height) // 2)

    def _draw_symbol(self):
        """Draw the symbol as large as it can be, the code below it; return whether a ring fits."""
        panel = self._panel
        for module in range(_MODULE, least_module(panel) - 1, -1):
            light = module * (self._symbol[1] + 2 * _QUIET)
            if light * light <= 2 * self._radius * self._radius:
                break
        half = light // 2
        inner = self._radius - INNER - 3
        has_ring = 2 * half * half < inner * inner
        if not has_ring:
            inner = self._radius - 1
        up = half  # rows from the middle to its upper edge
        while half * half + (up + 1) * (up + 1) < inner * inner and up < half + _GAP + _GAP:
            up += 1
        x, y = self._radius - half, self._radius - up
        panel.tint(x, y, light, light, GROUND, PAPER)  # a little wider than the symbol: see tint
        draw_symbol(panel, self._symbol, module, light, x, y)
        y += light + 2
        for number in (LARGE, TEXT):
            font = self._font(number)
            width = font.width(self._code)
            if self._code and width <= self._room(y, font.pitch):
                x = self._radius - width // 2
                panel.tint(x, y, width, font.pitch, GROUND, WHITE)
                font.draw(panel, self._code, x, y + (font.pitch + font.height) // 2)
                break
        return has_ring


def _end(font, text, room, is_whole):
    """The characters of a line: up to a blank, or one of _CUTS; 0 where not a single one fits.

    A text of several lines gets lines of about the same length.
    """
    width = font.width(text)
    if width <= room:
        return len(text)
    if is_whole or room <= 0:
        return 0
    enough = width // -(-width // room)
    used = at = blank = cut = 0
    while True:
        char = text[at : at + 1]
        if char == " ":
            blank = at + 1
            if used >= enough:
                return blank
        used += font.width(char)
        if used > room:
            return blank or cut or at
        at += 1
        if char in _CUTS:
            cut = at
