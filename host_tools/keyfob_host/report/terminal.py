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
        self._written = 0  # lines before the panel is drawn for the first time
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
        if picture is not None:
            for line in lines:
                self._line("  " + line)
            self._show_panel(picture, address)
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
        self._fact("", "", f"Mock authorization server  {members['issuer']}")

    def _boot(self, t: float, members: dict[str, Any]) -> None:
        what = f"{members['board']} ({members['runtime']})"
        self._fact("Virtual board", what, f"Virtual board  {what}")

    def _window(self, t: float, members: dict[str, Any]) -> None:
        self._fact("See it in a browser", members["url"], f"Window  {members['url']}")

    def _user_code(self, t: float, members: dict[str, Any]) -> None:
        self._until = t + members["expires_in"]
        self._code = one_line(members["user_code"])

    def _screen(self, t: float, members: dict[str, Any]) -> None:
        if self._picture is None:
            return
        name = members["name"]
        said = _SCREENS.get(name, name.replace("_", " ").capitalize())
        self._fact("Screen", said, f"[{t:8.1f} s] screen: {said}")

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

    def _show_panel(self, picture: Image.Image, address: str | None) -> None:
        self._picture, self._address = picture, address
        self._facts.pop("Code", None)
        if address:
            self._fact("Code", self._code, f"Code  {self._code}")
        else:
            self._draw()

    def _fact(self, name: str, value: str, line: str) -> None:
        """Show beside the panel what `line` says where there is none drawn."""
        if name:
            self._facts[name] = value
        if not self._draw():
            self._write(line)

    def _draw(self) -> bool:
        """Draw the panel over all that was printed since it was first drawn, if there is room."""
        picture, size = self._picture, shutil.get_terminal_size()
        if picture is None or not self._live:
            return False
        if self._drawn_for is None:
            self._view.drawn = self._written if self._written < size.lines else 0
        elif self._drawn_for != size:
            self._view.drawn = 0  # who knows what the terminal has made of those lines
        address = self._address
        if address and urlsplit(address).hostname in _HERE:
            address = None  # no phone reaches it
        log = [*self._log, self._status] if self._status else self._log
        drawn = self._view.draw(size, picture, self._facts, address, log)
        if drawn is None:
            return False
        self._drawn_for = size
        self._out.write(drawn)
        self._out.flush()
        return True

    def _line(self, text: str = "") -> None:
        """Print a line, which no word in it can leave."""
        self._drawing(one_line(text))

    def _drawing(self, text: str) -> None:
        """Print a line of ours with its colours."""
        self._set_status("")
        self._log = [*self._log[1 - _LOG :], text]
        if not self._draw():
            self._write(text)

    def _write(self, text: str) -> None:
        """Write a line, in pieces that fit into a terminal."""
        stamp = self.stamp()
        room = max(1, shutil.get_terminal_size().columns - 1 - len(stamp))
        is_text = self._live and "\x1b" not in text
        for piece in pieces(text, room) if is_text else [text]:
            self._out.write(stamp + piece + "\n")
            self._written += 1
        self._out.flush()

    def _set_status(self, text: str) -> None:
        before, self._status = self._status, one_line(text)
        if self._live and before != self._status and not self._draw():
            self._out.write(_CLEAR_LINE + self._status)
            self._out.flush()

    def _on_white(self, line: str) -> str:
        return f"\x1b[30;107m{line}\x1b[0m" if self._colour else line
