"""The screen of a link with the names of people from many countries, on three panels.

`.venv/bin/python tests/name_sheets.py FOLDER` writes a sheet for each panel, to be looked at.
"""

import sys
from pathlib import Path
from typing import Any

from PIL import Image
from screen_reader import Panel, pages_of

from keyfob.oauth.id_token import account_name
from keyfob.ui.screens import Screens

sys.path.append(str(Path(__file__).parent / "firmware"))

from people import PEOPLE

SIZES = ((72, 40), (128, 64), (320, 240))
_ACROSS = 6
_GAP = 6  # pixels of the sheet between pictures


def pages(size: tuple[int, int], name: str, address: str | None) -> list[Any]:
    """The pages of the screen, of the account as the provider tells of it."""
    panel = Panel(*size)
    screens = Screens(panel, None, "en", "boot")
    screens.notify("linked", {"account": account_name({"name": name, "email": address})})
    return pages_of(panel, screens, screens._stay())


def sheet(size: tuple[int, int]) -> Image.Image:
    """All pages, in the order of the table."""
    scale = 2 if size[0] < 300 else 1
    glasses = [page for _, name, address, _ in PEOPLE for page in pages(size, name, address)]
    width, height = size[0] * scale + _GAP, size[1] * scale + _GAP
    rows = -(-len(glasses) // _ACROSS)
    picture = Image.new("L", (_GAP + _ACROSS * width, _GAP + rows * height), 128)
    for index, page in enumerate(glasses):
        glass = Image.frombytes("L", size, b"".join(page)).point([0, 255] * 128)
        glass = glass.resize((size[0] * scale, size[1] * scale), Image.Resampling.NEAREST)
        place = (_GAP + index % _ACROSS * width, _GAP + index // _ACROSS * height)
        picture.paste(glass, place)
    return picture


if __name__ == "__main__":
    for size in SIZES:
        sheet(size).save(Path(sys.argv[1], f"names-{size[0]}x{size[1]}.png"))
