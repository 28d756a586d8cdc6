"""What `keyfob server` does."""

from __future__ import annotations

import json
import signal
import sys
import threading
from threading import Event
from types import FrameType

from keyfob_host.errors import INTERRUPTED
from keyfob_host.printable import say

from .mock_server import MockServer
from .options import ServerOptions

_TERMINATED = 143  # 128 + SIGTERM, as a shell reports it


def serve(options: ServerOptions, json_output: bool) -> int:
    """Run a server until Ctrl-C (130) or SIGTERM (143); return that exit code.

    The first line on stdout is the description as JSON; without `json_output` a few lines for
    people follow on stderr. Raises CliError and UsageError when it cannot start.
    """
    done = Event()
    codes: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        codes.append(_TERMINATED if number == signal.SIGTERM else INTERRUPTED)
        done.set()

    with MockServer(options) as server:
        previous = {number: signal.signal(number, stop) for number in _signals()}
        try:
            say(json.dumps(server.description))
            if not json_output:
                _explain(server)
            # In slices: on Windows nothing interrupts an endless wait.
            while not done.wait(1.0):
                pass
        except KeyboardInterrupt:
            codes.append(INTERRUPTED)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
    return codes[0] if codes else 0


def _signals() -> list[signal.Signals]:
    # Python lets only the main thread set handlers.
    if threading.current_thread() is not threading.main_thread():
        return []
    return [signal.SIGINT, signal.SIGTERM]


def _explain(server: MockServer) -> None:
    about = server.description
    lines = [
        "",
        "keyfob mock authorization server",
        f"  issuer    {about['issuer']}",
        f"  approve   open {about['verification_uri']}",
        f"  admin     {about['admin']}/openapi.json",
    ]
    if about["ca"]:
        lines.append(f"  ca        {about['ca']}")
    lines.append("  Ctrl-C stops it")
    say("\n".join(lines), to=sys.stderr)
