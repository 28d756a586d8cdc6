"""SH1106: where it differs from the SSD1306."""

import pytest

from keyfob_host.boards import Display
from keyfob_sim.hardware.panels import make_panel

# Of a 1.3 inch module's datasheet.
INIT = "AE 02 10 40 81 A0 A1 A4 A6 A8 3F AD 8B 30 C8 D3 00 D5 80 D9 1F DA 12 DB 40 AF"


def command(panel, codes):
    panel.write(b"\x00" + bytes.fromhex(codes))


def data(panel, run):
    panel.write(b"\x40" + bytes(run))


def lit(panel):
    picture = panel.image().convert("L")
    pixels = picture.tobytes()
    return {(at % picture.width, at // picture.width) for at, dot in enumerate(pixels) if dot}


@pytest.fixture
def panel():
    """Initialised, its memory cleared, the pointer at the glass's first column."""
    panel = make_panel(
        Display("sh1106", 128, 64, 0, 2, 0, inverted=False, bgr=False, i2c=None, spi=None)
    )
    command(panel, INIT)
    for page in range(8):
        command(panel, f"B{page} 00 10")
        data(panel, bytes(132))
    command(panel, "B0 02 10")
    return panel


def test_an_initialised_panel_shows_a_known_picture(panel):
    rows = [0x81, 0x42, 0x24, 0x18]
    for page in range(8):
        command(panel, f"B{page} 02 10")
        data(panel, rows)
    assert panel.faults == []
    assert panel.image().size == (128, 64)
    cross = {(x, y) for x, row in enumerate(rows) for y in range(64) if row >> y % 8 & 1}
    assert lit(panel) == cross


def test_the_column_is_set_by_nibbles_and_the_page_stays(panel):
    command(panel, "B7 18 01")  # column 0x81
    data(panel, [1])
    command(panel, "B3 0F")  # column 0x8F: the upper nibble is as it was
    data(panel, [1])
    assert lit(panel) == {(127, 56)}
    assert panel.faults == ["data past column 131"]


def test_data_goes_on_where_it_stopped(panel):
    command(panel, "03 02")
    data(panel, [1])
    data(panel, [2, 4])
    assert lit(panel) == {(0, 0), (1, 1), (2, 2)}
    assert panel.faults == []


def test_the_column_counter_stops_after_the_last_column(panel):
    command(panel, "18 02")
    data(panel, [0xFF] * 3)
    assert panel.faults == ["data past column 131"]
    command(panel, "A0")  # shows the other two columns that the glass lacks
    assert lit(panel) == set()
    command(panel, "10 02")
    data(panel, [1])
    assert lit(panel) == {(127, 0)}


def test_segment_remap_is_for_what_is_shown(panel):
    data(panel, [1, 2])
    assert lit(panel) == {(0, 0), (1, 1)}
    command(panel, "A0")
    assert lit(panel) == {(127, 0), (126, 1)}


def test_read_modify_write_returns_to_its_column(panel):
    command(panel, "E0")
    data(panel, [1, 1])
    command(panel, "EE")
    data(panel, [2])
    assert lit(panel) == {(0, 1), (1, 0)}
    command(panel, "10 00 E0")  # from the very first column, left of the glass
    data(panel, [0, 0, 4])
    command(panel, "EE")
    data(panel, [0, 0, 8])
    assert lit(panel) == {(0, 3), (1, 0)}
    assert panel.faults == []
    command(panel, "EE")
    assert panel.faults == ["command 0xee without 0xe0"]


def test_the_converter_runs_from_reset_unless_told_not_to(panel):
    data(panel, [1])
    command(panel, "AD 8A")
    assert lit(panel) == set()
    command(panel, "AD 8B")
    assert lit(panel) == {(0, 0)}
    command(panel, "AD 8A")
    panel.reset()
    command(panel, INIT.replace("AD 8B", "") + "AF")
    assert lit(panel) == {(0, 0)}


def test_registers(panel):
    assert panel.contrast == 0xA0
    assert panel.oscillator == 0x80
    panel.reset()
    assert panel.contrast == 0x80
    assert panel.oscillator == 0x50
    assert panel.read(1) == b"\x40"


@pytest.mark.parametrize(
    "codes", ["30", "33", "D9 22", "DA 02", "DA 12", "DB FF", "E3", "CF", "A8 00"]
)
def test_commands_of_its_own_take_their_arguments(panel, codes):
    command(panel, codes + "81 44")
    assert panel.contrast == 0x44
    assert panel.faults == []


# By the datasheet.
KNOWN = [
    *range(0x20),
    *range(0x30, 0x34),
    *range(0x40, 0x80),
    *(0x81, 0xA0, 0xA1, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xAD, 0xAE, 0xAF),
    *range(0xB0, 0xB8),
    *range(0xC0, 0xD0),
    *(0xD3, 0xD5, 0xD9, 0xDA, 0xDB, 0xE0, 0xE3, 0xEE),
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
        ("AD 14", "command 0xad with reserved value 0x14"),
        ("DA 22", "command 0xda with reserved value 0x22"),
    ],
)
def test_reserved_values(panel, codes, fault):
    command(panel, codes)
    assert panel.faults == [fault]


@pytest.mark.parametrize(
    ("codes", "place"),
    [
        ("C0", (0, 62)),
        ("48", (0, 57)),
        ("D3 08", (0, 57)),
        ("A8 2F", (0, 17)),
        ("C0 A8 2F", (0, 62)),
        ("DA 02", (0, 2)),
    ],
)
def test_the_way_to_the_glass_is_the_ssd1306s(panel, codes, place):
    data(panel, [2])
    command(panel, codes)
    assert lit(panel) == {place}
