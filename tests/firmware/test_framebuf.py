"""framebuf draws what this file says, in the VM and in the simulator's stand-in alike.

Drawing by the thousand is compared with a model that knows nothing but single pixels.
"""

import framebuf
import support
from framebuf import GS2_HMSB, GS4_HMSB, GS8, MONO_HLSB, MONO_HMSB, MONO_VLSB, RGB565, FrameBuffer

# Format: bits of a pixel, what a row's length is a multiple of, and where a pixel is: byte and
# shift, from x, y and the stride.
FORMATS = {
    MONO_VLSB: (1, 1, lambda x, y, s: (x + y // 8 * s, y % 8)),
    MONO_HLSB: (1, 8, lambda x, y, s: ((x + y * s) // 8, 7 - x % 8)),
    MONO_HMSB: (1, 8, lambda x, y, s: ((x + y * s) // 8, x % 8)),
    GS2_HMSB: (2, 4, lambda x, y, s: ((x + y * s) // 4, x % 4 * 2)),
    GS4_HMSB: (4, 2, lambda x, y, s: ((x + y * s) // 2, 4 - x % 2 * 4)),
    GS8: (8, 1, lambda x, y, s: (x + y * s, 0)),
    RGB565: (16, 1, lambda x, y, s: ((x + y * s) * 2, 0)),
}


class Dice:
    """Numbers that are the same in every run and runtime."""

    def __init__(self, seed):
        self._state = seed

    def between(self, low, high):
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return low + (self._state >> 8) % (high - low + 1)


class Model:
    """A picture that is changed one pixel at a time, and packed into bytes when asked."""

    def __init__(self, width, height, format, stride, background):
        self.size = (width, height)
        self.bits, step, self._place = FORMATS[format]
        self._stride = (stride + step - 1) // step * step
        self._background = background
        self.pixels = [[self._read(x, y) for x in range(width)] for y in range(height)]

    def _read(self, x, y):
        index, shift = self._place(x, y, self._stride)
        if self.bits == 16:
            return self._background[index] | self._background[index + 1] << 8
        return self._background[index] >> shift & ((1 << self.bits) - 1)

    def packed(self):
        data = bytearray(self._background)
        for y, row in enumerate(self.pixels):
            for x, value in enumerate(row):
                index, shift = self._place(x, y, self._stride)
                if self.bits == 16:
                    data[index], data[index + 1] = value & 0xFF, value >> 8
                else:
                    mask = (1 << self.bits) - 1
                    data[index] = data[index] & ~(mask << shift) | value << shift
        return data

    def set(self, x, y, color):
        if 0 <= x < self.size[0] and 0 <= y < self.size[1]:
            mask = (1 << self.bits) - 1
            self.pixels[y][x] = int(color != 0) if self.bits == 1 else color & mask

    pixel = set

    def fill(self, color):
        self.fill_rect(0, 0, self.size[0], self.size[1], color)

    def fill_rect(self, x, y, width, height, color):
        for row in range(max(y, 0), min(y + height, self.size[1])):
            for column in range(max(x, 0), min(x + width, self.size[0])):
                self.set(column, row, color)

    def hline(self, x, y, width, color):
        self.fill_rect(x, y, width, 1, color)

    def vline(self, x, y, height, color):
        self.fill_rect(x, y, 1, height, color)

    def rect(self, x, y, width, height, color, fill=False):
        self.fill_rect(x, y, width, height if fill else 1, color)
        if not fill:
            self.fill_rect(x, y + height - 1, width, 1, color)
            self.fill_rect(x, y, 1, height, color)
            self.fill_rect(x + width - 1, y, 1, height, color)

    def blit(self, source, x, y, key=-1, palette=None):
        width, height = source.size
        for row in range(height):
            for column in range(width):
                if not (0 <= x + column < self.size[0] and 0 <= y + row < self.size[1]):
                    continue
                color = source.pixels[row][column]
                if palette is not None:
                    color = palette.pixels[0][color]
                if color != key:
                    self.set(x + column, y + row, color)

    def scroll(self, dx, dy):
        before = [list(row) for row in self.pixels]
        for y in range(self.size[1]):
            for x in range(self.size[0]):
                if 0 <= x - dx < self.size[0] and 0 <= y - dy < self.size[1]:
                    self.pixels[y][x] = before[y - dy][x - dx]


class Pair:
    """A frame of random size and content, and its model."""

    def __init__(self, dice, format, width=None, height=None):
        self.width = width or dice.between(1, 37)
        self.height = height or dice.between(1, 19)
        self.bits, step, _ = FORMATS[format]
        stride = self.width + dice.between(0, 1) * dice.between(1, 9)
        row = (stride + step - 1) // step * step
        rows = (self.height + 7) // 8 * 8 if format == MONO_VLSB else self.height
        size = row * rows * self.bits // 8 + dice.between(0, 2)
        self.buffer = bytearray(dice.between(0, 255) for _ in range(size))
        self.parts = (self.buffer, self.width, self.height, format, stride)
        self.frame = FrameBuffer(*self.parts)
        self.model = Model(self.width, self.height, format, stride, bytes(self.buffer))

    def draw(self, dice, call, *arguments):
        getattr(self.frame, call)(*arguments)
        getattr(self.model, call)(*arguments)
        assert self.buffer == self.model.packed(), (self.parts[1:], call, arguments)


def _numbers(dice, count):
    """Coordinates and sizes in and around a frame, and a colour."""
    return [dice.between(-9, 41) for _ in range(count)] + [dice.between(0, 0x1FFFF)]


def _drawings(dice, format):
    pair = Pair(dice, format)
    for call, count in (
        ("fill", 0),
        ("pixel", 2),
        ("pixel", 2),
        ("hline", 3),
        ("vline", 3),
        ("rect", 4),
        ("fill_rect", 4),
    ):
        pair.draw(dice, call, *_numbers(dice, count))
    pair.draw(dice, "rect", *(_numbers(dice, 4) + [True]))
    pair.draw(dice, "scroll", dice.between(-12, 12), dice.between(-9, 9))
    pair.draw(dice, "scroll", dice.between(-12, 12), 0)
    pair.draw(dice, "scroll", 0, dice.between(-9, 9))


def _blits(dice, format, source_format):
    pair = Pair(dice, format)
    source = Pair(dice, source_format)
    bits = FORMATS[source_format][0]
    palettes = [None]
    if bits <= 4:
        palettes.append(Pair(dice, format, 1 << bits, dice.between(1, 2)))
    for palette in palettes:
        frame_palette, model_palette = (palette.frame, palette.model) if palette else (None, None)
        for drawn, colors, key in (
            (source.frame, frame_palette, dice.between(0, (1 << bits) - 1)),
            (source.parts, palette and palette.parts, -1),
        ):
            at = (dice.between(-12, 40), dice.between(-12, 20), key)
            pair.frame.blit(drawn, *(at + (colors,)))
            pair.model.blit(source.model, *(at + (model_palette,)))
            assert pair.buffer == pair.model.packed(), (format, source_format, at)


def test_sweep_drawing_is_what_single_pixels_would_make():
    for seed in range(400 if support.WHOLE else 12):
        for format in FORMATS:
            _drawings(Dice(seed), format)


def test_sweep_blit_copies_between_all_formats():
    for seed in range(80 if support.WHOLE else 6):
        for format in FORMATS:
            for source_format in FORMATS:
                _blits(Dice(seed * 7 + 1), format, source_format)


def test_blit_of_whole_cells_onto_whole_cells_and_between_them():
    dice = Dice(5)
    for _ in range(100):
        pair = Pair(dice, MONO_VLSB, 37, 24)
        source = Pair(dice, MONO_VLSB, None, 8 * dice.between(1, 3))
        x, y = dice.between(-3, 37), 4 * dice.between(-2, 6)
        pair.frame.blit(source.frame, x, y)
        pair.model.blit(source.model, x, y)
        assert pair.buffer == pair.model.packed(), (x, y)


def test_a_pixel_is_read_as_it_was_set_and_beyond_the_edges_there_is_none():
    for format, (bits, _, _) in FORMATS.items():
        frame = FrameBuffer(bytearray(128), 8, 8, format)
        assert frame.pixel(3, 5) == 0
        assert frame.pixel(3, 5, (1 << bits) - 1) is None
        assert frame.pixel(3, 5) == (1 << bits) - 1
        assert frame.pixel(2, 5) == frame.pixel(4, 5) == frame.pixel(3, 4) == 0
        for x, y in ((-1, 0), (0, -1), (8, 0), (0, 8)):
            assert frame.pixel(x, y) is None
            assert frame.pixel(x, y, 1) is None


def test_a_frame_blitted_onto_itself_is_copied_while_it_changes():
    buffer = bytearray(b"\x01\x02\x03\x04\x05\x06")
    frame = FrameBuffer(buffer, 6, 1, GS8)
    frame.blit(frame, 2, 0)
    assert buffer == b"\x01\x02\x01\x02\x01\x02"
    buffer[:] = b"\x01\x02\x03\x04\x05\x06"
    frame.blit(frame, -2, 0)
    assert buffer == b"\x03\x04\x05\x06\x05\x06"


def test_lines_go_the_same_way_everywhere():
    expected = {
        (0, 0, 6, 2): ((0, 0), (1, 0), (2, 1), (3, 1), (4, 1), (5, 2), (6, 2)),
        (6, 2, 0, 0): ((6, 2), (5, 2), (4, 1), (3, 1), (2, 1), (1, 0), (0, 0)),
        (1, 6, 3, 0): ((1, 6), (1, 5), (2, 4), (2, 3), (2, 2), (3, 1), (3, 0)),
        (4, 4, 4, 4): ((4, 4),),
        (5, 1, 1, 5): ((5, 1), (4, 2), (3, 3), (2, 4), (1, 5)),
        (-2, 1, 3, 1): ((0, 1), (1, 1), (2, 1), (3, 1)),
        (2, -3, 2, 9): ((2, 0), (2, 1), (2, 2), (2, 3), (2, 4), (2, 5), (2, 6), (2, 7)),
        (6, 0, 9, 1): ((6, 0), (7, 0)),
    }
    for ends, points in expected.items():
        frame = FrameBuffer(bytearray(8), 8, 8, MONO_HLSB)
        frame.line(*(ends + (1,)))
        seen = [(x, y) for y in range(8) for x in range(8) if frame.pixel(x, y)]
        assert seen == sorted(points, key=lambda point: (point[1], point[0])), ends


def _line(x1, y1, x2, y2):
    """The points of a line: as far aside as the true one, rounded, a half away from the start."""
    long, short = abs(x2 - x1), abs(y2 - y1)
    across, down = 1 if x2 > x1 else -1, 1 if y2 > y1 else -1
    if short > long:
        return {(x, y) for y, x in _line(y1, x1, y2, x2)}
    return {
        (x1 + across * i, y1 + down * ((2 * i * short + long) // (2 * long or 1)))
        for i in range(long + 1)
    }


def test_sweep_lines_are_the_nearest_points_to_the_true_one():
    dice = Dice(5)
    frame = FrameBuffer(bytearray(40 * 24 // 8), 40, 24, MONO_HLSB)
    for _ in range(2000 if support.WHOLE else 100):
        ends = [dice.between(-15, 55) for _ in range(4)]
        frame.fill(0)
        frame.line(*(ends + [1]))
        seen = {(x, y) for y in range(24) for x in range(40) if frame.pixel(x, y)}
        assert seen == {(x, y) for x, y in _line(*ends) if 0 <= x < 40 and 0 <= y < 24}, ends


def test_text_fills_cells_of_eight_pixels_and_leaves_the_background():
    for format in (MONO_VLSB, MONO_HLSB, RGB565):
        frame = FrameBuffer(bytearray(64 * 24 * 2), 64, 24, format)
        frame.fill(0)
        frame.text("H H", 8, 8)
        lit = [(x, y) for y in range(24) for x in range(64) if frame.pixel(x, y)]
        assert lit and all(8 <= x < 32 and 8 <= y < 16 for x, y in lit)
        assert not any(16 <= x < 24 for x, y in lit)
        first = [(x, y) for x, y in lit if x < 16]
        assert [(x + 16, y) for x, y in first] == [(x, y) for x, y in lit if x >= 24]
        assert {frame.pixel(x, y) for x, y in lit} == {1}
        frame.text("H H", 8, 8, 0)
        assert not any(frame.pixel(x, y) for x, y in lit)
        frame.text("H", -100, 8)
        frame.text("H", 60, 20)
        frame.text("äß\x00\x7f", 0, 0)


def _error(kind, call, *arguments):
    try:
        call(*arguments)
    except kind:
        return True
    return False


def test_a_buffer_may_end_where_the_last_pixel_does():
    for format, width, height, stride, size in (
        (MONO_VLSB, 8, 8, 8, 8),
        (MONO_VLSB, 4, 9, 9, 13),
        (MONO_HLSB, 5, 8, 5, 8),
        (MONO_HLSB, 5, 8, 9, 15),
        (MONO_HMSB, 9, 2, 9, 4),
        (GS2_HMSB, 5, 2, 5, 4),
        (GS4_HMSB, 3, 1, 3, 2),
        (GS8, 3, 2, 5, 8),
        (RGB565, 2, 2, 5, 14),
    ):
        FrameBuffer(bytearray(size), width, height, format, stride)
        short = bytearray(size - 1)
        assert _error(ValueError, FrameBuffer, short, width, height, format, stride), format
        frame = FrameBuffer(bytearray(64), 8, 8, MONO_HLSB)
        frame.blit((bytes(size), width, height, format, stride), 0, 0)
        assert _error(
            ValueError, frame.blit, (bytes(size - 1), width, height, format, stride), 0, 0
        )


def test_wrong_arguments_are_refused():
    buffer = bytearray(64)
    for arguments in ((0, 8, 0), (8, 0, 0), (8, -1, 0), (-1, 8, 0), (8, 8, 9), (8, 8, 0, 7)):
        assert _error(ValueError, FrameBuffer, buffer, *arguments), arguments
    assert _error(TypeError, FrameBuffer, bytes(64), 8, 8, 0)
    frame = FrameBuffer(buffer, 8, 8, 0)
    assert _error(TypeError, frame.blit, 3, 0, 0)
    assert _error(ValueError, frame.blit, (buffer, 8, 8), 0, 0)
    assert framebuf.MVLSB == MONO_VLSB


def test_a_display_derives_from_it():
    class Display(FrameBuffer):
        def __init__(self):
            self.width, self.height = 8, 8
            self.buffer = bytearray(8)
            super().__init__(self.buffer, 8, 8, MONO_VLSB)

    display = Display()
    display.fill(1)
    assert display.buffer == b"\xff" * 8
    other = FrameBuffer(bytearray(8), 8, 8, MONO_HLSB)
    other.blit(display, 0, 0)
    assert other.pixel(7, 7) == 1
