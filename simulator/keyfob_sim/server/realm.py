"""The parts of one running server, shared by its routes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from keyfob_host.errors import CliError

from .config import Config, User
from .faults import FaultQueue
from .personality import Personality
from .records import APPROVED, DENIED, Client, Grant
from .request_log import RequestLog
from .store import Store, UserCodeError

_KEY_BITS = 2048

# Sleeps for seconds within a request; the second argument is called to ask whether the client
# is still waiting.
Sleep: TypeAlias = Callable[[float, Callable[[], bool]], None]


def _sleep(seconds: float, is_awaited: Callable[[], bool]) -> None:
    time.sleep(seconds)


@dataclass
class Realm:
    """The shared parts. `issuer` is set before the first request is served."""

    config: Config
    store: Store
    log: RequestLog
    now: Callable[[], float]  # Unix seconds, possibly virtual
    approve: str | None = None  # None, "auto" or "deny"
    sleep: Sleep = _sleep  # by the clock of `now`
    personality: Personality | None = None
    issuer: str = ""
    clients: dict[str, Client] = field(init=False)
    users: dict[str, User] = field(init=False)
    faults: FaultQueue = field(init=False, repr=False)
    is_closed: bool = field(init=False, default=False)  # nothing may be carried out any more
    _key: RSAKey | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        self.faults = FaultQueue(self.now)
        scopes = frozenset(self.config.scopes)
        self.users = {user.sub: user for user in self.config.users}
        self.clients = {}
        with self.store.transaction():
            for entry in self.config.clients:
                secret = None
                if entry.client_auth != "none":
                    secret = self.store.client_secret(entry.client_id, entry.client_secret)
                self.clients[entry.client_id] = Client.of(entry, secret, scopes)
        if self.store.signing_key is not None:
            self._key = self._stored_key(self.store.signing_key)

    @property
    def key(self) -> RSAKey:
        """What signs ID tokens; made when it is first asked for, which takes its time."""
        with self.store.transaction():
            if self._key is None:
                # RS256, since OIDC Discovery section 3 obliges every provider to offer it.
                self._key = RSAKey.generate_key(
                    _KEY_BITS, {"use": "sig", "alg": "RS256"}, auto_kid=True
                )
                self.store.set_signing_key(self._key.as_dict(private=True))
            return self._key

    def _stored_key(self, stored: dict[str, Any]) -> RSAKey:
        try:
            key = RSAKey.import_key(stored)
            key.get_op_key("sign")  # parses the key: import_key alone checks nothing
            return key
        except (JoseError, ValueError):
            raise CliError(
                f"the signing key in {self.store.path} is damaged",
                "move the file away to start afresh, or choose another one",
            ) from None

    def user(self, name: str) -> User | None:
        """Find a user by subject or user name."""
        by_name = (u for u in self.users.values() if u.username == name)
        return self.users.get(name) or next(by_name, None)

    def decide(self, user_code: str, user: User | None, by: str) -> Grant:
        """Approve for `user`, or deny with None, and log it. Raises UserCodeError."""
        grant = self.store.decide(user_code, user.sub if user else None)
        self.log.decision(grant, APPROVED if user else DENIED, by)
        return grant

    def answer_pending(self, grant: Grant) -> None:
        """Decide a grant that was just answered `authorization_pending`, if so configured."""
        if self.approve is not None:
            user = self.config.users[0] if self.approve == "auto" else None
            # Another poll of the same code, or a person, may have been quicker.
            with contextlib.suppress(UserCodeError):
                self.decide(grant.user_code, user, "auto")
