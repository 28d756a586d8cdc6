"""What /board.json says a board has, and what becomes of one that says it badly."""

import sys

from fakes import Folder, Told

from keyfob.events import Events
from keyfob.ui.board import open_board
from keyfob.ui.led import StatusLed

BUTTON = {"name": "boot", "pin": 0, "pressed": 0, "pull": "up"}


class Machine:
    """`machine` of a board, in place inside the `with` block."""

    def __init__(self):
        self.pins = pins = {}

        class Pin:
            IN, OUT, PULL_UP, PULL_DOWN = "in", "out", "up", "down"

            def __init__(self, number, *mode):
                if not isinstance(number, int):
                    raise ValueError("invalid pin")
                pins[number] = mode
                self.level = None

            def irq(self, handler):
                pass

            def value(self, level=None):
                self.level = level

        self.Pin = Pin

    def __enter__(self):
        self._before = sys.modules.get("machine")
        sys.modules["machine"] = self
        return self

    def __exit__(self, *_):
        del sys.modules["machine"]
        if self._before is not None:
            sys.modules["machine"] = self._before


def opened(board):
    """Parts, pins, and the errors told of."""
    told = Told()
    with Folder() as folder, Machine() as machine:
        if board is not None:
            folder.write("board.json", board)
        parts = open_board(folder.path, Events(told.notify))
    return parts, machine.pins, told.of("error")


def test_a_board_without_a_file_has_the_console_alone():
    for board in (None, {}, {"name": "x", "display": None, "buttons": [], "led": None}):
        (display, button, led), pins, errors = opened(board)
        assert type(display).__name__ == "Console"
        assert button is led is None
        assert pins == {} and errors == []


def test_the_first_button_and_the_led_are_opened():
    other = dict(BUTTON, name="user", pin=35, pull="none", pressed=1)
    (_, button, led), pins, errors = opened(
        {"buttons": [BUTTON, other], "led": {"pin": 2, "on": 0}}
    )
    assert button.name == "boot"
    assert pins == {0: ("in", "up"), 2: ("out",)}
    led.show("user_code")
    assert led._pin.level == 0
    assert errors == []
    _, pins, _ = opened({"buttons": [other]})
    assert pins == {35: ("in", None)}


def test_an_rgb_led_is_opened_by_its_kind():
    (_, _, led), pins, errors = opened({"led": {"pin": 8, "kind": "neopixel"}})
    assert type(led).__name__ == "StatusLed" and type(led) is not StatusLed
    assert pins == {8: ("out",)} and errors == []


def test_what_makes_no_sense_is_told_of_and_costs_nothing_else():
    for board, word in (
        ({"buttons": [dict(BUTTON, pull="sideways")], "led": {"pin": 2, "on": 1}}, "button"),
        ({"buttons": [dict(BUTTON, pin="D1")], "led": {"pin": 2, "on": 1}}, "button"),
        ({"buttons": [{}], "led": {"pin": 2, "on": 1}}, "button"),
        ({"buttons": {"name": "boot"}, "led": {"pin": 2, "on": 1}}, "button"),
        ({"display": {}, "led": {"pin": 2, "on": 1}}, "display"),
        ({"buttons": [BUTTON], "led": {"pin": 2}}, "LED"),
        ({"buttons": [BUTTON], "led": 7}, "LED"),
        ({"buttons": [BUTTON], "led": {"pin": 2, "kind": "dotstar"}}, "LED"),
        ({"buttons": [BUTTON], "led": {"kind": "neopixel"}}, "LED"),
    ):
        (display, button, led), _, (error,) = opened(board)
        assert word in error["message"] and error["kind"] == "config"
        assert error["fatal"] is False
        assert type(display).__name__ == "Console"
        assert (button is None) == (word != "LED")
        assert (led is None) == (word == "LED")


def test_a_file_that_is_no_json_object_is_told_of():
    for content in (b"{", b"[]", b"", b"7"):
        (display, button, led), _, (error,) = opened(content)
        assert "/board.json" in error["message"]
        assert type(display).__name__ == "Console"
        assert button is led is None
