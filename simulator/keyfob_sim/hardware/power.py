"""Power that can fail at any operation on the flash."""

from typing import Literal, get_args

How = Literal["none", "torn", "done"]


class PowerLost(Exception):
    """Power was lost at flash operation number `op`, counted from 1."""

    def __init__(self, op: int):
        super().__init__(f"the power went at flash operation {op}")
        self.op = op


class PowerGate:
    """Counts flash operations, and can cut the power at any of them.

    A model of a flash calls `operation()` before each one, and raises PowerLost as it says.
    """

    def __init__(self) -> None:
        """Count nothing until `start()`: formatting and what the host writes are free."""
        self.ops = 0
        self._counting = False
        self._cuts: dict[int, How] = {}

    def start(self) -> None:
        """Count from here on; a second call has no effect."""
        self._counting = True

    def cut_at(self, op: int, how: How) -> None:
        """Lose power at operation `op`: not begun (none), torn, or done. Several may be armed.

        An operation that has passed, or never comes, has no effect. Raises ValueError for an
        unknown `how` or an operation below 1.
        """
        if op < 1 or how not in get_args(How):
            raise ValueError(f"no such power cut: {op}:{how}")
        self._cuts[op] = how

    def cut_in(self, n: int, how: How = "torn") -> None:
        """Lose power at the `n`-th operation from now."""
        if n < 1:
            raise ValueError(f"no such power cut: {n} operations from now")
        self.cut_at(self.ops + n, how)

    def operation(self) -> How | None:
        """Count one operation; return None, or how far it gets before power is lost."""
        if not self._counting:
            return None
        self.ops += 1
        return self._cuts.pop(self.ops, None)
