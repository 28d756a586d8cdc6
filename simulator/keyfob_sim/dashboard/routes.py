"""The routes of the page: the page itself, the state that it polls, and its controls.

It has no password, so no other page that the person has open may reach it. It answers to its
own Host only, against DNS rebinding, refuses a foreign Origin, and takes JSON only, which no
form can send.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Flask, Response, abort, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from keyfob_sim.dashboard.controls import SWITCHES, Controls
from keyfob_sim.dashboard.view import View
from keyfob_sim.run.options import SimOptions
from keyfob_sim.server.store import UserCodeError

if TYPE_CHECKING:
    from keyfob_sim.server import MockServer

_GATHER = 0.04  # s that changes are gathered before they are sent
_REQUESTS = 300  # of the request log that are shown
_SHOWN = ("n", "time", "kind", "method", "path", "status", "error", "fault", "decision", "by")

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}


def make_app(
    options: SimOptions, view: View, controls: Controls, server: MockServer | None, port: int
) -> Flask:
    """Make the application; `port` is the one that it answers on."""
    app = Flask("keyfob_sim.dashboard")
    board = view.board
    hosts = (f"127.0.0.1:{port}", f"localhost:{port}")

    @app.before_request
    def guard() -> None:
        if request.host not in hosts:
            abort(403, "the window answers under its own address only")
        if request.headers.get("Origin") not in (None, f"http://{request.host}"):
            abort(403, "the window takes nothing from other pages")

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers.update(_HEADERS)
        return response

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> tuple[Response, int]:
        return jsonify(error=error.description), error.code or 500

    @app.get("/")
    def page() -> str:
        return render_template(
            "window.html",
            board=board.about,
            display=board.about.display,
            runtime=options.runtime,
            clock=options.clock,
            embedded=server is not None,
            switches=SWITCHES,
            one_shots=controls.one_shots,
        )

    @app.get("/state")
    def state() -> Response:
        view.wait(request.args.get("since", type=int))
        if view.ended is None:
            time.sleep(_GATHER)
        return jsonify(
            version=view.version,  # read first: a later change gets another answer
            ended=view.ended,
            t=board.clock.t(),
            uptime=board.uptime(),
            screen=view.screen,
            console=view.console,
            picture=view.picture_number,
            led=board.is_led_on,
            colour=None if board.pixel is None else board.pixel.colour,
            held=controls.held(),
            switches=controls.switches(),
            code=_code(view, server),
            serial=view.lines(request.args.get("serial", 0, int)),
            requests=_requests(server, request.args.get("requests", 0, int)),
        )

    @app.get("/picture.png")
    def picture() -> Response:
        data = view.picture()
        return Response(data, 200 if data else 404, mimetype="image/png")

    acts = {
        "trigger": controls.trigger,
        "on": controls.switch_on,
        "off": controls.switch_off,
        "hold": controls.hold,
        "release": controls.release,
    }

    @app.post("/do")
    def do() -> Response:
        action, name = _body("do", "name")
        if action not in acts:
            abort(400, f"there is nothing like that to do; there are {', '.join(acts)}")
        try:
            acts[action](name)
        except KeyError:
            abort(400, f"there is nothing of that name to {action}")
        except (OSError, RuntimeError):
            abort(409, "the run has ended")
        return jsonify(done=True)

    @app.post("/decision")
    def decision() -> Response:
        user_code, decided = _body("user_code", "decision")
        if server is None or decided not in ("approve", "deny"):
            abort(400, "approve or deny a code of the embedded server")
        user = server.realm.config.users[0] if decided == "approve" else None
        try:
            server.realm.decide(user_code, user, "admin")
        except UserCodeError:
            abort(409, "this code is decided or over")
        return jsonify(done=True)

    return app


def _body(*names: str) -> list[str]:
    """The members of the JSON body, which has these and no others, all texts."""
    if request.mimetype != "application/json":
        abort(415, "the body must be JSON")
    body = request.get_json(silent=True)
    if not isinstance(body, dict) or body.keys() != set(names):
        abort(400, f"the body needs {' and '.join(names)}")
    if not all(isinstance(value, str) for value in body.values()):
        abort(400, f"{' and '.join(names)} must be texts")
    return [body[name] for name in names]


def _code(view: View, server: MockServer | None) -> dict[str, Any] | None:
    """The code that the board shows, and whether it can be decided here."""
    code = view.code
    if code is None:
        return None
    address = code["complete"] or code["verification_uri"]
    is_web = urlsplit(address).scheme in ("http", "https")  # a server may send any address
    return {
        "user_code": code["user_code"],
        "address": address if is_web else None,
        "pending": server is not None and _is_pending(server, code["user_code"]),
    }


def _is_pending(server: MockServer, user_code: str) -> bool:
    try:
        server.realm.store.undecided(user_code)
    except UserCodeError:
        return False
    return True


def _requests(server: MockServer | None, after: int) -> list[dict[str, Any]]:
    if server is None:
        return []
    entries = server.realm.log.entries(after)[-_REQUESTS:]
    return [{name: entry[name] for name in _SHOWN if name in entry} for entry in entries]
