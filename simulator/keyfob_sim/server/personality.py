"""Somebody else's dialect: requests put into the RFCs' terms, replies out of them.

The server behind it speaks RFC 8628 and RFC 6749 alone. What a provider does otherwise is
data, a file a provider beside the presets (keyfob_host/personalities/NAME.toml):

[server]                     the server's configuration, as config.py has it
[request]                    what it expects of a client
body_format                  "form" or "json"
names                        {parameter as the provider spells it: its RFC name}
device_authorization, token  {parameters without which it refuses: value, or "*" for any}
same_address                 true: both are asked at the token endpoint
refresh_address              true: refreshes have an address of their own, and only that
grant_type                   what stands for the device grant, "" where none is sent
offline                      scopes any of which gives a refresh token, or "always" or "never"
[reply]                      what it answers
body_format                  "json", "form", or "asked": form unless JSON is asked for
content_type                 of JSON
names                        {RFC name: member as the provider spells it}
without                      RFC names of members that it does not send, "token.NAME" of tokens'
token                        members that it adds to tokens
scope                        " " or "," between scopes, or "array"
error_style                  "error", "message" (of status and message) or "bare" (no body,
                             refreshes apart)
[errors.NAME]                how it says the RFC's error NAME; "refresh.NAME" to a refresh, "*" any
status, name, description    a description of "" is left out
interval                     true: with the new interval
once                         true: afterwards it is invalid_grant

The request log is in the RFCs' terms, too, but for the status.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict
from urllib.parse import urlencode

import keyfob_host
from keyfob_host.typed_toml import Rule, read_toml

PERSONALITIES = Path(keyfob_host.__file__).parent / "personalities"
PLAIN = "rfc8628"  # the server as it is

SPOKEN = DEVICE_AUTHORIZATION, TOKEN = "device_authorization", "token"  # endpoints
_DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_OFFLINE = "offline_access"
_ERROR = r"^(\*|(refresh\.)?[a-z_]+)$"


class Misunderstood(ValueError):
    """A request that the provider would not understand; the message says why."""


def known_personalities() -> list[str]:
    """Names to give to `load_personality`, and PLAIN."""
    return [PLAIN, *sorted(path.stem for path in PERSONALITIES.glob("*.toml"))]


@dataclass(frozen=True)
class Expected:
    """The table [request]."""

    body_format: Literal["form", "json"] = "form"
    names: Mapping[str, str] = field(default_factory=dict)
    device_authorization: Mapping[str, str] = field(default_factory=dict)
    token: Mapping[str, str] = field(default_factory=dict)
    same_address: bool = False
    refresh_address: bool = False
    grant_type: str = _DEVICE_CODE_GRANT
    offline: Literal["always", "never"] | tuple[str, ...] = (_OFFLINE,)


@dataclass(frozen=True)
class Answered:
    """The table [reply]."""

    body_format: Literal["json", "form", "asked"] = "json"
    content_type: str = "application/json"
    names: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    token: Mapping[str, Any] = field(default_factory=dict)
    scope: Literal[" ", ",", "array"] = " "
    error_style: Literal["error", "message", "bare"] = "error"


class ErrorRule(TypedDict, total=False):
    """A table [errors.NAME]."""

    status: Annotated[int, Rule(minimum=100, maximum=599)]
    name: str
    description: str
    interval: bool
    once: bool


@dataclass(frozen=True)
class Personality:
    """One provider's dialect; `name` is that of its preset too."""

    name: str
    request: Expected = Expected()
    reply: Answered = Answered()
    errors: Annotated[Mapping[str, ErrorRule], Rule(names=_ERROR)] = field(default_factory=dict)
    server: Mapping[str, Any] = field(default_factory=dict)
    unverified: tuple[str, ...] = ()
    _told: set[str] = field(init=False, default_factory=set)  # grants whose `once` has been
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def hear(
        self, endpoint: str, sent: Mapping[str, str], is_refresh_address: bool = False
    ) -> tuple[str, dict[str, str]]:
        """The endpoint that a request is for, and its parameters in the RFCs' terms.

        `is_refresh_address` where it came by that one. Raises Misunderstood.
        """
        expected = self.request
        if expected.same_address:  # what is required tells them apart
            is_first = _lacking(expected.device_authorization, sent) is None
            endpoint = DEVICE_AUTHORIZATION if is_first else TOKEN
        form = {
            expected.names.get(name, name): value
            for name, value in sent.items()
            if name in expected.names or name not in expected.names.values()
        }
        if endpoint == DEVICE_AUTHORIZATION:
            required = expected.device_authorization
            form = self._with_offline(form)
        else:
            is_poll = "device_code" in form
            if expected.refresh_address and is_poll == is_refresh_address:
                raise Misunderstood("polls and refreshes have an address each here")
            required = expected.token if is_poll else {}
            if is_poll:
                if form.get("grant_type", "") != expected.grant_type:
                    raise Misunderstood("the grant type is another here")
                form["grant_type"] = _DEVICE_CODE_GRANT
        lacking = _lacking(required, sent)
        if lacking is not None:
            raise Misunderstood(f"{lacking} is missing, or wrong")
        return endpoint, form

    def _with_offline(self, form: dict[str, str]) -> dict[str, str]:
        """The server behind gives a refresh token for `offline_access`, and that alone."""
        asked = form.get("scope", "").split()
        offline = self.request.offline
        scopes = [name for name in asked if name != _OFFLINE]
        if offline == "always" or (offline != "never" and set(offline) & set(asked)):
            scopes.append(_OFFLINE)
        return form | {"scope": " ".join(scopes)}

    def speak(
        self,
        status: int,
        members: Mapping[str, Any],
        accept: str = "",
        is_refresh: bool = False,
        grant: str | None = None,
        interval: float | None = None,
    ) -> tuple[int, str, str]:
        """Status, Content-Type and body for what the server behind has answered.

        `accept` is the request's header; `grant` and `interval` are those of the code that
        it is about.
        """
        said = dict(members)
        if "error" in said:
            code = (
                f"refresh.{said['error']}" if is_refresh else self._current(said["error"], grant)
            )
            status, said = self._said(self._rule(code), status, said, is_refresh, interval)
        else:
            if "scope" in said:
                said["scope"] = self._scope(said["scope"])
            without = set(self.reply.without)
            if "access_token" in said:
                said |= self.reply.token
                without |= {name.removeprefix("token.") for name in without}
            names = self.reply.names
            said = {names.get(k, k): v for k, v in said.items() if k not in without}
        body_format = self.reply.body_format
        if body_format == "form" or (body_format == "asked" and "json" not in accept):
            return status, "application/x-www-form-urlencoded; charset=utf-8", urlencode(said)
        return status, self.reply.content_type, json.dumps(said) if said else ""

    def _current(self, code: str, grant: str | None) -> str:
        """The error as it is said now: some only once to each grant."""
        if grant is None or not self._rule(code).get("once"):
            return code
        with self._lock:
            was_told = grant in self._told
            self._told.add(grant)
        return "invalid_grant" if was_told else code

    def _said(
        self,
        rule: Mapping[str, Any],
        status: int,
        members: Mapping[str, Any],
        is_refresh: bool,
        interval: float | None,
    ) -> tuple[int, dict[str, Any]]:
        """Status and members of an error by its rule."""
        status = rule.get("status", status)
        name = rule["name"]
        if self.reply.error_style == "bare" and not is_refresh:
            return status, {}
        if self.reply.error_style == "message":
            return status, {"status": status, "message": name}
        said = {**members, "error": name}
        if "description" in rule:
            said["error_description"] = rule["description"]
        if rule.get("interval") and interval is not None:
            said["interval"] = int(interval)
        return status, {key: value for key, value in said.items() if value != ""}

    def _rule(self, code: str) -> Mapping[str, Any]:
        name = code.removeprefix("refresh.")
        return {"name": name, **self.errors.get("*", {}), **self.errors.get(code, {})}

    def _scope(self, scope: str) -> str | list[str]:
        offline = self.request.offline
        names = [name for name in scope.split() if name != _OFFLINE or _OFFLINE in offline]
        return names if self.reply.scope == "array" else self.reply.scope.join(names)


def load_personality(name: str) -> Personality | None:
    """The personality of that name, one of `known_personalities`; None for PLAIN."""
    if name == PLAIN:
        return None
    path = PERSONALITIES / f"{name}.toml"
    return read_toml(Personality, path, "see host_tools/providers/README.md", name=name)


def _lacking(required: Mapping[str, str], sent: Mapping[str, str]) -> str | None:
    """The first parameter that is not there as it has to be."""
    for name, value in required.items():
        if not sent.get(name) or value not in ("*", sent[name]):
            return name
    return None
