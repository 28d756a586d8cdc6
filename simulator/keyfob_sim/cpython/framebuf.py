"""MicroPython's `framebuf` on CPython, pixel for pixel; its `text` alone has another font."""

from array import array
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

MONO_VLSB = 0
MVLSB = MONO_VLSB
RGB565 = 1
GS4_HMSB = 2
MONO_HLSB = 3
MONO_HMSB = 4
GS2_HMSB = 5
GS8 = 6

# Where a row or a column of pixels is: an index of cells and a shift within a cell. A pixel
# is where the sums of its row's and its column's two are.
_Place: TypeAlias = tuple[int, int]


class _Format(NamedTuple):
    """How pixels lie in a buffer: the cells' type, a pixel's bits, and its place."""

    cell: str
    bits: int
    step: int  # a row takes up a multiple of this many pixels
    row: Callable[[int, int], _Place]  # of y and the stride in pixels
    column: Callable[[int], _Place]  # of x


_FORMATS = {
    MONO_VLSB: _Format("B", 1, 1, lambda y, s: (y // 8 * s, y % 8), lambda x: (x, 0)),
    MONO_HLSB: _Format("B", 1, 8, lambda y, s: (y * s // 8, 0), lambda x: (x // 8, 7 - x % 8)),
    MONO_HMSB: _Format("B", 1, 8, lambda y, s: (y * s // 8, 0), lambda x: (x // 8, x % 8)),
    GS2_HMSB: _Format("B", 2, 4, lambda y, s: (y * s // 4, 0), lambda x: (x // 4, x % 4 * 2)),
    GS4_HMSB: _Format("B", 4, 2, lambda y, s: (y * s // 2, 0), lambda x: (x // 2, 4 - x % 2 * 4)),
    GS8: _Format("B", 8, 1, lambda y, s: (y * s, 0), lambda x: (x, 0)),
    RGB565: _Format("H", 16, 1, lambda y, s: (y * s, 0), lambda x: (x, 0)),
}
_LARGEST = 0xFFFF
_CHARACTER = 8  # pixels, each way


class FrameBuffer:
    """Draws into `buffer`; `stride` is the width of its rows in pixels where they are longer.

    Raises ValueError for an unknown format and a buffer that is too small, TypeError for one
    that cannot be written.
    """

    # The names are mangled since a driver's own attributes are on the same object.

    def __init__(
        self, buffer: Any, width: int, height: int, format: int, stride: int | None = None, /
    ) -> None:
        self.__attach(buffer, width, height, format, stride)
        if self.__cells.readonly:
            raise TypeError("object with buffer protocol required")

    def __attach(
        self, buffer: Any, width: int, height: int, format: int, stride: int | None = None
    ) -> None:
        layout = _FORMATS.get(format)
        if layout is None:
            raise ValueError("invalid format")
        stride = width if stride is None else stride
        if not (0 < width <= stride <= _LARGEST and 0 < height <= _LARGEST):
            raise ValueError("invalid size")
        stride = -(-stride // layout.step) * layout.step
        cells = memoryview(buffer).cast("B")
        self.__cells = cells[: len(cells) // 2 * 2].cast("H") if layout.cell == "H" else cells
        self.__is_mono = layout.bits == 1
        self.__is_plain = layout.bits >= 8  # a pixel is a cell
        self.__is_vertical = format == MONO_VLSB
        self.__mask = (1 << layout.bits) - 1
        self.__width, self.__height = width, height
        self.__rows = [layout.row(y, stride) for y in range(height)]
        self.__columns = [layout.column(x) for x in range(width)]
        if self.__rows[-1][0] + self.__columns[-1][0] >= len(self.__cells):
            raise ValueError("buffer too small")

    def fill(self, color: int, /) -> None:
        """Set every pixel."""
        self.fill_rect(0, 0, self.__width, self.__height, color)

    def pixel(self, x: int, y: int, color: int | None = None, /) -> int | None:
        """Return the pixel's value, or set it; None beyond the edges."""
        if not (0 <= x < self.__width and 0 <= y < self.__height):
            return None
        row, row_shift = self.__rows[y]
        column, column_shift = self.__columns[x]
        index, shift = row + column, row_shift + column_shift
        if color is None:
            return int(self.__cells[index] >> shift & self.__mask)
        cell = self.__cells[index] & ~(self.__mask << shift)
        self.__cells[index] = cell | self.__value(color) << shift
        return None

    def hline(self, x: int, y: int, width: int, color: int, /) -> None:
        """Draw to the right from (x, y)."""
        self.fill_rect(x, y, width, 1, color)

    def vline(self, x: int, y: int, height: int, color: int, /) -> None:
        """Draw downwards from (x, y)."""
        self.fill_rect(x, y, 1, height, color)

    def rect(
        self, x: int, y: int, width: int, height: int, color: int, fill: bool = False, /
    ) -> None:
        """Draw a rectangle's outline, or all of it."""
        if fill:
            self.fill_rect(x, y, width, height, color)
            return
        self.hline(x, y, width, color)
        self.hline(x, y + height - 1, width, color)
        self.vline(x, y, height, color)
        self.vline(x + width - 1, y, height, color)

    def fill_rect(self, x: int, y: int, width: int, height: int, color: int, /) -> None:
        """Set every pixel of a rectangle."""
        rows = _bits(self.__rows[max(y, 0) : max(y + height, 0)])
        columns = _bits(self.__columns[max(x, 0) : max(x + width, 0)])
        value, mask, cells = self.__value(color), self.__mask, self.__cells
        for row, row_bits in rows.items():
            for column, column_bits in columns.items():
                bits = row_bits * column_bits  # one pixel each: one of the two has one bit
                index = row + column
                cells[index] = cells[index] & ~(bits * mask) | bits * value

    def line(self, x1: int, y1: int, x2: int, y2: int, color: int, /) -> None:
        """Draw from (x1, y1) to (x2, y2), both included, by Bresenham's algorithm."""
        long, short = abs(x2 - x1), abs(y2 - y1)
        along = (1 if x2 > x1 else -1, 0)
        aside = (0, 1 if y2 > y1 else -1)
        if short > long:
            long, short, along, aside = short, long, aside, along
        error = 2 * short - long
        for _ in range(long):
            self.pixel(x1, y1, color)
            if error >= 0:
                x1, y1 = x1 + aside[0], y1 + aside[1]
                error -= 2 * long
            x1, y1 = x1 + along[0], y1 + along[1]
            error += 2 * short
        self.pixel(x2, y2, color)

    def blit(
        self,
        source: "FrameBuffer | Sequence[Any]",
        x: int,
        y: int,
        key: int = -1,
        palette: "FrameBuffer | Sequence[Any] | None" = None,
        /,
    ) -> None:
        """Copy `source` to (x, y), a FrameBuffer or the arguments of one.

        Its values are looked up in the first row of `palette`; one equal to `key` after
        that is transparent.
        """
        source = _frame(source)
        if key < 0 and palette is None and self.__lines_up(source, x, y):
            for row in range(0, source.__height, 8):
                start = self.__rows[y + row][0] + x
                base = source.__rows[row][0]
                self.__cells[start : start + source.__width] = source.__cells[
                    base : base + source.__width
                ]
            return
        colors: Sequence[int] = range(source.__mask + 1)
        if palette is not None:
            palette = _frame(palette)
            colors = [palette.pixel(i, 0) or 0 for i in range(palette.__width)]
        values = colors
        if self.__is_mono or max(colors, default=0) > self.__mask:
            values = [self.__value(color) for color in colors]
        rows = self.__rows[max(y, 0) : max(y + source.__height, 0)]
        columns = self.__columns[max(x, 0) : max(x + source.__width, 0)]
        first = max(-x, 0)
        source_columns = source.__columns[first:][: len(columns)]
        columns = columns[: len(source_columns)]
        cells, mask, source_cells = self.__cells, self.__mask, source.__cells
        source_mask = source.__mask
        # A row at once where no pixel depends on an earlier one: colour panels need the speed.
        is_plain = self.__is_plain and key < 0 and cells.obj is not source_cells.obj
        eights = layers = None
        if is_plain and source.__is_mono and len(values) > 1:
            if not source.__is_vertical:
                eights = _eights(cells.format, source.__columns[0][1] == 0, values[0], values[1])
            elif cells.format == "B":
                layers = _layers(values[0], values[1])
        for (row, row_shift), (base, base_shift) in zip(
            rows, source.__rows[max(-y, 0) :], strict=False
        ):
            if is_plain and columns:
                start, count = row + columns[0][0], len(columns)
                if eights is not None:
                    packed = source_cells[base + first // 8 : base + (first + count + 7) // 8]
                    parts = array(cells.format, b"".join([eights[byte] for byte in packed]))
                    run = parts[first % 8 : first % 8 + count]
                elif layers is not None:
                    packed = source_cells[base + first : base + first + count]
                    run = array("B", bytes(packed).translate(layers[base_shift]))
                else:
                    run = array(
                        cells.format,
                        [
                            values[source_cells[base + column] >> base_shift + shift & source_mask]
                            for column, shift in source_columns
                        ],
                    )
                cells[start : start + count] = run
                continue
            for (column, shift), (source_column, source_shift) in zip(
                columns, source_columns, strict=True
            ):
                cell = source_cells[base + source_column]
                pixel = cell >> base_shift + source_shift & source_mask
                if colors[pixel] != key:
                    index = row + column
                    shift += row_shift
                    cells[index] = cells[index] & ~(mask << shift) | values[pixel] << shift

    def __lines_up(self, source: "FrameBuffer", x: int, y: int) -> bool:
        """Whether `source` covers whole cells, which are copied at once, as in pages of text."""
        return (
            self.__is_vertical
            and source.__is_vertical
            and y % 8 == source.__height % 8 == 0
            and 0 <= x <= self.__width - source.__width
            and 0 <= y <= self.__height - source.__height
            and self.__cells.obj is not source.__cells.obj
        )

    def scroll(self, dx: int, dy: int, /) -> None:
        """Move the picture; what it leaves behind stays as it is."""
        across = range(max(dx, 0), self.__width + min(dx, 0))
        down = range(max(dy, 0), self.__height + min(dy, 0))
        for y in down if dy < 0 else reversed(down):
            for x in across if dx < 0 else reversed(across):
                self.pixel(x, y, self.pixel(x - dx, y - dy))

    def text(self, text: str, x: int, y: int, color: int = 1, /) -> None:
        """Draw characters of 8 x 8 pixels, without a background."""
        for place, character in enumerate(text):
            for row, bits in enumerate(_glyph(character)):
                for column in range(_CHARACTER):
                    if bits >> column & 1:
                        self.pixel(x + place * _CHARACTER + column, y + row, color)

    def __value(self, color: int) -> int:
        """The bits of a pixel of that colour."""
        return int(color != 0) if self.__is_mono else color & self.__mask

    @classmethod
    def _reading(cls, arguments: Sequence[Any]) -> "FrameBuffer":
        """A FrameBuffer of these arguments whose buffer need not be writable."""
        if not isinstance(arguments, tuple | list):
            raise TypeError(f"object {type(arguments).__name__!r} isn't a tuple or list")
        if not 4 <= len(arguments) <= 5:
            raise ValueError("a frame has 4 or 5 parts")
        frame = cls.__new__(cls)
        frame.__attach(*arguments)
        return frame


def _frame(source: FrameBuffer | Sequence[Any]) -> FrameBuffer:
    return source if isinstance(source, FrameBuffer) else FrameBuffer._reading(source)


def _bits(places: list[_Place]) -> dict[int, int]:
    """The lowest bits of the pixels in each cell."""
    found: dict[int, int] = {}
    for index, shift in places:
        found[index] = found.get(index, 0) | 1 << shift
    return found


@lru_cache
def _eights(cell: str, is_lowest_left: bool, dark: int, lit: int) -> list[bytes]:
    """The cells of eight pixels beside each other, for each byte that may hold them."""
    bits = range(8) if is_lowest_left else range(7, -1, -1)
    return [
        array(cell, [lit if byte >> bit & 1 else dark for bit in bits]).tobytes()
        for byte in range(256)
    ]


@lru_cache
def _layers(dark: int, lit: int) -> list[bytes]:
    """For each of eight pixels above each other, its cell for each byte that may hold them."""
    return [bytes(lit if byte >> bit & 1 else dark for byte in range(256)) for bit in range(8)]


@lru_cache
def _glyph(character: str) -> tuple[int, ...]:
    """The rows of a character from Pillow's font, the leftmost pixel in bit 0."""
    from PIL import Image, ImageDraw, ImageFont

    # Its glyphs are 6 x 11 pixels; their first two rows are empty in ASCII.
    picture = Image.new("1", (_CHARACTER, _CHARACTER))
    known = character if " " <= character <= "~" else "?"
    ImageDraw.Draw(picture).text((1, -2), known, 1, ImageFont.load_default_imagefont())
    return tuple(
        sum(1 << x for x in range(_CHARACTER) if picture.getpixel((x, y)))
        for y in range(_CHARACTER)
    )
