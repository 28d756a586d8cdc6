"""The code screen of each board for addresses as providers send them, and who can read it.

It is drawn by the board's own driver on the model of its controller, and judged by what
stands on the glass.

`.venv/bin/python tests/code_screens.py` writes the table in firmware/README.md anew.
"""

import functools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import zxingcpp
from driven_panel import is_coloured, is_printed, open_panel
from PIL import Image, ImageOps
from screen_reader import (
    Watched,
    has_line,
    has_lines,
    lines_of,
    page_of,
    pages_of,
    same_address,
    symbol_box,
)

from keyfob.ui.screens import Screens
from keyfob_host.boards import Board, Display, known_boards, load_board

README = Path(__file__).parents[1] / "firmware" / "README.md"
BEGIN, END = "<!-- code screens: begin -->\n", "<!-- code screens: end -->\n"

BOARDS = [name for name in known_boards() if load_board(name).display]

# By the provider they are like: user code, address, and what the address with the code adds.
ADDRESSES = {
    "shortest": ("WDJB-MJHT", "https://as.example/d", ""),
    "Google": ("GQVQ-JKEC", "https://www.google.com/device", ""),
    "GitHub": ("WDJB-MJHT", "https://github.com/login/device", ""),
    "Microsoft": ("BPPVYQZMA", "https://microsoft.com/devicelogin", ""),
    "GitLab": ("0A44L90H", "https://gitlab.com/oauth/device", "?user_code=0A44L90H"),
    "Twitch": ("ABCDEFGH", "https://www.twitch.tv/activate?device-code=ABCDEFGH", ""),
    "Okta": ("RSIK-KRAM", "https://example.okta.com/activate", "?user_code=RSIK-KRAM"),
    "Auth0": ("HRJB-TPXZ", "https://tenant-12.us.auth0.com/activate", "?user_code=HRJB-TPXZ"),
    "Hydra": ("AXpr4wLn", "https://login.example.org/oauth2/device/verify", "?user_code=AXpr4wLn"),
    "Keycloak": (
        "MQXB-ZKTP",
        "https://sso.example.com/realms/living-room-lights/device",
        "?user_code=MQXB-ZKTP",
    ),
    "long": (
        "WDJB-MJHT",
        "https://auth.example-company.com/oauth2/default/v1/activate",
        "?user_code=WDJB-MJHT&lang=en-GB",
    ),
    "longest": (
        "019-450-730",
        "https://accounts.identity.example-company.com/oauth2/default/v1/activate",
        "?user_code=019-450-730&ui_locales=en-GB",
    ),
}

TOGETHER, IN_TURN, TEXT = "together", "in turn", "text"
BEZEL = 20  # pixels of black around the glass


def complete_of(name: str) -> str:
    """The address that goes into a QR where there is room for it."""
    _, address, query = ADDRESSES[name]
    return address + query


@dataclass
class CodeScreen:
    """What a panel shows: `pages` as they are seen, and what can be read off them.

    `kind` says how the symbol stands to code and address. `symbol` is the page with it, of
    `version` with modules of `module` pixels, saying `address`; None where there is none.
    """

    kind: str
    pages: list[Image.Image]
    symbol: Image.Image | None = None
    version: int = 0
    module: int = 0
    address: str | None = None

    def cell(self, name: str) -> str:
        """How the table puts it; the star is for an address without the code."""
        if self.symbol is None:
            return "text"
        star = "" if self.address == complete_of(name) else "*"
        together = "" if self.kind == TOGETHER else ", in turn"
        return f"v{self.version} {self.module} px{star}{together}"


def code_screen(board: str, name: str) -> CodeScreen:
    """The code screen of a board, as its pixels tell; fails where code or address is not whole.

    Boards with the same glass have the same.
    """
    return _code_screen(next(one for one in BOARDS if _glass(one) == _glass(board)), name)


def _glass(board: str) -> Display | None:
    display = load_board(board).display
    return display and replace(display, i2c=None, spi=None, power=None)


@functools.cache
def _code_screen(board: str, name: str) -> CodeScreen:
    code, address, query = ADDRESSES[name]
    images = _drawn(load_board(board), code, address, address + query if query else None)

    is_paper = is_printed(load_board(board))
    pages = [page_of(ImageOps.invert(image) if is_paper else image) for image in images]
    reader = _Coloured if is_coloured(load_board(board)) else _Plain
    assert any(reader.has(page, code) for page in pages), (board, name)
    assert reader.have(pages, address), (
        board,
        name,
    )  # a long one goes on on the next page of a small panel
    for image, page in zip(images, pages, strict=True):
        symbol = page_of(_cut_out(image)) if is_paper else page
        if symbol_box(symbol) is None:
            continue
        version, module = _measured(symbol)
        said = zxing(plain(image))
        candidates = [one for one in (address + query, address) if same_address(said, one)]
        assert candidates, f"{said} is not {address}"
        is_whole = reader.has(page, code) and reader.have([page], address)
        kind = TOGETHER if is_whole else IN_TURN
        return CodeScreen(kind, images, image, version, module, candidates[0])
    return CodeScreen(TEXT, images)


class _Plain:
    """What can be read off a panel with the letters of 5 x 7."""

    @staticmethod
    def has(page: list[bytes], text: str) -> bool:
        return text in "".join(lines_of(page))

    @staticmethod
    def have(pages: list[list[bytes]], address: str) -> bool:
        return address in "".join("".join(lines_of(page)) for page in pages)


class _Coloured:
    """The same with the typeface, where an address is without https://."""

    has = staticmethod(has_line)

    @staticmethod
    def have(pages: list[list[bytes]], address: str) -> bool:
        return has_lines(pages, address.removeprefix("https://"))


def _drawn(board: Board, code: str, address: str, complete: str | None) -> list[Image.Image]:
    """What is seen on the glass while the code is shown."""
    members = {"user_code": code, "verification_uri": address, "expires_in": 1800}
    members["verification_uri_complete"] = complete
    with pytest.MonkeyPatch.context() as patch:
        display, panel, _ = open_panel(board, patch)
        watched = Watched(display, panel)
        screens = Screens(watched, None, "en", "boot")
        screens.notify("user_code", members)
        images = [image.convert("L") for image in pages_of(watched, screens)]
    assert panel.faults == []
    return images


def _cut_out(image: Image.Image) -> Image.Image:
    """The symbol of a page of paper with the light around it, on black as on other panels."""
    alone = Image.new("L", image.size)
    for found in zxingcpp.read_barcodes(plain(image)):
        first, last = found.position.top_left, found.position.bottom_right
        left, top = (round(at / 4) - BEZEL for at in (first.x, first.y))
        right, bottom = (round(at / 4) - BEZEL for at in (last.x, last.y))
        row = image.crop((left, top, right, top + 1)).point([1] * 128 + [0] * 128).tobytes()
        rest = left, top, image.width - right, image.height - bottom
        quiet = min(4 * (row.index(0) // 7), *rest)
        box = left - quiet, top - quiet, right + quiet, bottom + quiet
        alone.paste(image.crop(box), box)
    return alone


def _measured(page: list[bytes]) -> tuple[int, int]:
    """The version of a symbol and the pixels of its modules; fails without light around it."""
    box = symbol_box(page)
    assert box is not None
    left, top, right, bottom = box
    rows = [row[left:right] for row in page[top:bottom]]
    first = next(row for row in rows if 0 in row)
    quiet = first.index(0)
    module = (first.index(1, quiet) - quiet) // 7  # the upper edge of a finder
    size = (len(first) - 2 * quiet) // module
    assert quiet >= module
    assert rows.index(first) >= module
    return (size - 17) // 4, module


def plain(image: Image.Image) -> "np.ndarray[Any, Any]":
    """The glass in its black bezel, four times as large, as a picture viewer enlarges.

    OpenCV misses some symbols whose modules have edges sharper than any camera shows.
    """
    return _enlarged(image, 4, Image.Resampling.BILINEAR)


def _enlarged(image: Image.Image, scale: int, how: Image.Resampling) -> "np.ndarray[Any, Any]":
    size = image.width * scale, image.height * scale
    return np.pad(np.asarray(image.resize(size, how)), BEZEL * scale)


def photo(image: Image.Image, seed: int) -> "np.ndarray[Any, Any]":
    """The glass as a phone sees it: askew, in perspective, blurred and noisy."""
    dice = np.random.default_rng(seed)
    scale = 5 if image.width <= 128 else 3
    picture = _enlarged(image, scale, Image.Resampling.NEAREST).astype(np.float32)
    picture = picture * (210 / 255) + 25
    height, width = picture.shape
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), dice.uniform(-4, 4), 1)
    seen = cv2.transform(corners[None], turn)[0]
    seen += dice.uniform(-0.025, 0.025, (4, 2)) * (width, height)
    tilt = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
    picture = cv2.warpPerspective(picture, tilt, (width, height), borderValue=25.0)
    picture = cv2.GaussianBlur(picture, (0, 0), 0.4 * scale)
    picture += dice.uniform(-25, 25, picture.shape)
    return picture.clip(0, 255).astype(np.uint8)


def zxing(picture: "np.ndarray[Any, Any]") -> str | None:
    """What zxing-cpp reads off a picture."""
    found = zxingcpp.read_barcodes(picture)
    return found[0].text if len(found) == 1 else None


def opencv(picture: "np.ndarray[Any, Any]") -> str | None:
    """What OpenCV reads off a picture."""
    return cv2.QRCodeDetector().detectAndDecode(picture)[0] or None


DECODERS = {"zxing-cpp": zxing, "OpenCV": opencv}


def decodes(decoder: str, screen: CodeScreen, picture: "np.ndarray[Any, Any]") -> bool:
    """Whether a decoder reads the address of a code screen off a picture of it."""
    assert screen.address is not None
    return same_address(DECODERS[decoder](picture), screen.address)


def table(screens: dict[tuple[str, str], CodeScreen]) -> list[str]:
    """What each board shows, as lines of Markdown."""
    glasses: list[Display | None] = [load_board(board).display for board in BOARDS]
    heads = [
        f"`{board}`<br>{glass.width} x {glass.height}"
        for board, glass in zip(BOARDS, glasses, strict=True)
        if glass
    ]
    lines = ["| address like | characters | " + " | ".join(heads) + " |"]
    lines.append("|---" * (2 + len(BOARDS)) + "|")
    for name, (_, address, query) in ADDRESSES.items():
        length = f"{len(address)}" + (f", {len(address + query)}" if query else "")
        cells = [screens[board, name].cell(name) for board in BOARDS]
        lines.append(f"| {name} | {length} | " + " | ".join(cells) + " |")
    return lines


def code_screens() -> dict[tuple[str, str], CodeScreen]:
    """Every board's code screen for every address."""
    return {(board, name): code_screen(board, name) for board in BOARDS for name in ADDRESSES}


def renew() -> None:
    """Write the table anew."""
    lines = table(code_screens())
    before, _, rest = README.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(before + BEGIN + "\n".join(lines) + "\n" + END + after, "utf-8")


if __name__ == "__main__":
    renew()
