"""The events among the lines that a board prints: `@` and a JSON object.

A board may print anything, and so may a provider through it. What is no event by _EVENTS is text.
"""

import json
from typing import Any

from keyfob_host import shapes

START = "@{"

_SECONDS = shapes.number(0, 10**9)
_MS = shapes.number(0, 10**12)
_SAYS = shapes.maybe(shapes.text)
_NAME = shapes.ascii_text(40)
_ADDRESS = shapes.ascii_text(2000)  # a QR holds 2953 bytes

# The members of each event that are counted on: those that it must have, and those that it may.
_EVENTS: dict[str, shapes.Shape] = {
    "api": shapes.record({"status": shapes.maybe(shapes.whole(0, 999))}),
    "clock": shapes.record({"state": shapes.text}, {"source": _SAYS}),
    "error": shapes.record(
        {"kind": shapes.text, "message": shapes.text, "hint": _SAYS, "fatal": shapes.flag}
    ),
    "linked": shapes.record(
        {"account": _SAYS, "scope": _SAYS, "stored": shapes.flag},
        {"switched": shapes.flag, "unsaved": _SAYS},
    ),
    "poll": shapes.record(
        {"result": shapes.text, "error": _SAYS, "interval": shapes.maybe(_SECONDS)},
        {"took": shapes.maybe(_MS), "trouble": _SAYS},
    ),
    "refreshed": shapes.record({"rotated": shapes.flag}, {"unsaved": _SAYS}),
    "screen": shapes.record({"name": shapes.word}),  # which names a file
    "unlinked": shapes.record({"revoked": shapes.flag}),
    "user_code": shapes.record(
        {
            "user_code": shapes.text,
            "verification_uri": _ADDRESS,
            "verification_uri_complete": shapes.maybe(_ADDRESS),
            "expires_in": _SECONDS,
        },
        {"interval": shapes.maybe(_SECONDS), "resumed": shapes.flag},
    ),
    "wifi": shapes.record({"state": shapes.text}),
}
_ANY_EVENT = shapes.record({})
_NO_EVENTS_OF_A_BOARD = ("server", "boot", "window", "fault", "power_cut", "end")
_INTERNAL = (
    "took",
    "trouble",
    "lost",
)  # members that are for the board's own display; `took` becomes `sent`
_UNREPORTED = ("ready", "signed_out")  # another event says the same
_ADDED = ("event", "t", "sent", "png")  # members that a report sets, whatever the board says


def event_of(line: str) -> tuple[str, dict[str, Any]] | None:
    """The event in a machine line and its members, None for any other line.

    One without what is counted on only looks like one: it is damaged, or of another version.
    """
    if not line.startswith(START):
        return None
    try:
        members = json.loads(line[1:])
    except (ValueError, RecursionError):
        return None
    event = members.get("event")
    if not _NAME(event) or event in _NO_EVENTS_OF_A_BOARD:
        return None
    if not _EVENTS.get(event, _ANY_EVENT)(members):
        return None
    return event, {name: value for name, value in members.items() if name not in _ADDED}


def is_reported(event: str) -> bool:
    """Whether a report has this event, and no other that says the same."""
    return event not in _UNREPORTED


def reported(members: dict[str, Any]) -> dict[str, Any]:
    """The members of an event that a report has."""
    return {name: value for name, value in members.items() if name not in _INTERNAL}
