"""`keyfob sim`: one virtual board, run until its goal is reached or ruled out."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from keyfob_host.errors import INTERRUPTED, CliError, UsageError
from keyfob_sim import board_files, pictures, state
from keyfob_sim.clock import SharedClock
from keyfob_sim.cpython import shims
from keyfob_sim.goal import Progress
from keyfob_sim.options import SimOptions
from keyfob_sim.terminal import Terminal

# Members of firmware events that are for the display, or become others here.
_INTERNAL = ("took", "trouble")
_QUIET = ("signed_out",)  # events for the screen only; an `error` says it to the reader
_SAVED_AFTER = ("linked", "refreshed", "unlinked")


def run(options: SimOptions) -> int:
    """Run a board as `options` say; return the exit code.

    Raises CliError where the goal was not reached, after the `error` and `end` events.
    """
    return Simulation(options).run()


class Simulation:
    """One board, the server beside it, and whoever watches."""

    def __init__(self, options: SimOptions) -> None:
        self._options = options
        self._progress = Progress(options.until)
        self._terminal = None if options.json else Terminal()
        self._clock: SharedClock | None = None
        self._state: state.State | None = None
        self._task: asyncio.Task[None] | None = None
        self._code: dict[str, Any] | None = None
        self._lines: list[str] = []
        self._pictures = 0
        self._refreshed = 0

    def run(self) -> int:
        """Run to the end, whichever it is."""
        try:
            with self._opened():
                failure = self._run_board()
        except KeyboardInterrupt:
            self._end()
            return INTERRUPTED
        except CliError as error:
            kind = getattr(error, "kind", "usage" if isinstance(error, UsageError) else "config")
            self._fail(kind, error.message, error.hint)
            self._end()
            raise
        self._end()
        if failure is not None:
            raise failure
        return 0

    @contextlib.contextmanager
    def _opened(self) -> Iterator[None]:
        """Everything a run needs, taken down again whatever happens."""
        options = self._options
        if options.screens is not None:
            _make_folder(options.screens)
        with state.opened(options.state_dir, options.board.name) as self._state:
            self._clock = SharedClock(
                virtual=options.clock == "virtual",
                t=self._state.t,
                virtual_time=self._state.virtual_time,
            )
            try:
                with self._server() as server:
                    board_files.write(self._state.flash, options, server)
                    yield
            finally:
                self._save()
                self._clock.loop.close()

    @contextlib.contextmanager
    def _server(self) -> Iterator[dict[str, Any] | None]:
        options = self._options
        if not options.embedded:
            yield None
            return
        from keyfob_sim.server import MockServer, ServerOptions

        assert self._clock is not None and self._state is not None
        folder = self._state.server
        server = MockServer(
            ServerOptions(
                host=options.host,
                port=options.port,
                https=options.https,
                state=folder / "state.json",
                approve=options.approve if options.approve in ("auto", "deny") else None,
                ca_dir=folder / "ca",
            ),
            now=self._clock.now,
        )
        description = server.start()
        try:
            self._say("server", description)
            yield description
        finally:
            server.stop()

    def _run_board(self) -> CliError | None:
        """Power the board on; None if the goal was reached, else why it was not."""
        assert self._clock is not None
        loop = self._clock.loop
        board_time = shims.BoardTime(self._clock.uptime, self._clock.now)
        with shims.firmware(board_time) as app, _wall_limit(loop, self._options.timeout, self._late):
            self._say(
                "boot",
                {
                    "cause": "power_on",
                    "board": self._options.board.name,
                    "runtime": self._options.runtime,
                },
            )
            try:
                loop.run_until_complete(self._power_on(app))
            finally:
                _cancel_all(loop)
        return self._failure

    async def _power_on(self, app: ModuleType) -> None:
        application = _application(app, self)
        self._task = asyncio.ensure_future(application.run())
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        while not self._progress.ended and self._options.until.name == "forever":
            await asyncio.sleep(3600)  # the last screen stays until somebody leaves

    @property
    def _failure(self) -> CliError | None:
        if self._progress.reached:
            return None
        message = self._progress.failure or "the board stopped"
        return CliError(message, self._hint or "look at the events with --json")

    _hint: str | None = None

    # What the board and its owner tell

    def emit(self, event: str, members: dict[str, Any]) -> None:
        """Take an event of the firmware."""
        assert self._clock is not None
        t = self._clock.t()
        shown = {name: value for name, value in members.items() if name not in _INTERNAL}
        if event == "user_code":
            self._code = members
        if event == "poll":
            shown["sent"] = round(t - members["took"] / 1000, 3)
        if event == "screen":
            self._draw(shown)
        if event == "error" and members["fatal"]:
            self._hint = members["hint"]
        if event not in _QUIET:
            self._say(event, shown)
        self._progress.see(event, members)
        if event in _SAVED_AFTER:
            self._save()
        if self._progress.ended and self._task is not None:
            self._task.cancel()

    def show(self, lines: list[str]) -> None:
        """Take a screen of the firmware's display."""
        self._lines = lines

    async def pursue(self, app: ModuleType, link: Any) -> None:
        """Refresh at once, as often as asked for; the board's own time is too slow."""
        goal = self._options.until
        if goal.name != "refreshed":
            return
        if not link.can_refresh:
            self._fail(
                "no_refresh_token",
                "the provider gave no refresh token",
                "ask for it by --scope; many providers want offline_access",
            )
            return
        if self._options.clock == "virtual" and self._options.embedded:
            return  # each waits for its due time
        while not self._progress.ended:
            try:
                await link.refresh()
            except app.TransportError as error:
                self.emit("error", error.members(False))
                await asyncio.sleep(link.pause / 1000)

    def _draw(self, members: dict[str, Any]) -> None:
        """Show the screen that the firmware has just brought up, with its QR."""
        address = None
        if members["name"] == "user_code" and self._code is not None:
            address = self._code["verification_uri_complete"] or self._code["verification_uri"]
        if self._terminal is not None:
            self._terminal.screen(self._lines, address)
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
        """End the run with an error of the simulator's own."""
        members = {"kind": kind, "message": message, "hint": hint, "fatal": True}
        if self._clock is None:
            self._clock = SharedClock(virtual=False)
        self.emit("error", members)

    def _say(self, event: str, members: dict[str, Any]) -> None:
        t = 0.0 if self._clock is None else self._clock.t()
        if self._terminal is not None:
            self._terminal.event(event, t, members)
        else:
            line = {"event": event, "t": round(t, 3), **members}
            print(json.dumps(line), flush=True)

    def _end(self) -> None:
        self._say("end", {"reached": self._progress.reached, "flash_ops": None})
        if self._terminal is not None:
            self._terminal.close()

    def _save(self) -> None:
        assert self._clock is not None and self._state is not None
        virtual_time = self._clock.now() if self._clock.virtual else None
        self._state.save(self._clock.t(), virtual_time)


def _application(app: ModuleType, simulation: Simulation) -> Any:
    """The firmware's App with the simulator as its display, its listener and its owner."""

    class BoardApp(app.App):  # type: ignore[name-defined, misc]
        async def idle(self) -> None:
            await simulation.pursue(app, self.link)
            await super().idle()

    assert simulation._state is not None
    return BoardApp(root=str(simulation._state.flash), display=simulation, emit=simulation.emit)


@contextlib.contextmanager
def _wall_limit(
    loop: asyncio.AbstractEventLoop, seconds: float | None, late: Any
) -> Iterator[None]:
    """Call `late` in the loop after `seconds` of wall time, whatever the loop's own says."""
    import threading

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


def _make_folder(path: Any) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be made: {error.strerror}", "another folder for --screens"
        ) from None
