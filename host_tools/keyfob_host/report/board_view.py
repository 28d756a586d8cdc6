"""A board with a panel as a terminal shows it: in one place, drawn over as it changes."""

import math
import textwrap
from collections.abc import Mapping
from itertools import zip_longest
from typing import NamedTuple
from unicodedata import east_asian_width

from PIL import Image, ImageOps

from keyfob_host.report.blocks import PLAIN, half_blocks, picture_blocks
from keyfob_host.report.qr_code import qr_modules

_MARGIN = 1  # column before all lines
_GAP = 2  # columns between the panel and what stands beside it
_SIDE = 28  # columns of the facts beside it
_BELOW = 5  # lines below it, at least
_LEAST = 4  # of them where there is a QR: a blank, an address, what is waited for, the cursor
_BEZEL = (74, 82, 94)
_LOWEST = 12  # lines of a panel, below which it is not worth showing
_READABLE = 2  # times that a panel may be smaller where there is no colour

_SECOND = "\0"  # stands for the second column of a letter
_CLEAR = "\x1b[K"  # what is left of a line
_CLEAR_BELOW = "\x1b[J"
_DIM, _BOLD, _ON_WHITE, _END = "\x1b[2m", "\x1b[1m", "\x1b[30;107m", "\x1b[0m"


class Layout(NamedTuple):
    """How large a panel is drawn, in pixels, and what there is around it.

    A line has two pixels. `side` is the columns beside the panel, `below` the lines under it.
    """

    width: int
    height: int
    side: int
    below: int


def layout(
    panel: tuple[int, int], terminal: tuple[int, int], depth: int, side: int = 0
) -> Layout | None:
    """Find the largest panel that a terminal of so many columns and lines has room for.

    None where nothing of it could be made out. `side` is what a QR beside the panel takes.
    """
    columns = terminal[0] - 1 - _MARGIN - 2  # no character in the last column, which may wrap
    lines = terminal[1] - 1 - _BELOW  # one for the cursor
    width, height = panel
    beside = columns - _GAP - max(side, _SIDE)
    room = 2 * lines - 2
    if not (width <= columns and height <= room):
        scale = max(width / max(1, beside), height / max(1, room))
        if depth == PLAIN:
            scale = math.ceil(scale)
        width, height = int(width / scale), int(height / scale)
        is_low = lines_of(height) < min(_LOWEST, lines_of(panel[1]))
        if width < 1 or is_low or (depth == PLAIN and scale > _READABLE):
            return None
    free = columns - _GAP - width
    return Layout(width, height, free if free >= _SIDE else 0, terminal[1] - 1 - lines_of(height))


def lines_of(height: int) -> int:
    """The lines of a panel that is so many pixels high, with its bezel."""
    return -(-(height + 2) // 2)


class BoardView:
    """The lines that show a board, and how to draw them over those of the last time."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.drawn = 0  # lines above the cursor that are drawn over

    def draw(
        self,
        terminal: tuple[int, int],
        picture: Image.Image,
        facts: Mapping[str, str],
        address: str | None,
        log: list[str],
    ) -> str | None:
        """What to write, all at once: the panel, the QR of `address` or `facts`, the log.

        `facts` and `log` are text only. None where the terminal has no room for the panel.
        """
        code = half_blocks(qr_modules(address, border=2)) if address else []
        found = code and layout(picture.size, terminal, self.depth, len(code[0]))
        if not found or found.side < len(code[0]) or len(code) + _LEAST >= terminal[1]:
            code = []
            found = layout(picture.size, terminal, self.depth)
        if not found:
            return None
        side = [self._styled(line, _ON_WHITE) for line in code]
        if found.side and not code:
            side = self._facts(facts, found.side)[: lines_of(found.height)]
        else:
            log = [f"{name}  {value}" for name, value in facts.items()] + log
        panel = self._panel(found, picture)
        lines = [
            (left or " " * (found.width + 2)) + " " * _GAP + (right or "")
            for left, right in zip_longest(panel, side)
        ]
        below = [piece for line in log for piece in pieces(line, terminal[0] - 1 - _MARGIN)]
        lines += ["", *below[-(terminal[1] - 2 - len(lines)) :]]
        over = f"\x1b[{self.drawn}A" if self.drawn else ""
        self.drawn = len(lines)
        rows = [(" " * _MARGIN + line).rstrip() for line in lines]
        return "\r" + over + "".join(f"{row}{_CLEAR}\n" for row in rows) + _CLEAR_BELOW

    def _panel(self, found: Layout, picture: Image.Image) -> list[str]:
        size = found.width, found.height
        if size != picture.size:
            picture = picture.convert("RGB").resize(size, Image.Resampling.BOX)
        return picture_blocks(ImageOps.expand(picture.convert("RGB"), 1, _BEZEL), self.depth)

    def _facts(self, facts: Mapping[str, str], width: int) -> list[str]:
        lines = [""]
        for name, value in facts.items():
            lines += [self._styled(name, _DIM)]
            lines += [self._styled(piece, _BOLD) for piece in pieces(value, width)] + [""]
        return lines

    def _styled(self, text: str, style: str) -> str:
        return text if self.depth == PLAIN else f"{style}{text}{_END}"


def pieces(line: str, width: int) -> list[str]:
    """A line in pieces of so many columns; the letters of East Asia take two."""
    spaced = "".join(c + _SECOND if east_asian_width(c) in "WF" else c for c in line)
    found = textwrap.wrap(spaced, width, subsequent_indent="  ", break_on_hyphens=False)
    return [piece.replace(_SECOND, "") for piece in found] or [""]
