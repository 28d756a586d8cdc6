"""How the boards of a fleet have fared."""

import itertools
import multiprocessing
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc.jwk import RSAKey

from keyfob_sim.server.chains import make_chain

from .board import FleetBoard, Plan, plan_of

# A board's standing where all is well. The second had its link truly ended by its provider, and a
# person has linked it again.
LINKED, RELINKED = "linked", "linked again"

_SCREENS = ("linked", "idle")
_OFTEN = "authorization_pending", '"state": "failed"'  # left out where the log is shown in part
_LATE = 1800  # s by which a call of the API may be late


@dataclass(frozen=True)
class Shared:
    """What all providers of a run have in common, since it takes long to make."""

    folder: Path
    key: Mapping[str, Any]
    ca: Path

    @classmethod
    def make(cls, folder: Path) -> "Shared":
        """Make the key of ID tokens, and a root certificate in `folder`."""
        key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
        ca, _ = make_chain("ec", ["login.example"], folder)
        return cls(folder, key.as_dict(private=True), ca)


@dataclass(frozen=True)
class Result:
    """How one board has fared: `standing` is LINKED, RELINKED, or what is wrong with it."""

    plan: Plan
    standing: str
    ends: list[str]  # why its provider has ended a link for good
    early: list[str]
    crashes: list[str]
    stops: list[str]
    happened: Counter[str]
    answers: Counter[str]
    events: Counter[str]
    most_requests: int  # in a day, polls left out
    log: list[str]  # the last things that happened to it

    @property
    def about(self) -> str:
        """It in a line."""
        return (
            f"board {self.plan.number}: {self.standing}; {self.events['boot']} boots, "
            f"{self.events['refreshed']} refreshes, {self.events['user_code']} codes, "
            f"{sum(self.happened.values())} faults, at most {self.most_requests} requests a day"
        )

    def __str__(self) -> str:
        again = f"PYTHONPATH=tests python -m fleet {self.plan.number} {self.plan.days}"
        return "\n".join([self.about, *self.log, f"all of it: {again}"])


def run_one(shared: Shared, number: int, days: int, shown: int | None = 60) -> Result:
    """Run one board; the last `shown` lines of its log are kept, all without that."""
    with tempfile.TemporaryDirectory(dir=shared.folder) as folder:
        board = FleetBoard(plan_of(number, days), Path(folder), shared.key, shared.ca)
        board.run()
        standing = _standing(board)
    log = board.log
    if shown is not None:
        log = [line for line in log if not any(word in line for word in _OFTEN)][-shown:]
    return Result(
        plan=board.plan,
        standing=standing,
        ends=board.ends,
        early=board.provider.early,
        crashes=board.crashes,
        stops=board.stops,
        happened=board.happened,
        answers=board.provider.answers,
        events=board.events,
        most_requests=max(board.provider.others.values()),
        log=log,
    )


def run_fleet(shared: Shared, count: int, days: int) -> list[Result]:
    """Run boards 0 to `count`, on every core."""
    jobs: Iterable[tuple[Shared, int, int]] = [(shared, n, days) for n in range(count)]
    cores = os.cpu_count() or 1
    if cores == 1 or count < 2 * cores:
        return list(itertools.starmap(run_one, jobs))
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        return pool.starmap(run_one, jobs, chunksize=1)


def _standing(board: FleetBoard) -> str:
    """How a board stands at its end."""
    if board.faults:
        return board.faults[0]
    if not board.provider.takes(board.stored_tokens().get("refresh_token") or ""):
        return "its provider does not take what it has stored"
    if board.screen not in _SCREENS:
        return f"it is linked, but shows {board.screen}"
    since = board.clock.now() - board.provider.last_call
    if since > board.plan.call_every + _LATE:
        return f"it is linked, but its last call of the API worked {since:.0f} s ago"
    return RELINKED if board.ends else LINKED
