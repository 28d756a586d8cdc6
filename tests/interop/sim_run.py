"""One run of `keyfob sim --json` in this process, and what came out of it."""

import base64
import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest

from keyfob_sim import cli

SECONDS = 60  # of wall time for one run
# What would change a run from outside the test.
_CLEARED = {"KEYFOB_CLIENT_SECRET", "SSL_CERT_FILE", "SSL_CERT_DIR"}

Event = dict[str, Any]


@dataclass
class SimRun:
    """How a run ended, its events in order, and all it printed."""

    exit_code: int = -1
    events: list[Event] = field(default_factory=list)
    stdout: str = ""
    stderr: str = ""

    def of(self, name: str) -> list[Event]:
        return [event for event in self.events if event["event"] == name]

    def only(self, name: str) -> Event:
        """The one event of that name."""
        found = self.of(name)
        assert len(found) == 1, f"{len(found)} {name} events\n{self}"
        return found[0]

    def __str__(self) -> str:
        return f"exit {self.exit_code}\n{self.stdout}{self.stderr}"


class _Stdout(io.StringIO):
    """What a run prints; each event is looked at as it appears."""

    def __init__(self, see: Callable[[Event], object]) -> None:
        super().__init__()
        self._see = see
        self._line = ""

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._see(json.loads(line))
        return super().write(text)


def run_sim(
    *arguments: str,
    environment: dict[str, str] | None = None,
    on_code: Callable[[Event], object] | None = None,
) -> SimRun:
    """Run it to its end; `on_code` is called with each `user_code` event as it appears."""
    run = SimRun()

    def see(event: Event) -> None:
        run.events.append(event)
        if event["event"] == "user_code" and on_code is not None:
            on_code(event)

    stdout, stderr = _Stdout(see), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for name in _CLEARED:
            patch.delenv(name, raising=False)
        for name, value in (environment or {}).items():
            patch.setenv(name, value)
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            run.exit_code = cli.main(["sim", "--json", "--timeout", str(SECONDS), *arguments])
    run.stdout, run.stderr = stdout.getvalue(), stderr.getvalue()
    return run


def gives_away(text: str, secret: str, client_id: str) -> bool:
    """Whether `text` has a secret, or the better half of a long one, in any usual spelling."""
    header = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
    spellings = {
        secret[:20],
        quote(secret, safe="")[:20],
        json.dumps(secret)[1:-1][:20],
        base64.b64encode(header.encode()).decode(),
    }
    return any(spelling in text for spelling in spellings)
