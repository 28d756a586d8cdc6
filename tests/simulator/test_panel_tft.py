"""The colour controllers: what their command streams make of the glass, by the datasheets."""

import pytest
from PIL import Image

from keyfob_host.boards import Display
from keyfob_sim.hardware.panels import make_panel

SIZES = {"st7789": (240, 320), "ili9341": (240, 320), "ili9342": (320, 240)}
MIRRORED = ("ili9341",)  # by the way the chip is bonded to the glass

# Command and arguments a line, as modules' makers have them: one for each of SIZES.
INITS = {
    "st7789": """01
        11
        36 00
        3A 55
        B2 0C 0C 00 33 33
        B7 35
        BB 19
        C0 2C
        C2 01 FF
        C3 12
        C4 20
        C6 0F
        D0 A4 A1
        E0 D0 04 0D 11 13 2B 3F 54 4C 18 0D 0B 1F 23
        E1 D0 04 0C 11 13 2C 3F 44 51 2F 1F 1F 20 23
        21
        13
        29""",
    "ili9341": """01
        CB 39 2C 00 34 02
        CF 00 C1 30
        E8 85 00 78
        EA 00 00
        ED 64 03 12 81
        F7 20
        C0 23
        C1 10
        C5 3E 28
        C7 86
        36 48
        37 00 00
        3A 55
        B1 00 18
        B6 08 82 27
        F2 00
        26 01
        E0 0F 31 2B 0C 0E 08 4E F1 37 07 10 03 0E 09 00
        E1 00 0E 14 03 11 07 31 C1 48 08 0F 0C 31 36 0F
        11
        29""",
    "ili9342": """01
        C8 FF 93 42
        C0 12 12
        C1 03
        C5 F2
        B0 E0
        F6 01 00 00
        E0 00 0C 11 04 11 08 37 89 4C 06 0C 0A 2E 34 0F
        E1 00 0B 11 05 13 09 33 67 48 07 0E 0B 2E 33 0F
        B6 08 82 1D 04
        36 08
        3A 55
        21
        11
        29""",
}
# What the glass of each initialisation is like.
INVERTED = ("st7789", "ili9342")
BGR = ("ili9341", "ili9342")

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
RED_565, GREEN_565, BLUE_565 = b"\xf8\x00", b"\x07\xe0", b"\x00\x1f"
WHITE_565 = b"\xff\xff"
SIX = [RED, GREEN, BLUE, (255, 255, 0), (0, 255, 255), (255, 0, 255)]
SIX_565 = bytes.fromhex("f800 07e0 001f ffe0 07ff f81f")


def make(controller, size=None, rotation=0, left=0, top=0, inverted=False, bgr=False):
    size = size or SIZES[controller]
    return make_panel(Display(controller, *size, rotation, left, top, inverted, bgr, None, None))


def send(panel, code, arguments=b""):
    panel.transfer(bytes([code]), False)
    panel.transfer(arguments if isinstance(arguments, bytes) else bytes.fromhex(arguments), True)


def window(panel, left, top, right, bottom):
    send(panel, 0x2A, left.to_bytes(2, "big") + right.to_bytes(2, "big"))
    send(panel, 0x2B, top.to_bytes(2, "big") + bottom.to_bytes(2, "big"))


def switch_on(panel):
    for code, arguments in ((0x11, ""), (0x29, ""), (0x3A, "55")):
        send(panel, code, arguments)


def wake(panel, madctl=0):
    """Out of sleep, on, 16 bits a pixel, and memory black."""
    switch_on(panel)
    send(panel, 0x2C, bytes(2 * panel.columns * panel.rows))
    send(panel, 0x36, bytes([madctl]))
    return panel


@pytest.fixture(params=SIZES)
def panel(request):
    """Any controller, awake and black, showing memory as the datasheet draws it."""
    return wake(make(request.param))


def at(panel, x, y):
    """The colour of memory's column x and row y, as it is on the glass."""
    picture = panel.image()
    if panel.display.controller in MIRRORED:
        x = picture.width - 1 - x
    return picture.getpixel((x, y))


def coloured(panel):
    """Every pixel of the glass that is not black, by its place in memory."""
    picture = panel.image()
    assert picture.mode == "RGB"
    left, top, right, bottom = picture.getbbox() or (0, 0, 0, 0)
    places = [(x, y) for y in range(top, bottom) for x in range(left, right)]
    found = {place: picture.getpixel(place) for place in places}
    if panel.display.controller in MIRRORED:
        found = {(picture.width - 1 - x, y): colour for (x, y), colour in found.items()}
    return {place: colour for place, colour in found.items() if colour != BLACK}


@pytest.mark.parametrize("controller", SIZES)
def test_an_initialised_panel_shows_a_known_picture(controller):
    panel = make(controller, inverted=controller in INVERTED, bgr=controller in BGR)
    for line in INITS[controller].splitlines():
        code, *arguments = bytes.fromhex(line)
        send(panel, code, bytes(arguments))
    columns, rows = SIZES[controller]
    window(panel, 0, 0, columns - 1, rows - 1)
    send(panel, 0x2C, b"\xff\xff" * (columns * rows))
    window(panel, 10, 20, 12, 21)
    send(panel, 0x2C, SIX_565)
    assert panel.faults == []
    expected = Image.new("RGB", (columns, rows), WHITE)
    for n, colour in enumerate(SIX):
        expected.putpixel((10 + n % 3, 20 + n // 3), colour)
    assert panel.image().tobytes() == expected.tobytes()


def test_before_initialisation_it_is_black_and_its_memory_noise():
    panel = make("st7789")
    assert panel.image().getbbox() is None
    send(panel, 0x11)
    assert panel.image().getbbox() is None
    send(panel, 0x29)
    noise = panel.image()
    assert len(noise.getcolors(noise.width * noise.height)) > 60_000
    other = make("st7789")
    send(other, 0x29)
    send(other, 0x11)
    assert other.image().tobytes() == noise.tobytes()


def test_resets(panel):
    send(panel, 0x2C, RED_565)
    send(panel, 0x21)
    panel.reset()
    assert panel.image().getbbox() is None
    send(panel, 0x11)
    send(panel, 0x29)
    assert coloured(panel) == {(0, 0): RED}
    panel.power_off()
    send(panel, 0x11)
    send(panel, 0x29)
    assert len(coloured(panel)) > 0.92 * panel.columns * panel.rows


def test_a_software_reset_keeps_the_memory_the_address_mode_and_the_pixel_format(panel):
    send(panel, 0x36, b"\xa0")
    window(panel, 5, 6, 7, 8)
    send(panel, 0x2C, BLUE_565)
    for code in (0x21, 0x39, 0x01):
        send(panel, code)
    assert panel.image().getbbox() is None
    send(panel, 0x11)
    send(panel, 0x29)
    rows = panel.rows
    blue = {(6, rows - 1 - 5): BLUE}
    assert coloured(panel) == blue
    send(panel, 0x2C, RED_565 * rows + GREEN_565)  # the window is all of it, MV still on
    assert at(panel, 0, 0) == RED
    assert at(panel, 1, rows - 1) == GREEN
    panel.reset()
    send(panel, 0x11)
    send(panel, 0x29)
    send(panel, 0x2C, bytes.fromhex("FC 00 00"))  # now 18 bits, MV off
    assert at(panel, 0, 0) == RED
    assert panel.faults == []


def test_after_a_software_reset_the_window_is_all_of_memory(panel):
    window(panel, 5, 6, 7, 8)
    send(panel, 0x01)
    switch_on(panel)
    columns, rows = SIZES[panel.display.controller]
    send(panel, 0x2C, bytes(2 * (columns * rows - 1)) + RED_565)
    assert coloured(panel) == {(columns - 1, rows - 1): RED}
    assert panel.faults == []


# Commands and arguments


def test_sleep_display_off_and_backlight(panel):
    send(panel, 0x2C, RED_565)
    for off, on in ((0x10, 0x11), (0x28, 0x29)):
        send(panel, off)
        assert panel.image().getbbox() is None
        send(panel, on)
        assert coloured(panel) == {(0, 0): RED}
    panel.lit = False
    assert panel.image().getbbox() is None
    panel.lit = True
    assert coloured(panel) == {(0, 0): RED}


def test_arguments_and_pixels_may_be_cut_anywhere(panel):
    panel.transfer(b"\x2a", False)
    for byte in bytes.fromhex("0003 0005"):
        panel.transfer(bytes([byte]), True)
    panel.transfer(b"\x2b", False)
    panel.transfer(b"\x00\x04\x00", True)
    panel.transfer(b"\x05", True)
    panel.transfer(b"\x2c", False)
    for start in range(0, 12, 5):
        panel.transfer(SIX_565[start : start + 5], True)
    places = [(3, 4), (4, 4), (5, 4), (3, 5), (4, 5), (5, 5)]
    assert coloured(panel) == dict(zip(places, SIX, strict=True))
    assert panel.faults == []


@pytest.mark.parametrize(
    ("stream", "fault"),
    [
        ([("07", "")], "unknown command 0x07"),
        ([("2A", "0000 00"), ("00", "")], "command 0x2a with 3 arguments of 4"),
        ([("2A", "0000 0001 00")], "command 0x2a with more than 4 arguments"),
        ([("29", "00")], "command 0x29 with more than 0 arguments"),
        ([("36", ""), ("00", "")], "command 0x36 with 0 arguments of 1"),
        ([("2A", "0005 0004")], "columns from 5 back to 4"),
        ([("2B", "0005 0004")], "rows from 5 back to 4"),
        ([("2C", "F800 F8"), ("00", "")], "a pixel cut off"),
        ([("3A", "53")], "COLMOD 0x53 is neither 16 nor 18 bits"),
        ([("36", "03")], "MADCTL 0x03"),
        ([("3C", "F800")], "memory write continued from nowhere"),
        ([("2C", "F800"), ("2A", "0001 0002"), ("3C", "F800")], "memory write continued"),
        ([("33", "0000 00C8 0000")], "a scroll area of 0 + 200 + 0 of"),
        ([("37", "0140")], "a scroll to 320, outside 0 to"),
        ([("30", "0000 0140")], "a partial area from 0 to 320 of"),
    ],
)
def test_what_a_real_panel_would_not_do_is_noted(panel, stream, fault):
    for code, arguments in stream:
        send(panel, int(code, 16), arguments)
    assert len(panel.faults) == 1
    assert panel.faults[0].startswith(fault)


def test_data_before_any_command():
    panel = make("ili9341")
    panel.transfer(b"\x01\x02", True)
    assert panel.faults == ["data before any command"]


def test_an_unknown_command_swallows_its_data(panel):
    send(panel, 0x2C, RED_565)
    send(panel, 0x07, "2C 00 00")
    assert panel.faults == ["unknown command 0x07"]
    assert coloured(panel) == {(0, 0): RED}


def test_faults_are_noted_once_and_a_hundred_at_most(panel):
    for start in range(1, 120):
        for _ in range(2):
            window(panel, start, start, 0, 0)
    assert len(panel.faults) == 100
    assert len(set(panel.faults)) == 100


VENDOR = {
    "st7789": {
        1: "B5 B7 BA BB BC BD C0 C3 C4 C5 C6 C7 C8 CA CC D2 E7 E8 EC",
        2: "B0 C2 D0 FC FE",
        3: "B1 B3 C1 E4 E9",
        4: "B8 DF FA",
        5: "B2",
        14: "E0 E1",
        64: "E2 E3",
    },
    "ili9341": {
        1: "B0 B4 B7 B8 B9 BA BB BC BE BF C0 C1 C7 F2 F7",
        2: "B1 B2 B3 C5 D0 EA",
        3: "B6 CF D1 E8 E9 F6",
        4: "B5 ED",
        5: "CB",
        15: "E0 E1",
        16: "E2",
        64: "E3",
        128: "2D",
    },
    "ili9342": {
        1: "B0 B4 B7 B8 B9 BA BB BC BE BF C1 C2 C5",
        2: "B1 B2 B3 C0 D0",
        3: "B6 C8 D1 F6",
        4: "B5",
        15: "E0 E1",
        16: "E2",
        64: "E3",
        128: "2D",
    },
}
STANDARD = {
    0: "00 04 09 0A 0F 13 34 38 45 52 DA DC",
    1: "26 35 51 53 55 5E",
    2: "44",
    4: "30",
}


@pytest.mark.parametrize(
    ("controller", "code", "count"),
    [
        (controller, int(code, 16), count)
        for controller in SIZES
        for table in (VENDOR[controller], STANDARD)
        for count, codes in table.items()
        for code in codes.split()
    ],
)
def test_known_commands_take_their_arguments(controller, code, count):
    panel = make(controller)
    switch_on(panel)
    send(panel, code, bytes(count))
    send(panel, 0x2C, RED_565)
    assert panel.faults == []
    assert at(panel, 0, 0) == RED
    if count:
        send(panel, code, bytes(count - 1))
        send(panel, 0x00)
        assert panel.faults == [f"command {code:#04x} with {count - 1} arguments of {count}"]


# What can be seen or answers, and so is not in the tables above.
OTHERS = "01 0B 0C 0D 0E 10 11 12 20 21 28 29 2A 2B 2C 2E 33 36 37 39 3A 3C 3E 54 56 5F DB"


@pytest.mark.parametrize("controller", SIZES)
def test_every_other_command_is_unknown(controller):
    tables = [*VENDOR[controller].values(), *STANDARD.values(), OTHERS]
    known = {int(code, 16) for codes in tables for code in codes.split()}
    panel = make(controller)
    for code in range(256):
        panel.reset()
        panel.faults.clear()
        send(panel, code)
        expected = [] if code in known else [f"unknown command {code:#04x}"]
        assert [fault for fault in panel.faults if fault.startswith("unknown")] == expected


def test_reads_may_be_clocked_out(panel):
    send(panel, 0x04, bytes(4))
    send(panel, 0x2E, bytes(100))
    assert panel.faults == []


# Addresses


# By the datasheets' figures: where the first pixel goes (0 near, 1 at the far end), and where
# the next one to its right and the next one below lie from there.
ORIENTATIONS = {
    0x00: ((0, 0), (1, 0), (0, 1)),
    0x40: ((1, 0), (-1, 0), (0, 1)),
    0x80: ((0, 1), (1, 0), (0, -1)),
    0xC0: ((1, 1), (-1, 0), (0, -1)),
    0x20: ((0, 0), (0, 1), (1, 0)),
    0x60: ((1, 0), (0, 1), (-1, 0)),
    0xA0: ((0, 1), (0, -1), (1, 0)),
    0xE0: ((1, 1), (0, -1), (-1, 0)),
}


def from_orientation(panel, madctl, x, y):
    """Where in memory the writer's x and y are."""
    (far_x, far_y), right, below = ORIENTATIONS[madctl]
    origin = far_x * (panel.columns - 1), far_y * (panel.rows - 1)
    return tuple(o + x * r + y * b for o, r, b in zip(origin, right, below, strict=True))


@pytest.mark.parametrize("madctl", ORIENTATIONS)
def test_madctl_maps_addresses(panel, madctl):
    send(panel, 0x36, bytes([madctl]))
    window(panel, 7, 11, 9, 12)
    send(panel, 0x2C, SIX_565)
    places = [(7 + n % 3, 11 + n // 3) for n in range(6)]
    placed = [from_orientation(panel, madctl, x, y) for x, y in places]
    assert coloured(panel) == dict(zip(placed, SIX, strict=True))
    columns, rows = SIZES[panel.display.controller]
    across, down = (rows, columns) if madctl & 0x20 else (columns, rows)
    window(panel, 0, 0, across - 1, down - 1)
    send(panel, 0x2C, bytes(2 * (across * down - 1)) + GREEN_565)
    last = from_orientation(panel, madctl, across - 1, down - 1)
    assert coloured(panel) == {last: GREEN}
    assert panel.faults == []


def test_a_change_of_madctl_leaves_what_is_in_memory(panel):
    send(panel, 0x2C, RED_565)
    send(panel, 0x36, b"\xe0")
    assert coloured(panel) == {(0, 0): RED}


def test_without_a_window_all_of_memory_is_written(panel):
    columns, rows = SIZES[panel.display.controller]
    send(panel, 0x2C, RED_565 * (columns * rows - 1) + BLUE_565)
    assert sorted(panel.image().getcolors()) == [(1, BLUE), (columns * rows - 1, RED)]
    assert at(panel, columns - 1, rows - 1) == BLUE
    assert panel.faults == []


def test_too_many_pixels_begin_again_at_the_windows_start(panel):
    window(panel, 1, 1, 2, 1)
    send(panel, 0x2C, RED_565 * 2)
    assert panel.faults == []
    panel.transfer(BLUE_565, True)
    assert coloured(panel) == {(1, 1): BLUE, (2, 1): RED}
    assert panel.faults == ["more pixels than the window holds"]


@pytest.mark.parametrize("controller", ["ili9341", "ili9342"])
def test_too_many_pixels_are_lost_if_told_so(controller):
    panel = wake(make(controller))
    send(panel, 0xF6, "00 00 00")
    window(panel, 1, 1, 2, 1)
    send(panel, 0x2C, RED_565 * 2 + BLUE_565 * 2)
    assert coloured(panel) == {(1, 1): RED, (2, 1): RED}
    assert panel.faults == ["more pixels than the window holds"]


@pytest.mark.parametrize("madctl", ORIENTATIONS)
@pytest.mark.parametrize("cut", [1, 18])
def test_what_of_a_window_is_past_memory_is_lost(panel, madctl, cut):
    across, down = panel.columns, panel.rows
    if madctl & 0x20:
        across, down = down, across
    send(panel, 0x36, bytes([madctl]))
    window(panel, across - 2, down - 2, across, down)
    send(panel, 0x2C)
    pixels = SIX_565 + WHITE_565 * 3
    for start in range(0, len(pixels), cut):
        panel.transfer(pixels[start : start + cut], True)
    places = [(across - 2 + n % 3, down - 2 + n // 3) for n in (0, 1, 3, 4)]
    colours = [SIX[n] for n in (0, 1, 3, 4)]
    placed = [from_orientation(panel, madctl, x, y) for x, y in places]
    assert coloured(panel) == dict(zip(placed, colours, strict=True))
    assert panel.faults == [f"a window past {across} x {down} pixels"]


@pytest.mark.parametrize("madctl", ORIENTATIONS)
def test_a_window_may_end_just_before_the_last_column(panel, madctl):
    across = panel.rows if madctl & 0x20 else panel.columns
    send(panel, 0x36, bytes([madctl]))
    window(panel, across - 4, 0, across - 2, 1)
    send(panel, 0x2C, SIX_565)
    places = [(across - 4 + n % 3, n // 3) for n in range(6)]
    placed = [from_orientation(panel, madctl, x, y) for x, y in places]
    assert coloured(panel) == dict(zip(placed, SIX, strict=True))
    assert panel.faults == []


def test_whether_a_window_is_past_memory_depends_on_madctl_when_it_is_written(panel):
    columns, rows = SIZES[panel.display.controller]
    window(panel, 0, 0, rows - 1, columns - 1)
    send(panel, 0x36, b"\x20")
    send(panel, 0x2C, RED_565)
    assert panel.faults == []
    send(panel, 0x36, b"\x00")
    send(panel, 0x2C, RED_565)
    is_square = columns == rows
    assert panel.faults == ([] if is_square else [f"a window past {columns} x {rows} pixels"])


def test_a_write_cannot_go_on_over_a_reset(panel):
    send(panel, 0x2C, RED_565)
    send(panel, 0x01)
    send(panel, 0x3C, RED_565)
    assert panel.faults == ["memory write continued from nowhere"]


def test_a_write_goes_on_where_the_last_one_stopped(panel):
    window(panel, 3, 0, 4, 9)
    send(panel, 0x2C, RED_565 * 3)
    send(panel, 0x00)
    send(panel, 0x3C, GREEN_565 * 2)
    assert coloured(panel) == {(3, 0): RED, (4, 0): RED, (3, 1): RED, (4, 1): GREEN, (3, 2): GREEN}
    send(panel, 0x2C, BLUE_565)
    assert at(panel, 3, 0) == BLUE
    assert panel.faults == []


# Colours


def test_sixteen_bits_a_pixel(panel):
    send(panel, 0x2C, bytes.fromhex("0000 FFFF F800 07E0 001F 8410"))
    grey = (132, 130, 132)
    places = {(1, 0): WHITE, (2, 0): RED, (3, 0): GREEN, (4, 0): BLUE, (5, 0): grey}
    assert coloured(panel) == places


def test_eighteen_bits_a_pixel(panel):
    send(panel, 0x3A, b"\x66")
    panel.transfer(b"\x2c", False)
    for run in ("FC 00", "00 00 FF 03 0B 80", "FC 80 40 20"):
        panel.transfer(bytes.fromhex(run), True)
    places = {(0, 0): RED, (1, 0): GREEN, (2, 0): (8, 130, 255), (3, 0): (130, 65, 32)}
    assert coloured(panel) == places


def test_little_endian():
    for controller, command in (("st7789", (0xB0, "00 F8")), ("ili9341", (0xF6, "01 00 20"))):
        panel = wake(make(controller))
        send(panel, *command)
        send(panel, 0x2C, bytes.fromhex("00F8"))
        assert coloured(panel) == {(0, 0): RED}


@pytest.mark.parametrize("controller", SIZES)
def test_inversion_is_true_on_a_glass_that_wants_it(controller):
    for inverted in (False, True):
        panel = wake(make(controller, inverted=inverted))
        send(panel, 0x2C, RED_565)
        for code, is_on in ((0x20, False), (0x21, True)):
            send(panel, code)
            expected = RED if is_on == inverted else (0, 255, 255)
            assert at(panel, 0, 0) == expected


@pytest.mark.parametrize("controller", SIZES)
def test_blue_and_red_change_places_on_a_glass_that_has_them_so(controller):
    for bgr in (False, True):
        panel = wake(make(controller, bgr=bgr))
        send(panel, 0x2C, RED_565 + GREEN_565)
        for madctl, is_on in ((b"\x00", False), (b"\x08", True)):
            send(panel, 0x36, madctl)
            assert at(panel, 0, 0) == (RED if is_on == bgr else BLUE)
            assert at(panel, 1, 0) == GREEN


def test_idle_mode_has_eight_colours(panel):
    send(panel, 0x2C, bytes.fromhex("7BEF 8410 FBE0"))
    send(panel, 0x39)
    assert coloured(panel) == {(1, 0): WHITE, (2, 0): RED}
    send(panel, 0x38)
    assert at(panel, 0, 0) == (123, 125, 123)


# From memory to the glass


def mark_rows(panel):
    """Give each row of memory a colour of its own in its first column."""
    send(panel, 0x36, b"\x00")
    window(panel, 0, 0, 0, panel.rows - 1)
    send(panel, 0x2C, b"".join((row + 1).to_bytes(2, "big") for row in range(panel.rows)))


def shown_rows(panel):
    """The row of memory that each line shows, None for a blank one."""
    column = panel.columns - 1 if panel.display.controller in MIRRORED else 0
    picture = panel.image()
    rows = []
    for line in range(picture.height):
        red, green, blue = picture.getpixel((column, line))
        mark = (red >> 3) << 11 | (green >> 2) << 5 | blue >> 3
        rows.append(mark - 1 if mark else None)
    return rows


def test_vertical_scrolling(panel):
    rows = panel.rows
    mark_rows(panel)
    assert shown_rows(panel) == [*range(rows)]
    send(panel, 0x33, b"".join(n.to_bytes(2, "big") for n in (10, rows - 30, 20)))
    send(panel, 0x37, "000F")
    middle = [*range(15, rows - 20), *range(10, 15)]
    scrolled = [*range(10), *middle, *range(rows - 20, rows)]
    assert shown_rows(panel) == scrolled
    send(panel, 0x36, b"\x10")  # ML: from the bottom
    assert shown_rows(panel) == [rows - 1 - row for row in reversed(scrolled)]
    send(panel, 0x36, b"\x00")
    send(panel, 0x13)
    assert shown_rows(panel) == [*range(rows)]
    assert panel.faults == []
    send(panel, 0x37, "0009")
    assert shown_rows(panel) == [*range(rows)]
    assert panel.faults == [f"a scroll to 9, outside 10 to {rows - 21}"]


def test_partial_mode(panel):
    rows = panel.rows
    mark_rows(panel)
    send(panel, 0x30, "0005 0014")
    assert shown_rows(panel) == [*range(rows)]
    send(panel, 0x12)
    middle = [None] * 5 + [*range(5, 21)] + [None] * (rows - 21)
    assert shown_rows(panel) == middle
    send(panel, 0x21)
    assert panel.image().getpixel((0, 0)) == BLACK
    send(panel, 0x20)
    send(panel, 0x36, b"\x10")  # ML: from the bottom
    assert shown_rows(panel) == [
        None if row is None else rows - 1 - row for row in reversed(middle)
    ]
    send(panel, 0x36, b"\x00")
    send(panel, 0x30, "0014 0005")
    assert shown_rows(panel) == [*range(6)] + [None] * 14 + [*range(20, rows)]
    send(panel, 0x30, "0005 0005")
    assert shown_rows(panel) == [None] * 5 + [5] + [None] * (rows - 6)
    send(panel, 0x13)
    assert shown_rows(panel) == [*range(rows)]
    assert panel.faults == []


@pytest.mark.parametrize("controller", ["ili9341", "ili9342"])
def test_shift_and_scan_direction_of_ili(controller):
    panel = wake(make(controller))
    send(panel, 0x2C, RED_565)
    columns, rows = SIZES[controller]
    for bits, place in ((0x20, (columns - 1, 0)), (0x40, (0, rows - 1)), (0x00, (0, 0))):
        send(panel, 0xB6, bytes([0x0A, 0x82 | bits, 0x27, 0x04]))
        assert coloured(panel) == {place: RED}
    assert panel.faults == []


@pytest.mark.parametrize("controller", ["ili9341", "ili9342"])
def test_the_interface_register_turns_bits_of_madctl_round(controller):
    panel = wake(make(controller))
    send(panel, 0xF6, "49 00 00")
    send(panel, 0x2C, RED_565)
    assert coloured(panel) == {(SIZES[controller][0] - 1, 0): BLUE}
    send(panel, 0x36, b"\x48")
    send(panel, 0x2C, GREEN_565 + RED_565)
    assert (at(panel, 0, 0), at(panel, 1, 0)) == (GREEN, RED)
    assert panel.faults == []


def test_a_glass_that_is_smaller_than_memory():
    panel = wake(make("st7789", (135, 240), left=52, top=40))
    window(panel, 52, 40, 52 + 134, 40 + 239)
    send(panel, 0x2C, RED_565 + GREEN_565 * (135 * 240 - 2) + BLUE_565)
    window(panel, 51, 39, 51, 39)
    send(panel, 0x2C, b"\xff\xff")
    assert panel.image().size == (135, 240)
    assert coloured(panel) == {(x, y): GREEN for x in range(135) for y in range(240)} | {
        (0, 0): RED,
        (134, 239): BLUE,
    }


def test_an_ili9341_glass_has_its_first_source_at_the_right():
    panel = wake(make("ili9341"), madctl=0x40)
    send(panel, 0x2C, RED_565)
    assert panel.image().getpixel((0, 0)) == RED


# The picture was turned clockwise by MADCTL: MX and MV for one quarter, and so on.
@pytest.mark.parametrize(
    ("rotation", "madctl", "left", "top"),
    [(0, 0x00, 52, 40), (1, 0x60, 40, 53), (2, 0xC0, 53, 40), (3, 0xA0, 40, 52)],
)
def test_rotation_turns_the_picture_back(rotation, madctl, left, top):
    size = (240, 135) if rotation % 2 else (135, 240)
    panel = wake(make("st7789", size, rotation, 52, 40), madctl)
    window(panel, left + 7, top + 11, left + 9, top + 12)
    send(panel, 0x2C, SIX_565)
    assert panel.image().size == size
    assert coloured(panel) == {(7 + n % 3, 11 + n // 3): colour for n, colour in enumerate(SIX)}
    assert panel.faults == []


def test_changes_grow(panel):
    seen = [panel.changes]
    for act in (
        lambda: send(panel, 0x2C, RED_565),
        lambda: send(panel, 0x21),
        lambda: setattr(panel, "lit", False),
        panel.reset,
        panel.power_off,
    ):
        act()
        seen.append(panel.changes)
    assert seen == sorted(set(seen))
    panel.image()
    assert panel.changes == seen[-1]


@pytest.mark.parametrize("controller", SIZES)
def test_a_glass_must_fit_the_memory(controller):
    columns, rows = SIZES[controller]
    make(controller, (columns - 10, rows), left=10)
    make(controller, (rows, columns - 10), rotation=1, left=10)
    turned = [] if columns == rows else [{"rotation": 1}]
    for wrong in ({"left": 1}, {"top": 1}, *turned):
        with pytest.raises(ValueError, match=rf"larger than the memory of {controller}"):
            make(controller, **wrong)


def test_a_controller_without_a_model():
    with pytest.raises(ValueError, match=r"no model of vt100; there are ssd1306, sh1106, st7789"):
        make_panel(Display("vt100", 80, 24, 0, 0, 0, False, False, None, None))
