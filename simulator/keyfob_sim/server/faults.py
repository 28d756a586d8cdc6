"""Scripted faults of the server: for each endpoint a queue, first in, first out.

An entry applies to the next `times` requests to `endpoint`, or to all of the next `lasts` seconds
of the server's clock:

status (with headers and body)   answers in the server's place; nothing is carried out
odd                              the answer, that one or the true one, has an oddity of `oddities`
drop                             closes the connection without a reply; nothing is carried out
lost                             closes it too, but only after the request has been carried out
delay                            seconds to wait before any of this, or before the true answer
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from .oddities import ODDITIES

# By their names in the request log.
ENDPOINTS = (
    "device_authorization",
    "token",
    "revocation",
    "introspection",
    "userinfo",
    "jwks",
    "discovery",
    "api",
)
_MOST_TIMES = 1000
_LONGEST = 1e9  # seconds
_EMPTY = (204, 304)  # statuses whose answers have no body
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN_HEADERS = ("content-length", "transfer-encoding", "connection")  # the transport's


class FaultError(ValueError):
    """What is wrong with a fault, which the message names."""


class Kind(NamedTuple):
    """What a member may be: a test, words for it, and its JSON schema where it is in an API."""

    fits: Callable[[Any], bool]
    words: str
    schema: Mapping[str, Any] = {}


def is_whole(value: Any, least: int, most: int) -> bool:
    """Whether it is a whole number within bounds."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_seconds(value: Any) -> bool:
    """Whether it is a number of seconds from 0 to 1e9."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and 0 <= value <= _LONGEST


def _are_headers(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _HEADER_NAME.fullmatch(name)
        and name.lower() not in _OWN_HEADERS
        and isinstance(text, str)
        and text.isascii()
        and (text.isprintable() or not text)
        for name, text in value.items()
    )


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return isinstance(value, (str, dict, list))


MEMBERS: dict[str, Kind] = {
    "endpoint": Kind(
        lambda value: value in ENDPOINTS, f"one of {', '.join(ENDPOINTS)}", {"enum": ENDPOINTS}
    ),
    "status": Kind(
        lambda value: is_whole(value, 200, 599),
        "an HTTP status from 200 to 599",
        {"type": "integer", "minimum": 200, "maximum": 599},
    ),
    "headers": Kind(
        _are_headers,
        "header names with texts, and none of the transport's own",
        {"type": "object", "additionalProperties": {"type": "string"}},
    ),
    "body": Kind(
        _is_json,
        "a text, or an object or list to send as JSON",
        {"type": ["string", "object", "array"]},
    ),
    "odd": Kind(
        lambda value: value in list(ODDITIES),
        f"one of {', '.join(ODDITIES)}",
        {
            "enum": list(ODDITIES),
            "description": "Answer with: "
            + "; ".join(f"{name}: {oddity.words}" for name, oddity in ODDITIES.items()),
        },
    ),
    "delay": Kind(
        is_seconds,
        "a number of seconds from 0 up",
        {"type": "number", "minimum": 0, "description": "Seconds of the server's clock."},
    ),
    "drop": Kind(
        lambda value: value is True,
        "true, or left out",
        {"const": True, "description": "Close the connection; nothing is carried out."},
    ),
    "lost": Kind(
        lambda value: value is True,
        "true, or left out",
        {"const": True, "description": "Carry the request out, then close the connection."},
    ),
    "times": Kind(
        lambda value: is_whole(value, 1, _MOST_TIMES),
        f"a whole number from 1 to {_MOST_TIMES}",
        {"type": "integer", "minimum": 1, "maximum": _MOST_TIMES, "default": 1},
    ),
    "lasts": Kind(
        lambda value: is_seconds(value) and value > 0,
        "a number of seconds above 0",
        {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "Every request in so many seconds of the server's clock, from now on.",
        },
    ),
}


@dataclass(frozen=True)
class Fault:
    """One entry. `kind` is the word for it in the request log."""

    endpoint: str
    status: int | None = None
    headers: Mapping[str, str] | None = None
    body: Any = None
    odd: str | None = None
    delay: float = 0
    drop: bool = False
    lost: bool = False
    times: int = 1
    lasts: float | None = None

    @property
    def kind(self) -> str:
        """`drop`, `lost`, `answer` (in the server's place), `odd` or `delay` (but late)."""
        if self.drop:
            return "drop"
        if self.lost:
            return "lost"
        if self.status is not None:
            return "answer"
        return "odd" if self.odd else "delay"

    def members(self) -> dict[str, Any]:
        """The members that `parse` makes the same fault of; defaults are left out."""
        unsaid = "times" if self.lasts else None
        return {name: value for name, value in vars(self).items() if value and name != unsaid}


def parse(members: Mapping[str, Any]) -> Fault:
    """Make a fault of the members of a JSON object. Raises FaultError."""
    for name, value in members.items():
        kind = MEMBERS.get(name)
        if kind is None:
            raise FaultError(f"there is no {name[:40]!r}; there are {', '.join(MEMBERS)}")
        if not kind.fits(value):
            raise FaultError(f"{name!r} must be {kind.words}")
    if "endpoint" not in members:
        raise FaultError("'endpoint' is missing")
    fault = Fault(**members)
    ways = [name for name in ("status", "drop", "lost") if name in members]
    if len(ways) > 1:
        raise FaultError(f"{' and '.join(map(repr, ways))} rule each other out")
    if not ways and not fault.delay and not fault.odd:
        raise FaultError(
            "it needs 'status', 'odd', 'drop', 'lost' or 'delay', or it would do nothing"
        )
    if fault.odd and (fault.drop or fault.lost):
        raise FaultError("'odd' needs an answer: 'drop' and 'lost' rule it out")
    if "times" in members and "lasts" in members:
        raise FaultError("'times' and 'lasts' rule each other out")
    if "status" not in members and ("body" in members or "headers" in members):
        raise FaultError("'body' and 'headers' need a 'status'")
    if fault.status in _EMPTY and fault.body:
        raise FaultError(f"an answer of status {fault.status} has no 'body'")
    return fault


class FaultQueue:
    """The faults that are still to come; `now` is the server's clock. For use from any thread."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._faults: list[tuple[Fault, float]] = []  # with the time at which each is over

    def add(self, fault: Fault) -> None:
        """Add one behind those of its endpoint."""
        over = math.inf if fault.lasts is None else self._now() + fault.lasts
        with self._lock:
            self._faults.append((fault, over))

    def take(self, endpoint: str) -> Fault | None:
        """The fault for a request that has just come in; None without one.

        It is used up by that, unless it has `times` left or lasts.
        """
        with self._lock:
            self._drop_past()
            for index, (fault, over) in enumerate(self._faults):
                if fault.endpoint == endpoint:
                    if fault.lasts is None:
                        left = fault.times - 1
                        rest = [(replace(fault, times=left), over)] if left else []
                        self._faults[index : index + 1] = rest
                    return fault
        return None

    def left(self) -> list[Fault]:
        """Those that are left, in the order in which they were added."""
        with self._lock:
            self._drop_past()
            return [fault for fault, _ in self._faults]

    def clear(self) -> int:
        """Forget them; return how many there were."""
        with self._lock:
            self._drop_past()
            count = len(self._faults)
            self._faults.clear()
            return count

    def _drop_past(self) -> None:
        now = self._now()
        self._faults = [entry for entry in self._faults if now < entry[1]]
