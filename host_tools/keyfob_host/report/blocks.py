"""Pictures as text: each character is two pixels, one above the other."""

from itertools import groupby, zip_longest

from PIL import Image

PLAIN, INDEXED, DEEP = 1, 8, 24  # bits of a colour on a terminal; 1 is none

_HALF = 127  # of 255: lighter is ink where there is no colour
_CUBE = (0, 95, 135, 175, 215, 255)  # the levels of red, green and blue among 256 colours
_GREYS = range(8, 239, 10)  # the greys among them, which begin at 232

Colour = tuple[int, int, int]


def half_blocks(modules: list[list[bool]]) -> list[str]:
    """QR rows, two to a line. Dark modules are ink, so it wants a light background."""
    if len(modules) % 2:
        modules = [*modules, [False] * len(modules[0])]
    ink = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
    return [
        "".join(ink[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(modules[::2], modules[1::2], strict=True)
    ]


def picture_blocks(picture: Image.Image, depth: int) -> list[str]:
    """A picture, two rows to a line, in colours of so many bits; PLAIN has light as ink."""
    rows = _rows(picture)
    if depth == PLAIN:
        return half_blocks([[_grey(dot) > _HALF for dot in row] for row in rows])
    lines = []
    for upper, lower in zip_longest(rows[::2], rows[1::2]):
        line = ""
        for (above, below), same in groupby(zip_longest(upper, lower or ())):
            behind = "49" if below is None else f"48;{_number(below, depth)}"  # 49: as it was
            line += f"\x1b[38;{_number(above, depth)};{behind}m"
            line += "▀" * len(list(same))
        lines.append(line + "\x1b[0m")
    return lines


def _rows(picture: Image.Image) -> list[list[Colour]]:
    data = picture.convert("RGB").tobytes()
    dots = [(data[at], data[at + 1], data[at + 2]) for at in range(0, len(data), 3)]
    return [dots[start : start + picture.width] for start in range(0, len(dots), picture.width)]


def _grey(colour: Colour) -> int:
    red, green, blue = colour
    return (299 * red + 587 * green + 114 * blue) // 1000


def _number(colour: Colour, depth: int) -> str:
    """A colour as a terminal is told it: as it is, or the nearest of the 256."""
    if depth == DEEP:
        return "2;{};{};{}".format(*colour)
    steps = [_nearest(level, _CUBE) for level in colour]
    shade = _nearest(sum(colour) // 3, _GREYS)
    in_cube = [_CUBE[step] for step in steps]
    if _distance(colour, in_cube) <= _distance(colour, [_GREYS[shade]] * 3):
        red, green, blue = steps
        return f"5;{16 + 36 * red + 6 * green + blue}"
    return f"5;{232 + shade}"


def _nearest(level: int, levels: tuple[int, ...] | range) -> int:
    return min(range(len(levels)), key=lambda at: abs(levels[at] - level))


def _distance(one: Colour, other: list[int]) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
