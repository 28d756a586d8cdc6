"""What befalls the boards of a fleet, drawn at random: for each board the same each time."""

import random
from collections.abc import Callable
from typing import Any

from keyfob_sim.hardware.uplink import REFUSED
from keyfob_sim.run.board_faults import Fault

from .network import DAY

HOUR = 3_600

_HTML = "<html><body>Sign in to this network</body></html>"

# Answers that a server, or what stands before it, gives in passing.
_PASSING: list[dict[str, Any]] = [
    *({"status": status} for status in (408, 425, 500, 502, 503, 504)),
    *({"status": status, "body": _HTML} for status in (200, 400, 401, 403, 404, 503)),
    {"status": 302, "headers": {"Location": "https://portal.example/"}},
    {"status": 400, "body": {"error": "slow_down"}},
    {"status": 400, "body": {"error": "temporarily_unavailable"}},
    {"status": 401, "body": {"error": "invalid_client"}},
    {"status": 400, "body": {"error": "invalid_request"}},
    {"status": 400, "body": {"error": "unauthorized_client"}},
    {"status": 429, "headers": {"Retry-After": "90"}},
    {"status": 429, "headers": {"Retry-After": "7200"}},
    {"status": 503, "headers": {"Retry-After": "Wed, 09 Dec 2026 10:00:00 GMT"}},
    {"status": 500, "body": {"error": "server_error"}},
    {"status": 200, "body": '{"access_token": "cut sho'},
    {"status": 200, "body": "x" * 20_000},
    {"drop": True},
    {"lost": True},
    {"delay": 4},
    {"delay": 25},
    {"delay": 6, "lost": True},
]

# Ends that are none: the provider takes the tokens again.
_ENDS: list[dict[str, Any]] = [
    {"status": 400, "body": {"error": error}}
    for error in (
        "invalid_grant", "access_denied", "interaction_required", "login_required",
        "consent_required",
    )
]  # fmt: skip

_ENDPOINTS = ("token",) * 12 + ("api", "userinfo", "discovery", "device_authorization", "jwks")


def _server(draw: random.Random) -> dict[str, Any]:
    if draw.random() < 0.1:
        return {"endpoint": "token", **draw.choice(_ENDS)}
    answer = draw.choice(_PASSING)
    times = 1 if "lost" in answer else draw.choice((1, 1, 1, 2, 3, 8))
    return {"endpoint": draw.choice(_ENDPOINTS), **answer, "times": times}


def _outage(draw: random.Random) -> dict[str, Any]:
    return {"for": draw.choice((20, 90, 600, 3_000, 3 * HOUR))}


def _addresses(draw: random.Random) -> dict[str, Any]:
    dead = [REFUSED] * draw.choice((0, 1, 2))
    return {"host": "login.example", "to": [*dead, "192.0.2.1"]}


def _cut(draw: random.Random) -> dict[str, Any]:
    if draw.random() < 0.2:
        return {}
    return {"op": draw.randint(1, 30), "how": draw.choice(("none", "torn", "done"))}


def _press(draw: random.Random) -> dict[str, Any]:
    return {"for": draw.choice((0.12, 0.12, 1, 3))}


# What a fault is given, by its name in a scenario; those that a board does not have are left out.
FIELDS: dict[str, Callable[[random.Random], dict[str, Any]]] = {
    "server": _server,
    "wifi_lost": _outage,
    "wrong_password": _outage,
    "dns_fails": _outage,
    "time_server_fails": _outage,
    "addresses": _addresses,
    "power_cut": _cut,
    "brown_out": lambda draw: {},
    "reset": lambda draw: {},
    "watchdog": lambda draw: {},
    "clock_jump": lambda draw: {"seconds": draw.choice((1, 1, 60)) * draw.randint(-DAY, DAY)},
    "clock_unset": lambda draw: {},
    "press": _press,
    # Faults of the fleet's own, see board.py.
    "power_off": lambda draw: {"for": draw.choice((1, 60, HOUR, DAY, 4 * DAY))},
    "flash_full": lambda draw: {"for": draw.choice((60, HOUR, DAY))},
}
_OFTEN = ("server", "server", "server", "power_cut", "power_cut", "wifi_lost")

_TOGETHER = 0.15  # of them, with another one at the same time
_WEEKS, _DAYS = 17 * DAY, 9 * DAY

# What ends another, and so is none of its own.
ENDINGS = ("wifi_back",)


def draw_troubles(draw: random.Random, seconds: float, every: float) -> list[Fault]:
    """Troubles in a time of `seconds`, one in `every` seconds on average."""
    kinds = [*FIELDS, *_OFTEN]
    found = []
    at = 0.0
    while (at := at + draw.expovariate(1 / every)) < seconds:
        found.append(_trouble(draw, draw.choice(kinds), at))
        if draw.random() < _TOGETHER:
            found.append(_trouble(draw, draw.choice(kinds), at + draw.uniform(0, 30)))
    return [fault for fault in found if not _takes_long(fault, seconds)]


def _trouble(draw: random.Random, do: str, at: float) -> Fault:
    return Fault(do, FIELDS[do](draw), at)


def _takes_long(fault: Fault, seconds: float) -> bool:
    """Whether it lasts beyond that time, or a board asks weekly, or daily, until it is over."""
    assert fault.at is not None
    if fault.do != "server":
        return fault.at + fault.fields.get("for", 0) > seconds
    is_end = any(end.items() <= fault.fields.items() for end in _ENDS)
    is_long = fault.fields.get("times", 1) > 1
    left = seconds - fault.at
    return (is_end and left < _WEEKS) or (is_long and left < _DAYS)
