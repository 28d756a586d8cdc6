"""The Flask application: all routes, what every answer carries, and the request log."""

from __future__ import annotations

import base64
import hashlib
import logging
import sys
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, jsonify, redirect, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map

from keyfob_host.printable import say

from .admin import admin_routes
from .discovery import ADMIN, VERIFICATION
from .endpoints import protocol_routes, refreshes_elsewhere
from .grants import make_authorization_server
from .http_server import FRAMING
from .oddities import ODDITIES
from .pages import page_routes
from .personality import TRANSLATED
from .realm import Realm

MAX_BODY = 64 * 1024  # bytes


# Compiled routes, by whether there is an address for refreshes.
_compiled: dict[bool, Map] = {}


class _App(Flask):
    """An application whose routes are compiled once a process: that takes longer than the rest."""

    def __init__(self, compiled: Map | None) -> None:
        self._is_compiled = compiled is not None
        super().__init__("keyfob_sim.server", static_folder=None)
        self.url_map = compiled or self.url_map

    def add_url_rule(
        self, rule: str, endpoint: str | None = None, view_func: Any = None, *args: Any, **kw: Any
    ) -> None:
        """Add a route, or the view of one that is there."""
        if not self._is_compiled:
            super().add_url_rule(rule, endpoint, view_func, *args, **kw)
        elif view_func is not None:
            self.view_functions[str(endpoint)] = view_func


def make_app(realm: Realm) -> Flask:
    """Put the application together over one realm."""
    silence_loggers()
    kind = refreshes_elsewhere(realm)
    app = _App(_compiled.get(kind))
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.json.sort_keys = False  # type: ignore[attr-defined]
    style = Path(__file__).with_name("templates").joinpath("style.css").read_text("utf-8").strip()
    app.register_blueprint(protocol_routes(realm, make_authorization_server(realm)))
    app.register_blueprint(admin_routes(realm))
    app.register_blueprint(page_routes(realm, style))
    app.add_url_rule("/", "home", lambda: redirect(VERIFICATION, 302))
    _compiled[kind] = app.url_map
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)
    # Flask runs these in reverse: the personality translates first. The automatic decision comes
    # after its `authorization_pending` was logged. A fault's headers replace any others, and its
    # oddity is done to what all of them have made.
    app.after_request(_fault_answer)
    app.after_request(_decider(realm))
    app.after_request(_security_headers(style))
    app.after_request(_logger(realm))
    app.after_request(_translator(realm))
    return app


def silence_loggers() -> None:
    """Silence Authlib, for the whole process: at DEBUG it logs every token it issues."""
    for name in ("authlib", "werkzeug"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
        logger.addHandler(logging.NullHandler())


def _http_error(error: HTTPException) -> tuple[Response, int]:
    g.error = "invalid_request"
    answer = jsonify(error="invalid_request", error_description=error.name)
    for name, value in error.get_headers():
        if name == "Allow":
            answer.headers[name] = value
    return answer, error.code or 500


def _unexpected(error: Exception) -> tuple[Response, int]:
    # The type and the place, never the text, which may hold what was being worked on.
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else "?"
    say(
        f"keyfob: the mock server failed at {request.path}: {type(error).__name__}, {place}\n"
        "try: report it with that line",
        to=sys.stderr,
    )
    g.error = "server_error"
    return jsonify(error="server_error"), 500


def _security_headers(style: str) -> Any:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    always = {
        "Cache-Control": "no-store",
        "Pragma": "no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    # For people's browsers only: a device reads every byte of the rest.
    pages = {
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
    }

    def add(response: Response) -> Response:
        response.headers.update(always)
        if response.mimetype == "text/html":
            response.headers.update(pages)
        return response

    return add


def _fault_answer(response: Response) -> Response:
    fault = g.get("fault")
    if fault is not None and fault.headers:
        response.headers.update(fault.headers)
    if fault is not None and fault.odd:
        oddity = ODDITIES[fault.odd]
        response.set_data(oddity.body(response.get_data()))
        request.environ[FRAMING] = oddity.framing
    return response


def _decider(realm: Realm) -> Any:
    def decide(response: Response) -> Response:
        if g.get("error") == "authorization_pending":
            realm.answer_pending(g.grant)
        return response

    return decide


def _translator(realm: Realm) -> Any:
    def translate(response: Response) -> Response:
        dialect, fault, grant = realm.personality, g.get("fault"), g.get("grant")
        endpoint = (request.endpoint or "").rpartition(".")[2]
        is_ours = endpoint in TRANSLATED and not (fault and fault.status)
        if dialect is None or not is_ours or not isinstance(members := response.json, dict):
            return response
        response.status_code, response.content_type, body = dialect.translate_reply(
            response.status_code,
            members,
            accept=request.headers.get("Accept", ""),
            is_refresh=g.get("form", {}).get("grant_type") == "refresh_token",
            grant=grant and grant.id,
            interval=grant and grant.interval,
        )
        response.set_data(body)
        return response

    return translate


def _logger(realm: Realm) -> Any:
    def log(response: Response) -> Response:
        if not request.path.startswith(ADMIN):
            sent = request.headers
            grant, fault = g.get("grant"), g.get("fault")
            realm.log.request(
                g.get("form", {}),
                endpoint=(request.endpoint or "").rpartition(".")[2] or None,
                method=request.method,
                path=request.path,
                status=None if fault and fault.drop else response.status_code,
                error=g.get("error"),
                fault=fault and fault.kind,
                client_id=g.get("client_id"),
                client_auth=g.get("client_auth"),
                grant=grant.id if grant else None,
                headers={
                    "accept": sent.get("Accept"),
                    "content_type": sent.get("Content-Type"),
                    "user_agent": sent.get("User-Agent"),
                    "authorization": sent.get("Authorization", "").split(" ")[0] or None,
                },
                connection=int(request.environ.get("REMOTE_PORT") or 0),
            )
        return response

    return log
