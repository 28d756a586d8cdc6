"""Whether a run has come where `--until` wanted it to come."""

from typing import Any

from keyfob_sim.options import Goal

_REACHED_BY = {"linked": "linked", "refreshed": "refreshed", "denied": "denied",
               "expired": "expired"}  # fmt: skip

# Events after which a goal cannot be reached any more.
_RULED_OUT_BY = {
    "linked": ("denied", "expired", "signed_out"),
    "refreshed": ("denied", "expired", "signed_out"),
    "denied": ("linked", "expired"),
    "expired": ("linked", "denied"),
    "forever": (),
}
_WORDS = {
    "linked": "the board is linked",
    "denied": "the request was refused",
    "expired": "the code ran out before anybody approved it",
    "signed_out": "the provider has ended the link",
}


class Progress:
    """Follows the events of one run. `reached` and `failure` say where it stands."""

    def __init__(self, goal: Goal) -> None:
        self.goal = goal
        self.reached = False
        self.failure: str | None = None
        self._left = goal.count

    @property
    def ended(self) -> bool:
        """Whether the run has nothing left to wait for."""
        return self.reached or self.failure is not None

    def see(self, event: str, members: dict[str, Any]) -> None:
        """Take the next event."""
        if self.ended:
            return
        name = self.goal.name
        if event == _REACHED_BY.get(name):
            self._left -= 1
            self.reached = self._left == 0
        elif event == "error" and members["fatal"]:
            self.failure = members["message"]
        elif event in _RULED_OUT_BY[name]:
            self.failure = f"{_WORDS[event]}, so --until {name} cannot be reached"
