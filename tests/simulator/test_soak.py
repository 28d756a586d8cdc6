"""Months in the life of a linked board, in virtual time: it stays linked, and asks for no more
than it needs, whatever befalls it."""

import random
from collections import Counter

import pytest
from board_run import run_board

from keyfob_sim.cpython import shims
from keyfob_sim.server.request_log import RequestLog

DAY = 86_400
SEED = 20_260_801
SLOT = 10_800  # s: each has one trouble, and time enough to get over it
EVERY = 3_225  # s between two refreshes: an hour less the skew, and half the spread on average
OPS = 14  # flash operations of one slot written, at most


KINDS = ("quiet", "reset", "lost", "burst", "wifi", "jump", "jump and reset", "dns", "brown")


def troubles(days, kinds):
    """(seconds, [[fault]] fields) of each trouble, the same each time."""
    draw = random.Random(SEED)
    for slot in range(1, days * DAY // SLOT):
        at = slot * SLOT + draw.randrange(3600)
        kind = draw.choice(kinds)
        if kind == "lost":
            yield at, {"do": "server", "endpoint": "token", "lost": True}
        elif kind == "burst":
            status = draw.choice((500, 502, 503, 504, 429))
            times = draw.randint(1, 8)
            yield at, {"do": "server", "endpoint": "token", "status": status, "times": times}
        elif kind == "wifi":
            yield at, {"do": "wifi_lost", "for": draw.randint(20, 5_000)}
        elif kind == "dns":
            yield at, {"do": "dns_fails", "for": draw.randint(20, 5_000)}
        elif kind.startswith("jump"):
            yield at, {"do": "clock_jump", "seconds": draw.randint(-90 * DAY, 90 * DAY)}
        elif kind == "cut":
            how = draw.choice(("none", "torn", "done"))
            yield at, {"do": "power_cut", "op": draw.randint(1, 2 * OPS), "how": how}
        elif kind == "brown":
            yield at, {"do": "brown_out"}
        if kind in ("reset", "jump and reset", "brown"):
            yield at + draw.uniform(0, 5), {"do": draw.choice(("reset", "watchdog"))}


def scenario_of(faults):
    lines = []
    for at, fields in faults:
        lines += ["[[fault]]", f"at = {at}"]
        lines += [
            f"{name} = {str(value).lower() if value is True else repr(value)}"
            for name, value in fields.items()
        ]
    return "\n".join(lines)


@pytest.fixture
def requests(monkeypatch):
    """What the embedded server is asked, and how it answers."""
    seen = []
    request = RequestLog.request

    def note(log, parameters, **members):
        seen.append(members)
        request(log, parameters, **members)

    monkeypatch.setattr(RequestLog, "request", note)
    return seen


@pytest.mark.parametrize(
    ("days", "runtime"),
    [
        (4, "cpython"),
        pytest.param(90, "cpython", marks=pytest.mark.soak),
        pytest.param(5, "micropython", marks=pytest.mark.soak),
    ],
)
def test_a_board_stays_linked(capsys, tmp_path, requests, monkeypatch, days, runtime):
    draws = random.Random(SEED)
    monkeypatch.setattr(shims._Files, "urandom", staticmethod(draws.randbytes))
    kinds = KINDS if runtime == "cpython" else (*KINDS, "cut", "cut")  # CPython survives none
    faults = list(troubles(days, kinds))
    path = tmp_path / "faults.toml"
    path.write_text(scenario_of(faults))
    wanted = days * DAY // EVERY
    run = run_board(
        capsys, "--runtime", runtime, "--clock", "virtual", "--approve", "auto", "--host",
        "localhost", "--faults", path, "--until", f"refreshed:{wanted}", "--timeout", "900",
    )  # fmt: skip
    assert run.exit_code == 0, (run.stderr, run.events[-40:], requests[-10:])
    t, ops = (run.only("end")[name] for name in ("t", "flash_ops"))
    asked = [each for each in requests if each["endpoint"] == "token"][len(run.of("poll")) :]
    refreshed = len(run.of("refreshed"))
    ideal = t / EVERY
    befell = [(at, fields) for at, fields in faults if at < t]
    kinds = Counter(fields["do"] for _, fields in befell)
    print(
        f"{t / DAY:.1f} days, {refreshed} refreshes, {len(asked)} requests for them "
        f"({ideal:.0f} ideal), {len(run.of('boot'))} boots, {ops} flash operations "
        f"({ops / refreshed:.1f} a refresh), {len(run.of('user_code')) - 1} re-links"
    )
    print(", ".join(f"{count} {do}" for do, count in sorted(kinds.items())))
    assert t > days * DAY
    assert len(run.of("user_code")) == 1
    assert not [each for each in requests if each["error"] == "slow_down"]
    spoilt = sum(fields.get("times", 1) for _, fields in befell if fields["do"] == "server")
    assert len(asked) - spoilt < 1.1 * ideal
    assert ops < OPS * (refreshed + 2)
