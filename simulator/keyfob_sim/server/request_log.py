"""The log of requests and decisions, for assertions: what came in, when, and what was answered.

Only parameters on a list of harmless ones are kept; of the others the name alone.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from .records import Grant

REDACTED = "[redacted]"
_PLAIN_PARAMETERS = {"grant_type", "client_id", "scope", "token_type_hint"}
_MOST = 10_000  # entries


class RequestLog:
    """Entries in the order of the answers; the oldest go once there are 10 000.

    `added()` is called after each.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._entries: deque[dict[str, Any]] = deque(maxlen=_MOST)
        self._numbers = count(1)
        self.added: Callable[[], object] = lambda: None

    def request(self, parameters: Mapping[str, str], **members: Any) -> None:
        """Add a request; `parameters` are its form, redacted here."""
        shown = {k: v if k in _PLAIN_PARAMETERS else REDACTED for k, v in parameters.items()}
        self._add({"kind": "request", **members, "parameters": shown})

    def decision(self, grant: Grant, decision: str, by: str) -> None:
        """Add that a grant was approved or denied; `by` is page, admin or auto."""
        self._add(
            {
                "kind": "decision",
                "decision": decision,
                "by": by,
                "grant": grant.id,
                "client_id": grant.client_id,
                "user": grant.sub,
            }
        )

    def entries(self, after: int = 0, endpoint: str | None = None) -> list[dict[str, Any]]:
        """Return the entries numbered above `after`, of one endpoint if it is given."""
        with self._lock:
            return [
                entry
                for entry in self._entries
                if entry["n"] > after and endpoint in (None, entry.get("endpoint"))
            ]

    def clear(self) -> None:
        """Forget the entries; numbers go on."""
        with self._lock:
            self._entries.clear()

    def _add(self, members: dict[str, Any]) -> None:
        with self._lock:
            self._entries.append({"n": next(self._numbers), "time": self._now(), **members})
        self.added()
