"""The firmware's display drivers on the simulator's panels, each written without the other."""

import importlib
import random
import re
import sys
from pathlib import Path
from typing import get_args

import pytest
from driven_panel import I2c, Pin, Spi, open_panel
from PIL import ImageChops

from keyfob.ui.displays import open_display
from keyfob_host.boards import (
    MEMORY,
    OLED_CONTROLLERS,
    PAPER_CONTROLLERS,
    ROUND_CONTROLLERS,
    Controller,
    Display,
    known_boards,
    load_board,
)
from keyfob_host.resources import boards_dir
from keyfob_sim.cpython import framebuf
from keyfob_sim.hardware.panels import _PANELS, SpiPanel, make_panel

HERE = Path(__file__).parent

# Controller, the glass in its own orientation, where it begins.
GLASSES = [
    ("ssd1306", (128, 64), (0, 0)),
    ("ssd1306", (128, 32), (0, 0)),
    ("ssd1306", (72, 40), (28, 0)),
    ("ssd1306", (64, 48), (30, 7)),
    ("sh1106", (128, 64), (2, 0)),
    ("sh1106", (72, 40), (11, 5)),
    ("st7789", (135, 240), (52, 40)),
    ("st7789", (240, 240), (0, 0)),
    ("ili9341", (240, 320), (0, 0)),
    ("ili9341", (100, 77), (13, 40)),
    ("ili9342", (320, 240), (0, 0)),
    ("ili9342", (100, 77), (200, 40)),
    ("gc9a01", (240, 240), (0, 0)),
    ("gc9a01", (100, 77), (70, 80)),
    ("ssd1680", (122, 250), (8, 0)),
    ("ssd1680", (176, 296), (0, 0)),
    ("ssd1680", (101, 77), (13, 40)),
]


class Busy:
    """The busy pin of e-paper, whose refresh is over by the second look."""

    def __init__(self, panel):
        self._panel = panel

    def value(self):
        was_busy = bool(self._panel.refreshing)
        self._panel.finish()
        return was_busy


@pytest.fixture
def drivers(monkeypatch):
    """Make the driver of `panel`'s controller on its bus, without waiting."""
    monkeypatch.setitem(sys.modules, "framebuf", framebuf)
    from keyfob.ui.displays import spi, ssd1680, tft

    for module in (spi, ssd1680, tft):
        monkeypatch.setattr(module.time, "sleep", lambda seconds: None)

    def make(panel, on_spi, **options):
        module, name, _ = open_display._driver_of(panel.display.controller)
        kind = getattr(importlib.import_module(module), name)
        dc = Pin()
        bus = spi.SpiBus(Spi(panel, dc), dc, Pin(), Pin()) if on_spi else I2c(panel)
        bus.busy = Busy(panel)
        return kind(bus, panel.display.width, panel.display.height, **options)

    return make


@pytest.mark.parametrize("controller", get_args(Controller))
def test_a_controller_is_known_wherever_it_has_to_be(controller):
    assert controller in open_display._CONTROLLERS.split(), (
        "firmware/keyfob/ui/displays/open_display.py"
    )
    assert controller in _PANELS, "simulator/keyfob_sim/hardware/panels/__init__.py"
    assert controller in MEMORY, "host_tools/keyfob_host/boards.py"
    assert controller in {glass[0] for glass in GLASSES}, "GLASSES in this file"
    assert (_PANELS[controller].columns, _PANELS[controller].rows) == MEMORY[controller]
    assert any(
        all(offsets)
        and all(side < whole for side, whole in zip(size, MEMORY[controller], strict=True))
        for name, size, offsets in GLASSES
        if name == controller
    ), "GLASSES in this file: a glass that is smaller both ways, with both offsets"
    of_models = "".join(path.read_text("utf-8") for path in HERE.glob("test_panel_*.py"))
    assert f'"{controller}"' in of_models, "no test_panel_*.py is about its model"
    readme = (boards_dir() / "README.md").read_text("utf-8")
    (row,) = re.findall(r"^\| `display.controller` .*", readme, re.MULTILINE)
    assert f"`{controller}`" in row, "boards/README.md, display.controller"
    overview = (boards_dir().parent / "README.md").read_text("utf-8")
    assert controller.upper() in overview, "README.md, Panels"
    told = readme.partition("own orientations")[2].partition(". ")[0]
    orientations = re.findall(r"((?:\w+ and )*\w+) (\d+) x (\d+)", " ".join(told.split()))
    sizes = {
        name: (int(columns), int(rows))
        for names, columns, rows in orientations
        for name in names.split(" and ")
    }
    assert sizes.get(controller) == MEMORY[controller], "boards/README.md, own orientations"


def test_no_controller_is_known_in_one_place_only():
    names = set(get_args(Controller))
    assert set(open_display._CONTROLLERS.split()) == set(_PANELS) == set(MEMORY) == names


LIGHT = [glass for glass in GLASSES if glass[0] not in PAPER_CONTROLLERS]
PAPER = [glass for glass in GLASSES if glass[0] in PAPER_CONTROLLERS]


@pytest.mark.parametrize("rotation", range(4))
@pytest.mark.parametrize(("controller", "glass", "offsets"), LIGHT)
def test_what_is_drawn_is_seen(drivers, controller, glass, offsets, rotation):
    width, height = glass[::-1] if rotation % 2 else glass
    is_oled = controller in OLED_CONTROLLERS
    options = {"rotation": rotation, "column_offset": offsets[0], "row_offset": offsets[1]}
    if not is_oled:
        options |= {"inverted": True, "bgr": True}
    dice = random.Random(1)
    points = {(dice.randrange(width), dice.randrange(height)) for _ in range(300)}
    points |= {(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)}
    if controller in ROUND_CONTROLLERS and glass == MEMORY[controller]:
        middle = (width - 1) / 2
        points = {(x, y) for x, y in points if (x - middle) ** 2 + (y - middle) ** 2 < 119**2}
    for on_spi in (False, True) if is_oled else (True,):
        fields = {"inverted": False, "bgr": False} | options
        panel = make_panel(Display(controller, width, height, i2c=None, spi=None, **fields))
        display = drivers(panel, on_spi, **options)
        assert panel.image().getextrema() == ((0, 0),) * 3
        for x, y in points:
            display.pixel(x, y, 1)
        display.show()
        picture = panel.image().convert("1")
        seen = {(x, y) for x in range(width) for y in range(height) if picture.getpixel((x, y))}
        assert seen == points
        display.power(False)
        assert panel.image().getextrema() == ((0, 0),) * 3
        display.power(True)
        assert panel.image().convert("1").tobytes() == picture.tobytes()
        assert panel.faults == []


@pytest.mark.parametrize("rotation", range(4))
@pytest.mark.parametrize(("controller", "glass", "offsets"), PAPER)
def test_what_is_drawn_is_printed(drivers, controller, glass, offsets, rotation):
    width, height = glass[::-1] if rotation % 2 else glass
    options = {"rotation": rotation, "column_offset": offsets[0], "row_offset": offsets[1]}
    fields = {"inverted": False, "bgr": False} | options
    panel = make_panel(Display(controller, width, height, i2c=None, spi=None, **fields))
    display = drivers(panel, True, **options)
    assert panel.updates == []
    dice = random.Random(1)
    for number in range(8):
        points = {(dice.randrange(width), dice.randrange(height)) for _ in range(300)}
        points |= {(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)}
        display.fill(0)
        for x, y in points:
            display.pixel(x, y, 1)
        light = (24, 16, 32, 24)  # a part in which 1 is light
        display.tint(0, 0, width, height, 0x0000, 0x1234)
        if number % 2:
            display.tint(*light, 0x0000, 0xFFFF)
        display.show()
        panel.finish()
        picture = panel.image().convert("1")
        seen = {
            (x, y) for x in range(width) for y in range(height) if not picture.getpixel((x, y))
        }
        area = {(x, y) for x in range(24, 56) for y in range(16, 40)} if number % 2 else set()
        assert seen == points ^ area
    assert panel.updates == ["full"] + ["partial"] * 5 + ["full", "partial"]
    assert panel.faults == []


def test_a_refresh_is_waited_for_before_the_next_picture_and_not_for_ever(drivers):
    panel = make_panel(Display("ssd1680", 250, 122, 1, 8, 0, False, False, None, None))
    display = drivers(panel, True, rotation=1, column_offset=8)
    display.show()  # which does not wait
    assert panel.refreshing
    display.show()
    assert panel.updates == ["full", "partial"]
    assert panel.faults == []
    display._bus.busy = Pin()
    display._bus.busy.value = lambda: 1
    with pytest.raises(OSError, match="110"):
        display.show()


def test_the_colours_of_a_tft(drivers):
    fields = {"rotation": 0, "column_offset": 52, "row_offset": 40}
    panel = make_panel(
        Display("st7789", 135, 240, inverted=True, bgr=False, i2c=None, spi=None, **fields)
    )
    display = drivers(panel, True, inverted=True, **fields)
    display.palette(0xF800, 0x001F)
    display.pixel(3, 4, 1)
    display.show()
    assert panel.image().getpixel((3, 4)) == (0, 0, 255)
    assert panel.image().getpixel((4, 4)) == (255, 0, 0)


def test_a_steady_ssd1306_has_the_fastest_oscillator(drivers):
    panel = make_panel(Display("ssd1306", 128, 64, 0, 0, 0, False, False, None, None))
    display = drivers(panel, False)
    before = panel.oscillator
    display.steady(True)
    assert panel.oscillator == 0xF0
    display.steady(False)
    assert panel.oscillator == before
    display.contrast(17)
    assert panel.contrast == 17


@pytest.mark.parametrize("name", [name for name in known_boards() if load_board(name).display])
def test_every_board_opens_its_display(name, monkeypatch):
    board = load_board(name)
    display, panel, pins = open_panel(board, monkeypatch)
    display.rect(0, 0, display.width, display.height, 1)
    display.show()
    if isinstance(panel, SpiPanel):
        panel.finish()
    picture = panel.image().convert("1")
    if board.display.controller in PAPER_CONTROLLERS:
        picture = ImageChops.invert(picture)
    assert picture.size == (display.width, display.height)
    is_seen = board.display.controller not in ROUND_CONTROLLERS
    assert bool(picture.getpixel((0, 0))) is is_seen
    assert bool(picture.getpixel((display.width - 1, display.height - 1))) is is_seen
    assert picture.getpixel((display.width // 2, 0))
    assert picture.getpixel((0, display.height // 2))
    assert not picture.getpixel((1, display.height // 2))
    assert panel.faults == []
    if board.display.spi is not None and board.display.spi.backlight >= 0:
        assert pins[board.display.spi.backlight].level == 1


class LibraryPanel(framebuf.FrameBuffer):
    """An SSD1306 as micropython-lib's driver offers it: `buffer`, `show`, `contrast` and more."""

    def __init__(self, width, height, i2c):
        self.width, self.height, self.pages = width, height, height // 8
        self.buffer = bytearray(self.pages * width)
        super().__init__(self.buffer, width, height, framebuf.MONO_VLSB)
        self._i2c = i2c
        for command in (0x20, 0x00, 0xA8, height - 1, 0xA1, 0xC8, 0xDA, 0x12, 0x8D, 0x14, 0xAF):
            self.write_cmd(command)

    def write_cmd(self, command):
        self._i2c.writevto(0x3C, (bytes((0x80, command)),))

    def poweroff(self):
        self.write_cmd(0xAE)

    def poweron(self):
        self.write_cmd(0xAF)

    def contrast(self, level):
        self.write_cmd(0x81)
        self.write_cmd(level)

    def show(self):
        for command in (0x21, 0, self.width - 1, 0x22, 0, self.pages - 1):
            self.write_cmd(command)
        self._i2c.writevto(0x3C, (b"\x40", self.buffer))


def test_the_display_object_of_micropython_lib_works_unchanged(drivers):
    from keyfob.ui.screens import Screens

    seen = []
    for kind in ("ours", "library"):
        panel = make_panel(Display("ssd1306", 128, 64, 0, 0, 0, False, False, None, None))
        display = drivers(panel, False) if kind == "ours" else LibraryPanel(128, 64, I2c(panel))
        screens = Screens(display, button="boot")
        code = {
            "user_code": "WDJB-MJHT",
            "verification_uri": "https://github.com/login/device",
            "verification_uri_complete": None,
            "expires_in": 900,
        }
        pictures = []
        for event, members in (("user_code", code), ("linked", {"account": "Ana"})):
            screens.notify(event, members)
            screens.update(0)
            pictures.append(panel.image().tobytes())
        for now in (10_000, 10_000, 70_000):
            screens.update(now)
        assert panel.contrast == 0
        assert screens.wake()
        assert panel.contrast == 0xCF
        assert panel.faults == []
        seen.append(pictures)
    assert seen[0] == seen[1]
