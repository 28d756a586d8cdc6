"""Make the tables of the typeface from B612: `python firmware/typeface/make_tables.py FOLDER`.

FOLDER holds B612-Regular.otf, B612-Bold.otf and B612Mono-Bold.otf (Debian: fonts-b612, in
/usr/share/fonts/opentype/b612). Needs Pillow and fonttools. The tables go to
firmware/keyfob/ui/type; README.md beside this file has their form.
"""

import io
import struct
import sys
import unicodedata
from pathlib import Path

from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont

TABLES = Path(__file__).parents[1] / "keyfob" / "ui" / "type"

# Table, font, pixels of its em and from line to line, whether it is for codes alone.
FONTS = (
    ("text", "B612-Regular", 13, 16, False),
    ("large", "B612-Bold", 18, 22, False),
    ("code", "B612Mono-Bold", 20, 24, True),
    ("huge", "B612Mono-Bold", 37, 44, True),
)
ASCII = [chr(number) for number in range(0x20, 0x7F)]
LATIN = [chr(number) for number in range(0xA0, 0x180)]
LEFT_OUT = "¤¦§¨ª¬\xad¯±²³´µ¶¸¹º¼½¾"  # no name has them
MARKS = list("ȘșȚț–‘’‚“”„…€")  # after LATIN; keyfob.ui.typeface knows their order

# The sign of the font that a combining mark is drawn with; those in BELOW hang under the letter.
COMBINING = {
    "\u0300": "`", "\u0301": "´", "\u0302": "ˆ", "\u0303": "˜", "\u0304": "¯", "\u0306": "˘",
    "\u0307": "˙", "\u0308": "¨", "\u030a": "˚", "\u030b": "˝", "\u030c": "ˇ",
    "\u0326": ",", "\u0327": "¸", "\u0328": "˛",
}  # fmt: skip
BELOW = "\u0326\u0327\u0328"
BESIDE = "ďťľĽ"  # their caron is an apostrophe
COMMA = "ĢĶķĻļŅņŖŗ"  # their cedilla is a comma
STROKED = {"Đ": "D", "đ": "d", "Ħ": "H", "ħ": "h", "Ł": "L", "ł": "l", "Ŧ": "T", "ŧ": "t"}


class Face:
    """A font at one size, its glyphs as sets of pixels with the baseline at 0, down positive."""

    def __init__(self, path: Path, pixels: int, pitch: int) -> None:
        self.pitch = pitch
        font = TTFont(path)
        for table in font["cmap"].tables:
            if "zero" in table.cmap.values():
                table.cmap[ord("0")] = "slashedzero"
        data = io.BytesIO()
        font.save(data)
        self._known = set(font.getBestCmap())
        data.seek(0)
        self._font = ImageFont.truetype(data, pixels)
        self.x_height = -min(y for _, y in self.ink("x"))
        self.cap_height = -min(y for _, y in self.ink("H"))

    def has(self, char: str) -> bool:
        return ord(char) in self._known

    def advance(self, char: str) -> int:
        return round(self._font.getlength(char, mode="1"))

    def ink(self, char: str) -> set[tuple[int, int]]:
        picture = Image.new("1", (160, 160))
        draw = ImageDraw.Draw(picture)
        draw.fontmode = "1"
        draw.text((40, 80), char, 1, self._font, anchor="ls")
        pixels = picture.load()
        assert pixels is not None
        return {(x - 40, y - 80) for x in range(160) for y in range(160) if pixels[x, y]}

    def glyph(self, char: str) -> tuple[int, set[tuple[int, int]]] | None:
        """The advance and the ink of `char`, put together where the font lacks it."""
        if char in LEFT_OUT:
            return None
        if self.has(char):
            return self.advance(char), self.ink(char)
        if char == "ı":
            return self.advance("i"), self._dotless("i")
        if char in STROKED:
            return self._stroked(STROKED[char])
        parts = unicodedata.normalize("NFD", char)
        if len(parts) != 2 or parts[1] not in COMBINING:
            return None
        base, mark = parts
        is_above = mark not in BELOW
        ink = self._dotless(base) if base in "ij" and is_above else self.ink(base)
        if char in BESIDE:
            comma = self.ink("’")
            right = max(x for x, _ in ink) + 1 if char != "Ľ" else max(x for x, _ in ink) - 1
            shift = right - min(x for x, _ in comma)
            ink = ink | {(x + shift, y) for x, y in comma}
            return max(self.advance(base), max(x for x, _ in ink) + 2), ink
        if char == "ģ":
            return self.advance(base), ink | self._above(self.ink("‘"), ink)
        if char in COMMA:
            mark = "\u0326"
        sign = self.ink(COMBINING[mark])
        if is_above:
            return self.advance(base), ink | self._above(sign, ink)
        return self.advance(base), ink | self._below(sign, ink, mark)

    def _dotless(self, char: str) -> set[tuple[int, int]]:
        return {(x, y) for x, y in self.ink(char) if -y <= self.x_height}

    def _above(self, sign, ink):
        """`sign` over `ink`, as far above as the font's own é has its accent."""
        accented, plain = self.ink("é"), self.ink("e")
        accent = {(x, y) for x, y in accented if -y > self.x_height}
        gap = min(y for _, y in plain) - max(y for _, y in accent)
        lift = min(y for _, y in ink) - max(gap, 2) - max(y for _, y in sign)
        return self._centred(sign, ink, lift)

    def _below(self, sign, ink, mark):
        top = 2 if mark == "\u0326" else 1
        drop = top - min(y for _, y in sign)
        if mark == "\u0328":
            foot = max(y for _, y in ink)
            drop = foot + 1 - min(y for _, y in sign)
            shift = max(x for x, y in ink if y == foot) - max(x for x, _ in sign)
            return {(x + shift, y + drop) for x, y in sign}
        return self._centred(sign, ink, drop)

    @staticmethod
    def _centred(sign, ink, rise):
        middle = min(x for x, _ in ink) + max(x for x, _ in ink)
        own = min(x for x, _ in sign) + max(x for x, _ in sign)
        shift = (middle - own) // 2
        return {(x + shift, y + rise) for x, y in sign}

    def _stroked(self, base: str) -> tuple[int, set[tuple[int, int]]]:
        ink, advance = self.ink(base), self.advance(base)
        thick = max(1, round(self.cap_height / 9))
        top, left = min(y for _, y in ink), min(x for x, _ in ink)
        right = max(x for x, _ in ink)
        if base in "Ll":  # a slanted stroke across the stem
            stem = (left + max(x for x, y in ink if y == top + 2)) // 2
            middle = top // 2
            reach = 2 + thick
            stroke = {
                (stem + step, middle - round(step / 2) + row)
                for step in range(-reach + 1, reach)
                for row in range(thick)
            }
            return advance + (1 if base == "l" else 0), ink | stroke
        y = {"D": top // 2, "T": top // 2, "t": -self.x_height // 2}.get(base, -self.x_height - 2)
        middle = {
            "D": left,
            "T": (left + right) // 2,
            "t": left + 1,
            "d": right,
            "h": left,
            "H": 0,
        }
        if base == "H":
            span = range(left - 1, right + 2)
        else:
            centre = middle[base]
            span = range(centre - 2, centre + 3 + thick)
            if base == "d":
                span = range(centre - 3 - thick, centre + 2)
        return advance, ink | {(x, y + row) for x in span for row in range(thick)}


def table(face: Face, chars: list[str], tight: str = "") -> bytes:
    """The bytes of a table, as README.md has them. Those in `tight` have no room of their own."""
    glyphs = [face.glyph(char) for char in chars]
    side = face.pitch // 11
    for place, char in enumerate(chars):
        if char in tight and (found := glyphs[place]):
            left, right = min(x for x, _ in found[1]), max(x for x, _ in found[1])
            ink = {(x - left + side, y) for x, y in found[1]}
            glyphs[place] = right - left + 1 + 2 * side, ink
    advances = bytes(found[0] if found else 0 for found in glyphs)
    ends, body = [], b""
    for found in glyphs:
        body += packed(found[1]) if found else b""
        ends.append(len(body))
    head = struct.pack("<BBH", face.cap_height, face.pitch, len(chars))
    return head + advances + struct.pack("<%dH" % len(ends), *ends) + body


def packed(ink: set[tuple[int, int]]) -> bytes:
    """A glyph: its left edge, its first row, its width, then its rows, the left pixel highest."""
    if not ink:
        return b""
    left, right = min(x for x, _ in ink), max(x for x, _ in ink)
    first, last = min(y for _, y in ink), max(y for _, y in ink)
    width = right - left + 1
    stride = (width + 7) // 8
    rows = b""
    for y in range(first, last + 1):
        bits = sum(1 << (right - x) for x in range(left, right + 1) if (x, y) in ink)
        rows += (bits << (stride * 8 - width)).to_bytes(stride, "big")
    return struct.pack("<bbB", left, first, width) + rows


def icon(name: str, side: int = 72) -> Image.Image:
    """The picture `name`, drawn eight times as large and reduced to pixels that are 0 or 1."""
    scale = 8
    size = side * scale
    picture = Image.new("L", (size, size))
    draw = ImageDraw.Draw(picture)

    def at(*points: float) -> list[tuple[float, float]]:
        return [(x * size, y * size) for x, y in zip(points[::2], points[1::2], strict=True)]

    def stroke(width: float, colour: int, *points: float) -> None:
        dots = at(*points)
        draw.line(dots, colour, round(width * size), "curve")
        for x, y in (dots[0], dots[-1]):
            reach = width * size / 2
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), colour)

    def box(x: float, y: float, across: float, down: float) -> list[float]:
        return [side * size for side in (x - across, y - down, x + across, y + down)]

    def disc(x: float, y: float, reach: float, colour: int) -> None:
        draw.ellipse(
            [(x - reach) * size, (y - reach) * size, (x + reach) * size, (y + reach) * size],
            colour,
        )

    if name == "tick":
        disc(0.5, 0.5, 0.5, 255)
        stroke(0.12, 0, 0.27, 0.53, 0.44, 0.69, 0.74, 0.34)
    elif name == "warning":
        draw.polygon(at(0.5, 0.06, 0.97, 0.9, 0.03, 0.9), 255)
        stroke(0.05, 255, 0.5, 0.08, 0.95, 0.88, 0.05, 0.88, 0.5, 0.08)
        stroke(0.1, 0, 0.5, 0.36, 0.5, 0.6)
        disc(0.5, 0.77, 0.06, 0)
    elif name == "clock":
        disc(0.5, 0.5, 0.5, 255)
        disc(0.5, 0.5, 0.4, 0)
        stroke(0.09, 255, 0.5, 0.24, 0.5, 0.52, 0.69, 0.62)
    elif name == "wifi":
        for reach, width in ((0.62, 0.12), (0.4, 0.12)):
            draw.arc(box(0.5, 0.8, reach, reach), 225, 315, 255, round(width * size))
        disc(0.5, 0.78, 0.1, 255)
    elif name == "link":
        for x, y in ((0.33, 0.67), (0.67, 0.33)):
            half = Image.new("L", (size, size))
            pen = ImageDraw.Draw(half)
            place = box(x, y, 0.3, 0.17)
            pen.rounded_rectangle(place, 0.17 * size, outline=255, width=round(0.1 * size))
            half = half.rotate(45, center=(x * size, y * size))
            picture.paste(255, mask=half)
    elif name == "dot":
        disc(0.5, 0.5, 0.5, 255)
    return picture.resize((side, side), Image.Resampling.BOX).point(
        lambda level: 255 * (level > 127)
    )


def badge(face: Face, digit: str, side: int = 16) -> Image.Image:
    """A disc with a digit cut out of it."""
    picture = icon("dot", side)
    ink = face.ink(digit)
    left = (side - 1 - max(x for x, _ in ink) - min(x for x, _ in ink) + 1) // 2
    top = (side - 1 - max(y for _, y in ink) - min(y for _, y in ink) + 1) // 2
    for x, y in ink:
        picture.putpixel((left + x, top + y), 0)
    return picture


def pictures(bold: Face) -> bytes:
    """The file of the pictures: a byte each of width and height, then the rows, of each."""
    found = [icon(name) for name in ("tick", "warning", "clock", "wifi", "link")]
    found += [icon("dot", 10), badge(bold, "1"), badge(bold, "2")]
    return b"".join(
        bytes(picture.size) + picture.convert("1", dither=Image.Dither.NONE).tobytes()
        for picture in found
    )


def main() -> None:
    """Write every table."""
    TABLES.mkdir(exist_ok=True)
    for name, font, pixels, pitch, is_code in FONTS:
        face = Face(Path(sys.argv[1], font + ".otf"), pixels, pitch)
        # The letters of a code are all as wide, and a value's point is not.
        data = table(face, ASCII, ".,:") if is_code else table(face, ASCII + LATIN + MARKS)
        (TABLES / (name + ".bin")).write_bytes(data)
        print(f"{name:6} {len(data)} bytes")
    bold = Face(Path(sys.argv[1], "B612-Bold.otf"), 12, 16)
    (TABLES / "pictures.bin").write_bytes(pictures(bold))


if __name__ == "__main__":
    main()
