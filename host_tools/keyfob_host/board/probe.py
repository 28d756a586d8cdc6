"""What is behind a port: asked at MicroPython's raw REPL, within a deadline."""

import threading
from typing import NamedTuple

from keyfob_host.board.access import PortError
from keyfob_host.board.ports import Port
from keyfob_host.board.repl import Board
from keyfob_host.errors import CliError


class Found(NamedTuple):
    """What a board said of itself; `state` is `micropython`, `silent` or why it was not asked."""

    state: str
    chip: str | None = None
    board: str | None = None
    micropython: str | None = None
    keyfob: str | None = None
    linked: bool | None = None


def probe(port: Port, timeout: float, cancelled: threading.Event) -> Found:
    """Ask the board behind `port`, for `timeout` seconds at most, or until `cancelled` is set.

    The board's program is interrupted, and started again by a soft reset.
    """
    try:
        with Board.connected(port, timeout, cancelled) as board:
            answer = board.ask("glance")
        chip = answer["machine"].rpartition(" with ")[2].lower().replace("-", "")
        answers = (answer[name] for name in ("board", "micropython", "keyfob", "linked"))
        return Found("micropython", chip, *answers)
    except PortError:
        return Found("cannot be opened")
    except CliError:
        return Found("silent")  # it went away, was late, or what it says is no answer
