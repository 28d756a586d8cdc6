"""Screens on a panel in memory, and reading them back from their pixels alone.

A page is a list of rows, a byte for each pixel, 1 lit. Text is read with the project's own
glyphs as templates, symbols with zxing-cpp; neither is told where anything stands.
"""

import functools
import re
import sys
from typing import Any

import cv2
import numpy as np
import zxingcpp
from PIL import Image, ImageOps

from keyfob_sim.cpython import framebuf

sys.modules.setdefault("framebuf", framebuf)

from keyfob.ui import fonts, screen_table, texts, typeface  # noqa: E402 - they import framebuf
from keyfob.ui.screens import Screens  # noqa: E402

LANGUAGES = texts.languages()
SCREENS = screen_table.names()

MEMBERS: dict[str, Any] = {
    "account": "Ana.Beispiel-Müller@example-company.com",
    "trouble": "no connection to auth.example-company.com: its name is not known",
    "kind": "tls",
    "message": "auth.example-company.com is not trusted: the certificate has expired",
    "hint": "check the CA certificate, the host name and the clock",
    "fatal": True,
    "ssid": "Vodafone-Gast 5A2C",
}
TROUBLED = dict(
    MEMBERS,
    unsaved="the flash is read-only",
    revoked=False,
    lost="auth.example-company.com did not answer within 10 s",
)


def members_of(name: str, members: dict[str, Any]) -> dict[str, Any]:
    """The same members as the screen of that name has them."""
    if name == "no_wifi":
        return dict(members, kind="password" if members is MEMBERS else "lost")
    return members


class Panel:
    """A panel that keeps every picture it showed, and lets nothing be drawn beyond its edges."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.shown: list[list[bytes]] = []
        self._pixels = bytearray(width * height)
        self._glass = framebuf.FrameBuffer(self._pixels, width, height, framebuf.GS8)

    def fill(self, colour: int) -> None:
        self.fill_rect(0, 0, self.width, self.height, colour)

    def fill_rect(self, x: int, y: int, width: int, height: int, colour: int) -> None:
        assert x >= 0
        assert y >= 0
        assert x + width <= self.width
        assert y + height <= self.height
        for start in range(y * self.width + x, (y + height) * self.width + x, self.width):
            self._pixels[start : start + width] = bytes([colour]) * width

    def blit(self, canvas: Any, left: int, top: int) -> None:
        self._glass.blit(canvas, left, top)

    def show(self) -> None:
        pixels = bytes(self._pixels)
        rows = range(0, len(pixels), self.width)
        self.shown.append([pixels[start : start + self.width] for start in rows])


class Watched:
    """A board's display, which remembers every picture that was seen on its glass."""

    def __init__(self, display: Any, panel: Any) -> None:
        self._display, self._panel = display, panel
        self.shown: list[Image.Image] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._display, name)

    def show(self) -> None:
        self._display.show()
        if getattr(self._panel, "refreshing", 0):
            self._panel.finish()
        self.shown.append(self._panel.image().convert("RGB"))


def pages_of(panel: Any, screens: Screens, ms: int = 60_000) -> list[Any]:
    """The different pages that the screen on `panel` shows in its first `ms`, in order."""
    del panel.shown[:-1]
    now = 0
    wait = screens.update(now)
    while wait is not None and now + wait < ms:
        now += wait
        wait = screens.update(now)
    return [page for index, page in enumerate(panel.shown) if page not in panel.shown[:index]]


# Reading a picture


def page_of(image: Image.Image) -> list[bytes]:
    """The page that is seen on a glass."""
    pixels = image.convert("L").point([0] * 128 + [1] * 128).tobytes()
    return [pixels[at : at + image.width] for at in range(0, len(pixels), image.width)]


@functools.cache
def alphabet() -> dict[bytes, str]:
    """The characters by their columns."""
    characters = [chr(code) for code in range(32, 127)] + list(fonts._OTHERS)
    return {bytes(fonts.glyph(character)): character for character in characters}


@functools.cache
def _drawn(text: str, number: int) -> tuple[list[bytes], int]:
    """A line in a font of the typeface, as rows of pixels without the dark around.

    Beside them, which row has the most light, so that few others are like it.
    """
    font = typeface.Font(number)
    width = font.width(text) + 8
    pixels = bytearray(width * 80)
    font.draw(framebuf.FrameBuffer(pixels, width, 80, framebuf.GS8), text, 4, 50)
    rows = np.frombuffer(pixels, np.uint8).reshape(80, width)
    lit = np.argwhere(rows)
    (top, left), (bottom, right) = lit.min(0), lit.max(0)
    drawn = [row.tobytes() for row in rows[top : bottom + 1, left : right + 1]]
    return drawn, max(range(len(drawn)), key=lambda row: sum(drawn[row]))


def has_line(page: list[bytes], text: str) -> bool:
    """Whether `text` stands on a page of a colour panel, in one of the typeface's sizes."""
    pixels, width = b"".join(page), len(page[0])
    for number in (typeface.TEXT, typeface.LARGE, typeface.CODE, typeface.HUGE):
        rows, key = _drawn(text, number)
        at = pixels.find(rows[key])
        while at >= 0:
            top, left = at // width - key, at % width
            if 0 <= top <= len(page) - len(rows) and left <= width - len(rows[key]):
                there = page[top : top + len(rows)]
                if all(row.startswith(one, left) for row, one in zip(there, rows, strict=True)):
                    return True
            at = pixels.find(rows[key], at + 1)
    return False


def has_lines(pages: list[list[bytes]], text: str) -> bool:
    """Whether `text` stands on pages of a colour panel, in pieces each of which is a line."""
    while text:
        length, most = 0, len(text)
        while length < most:  # what begins a line that is there, is there
            middle = (length + most + 1) // 2
            if any(has_line(page, text[:middle]) for page in pages):
                length = middle
            else:
                most = middle - 1
        if not length:
            return False
        text = text[length:]
    return True


def symbol_box(page: list[bytes]) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of the square of light around a symbol, None without one."""
    pixels = np.frombuffer(b"".join(page), np.uint8).reshape(len(page), -1)
    areas = cv2.connectedComponentsWithStats(pixels, connectivity=4)[2]
    for left, top, width, height, _ in areas[1:]:  # the first is all that is dark
        if width == height >= 44:
            return int(left), int(top), int(left + width), int(top + height)
    return None


def symbol_text(page: list[bytes]) -> str | None:
    """What a camera reads off the panel in its black bezel, None without a symbol."""
    image = Image.frombytes("L", (len(page[0]), len(page)), b"".join(page)).point([0, 255] * 128)
    scale = 4 if image.width <= 128 else 2  # the larger the panel, the larger its modules
    size = image.width * scale, image.height * scale
    image = ImageOps.expand(image.resize(size), border=20 * scale, fill=0)
    found = zxingcpp.read_barcodes(image)
    assert len(found) <= 1
    return found[0].text if found else None


def lines_of(page: list[bytes]) -> list[str]:
    """The lines of text on a page, from top to bottom."""
    box = symbol_box(page)
    rows = list(page)
    if box is not None:
        left, top, right, bottom = box
        for y in range(top, bottom):
            rows[y] = rows[y][:left] + bytes(right - left) + rows[y][right:]
    lines = []
    y = 0
    while y < len(rows):
        if not any(rows[y]):
            y += 1
            continue
        text, y = _read(rows, y)
        lines.append(text)
    return lines


def _read(rows: list[bytes], top: int) -> tuple[str, int]:
    """The line of text whose first pixels are in the row `top`, and the row behind it."""
    bottom = next((y for y in range(top, len(rows)) if not any(rows[y])), len(rows))
    for size in range(8, 0, -1):
        for y in range(top, bottom - 7 * size - 1, -1):
            columns = _columns(rows, y, size) or b""
            left = len(columns) - len(columns.lstrip(b"\0"))
            for x in range(left, left - 5 * size, -size) if columns else ():
                text = _glyphs(columns, x, size)
                if text is not None:
                    return text, y + 7 * size
    raise AssertionError(f"no text can be read from row {top} on")


def _columns(rows: list[bytes], y: int, size: int) -> bytes | None:
    """Columns of seven squares as numbers, None where the rows from `y` on make no squares."""
    dark = bytes(len(rows[0]))
    columns = 0  # a byte each
    for index in range(7):
        first = y + index * size
        square = rows[first] if 0 <= first < len(rows) else dark
        for row in range(first + 1, first + size):
            if (rows[row] if 0 <= row < len(rows) else dark) != square:
                return None
        columns |= int.from_bytes(square, "big") << index
    return columns.to_bytes(len(dark), "big")


def _glyphs(columns: bytes, x: int, size: int) -> str | None:
    """The text whose first glyph begins at `x`, None if there is anything but glyphs."""
    text = ""
    columns = bytes(max(0, -x)) + columns[max(0, x) :] + bytes(6 * size)
    while any(columns):
        cell = columns[: 6 * size]
        squares = cell[::size]
        character = alphabet().get(squares[:5])
        if character is None or cell != b"".join(bytes([c]) * size for c in squares):
            return None
        if squares[5]:
            return None
        text += character
        columns = columns[6 * size :]
    return text


def same_address(one: str | None, other: str) -> bool:
    """Whether two addresses are the same, with scheme and host in either case."""
    pattern = re.compile(r"(https?://[^/?#]*)(.*)", re.IGNORECASE)
    found, wanted = pattern.fullmatch(one or ""), pattern.fullmatch(other)
    assert wanted is not None
    return found is not None and found[1].lower() == wanted[1].lower() and found[2] == wanted[2]


def squeezed(text: str) -> str:
    return "".join(text.split())
