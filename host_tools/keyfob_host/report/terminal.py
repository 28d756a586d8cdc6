"""What a person at a terminal sees of a run: the board's screen, a QR, and what happened."""

import os
import shutil
import sys
from collections.abc import Callable
from typing import Any, TextIO
from urllib.parse import urlsplit

from PIL import Image

from keyfob_host.printable import one_line
from keyfob_host.report.blocks import DEEP, INDEXED, PLAIN, half_blocks
from keyfob_host.report.board_view import BoardView, pieces
from keyfob_host.report.qr_code import qr_modules

_WIDTH = 76  # columns of the frame around the board's screen
_CLEAR_LINE = "\r\x1b[K"
_LOG = 100  # lines that are kept to stand below a panel
_HERE = ("127.0.0.1", "::1", "localhost")  # hosts that no phone reaches

# Screens whose names are not what a person calls them.
_SCREENS = {
    "clock": "Setting the clock",
    "idle": "Linked",
    "no_wifi": "No Wi-Fi",
    "press": "Waiting for its button",
    "user_code": "Waiting for your approval",
    "wifi": "Joining Wi-Fi",
}


class Terminal:
    """Prints a run to `out` (stdout). What `stamp` returns begins each line.

    On a terminal one line follows the board's waiting; and a panel, with all that is printed, is
    drawn in one place, where there is room for it.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self.stamp: Callable[[], str] = lambda: ""
        self._out = out or sys.stdout
        self._live = self._out.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = self._live and "NO_COLOR" not in os.environ
        is_deep = os.environ.get("COLORTERM") in ("truecolor", "24bit")
        self._view = BoardView((DEEP if is_deep else INDEXED) if self._colour else PLAIN)
        self._picture: Image.Image | None = None
        self._address: str | None = None
        self._drawn_for: os.terminal_size | None = None
        self._facts: dict[str, str] = {}
        self._log: list[str] = []
        self._code = ""
        self._status = ""
        self._until = 0.0  # t at which the code runs out
        self._shows: dict[str, Callable[[float, dict[str, Any]], None]] = {
            "server": self._server,
            "boot": self._boot,
            "window": self._window,
            "screen": self._screen,
            "user_code": self._user_code,
            "poll": self._poll,
            "linked": self._linked,
            "api": self._api,
            "refreshed": self._refreshed,
            "saved": self._saved,
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
        """Show the board's screen: what its panel shows, or its text and the QR of `address`."""
        self._picture, self._address = picture, address
        if picture is not None:
            self._show_panel(lines)
            return
        if len(lines) == 1 and not address:
            self._line("  · " + lines[0])
            return
        self._line()
        self._line("  ┌" + "─" * _WIDTH)
        for line in lines:
            for piece in pieces(one_line(line), _WIDTH - 1) if self._live else [line]:
                self._line("  │ " + piece)
        if address:
            for line in half_blocks(qr_modules(address, border=2)):
                self._drawing("  │   " + self._on_white(line))
        self._line("  └" + "─" * _WIDTH)
        self._line()

    def address(self, address: str) -> None:
        """Say where a person can approve."""
        if self._picture is None:
            self._line(f"Scan it, or open  {address}")
            self._line()
        else:
            self._line(f"To approve, open  {address}")

    def close(self) -> None:
        """Leave the cursor at the start of an empty line, wherever Ctrl-C found it."""
        self._set_status("")
        if self._live:
            self._out.write(_CLEAR_LINE)
        self._out.flush()

    def _server(self, t: float, members: dict[str, Any]) -> None:
        self._line(f"Mock authorization server  {members['issuer']}")

    def _boot(self, t: float, members: dict[str, Any]) -> None:
        self._facts["Virtual board"] = f"{members['board']} ({members['runtime']})"
        self._line(f"Virtual board  {members['board']} ({members['runtime']})")

    def _window(self, t: float, members: dict[str, Any]) -> None:
        self._facts["See it in a browser"] = members["url"]
        self._line(f"Window  {members['url']}")

    def _user_code(self, t: float, members: dict[str, Any]) -> None:
        self._until = t + members["expires_in"]
        self._code = members["user_code"]

    def _screen(self, t: float, members: dict[str, Any]) -> None:
        if self._picture is None:
            return
        name = members["name"]
        said = _SCREENS.get(name, name.replace("_", " ").capitalize())
        self._facts["Screen"] = said
        if not self._draw():
            self._line(f"[{t:8.1f} s] screen: {said}")

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

    def _show_panel(self, lines: list[str]) -> None:
        """Show a panel, and what its board has printed since the last time."""
        for line in lines:
            self._line("  " + line)
        self._facts.pop("Code", None)
        if self._address:
            self._facts["Code"] = self._code
        if not self._draw() and self._address:
            self._line(f"Code  {self._code}")

    def _draw(self) -> bool:
        """Draw the panel over all that was printed since it was first drawn, if there is room."""
        picture, size = self._picture, shutil.get_terminal_size()
        if picture is None or not self._live:
            return False
        if self._drawn_for is None:
            # What is printed so far is among the facts.
            self._view.drawn = sum(len(pieces(line, size.columns)) for line in self._log)
        elif self._drawn_for != size:
            self._view.drawn = 0  # who knows what the terminal has made of those lines
        address = self._address
        if address and urlsplit(address).hostname in _HERE:
            address = None  # no phone reaches it
        log = [] if self._drawn_for is None else self._log
        log = [*log, self._status] if self._status else log
        drawn = self._view.draw(size, picture, self._facts, address, log)
        if drawn is None:
            return False
        if self._drawn_for is None:
            self._log.clear()
        self._drawn_for = size
        self._out.write(drawn)
        self._out.flush()
        return True

    def _line(self, text: str = "") -> None:
        """Print a line, which no word in it can leave, in pieces that fit."""
        room = shutil.get_terminal_size().columns - 1 - len(self.stamp())
        text = one_line(text)
        for piece in pieces(text, max(1, room)) if self._live else [text]:
            self._drawing(piece)

    def _drawing(self, text: str) -> None:
        """Print a line of ours with its colours."""
        self._set_status("")
        self._log = [*self._log[1 - _LOG :], text]
        if not self._draw():
            self._out.write(self.stamp() + text + "\n")
            self._out.flush()

    def _set_status(self, text: str) -> None:
        before, self._status = self._status, one_line(text)
        if self._live and before != self._status and not self._draw():
            self._out.write(_CLEAR_LINE + self._status)
            self._out.flush()

    def _on_white(self, line: str) -> str:
        return f"\x1b[30;107m{line}\x1b[0m" if self._colour else line
