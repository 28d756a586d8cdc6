"""Every screen on every size of panel, as one sheet for each size and language.

`.venv/bin/python tests/goldens.py` draws all sheets anew; look at them before they are committed.
`make pictures` draws one sheet of each board and language, its screens side by side.
"""

import sys
from pathlib import Path
from typing import Any

import pytest
from driven_panel import is_coloured, open_panel
from PIL import Image, ImageDraw, ImageFont
from screen_reader import (
    LANGUAGES,
    MEMBERS,
    SCREENS,
    TROUBLED,
    Panel,
    Watched,
    members_of,
    pages_of,
)

from keyfob.ui.screens import Screens
from keyfob_host.boards import known_boards, load_board

FOLDER = Path(__file__).parent / "simulator" / "goldens"

_DISPLAYS = [display for name in known_boards() if (display := load_board(name).display)]
SIZES = sorted({(display.width, display.height) for display in _DISPLAYS} | {(96, 64)})
# In the other languages, which differ by the length of their texts alone, the narrowest panels.
SHEETS = [
    (size, language)
    for size in SIZES
    for language in LANGUAGES
    if language in ("en", "de") or size in ((72, 40), (135, 240))
]
# A board for each size of colour panel: its own driver colours the picture.
_COLOURED = {
    (display.width, display.height): load_board(name)
    for name in reversed(known_boards())
    if is_coloured(load_board(name)) and (display := load_board(name).display)
}
CODE = {
    "user_code": "RSIK-KRAM",
    "verification_uri": "https://example.okta.com/activate",
    "verification_uri_complete": "https://example.okta.com/activate?user_code=RSIK-KRAM",
    "expires_in": 930,
}

_SCALE = 2
_GAP = 6  # pixels of the sheet between pictures
_CAPTION = 12
_CONTACT = 1600  # pixels that a board's sheet is wide, about


def sheet(size: tuple[int, int], language: str) -> Image.Image:
    """The pages of all screens, a row for each that differs within its screen."""
    rows = []
    for name in SCREENS:
        seen: list[list[Any]] = []
        for caption, button, members in (
            (name, "boot", MEMBERS),
            (f"{name}, no button", None, MEMBERS),
            (f"{name}, in trouble", "boot", TROUBLED),
        ):
            pages = _pages(name, size, language, button, members)
            if pages not in seen:
                seen.append(pages)
                rows.append((caption, pages))
    scale = 1 if size in _COLOURED else _SCALE
    width, height = size[0] * scale, size[1] * scale
    across = max(len(pages) for _, pages in rows)
    row_height = height + _CAPTION + _GAP
    whole = _GAP + across * (width + _GAP), _GAP + len(rows) * row_height
    picture = Image.new("RGB", whole, (128, 128, 128))
    draw = ImageDraw.Draw(picture)
    draw.fontmode = "1"
    font = ImageFont.load_default_imagefont()
    for row, (caption, pages) in enumerate(rows):
        top = _GAP + row * row_height
        draw.text((_GAP, top - 1), caption, (255, 255, 255), font)
        for column, glass in enumerate(pages):
            glass = glass.resize((width, height), Image.Resampling.NEAREST)
            picture.paste(glass, (_GAP + column * (width + _GAP), top + _CAPTION))
    return picture


def _pages(
    name: str, size: tuple[int, int], language: str, button: str | None, members: dict[str, Any]
) -> list[Image.Image]:
    with pytest.MonkeyPatch.context() as patch:
        if size in _COLOURED:
            panel: Any = Watched(*open_panel(_COLOURED[size], patch)[:2])
        else:
            panel = Panel(*size)
        screens = Screens(panel, None, language, button)
        if name in ("user_code", "offline"):
            screens.notify("user_code", CODE)
            if name == "offline":
                screens.notify("poll", {"result": "retry", "trouble": members["trouble"]})
        else:
            screens.show(name, members_of(name, members))
        # What comes then is another screen, or shows that it is no longer 15 min.
        limit = screens._stay() if name in ("linked", "unlink") else 30_000
        pages = pages_of(panel, screens, limit)
    if size in _COLOURED:
        return pages
    return [Image.frombytes("L", size, b"".join(page)).point([0, 255] * 128) for page in pages]


def path_of(size: tuple[int, int], language: str) -> Path:
    """Where the sheet is kept."""
    return FOLDER / f"{size[0]}x{size[1]}-{language}.png"


def same(one: Image.Image, other: Image.Image) -> bool:
    """Whether two sheets are the same, pixel by pixel."""
    return (
        one.size == other.size and one.convert("RGB").tobytes() == other.convert("RGB").tobytes()
    )


def renew() -> None:
    """Write all sheets."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        path.unlink()
    for size, language in SHEETS:
        picture = sheet(size, language).quantize(16, dither=Image.Dither.NONE)
        picture.save(path_of(size, language), optimize=True, bits=4)


def contact_sheets(folder: Path) -> None:
    """Write a sheet for each board and language to `folder`, as small as the panels are."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in known_boards():
        display = load_board(name).display
        if display is None:
            continue
        width, height = size = display.width, display.height
        across = max(1, _CONTACT // (width + _GAP))
        for language in LANGUAGES:
            pages = [
                page
                for screen in SCREENS
                for page in _pages(screen, size, language, "boot", MEMBERS)
            ]
            down = -(-len(pages) // across)
            whole = _GAP + across * (width + _GAP), _GAP + down * (height + _GAP)
            picture = Image.new("RGB", whole, (70, 74, 82))
            for number, page in enumerate(pages):
                row, column = divmod(number, across)
                picture.paste(page, (_GAP + column * (width + _GAP), _GAP + row * (height + _GAP)))
            picture.save(folder / f"{name}-{language}.png")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        contact_sheets(Path(sys.argv[1]))
    else:
        renew()
