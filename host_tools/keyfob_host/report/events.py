"""Reports what happens in a run: as JSON lines for a program, or as text for a person."""

import json
from collections.abc import Callable
from typing import Any

from keyfob_host.printable import say
from keyfob_host.report.terminal import Terminal


class Report:
    """Reports events as they come.

    `t` returns the board's time in seconds, `flash_ops` the operations on its flash;
    `notify(event, members)` is called with each event, too.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.t: Callable[[], float] = lambda: 0.0
        self.flash_ops: Callable[[], int] = lambda: 0
        self.notify: Callable[[str, dict[str, Any]], object] = lambda event, members: None
        self.terminal = None if as_json else Terminal()

    def say(self, event: str, members: dict[str, Any]) -> None:
        """Report one event."""
        if self.terminal is not None:
            self.terminal.event(event, self.t(), members)
        else:
            line = {"event": event, "t": round(self.t(), 3), **members}
            say(json.dumps(line))
        self.notify(event, members)

    def error(self, kind: str, message: str, hint: str) -> dict[str, Any]:
        """Report an error of the simulator's own, which ends the run; return its members."""
        members = {"kind": kind, "message": message, "hint": hint, "fatal": True}
        self.say("error", members)
        return members

    def end(self, *, reached: bool) -> None:
        """Report the last event."""
        self.say("end", {"reached": reached, "flash_ops": self.flash_ops()})
        if self.terminal is not None:
            self.terminal.close()
