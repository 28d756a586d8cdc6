"""What the page shows of a run: set by the thread that runs the board, read by the server's."""

import io
import math
import threading
import time
from collections import deque
from typing import Any

from PIL import Image

from keyfob_host.report import machine_lines
from keyfob_host.report.qr_code import qr_modules
from keyfob_sim.hardware.board import VirtualBoard

PATIENCE = 10.0  # s that a request for the state waits for a change
_BETWEEN_REQUESTS = 1.0  # s between an answer and the page's next request, at most
_LAST_LOOK = 0.5  # s that a page has to fetch the end of the run

_LINES = 500  # of the serial log that are kept
_LONGEST = 2000  # characters of a line that are kept

# Events after which a code is of no use, and events that are noted in the serial log.
_CODE_ENDS = ("boot", "linked", "denied", "expired", "unlinked")
_NOTES = {"boot": "boot: {cause}", "power_cut": "power lost", "fault": "fault: {do}"}


class View:
    """A board, its serial log, its last screen and the code on it.

    Whatever may have changed something calls `bump`, which is cheap: pictures are only drawn
    for a page that is open.
    """

    def __init__(self, board: VirtualBoard) -> None:
        self.board = board
        self._news = threading.Condition()
        self.version = 0
        self._looked_at = -math.inf
        self._page_has_ended = threading.Event()
        self._lines: deque[dict[str, Any]] = deque(maxlen=_LINES)
        self._count = 0
        self._console: list[str] = []
        self._address: str | None = None
        self._qr_codes = 0
        self._drawing = threading.Lock()
        self._drawn: tuple[int | None, bytes] = (None, b"")
        self.screen: str | None = None
        self.code: dict[str, Any] | None = None
        self.ended: str | None = None

    # For the thread that runs the board

    def bump(self) -> None:
        """Count a change, and wake the requests that wait for one."""
        with self._news:
            self.version += 1
            self._news.notify_all()

    def add_line(self, line: str) -> None:
        """Add a line of the serial port to the log."""
        self._add("machine" if line.startswith(machine_lines.START) else "text", line)

    def set_screen(self, lines: list[str], address: str | None) -> None:
        """Set the console's screen of a board without a panel, and the address for its QR."""
        if self.board.panel is not None:
            return
        self._console, self._address = lines, address
        self._qr_codes += 1
        self.bump()

    def add_event(self, event: str, members: dict[str, Any]) -> None:
        """Follow an event: the code that waits, the name of the screen, notes in the log."""
        if event == "user_code":
            self.code = {name: members[name] for name in ("user_code", "verification_uri")}
            self.code["complete"] = members["verification_uri_complete"]
        elif event in _CODE_ENDS or (event == "error" and members["fatal"]):
            self.code = None
        if event == "screen":
            self.screen = members["name"]
        elif event == "boot":
            self.screen, self._console, self._address = None, [], None
        if event in _NOTES:
            over = ", over" if members.get("over") else ""
            self._add("note", _NOTES[event].format_map(members) + over)
        self.bump()

    def end(self, how: str) -> None:
        """Note the end of the run, and give an open page a moment to fetch it."""
        self.ended = how
        self.bump()
        if time.monotonic() - self._looked_at < PATIENCE + _BETWEEN_REQUESTS:
            self._page_has_ended.wait(_LAST_LOOK)

    # For any thread

    def wait(self, since: int | None) -> None:
        """Wait for a version other than `since`, but not above PATIENCE."""
        with self._news:
            self._looked_at = time.monotonic()
            if self.ended and self.version == since:
                self._page_has_ended.set()  # it has the last version, and so the end
            self._news.wait_for(lambda: self.ended or self.version != since, PATIENCE)

    def lines(self, after: int) -> list[dict[str, Any]]:
        """Lines of the serial log numbered above `after`."""
        with self._news:
            return [line for line in self._lines if line["n"] > after]

    @property
    def console(self) -> list[str] | None:
        """The last screen of a board without a panel."""
        return self._console if self.board.panel is None else None

    @property
    def picture_number(self) -> int | None:
        """A number that changes with each new picture, None while there is none."""
        if self.board.panel is not None:
            return self.board.panel.changes
        return self._qr_codes if self._address else None

    def picture(self) -> bytes:
        """PNG of the panel or of the console's QR, not enlarged; empty where there is none."""
        with self._drawing:
            number = self.picture_number  # before the picture: it may change as it is drawn
            if number is None:
                return b""
            if number != self._drawn[0]:
                picture = self.board.picture() or self._qr()
                data = io.BytesIO()
                picture.save(data, "PNG", compress_level=1)
                self._drawn = number, data.getvalue()
            return self._drawn[1]

    def _qr(self) -> Image.Image:
        modules = qr_modules(self._address or "")
        picture = Image.new("1", (len(modules), len(modules)))
        picture.putdata([not dark for row in modules for dark in row])
        return picture

    def _add(self, kind: str, text: str) -> None:
        with self._news:
            self._count += 1
            t = round(self.board.clock.t(), 3)
            line = {"n": self._count, "t": t, "kind": kind, "text": text[:_LONGEST]}
            self._lines.append(line)
        self.bump()
