"""The page's controls: buttons, faults and switches, all run in the board's own thread."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from keyfob_sim.hardware.board import VirtualBoard
from keyfob_sim.run.board_faults import Faults
from keyfob_sim.run.runtime_interface import Runtime


class OneShot(NamedTuple):
    """A fault that happens once. `needs` is the only runtime that supports it, None for both."""

    label: str
    do: str
    fields: Mapping[str, Any] = {}
    needs: str | None = None


class Switch(NamedTuple):
    """Something that the board relies on, and the fault that lasts while it is off."""

    label: str
    do: str
    is_on: Callable[[VirtualBoard], bool]


ONE_SHOTS = {
    "reset": OneShot("Reset", "reset"),
    "power_cycle": OneShot("Power off and on", "power_cut"),
    "clock_unset": OneShot("Unset the clock", "clock_unset"),
    "power_cut": OneShot(
        "Cut the power at the next flash operation", "power_cut", {"op": 1}, needs="micropython"
    ),
}

SWITCHES = {
    "wifi": Switch("Wi-Fi", "wifi_lost", lambda board: board.access_point.up),
    "dns": Switch("DNS", "dns_fails", lambda board: board.uplink.dns),
    "time_server": Switch("Time server", "time_server_fails", lambda board: board.has_time_server),
}


class Controls:
    """Runs the page's requests on the board, and calls `done` after each.

    Methods raise KeyError for an unknown name, and OSError or RuntimeError once the run is over.
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
        self.one_shots = {
            name: fault for name, fault in ONE_SHOTS.items() if fault.needs in (None, runtime_name)
        }
        self._buttons = {button.name: button for button in board.about.buttons}

    def switches(self) -> dict[str, bool]:
        """Which of SWITCHES is on."""
        return {name: switch.is_on(self._board) for name, switch in SWITCHES.items()}

    def held(self) -> dict[str, bool]:
        """Which buttons are pressed."""
        level = self._board.pins.level
        return {name: level(key.pin) == key.pressed for name, key in self._buttons.items()}

    def trigger(self, name: str) -> None:
        """Start one of `one_shots`."""
        one_shot = self.one_shots[name]
        self._soon(lambda: self._faults.trigger(one_shot.do, one_shot.fields))

    def switch_on(self, name: str) -> None:
        """Have something work again."""
        do = SWITCHES[name].do
        self._soon(lambda: self._faults.end(do))

    def switch_off(self, name: str) -> None:
        """Have something fail until it is switched on."""
        do = SWITCHES[name].do
        self._soon(lambda: self._faults.trigger(do, {}))

    def hold(self, name: str) -> None:
        """Press a button. With a virtual clock it is released by itself, after a short press."""
        button = self._buttons[name].name
        press = self._board.press if self._board.clock.virtual else self._board.hold
        self._soon(lambda: press(button))

    def release(self, name: str) -> None:
        """Release a button; with a virtual clock it already is."""
        button = self._buttons[name].name
        if not self._board.clock.virtual:
            self._soon(lambda: self._board.release(button))

    def _soon(self, act: Callable[[], object]) -> None:
        def run() -> None:
            act()
            self._done()

        self._runtime.call_soon(run)
