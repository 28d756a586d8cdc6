"""Text and symbol find their place on every panel: whole, apart, and large enough to be read."""

import random

import support

from keyfob.ui import fonts, latin, layout, qr, texts
from keyfob.ui.qr_fit import largest_symbol

SIZES = ((72, 40), (128, 32), (96, 64), (128, 64), (128, 128), (135, 240), (240, 240), (320, 240))
ADDRESS = "https://github.com/login/device"


class Panel:
    """A panel that remembers what was drawn: the square of light, dark modules, lines of text.

    The time left is remembered word by word, and its number digit by digit.
    """

    def __init__(self, width, height):
        self.width = width
        self.height = height
        self.light = None  # left, top, side
        self.dark = []  # left, top, width, height
        self.lines = []  # text, left, top, size
        self._in_text = False

    def fill_rect(self, x, y, width, height, colour):
        assert 0 <= x < x + width <= self.width
        assert 0 <= y < y + height <= self.height
        if self._in_text:
            assert colour == 1
        elif colour == 1:
            assert self.light is None and width == height
            self.light = x, y, width
        elif (
            self.light and x < self.light[0] + self.light[2] and y < self.light[1] + self.light[2]
        ):
            self.dark.append((x, y, width, height))

    def blit(self, canvas, x, y):
        if (canvas.width, canvas.height) == (self.width, self.height):
            self.light = canvas.light
            self.dark = canvas.dark
        self.lines = [(text, x + left, y + top, size) for text, left, top, size in canvas.lines]

    def draw_text(self, text, x, y, size):
        self._in_text = True
        real_draw(self, text, x, y, size)
        self._in_text = False
        self.lines.append((text, x, y, size))

    def draw_glyph(self, index, x, y, size, colour=1):
        is_digit = not self._in_text
        self._in_text = True
        real_draw_glyph(self, index, x, y, size, colour)
        if is_digit:
            self._in_text = False
            self.lines.append((chr(32 + index), x, y, size))


real_draw = fonts.draw
real_draw_glyph = fonts.draw_glyph
real_numbers = fonts.numbers
real_canvas = layout._canvas


def pages_of(size, items, symbol=None):
    """A Panel for each page of `items`, with 15 minutes left."""
    pages = []
    fonts.draw, fonts.draw_glyph, layout._canvas = Panel.draw_text, Panel.draw_glyph, Panel
    fonts.numbers = str  # so that Panel is told of texts
    try:
        panel = Panel(*size)
        picture = layout.compose(panel, items, symbol)
        for page in range(picture.count):
            picture.draw(page, 15 * 60)
            pages.append(copy_of(panel))
    finally:
        fonts.draw, fonts.draw_glyph, layout._canvas = real_draw, real_draw_glyph, real_canvas
        fonts.numbers = real_numbers
    return pages


def copy_of(panel):
    copy = Panel(panel.width, panel.height)
    copy.light, copy.dark = panel.light, panel.dark
    copy.lines = sorted(panel.lines, key=lambda line: (line[2], line[1]))  # as they are read
    return copy


def items_of(code, address, language="en"):
    members = {"user_code": code, "verification_uri": address, "left": "15 min"}
    return texts.items("user_code", members, language, texts.PLAIN)


def symbol_of(panel_size, address):
    version = min(10, largest_symbol(Panel(*panel_size)))
    return qr.encode(address, "L", version) if version else None


def check(pages, items):
    """Nothing is lost, said twice on a page, or in the way of anything else."""
    everything = ""
    for panel in pages:
        boxes = [panel.light + (panel.light[2],)] if panel.light else []
        for text, x, y, size in panel.lines:
            box = (x, y, len(text) * 6 * size - size, 7 * size)
            assert x >= 0 and box[0] + box[2] <= panel.width
            assert y >= 0 and box[1] + box[3] <= panel.height
            for left, top, width, height in boxes:
                assert (
                    box[0] >= left + width
                    or left >= box[0] + box[2]
                    or box[1] >= top + height
                    or top >= box[1] + box[3]
                )
            boxes.append(box)
        everything += "".join([line[0] for line in panel.lines])
    for text, sign in items:
        if sign in ("#", "@"):
            assert text in everything
        elif sign != "?":
            assert text.replace(" ", "") in everything.replace(" ", "")


def test_look_alikes_differ():
    groups = ("0ODQ", "1Il|", "5S", "8B", "2Z", "6Gb", "UV", "9gq", "CG", "EF", "vy", "cC", "sS")
    for group in groups:
        for one in group:
            for other in group:
                pairs = zip(fonts.glyph(one), fonts.glyph(other))
                different = sum([bin(a ^ b).count("1") for a, b in pairs])
                assert one == other or different >= 4, one + other


def test_every_glyph_is_unlike_the_others_and_leaves_the_gaps_free():
    characters = [chr(code) for code in range(32, 127)] + list(fonts._OTHERS + "\u4e2d")
    glyphs = [fonts.glyph(char) for char in characters]
    assert len(set(glyphs)) == len(glyphs)
    for glyph in glyphs:
        assert len(glyph) == 5
        assert all(bits < 128 for bits in glyph)


def test_what_there_is_no_glyph_for_is_a_box():
    box = fonts.glyph("\u4e2d")
    for char in ("\n", "\x7f", "ý", "€", "\U0001f511"):
        assert fonts.glyph(char) == box, char


def test_a_text_and_the_numbers_of_its_glyphs_are_drawn_alike():
    drawn = []

    class Canvas:
        def fill_rect(self, *box):
            drawn.append(box)

    text = "".join([chr(code) for code in range(32, 127)]) + "\n\u00fd\u20ac" + fonts._OTHERS
    fonts.draw(Canvas(), text, 3, 4, 2)
    by_text = drawn[:]
    drawn.clear()
    fonts.draw(Canvas(), fonts.numbers(text), 3, 4, 2)
    assert drawn == by_text != []


def test_accents_that_the_font_lacks_come_off_names_only():
    assert latin.legible("Ýr Škoda, Müller & Weiß", fonts.lacks) == "Yr Skoda, Müller & Weiß"
    pages = pages_of((128, 64), [("ý", "#"), ("Týr", "")])
    assert [line[0] for line in pages[0].lines] == ["ý", "Tyr"]


def test_a_letter_with_an_accent_is_its_own_glyph_or_another_s():
    box = fonts.glyph("\u4e2d")
    for code in range(0xC0, 0x100):
        char = chr(code)
        shown = latin.legible(char, fonts.lacks)
        assert shown and not fonts.lacks(shown), char
        assert (shown == char) == (fonts.glyph(char) != box), char


def test_a_glyph_is_drawn_in_any_size():
    class Canvas:
        def __init__(self, size):
            self.size = size
            self.drawn = set()

        def fill_rect(self, x, y, width, height, colour):
            assert width == self.size and height % self.size == colour == 0
            for row in range(y, y + height, self.size):
                self.drawn.add(((x - 3) // self.size, (row - 2) // self.size))

    for size in (1, 2, 5):
        canvas = Canvas(size)
        fonts.draw(canvas, "-L", 3, 2, size, 0)
        bar = {(1, 3), (2, 3), (3, 3)}
        stem = {(6, row) for row in range(7)}
        assert canvas.drawn == bar | stem | {(6 + column, 6) for column in range(5)}


def test_the_largest_symbol_has_modules_of_2_pixels_on_64_rows_and_of_3_above():
    for size, version in (
        ((72, 40), 0),
        ((128, 32), 0),
        ((128, 48), 1),
        ((128, 64), 3),
        ((64, 128), 3),
        ((80, 160), 1),
        ((135, 240), 6),
        ((240, 240), 15),
    ):
        assert largest_symbol(Panel(*size)) == version, size


def test_a_symbol_stands_in_light_on_every_page():
    for size in SIZES[3:]:
        for address in ("http://a.b", ADDRESS, ADDRESS + "?user_code=WDJB-MJHT"):
            symbol = symbol_of(size, address)
            pages = pages_of(size, items_of("WDJB-MJHT", ADDRESS), symbol)
            if size == (128, 128):
                del pages[1:]  # the symbol has one to itself
            for panel in pages:
                left, top, side = panel.light
                module = min([height for _, _, _, height in panel.dark])
                short = min(size)
                assert module >= (2 if short <= 64 else 3)
                first = min([x for x, _, _, _ in panel.dark])
                quiet = first - left
                assert quiet >= module
                if short > 64:
                    assert quiet == 4 * module
                else:
                    assert quiet == min(4 * module, (64 - symbol[1] * module) // 2)
                assert left + side - max([x + width for x, _, width, _ in panel.dark]) >= quiet
                assert min([y for _, y, _, _ in panel.dark]) - top == quiet
                assert top + side - max([y + height for _, y, _, height in panel.dark]) >= quiet


def test_room_goes_to_the_modules_before_the_text():
    symbol = symbol_of((320, 240), ADDRESS)
    (panel,) = pages_of((320, 240), items_of("WDJB-MJHT", ADDRESS), symbol)
    assert min([height for _, _, _, height in panel.dark]) == 5
    assert [size for _, _, _, size in panel.lines[:3]] == [4, 4, 2]


def test_the_modules_are_those_of_the_symbol():
    bitmap, size = symbol_of((240, 240), ADDRESS)
    (panel,) = pages_of((240, 240), items_of("WDJB-MJHT", ADDRESS), (bitmap, size))
    module = min([height for _, _, _, height in panel.dark])
    x0 = min([x for x, _, _, _ in panel.dark])
    y0 = min([y for _, y, _, _ in panel.dark])
    drawn = set()
    for x, y, width, _ in panel.dark:
        for column in range(width // module):
            drawn.add(((x - x0) // module + column, (y - y0) // module))
    stride = (size + 7) // 8
    for y in range(size):
        for x in range(size):
            is_dark = bitmap[y * stride + x // 8] >> (7 - x % 8) & 1
            assert ((x, y) in drawn) == bool(is_dark)


def test_a_panel_without_room_beside_a_symbol_shows_it_by_itself():
    symbol = symbol_of((96, 64), ADDRESS)
    first, *others = pages_of((96, 64), items_of("WDJB-MJHT", ADDRESS), symbol)
    assert first.light == (16, 0, 64)
    assert first.lines == []
    assert others
    for panel in others:
        assert panel.light is None and panel.lines


def test_a_code_is_as_large_as_there_is_room_for():
    (panel,) = pages_of((320, 240), [("WDJB-MJHT", "#")])
    assert [(text, size) for text, _, _, size in panel.lines] == [("WDJB-", 8), ("MJHT", 8)]
    for code, lines in (("WDJB-MJHT", ["WDJB-", "MJHT"]), ("WDJBSMJHTX", ["WDJBSMJHTX"])):
        symbol = symbol_of((128, 64), ADDRESS)
        panel = pages_of((128, 64), items_of(code, ADDRESS), symbol)[0]
        assert [line[0] for line in panel.lines[: len(lines)]] == lines
        assert panel.lines[0][3] == len(lines)


def test_an_address_is_cut_where_it_costs_no_line():
    assert layout._cut(ADDRESS, 12) == ["https://", "github.com/", "login/device"]
    assert layout._cut(ADDRESS, 11) == ["https://git", "hub.com/log", "in/device"]
    assert layout._cut("x" * 40, 11) == ["x" * 11, "x" * 11, "x" * 11, "x" * 7]
    assert layout._cut("short", 11) == ["short"]
    assert layout._cut("019-450-730", 8) == ["019-450-", "730"]
    assert layout._cut("019-450-730", 7) == ["019-", "450-730"]
    assert layout._cut("", 8) == [""]


def test_words_are_broken_only_where_there_is_no_other_way():
    assert layout._wrap("one two  three", 7, True) == ["one two", "three"]
    assert layout._wrap("one extraordinary", 7, True) is None
    assert layout._wrap("one extraordinary", 7, False) == ["one", "extraor", "dinary"]


def test_a_text_longer_than_a_page_goes_on_on_the_next():
    story = " ".join(["word%d" % number for number in range(60)])
    pages = pages_of((72, 40), [("Title", ""), (story, ""), ("The end", "")])
    read = [line[0] for panel in pages for line in panel.lines]
    assert " ".join(read) == "Title %s The end" % story


def test_what_may_be_left_out_appears_where_there_is_room():
    items = [("Title", ""), ("An aside", "?"), ("A code", "#")]
    (panel,) = pages_of((240, 240), items)
    assert "aside" in str(panel.lines)
    crowded = [("x" * 150, "@"), ("An aside " * 20, "?"), ("CODE", "#")]
    assert "aside" not in str([panel.lines for panel in pages_of((128, 64), crowded)])


def test_the_longest_code_and_address_are_whole_on_every_panel():
    for size in SIZES:
        for language in texts.languages():
            items = items_of("W" * 15, "https://login.example.com/oauth/device/x", language)
            symbol = symbol_of(size, "https://login.example.com/oauth/device/x")
            check(pages_of(size, items, symbol), items)


def test_longer_ones_than_anybody_sends_are_whole_too():
    for size in SIZES:
        items = items_of("X" * 200, ADDRESS * 20)
        check(pages_of(size, items), items)


def test_sweep_nothing_is_lost_or_overlaps():
    random.seed(20)
    for _ in range(400 if support.WHOLE else 25):
        size = random.randint(72, 320), random.randint(40, 240)
        code = "".join([chr(random.randint(33, 126)) for _ in range(random.randint(1, 15))])
        address = "http://" + "".join(
            [chr(random.randint(33, 126)) for _ in range(random.randint(4, 33))]
        )
        items = items_of(code, address, random.choice(texts.languages()))
        try:
            symbol = symbol_of(size, address)
        except ValueError:
            symbol = None
        check(pages_of(size, items, symbol), items)
