"""SSD1680: what its command stream makes of the paper, by the datasheet."""

import pytest

from keyfob_host.boards import Display
from keyfob_sim.hardware.panels import make_panel

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
FULL, PARTIAL = "22 F7", "22 FF"
MEMORY = 22 * 296


def make(size=(176, 296), left=0, top=0):
    return make_panel(Display("ssd1680", *size, 0, left, top, False, False, None, None))


def send(panel, line, data=b""):
    code, *arguments = bytes.fromhex(line)
    panel.transfer(bytes([code]), False)
    panel.transfer(bytes(arguments) + data, True)


def refresh(panel, how=FULL):
    send(panel, how)
    panel.transfer(b"\x20", False)
    panel.finish()


def fill(panel, byte, *memories):
    for memory in memories or ("24", "26"):
        send(panel, "4E 00")
        send(panel, "4F 0000")
        send(panel, memory, bytes([byte]) * MEMORY)


def black(panel):
    """The black pixels."""
    picture = panel.image()
    return {
        (x, y)
        for x in range(picture.width)
        for y in range(picture.height)
        if picture.getpixel((x, y)) == BLACK
    }


@pytest.fixture
def panel():
    panel = make()
    send(panel, "12")
    fill(panel, 0xFF)
    refresh(panel)
    return panel


def test_the_paper_changes_by_a_refresh_alone_and_keeps_what_it_shows(panel):
    send(panel, "24 7F")
    assert black(panel) == set()
    refresh(panel)
    assert black(panel) == {(0, 0)}
    panel.power_off()
    assert black(panel) == {(0, 0)}
    assert panel.faults == []


def test_a_refresh_takes_its_time_and_nothing_else_meanwhile(panel):
    send(panel, "24 00")
    send(panel, FULL)
    panel.transfer(b"\x20", False)
    assert panel.refreshing == pytest.approx(3.5)
    assert black(panel) == set()
    assert panel.settled().getpixel((0, 0)) == BLACK
    send(panel, "24 00")
    assert panel.faults == ["something sent while it is busy"]
    panel.finish()
    assert panel.refreshing == 0
    assert len(black(panel)) == 8
    panel.finish()  # once more changes nothing
    assert len(black(panel)) == 8


def test_a_partial_refresh_moves_what_differs_from_the_last_picture(panel):
    send(panel, "24 00")  # new: eight black ones
    refresh(panel, PARTIAL)
    assert len(black(panel)) == 8
    fill(panel, 0xFF, "24")  # white again, while the old memory says that they are white anyway
    refresh(panel, PARTIAL)
    assert len(black(panel)) == 8
    fill(panel, 0x00, "26")
    refresh(panel, PARTIAL)
    assert black(panel) == set()
    assert panel.updates == ["full", "partial", "partial", "partial"]
    assert panel.faults == []


@pytest.mark.parametrize(
    ("entry", "column", "row", "places"),
    [
        (3, 5, 7, [(40, 7), (48, 7), (40, 8)]),
        (2, 6, 7, [(48, 7), (40, 7), (48, 8)]),
        (1, 5, 8, [(40, 8), (48, 8), (40, 7)]),
        (0, 6, 8, [(48, 8), (40, 8), (48, 7)]),
        (7, 5, 7, [(40, 7), (40, 8), (48, 7)]),
        (4, 6, 8, [(48, 8), (48, 7), (40, 8)]),
    ],
)
def test_data_goes_where_the_entry_mode_says(panel, entry, column, row, places):
    send(panel, f"11 {entry:02x}")
    columns, rows = ("05 06", "0700 0800")
    if not entry & 1:
        columns = "06 05"
    if not entry & 2:
        rows = "0800 0700"
    send(panel, "44" + columns)
    send(panel, "45" + rows)
    send(panel, f"4E {column:02x}")
    send(panel, f"4F {row:02x}00")
    send(panel, "24 7F 7F 7F")
    refresh(panel)
    assert black(panel) == set(places)
    assert panel.faults == []


def test_memory_may_begin_at_the_ninth_source(panel):
    send(panel, "21 00 80")
    send(panel, "4E 00")
    send(panel, "4F 0000")
    send(panel, "24 7F")
    refresh(panel)
    assert black(panel) == {(8, 0)}


def test_gates_beyond_the_last_one_stay(panel):
    send(panel, "01 F9 00 00")
    fill(panel, 0x00)
    refresh(panel)
    assert max(y for _, y in black(panel)) == 249


def test_a_glass_smaller_than_the_memory():
    panel = make((122, 250), 8, 0)
    fill(panel, 0x00)
    refresh(panel)
    assert panel.image().size == (122, 250)
    assert len(black(panel)) == 122 * 250


def test_a_reset_ends_a_refresh(panel):
    send(panel, "24 00")
    send(panel, FULL)
    panel.transfer(b"\x20", False)
    panel.reset()
    panel.finish()
    assert black(panel) == set()


@pytest.mark.parametrize(
    ("stream", "fault"),
    [
        (["05"], "unknown command 0x05"),
        (["01 F9 00", "7F"], "command 0x01 without its 3 arguments"),
        (["11 03 03"], "command 0x11 with more than 1 arguments"),
        (["44 00 16"], "a window to column 22 of 22"),
        (["45 0000 2801"], "a window to row 296 of 296"),
        (["21 40 00"], "command 0x21 with 0x40"),
        (["10 01", "24 00"], "something sent while it sleeps"),
        (["22 04", "20"], "a refresh without clock and voltages"),
        (["22 C7", "20"], "a refresh without a waveform"),
    ],
)
def test_what_a_real_panel_would_not_do_is_noted(panel, stream, fault):
    for line in stream:
        code, *arguments = bytes.fromhex(line)
        panel.transfer(bytes([code]), False)
        if arguments:
            panel.transfer(bytes(arguments), True)
    assert len(panel.faults) == 1
    assert panel.faults[0].startswith(fault)


def test_data_before_any_command():
    panel = make()
    panel.transfer(b"\x00", True)
    assert panel.faults == ["data before any command"]
