"""How long something takes, on a machine that may be busy with something else."""

import time
from collections.abc import Callable

_TRIES = 10


def quickest(limit: float, attempt: Callable[[], Callable[[], object]]) -> float:
    """The shortest time (s) of `attempt`, which is repeated while that is no less than `limit`.

    What `attempt` does is not counted, what it returns is.
    """
    shortest = float("inf")
    for _ in range(_TRIES):
        counted = attempt()
        begun = time.monotonic()
        counted()
        shortest = min(shortest, time.monotonic() - begun)
        if shortest < limit:
            break
    return shortest
