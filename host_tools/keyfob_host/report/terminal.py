"""What a person at a terminal sees of a run: the board's screen, a QR, and what happened."""

import os
import shutil
import sys
from collections.abc import Callable
from typing import Any, TextIO

from PIL import Image

from keyfob_host.printable import one_line
from keyfob_host.report.qr_code import qr_modules

_WIDTH = 78  # columns of the frame around the board's screen
_INDENT = 6  # columns beside a panel's picture
_HALF = 127  # of 255: lighter is ink where there is no colour
_CLEAR_LINE = "\r\x1b[K"


class Terminal:
    """Prints a run to `out` (stdout). On a terminal one line follows the board's waiting.

    What `stamp` returns begins each line.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self.stamp: Callable[[], str] = lambda: ""
        self._out = out or sys.stdout
        self._live = self._out.isatty()
        self._colour = self._live and "NO_COLOR" not in os.environ
        self._status = ""
        self._until = 0.0  # t at which the code runs out
        self._shows: dict[str, Callable[[float, dict[str, Any]], None]] = {
            "server": self._server,
            "boot": self._boot,
            "window": self._window,
            "user_code": self._user_code,
            "poll": self._poll,
            "linked": self._linked,
            "api": self._api,
            "refreshed": self._refreshed,
            "denied": self._denied,
            "expired": self._expired,
            "fault": self._fault,
            "power_cut": self._power_cut,
            "error": self._error,
        }

    def event(self, event: str, t: float, members: dict[str, Any]) -> None:
        """Show one event of the firmware or the simulator, if there are words for it."""
        if event in self._shows:
            self._shows[event](t, members)

    def screen(self, lines: list[str], address: str | None, picture: Image.Image | None) -> None:
        """Show the board's screen: what its panel shows, or its text and the QR of `address`.

        The QR follows a panel, too, where the terminal is too narrow to show that as it is.
        """
        drawn: list[str] = []
        if picture is not None:
            scale = self._scale(picture)
            drawn += self._panel(picture.reduce(scale))
            if scale == 1:
                address = None  # its QR is on the panel, for the camera to read
        elif len(lines) == 1 and not address:
            self._line("  · " + lines[0])
            return
        self._line()
        self._line("  ┌" + "─" * _WIDTH)
        for line in lines:
            self._line("  │ " + line)
        if address:
            code = half_blocks(qr_modules(address, border=2))
            drawn += ["  " + self._on_white(line) for line in code]
        for line in drawn:
            self._drawing("  │ " + line)
        self._line("  └" + "─" * _WIDTH)
        self._line()

    def address(self, address: str) -> None:
        """Say where a person can approve."""
        self._line(f"Scan it with a phone, or open  {address}")
        self._line()

    def close(self) -> None:
        """Leave the cursor at the start of an empty line, wherever Ctrl-C found it."""
        if self._live:
            self._out.write(_CLEAR_LINE)
        self._out.flush()

    def _server(self, t: float, members: dict[str, Any]) -> None:
        self._line(f"Mock authorization server  {members['issuer']}")

    def _boot(self, t: float, members: dict[str, Any]) -> None:
        self._line(f"Virtual board  {members['board']} ({members['runtime']})")

    def _window(self, t: float, members: dict[str, Any]) -> None:
        self._line(f"Window  {members['url']}")

    def _user_code(self, t: float, members: dict[str, Any]) -> None:
        self._until = t + members["expires_in"]

    def _poll(self, t: float, members: dict[str, Any]) -> None:
        result = members["result"]
        if members["interval"] is None:
            return
        left = max(0, int(self._until - t))
        told = f"{result}; the code lives for {left // 60}:{left % 60:02d} min (Ctrl-C to stop)"
        if self._live:
            self._set_status(told)
        elif result != "pending":
            self._line(f"[{t:8.1f} s] {told}")

    def _linked(self, t: float, members: dict[str, Any]) -> None:
        who = members["account"] or "an account"
        how = ", from flash: no new code was needed" if members["stored"] else ""
        self._line(f"[{t:8.1f} s] linked to {who}{how}; scope {members['scope'] or 'not named'}")

    def _api(self, t: float, members: dict[str, Any]) -> None:
        self._line(f"[{t:8.1f} s] protected API answered HTTP {members['status']}")

    def _refreshed(self, t: float, members: dict[str, Any]) -> None:
        stored = "" if members.get("unsaved") else " and stored"
        how = f"rotated{stored}" if members["rotated"] else "kept"
        self._line(f"[{t:8.1f} s] access token refreshed, refresh token {how}")

    def _saved(self, t: float, members: dict[str, Any]) -> None:
        self._line(f"[{t:8.1f} s] saved: what was in memory only is in flash")

    def _denied(self, t: float, members: dict[str, Any]) -> None:
        self._line(f"[{t:8.1f} s] denied on the page")

    def _expired(self, t: float, members: dict[str, Any]) -> None:
        self._line(f"[{t:8.1f} s] the code ran out")

    def _fault(self, t: float, members: dict[str, Any]) -> None:
        told = {**members}
        what = told.pop("do").replace("_", " ")
        how = "over" if told.pop("over") else ", ".join(f"{k} {v}" for k, v in told.items())
        self._line(f"[{t:8.1f} s] fault: {what}" + (f" ({how})" if how else ""))

    def _power_cut(self, t: float, members: dict[str, Any]) -> None:
        where = "" if members["op"] is None else f" at flash operation {members['op']}"
        self._line(f"[{t:8.1f} s] the power went{where}")

    def _error(self, t: float, members: dict[str, Any]) -> None:
        if not members["fatal"]:
            self._line(f"[{t:8.1f} s] {members['message']}")

    def _line(self, text: str = "") -> None:
        """Print a line, which no word in it can leave."""
        self._drawing(one_line(text))

    def _drawing(self, text: str) -> None:
        """Print a line of ours with its colours."""
        self._set_status("")
        self._out.write(self.stamp() + text + "\n")
        self._out.flush()

    def _set_status(self, text: str) -> None:
        if self._status or text:
            self._out.write(_CLEAR_LINE + one_line(text) if self._live else "")
            self._out.flush()
        self._status = text

    def _scale(self, picture: Image.Image) -> int:
        """How many times smaller a picture has to be to fit into the terminal."""
        if not self._live:
            return 1
        columns = max(1, shutil.get_terminal_size().columns - _INDENT)
        return -(-picture.width // columns)

    def _panel(self, picture: Image.Image) -> list[str]:
        """The panel in half blocks."""
        if self._colour:
            return coloured_blocks(picture)
        grey = picture.convert("L")
        width, dots = grey.width, grey.tobytes()
        rows = [dots[start : start + width] for start in range(0, len(dots), width)]
        return half_blocks([[dot > _HALF for dot in row] for row in rows])

    def _on_white(self, line: str) -> str:
        return f"\x1b[30;107m{line}\x1b[0m" if self._colour else line


def half_blocks(modules: list[list[bool]]) -> list[str]:
    """QR rows, two to a line. Dark modules are ink, so it wants a light background."""
    if len(modules) % 2:
        modules = [*modules, [False] * len(modules[0])]
    ink = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
    return [
        "".join(ink[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(modules[::2], modules[1::2], strict=True)
    ]


def coloured_blocks(picture: Image.Image) -> list[str]:
    """A picture in half blocks of its own colours, two rows to a line."""
    rgb = picture.convert("RGB")
    width, dots = rgb.width, rgb.tobytes()
    rows = [
        [tuple(dots[at : at + 3]) for at in range(start, start + 3 * width, 3)]
        for start in range(0, len(dots), 3 * width)
    ]
    if len(rows) % 2:
        rows.append([(0, 0, 0)] * width)
    lines = []
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        line, last = "", None
        for pair in zip(upper, lower, strict=True):
            if pair != last:
                (r, g, b), (r2, g2, b2) = pair
                line += f"\x1b[38;2;{r};{g};{b};48;2;{r2};{g2};{b2}m"
                last = pair
            line += "▀"
        lines.append(line + "\x1b[0m")
    return lines
