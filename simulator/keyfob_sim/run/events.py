"""The events of one run: from serial port and simulator to `--json`, and to the goal."""

from collections.abc import Callable
from typing import Any

from keyfob_host.errors import CliError
from keyfob_host.report.events import Report
from keyfob_host.report.machine_lines import event_of, is_reported, reported
from keyfob_sim.hardware.board import VirtualBoard
from keyfob_sim.hardware.clock import Timer
from keyfob_sim.run import pictures
from keyfob_sim.run.goal import Progress
from keyfob_sim.run.options import SimOptions
from keyfob_sim.run.state_dir import State

_SAVED_AFTER = ("linked", "refreshed", "unlinked")
_SHOWN = ("linked", "denied", "expired", "error")  # a screen follows each, if it is the last
_PRESS_AGAIN = 5.0  # s


class AlreadyReported(CliError):
    """A failure that an `error` event has reported already."""


class RunEvents:
    """Passes on what the board prints and draws, and follows `progress`; a `Watcher`.

    Events go to `report`. `on_event(event)` is called after each event, `on_line(line)` with each
    line of the serial port, `on_screen(lines, address)` with each screen of text. `window` is the
    address of the run's page, None where it has none.
    """

    def __init__(
        self, options: SimOptions, report: Report, found: State, board: VirtualBoard
    ) -> None:
        self._options = options
        self._is_capped = options.heap is not None and not options.is_limited  # by --heap
        self._report = report
        self._state = found
        self._board = board
        self._clock = board.clock
        # A run with --api also waits for that to answer.
        waits_for_api = options.until.name == "linked" and options.api is not None
        self.progress = Progress(options.until, also="api" if waits_for_api else None)
        # A board without a button links by itself once the faults of a scenario are over.
        self._links_by_itself = options.faults is not None and not options.board.buttons
        self._is_linked = False
        # With a serial port the board stays, whatever its firmware does.
        self._is_endless = options.until.name == "forever" and options.serial is not None
        self._waits_for_screen = False
        self._has_screens = False  # memory may run out before the firmware has any
        self._is_signed_out = False
        self._has_linked = False  # in this boot
        self._address: str | None = None
        self._lines: list[str] = []
        self._pictures = 0
        self._next_press: Timer | None = None
        self._has_booted = False
        self.on_event: Callable[[str], object] = lambda event: None
        self.on_line: Callable[[str], object] = lambda line: None
        self.on_screen: Callable[[list[str], str | None], object] = lambda lines, address: None
        self.window: str | None = None

    @property
    def failure(self) -> CliError:
        """Why the goal was not reached."""
        return AlreadyReported(self.progress.failure or "the board stopped", self.progress.hint)

    @property
    def ended(self) -> bool:
        """Whether the goal is reached or ruled out, and its screen is up."""
        return self.progress.ended and not self._waits_for_screen and not self._is_endless

    def save(self) -> None:
        """Note how far the board's time has come."""
        t = self._clock.t()
        self._state.save(t, self._clock.now() if self._clock.virtual else None)
        self._report.t = lambda: t  # no later event may have a later time than the saved one

    # Called by the runtime

    def booted(self, cause: str) -> None:
        """The firmware starts."""
        is_first = not self._has_booted
        if is_first:
            self._clock.power_on()
            self._has_booted = True
        self._lines = []
        self._has_screens = self._has_linked = False
        self._stop_pressing()
        about = self._options
        self.say("boot", {"cause": cause, "board": about.board.name, "runtime": about.runtime})
        if is_first and self.window is not None:
            self.say("window", {"url": self.window})

    def hear(self, line: str) -> None:
        """Take a line from the serial port: an event of the firmware, or text."""
        self.on_line(line)
        event = event_of(line)
        if event is not None:
            self._take(*event)
        else:
            self._lines.append(line)

    def say(self, event: str, members: dict[str, Any]) -> None:
        """Take an event of the simulator's own."""
        self._report.say(event, members)
        self.progress.see(event, members)
        self.on_event(event)

    def stopped(self) -> None:
        """main.py has ended by itself; under `forever` the last screen stays."""
        if self._options.until.name != "forever" and not self.progress.ended:
            self.progress.fail("the board stopped", "look at the events with --json")
        self._waits_for_screen = False

    def fail(self, kind: str, message: str, hint: str) -> None:
        """The run cannot go on."""
        if not self.progress.ended:
            self.progress.see("error", self._report.error(kind, message, hint))
        self._waits_for_screen = False

    def late(self) -> None:
        """The wall time is over, whatever the board still does."""
        self._is_endless = False
        trouble = self.progress.trouble
        self.fail(
            "timeout",
            f"--until {self._options.until.name} was not reached in {self._options.timeout:g} s"
            + (f"; the last error was: {trouble}" if trouble else ""),
            "a longer --timeout, or --json to see how far it came",
        )

    def _take(self, event: str, members: dict[str, Any]) -> None:
        """Take an event of the firmware."""
        if self.progress.ended and event != "screen" and not self._is_endless:
            return
        shown = reported(members)
        if event == "user_code":
            self._address = members["verification_uri_complete"] or members["verification_uri"]
        elif event == "poll":
            shown["sent"] = round(self._clock.t() - (members.get("took") or 0) / 1000, 3)
        elif event == "screen":
            self._draw(shown)
        elif event == "error" and members["kind"] == "memory" and self._is_capped:
            shown["message"] += f" (heap: {self._options.heap} bytes)"
        if is_reported(event):
            self._report.say(event, shown)
        self._is_linked = self._is_linked or event == "linked"
        has_ended = self._is_linked and self._is_signed_out
        goes_on = self._links_by_itself and not has_ended
        if goes_on and self.progress.may_pass(event, shown):
            self.progress.trouble = shown.get("message")  # in case that nothing better follows
        else:
            self.progress.see(event, {**members, **shown})
        if event in _SAVED_AFTER:
            self._state.save(self._clock.t(), self._clock.now() if self._clock.virtual else None)
        self._has_linked |= event == "linked"
        if event in ("linked", "signed_out", "user_code"):
            self._is_signed_out = event == "signed_out"  # no screen follows that one
        is_last = event in _SHOWN and self._has_screens and not self._is_signed_out
        self._waits_for_screen = self.progress.ended and is_last
        self.on_event(event)

    def _press(self) -> None:
        """Press the button, as the screen asks, since a run is there to link the board.

        Press again after a while, as a busy board may miss it; but not with a serial port, where
        its program may have been stopped.
        """
        self._board.press()
        if self._options.serial is None:
            self._next_press = self._clock.after(_PRESS_AGAIN, self._press)

    def _stop_pressing(self) -> None:
        if self._next_press is not None:
            self._next_press.cancel()

    def _draw(self, members: dict[str, Any]) -> None:
        """Show the screen that the firmware has just drawn."""
        self._has_screens = True
        lines, self._lines = self._lines, []
        address = self._address if members["name"] == "user_code" else None
        self.on_screen(lines, address)
        picture = self._board.picture()
        if self._report.terminal is not None:
            self._report.terminal.screen(lines, address, picture)
            if address is not None:
                self._report.terminal.address(address)
        self._stop_pressing()
        # A link that ended in this boot is the person's business.
        asks_again = members["name"] == "sign_in_again" and not self._has_linked
        if members["name"] == "press" or asks_again:
            self._press()
        members["png"] = None
        if self._options.screens is not None:
            self._pictures += 1
            path = self._options.screens / f"{self._pictures:03d}-{members['name']}.png"
            if picture is None:
                pictures.save(lines, address, path)
            else:
                picture.save(path)
            members["png"] = str(path)
