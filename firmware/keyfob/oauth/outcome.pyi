from collections.abc import Iterable
from typing import Any, Final

from keyfob.oauth.messages import Reply
from keyfob.oauth.profile import Profile

OK: Final = 0
PENDING: Final = 1
SLOW_DOWN: Final = 2
DENIED: Final = 3
EXPIRED: Final = 4
ERROR: Final = 5
RETRY: Final = 6
REFUSED: Final = 7

NAMES: tuple[str, ...]
ERRORS: dict[str, int]

class Outcome:
    kind: int
    error: str | None
    description: str
    members: dict[str, Any] | None
    interval: int | None
    retry_after: int | None
    lost: bool
    def __init__(
        self,
        kind: int,
        error: str | None = None,
        description: str = "",
        values: dict[str, Any] | None = None,
    ) -> None: ...

def classify(
    reply: Reply,
    profile: Profile,
    secrets: Iterable[str | None] = (),
    unix: int | None = None,
    by_status: bool = True,
) -> Outcome: ...
