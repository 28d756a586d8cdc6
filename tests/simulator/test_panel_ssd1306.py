"""SSD1306: what its command stream makes of the glass, by the datasheet's tables."""

import pytest

from keyfob_host.boards import Display
from keyfob_sim.hardware.panels import make_panel

# Of a 128 x 64 module's datasheet: pump, remap, reversed scan, alternative COM pins.
INIT = """AE D5 80 A8 3F D3 00 40 8D 14 20 00 A1 C8 DA 12 81 CF D9 F1 DB 30 A4 A6
          21 00 7F 22 00 07 AF"""
EVERY_LINE = range(64)


def make(width=128, height=64, rotation=0, column_offset=0, row_offset=0, controller="ssd1306"):
    return make_panel(
        Display(
            controller,
            width,
            height,
            rotation,
            column_offset,
            row_offset,
            inverted=False,
            bgr=False,
            i2c=None,
            spi=None,
        )
    )


def command(panel, codes):
    panel.write(b"\x00" + bytes.fromhex(codes))


def data(panel, run):
    panel.write(b"\x40" + bytes(run))


@pytest.fixture
def panel():
    """Initialised and cleared, in horizontal mode, its pointers at the start."""
    panel = make()
    command(panel, INIT)
    data(panel, bytes(1024))
    return panel


def lit(panel):
    """Where the glass is lit, as x, y; everything else must be black."""
    picture = panel.image()
    assert picture.mode == "RGB"
    dots = [divmod(place, picture.width) for place in range(picture.width * picture.height)]
    pixels = picture.tobytes()
    colours = {(0, 0, 0), (255, 255, 255)}
    assert {tuple(pixels[at : at + 3]) for at in range(0, len(pixels), 3)} <= colours
    return {(x, y) for at, (y, x) in enumerate(dots) if pixels[at * 3]}


def number_lines(panel):
    """Write each RAM line's number into columns 0 to 5, a bit each, and light column 6."""
    for page in range(8):
        command(panel, f"21 00 06 22 {page:02x} {page:02x}")
        of_page = range(page * 8, page * 8 + 8)
        data(panel, [sum((n >> bit & 1) << (n % 8) for n in of_page) for bit in range(6)])
        data(panel, [0xFF])


def numbers(panel):
    """The RAM line that each row of the glass shows, None for one that is dark."""
    on = lit(panel)
    return [
        sum(((x, y) in on) << x for x in range(6)) if (6, y) in on else None
        for y in range(panel.image().height)
    ]


def test_an_initialised_panel_shows_a_known_picture(panel):
    rows = [0x81, 0x42, 0x24, 0x18]  # a cross of which the data has the upper half
    data(panel, rows)
    assert panel.faults == []
    assert panel.image().size == (128, 64)
    expected = {(x, y) for x, row in enumerate(rows) for y in range(8) if row >> y & 1}
    assert lit(panel) == expected


def test_before_initialisation_it_is_dark_and_its_memory_noise():
    panel = make()
    assert lit(panel) == set()
    command(panel, INIT)
    first = lit(panel)
    assert 3000 < len(first) < 5000
    other = make()
    command(other, INIT)
    assert lit(other) == first


def test_power_off_loses_the_picture_and_reset_keeps_it(panel):
    data(panel, b"\x01")
    panel.reset()
    assert lit(panel) == set()
    assert panel.oscillator == 0x80
    assert panel.contrast == 0x7F
    command(panel, INIT)
    assert lit(panel) == {(0, 0)}
    panel.power_off()
    assert lit(panel) == set()
    command(panel, INIT)
    assert len(lit(panel)) > 3000


# The bus


def test_control_bytes_for_single_pairs_and_streams_mixed(panel):
    panel.write(bytes.fromhex("80 21 80 05 80 7F C0 FF C0 0F 40 01 02"))
    assert panel.faults == []
    columns = {5: 0xFF, 6: 0x0F, 7: 0x01, 8: 0x02}
    assert lit(panel) == {(x, y) for x, b in columns.items() for y in range(8) if b >> y & 1}


def test_arguments_may_come_in_further_transactions(panel):
    for byte in ("81", "33", "D5", "F0"):
        panel.write(bytes.fromhex("80" + byte))
    assert panel.contrast == 0x33
    assert panel.oscillator == 0xF0
    assert panel.faults == []


def test_control_bytes_that_are_none(panel):
    panel.write(b"\x43\x01")
    panel.write(b"\x80")
    panel.write(b"\x40")
    panel.write(b"")
    assert panel.faults == ["control byte 0x43", "nothing after a control byte"]


def test_status(panel):
    assert panel.read(2) == b"\x00\x00"
    command(panel, "AE")
    assert panel.read(1) == b"\x40"


def test_on_spi_the_same():
    panel = make()
    panel.transfer(bytes.fromhex(INIT), False)
    panel.transfer(bytes(1023), True)
    panel.transfer(b"\x80", True)
    panel.transfer(b"\x21", False)
    panel.transfer(b"\x40", False)
    panel.transfer(b"\x7f", False)
    panel.transfer(b"\x01", True)
    assert lit(panel) == {(127, 63), (64, 0)}
    assert panel.faults == []


# By the datasheet, and 0xAD of its successors.
KNOWN = [
    *range(0x23),
    *(0x26, 0x27, 0x29, 0x2A, 0x2E, 0x2F),
    *range(0x40, 0x80),
    *(0x81, 0x8D, 0xA0, 0xA1, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xAD, 0xAE, 0xAF),
    *range(0xB0, 0xB8),
    *(0xC0, 0xC8, 0xD3, 0xD5, 0xD9, 0xDA, 0xDB, 0xE3),
]


def test_every_other_command_is_unknown(panel):
    for code in range(256):
        panel.reset()
        panel.faults.clear()
        command(panel, f"{code:02x}")
        expected = [] if code in KNOWN else [f"unknown command {code:#04x}"]
        assert [fault for fault in panel.faults if fault.startswith("unknown")] == expected


@pytest.mark.parametrize(
    ("codes", "fault"),
    [
        ("20 03", "command 0x20 with reserved value 0x03"),
        ("20 10", "command 0x20 with argument 0x10, 0x03 at most"),
        ("21 00 80", "command 0x21 with argument 0x80, 0x7f at most"),
        ("21 08 07", "command 0x21 from 8 back to 7"),
        ("22 00 08", "command 0x22 with argument 0x08, 0x07 at most"),
        ("A8 0E", "command 0xa8 with reserved value 0x0e"),
        ("A8 40", "command 0xa8 with argument 0x40, 0x3f at most"),
        ("D3 40", "command 0xd3 with argument 0x40, 0x3f at most"),
        ("D9 10", "command 0xd9 with reserved value 0x10"),
        ("DA 00", "command 0xda with reserved value 0x00"),
        ("DB 40", "command 0xdb with reserved value 0x40"),
        ("8D 04", "command 0x8d with reserved value 0x04"),
        ("00", "command 0x00 outside page addressing mode"),
        ("B1", "command 0xb1 outside page addressing mode"),
        ("20 02 21 00 7F", "command 0x21 in page addressing mode"),
        ("20 02 18", "command 0x18 with argument 0x08, 0x07 at most"),
    ],
)
def test_what_a_real_panel_would_not_do_is_noted(panel, codes, fault):
    command(panel, codes)
    assert fault in panel.faults


@pytest.mark.parametrize(
    "codes",
    [
        *("20 00", "20 01", "20 02", "21 7F 7F", "22 07 07", "A8 0F", "A8 3F", "D3 3F", "D5 FF"),
        *("D9 11", "D9 FF", "DA 02", "DA 12", "DA 22", "DA 32", "DB 00", "DB 20", "DB 30"),
        *(
            "8D 10",
            "8D 14",
            "8D 94",
            "8D 95",
            "AD 00",
            "AD 10",
            "AD 20",
            "AD 30",
            "81 00",
            "81 FF",
        ),
    ],
)
def test_values_that_are_not_reserved(panel, codes):
    command(panel, codes + "81 44")
    assert panel.contrast == 0x44
    assert panel.faults == []


def test_data_before_a_commands_last_argument(panel):
    command(panel, "21 05")
    data(panel, b"\x01")
    assert panel.faults == ["command 0x21 lacks arguments"]
    assert lit(panel) == {(0, 0)}


@pytest.mark.parametrize(
    "codes",
    [
        "26 00 00 00 07 00 FF",
        "27 00 00 00 07 00 FF",
        "29 00 00 00 07 01",
        "2A 00 00 00 07 01",
        "2E",
        "A3 00 40",
        "AD 30",
        "E3",
    ],
)
def test_commands_that_are_only_parsed_take_their_arguments(panel, codes):
    command(panel, codes + "81 44")
    data(panel, b"\x01")
    assert panel.contrast == 0x44
    assert lit(panel) == {(0, 0)}
    assert panel.faults == []


def test_data_while_scrolling(panel):
    command(panel, "2F 2E")
    data(panel, b"\x01")
    assert panel.faults == []
    command(panel, "2F")
    data(panel, b"\x01")
    assert panel.faults == ["data while scrolling"]


# Addressing


def test_horizontal_mode_wraps_within_its_window(panel):
    command(panel, "21 0A 0C 22 02 03")
    data(panel, [1] * 3 + [2] * 3 + [4])
    first = {(x, 16) for x in (11, 12)} | {(10, 18)}
    assert lit(panel) == first | {(x, 25) for x in (10, 11, 12)}


def test_vertical_mode_wraps_within_its_window(panel):
    command(panel, "20 01 21 0A 0B 22 02 04")
    data(panel, [1, 2, 4, 8, 16, 32, 0x80])
    tops = {(10, 2): 0x80, (10, 3): 2, (10, 4): 4, (11, 2): 8, (11, 3): 16, (11, 4): 32}
    bits = {
        (x, page * 8 + bit) for (x, page), b in tops.items() for bit in range(8) if b >> bit & 1
    }
    assert lit(panel) == bits


def test_a_window_command_moves_the_pointers_to_its_start(panel):
    data(panel, bytes(5))
    command(panel, "21 00 7F")
    data(panel, b"\x01")
    command(panel, "22 01 07")
    data(panel, b"\x01")
    assert lit(panel) == {(0, 0), (1, 8)}


def test_page_mode_starts_where_the_nibbles_say_and_stays_in_its_page(panel):
    command(panel, "20 02 B3 0E 17")
    data(panel, [1, 2, 4, 8])
    assert lit(panel) == {(126, 26), (127, 27)}  # the third and fourth, over the first two
    assert panel.faults == []


def test_each_nibble_leaves_the_other(panel):
    command(panel, "20 02 B7 0F 17")
    data(panel, [1])
    command(panel, "16")
    data(panel, [1])
    command(panel, "00")
    data(panel, [1])
    assert lit(panel) == {(127, 56), (111, 56), (96, 56)}
    assert panel.faults == []


def test_after_reset_it_is_addressed_by_pages_from_the_first_column_on():
    panel = make()
    command(panel, "8D 14 A1 C8 AF")
    for page in range(8):
        command(panel, f"B{page}")
        data(panel, bytes(127) + b"\x01")
    assert lit(panel) == {(127, 8 * page) for page in range(8)}
    command(panel, "B2")
    data(panel, b"\x80")
    assert (0, 23) in lit(panel)
    assert panel.faults == []


def test_after_reset_the_window_is_all_of_memory():
    for mode in ("00", "01"):
        panel = make()
        command(panel, "8D 14 A1 C8 AF 20" + mode)
        data(panel, b"\x01" + bytes(1022) + b"\x80" + b"\x03")
        assert lit(panel) == {(0, 0), (0, 1), (127, 63)}
        assert panel.faults == []


def test_after_reset_all_lines_are_scanned_and_nothing_is_inverted():
    panel = make()
    command(panel, "8D 14 20 00 AF")
    data(panel, b"\x01" + bytes(1023))
    assert lit(panel) == {(127, 63)}


def test_a_pointer_past_its_window_runs_to_the_last_column(panel):
    command(panel, "20 02 B0 0C 17 20 00 21 0A 0C 20 02 0C 17 20 00")
    data(panel, [1, 1, 1, 1, 2])
    assert lit(panel) == {(124, 0), (125, 0), (126, 0), (127, 0), (10, 9)}


def test_segment_remap_is_for_what_is_written_from_then_on(panel):
    data(panel, [1, 2])
    command(panel, "A0")
    assert lit(panel) == {(0, 0), (1, 1)}
    data(panel, [4, 8])
    assert lit(panel) == {(0, 0), (1, 1), (125, 2), (124, 3)}
    command(panel, "20 01 21 10 10 22 00 07")
    data(panel, [16])
    assert (111, 4) in lit(panel)


# From RAM to the glass


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ("C8", [*EVERY_LINE]),
        ("C0", [*reversed(EVERY_LINE)]),
        ("48", [*range(8, 64), *range(8)]),
        ("D3 08", [*range(8, 64), *range(8)]),
        ("C0 48", [*range(7, -1, -1), *range(63, 7, -1)]),
        ("C0 D3 08", [*range(7, -1, -1), *range(63, 7, -1)]),
        ("A8 2F", [None] * 16 + [*range(48)]),
        ("A8 2F 48", [None] * 16 + [*range(8, 56)]),
        ("A8 2F D3 08", [None] * 8 + [*range(48)] + [None] * 8),
        ("A8 2F D3 38", [*range(40, 48)] + [None] * 16 + [*range(40)]),
        ("C0 A8 2F", [None] * 16 + [*range(47, -1, -1)]),
        ("C0 A8 2F D3 08", [*range(7, -1, -1)] + [None] * 16 + [*range(47, 7, -1)]),
    ],
)
def test_start_line_offset_multiplex_and_scan_direction(panel, codes, expected):
    number_lines(panel)
    command(panel, codes)
    assert panel.faults == []
    assert numbers(panel) == expected


# By the datasheet's figures: which line each COM pad shows while the scan is not reversed.
PADS = {
    "02": [*EVERY_LINE],
    "22": [*range(32, 64), *range(32)],
    "12": [*range(0, 64, 2), *range(1, 64, 2)],
    "32": [*range(1, 64, 2), *range(0, 64, 2)],
}


@pytest.mark.parametrize("pins", PADS)
def test_com_pins_of_a_glass_that_wants_them_alternating(panel, pins):
    number_lines(panel)
    command(panel, "C0 DA" + pins)
    # The glass's rows from the bottom are wired to pads 0, 32, 1, 33 and so on.
    wired = [PADS[pins][n // 2 + 32 * (n % 2)] for n in EVERY_LINE]
    assert numbers(panel) == wired[::-1]


@pytest.mark.parametrize("pins", PADS)
def test_com_pins_of_a_flat_glass_that_wants_them_in_sequence(pins):
    panel = make(128, 32)
    command(panel, INIT)
    data(panel, bytes(1024))
    number_lines(panel)
    command(panel, "C0 DA" + pins)
    assert numbers(panel) == PADS[pins][31::-1]


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ("A8 1F DA 02", [*range(32)]),
        ("DA 02", [*range(32, 64)]),  # multiplex forgotten: the lower half
        # Pins forgotten: every other line, and half the glass dark.
        ("A8 1F DA 12", [None] * 16 + [*range(1, 32, 2)]),
    ],
)
def test_a_glass_of_32_rows(codes, expected):
    panel = make(128, 32)
    command(panel, INIT)
    data(panel, bytes(1024))
    number_lines(panel)
    command(panel, codes)
    assert numbers(panel) == expected


def test_a_glass_of_72_by_40_in_the_middle_of_the_columns():
    panel = make(72, 40, column_offset=28)
    command(panel, INIT + "A8 27")
    data(panel, bytes(1024))
    command(panel, "21 1B 64 22 04 04")
    data(panel, [0xFF] + [0x80] + [0] * 70 + [0x01] + [0xFF])
    assert panel.image().size == (72, 40)
    assert lit(panel) == {(0, 39), (71, 32)}


def test_a_glass_whose_first_row_is_not_on_the_first_output():
    panel = make(64, 32, column_offset=32, row_offset=8)
    command(panel, INIT + "A8 1F D3 08")
    data(panel, bytes(1024))
    command(panel, "21 20 5F 22 00 03")
    data(panel, [0x01] + [0] * 254 + [0x80])
    assert lit(panel) == {(0, 0), (63, 31)}


def test_rotation_turns_the_picture_back():
    # One dot in RAM's upper left, where a picture that was turned clockwise has its lower left.
    for rotation, place in enumerate([(0, 0), (0, 127), (127, 63), (63, 0)]):
        size = (64, 128) if rotation % 2 else (128, 64)
        panel = make(*size, rotation=rotation)
        command(panel, INIT)
        data(panel, b"\x01" + bytes(1023))
        assert panel.image().size == size
        assert lit(panel) == {place}


# What is lit


def test_inverse_and_entire_display_on(panel):
    data(panel, b"\x01")
    whole = {(x, y) for x in range(128) for y in range(64)}
    command(panel, "A7")
    assert lit(panel) == whole - {(0, 0)}
    command(panel, "A5")
    assert lit(panel) == whole
    command(panel, "A6")
    assert lit(panel) == whole
    command(panel, "A4")
    assert lit(panel) == {(0, 0)}


def test_rows_that_are_not_driven_stay_dark(panel):
    command(panel, "A8 2F A7")
    driven = {(x, y) for x in range(128) for y in range(16, 64)}
    assert lit(panel) == driven
    command(panel, "A6 A5")
    assert lit(panel) == driven


def test_dark_when_off_without_the_pump_or_without_light(panel):
    data(panel, b"\x01")
    for off, on in (("AE", "AF"), ("8D 10", "8D 14"), ("8D 10", "8D 95")):
        command(panel, off)
        assert lit(panel) == set()
        command(panel, on)
        assert lit(panel) == {(0, 0)}
    panel.lit = False
    assert lit(panel) == set()


def test_changes_grow(panel):
    seen = [panel.changes]
    for act in (
        lambda: data(panel, b"\x01"),
        lambda: command(panel, "A7"),
        lambda: setattr(panel, "lit", False),
        panel.reset,
        panel.power_off,
    ):
        act()
        seen.append(panel.changes)
    assert seen == sorted(set(seen))
    panel.image()
    panel.read(1)
    assert panel.changes == seen[-1]
