"""The screens of colour panels: everything on the glass, apart, and in colours of its own."""

import sys

import framebuf
import support

from keyfob.ui import colours, face, qr, screen_table, texts, typeface
from keyfob.ui.qr_fit import largest_symbol
from keyfob.ui.screens import Screens
from keyfob.ui.time_bar import Drawn
from keyfob.ui.time_ring import Ring

SIZES = ((135, 240), (240, 135), (170, 320), (240, 240), (320, 240))
ADDRESS = "https://example.okta.com/activate"
CODE = {
    "user_code": "RSIK-KRAM",
    "verification_uri": ADDRESS,
    "verification_uri_complete": ADDRESS + "?user_code=RSIK-KRAM",
    "expires_in": 900,
}
MEMBERS = {
    "account": "Ana Beispiel-Müller",
    "kind": "tls",
    "message": "auth.example-company.com is not trusted: the certificate has expired",
    "hint": "check the CA certificate, the host name and the clock",
    "ssid": "Vodafone-Gast 5A2C",
    "name": "Wohnzimmer",
    "value": "21.5",
    "button": "left",
}


class Panel(framebuf.FrameBuffer):
    """A colour panel in memory that lets nothing be drawn beyond its edges."""

    def __init__(self, width, height):
        self.width = width
        self.height = height
        self.buffer = bytearray((width + 7) // 8 * height)
        self.parts = []  # left, top, width, height, background, foreground
        self.boxes = []  # of glyphs and pictures: left, top, width, height
        self.shows = 0
        super().__init__(self.buffer, width, height, framebuf.MONO_HLSB)

    def fill_rect(self, x, y, width, height, colour):
        assert 0 <= x < x + width <= self.width, (x, width)
        assert 0 <= y < y + height <= self.height, (y, height)
        super().fill_rect(x, y, width, height, colour)

    def tint(self, x, y, width, height, background, foreground):
        if (width, height) == (self.width, self.height):
            self.parts = []
            self.boxes = []
        assert 0 <= x < x + width <= self.width, (x, width)
        assert 0 <= y < y + height <= self.height, (y, height)
        self.parts.append((x, y, width, height, background, foreground))

    def show(self):
        self.shows += 1


class Recorder:
    """Stands in for a font's glyphs: keeps the lines that are drawn, as (text, font, box)."""

    def __init__(self):
        self.lines = []
        self._draw = typeface.Font.draw

    def __enter__(self):
        recorder = self

        def draw(font, panel, text, x, baseline):
            width = font.width(text)
            assert x >= 0 and x + width <= panel.width, (text, x, width)
            assert font.height <= baseline <= panel.height, (text, baseline)
            recorder.lines.append(
                (text, font._file, x, baseline - font.height, width, font.height)
            )
            recorder._draw(font, panel, text, x, baseline)

        typeface.Font.draw = draw
        return self

    def __exit__(self, *_):
        typeface.Font.draw = self._draw


def symbol_of(panel, text):
    try:
        return qr.encode(text, "L", largest_symbol(panel))
    except ValueError:
        return None


def composed(size, name, members, language="en", whole=900, page=0):
    """The panel, what was drawn, and the lines of a screen."""
    panel = Panel(*size)
    is_code = name in ("user_code", "offline")
    symbol = symbol_of(panel, members["verification_uri_complete"]) if is_code else None
    items = texts.items(name, members, language, texts.COLOURED)
    with Recorder() as recorder:
        look = screen_table.row(name)[3]
        drawn = face.compose(panel, items, symbol, look, whole if is_code else None, page)
    return panel, drawn, recorder.lines


def all_pages(size, name, members, language="en"):
    found = []
    count = 1
    while len(found) < count:
        panel, drawn, lines = composed(size, name, members, language, page=len(found))
        count = drawn.count
        assert drawn.page == len(found)
        found.append((panel, lines))
    return found


def overlap(one, other):
    return (
        one[0] < other[0] + other[2]
        and other[0] < one[0] + one[2]
        and one[1] < other[1] + other[3]
        and other[1] < one[1] + one[3]
    )


def squeezed(text):
    return "".join(text.split())


def members_of(name, **others):
    return dict(CODE if name in ("user_code", "offline") else {}, **dict(MEMBERS, **others))


def languages():
    """All of them, but on a board in `make test`: what lays texts out is the same for each."""
    is_sample = sys.implementation.name == "micropython" and not support.WHOLE
    return ("en", "de", "pl") if is_sample else texts.languages()


def test_every_screen_says_all_of_it_in_every_language():
    for size in SIZES:
        for language in languages():
            for name in screen_table.names():
                members = members_of(name, left="{left}")
                pages = all_pages(size, name, members, language)
                said = squeezed("".join([line[0] for _, lines in pages for line in lines]))
                for text, sign in texts.items(name, members, language, texts.COLOURED):
                    if sign in ("", "!", "*", "-", "#"):
                        assert squeezed(text) in said, (size, name, text)
                    if sign == "@":
                        assert squeezed(text)[8:] in said and "https" not in said, (size, name)


def test_texts_keep_apart_and_off_the_edges():
    for size in SIZES:
        margin = 8 if size[0] < 280 else 16
        for language in languages():
            for name in screen_table.names():
                for panel, lines in all_pages(size, name, members_of(name), language):
                    boxes = [line[2:] for line in lines]
                    for index, box in enumerate(boxes):
                        assert box[0] >= margin and box[0] + box[2] <= size[0] - margin, lines
                        assert not [b for b in boxes[:index] if overlap(b, box)], (name, lines)
                    light = [part[:4] for part in panel.parts if part[5] == 0xFFFF]
                    for box in boxes:
                        assert not [part for part in light if overlap(part, box)], (name, lines)


def test_at_most_two_sizes_of_text_and_one_of_the_code():
    for size in SIZES:
        for name in screen_table.names():
            for _, lines in all_pages(size, name, members_of(name)):
                fonts = {line[1] for line in lines}
                assert len(fonts - {typeface.CODE, typeface.HUGE}) <= 2, (name, lines)
                assert len(fonts) <= 3, (name, lines)


def test_the_code_is_on_one_line_and_the_sentence_of_safety_beside_it():
    for size in SIZES:
        for code in ("RSIK-KRAM", "WWWW-MMMM", "0O1I5S8B"):
            for name in ("user_code", "offline"):
                members = members_of(name, user_code=code)
                pages = all_pages(size, name, members)
                assert len(pages) == 1 or name == "offline", (size, name, code)
                lines = [[line[0] for line in lines] for _, lines in pages]
                assert all(code in page for page in lines), (size, name, lines)
                assert "Only if you hold this device" in " ".join(lines[-1]), (size, name, lines)


def test_a_wide_panel_has_the_largest_code_the_steps_and_the_title():
    _, _, lines = composed((320, 240), "user_code", members_of("user_code"))
    assert ("RSIK-KRAM", typeface.HUGE) in [line[:2] for line in lines]
    said = [line[0] for line in lines]
    assert said[0] == "Link this device"
    assert "Scan, or open" in said and "Check the code" in said


def test_the_symbol_is_whole_and_in_light():
    for size in SIZES:
        panel, _, _ = composed(size, "user_code", members_of("user_code"))
        (light,) = [part for part in panel.parts if part[5] == 0xFFFF]
        x, y, side = light[:3]
        bitmap, modules = symbol_of(panel, CODE["verification_uri_complete"])
        module = side // (modules + 8)
        assert module >= 3 and side == light[3] == module * (modules + 8), size
        stride = (modules + 7) // 8
        for row in range(-4, modules + 4):
            for column in range(-4, modules + 4):
                is_inside = 0 <= row < modules and 0 <= column < modules
                is_dark = is_inside and bitmap[row * stride + column // 8] >> (7 - column % 8) & 1
                left, top = x + (column + 4) * module, y + (row + 4) * module
                assert panel.pixel(left, top) == (not is_dark), (size, row, column)


def test_longer_codes_and_addresses_than_anybody_sends_are_whole():
    address = "https://auth.example-company.com/" + "device/" * 30
    for size in SIZES:
        for code in ("W" * 20, "0123456789-" * 4, "Äöü-ÄÖÜ"):
            members = members_of("user_code", user_code=code, verification_uri=address)
            members["verification_uri_complete"] = address + "?user_code=" + code
            pages = all_pages(size, "user_code", members)
            said = "".join([line[0] for _, lines in pages for line in lines])
            assert code in said and address[8:] in said.replace(code, ""), (size, code)


def test_a_long_message_is_spread_over_pages_and_none_is_cut():
    words = " ".join(["word%d" % number for number in range(90)])
    for size in SIZES:
        pages = all_pages(size, "error", members_of("error", message=words))
        assert len(pages) > 1, size
        said = " ".join([line[0] for _, lines in pages for line in lines])
        said = said.replace(" Something is wrong ", " ").replace(" Something is wrong ", " ")
        assert words in said, size


def test_the_time_left_is_a_bar_that_shrinks_without_taking_memory():
    panel, drawn, _ = composed((135, 240), "user_code", members_of("user_code"))
    x, y, width, height, _, _ = panel.parts[-1]
    assert (x, width, height) == (8, 119, 4) and y + height <= 232
    for seconds, lit in ((900, 119), (450, 59), (1, 1), (0, 1), (1200, 119)):
        drawn.draw(0, seconds)
        assert sum([panel.pixel(x + column, y) for column in range(width)]) == lit, seconds
    if sys.implementation.name == "micropython":
        import micropython

        plain = framebuf.FrameBuffer(bytearray(135 * 30), 135, 240, framebuf.MONO_VLSB)
        drawn = Drawn(plain, 0, 1, (8, 200, 119), 900)
        micropython.heap_lock()
        try:
            drawn.draw(0, 60)
        finally:
            micropython.heap_unlock()
    panel, drawn, _ = composed((135, 240), "user_code", members_of("user_code"), whole=None)
    before = bytes(panel.buffer)
    drawn.draw(0, 60)
    assert bytes(panel.buffer) == before


def test_every_screen_has_its_accent():
    accents = dict(zip(("wait", "good", "trouble"), colours.ACCENTS))
    for size in SIZES:
        for name in screen_table.names():
            panel, _, _ = composed(size, name, members_of(name))
            tone = screen_table.row(name)[3].split()[0]
            used = {part[5] for part in panel.parts} & set(colours.ACCENTS)
            assert used <= {accents[tone]}, (size, name)
            assert used or not members_of(name), (size, name)


def test_a_tick_is_seen_across_the_room():
    for size in SIZES:
        for name in ("linked", "idle"):
            panel, _, _ = composed(size, name, members_of(name, account="Ana Alves"))
            assert [part for part in panel.parts if part[2:4] == (72, 72)], (size, name)


def test_letters_that_are_easily_confused_differ():
    for number in (typeface.TEXT, typeface.LARGE, typeface.CODE, typeface.HUGE):
        font = typeface.Font(number)
        shapes = {}
        for char in "0O1Il5S8B2ZGCQD":
            panel = Panel(64, 64)
            font.draw(panel, char, 10, 48)
            shapes[char] = bytes(panel.buffer)
        assert len(set(shapes.values())) == len(shapes), number
        for one, other in ("0O", "1I", "1l", "Il", "5S", "8B"):
            pixels = sum([_ones(a ^ b) for a, b in zip(shapes[one], shapes[other])])
            assert pixels >= (3 if number == typeface.TEXT else 6), (number, one, other)


def _ones(byte):
    return sum([byte >> bit & 1 for bit in range(8)])


def test_letters_with_descenders_go_below_the_line():
    for number in (typeface.TEXT, typeface.LARGE):
        font = typeface.Font(number)
        for char in "gjpqy":
            panel = Panel(64, 64)
            font.draw(panel, char, 10, 40)
            assert [x for x in range(64) for y in range(40, 48) if panel.pixel(x, y)], char


def test_a_name_in_any_latin_alphabet_has_its_letters():
    for number in (typeface.TEXT, typeface.LARGE):
        font = typeface.Font(number)
        unknown = _drawn(font, "?")
        for name in (
            "Łódź",
            "Ağrı",
            "Žižek",
            "Kővágó",
            "Šķēle",
            "Þórður",
            "Ștefan",
            "Ñandú",
            "Çelik",
        ):
            for at in range(len(name)):
                assert _drawn(font, name[at : at + 1]) != unknown, name
        assert _drawn(font, "中") == unknown


def _drawn(font, char):
    panel = Panel(64, 64)
    font.draw(panel, char, 10, 40)
    return bytes(panel.buffer)


def test_a_panel_of_colours_gets_it_from_screens_page_by_page():
    panel = Panel(135, 240)
    view = Screens(panel, button="left")
    view.show("error", dict(MEMBERS, message="word " * 120, fatal=True))
    assert view._pages > 1
    first = bytes(panel.buffer)
    wait = view.update(0)
    assert wait == 5_000
    view.update(5_000)
    assert view._page == 1 and bytes(panel.buffer) != first
    for step in range(2, view._pages + 1):
        view.update(step * 5_000)
    assert bytes(panel.buffer) == first
    view.show("idle", {"account": "Ana"})
    assert view._picture is None


def test_a_panel_of_colours_keeps_the_accents_of_a_name():
    for account, shown in (("Łódź Ağrı", "Łódź Ağrı"), ("Ελένη <e@example.gr>", "e@example.gr")):
        with Recorder() as recorder:
            Screens(Panel(320, 240)).show("linked", {"account": account})
        assert shown in [line[0] for line in recorder.lines]


def test_without_the_files_of_the_typeface_the_plain_letters_do():
    real = typeface._FILES
    typeface._FILES = real.replace("text", "nobody")
    try:
        panel = Panel(135, 240)
        view = Screens(panel)
        view.show("linked", {"account": "Ana"})
        assert not view._is_coloured and any(panel.buffer)
    finally:
        typeface._FILES = real


class RoundPanel(Panel):
    """The same behind a round glass."""

    round = True

    def __init__(self):
        Panel.__init__(self, 240, 240)


def round_pages(name, members, language="en", whole=900):
    """Of each page the panel, what was drawn, and the lines."""
    found = []
    count = 1
    while len(found) < count:
        panel = RoundPanel()
        is_code = name in ("user_code", "offline")
        symbol = symbol_of(panel, members["verification_uri_complete"]) if is_code else None
        items = texts.items(name, members, language, texts.COLOURED)
        with Recorder() as recorder:
            look = screen_table.row(name)[3]
            page = len(found)
            drawn = face.compose(panel, items, symbol, look, whole if is_code else None, page)
        count = drawn.count
        assert drawn.page == page
        found.append((panel, drawn, recorder.lines))
    return found


def is_within(box, radius):
    x, y, width, height = box
    far = max(120 - x, x + width - 120), max(120 - y, y + height - 120)
    return far[0] * far[0] + far[1] * far[1] <= radius * radius


def outside():
    """The bits of a picture of 240x240 that lie beyond a circle of that size, as one number."""
    bits = 0
    for y in range(240):
        away = max(120 - y, y - 119)
        half = int((14_400 - away * away) ** 0.5)
        bits = bits << 240 | ((1 << 240) - 1) ^ (((1 << 2 * half) - 1) << (120 - half))
    return bits


def test_a_round_panel_says_all_of_it_within_its_circle():
    beyond = outside()
    for language in languages():
        for name in screen_table.names():
            members = members_of(name, left="{left}")
            pages = round_pages(name, members, language)
            said = squeezed("".join([line[0] for page in pages for line in page[2]]))
            for text, sign in texts.items(name, members, language, texts.COLOURED):
                if sign in ("", "!", "*", "-", "#"):
                    assert squeezed(text) in said, (name, text)
            for panel, _, lines in pages:
                boxes = [line[2:] for line in lines]
                light = [part[:4] for part in panel.parts if part[5] == 0xFFFF]
                for index, box in enumerate(boxes):
                    assert is_within(box, 106), (name, lines)
                    assert not [b for b in boxes[:index] if overlap(b, box)], (name, lines)
                    assert not [part for part in light if overlap(part, box)], (name, lines)
                assert not int.from_bytes(panel.buffer, "big") & beyond, (name, language)


def test_a_round_panel_shows_the_largest_symbol_that_its_circle_holds():
    versions = set()
    for extra in (0, 1, 4, 9, 13, 16):
        address = ADDRESS + "?user_code=" + "RSIK-KRAM" * extra if extra else "https://a.example/d"
        members = members_of("user_code", verification_uri_complete=address)
        panel, _, _ = round_pages("user_code", members)[0]
        bitmap, modules = symbol_of(panel, address)
        versions.add((modules - 17) // 4)
        module = max([m for m in range(3, 9) if (m * (modules + 8)) ** 2 <= 2 * 120**2])
        (x, y, width, _, _, _) = next(part for part in panel.parts if part[5] == 0xFFFF)
        assert width == module * (modules + 8), (address, width)
        x = 120 - width // 2
        assert is_within((x, y, width, width), 120)
        stride = (modules + 7) // 8
        for row in range(-4, modules + 4):
            for column in range(-4, modules + 4):
                is_inside = 0 <= row < modules and 0 <= column < modules
                is_dark = is_inside and bitmap[row * stride + column // 8] >> (7 - column % 8) & 1
                left, top = x + (column + 4) * module, y + (row + 4) * module
                assert panel.pixel(left, top) == (not is_dark), (row, column)
    assert min(versions) == 1 and max(versions) == largest_symbol(RoundPanel()) == 7


def test_a_round_panel_has_the_code_on_one_line_and_the_sentence_of_safety():
    for code in ("RSIK-KRAM", "WWWW-MMMM", "0O1I5S8B"):
        for name in ("user_code", "offline"):
            pages = round_pages(name, members_of(name, user_code=code))
            assert len(pages) == 2, (name, code)
            lines = [line[0] for line in pages[1][2]]
            assert code in lines, (name, lines)
            assert "Only if you hold this device" in " ".join(lines), (name, lines)
            (number,) = [line[1] for line in pages[1][2] if line[0] == code]
            assert number >= typeface.CODE


def test_a_round_panel_cuts_nothing_however_long_it_is():
    address = "https://auth.example-company.com/" + "device/" * 30
    for code in ("W" * 20, "0123456789-" * 4, "Äöü-ÄÖÜ"):
        members = members_of("user_code", user_code=code, verification_uri=address)
        members["verification_uri_complete"] = address + "?user_code=" + code
        pages = round_pages("user_code", members)
        said = "".join([line[0] for page in pages for line in page[2]])
        assert code in said and address[8:] in said.replace(code, ""), code
    words = " ".join(["word%d" % number for number in range(90)])
    pages = round_pages("error", members_of("error", message=words))
    assert len(pages) > 1
    assert words in " ".join([line[0] for page in pages for line in page[2]])


def test_the_time_left_on_a_round_panel_is_a_ring_that_shrinks_without_taking_memory():
    panel, drawn, _ = round_pages("user_code", members_of("user_code"))[1]
    places = [(drawn._places[at], drawn._places[at + 1]) for at in range(0, 120, 2)]
    assert len(set(places)) == 60 and places[0] == (118, 4)
    for seconds, lit in ((900, 60), (450, 30), (1, 1), (0, 1), (1200, 60)):
        drawn.draw(1, seconds)
        assert [panel.pixel(x, y) for x, y in places] == [1] * lit + [0] * (60 - lit), seconds
    before = bytes(panel.buffer)
    drawn.draw(1, None)
    assert bytes(panel.buffer) == before
    panel, drawn, _ = round_pages("linked", members_of("linked"))[0]
    assert all(panel.pixel(x, y) for x, y in places)
    if sys.implementation.name == "micropython":
        import micropython

        class Plain(framebuf.FrameBuffer):
            width = 240

        plain = Plain(bytearray(7200), 240, 240, framebuf.MONO_HLSB)
        ring = Ring(plain, 0, 1, 900, True)
        micropython.heap_lock()
        try:
            ring.draw(0, 60)
        finally:
            micropython.heap_unlock()


def test_blank_lines_of_a_program_are_no_trouble():
    for panel in (RoundPanel(), Panel(135, 240)):
        members = dict(MEMBERS, message="one\n\n \nfour", name=" ")
        items = texts.items("value", members, "en", texts.COLOURED)
        face.compose(panel, items + [("a\n\nb", "?")], None, "good", None, 0)
