"""The window of one run: serves the page, and connects it to the run."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any

from keyfob_host.report.events import Report
from keyfob_sim.dashboard.controls import Controls
from keyfob_sim.dashboard.view import View
from keyfob_sim.hardware.board import VirtualBoard
from keyfob_sim.run.board_faults import Faults
from keyfob_sim.run.events import RunEvents
from keyfob_sim.run.options import SimOptions
from keyfob_sim.run.runtime_interface import Runtime
from keyfob_sim.server.http_server import HttpServer

if TYPE_CHECKING:
    from keyfob_sim.server import MockServer


class Window:
    """A page at `url`, on this machine only, as long as the context manager is open.

    Raises OSError where nothing can listen.
    """

    def __init__(
        self,
        options: SimOptions,
        board: VirtualBoard,
        runtime: Runtime,
        faults: Faults,
        events: RunEvents,
        report: Report,
        server: MockServer | None,
    ) -> None:
        self._options = options
        self._events = events
        self._server = server
        self._view = View(board)
        self._controls = Controls(board, runtime, options.runtime, faults, self._view.bump)
        self._http = HttpServer("127.0.0.1", 0, self._serve, time.time)
        self.url = f"http://127.0.0.1:{self._http.port}/"
        report.notify = self._view.add_event
        board.changed = self._view.bump
        events.on_line = self._view.add_line
        events.on_screen = self._view.set_screen
        events.window = self.url
        if server is not None:
            server.realm.log.added = self._view.bump

    def __enter__(self) -> Window:
        self._http.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        progress = self._events.progress
        how = "its goal is reached" if progress.reached else progress.failure or "it was stopped"
        self._view.end(how)
        self._http.stop()

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer

    @cached_property
    def _app(self) -> Any:
        from keyfob_sim.dashboard.routes import make_app  # slow to import, often not needed

        return make_app(self._options, self._view, self._controls, self._server, self._http.port)
