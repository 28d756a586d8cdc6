"""boards/: every board loads and is listed, and a misspelt board.toml is refused by the field."""

import json
import re
import shutil
import sys

import jsonschema
import pytest

from keyfob_host import cli
from keyfob_host.boards import (
    MEMORY,
    Button,
    Display,
    I2cBus,
    Led,
    all_boards,
    board_file,
    known_boards,
    load_board,
    read_board,
)
from keyfob_host.errors import CliError, UsageError
from keyfob_host.resources import boards_dir
from keyfob_sim.hardware.panels import make_panel

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GOOD = """
title = "A board"
chip = "esp32"
download = "ESP32_GENERIC"
verified = "not yet"
sources = ["its maker"]
flash = { size = 0x400000, offset = 0x1000, files = 0x200000, recipe = "hold BOOT" }
heap = { initial = 57344, limit = 114688 }
"""

WITH_PARTS = (
    GOOD
    + """
[display]
controller = "sh1106"
width = 128
height = 64
rotation = 2
column_offset = 2
row_offset = 0
inverted = false
bgr = false
i2c = { id = 0, scl = 22, sda = 21, address = 0x3C, frequency = 400000 }

[[buttons]]
name = "A"
pin = 39
pressed = 0
pull = "none"

[[buttons]]
name = "B"
pin = 38
pressed = 1
pull = "down"

[led]
pin = 2
on = 1
"""
)
SPI = (
    "spi = { id = 1, sck = 18, mosi = 19, cs = 5, dc = 16, reset = -1, backlight = -1,"
    " frequency = 40000000 }"
)
I2C = WITH_PARTS[WITH_PARTS.index("i2c =") : WITH_PARTS.index("\n\n[[buttons")]


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "my-board" / "board.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return read_board(path)

    return read


@pytest.mark.parametrize("name", known_boards())
def test_every_board_loads_and_has_its_readme(name):
    board = load_board(name)
    assert board.name == name
    assert 0 <= board.flash_offset < board.flash_size
    assert 0 < board.heap_initial <= board.heap_limit
    readme = (boards_dir() / name / "README.md").read_text("utf-8")
    assert readme.startswith(f"# {name}\n")
    assert f"`keyfob sim --board {name}`" in readme
    assert f"| [{name}]({name}/README.md) |" in (boards_dir() / "README.md").read_text()


def test_the_readme_says_how_many_there_are():
    readme = (boards_dir().parent / "README.md").read_text("utf-8")
    assert f"[{len(known_boards())} boards](boards/README.md)" in readme


def test_the_generic_esp32():
    board = load_board("esp32-generic")
    assert (board.chip, board.flash_size, board.flash_offset) == ("esp32", 4 << 20, 0x1000)
    assert (board.heap_initial, board.heap_limit) == (56 * 1024, 112 * 1024)


@pytest.mark.parametrize("name", known_boards())
def test_the_boards_folder_says_what_display_and_buttons_a_board_has(name):
    board = load_board(name)
    readme = (boards_dir() / "README.md").read_text()
    row = next(line for line in readme.splitlines() if line.startswith(f"| [{name}]"))
    _, _, chip, display, buttons, _, _ = (cell.strip() for cell in row.split("|"))
    assert chip == board.chip
    if board.display is None:
        assert display.startswith("none")
    else:
        assert display.endswith(f"{board.display.width} x {board.display.height}")
    names = ", ".join(button.name for button in board.buttons) or "none"
    assert buttons.lower() == names.lower()


@pytest.mark.parametrize("name", known_boards())
def test_every_board_fits_the_json_schema(name):
    schema = json.loads((boards_dir() / "board.schema.json").read_text())
    table = tomllib.loads((boards_dir() / name / "board.toml").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(table, schema)
    for part in filter(None, (table, table["flash"], table.get("display"))):
        part["colour"] = 1
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(table, schema)
        del part["colour"]


@pytest.mark.parametrize("name", known_boards())
def test_every_board_says_where_its_facts_come_from_and_how_to_build_for_it(name):
    folder = boards_dir() / name
    board = load_board(name)
    assert board.sources
    assert board.flash_offset == {"esp32": 0x1000, "esp32s2": 0x1000}.get(board.chip, 0)
    verdict = "Not verified on hardware yet" in (folder / "README.md").read_text()
    assert verdict == (board.verified == "not yet")
    header = (folder / "mpconfigboard.h").read_text()
    assert f'"{board.title}"' in header
    assert f'"boards/{board.download}/mpconfigboard.h"' in header
    settings = (folder / "mpconfigboard.cmake").read_text()
    assert f"(boards/{board.download}/mpconfigboard.cmake)" in settings
    assert "manifest.py" in settings
    manifest = (folder / "manifest.py").read_text()
    assert 'include("../../firmware/manifest.py")' in manifest


def test_there_is_a_generic_board_of_every_chip():
    assert {load_board(name).chip for name in known_boards()} == {
        name.removesuffix("-generic") for name in known_boards() if name.endswith("-generic")
    } | {"rp2040"}


def test_the_verb_lists_them(capsys):
    assert cli.main(["boards"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == known_boards()
    assert cli.main(["boards", "--json"]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (first["name"], first["flash_offset"]) == ("esp32-generic", 0x1000)


def test_the_parts_of_a_board(read):
    board = read(WITH_PARTS)
    assert board.display == Display(
        controller="sh1106",
        width=128,
        height=64,
        rotation=2,
        column_offset=2,
        row_offset=0,
        inverted=False,
        bgr=False,
        i2c=I2cBus(id=0, scl=22, sda=21, address=0x3C, frequency=400_000),
        spi=None,
    )
    assert board.buttons == (Button("A", 39, 0, "none"), Button("B", 38, 1, "down"))
    assert board.led == Led(2, 1)


def test_a_board_may_have_none_of_them(read):
    board = read(GOOD)
    assert (board.display, board.buttons, board.led) == (None, (), None)
    assert board_file(board) == {"name": "my-board"}


def test_the_board_file_holds_what_board_toml_says_of_the_parts(read):
    assert board_file(read(WITH_PARTS)) == {
        "name": "my-board",
        "display": {
            "controller": "sh1106",
            "width": 128,
            "height": 64,
            "rotation": 2,
            "column_offset": 2,
            "row_offset": 0,
            "inverted": False,
            "bgr": False,
            "i2c": {"id": 0, "scl": 22, "sda": 21, "address": 0x3C, "frequency": 400_000},
        },
        "buttons": [
            {"name": "A", "pin": 39, "pressed": 0, "pull": "none"},
            {"name": "B", "pin": 38, "pressed": 1, "pull": "down"},
        ],
        "led": {"pin": 2, "on": 1},
    }


@pytest.mark.parametrize("name", known_boards())
def test_a_board_file_is_json(name):
    document = board_file(load_board(name))
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize("controller", MEMORY)
def test_a_glass_may_be_as_large_as_the_memory_and_no_larger(read, controller):
    columns, rows = MEMORY[controller]
    text = WITH_PARTS.replace("sh1106", controller).replace(I2C, SPI)
    text = text.replace("column_offset = 2", "column_offset = 0")

    def sized(width, height, rotation):
        changed = text.replace("rotation = 2", f"rotation = {rotation}")
        changed = changed.replace("width = 128", f"width = {width}")
        return changed.replace("height = 64", f"height = {height}")

    assert read(sized(columns, rows, 2)).display.width == columns
    assert read(sized(rows, columns, 1)).display.width == rows
    for width, height, side in (
        (columns + 1, rows, "column"),
        (columns, rows + 1, "row"),
        (0, rows, "column"),
    ):
        with pytest.raises(CliError, match=f"needs 'display.{side}_offset'"):
            read(sized(width, height, 0))


def test_buttons_are_a_list_of_tables(read):
    with pytest.raises(CliError, match="needs 'buttons' as a list of tables"):
        read("buttons = 3" + GOOD)
    with pytest.raises(CliError, match=r"needs 'buttons\[0\]' as a table"):
        read("buttons = [3]" + GOOD)


@pytest.mark.parametrize("name", ["esp33", "", ".", "../boards/esp32-generic", "README.md"])
def test_an_unknown_board_is_answered_with_the_known_ones(name):
    with pytest.raises(UsageError) as caught:
        load_board(name)
    assert "esp32-generic" in caught.value.hint


def test_a_board_may_be_a_file_from_anywhere(tmp_path, capsys):
    path = tmp_path / "lamp.toml"
    path.write_text(WITH_PARTS)
    assert load_board(str(path)).name == "lamp"
    folder = tmp_path / "my-lamp"
    folder.mkdir()
    (folder / "board.toml").write_text(WITH_PARTS)
    assert load_board(str(folder / "board.toml")).name == "my-lamp"
    with pytest.raises(UsageError, match=r"there is no file .*nowhere\.toml") as caught:
        load_board(str(tmp_path / "nowhere.toml"))
    assert caught.value.hint == "--board FILE, or a name: keyfob boards"
    path.write_text("title = 3")
    with pytest.raises(CliError, match=r"lamp\.toml"):
        load_board(str(path))


def test_one_bad_file_makes_no_other_board_fail(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "boards"
    shutil.copytree(boards_dir(), folder)
    (folder / "m5dial" / "board.toml").write_text("title = 3")
    monkeypatch.setattr("keyfob_host.boards.boards_dir", lambda: folder)
    others = [name for name in known_boards() if name != "m5dial"]
    assert [board.name for board in all_boards()] == others
    for arguments in (["boards"], ["boards", "--json"]):
        assert cli.main(arguments) == 1
        told = capsys.readouterr()
        assert len(told.out.splitlines()) == len(others)
        (line,) = told.err.splitlines()
        assert re.fullmatch(r"keyfob: .*m5dial.board\.toml .*; try: see boards/README\.md", line)
    assert load_board("m5stack-core").name == "m5stack-core"
    with pytest.raises(CliError, match="m5dial"):
        load_board("m5dial")


def test_a_driver_of_one_s_own_takes_the_place_of_the_controller_on_the_board(read):
    own = WITH_PARTS.replace('"sh1106"', '"sh1106"\ndriver = "my_panel.MyPanel"')
    assert board_file(read(own))["display"]["controller"] == "my_panel.MyPanel"
    assert "driver" not in board_file(read(own))["display"]
    other = own.replace('"sh1106"', '"other"').replace("width = 128", "width = 1280")
    display = read(other).display
    assert (display.controller, display.width) == ("other", 1280)
    panel = make_panel(display)
    panel.write(b"\x00")
    assert panel.image().getbbox() is None
    for text, told in (
        (WITH_PARTS.replace('"sh1106"', '"other"'), "needs 'display.driver'"),
        (own.replace("my_panel.MyPanel", "MyPanel"), "needs 'display.driver' as module.Class"),
    ):
        with pytest.raises(CliError, match=told):
            read(text)


def test_paper_has_no_colours(read):
    text = WITH_PARTS.replace("sh1106", "ssd1680").replace(I2C, SPI)
    assert read(text).display.controller == "ssd1680"
    with pytest.raises(CliError, match=r"needs 'display\.bgr' false"):
        read(text.replace("bgr = false", "bgr = true"))


def test_a_board_is_named_after_its_folder(read):
    assert read(GOOD).name == "my-board"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('chip = "esp32"', "", "needs 'chip', of type str"),
        ('chip = "esp32"', "chip = 32", "needs 'chip', of type str"),
        ("size = 0x400000", "size = true", "needs 'flash.size', of type int"),
        ("offset =", "ofset =", "unknown field 'flash.ofset'"),
        ('chip = "esp32"', 'chip = "esp32"\nchips = 1', "unknown field 'chips'"),
        ("flash = {", "flash = 4 #", "needs 'flash' as a table"),
        ('"sh1106"', '"vt100"', "needs 'display.controller', one of ssd1306, sh1106, "),
        ("rotation = 2", "rotation = 4", "needs 'display.rotation', one of 0, 1, 2, 3"),
        ("rotation = 2", "", "needs 'display.rotation', one of"),
        ("inverted = false", "inverted = 0", "needs 'display.inverted', of type bool"),
        ("width = 128", "width = 131", "needs 'display.column_offset' and a size"),
        ("column_offset = 2", "column_offset = -1", "needs 'display.column_offset'"),
        ("row_offset = 0", "row_offset = 1", "needs 'display.row_offset'"),
        ("bgr = ", "colour = true\nbgr = ", "unknown field 'display.colour'"),
        (I2C, "", "needs either 'display.i2c' or 'display.spi'"),
        (I2C, I2C + "\n" + SPI, "needs either 'display.i2c' or 'display.spi'"),
        (I2C, "i2c = 3", "needs 'display.i2c' as a table"),
        (I2C, SPI.replace("dc = 16, ", ""), "needs 'display.spi.dc', of type int"),
        ("address =", "adress =", "unknown field 'display.i2c.adress'"),
        ('"sh1106"', '"st7789"', "needs 'display.spi': a st7789 has no I2C"),
        ("bgr = false", "bgr = true", "needs 'display.bgr' false: a sh1106 has no colours"),
        ("[[buttons]]", "[[button]]", "unknown field 'button'"),
        ("pressed = 1", "pressed = true", "needs 'buttons[1].pressed', one of 0, 1"),
        ('pull = "down"', "", "needs 'buttons[1].pull', one of up, down, none"),
        ("pin = 39", "pins = 39", "unknown field 'buttons[0].pins'"),
        ("on = 1", "on = 2", "needs 'led.on', one of 0, 1"),
        ("[led]", "[[led]]", "needs 'led' as a table"),
        ("pin = 2\non = 1", "", "needs 'led.pin', of type int"),
        ("pin = 2\non = 1", "pin = 2", "needs either 'led.on' or 'led.kind'"),
        ("on = 1", 'on = 1\nkind = "neopixel"', "needs either 'led.on' or 'led.kind'"),
        ("on = 1", 'kind = "dotstar"', "needs 'led.kind', one of neopixel"),
        ("title =", "title", "cannot be read"),
        ('chip = "esp32"', 'chip = "esp33"', "needs 'chip', one of esp32, esp32s2, "),
        ("files =", "file =", "unknown field 'flash.file'"),
        ('["its maker"]', '"its maker"', "needs 'sources' as a list of texts"),
        ('["its maker"]', "[3]", "needs 'sources[0]', of type str"),
    ],
)
def test_a_damaged_board_is_refused_by_its_field(read, old, new, told):
    assert old in WITH_PARTS
    with pytest.raises(CliError) as caught:
        read(WITH_PARTS.replace(old, new))
    assert told in caught.value.message
    assert "my-board" in caught.value.message
