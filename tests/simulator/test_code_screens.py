"""The code screen of every board that has a display: code, address and symbol can be read.

The whole of it, with many more photos, is in `make bench`.
"""

import re

import pytest
from code_screens import (
    ADDRESSES,
    BEGIN,
    BOARDS,
    END,
    README,
    code_screen,
    code_screens,
    decodes,
    photo,
    plain,
    table,
)


def test_the_readme_says_what_each_board_shows():
    kept = README.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    assert kept.splitlines() == table(code_screens()), "run .venv/bin/python tests/code_screens.py"


def test_the_readme_says_how_many_symbols_of_each_board_are_read():
    told = re.findall(r"^\| `(.+)` \| (\d+) \|", README.read_text("utf-8"), re.MULTILINE)
    screens = code_screens()
    counts = {
        board: sum(bool(screens[board, name].symbol) for name in ADDRESSES) for board in BOARDS
    }
    known = [(board, str(count)) for board, count in counts.items() if count]
    assert told == known, "take the rows that tests/benchmarks/bench_code_screens.py prints"


@pytest.mark.parametrize("name", ["GitHub", "Okta", "long"])
@pytest.mark.parametrize("board", ["esp32-ssd1306", "lilygo-t-display", "m5stack-core"])
def test_decoders_read_the_symbol(board, name):
    screen = code_screen(board, name)
    assert screen.symbol is not None
    photos = [photo(screen.symbol, seed) for seed in range(3)]
    for decoder, least in (("zxing-cpp", 3), ("OpenCV", 2)):
        assert decodes(decoder, screen, plain(screen.symbol)), decoder
        assert sum(decodes(decoder, screen, one) for one in photos) >= least, decoder


@pytest.mark.parametrize("board", ["esp32-ssd1306-32", "esp32c3-oled"])
def test_a_panel_too_small_for_a_symbol_shows_text(board):
    screen = code_screen(board, "shortest")  # which fails where it cannot be read
    assert screen.symbol is None
