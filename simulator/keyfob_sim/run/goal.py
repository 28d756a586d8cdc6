"""The goals of `--until`, and whether a run has reached its own."""

from dataclasses import dataclass
from typing import Any

from keyfob_host.errors import UsageError

GOALS = ("linked", "refreshed", "denied", "expired", "forever")

# The event that each goal counts; `forever` counts none.
_REACHED_BY = {
    "linked": "linked",
    "refreshed": "refreshed",
    "denied": "denied",
    "expired": "expired",
}

# Events after which a goal cannot be reached any more.
_RULED_OUT_BY = {
    "linked": ("denied", "expired"),
    "refreshed": ("denied", "expired"),
    "denied": ("linked", "expired"),
    "expired": ("linked", "denied"),
    "forever": (),
}

# What a board without a button gets over by itself, once the faults of a scenario are over.
_PASSING = ("network", "timeout", "tls", "provider")

# What such an event means, and what to try.
_WORDS = {
    "linked": ("the board is linked", "leave --state-dir out, or --until linked"),
    "denied": ("the request was refused", "run it again for a new code, and approve that"),
    "expired": ("the code ran out before anybody approved it", "run it again for a new code"),
}


@dataclass(frozen=True)
class Goal:
    """When a run is done: a state of GOALS, and how many times for `refreshed`."""

    name: str
    count: int = 1


def parse_goal(text: str) -> Goal:
    """`linked`, `refreshed`, `refreshed:3`, …; raises UsageError."""
    name, colon, count = text.partition(":")
    if name in GOALS and not colon:
        return Goal(name)
    if name == "refreshed" and count.isascii() and count.isdigit() and int(count) > 0:
        return Goal(name, int(count))
    raise UsageError(
        f"--until takes {', '.join(GOALS[:2])}, refreshed:N, {', '.join(GOALS[2:-1])} "
        f"or {GOALS[-1]}, not {text!r}",
        "--until refreshed:3",
    )


class Progress:
    """Follows the events of one run.

    `reached` and `failure` are its state, `hint` is what to try after a failure. `trouble` is the
    last error, which may have passed.
    `also` names an event that has to follow before the goal counts as reached.
    """

    def __init__(self, goal: Goal, also: str | None = None) -> None:
        self.goal = goal
        self.reached = False
        self.failure: str | None = None
        self.trouble: str | None = None
        self.hint = "look at the events with --json"
        self._left = goal.count
        self._also = also

    @property
    def ended(self) -> bool:
        """Whether the run has nothing left to wait for."""
        return self.reached or self.failure is not None

    def see(self, event: str, members: dict[str, Any]) -> None:
        """Take the next event."""
        if self.ended:
            return
        name = self.goal.name
        if event in (self._also, "ready"):
            self._also = None  # it has answered by now, or cannot be reached
        if event == _REACHED_BY.get(name):
            self._left -= 1
        elif event == "error":
            self.trouble = members["message"]
            if members["fatal"]:
                self.fail(members["message"], members["hint"] or self.hint)
        elif event in _RULED_OUT_BY[name]:
            what, self.hint = _WORDS[event]
            if members.get("lost"):
                what = f"the code ran out, and the last answers were of no use: {members['lost']}"
            self.failure = f"{what}, so --until {name} cannot be reached"
        self.reached = self._left <= 0 and self._also is None

    def fail(self, why: str, hint: str) -> None:
        """Give up, for a reason that is not an event."""
        self.failure, self.hint = why, hint

    def may_pass(self, event: str, members: dict[str, Any]) -> bool:
        """Whether this ends an attempt to link, but not the goal where another follows."""
        is_end = event == "expired" or (event == "error" and members["kind"] in _PASSING)
        return self.goal.name in ("linked", "refreshed") and is_end
