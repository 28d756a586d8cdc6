"""The typeface of colour panels: proportional letters, read from flash as they are drawn.

A font is a file of `type/`, which firmware/typeface makes: the height of a capital, the pixels from
line to line, the number of glyphs; then the advance of each, then where each ends, then the glyphs:
left edge, first row from the baseline, width, and the rows, the left pixel highest.
"""

import struct

import framebuf

import keyfob

# The pictures in the order in which they lie in their file.
_PICTURES = ("tick", "warning", "clock", "wifi", "link", "dot", "1", "2")
_AFTER = "ȘșȚț–‘’‚“”„…€"  # the glyphs that follow U+017F


class Font:
    """One size of the typeface: "text", "large", or for codes "code", "huge".

    `capital` is the height of a capital letter, `pitch` the distance of two baselines, in pixels.
    Raises OSError where the file is missing.
    """

    def __init__(self, name):
        self._name = name
        with _open(name) as file:
            self.capital, self.pitch, count = struct.unpack("<BBH", file.read(4))
            self._advances = file.read(count)

    def has(self, text):
        """Return whether there is a glyph for each character of `text`."""
        return all([self._number(text[at : at + 1]) >= 0 for at in range(len(text))])

    def width(self, text):
        """Return the pixels that `text` takes up on a line."""
        advances = self._advances
        return sum([advances[max(0, self._number(text[at : at + 1]))] for at in range(len(text))])

    def draw(self, panel, text, x, baseline):
        """Draw `text` from x on, its capitals standing on the row above `baseline`."""
        with _open(self._name) as file:
            for at in range(len(text)):
                number = self._number(text[at : at + 1])
                if number >= 0:
                    self._draw_glyph(panel, file, number, x, baseline)
                    x += self._advances[number]

    def _draw_glyph(self, panel, file, number, x, baseline):
        count = len(self._advances)
        file.seek(4 + count + 2 * max(0, number - 1))
        start, end = struct.unpack("<HH", file.read(4))
        if number == 0:
            start, end = 0, start
        if end == start:
            return
        file.seek(4 + 3 * count + start)
        glyph = file.read(end - start)
        left, first, width = struct.unpack("<bbB", glyph[:3])
        rows = bytearray(memoryview(glyph)[3:])
        height = len(rows) // ((width + 7) // 8)
        picture = framebuf.FrameBuffer(rows, width, height, framebuf.MONO_HLSB)
        panel.blit(picture, x + left, baseline + first, 0)

    def _number(self, char):
        """The number of a character's glyph, -1 where there is none."""
        code = ord(char)
        if 0x20 <= code < 0x7F:
            number = code - 0x20
        elif 0xA0 <= code < 0x180:
            number = code - 0xA0 + 95
        else:
            number = _AFTER.find(char)
            number = -1 if number < 0 else number + 95 + 0xE0
        return number if number < len(self._advances) and self._advances[number] else -1


def draw_picture(panel, name, x, y):
    """Draw a picture with its top left corner at x, y: an icon, the number of a step, or "dot"."""
    with _open("pictures") as file:
        for other in _PICTURES:
            width, height = file.read(2)
            row = bytearray((width + 7) // 8)
            if other == name:
                break
            file.seek(len(row) * height, 1)
        picture = framebuf.FrameBuffer(row, width, 1, framebuf.MONO_HLSB)
        for line in range(y, y + height):
            file.readinto(row)
            panel.blit(picture, x, line)


def _open(name):
    folder = keyfob.__path__  # a list on CPython
    if not isinstance(folder, str):
        folder = folder[0]
    return open(folder + "/ui/type/" + name + ".bin", "rb")
