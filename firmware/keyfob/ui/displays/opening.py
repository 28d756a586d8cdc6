"""Which display a board has: a panel as /board.json describes it, else the serial console."""

import json

from keyfob.errors import ConfigError, KeyfobError
from keyfob.ui.displays import open_display
from keyfob.ui.displays.console import Console


def open_board_display(root, events):
    """Return the display of the board whose files are under `root`.

    A panel that cannot be used is told of to `events`; the console takes its place.
    """
    try:
        return open_display(_board(root)) or Console()
    except KeyfobError as error:
        events.tell_error(error)
    except OSError as error:
        events.tell_error(
            ConfigError(
                "the display does not answer: %s" % error,
                "check its wires, and its address in /board.json",
            )
        )
    return Console()


def _board(root):
    """The content of /board.json; {} where there is none."""
    try:
        with open(root + "/board.json", encoding="utf-8") as file:
            board = json.load(file)
    except OSError:
        return {}
    except (ValueError, RuntimeError):  # RuntimeError: nested deeper than the stack
        board = None
    if not isinstance(board, dict):
        raise ConfigError("/board.json is not a JSON object", "write it anew with the host tools")
    return board
