"""The server's memory: grants, tokens, keys and secrets, and the file that keeps them.

One lock guards it all; a change is saved at the end of the transaction that it belongs to.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from keyfob_host.errors import CliError

from .records import (
    APPROVED,
    DENIED,
    PENDING,
    REFRESH,
    USED,
    Grant,
    Token,
    digest,
    normalise,
)

_FORMAT = 1
_PRUNE_EVERY = 60.0  # seconds
# Seconds for which an ended grant or token is kept, and so told apart from an unknown one.
_KEEP_ENDED = 30 * 24 * 3600.0

SLOW_DOWN = 5.0  # seconds added to the interval by each early poll


class UserCodeError(Exception):
    """A user code that cannot be decided on. `reason` is "unknown", "expired" or "used"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Store:
    """Grants and tokens in memory, in a JSON file too when `path` is given (mode 0600).

    Raises CliError when the file is there but cannot be read.
    """

    def __init__(self, now: Callable[[], float], path: Path | None = None) -> None:
        self.now = now
        self.path = path
        self.port = 0  # where the last run listened; 0 before the first
        self.signing_key: dict[str, Any] | None = None  # private JWK
        self.client_secrets: dict[str, str] = {}
        self._grants: dict[str, Grant] = {}
        self._tokens: dict[str, Token] = {}
        self._by_device_code: dict[str, Grant] = {}
        self._by_user_code: dict[str, Grant] = {}
        self._lock = threading.RLock()
        self._depth = 0  # of nested transactions
        self._changed = False
        self._next_prune = 0.0
        if path is not None and path.exists():
            self._load(path)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock; save at the end of the outermost one if anything lasting changed."""
        with self._lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0 and self._changed:
                    self._changed = False
                    self._prune()
                    self.save()

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        with self.transaction():
            self._changed = True
            yield

    # Grants

    def add_grant(self, grant: Grant) -> None:
        """Remember a new grant, which its device code and its user code find from then on."""
        with self._change():
            self._index(grant)

    def has_user_code(self, user_code: str) -> bool:
        """Whether a remembered grant has this code, ended ones included."""
        return normalise(user_code) in self._by_user_code

    def grant_of_device_code(self, device_code: str) -> Grant | None:
        """The grant of a device code as the client sends it, None for an unknown one."""
        return self._by_device_code.get(digest(device_code))

    def grant(self, grant_id: str) -> Grant | None:
        """The grant that a token came of, None once it is forgotten."""
        return self._grants.get(grant_id)

    def grants(self) -> list[Grant]:
        """Return all grants that are remembered, oldest first."""
        with self._lock:
            return list(self._grants.values())

    def undecided(self, user_code: str) -> Grant:
        """Return the grant that waits for a decision under `user_code`, however it is typed.

        Raises UserCodeError.
        """
        grant = self._by_user_code.get(normalise(user_code))
        if grant is None:
            raise UserCodeError("unknown")
        if grant.state != PENDING:
            raise UserCodeError("used")
        if self.now() >= grant.expires_at:
            raise UserCodeError("expired")
        return grant

    def decide(self, user_code: str, sub: str | None) -> Grant:
        """Approve the grant of `user_code` for the user `sub`, or deny it with None.

        Raises UserCodeError; a second decision is refused.
        """
        with self._change():
            grant = self.undecided(user_code)
            grant.state = DENIED if sub is None else APPROVED
            grant.sub = sub
            grant.decided_at = self.now()
            return grant

    def expire(self, user_code: str) -> Grant:
        """End the waiting of `user_code` now. Raises UserCodeError."""
        with self._change():
            grant = self.undecided(user_code)
            grant.expires_at = self.now()
            return grant

    def note_poll(self, grant: Grant) -> bool:
        """Note a poll of a waiting grant; return whether it came too early.

        An early one lengthens the interval by 5 s for good (RFC 8628 section 3.5). When the
        last poll was is not worth a write to disk; a longer interval is.
        """
        with self.transaction():
            now = self.now()
            # Float seconds of 2026 resolve 0.2 us: a gap of exactly the interval is in time.
            early = (
                grant.last_poll is not None and round(now - grant.last_poll, 3) < grant.interval
            )
            grant.last_poll = now
            if early:
                grant.interval += SLOW_DOWN
                self._changed = True
            return early

    def use(self, grant: Grant) -> None:
        """Mark an approved grant as exchanged for tokens."""
        with self._change():
            grant.state = USED

    # Tokens

    def add_token(self, token: Token) -> None:
        """Remember a token by the digest of its value."""
        with self._change():
            self._tokens[token.digest] = token

    def token(self, value: str, kind: str | None = None) -> Token | None:
        """The token of this value, of one kind (ACCESS, REFRESH) if it is given; None if unknown.

        It may be expired, retired or revoked: ask `is_live`.
        """
        token = self._tokens.get(digest(value))
        return token if token and kind in (None, token.kind) else None

    def is_live(self, token: Token, grace: float = 0.0) -> bool:
        """Say whether a token still works; a retired one does for `grace` seconds."""
        now = self.now()
        retired = token.retired_at is not None and now >= token.retired_at + grace
        expired = token.expires_at is not None and now >= token.expires_at
        return not (token.revoked or retired or expired)

    def retire(self, token: Token) -> None:
        """Note that rotation replaced a refresh token; a retired one keeps its first time."""
        with self._change():
            if token.retired_at is None:
                token.retired_at = self.now()

    def revoke(self, token: Token) -> None:
        """Revoke one access token, or a refresh token with all that came of its grant."""
        with self._change():
            if token.kind == REFRESH:
                self.revoke_family(token.grant_id)
            token.revoked = True

    def revoke_family(self, grant_id: str) -> None:
        """Revoke every token that came of one grant."""
        with self._change():
            for token in self._tokens.values():
                if token.grant_id == grant_id:
                    token.revoked = True

    def revoke_all(self, sub: str | None = None, client_id: str | None = None) -> int:
        """Revoke the tokens of a user, of a client, of both at once, or all; return how many."""
        with self._change():
            hit = [
                token
                for token in self._tokens.values()
                if not token.revoked
                and sub in (None, token.sub)
                and client_id in (None, token.client_id)
            ]
            for token in hit:
                token.revoked = True
            return len(hit)

    def clear(self) -> None:
        """Forget all grants and tokens; keys, secrets and the port stay."""
        with self._change():
            self._grants.clear()
            self._tokens.clear()
            self._by_device_code.clear()
            self._by_user_code.clear()

    # The file

    def client_secret(self, client_id: str, configured: str | None) -> str:
        """Return a client's secret: the configured one, the remembered one, or a new one."""
        with self._change():
            remembered = self.client_secrets.get(client_id)
            # Hexadecimal: unreserved in every encoding, and never taken for an option.
            secret = configured or remembered or secrets.token_hex(20)
            self.client_secrets[client_id] = secret
            return secret

    def set_port(self, port: int) -> None:
        """Remember the TCP port, so that the next run's addresses are the same."""
        with self._change():
            self.port = port

    def set_signing_key(self, key: dict[str, Any]) -> None:
        """Remember the private JWK that signs ID tokens."""
        with self._change():
            self.signing_key = key

    def save(self) -> None:
        """Write the state file in one step. Raises CliError."""
        if self.path is None:
            return
        with self._lock:
            state = {
                "keyfob_server_state": _FORMAT,
                "port": self.port,
                "signing_key": self.signing_key,
                "client_secrets": self.client_secrets,
                "grants": [asdict(grant) for grant in self._grants.values()],
                "tokens": [asdict(token) for token in self._tokens.values()],
            }
            try:
                _replace(self.path, json.dumps(state).encode())
            except OSError as error:
                raise CliError(
                    f"cannot write the server's state to {self.path}: {error.strerror}",
                    "free some space or choose another place",
                ) from None

    def _load(self, path: Path) -> None:
        hint = "move it away to start afresh, or choose another file"
        try:
            state = json.loads(path.read_text("utf-8"))
        except OSError as error:
            raise CliError(f"cannot read {path}: {error.strerror}", hint) from None
        except ValueError:
            raise CliError(f"{path} is not the state of a keyfob server", hint) from None
        try:
            if state["keyfob_server_state"] != _FORMAT:
                raise CliError(f"{path} was written by another version of keyfob", hint)
            self.port = int(state["port"])
            self.signing_key = state["signing_key"]
            self.client_secrets = dict(state["client_secrets"])
            for grant in state["grants"]:
                self._index(Grant(**grant))
            self._tokens = {token["digest"]: Token(**token) for token in state["tokens"]}
        except (KeyError, TypeError, ValueError):
            raise CliError(f"{path} is not the state of a keyfob server", hint) from None

    def _index(self, grant: Grant) -> None:
        self._grants[grant.id] = grant
        self._by_device_code[grant.device_code] = grant
        self._by_user_code[normalise(grant.user_code)] = grant

    def _prune(self) -> None:
        now = self.now()
        if now < self._next_prune:
            return
        self._next_prune = now + _PRUNE_EVERY
        for grant in list(self._grants.values()):
            if now > grant.expires_at + _KEEP_ENDED:
                del self._grants[grant.id]
                del self._by_device_code[grant.device_code]
                del self._by_user_code[normalise(grant.user_code)]
        for token in list(self._tokens.values()):
            ends = [t for t in (token.expires_at, token.retired_at) if t is not None]
            if ends and now > min(ends) + _KEEP_ENDED:
                del self._tokens[token.digest]


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    os.replace(fresh, path)
