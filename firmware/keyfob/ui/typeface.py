"""The typeface of colour panels: proportional letters, read from flash as they are drawn.

A font is a file of type/, which firmware/typeface makes: the height of a capital, the pixels from
line to line, the number of glyphs; then the advance of each, where each ends, and the glyphs. A
glyph is its left edge, first row from the baseline, width, and its rows, the left pixel highest.
"""

import framebuf

import keyfob
from keyfob.compat import const

TEXT = const(0)
LARGE = const(1)
CODE = const(2)
HUGE = const(3)

_PICTURES = const(4)
_FILES = "text large code huge pictures"
ICONS = "tick warning clock wifi link"  # the pictures in their file, before the others
DOT = const(5)
STEP = const(6)  # that of the first step; the second's follows
_UNKNOWN = const(31)  # the glyph of "?"
_ABSENT = "¤¦§¨ª¬\xad¯±²³´µ¶¸¹º¼½¾ĲĳĸĿŀŉŊŋſ"  # the characters between that have none
_AFTER = "ȘșȚț–‘’‚“”„…€"  # the glyphs that follow U+017F


class Font:
    """One size of the typeface: TEXT, LARGE, or for codes CODE, HUGE.

    `height` is that of a capital letter, `pitch` the distance of two baselines, in pixels.
    Raises OSError where its file is missing.
    """

    def __init__(self, number):
        self._file = number
        with _open(number) as file:
            head = file.read(4)
            self.height = head[0]
            self.pitch = head[1]
            self._advances = file.read(head[2] | head[3] << 8)

    def width(self, text):
        """Return the pixels that `text` takes up on a line."""
        advances = self._advances
        return sum([advances[self._number(text[at : at + 1])] for at in range(len(text))])

    def draw(self, panel, text, x, baseline):
        """Draw `text` from x on, its capitals standing on the row above `baseline`."""
        with _open(self._file) as file:
            for at in range(len(text)):
                number = self._number(text[at : at + 1])
                self._draw_glyph(panel, file, number, x, baseline)
                x += self._advances[number]

    def _draw_glyph(self, panel, file, number, x, baseline):
        count = len(self._advances)
        file.seek(4 + count + 2 * max(0, number - 1))
        ends = file.read(4)
        start = ends[0] | ends[1] << 8
        end = ends[2] | ends[3] << 8
        if number == 0:
            start, end = 0, start
        if end == start:
            return
        file.seek(4 + 3 * count + start)
        left, top, width = file.read(3)
        rows = bytearray(file.read(end - start - 3))
        height = len(rows) // ((width + 7) // 8)
        picture = framebuf.FrameBuffer(rows, width, height, framebuf.MONO_HLSB)
        panel.blit(picture, x + _signed(left), baseline + _signed(top), 0)

    def _number(self, char):
        """The number of a character's glyph, that of "?" where this font has none."""
        number = _number(char)
        return number if 0 <= number < len(self._advances) else _UNKNOWN


def lacks(text):
    """Whether `text` has a character without a glyph in TEXT and LARGE."""
    return any(_number(text[at : at + 1]) < 0 for at in range(len(text)))


def _number(char):
    """The number of a character's glyph in the larger fonts, -1 where there is none."""
    code = ord(char)
    if 0x20 <= code < 0x7F:
        return code - 0x20
    if 0xA0 <= code < 0x180:
        return -1 if char in _ABSENT else code - 0xA0 + 95
    at = _AFTER.find(char)
    return at if at < 0 else at + 95 + 0xE0


def draw_picture(panel, number, x, y):
    """Draw a picture with its top left corner at x, y: one of ICONS, DOT, or STEP."""
    with _open(_PICTURES) as file:
        width, height = file.read(2)
        for _ in range(number):
            file.seek((width + 7) // 8 * height, 1)
            width, height = file.read(2)
        row = bytearray((width + 7) // 8)
        picture = framebuf.FrameBuffer(row, width, 1, framebuf.MONO_HLSB)
        for line in range(y, y + height):
            file.readinto(row)
            panel.blit(picture, x, line)


def _signed(byte):
    return byte - 256 if byte > 127 else byte


def _open(number):
    folder = keyfob.__path__  # a list on CPython
    if not isinstance(folder, str):
        folder = folder[0]
    name = "/ui/type/%s.bin" % _FILES.split()[number]
    try:
        return open(folder + name, "rb")
    except OSError:  # of a frozen build the letters alone are in flash
        return open("/lib/keyfob" + name, "rb")
