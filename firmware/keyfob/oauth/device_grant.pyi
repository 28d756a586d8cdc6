from collections.abc import Callable, Mapping
from typing import Any, Final

from keyfob.errors import KeyfobError, TransportError
from keyfob.oauth.messages import Client, Reply, Request
from keyfob.oauth.outcome import Outcome
from keyfob.oauth.profile import Profile
from keyfob.oauth.token_set import TokenSet

SHOWN: tuple[str, ...]  # internal

IDLE: Final = 0
REQUESTED: Final = 1
PENDING: Final = 2
GRANTED: Final = 3
DENIED: Final = 4
EXPIRED: Final = 5
FAILED: Final = 6

class DeviceGrant:
    state: int
    outcome: Outcome | None
    error: KeyfobError | None
    issued: dict[str, Any] | None  # internal
    user_code: str | None
    verification_uri: str | None
    verification_uri_complete: str | None
    expires_in: int | None
    interval: int
    def __init__(
        self,
        profile: Profile,
        client: Client,
        scope: str | None = None,
        spread: Callable[[int], int] | None = None,
    ) -> None: ...
    @property
    def tokens(self) -> TokenSet | None: ...
    def authorize(self, now: int) -> Request: ...
    def shown(self) -> dict[str, str | int | None]: ...
    def record(self, now: int, unix: int | None = None) -> dict[str, str | int | None]: ...
    def resume(
        self, record: Mapping[str, Any] | None, now: int, unix: int | None = None
    ) -> bool: ...
    def poll(self, now: int) -> Request | None: ...
    def wait(self, now: int) -> int | None: ...
    def receive(self, reply: Reply, now: int, unix: int | None = None) -> int: ...
    def failed(self, error: TransportError, now: int) -> int: ...
