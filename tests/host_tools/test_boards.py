"""boards/: every board loads and is listed, and a misspelt board.toml is refused by the field."""

import pytest

from keyfob_host.boards import known_boards, load_board, read_board
from keyfob_host.errors import CliError, UsageError
from keyfob_host.resources import boards_dir

GOOD = """
title = "A board"
chip = "esp32"
flash = { size = 0x400000, offset = 0x1000 }
heap = { initial = 57344, limit = 114688 }
"""


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "my-board" / "board.toml"
        path.parent.mkdir()
        path.write_text(text)
        return read_board(path)

    return read


@pytest.mark.parametrize("name", known_boards())
def test_every_board_loads_and_has_its_readme(name):
    board = load_board(name)
    assert board.name == name
    assert 0 <= board.flash_offset < board.flash_size
    assert 0 < board.heap_initial <= board.heap_limit
    assert (boards_dir() / name / "README.md").is_file()
    assert f"| [{name}]({name}/README.md) |" in (boards_dir() / "README.md").read_text()


def test_the_generic_esp32():
    board = load_board("esp32-generic")
    assert (board.chip, board.flash_size, board.flash_offset) == ("esp32", 4 << 20, 0x1000)
    assert (board.heap_initial, board.heap_limit) == (56 * 1024, 112 * 1024)


@pytest.mark.parametrize("name", ["esp33", "", ".", "../boards/esp32-generic", "README.md"])
def test_an_unknown_board_is_answered_with_the_known_ones(name):
    with pytest.raises(UsageError) as caught:
        load_board(name)
    assert "esp32-generic" in caught.value.hint


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
        ("title =", "title", "cannot be read"),
    ],
)
def test_a_damaged_board_is_refused_by_its_field(read, old, new, told):
    with pytest.raises(CliError) as caught:
        read(GOOD.replace(old, new))
    assert told in caught.value.message
    assert "my-board" in caught.value.message
