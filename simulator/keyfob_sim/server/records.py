"""What the server remembers: plain records, saved as they are.

A device code or token is kept as its SHA-256 only, so that neither the state file nor a debugger
shows one that works. Times are Unix seconds of the server's clock.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from .config import ClientEntry

PENDING, APPROVED, DENIED, USED = "pending", "approved", "denied", "used"
ACCESS, REFRESH = "access_token", "refresh_token"


def new_code() -> str:
    """Make a device code or token: 256 random bits in 43 URL-safe characters."""
    return secrets.token_urlsafe(32)


def digest(value: str) -> str:
    """Return what is stored instead of a device code or token."""
    return hashlib.sha256(value.encode()).hexdigest()


def normalise(user_code: str) -> str:
    """Fold case and drop everything but letters and digits (RFC 8628 section 6.1)."""
    return "".join(c for c in user_code.upper() if c.isascii() and c.isalnum())


@dataclass
class Grant:
    """One device authorization, from the request until some time after its end."""

    id: str  # names the grant and the tokens that come of it; not a secret
    device_code: str = field(repr=False)  # digest
    user_code: str
    client_id: str
    scope: str
    issued_at: float
    expires_at: float
    interval: float  # seconds; grows with every slow_down
    last_poll: float | None = None
    state: str = PENDING
    sub: str | None = None  # who approved
    decided_at: float | None = None


@dataclass
class Token:
    """An access or refresh token."""

    digest: str = field(repr=False)
    kind: str  # ACCESS or REFRESH
    grant_id: str
    client_id: str
    sub: str
    scope: str
    issued_at: float
    expires_at: float | None  # None never expires
    auth_time: float  # when the person approved
    revoked: bool = False
    retired_at: float | None = None  # when rotation replaced this refresh token


@dataclass(frozen=True)
class Client:
    """A registered client with its secret; answers what Authlib asks of a client."""

    client_id: str
    client_auth: str  # none, basic or post
    name: str
    scopes: frozenset[str]
    client_secret: str | None = field(repr=False)

    @classmethod
    def of(cls, entry: ClientEntry, secret: str | None, scopes: frozenset[str]) -> Client:
        """Make the client of a configured entry; `secret` is None for one that needs none."""
        return cls(entry.client_id, entry.client_auth, entry.name, scopes, secret)

    @property
    def client_metadata(self) -> dict[str, str]:
        """What Authlib looks up: no algorithm to sign userinfo with, so that it is plain JSON."""
        return {"client_name": self.name}

    def get_client_id(self) -> str:
        """The ID, which Authlib writes into tokens and compares."""
        return self.client_id

    def get_allowed_scope(self, scope: str | None) -> str:
        """What of `scope` this server knows, in the order asked for."""
        return " ".join(s for s in (scope or "").split() if s in self.scopes)

    def check_grant_type(self, grant_type: str) -> bool:
        """True: every client may use both grants of the token endpoint."""
        return True

    def has_secret(self, secret: str) -> bool:
        """Compare in constant time; False for a client without a secret."""
        expected = self.client_secret or ""
        return bool(expected) and hmac.compare_digest(expected.encode(), secret.encode())
