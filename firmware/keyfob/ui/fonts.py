"""The font for codes and text: 5 x 7 pixels a glyph, scaled by whole numbers.

It has ASCII and the other letters of the languages of the screens. Glyphs that are easily confused
(0 and O, 1 and I and l, 5 and S, 8 and B, 2 and Z) are drawn to differ.
"""

from keyfob.compat import const

WIDTH = 6  # pixels from one glyph to the next, with the space between them
HEIGHT = 8  # pixels from one line to the next, with the space between them
ZERO = 16  # the number of the glyph of the digit 0

_COLUMNS = const(5)
_FIRST = const(32)
_OTHERS = "ÄÖÜßäöü"  # after the box

# Five columns a glyph, the top row in the lowest bit: ASCII from the space on, then the box for
# characters without a glyph, then _OTHERS.
_GLYPHS = (
    b"\x00\x00\x00\x00\x00\x00\x00\x4f\x00\x00\x00\x03\x00\x03\x00\x14\x7f\x14\x7f\x14"  # sp ! " #
    b"\x24\x2a\x7f\x2a\x12\x63\x13\x08\x64\x63\x36\x49\x55\x22\x50\x00\x00\x03\x00\x00"  # $ % & '
    b"\x00\x1c\x22\x41\x00\x00\x41\x22\x1c\x00\x14\x08\x3e\x08\x14\x08\x08\x3e\x08\x08"  # ( ) * +
    b"\x00\x50\x30\x00\x00\x00\x08\x08\x08\x00\x00\x60\x60\x00\x00\x60\x10\x08\x04\x03"  # , - . /
    b"\x3e\x71\x49\x47\x3e\x44\x42\x7f\x40\x40\x42\x61\x51\x49\x46\x41\x49\x49\x49\x36"  # 0 1 2 3
    b"\x18\x14\x12\x7f\x10\x27\x45\x45\x45\x39\x3c\x4a\x49\x49\x30\x01\x61\x19\x05\x03"  # 4 5 6 7
    b"\x22\x55\x49\x55\x22\x06\x49\x49\x29\x1e\x00\x36\x36\x00\x00\x00\x56\x36\x00\x00"  # 8 9 : ;
    b"\x08\x14\x22\x41\x00\x14\x14\x14\x14\x14\x00\x41\x22\x14\x08\x02\x01\x51\x09\x06"  # < = > ?
    b"\x3e\x41\x5d\x55\x1e\x7c\x12\x11\x12\x7c\x7f\x49\x49\x49\x36\x3e\x41\x41\x41\x41"  # @ A B C
    b"\x7f\x41\x41\x22\x1c\x7f\x49\x49\x49\x41\x7f\x09\x09\x09\x01\x3e\x41\x41\x49\x79"  # D E F G
    b"\x7f\x08\x08\x08\x7f\x00\x41\x7f\x41\x00\x20\x40\x41\x3f\x01\x7f\x08\x14\x22\x41"  # H I J K
    b"\x7f\x40\x40\x40\x40\x7f\x02\x0c\x02\x7f\x7f\x06\x08\x30\x7f\x3e\x41\x41\x41\x3e"  # L M N O
    b"\x7f\x09\x09\x09\x06\x3e\x41\x51\x21\x5e\x7f\x09\x19\x29\x46\x46\x49\x49\x49\x31"  # P Q R S
    b"\x01\x01\x7f\x01\x01\x3f\x40\x40\x40\x3f\x0f\x30\x40\x30\x0f\x7f\x20\x18\x20\x7f"  # T U V W
    b"\x63\x14\x08\x14\x63\x03\x04\x78\x04\x03\x61\x59\x49\x4d\x43\x00\x7f\x41\x41\x00"  # X Y Z [
    b"\x03\x04\x08\x10\x60\x00\x41\x41\x7f\x00\x04\x02\x01\x02\x04\x40\x40\x40\x40\x40"  # \ ] ^ _
    b"\x00\x01\x02\x00\x00\x20\x54\x54\x54\x78\x7f\x48\x44\x44\x38\x38\x44\x44\x44\x44"  # ` a b c
    b"\x38\x44\x44\x48\x7f\x38\x54\x54\x54\x18\x08\x7e\x09\x01\x02\x08\x54\x54\x54\x3c"  # d e f g
    b"\x7f\x08\x04\x04\x78\x00\x44\x7d\x40\x00\x20\x40\x44\x3d\x00\x7f\x10\x28\x44\x00"  # h i j k
    b"\x01\x3f\x40\x40\x20\x7c\x04\x78\x04\x78\x7c\x08\x04\x04\x78\x38\x44\x44\x44\x38"  # l m n o
    b"\x7c\x14\x14\x14\x08\x08\x14\x14\x14\x7c\x7c\x08\x04\x04\x08\x48\x54\x54\x54\x24"  # p q r s
    b"\x04\x3f\x44\x44\x20\x3c\x40\x40\x20\x7c\x1c\x20\x40\x20\x1c\x3c\x40\x38\x40\x3c"  # t u v w
    b"\x44\x28\x10\x28\x44\x0c\x50\x50\x50\x3c\x44\x64\x54\x4c\x44\x08\x36\x41\x41\x00"  # x y z {
    b"\x00\x00\x7f\x00\x00\x00\x41\x41\x36\x08\x08\x04\x08\x10\x08\x7f\x41\x41\x41\x7f"  # | } ~ □
    b"\x79\x14\x12\x14\x79\x3d\x42\x42\x42\x3d\x3d\x40\x40\x40\x3d\x7e\x01\x49\x76\x00"  # Ä Ö Ü ß
    b"\x20\x55\x54\x55\x78\x38\x45\x44\x45\x38\x3c\x41\x40\x21\x7c"  # ä ö ü
)

# The letters that come closest to U+00C0 and what follows it, up to U+00FF.
_LATIN = "AAAAÄAACEEEEIIIIDNOOOOÖxOUUUÜYPßaaaaäaaceeeeiiiidnooooö:ouuuüypy"


def glyph(char):
    """Return the columns of `char`, left to right, as five bytes; the lowest bit is the top."""
    start = _index(char) * _COLUMNS
    return _GLYPHS[start : start + _COLUMNS]


def legible(text):
    """Return `text` without the accents that the font lacks. Not for a code."""
    chars = [text[at : at + 1] for at in range(len(text))]  # see numbers
    return "".join(
        [_LATIN[ord(c) - 0xC0 : ord(c) - 0xBF] if 0xC0 <= ord(c) <= 0xFF else c for c in chars]
    )


def numbers(text):
    """Return the numbers of the glyphs of `text`, as bytes.

    Its characters are had as slices: MicroPython keeps for good those of a loop over a text.
    """
    return bytes([_index(text[at : at + 1]) for at in range(len(text))])


def draw(panel, text, x, y, size, colour=1):
    """Draw one line of `text` with its top left corner at x, y; a font pixel is `size` pixels.

    `text` may be the numbers of its glyphs, by which its characters do not stay in RAM.
    """
    for char in text:
        draw_glyph(panel, char if isinstance(char, int) else _index(char), x, y, size, colour)
        x += WIDTH * size


def draw_glyph(panel, index, x, y, size, colour=1):
    """Draw the glyph of that number; ZERO is that of the digit 0, and those of others follow."""
    for column in range(index * _COLUMNS, (index + 1) * _COLUMNS):
        bits = _GLYPHS[column]
        row = y
        while bits:
            run = 0
            while bits & 1:
                run += size
                bits >>= 1
            if run:
                panel.fill_rect(x, row, size, run, colour)
            row += run + size
            bits >>= 1
        x += size


def _index(char):
    """The number of the glyph of `char` in _GLYPHS."""
    index = ord(char) - _FIRST
    return index if 0 <= index < 95 else 96 + _OTHERS.find(char)  # the box where it is not found
