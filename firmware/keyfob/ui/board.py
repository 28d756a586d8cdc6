"""Opening the display, the button and the LED that /board.json describes."""

import json

from keyfob.compat import Loaded
from keyfob.errors import ConfigError, KeyfobError


def open_board(root, events):
    """Return (display, button, LED) of the board whose files are under `root`.

    Where a part cannot be used, `events` are notified. The serial console replaces a panel; button
    and LED are None where there is none. Of several buttons the first is used.
    """
    try:
        board = _board(root)
    except KeyfobError as error:
        events.notify_error(error)
        board = {}
    found = []
    for open_part in (_display, _button, _led):
        try:
            found.append(open_part(board))
        except KeyfobError as error:
            events.notify_error(error)
            found.append(None)
    if found[0] is None:
        from keyfob.ui.displays.console import Console  # stays: it is the display

        found[0] = Console()
    return found


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


def _display(board):
    if board.get("display") is None:
        with Loaded("keyfob.heap_area") as code:
            code.add_small_area(code.WITHOUT_PANEL)
        return None
    try:
        with Loaded("keyfob.ui.displays.open_display") as code:
            return code.open_display(board)
    except OSError as error:
        raise ConfigError(
            "the display does not answer: %s" % error,
            "check its wires, and its address in /board.json",
        )


def _button(board):
    if not board.get("buttons"):
        return None
    return _described(_open_button, board["buttons"], "button")


def _led(board):
    if board.get("led") is None:
        return None
    return _described(_open_led, board["led"], "LED")


def _open_button(buttons):
    from machine import Pin

    from keyfob.ui.buttons import Button  # stays: the button does

    about = buttons[0]
    pulls = {"up": Pin.PULL_UP, "down": Pin.PULL_DOWN, "none": None}
    pin = Pin(about["pin"], Pin.IN, pulls[about["pull"]])
    return Button(pin, about["pressed"], about["name"])


def _open_led(about):
    from machine import Pin

    pin = Pin(about["pin"], Pin.OUT)
    if about.get("kind"):
        with Loaded("keyfob.ui.pixel") as code:  # its name would cost every board some RAM
            return code.StatusLed(pin, about["kind"])
    from keyfob.ui.led import StatusLed  # stays: the LED does

    return StatusLed(pin, about["on"])


def _described(open_part, about, name):
    try:
        return open_part(about)
    except (KeyError, TypeError, ValueError, IndexError) as error:  # people edit that file
        raise ConfigError(
            "/board.json does not describe the %s: %s" % (name, error),
            "write it anew with the host tools",
        )
