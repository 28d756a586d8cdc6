"""What a board prints on its serial port, reported as by `keyfob sim`: events, screens, text."""

import time
from collections.abc import Callable
from typing import Any

from keyfob_host.report.events import Report
from keyfob_host.report.machine_lines import event_of, is_reported, reported

# Events that `Report` has no words for, as a line of text.
_WORDS = {
    "wifi": "Wi-Fi {state}",
    "clock": "clock {state}",
    "unlinked": "unlinked",
    "signed_out": "the provider has ended the link",
}


class SerialEvents:
    """Reports what the lines of one board mean.

    `notify(event, members)` is called with each event. Text is kept for the screen that it turns
    out to be, unless `text(line)` takes it at once. The code screen is drawn here with the QR,
    for boards without a panel.
    """

    def __init__(self, report: Report, text: Callable[[str], object] | None = None) -> None:
        self._report = report
        self._text = text
        self._begun = time.monotonic()
        report.t = self._now
        self._code: dict[str, Any] = {}
        self._lines: list[str] = []
        self.notify: Callable[[str, dict[str, Any]], object] = lambda event, members: None

    def feed(self, line: str) -> None:
        """Take a line."""
        event = event_of(line)
        if event is not None:
            self.take(*event)
        elif self._text is not None:
            self._text(line)
        else:
            self._lines.append(line)

    def take(self, event: str, members: dict[str, Any]) -> None:
        """Take an event."""
        shown = reported(members)
        if event == "user_code":
            self._code = members
        elif event == "poll":
            shown["sent"] = round(self._now() - (members.get("took") or 0) / 1000, 3)
        elif event == "screen":
            self._draw(members["name"])
            shown["png"] = None
        if is_reported(event):
            self._report.say(event, shown)
        if self._text is not None and event in _WORDS:
            self._text("· " + _WORDS[event].format(**members))
        self.notify(event, members)

    def end(self, *, reached: bool) -> None:
        """Report the last event; the flash operations of a real board are not counted."""
        members = {"reached": reached, "flash_ops": None}
        self._report.say("end", members)
        if self._report.terminal is not None:
            self._report.terminal.close()

    def _draw(self, name: str) -> None:
        lines, self._lines = self._lines, []
        terminal = self._report.terminal
        if terminal is None:
            return
        code = self._code
        if name != "user_code" or not code:
            if lines:
                terminal.screen(lines, None, None)
            return
        address = code["verification_uri_complete"] or code["verification_uri"]
        terminal.screen(
            lines or [code["verification_uri"], f"code  {code['user_code']}"], address, None
        )
        terminal.address(address)

    def _now(self) -> float:
        return time.monotonic() - self._begun
