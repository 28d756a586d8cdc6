"""Sessions of the verification page, and its rate limit for wrong codes.

Kept in memory: after a restart people sign in again.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

_MOST_SESSIONS = 1000
_MOST_ADDRESSES = 1000

# RFC 8628 section 5.1: with 34.5 bits of code, this rate gets nowhere in half an hour.
GUESSES = 5
GUESS_WINDOW = 60.0  # seconds


@dataclass
class Session:
    """One browser's session."""

    id: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    sub: str | None = None  # who is signed in
    user_code: str | None = None  # which code is being approved
    outcome: str | None = None  # "approved" or "denied", for the last page


class Sessions:
    """Sessions by cookie, 1000 at most; the least recently used is dropped first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def open(self, cookie: str | None) -> Session:
        """Return the session of `cookie`, a new one when it is unknown."""
        with self._lock:
            session = self._sessions.get(cookie or "")
            if session is None:
                session = Session()
                self._sessions[session.id] = session
            self._sessions.move_to_end(session.id)
            if len(self._sessions) > _MOST_SESSIONS:
                self._sessions.popitem(last=False)
            return session


class Guesses:
    """Rate limit: an address may send GUESSES wrong codes in GUESS_WINDOW seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, address: str) -> int:
        """Return the whole seconds until `address` may try again, 0 if it may now."""
        with self._lock:
            wrong = self._wrong.get(address)
            if wrong is None or len(wrong) < GUESSES:
                return 0
            left = wrong[0] + GUESS_WINDOW - self._now()
            return max(0, -int(-left // 1))

    def miss(self, address: str) -> None:
        """Note a wrong code from `address`."""
        with self._lock:
            wrong = self._wrong.setdefault(address, deque(maxlen=GUESSES))
            wrong.append(self._now())
            self._wrong.move_to_end(address)
            if len(self._wrong) > _MOST_ADDRESSES:
                self._wrong.popitem(last=False)
