"""Personalities: requests in a provider's dialect translated into the RFCs', replies back into it.

The server itself knows RFC 8628 and RFC 6749 only. How a provider differs from them is data,
one file for each provider (keyfob_host/personalities/NAME.toml):

[server]                     the server's configuration, as config.py has it
[request]                    what it expects of a client
body_format                  "form" or "json"
names                        {parameter as the provider spells it: its RFC name}
device_authorization, token  {parameters without which it refuses: value, or "*" for any}
query                        true: parameters may be in the address, too
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
[account]                    what it tells of the account where it has no userinfo of OpenID
                             Connect, whatever the scope: {member as it spells it: claim}
[errors.NAME]                its form of the RFC's error NAME; "refresh.NAME" to a refresh, "*" any
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

DEVICE_AUTHORIZATION, TOKEN = "device_authorization", "token"
TRANSLATED = (DEVICE_AUTHORIZATION, TOKEN)  # endpoints with a dialect
_DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_OFFLINE = "offline_access"
_ERROR = r"^(\*|(refresh\.)?[a-z_]+)$"


class DialectError(ValueError):
    """A request that the provider would refuse as malformed; the message says why."""


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
    query: bool = False
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
    account: Mapping[str, str] = field(default_factory=dict)
    errors: Annotated[Mapping[str, ErrorRule], Rule(names=_ERROR)] = field(default_factory=dict)
    server: Mapping[str, Any] = field(default_factory=dict)
    unverified: tuple[str, ...] = ()
    # IDs of grants that got their `once` error.
    _sent_once: set[str] = field(init=False, default_factory=set)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def translate_request(
        self, endpoint: str, sent: Mapping[str, str], is_refresh_address: bool = False
    ) -> tuple[str, dict[str, str]]:
        """The endpoint that a request is for, and its parameters in the RFCs' terms.

        `is_refresh_address` says that it was sent to REFRESH. Raises DialectError.
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
                raise DialectError("polls and refreshes have an address each here")
            required = expected.token if is_poll else {}
            if is_poll:
                if form.get("grant_type", "") != expected.grant_type:
                    raise DialectError("the grant type is another here")
                form["grant_type"] = _DEVICE_CODE_GRANT
        lacking = _lacking(required, sent)
        if lacking is not None:
            raise DialectError(f"{lacking} is missing, or wrong")
        return endpoint, form

    def _with_offline(self, form: dict[str, str]) -> dict[str, str]:
        """Set `offline_access` where the provider would give a refresh token, and only there."""
        asked = form.get("scope", "").split()
        offline = self.request.offline
        scopes = [name for name in asked if name != _OFFLINE]
        if offline == "always" or (offline != "never" and set(offline) & set(asked)):
            scopes.append(_OFFLINE)
        return form | {"scope": " ".join(scopes)}

    def translate_reply(
        self,
        status: int,
        members: Mapping[str, Any],
        accept: str = "",
        is_refresh: bool = False,
        grant: str | None = None,
        interval: float | None = None,
    ) -> tuple[int, str, str]:
        """Status, Content-Type and body in the dialect, for an answer in the RFCs' terms.

        `accept` is the request's header; `grant` and `interval` are those of the code that
        it is about.
        """
        answer = dict(members)
        if "error" in answer:
            code = (
                f"refresh.{answer['error']}"
                if is_refresh
                else self._error_code(answer["error"], grant)
            )
            rule = self._rule(code)
            status, answer = self._error_members(rule, status, answer, is_refresh, interval)
        else:
            if "scope" in answer:
                answer["scope"] = self._scope(answer["scope"])
            without = set(self.reply.without)
            if "access_token" in answer:
                answer |= self.reply.token
                without |= {name.removeprefix("token.") for name in without}
            names = self.reply.names
            answer = {names.get(k, k): v for k, v in answer.items() if k not in without}
        body_format = self.reply.body_format
        if body_format == "form" or (body_format == "asked" and "json" not in accept):
            return status, "application/x-www-form-urlencoded; charset=utf-8", urlencode(answer)
        return status, self.reply.content_type, json.dumps(answer) if answer else ""

    def tell_account(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        """What it tells of an account, by its own names."""
        return {member: claims.get(claim) for member, claim in self.account.items()}

    def _error_code(self, code: str, grant: str | None) -> str:
        """The RFC's error to send: one with `once` becomes `invalid_grant` for the same grant."""
        if grant is None or not self._rule(code).get("once"):
            return code
        with self._lock:
            was_sent = grant in self._sent_once
            self._sent_once.add(grant)
        return "invalid_grant" if was_sent else code

    def _error_members(
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
        answer = {**members, "error": name}
        if "description" in rule:
            answer["error_description"] = rule["description"]
        if rule.get("interval") and interval is not None:
            answer["interval"] = int(interval)
        return status, {key: value for key, value in answer.items() if value != ""}

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
    """The first required parameter that is missing or has another value."""
    for name, value in required.items():
        if not sent.get(name) or value not in ("*", sent[name]):
            return name
    return None
