"""One run of `keyfob sim --json` and what came out of it."""

import base64
import json
import os
import subprocess
import sysconfig
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

KEYFOB = Path(sysconfig.get_path("scripts")) / "keyfob"
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


def run_sim(
    *arguments: str,
    environment: dict[str, str] | None = None,
    on_code: Callable[[Event], object] | None = None,
) -> SimRun:
    """Run it to its end; `on_code` is called with each `user_code` event as it appears."""
    run = SimRun()
    process = subprocess.Popen(
        [KEYFOB, "sim", "--json", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={k: v for k, v in os.environ.items() if k not in _CLEARED} | (environment or {}),
        text=True,
        encoding="utf-8",
    )
    assert process.stdout is not None
    assert process.stderr is not None
    complaints = process.stderr
    stderr: list[str] = []
    reader = threading.Thread(target=lambda: stderr.extend(complaints), daemon=True)
    watchdog = threading.Timer(SECONDS, process.kill)
    reader.start()
    watchdog.start()
    try:
        for line in process.stdout:
            run.stdout += line
            event = json.loads(line)
            run.events.append(event)
            if event["event"] == "user_code" and on_code is not None:
                on_code(event)
        run.exit_code = process.wait()
    finally:
        process.kill()
        process.wait()
        watchdog.cancel()
        reader.join(SECONDS)
        process.stdout.close()
        complaints.close()
    run.stderr = "".join(stderr)
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
