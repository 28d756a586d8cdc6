"""`keyfob sim`: one virtual board, run until its goal is reached or ruled out."""

import asyncio
import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from keyfob_host.errors import INTERRUPTED, TERMINATED, CliError, UsageError
from keyfob_sim import board_files, pictures, state
from keyfob_sim.clock import SharedClock
from keyfob_sim.cpython import shims
from keyfob_sim.goal import Progress
from keyfob_sim.options import SimOptions
from keyfob_sim.report import Report

# Members of firmware events that are for its display, or become others here.
_INTERNAL = ("took", "trouble")
_QUIET = ("signed_out",)  # an event for the screen only: an `error` tells the reader
_SAVED_AFTER = ("linked", "refreshed", "unlinked")


def run(options: SimOptions) -> int:
    """Run a board as `options` say; return the exit code.

    Raises CliError where the goal was not reached, after the `error` and `end` events.
    """
    signal.signal(signal.SIGTERM, _leave)  # so that nothing is left behind then either
    report = Report(as_json=options.json)
    reached = False
    try:
        with _opened(options, report) as simulation:
            simulation.run()
            reached = simulation.progress.reached
            if not reached:
                raise simulation.failure
    except KeyboardInterrupt:
        return INTERRUPTED
    except CliError as error:
        if not isinstance(error, _Told):
            kind = getattr(error, "kind", "usage" if isinstance(error, UsageError) else "config")
            report.error(kind, error.message, error.hint)
        raise
    finally:
        report.end(reached=reached)
    return 0


class _Told(CliError):
    """A failure that the run's events have told already."""


@contextlib.contextmanager
def _opened(options: SimOptions, report: Report) -> Iterator["Simulation"]:
    """Everything a run needs, taken down again whatever happens."""
    if options.screens is not None:
        _make_folder(options.screens)
    with state.opened(options.state_dir, options.board.name) as found:
        clock = SharedClock(
            virtual=options.clock == "virtual", t=found.t, virtual_time=found.virtual_time
        )
        report.t = clock.t
        simulation = Simulation(options, report, found, clock)
        try:
            with _server(options, found, clock) as server:
                if server is not None:
                    report.say("server", server)
                board_files.write(found.flash, options, server)
                yield simulation
        finally:
            simulation.save()
            report.t = lambda: found.t  # what is told now must not be later than what is kept
            clock.loop.close()


@contextlib.contextmanager
def _server(
    options: SimOptions, found: state.State, clock: SharedClock
) -> Iterator[dict[str, Any] | None]:
    """Yield the embedded server's description, or None where there is none."""
    if not options.embedded:
        yield None
        return
    from keyfob_sim.server import MockServer, ServerOptions

    server = MockServer(
        ServerOptions(
            host=options.host,
            port=options.port,
            https=options.https,
            state=found.server / "state.json",
            approve=options.approve if options.approve in ("auto", "deny") else None,
            ca_dir=found.server / "ca",
        ),
        now=clock.now,
    )
    description = server.start()
    try:
        yield description
    finally:
        server.stop()


class Simulation:
    """One board from power-on to the end of its run: its display, its owner, its listener."""

    def __init__(
        self, options: SimOptions, report: Report, found: state.State, clock: SharedClock
    ) -> None:
        self._options = options
        self._report = report
        self._state = found
        self._clock = clock
        # Whoever names an API wants to see it answer.
        waits_for_api = options.until.name == "linked" and options.api is not None
        self.progress = Progress(options.until, also="api" if waits_for_api else None)
        self._done = asyncio.Event()
        self._code: dict[str, Any] = {}
        self._lines: list[str] = []
        self._pictures = 0

    @property
    def failure(self) -> CliError:
        """Why the goal was not reached."""
        return _Told(self.progress.failure or "the board stopped", self.progress.hint)

    def run(self) -> None:
        """Power the board on and let it run until the goal is reached or ruled out."""
        loop = self._clock.loop
        board_time = shims.BoardTime(self._clock.uptime, self._clock.now)
        limit = _wall_limit(loop, self._options.timeout, self._late)
        with shims.firmware(board_time) as app, limit:
            self._clock.power_on()
            members = {
                "cause": "power_on",
                "board": self._options.board.name,
                "runtime": self._options.runtime,
            }
            self._report.say("boot", members)
            try:
                loop.run_until_complete(self._power_on(app))
            finally:
                _cancel_all(loop)

    def save(self) -> None:
        """Note how far the board's time has come."""
        virtual_time = self._clock.now() if self._clock.virtual else None
        self._state.save(self._clock.t(), virtual_time)

    async def _power_on(self, app: ModuleType) -> None:
        root = str(self._state.flash)
        application = _board_app(app, self)(root=root, display=self, emit=self.emit)
        task = asyncio.ensure_future(application.run())
        if self._options.until.name == "forever":
            task.add_done_callback(self._crashed)  # else the last screen stays
        else:
            task.add_done_callback(lambda _: self._done.set())
        await self._done.wait()
        if task.done():
            task.result()

    def _crashed(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._done.set()

    # What the firmware is given in place of hardware and people

    def emit(self, event: str, members: dict[str, Any]) -> None:
        """Take an event of the firmware."""
        shown = {name: value for name, value in members.items() if name not in _INTERNAL}
        if event == "user_code":
            self._code = members
        elif event == "poll":
            shown["sent"] = round(self._clock.t() - members["took"] / 1000, 3)
        elif event == "screen":
            self._draw(shown)
        if event not in _QUIET:
            self._report.say(event, shown)
        self._see(event, members)
        if event in _SAVED_AFTER:
            self.save()

    def show(self, lines: list[str]) -> None:
        """Take a screen of the firmware's display."""
        self._lines = lines

    async def pursue(self, app: ModuleType, link: Any) -> None:
        """Do what the goal wants of a linked board that it would not do by itself yet."""
        options = self._options
        if options.until.name == "linked":
            self._see("api", {})  # it has answered by now, or cannot be reached
        if options.until.name != "refreshed":
            return
        if not link.can_refresh:
            self._fail(
                "no_refresh_token",
                "the provider gave no refresh token",
                "ask for it by --scope; many providers want offline_access",
            )
        if options.clock == "virtual" and options.embedded:
            return  # each refresh waits for its due time
        while not self.progress.ended:
            try:
                await link.refresh()
            except app.TransportError as error:
                self.emit("error", error.members(False))
                await asyncio.sleep(link.pause / 1000)

    def _see(self, event: str, members: dict[str, Any]) -> None:
        self.progress.see(event, members)
        if self.progress.ended:
            self._done.set()

    def _draw(self, members: dict[str, Any]) -> None:
        """Show the screen that the firmware has just brought up, with its QR."""
        address = None
        if members["name"] == "user_code":
            address = self._code["verification_uri_complete"] or self._code["verification_uri"]
        if self._report.terminal is not None:
            self._report.terminal.screen(self._lines, address)
        members["png"] = None
        if self._options.screens is not None:
            self._pictures += 1
            path = self._options.screens / f"{self._pictures:03d}-{members['name']}.png"
            pictures.save(self._lines, address, path)
            members["png"] = str(path)

    def _late(self) -> None:
        self._fail(
            "timeout",
            f"--until {self._options.until.name} was not reached in {self._options.timeout:g} s",
            "a longer --timeout, or --json to see how far it came",
        )

    def _fail(self, kind: str, message: str, hint: str) -> None:
        self._see("error", self._report.error(kind, message, hint))


def _board_app(app: ModuleType, simulation: Simulation) -> Any:
    """The firmware's App, with the simulation as the owner of a linked board."""

    class BoardApp(app.App):  # type: ignore[name-defined, misc]
        async def idle(self) -> None:
            await simulation.pursue(app, self.link)
            await super().idle()

    return BoardApp


@contextlib.contextmanager
def _wall_limit(
    loop: asyncio.AbstractEventLoop, seconds: float | None, late: Callable[[], None]
) -> Iterator[None]:
    """Call `late` in the loop after `seconds` of wall time, whatever the loop's own says."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, loop.call_soon_threadsafe, (late,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    """Let every task of the board finish its own cleaning up."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


def _leave(*_: object) -> None:
    sys.exit(TERMINATED)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be made: {error.strerror}", "another folder for --screens"
        ) from None
