"""boards/NAME/screen.png is what the firmware draws today, and is in the board's README."""

import importlib.util
import io

import pytest
from driven_panel import is_coloured, is_printed
from PIL import Image, ImageChops, ImageOps
from screen_reader import has_line, page_of

from keyfob_host.boards import known_boards, load_board
from keyfob_host.resources import boards_dir

spec = importlib.util.spec_from_file_location("pictures", boards_dir() / "pictures.py")
pictures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pictures)


@pytest.mark.parametrize("board", known_boards())
def test_the_picture_of_the_code_screen_is_current(board):
    kept = Image.open(boards_dir() / board / pictures.PICTURE).convert("RGB")
    drawn = Image.open(io.BytesIO(pictures.draw(board))).convert("RGB")
    assert kept.size == drawn.size, "python boards/pictures.py"
    assert ImageChops.difference(kept, drawn).getbbox() is None, "python boards/pictures.py"
    assert f"({pictures.PICTURE})" in (boards_dir() / board / "README.md").read_text()
    if is_printed(load_board(board)):
        page = page_of(ImageOps.invert(kept))
        assert has_line(page, "WDJB-MJHT"), "paper without its typeface"
    elif is_coloured(load_board(board)):
        assert len(kept.getcolors(256)) > 2, "a colour panel without its typeface"
