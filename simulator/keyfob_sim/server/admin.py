"""The admin API: decide codes, read the request log, script faults, reset the server.

It has no password, so no web page that the developer has open may reach it. Bodies are JSON,
which no form of another site can send. A foreign Origin is refused, and so is a foreign Host
name, as DNS rebinding would use.
"""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, jsonify, request

from .config import User
from .discovery import ADMIN
from .faults import FaultError, parse
from .openapi import PATHS, document
from .realm import Realm
from .records import PENDING, Grant
from .store import UserCodeError

_CODE_PROBLEMS = {
    "unknown": (404, "there is no such user code", "take the code that the device shows now"),
    "expired": (410, "the user code has expired", "let the device ask for a new one"),
    "used": (409, "the user code has been decided already", "let the device ask for a new one"),
}


class AdminError(Exception):
    """A refused admin request: status, what happened, what to try."""

    def __init__(self, status: int, message: str, hint: str) -> None:
        super().__init__(message)
        self.status, self.message, self.hint = status, message, hint


def admin_routes(realm: Realm) -> Blueprint:
    """Make the blueprint, below the path `ADMIN`."""
    routes = Blueprint("admin", __name__, url_prefix=ADMIN)

    @routes.before_request
    def guard() -> None:
        _refuse_foreign_pages(realm)

    @routes.errorhandler(AdminError)
    def refused(error: AdminError) -> tuple[Response, int]:
        return jsonify({"error": error.message, "try": error.hint}), error.status

    @routes.errorhandler(UserCodeError)
    def bad_code(error: UserCodeError) -> tuple[Response, int]:
        return refused(AdminError(*_CODE_PROBLEMS[error.reason]))

    @routes.post("/approve")
    def approve() -> Response:
        body = _body("/approve")
        user = _user(realm, body) or realm.config.users[0]
        return jsonify(_grant(realm, realm.decide(body["user_code"], user, "admin")))

    @routes.post("/deny")
    def deny() -> Response:
        code = _body("/deny")["user_code"]
        return jsonify(_grant(realm, realm.decide(code, None, "admin")))

    @routes.post("/expire")
    def expire() -> Response:
        return jsonify(_grant(realm, realm.store.expire(_body("/expire")["user_code"])))

    @routes.post("/revoke")
    def revoke() -> Response:
        body = _body("/revoke")
        user = _user(realm, body)
        count = realm.store.revoke_all(user.sub if user else None, body.get("client_id"))
        return jsonify(revoked=count)

    @routes.post("/reset")
    def reset() -> Response:
        _body("/reset")
        realm.store.clear()
        realm.faults.clear()
        realm.log.clear()
        return jsonify(reset=True)

    @routes.get("/grants")
    def grants() -> Response:
        return jsonify(grants=[_grant(realm, grant) for grant in realm.store.grants()])

    @routes.get("/requests")
    def requests() -> Response:
        after = request.args.get("after", "0")
        if not after.isascii() or not after.isdigit():
            raise AdminError(400, "after is not a number", "give the n of an entry")
        return jsonify(requests=realm.log.entries(int(after), request.args.get("endpoint")))

    @routes.get("/faults")
    def faults() -> Response:
        return jsonify(faults=[fault.members() for fault in realm.faults.left()])

    @routes.post("/faults")
    def add_fault() -> Response:
        try:
            fault = parse(_json_object())
        except FaultError as error:
            raise AdminError(400, str(error), f"see {ADMIN}/openapi.json") from None
        realm.faults.add(fault)
        return jsonify(fault.members())

    @routes.delete("/faults")
    def clear_faults() -> Response:
        return jsonify(cleared=realm.faults.clear())

    @routes.get("")
    @routes.get("/openapi.json")
    def openapi() -> Response:
        return jsonify(document(realm.issuer + ADMIN))

    return routes


def _refuse_foreign_pages(realm: Realm) -> None:
    host = urlsplit(f"//{request.host}").hostname or ""
    ours = {urlsplit(realm.issuer).hostname, "localhost"}
    if host not in ours and not _is_address(host):
        raise AdminError(
            403, "the admin API does not answer under this host name", f"use {realm.issuer}{ADMIN}"
        )
    origin = request.headers.get("Origin")
    if origin not in (None, realm.issuer, f"{request.scheme}://{request.host}"):
        raise AdminError(
            403, "the admin API takes nothing from other origins", "call it from a program"
        )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _json_object() -> dict[str, Any]:
    """Read the JSON body."""
    if request.mimetype != "application/json":
        raise AdminError(
            415, "the body must be JSON", "send it with Content-Type: application/json"
        )
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise AdminError(400, "the body is not a JSON object", f"see {ADMIN}/openapi.json")
    return body


def _body(path: str) -> dict[str, Any]:
    """Read the JSON body and check it against what the API description says about `path`."""
    schema = PATHS[path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    body = _json_object()
    known = schema["properties"]
    for name, value in body.items():
        if name not in known:
            raise AdminError(
                400,
                f"there is no member {name[:40]!r} here",
                f"known members: {', '.join(known) or 'none'}",
            )
        if not isinstance(value, str):
            raise AdminError(400, f"{name} is not a text", f"see {ADMIN}/openapi.json")
    for name in schema["required"]:
        if name not in body:
            raise AdminError(400, f"{name} is missing", f"see {ADMIN}/openapi.json")
    return body


def _user(realm: Realm, body: dict[str, Any]) -> User | None:
    if "user" not in body:
        return None
    user = realm.user(body["user"])
    if user is None:
        names = ", ".join(u.username for u in realm.config.users)
        raise AdminError(404, "there is no such user", f"use one of: {names}")
    return user


def _grant(realm: Realm, grant: Grant) -> dict[str, Any]:
    left = grant.expires_at - realm.now()
    return {
        "id": grant.id,
        "user_code": grant.user_code,
        "client_id": grant.client_id,
        "scope": grant.scope,
        "state": "expired" if grant.state == PENDING and left <= 0 else grant.state,
        "user": grant.sub,
        "expires_in": max(0.0, round(left, 3)),
        "interval": grant.interval,
    }
