"""GC9A01: a TFT like the others (test_panel_tft.py), whose glass is round."""

import pytest

from keyfob_host.boards import Display
from keyfob_sim.hardware.panels import make_panel

# Command and arguments a line, as makers of modules have them.
INIT = """01
    FE
    EF
    EB 14
    84 40
    85 FF
    86 FF
    87 FF
    88 0A
    89 21
    8A 00
    8B 80
    8C 01
    8D 01
    8E FF
    8F FF
    B6 00 20
    90 08 08 08 08
    BD 06
    BC 00
    FF 60 01 04
    C3 13
    C4 13
    C9 22
    BE 11
    E1 10 0E
    DF 21 0C 02
    F0 45 09 08 08 26 2A
    F1 43 70 72 36 37 6F
    F2 45 09 08 08 26 2A
    F3 43 70 72 36 37 6F
    ED 1B 0B
    AE 77
    CD 63
    70 07 07 04 0E 0F 09 07 08 03
    E8 34
    62 18 0D 71 ED 70 70 18 0F 71 EF 70 70
    63 18 11 71 F1 70 70 18 13 71 F3 70 70
    64 28 29 F1 01 F1 00 07
    66 3C 00 CD 67 45 45 10 00 00 00
    67 00 3C 00 00 00 01 54 10 32 98
    74 10 68 80 00 00 4E 00
    98 3E 07
    35 00
    36 08
    3A 55
    21
    11
    29"""


def make(rotation=0):
    return make_panel(Display("gc9a01", 240, 240, rotation, 0, 0, True, True, None, None))


def send(panel, line):
    code, *arguments = bytes.fromhex(line)
    panel.transfer(bytes([code]), False)
    panel.transfer(bytes(arguments), True)


@pytest.fixture
def panel():
    panel = make()
    for line in INIT.splitlines():
        send(panel, line)
    return panel


def test_what_is_outside_the_circle_is_not_seen(panel):
    send(panel, "2C" + "FFFF" * 240 * 240)
    assert panel.faults == []
    picture = panel.image()
    for y in range(240):
        for x in range(240):
            far = (x - 119.5) ** 2 + (y - 119.5) ** 2
            if far < 119**2 or far > 120.5**2:
                is_inside = far < 119**2
                assert picture.getpixel((x, y)) == ((255, 255, 255) if is_inside else (0, 0, 0))


def test_a_pixel_is_where_it_was_written_in_its_colour(panel):
    send(panel, "2C" + "0000" * 240 * 240)
    send(panel, "2A 0050 0050")
    send(panel, "2B 0064 0064")
    send(panel, "2C F800")
    assert panel.image().getbbox() == (0x50, 0x64, 0x51, 0x65)
    assert panel.image().getpixel((0x50, 0x64)) == (255, 0, 0)


def test_its_maker_s_commands_need_both_enabling_ones():
    panel = make()
    send(panel, "FE")
    send(panel, "C3 13")
    assert panel.faults == ["command 0xc3 before 0xfe and 0xef"]
    panel = make()
    send(panel, "FE")
    send(panel, "EF")
    send(panel, "C3 13")
    assert panel.faults == []
    send(panel, "01")
    send(panel, "C4 13")
    assert panel.faults == ["command 0xc4 before 0xfe and 0xef"]


def test_a_window_past_its_memory_is_noted(panel):
    send(panel, "2A 0000 00F0")
    send(panel, "2C 0000")
    assert panel.faults == ["a window past 240 x 240 pixels"]
