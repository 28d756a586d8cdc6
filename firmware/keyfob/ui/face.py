"""The look of colour panels: a title, one thing to see from afar, and text at the left margin.

A panel is anything with `width`, `height`, framebuf's `fill_rect` and `blit`, and `tint`, which
gives a part of it two colours (see displays.tft). A screen has one accent colour, by its tone.
What does not fit on one page is spread over several, and each is composed for itself.
"""

from keyfob.compat import const
from keyfob.ui.qr_fit import least_module
from keyfob.ui.time_bar import Drawn
from keyfob.ui.typeface import CODE, DOT, HUGE, ICONS, LARGE, STEP, TEXT, Font, draw_picture

# Colours as RGB565.
_GROUND = const(0x0863)
_WHITE = const(0xF7BE)
_GREY = const(0x94B4)
_BAR = const(0x1926)  # behind the title, and of the time that is over
_PAPER = const(0xFFFF)  # around a symbol
_INK = const(0x0000)
_TONES = "wait good trouble"
_ACCENTS = (0x451F, 0x362D, 0xFD64)

_TITLE = const(26)  # rows of the title bar
_LINE = const(2)  # rows of the line below it
_ICON = const(72)  # pixels each way
_TIME = const(4)  # rows of the bar that shows the time left
_BADGE = const(16)  # pixels of a step's number, each way
_GAP = const(5)  # rows between two texts
_ABOVE = const(8)  # rows between the code and the time left
_MODULE = const(8)  # pixels of a module at most: a larger one does not help a camera
_QUIET = const(4)  # modules around a symbol
_COLUMN = const(96)  # pixels that text beside a symbol or an icon needs at least
_CODE_FONTS = (HUGE, CODE, LARGE, TEXT)
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
    ((_FIRST, _SECOND, _ADDRESS, _OPTIONAL), True),
    ((_FIRST, _SECOND, _ADDRESS), True),
    ((_FIRST, _ADDRESS), True),
    ((_FIRST, _SECOND, _ADDRESS), False),
    ((_FIRST, _ADDRESS), False),
    ((_ADDRESS,), False),
)
_CUTS = "/.-_?&=:@"  # an address is cut after one of these


def compose(panel, items, symbol, kind, whole=None, page=0):
    """Draw page `page` of `items` and `symbol` on `panel`, which must be dark; return a Drawn.

    Items are those of texts.items. `symbol` is None or a (bitmap, size) as `qr.encode` returns it,
    `kind` the screen's tone and icon (see screen_table), `whole` the seconds that its code was good for at
    first, None where there is none. Raises OSError where the typeface is missing.
    """
    return _Screen(panel, items, symbol, kind, whole, page).compose()


class _Screen:
    def __init__(self, panel, items, symbol, kind, whole, page):
        self._panel = panel
        self._symbol = symbol
        tone, _, self._icon = kind.partition(" ")  # both in words
        self._accent = _ACCENTS[_TONES.split().index(tone)]
        self._whole = whole
        self._page = page
        self._fonts = {}
        self._margin = 8 if panel.width < 280 else 16  # whole bytes of the picture: see tint
        self._code = None
        self._items = []
        for text, sign in items:
            sign = ord(sign) if sign else 0
            if sign == _CODE:
                self._code = text
            elif sign != _LEFT:
                self._items.append((text, sign))

    def compose(self):
        panel = self._panel
        panel.tint(0, 0, panel.width, panel.height, _GROUND, _WHITE)
        return self._compose_state() if self._code is None else self._compose_code()

    def _font(self, name):
        if name not in self._fonts:
            self._fonts[name] = Font(name)
        return self._fonts[name]

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
            is_beside = icon and inner - icon - margin >= _COLUMN
            x = margin + (icon + margin if is_beside else 0)
            lines = self._lines(shown, panel.width - margin - x)
            above = icon + margin if icon and not is_beside else 0
            spare = bottom - top - above - self._height(lines)
            if spare >= 0 and icon <= bottom - top:
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
        panel.tint(0, 0, panel.width, height, _BAR, _WHITE)
        panel.tint(margin, _TITLE // 2 - 5, 10, 10, _BAR, self._accent)
        draw_picture(panel, DOT, margin, _TITLE // 2 - 5)
        y = _TITLE // 2 + font.height // 2
        for line in lines:
            font.draw(panel, line, margin + _BADGE, y)
            y += font.pitch
        panel.tint(0, height - _LINE, panel.width, _LINE, _GROUND, self._accent)
        panel.fill_rect(0, height - _LINE, panel.width, _LINE, 1)
        return height

    def _title_height(self, lines):
        return _TITLE + _LINE + (len(lines) - 1) * self._font(TEXT).pitch

    def _draw_icon(self, x, y):
        self._panel.tint(x, y, _ICON, _ICON, _GROUND, self._accent)
        draw_picture(self._panel, ICONS.split().index(self._icon), x, y)

    # A code: its symbol, the steps, the code, and the time left.

    def _compose_code(self):
        panel = self._panel
        bottom = panel.height - self._margin
        if self._whole:
            bottom -= _TIME + _ABOVE
        pages = 1
        plan = self._plan(bottom)
        if plan is None:
            pages, plan = self._paged(bottom)
        title, module, corner, place, lines, code_font, code_lines, code_place = plan
        if title:
            self._draw_title(title)
        if module:
            self._draw_symbol(module, corner)
        font = self._font(code_font)
        y = code_place[1]
        for line in code_lines:
            font.draw(panel, line, code_place[0], y + font.height)
            y += font.pitch
        self._draw_lines(lines, place[0], place[1])
        bar = None
        if self._whole:
            x = self._margin
            if module and corner[1] + self._light(module) > bottom:  # the symbol takes the height
                x = place[0]
            bar = x, panel.height - self._margin - _TIME, panel.width - self._margin - x
            panel.tint(bar[0], bar[1], bar[2], _TIME, _BAR, self._accent)
        return Drawn(panel, self._page % pages, pages, bar, self._whole)

    def _plan(self, bottom):
        """The first layout that holds everything, or None: complete ones first, large ones first."""
        first, sign = self._items[0]
        title = self._title_lines(first) if sign in (0, _OPTIONAL) else []
        for kept, has_title in _LEVELS:
            if has_title and not title:
                continue
            items = [
                item for item in self._items[bool(title) :] if not item[1] or item[1] in kept
            ]
            top = self._margin + (self._title_height(title) if has_title else 0)
            for name in _CODE_FONTS:
                for module in self._modules():
                    light = self._light(module)
                    for corner, place, code_place in self._arrangements(light, top, bottom, name):
                        lines = self._lines(items, place[2])
                        if self._height(lines) <= place[3]:
                            return (
                                has_title and title, module, corner, place, lines, name,
                                [self._code], code_place,
                            )  # fmt: skip
        return None

    def _light(self, module):
        """The side of the light square around a symbol, 0 without one."""
        return module * (self._symbol[1] + 2 * _QUIET) if module else 0

    def _modules(self):
        """The pixels of a module to try."""
        if self._symbol is None:
            return (0,)
        return range(_MODULE, least_module(self._panel) - 1, -1)

    def _arrangements(self, light, top, bottom, name):
        """Where the symbol, the text and the code may be: corners, and the text's width and height.

        The code is in the font `name`, and on one line.
        """
        panel = self._panel
        margin = self._margin
        font = self._font(name)
        wide = font.width(self._code)
        inner = panel.width - 2 * margin
        foot = bottom - font.height
        if wide is None or wide > inner:
            return
        if light:
            x = 2 * margin + light + 7 & ~7
            column = panel.width - x - margin
            if column >= _COLUMN:
                if top + light + margin <= foot:  # the code across the foot
                    text = x, top, column, foot - margin - top
                    yield (margin, top), text, ((panel.width - wide) // 2, foot)
                y = min(top, (panel.height - light) // 2) if top == margin else top
                if y >= 0 and y + light <= panel.height - margin // 2 and wide <= column:
                    text = x, top, column, foot - margin - top  # the code at the column's foot
                    yield (margin, y), text, (x, foot)
        y = top + light + (margin if light else 0)
        text_y = y + font.height + margin
        if light <= inner and text_y < bottom:  # one below the other
            text = margin, text_y, inner, bottom - text_y
            code_x = (panel.width - wide) // 2 if light else margin
            yield ((panel.width - light) // 2 & ~7, top), text, (code_x, y)

    def _paged(self, bottom):
        """A layout of several pages: the symbol with the code, then the texts with the code."""
        panel = self._panel
        margin = self._margin
        inner = panel.width - 2 * margin
        first = []
        for module in self._modules() if self._symbol else ():
            light = self._light(module)
            if light <= min(panel.width, panel.height):
                y = min(margin, (panel.height - light) // 2)
                first = [module, ((panel.width - light) // 2 & ~7, y)]
                top = y + light + margin
                break
        for name in _CODE_FONTS:
            font = self._font(name)
            wide = font.width(self._code)
            if wide is not None and wide <= inner:
                break
        code_lines = _cut(font, self._code, inner)
        height = len(code_lines) * font.pitch
        lines = self._lines(self._items[1:], inner)
        pages = self._pages(lines, bottom - margin - height - margin)
        count = len(pages) + bool(first)
        page = self._page % count
        if first and page == 0:
            if top + height > bottom:
                code_lines = []
            code_x = (panel.width - font.width(self._code)) // 2
            return count, (None, first[0], first[1], (0, 0), [], name, code_lines, (code_x, top))
        place = margin, margin + height + margin
        return count, (
            None, 0, None, place, pages[page - bool(first)], name, code_lines, (margin, margin)
        )  # fmt: skip

    def _draw_symbol(self, module, corner):
        panel = self._panel
        bitmap, size = self._symbol
        stride = (size + 7) // 8
        light = self._light(module)
        x, y = corner
        panel.tint(x, y, light, light, _INK, _PAPER)
        panel.fill_rect(x, y, light, light, 1)
        x += _QUIET * module
        y += _QUIET * module
        for row in range(size):
            start = 0
            for column in range(size + 1):  # a run of dark modules ends with the row
                byte = row * stride + (column >> 3)
                if column < size and bitmap[byte] >> (7 - (column & 7)) & 1:
                    continue
                if column > start:
                    panel.fill_rect(x + start * module, y, (column - start) * module, module, 0)
                start = column + 1
            y += module

    # Lines of text: (font, text, colour, rows before it, step).

    def _colour(self, sign):
        if sign in (_OPTIONAL, _FOOT):
            return _GREY
        return self._accent if sign == _ADDRESS else _WHITE

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
            step = sign if sign in (_FIRST, _SECOND) else 0
            cut = _cut if sign == _ADDRESS else _wrap
            for line in cut(font, text, width - indent):
                lines.append((name, line, colour, gap, step, indent))
                gap = 0
                step = 0
        return lines

    def _height(self, lines):
        return sum([self._font(line[0]).pitch + line[3] for line in lines])

    def _pages(self, lines, room):
        """`lines` as pages of at most `room` rows; a text is divided only where it needs a page."""
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
                panel.tint(x, y, _BADGE, _BADGE, _GROUND, self._accent)
                draw_picture(panel, STEP + step - _FIRST, x, y)
            if colour != _WHITE:
                panel.tint(x + indent, y, font.width(text), font.pitch, _GROUND, colour)
            font.draw(panel, text, x + indent, y + (font.pitch + font.height) // 2)
            y += font.pitch


def _wrap(font, text, width):
    """Lines of whole words; a word that is too long is cut."""
    lines = []
    line = ""
    for word in text.split():
        longer = line + " " + word if line else word
        if font.width(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        parts = _cut(font, word, width)
        lines += parts[:-1]
        line = parts[-1]
    return lines + [line]


def _cut(font, text, width):
    """The lines of a text without blanks, cut after one of _CUTS where there is one."""
    lines = []
    while font.width(text) > width:
        end = len(text)
        while end > 1 and font.width(text[:end]) > width:
            end -= 1
        cut = end
        while cut > 1 and text[cut - 1 : cut] not in _CUTS:
            cut -= 1
        if cut > 1:
            end = cut
        lines.append(text[:end])
        text = text[end:]
    return lines + [text]
