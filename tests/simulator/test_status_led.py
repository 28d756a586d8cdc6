"""The status LED on a virtual board, and what the documents say of its patterns."""

import re
from pathlib import Path

import pytest
from virtual_port import needs_vm

from keyfob.ui import led_patterns, screen_table
from keyfob_sim import cli
from keyfob_sim.hardware.pixel import Pixel

README = Path(__file__).parents[2] / "firmware" / "README.md"
COLOURS = {"wait": "blue", "good": "green", "trouble": "amber"}
WAVE = (400, 850, 800, 450)  # ns


def row_of(name: str) -> tuple[str, str]:
    """Pattern and colour of a row of led_patterns, as the table in the README has them."""
    screen = next(
        one for one in sorted(screen_table.names(), reverse=True) if name.startswith(one)
    )
    trouble = name[len(screen) + 1 :]
    members = {"unsaved": "NVS is full"} if trouble == "unsaved" else {"kind": trouble}
    found = led_patterns.pattern(screen, members if trouble else None)
    tone = "trouble" if trouble else screen_table.row(screen)[3].split()[0]
    match found:
        case []:
            return "off", ""
        case [_]:
            return "on", COLOURS[tone]
        case [on, off, times]:
            return f"{on} {off}, {times} times", COLOURS[tone]
        case _:
            return " ".join(map(str, found)), COLOURS[tone]


def test_every_pattern_is_in_the_readme() -> None:
    text = README.read_text("utf-8").partition("## What the LED says")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (\w*) ?\| .+ \|$", text, re.MULTILINE)
    assert [name for name, *_ in rows] == led_patterns.names()
    for name, *told in rows:
        assert tuple(told) == row_of(name), f"firmware/README.md: {name}"


def test_a_pixel_reads_waves_as_its_datasheet_says() -> None:
    pixel = Pixel()
    assert pixel.colour == (0, 0, 0)
    pixel.receive(WAVE, b"\x01\x02\x03\xff\xff\xff")  # green, red, blue; then another pixel's
    assert pixel.colour == (2, 1, 3)
    for timing in ((400, 850, 400, 850), (800, 1700, 1600, 900), (400, 850, 800), ()):
        pixel.receive(timing, b"\x07\x07\x07")
        assert pixel.colour == (2, 1, 3)
    pixel.receive(WAVE, b"\x07\x07")
    assert pixel.colour == (2, 1, 3)
    pixel.power_off()
    assert pixel.colour == (0, 0, 0)


@pytest.mark.parametrize("runtime", ["cpython", pytest.param("micropython", marks=needs_vm)])
def test_an_rgb_led_shows_each_state_by_its_colour(capsys, monkeypatch, runtime) -> None:
    seen: list[tuple[int, ...]] = []
    receive = Pixel.receive

    def watch(pixel: Pixel, timing: tuple[int, ...], data: bytes) -> None:
        receive(pixel, timing, data)
        if any(pixel.colour) and pixel.colour not in seen[-1:]:
            seen.append(pixel.colour)

    monkeypatch.setattr(Pixel, "receive", watch)
    run = ["sim", "--board", "esp32c3-generic", "--runtime", runtime, "--clock", "virtual"]
    assert cli.main([*run, "--approve", "auto", "--until", "linked"]) == 0
    blue, green = seen
    assert blue.index(max(blue)) == 2
    assert green.index(max(green)) == 1
    assert cli.main([*run, "--approve", "deny"]) == 1
    (amber,) = [colour for colour in seen if colour not in (blue, green)]
    assert amber[0] > amber[1] > amber[2]
