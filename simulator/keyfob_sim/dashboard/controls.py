"""What a person can do to a board on the page. Everything happens in the board's own thread."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from keyfob_sim.hardware.board import VirtualBoard
from keyfob_sim.run.board_faults import Faults
from keyfob_sim.run.runtime_interface import Runtime


class Blow(NamedTuple):
    """A fault that happens once. `needs` is the one runtime that survives it."""

    label: str
    do: str
    fields: Mapping[str, Any] = {}
    needs: str | None = None


class Switch(NamedTuple):
    """Something that the board relies on, and the fault that lasts while it is off."""

    label: str
    do: str
    is_on: Callable[[VirtualBoard], bool]


BLOWS = {
    "reset": Blow("Reset", "reset"),
    "power_cycle": Blow("Power off and on", "power_cut"),
    "clock_unset": Blow("Unset the clock", "clock_unset"),
    "power_cut": Blow(
        "Cut the power at the next flash operation", "power_cut", {"op": 1}, needs="micropython"
    ),
}

SWITCHES = {
    "wifi": Switch("Wi-Fi", "wifi_lost", lambda board: board.access_point.up),
    "dns": Switch("DNS", "dns_fails", lambda board: board.uplink.dns),
    "time_server": Switch("Time server", "time_server_fails", lambda board: board.has_time_server),
}


class Controls:
    """Hands what was asked for to the board, and calls `done` after it.

    Methods raise KeyError for what there is not, and OSError or RuntimeError where nothing runs
    the board any more.
    """

    def __init__(
        self,
        board: VirtualBoard,
        runtime: Runtime,
        runtime_name: str,
        faults: Faults,
        done: Callable[[], None],
    ) -> None:
        self._board = board
        self._runtime = runtime
        self._faults = faults
        self._done = done
        self.blows = {
            name: blow for name, blow in BLOWS.items() if blow.needs in (None, runtime_name)
        }
        self._buttons = {button.name: button for button in board.about.buttons}

    def switches(self) -> dict[str, bool]:
        """Which of SWITCHES is on."""
        return {name: switch.is_on(self._board) for name, switch in SWITCHES.items()}

    def held(self) -> dict[str, bool]:
        """Which buttons are pressed."""
        level = self._board.pins.level
        return {name: level(key.pin) == key.pressed for name, key in self._buttons.items()}

    def strike(self, name: str) -> None:
        """Let one of `blows` happen."""
        blow = self.blows[name]
        self._soon(lambda: self._faults.strike(blow.do, blow.fields))

    def switch_on(self, name: str) -> None:
        """Have something work again."""
        do = SWITCHES[name].do
        self._soon(lambda: self._faults.end(do))

    def switch_off(self, name: str) -> None:
        """Have something fail until it is switched on."""
        do = SWITCHES[name].do
        self._soon(lambda: self._faults.strike(do, {}))

    def hold(self, name: str) -> None:
        """Press a button. Where time leaps it is let go by itself, or it would last for hours."""
        button = self._buttons[name].name
        press = self._board.press if self._board.clock.virtual else self._board.hold
        self._soon(lambda: press(button))

    def release(self, name: str) -> None:
        """Let go of a button."""
        button = self._buttons[name].name
        if not self._board.clock.virtual:
            self._soon(lambda: self._board.release(button))

    def _soon(self, act: Callable[[], object]) -> None:
        def run() -> None:
            act()
            self._done()

        self._runtime.call_soon(run)
