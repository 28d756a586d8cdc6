"""The admin API's description of itself (OpenAPI 3.1)."""

from __future__ import annotations

from typing import Any

from keyfob.oauth.messages import CLIENT_AUTH

from .faults import MEMBERS

_ERROR = {"$ref": "#/components/schemas/Error"}
_GRANT = {"$ref": "#/components/schemas/Grant"}
_FAULT = {"$ref": "#/components/schemas/Fault"}
_USER_CODE = {
    "type": "string",
    "description": "As the device shows it; case, spaces and dashes do not matter.",
    "example": "WDJB-MJHT",
}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _object(members: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": members,
        "required": required or [],
        "additionalProperties": False,
    }


def _get(summary: str, schema: dict[str, Any], *parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "get": {
            "summary": summary,
            "parameters": list(parameters),
            "responses": {
                "200": {"description": "done", "content": _json(schema)},
                "4XX": {"description": "refused", "content": _json(_ERROR)},
            },
        }
    }


def _post(summary: str, body: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "post": {
            "summary": summary,
            "requestBody": {"required": True, "content": _json(body)},
            "responses": {
                "200": {"description": "done", "content": _json(schema)},
                "4XX": {"description": "refused", "content": _json(_ERROR)},
            },
        }
    }


def _delete(summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"delete": _get(summary, schema)["get"]}


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


_CODE_BODY = _object({"user_code": _USER_CODE}, ["user_code"])

PATHS: dict[str, Any] = {
    "/approve": _post(
        "Approve what waits under a user code.",
        _object(
            {
                "user_code": _USER_CODE,
                "user": {
                    "type": "string",
                    "description": "Subject or user name; the first user without it.",
                },
            },
            ["user_code"],
        ),
        _GRANT,
    ),
    "/deny": _post("Deny what waits under a user code.", _CODE_BODY, _GRANT),
    "/expire": _post("Let a user code and its device code expire now.", _CODE_BODY, _GRANT),
    "/revoke": _post(
        "Revoke tokens: of a user, of a client, of both at once, or all.",
        _object({"user": {"type": "string"}, "client_id": {"type": "string"}}),
        _object({"revoked": {"type": "integer"}}),
    ),
    "/reset": _post(
        "Forget all grants, tokens, faults and the request log; keys and secrets stay.",
        _object({}),
        _object({"reset": {"type": "boolean"}}),
    ),
    "/grants": _get(
        "The device authorizations that are remembered, oldest first.",
        _object({"grants": {"type": "array", "items": _GRANT}}),
    ),
    "/requests": _get(
        "What came in and what was answered, and every decision; secrets are left out.",
        _object({"requests": {"type": "array", "items": {"$ref": "#/components/schemas/Entry"}}}),
        _query("after", {"type": "integer"}, "Only entries numbered above this."),
        _query("endpoint", {"type": "string"}, "Only requests to this endpoint, such as token."),
    ),
    "/faults": {
        **_get(
            "The faults that are left, oldest first.",
            _object({"faults": {"type": "array", "items": _FAULT}}),
        ),
        **_post(
            "Add a fault behind those of its endpoint: what goes wrong with its next requests.",
            _object({name: kind.schema for name, kind in MEMBERS.items()}, ["endpoint"]),
            _FAULT,
        ),
        **_delete("Forget the faults that are left.", _object({"cleared": {"type": "integer"}})),
    },
    "/openapi.json": _get("This document.", {"type": "object"}),
}

_SCHEMAS: dict[str, Any] = {
    "Error": _object(
        {
            "error": {"type": "string", "description": "What happened."},
            "try": {"type": "string", "description": "What to do about it."},
        },
        ["error", "try"],
    ),
    "Grant": {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "user_code": _USER_CODE,
            "client_id": {"type": "string"},
            "scope": {"type": "string"},
            "state": {"enum": ["pending", "approved", "denied", "used", "expired"]},
            "user": {"type": ["string", "null"], "description": "Subject of who approved."},
            "expires_in": {"type": "number", "description": "Seconds; 0 once expired."},
            "interval": {"type": "number", "description": "Seconds, slow_downs included."},
        },
    },
    "Fault": _object({name: kind.schema for name, kind in MEMBERS.items()}, ["endpoint"]),
    "Entry": {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "description": "Counts up from 1."},
            "time": {"type": "number", "description": "Unix seconds of the server's clock."},
            "kind": {"enum": ["request", "decision"]},
            "endpoint": {"type": ["string", "null"]},
            "method": {"type": "string"},
            "path": {"type": "string"},
            "status": {
                "type": ["integer", "null"],
                "description": "Null for a request that was dropped.",
            },
            "error": {"type": ["string", "null"], "description": "OAuth error code."},
            "fault": {
                "enum": ["answer", "odd", "delay", "drop", "lost", None],
                "description": "What went wrong on request, see /faults.",
            },
            "client_id": {"type": ["string", "null"]},
            "client_auth": {"enum": [*CLIENT_AUTH, None]},
            "grant": {"type": ["string", "null"]},
            "parameters": {"type": "object", "additionalProperties": {"type": "string"}},
            "headers": {"type": "object"},
            "connection": {"type": "integer", "description": "The client's port."},
            "decision": {"enum": ["approved", "denied"]},
            "by": {"enum": ["page", "admin", "auto"]},
            "user": {"type": ["string", "null"]},
        },
        "required": ["n", "time", "kind"],
    },
}


def document(admin: str) -> dict[str, Any]:
    """Return the whole document; `admin` is the API's address."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "keyfob mock authorization server: admin API",
            "version": "1",
            "description": "Takes JSON only, and nothing from a web page of another origin.",
        },
        "servers": [{"url": admin}],
        "paths": PATHS,
        "components": {"schemas": _SCHEMAS},
    }
