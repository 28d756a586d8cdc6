from collections.abc import Mapping
from typing import Any

from typing_extensions import Self

from keyfob.errors import KeyfobError
from keyfob.oauth.messages import Client, Reply, Request
from keyfob.oauth.outcome import Outcome
from keyfob.oauth.profile import Profile

TOKENS: tuple[str, ...]  # internal

class TokenSet:
    access_token: str
    refresh_token: str | None
    scope: str | None
    expires_in: int | None
    expires_at: int | None
    id_token: str | None
    grant: str | None
    wait: int | None
    schedule: int | None
    signed_out: int | None
    lost: int | None
    early: int  # internal
    size: int  # internal
    failures: int  # internal
    is_dead: bool  # internal
    is_stuck: bool  # internal
    outcome: Outcome | KeyfobError | None
    def __init__(self, members: Mapping[str, Any]) -> None: ...
    @classmethod
    def granted(  # internal
        cls,
        members: dict[str, Any],
        profile: Profile,
        requested: str | None,
        now: int,
        unix: int | None = None,
    ) -> Self: ...
    def record(self) -> dict[str, str | int | None]: ...
    def remaining(self, now: int, unix: int | None = None) -> int | None: ...
    @property
    def is_accepted(self) -> bool: ...  # internal
    @property
    def can_refresh(self) -> bool: ...
    def is_usable(self, now: int, unix: int | None = None) -> bool: ...
    def is_fresh(self, now: int, unix: int | None = None) -> bool: ...
    def due(self, now: int, unix: int | None = None) -> int | None: ...
    def reject(self) -> None: ...
    @property
    def leeway(self) -> int: ...  # internal
    def resume(self) -> None: ...
    def pause(self, now: int, expired: bool = False) -> int: ...
    def refresh_request(self, profile: Profile, client: Client) -> Request: ...
    def receive(
        self,
        reply: Reply,
        profile: Profile,
        client: Client,
        now: int,
        unix: int | None = None,
    ) -> TokenSet | None: ...
    def end(self, number: int, now: int, unix: int | None = None) -> None: ...  # internal
    def set_date(self, now: int, unix: int | None = None) -> bool: ...  # internal
    def postpone(self, error: KeyfobError, now: int) -> None: ...  # internal
    def failed(self, error: Exception, now: int) -> None: ...
