"""What is behind a port: asked at MicroPython's raw REPL, over mpremote, within a deadline."""

import contextlib
import json
import threading
from typing import Any, NamedTuple

from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from keyfob_host.ports import Port

_QUIET = 1.0  # s without a byte after which an answer is not coming any more
_GRACE = 0.5  # s for a port to come free once it is closed

# Reads what there is without importing what would take memory or join the network.
_QUESTIONS = """
import json, os
def read(path):
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}
told = {"machine": os.uname().machine, "micropython": os.uname().release}
told["board"] = read("/board.json").get("name")
told["keyfob"] = None
told["linked"] = False
try:
    import keyfob
    told["keyfob"] = keyfob.__version__
    from keyfob.storage.opening import open_store
    told["linked"] = bool((open_store().load() or {}).get("tokens"))
except Exception:
    pass  # not there, of another version, or a store that is damaged
print(json.dumps(told))
"""


class Found(NamedTuple):
    """What a board said of itself; `state` is `micropython`, `silent` or why it was not asked."""

    state: str
    chip: str | None = None
    board: str | None = None
    micropython: str | None = None
    keyfob: str | None = None
    linked: bool | None = None


def probe(port: Port, timeout: float) -> Found:
    """Ask the board behind `port`; it is back within `timeout` seconds, whatever the port does.

    The board's program is interrupted, and started again by a soft reset.
    """
    asked = _Asked(port, timeout)
    thread = threading.Thread(target=asked.run, daemon=True)
    thread.start()
    thread.join(timeout)
    if thread.is_alive():
        asked.close()
        thread.join(_GRACE)
    return asked.found


class _Asked:
    def __init__(self, port: Port, timeout: float) -> None:
        self._port = port
        self._timeout = timeout
        self._transport: Any = None
        self.found = Found("silent")

    def run(self) -> None:
        try:
            self._transport = SerialTransport(self._port.device, timeout=self._timeout)
            self._transport.serial.write_timeout = self._timeout
            self._transport.enter_raw_repl(soft_reset=False, timeout_overall=self._timeout)
            said, wrong = self._transport.exec_raw(_QUESTIONS, timeout=_QUIET)
            if not wrong:
                told = json.loads(said)
                chip = told["machine"].rpartition(" with ")[2].lower().replace("-", "")
                self.found = Found(
                    "micropython",
                    chip,
                    *(told[name] for name in ("board", "micropython", "keyfob", "linked")),
                )
            self._transport.exit_raw_repl()
            self._transport.serial.write(b"\x04")
        except TransportError as error:
            if "failed to access" in str(error):
                self.found = Found("cannot be opened")
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # it went away, was closed at the deadline, or what it says is no answer
        finally:
            self.close()

    def close(self) -> None:
        if self._transport is not None:
            with contextlib.suppress(OSError, TypeError, AttributeError):
                self._transport.close()
