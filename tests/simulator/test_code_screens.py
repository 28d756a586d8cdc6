"""The code screen of every board that has a display: code, address and symbol can be read.

The whole of it, with many more photos, is in `make bench`.
"""

from pathlib import Path

import pytest
from code_screens import ADDRESSES, BOARDS, code_screen, decodes, photo, plain, table

README = Path(__file__).resolve().parents[2] / "firmware" / "README.md"
BEGIN, END = "<!-- code screens: begin -->", "<!-- code screens: end -->"


def test_the_readme_says_what_each_board_shows():
    screens = {(board, name): code_screen(board, name) for board in BOARDS for name in ADDRESSES}
    kept = README.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert kept.strip().splitlines() == table(screens)


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
