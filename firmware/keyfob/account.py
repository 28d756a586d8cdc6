"""One account's tokens, as they are in use and as the store keeps them."""

from keyfob.errors import StorageError

# What is stored: these types or null.
_RECORD = {"for": list, "sub": str, "account": str, "tokens": dict, "pending": dict}
_TOKENS = {
    "access_token": str,
    "refresh_token": str,
    "scope": str,
    "expires_in": int,
    "expires_at": int,
    "id_token": str,
    "grant": str,
}
_PENDING = {
    "device_code": str,
    "user_code": str,
    "verification_uri": str,
    "verification_uri_complete": str,
    "expires_at": int,
    "expires_in": int,
    "interval": int,
}
_NEEDED = ("device_code", "user_code", "verification_uri", "interval")


class Account:
    """`tokens` (a TokenSet, None without a link) and whose they are.

    `former` is the `sub` of an account whose link has ended since the boot, or None.
    `pending` is a link that a person has yet to approve, None without one: a dict of
    `device_code`, `user_code`, `verification_uri`, `verification_uri_complete` or None,
    `expires_in` (s), `expires_at` (Unix seconds or None) and `interval` (s).

    `subject` is the account's `sub`, which a refresh must not change; `name` is for a
    screen; either may be None. `is_stored` tells whether they came from the store.
    `owner` (a list of texts) names the provider and the client that tokens belong to.
    """

    def __init__(self, owner, store=None):
        self.tokens = self.subject = self.name = self.former = self.pending = None
        self.is_stored = False
        self._owner = owner
        self._store = store

    def is_usable(self, now, unix):
        """Whether there are tokens to act with: `now` in ticks, `unix` in s or None."""
        return self.tokens is not None and self.tokens.is_usable(now, unix)

    def load(self):
        """Take what the store holds, unless it belongs to another provider or client.

        Raises StorageError where it cannot be read or makes no sense.
        """
        record = None if self._store is None else self._store.load()
        if record is None:
            return
        _check(record, _RECORD)
        owner = record.get("for")
        if not owner:
            raise _damaged("for")
        if owner != self._owner:
            return
        tokens = record.get("tokens")
        pending = record.get("pending")
        if tokens is None and pending is None:
            raise _damaged("tokens")
        if pending is not None:
            _check(pending, _PENDING, _NEEDED)
        if tokens is not None:
            _check(tokens, _TOKENS, ("access_token",))
            from keyfob.oauth.token_set import TokenSet

            self.tokens = TokenSet(tokens)
            self.subject = record.get("sub")
            self.name = record.get("account")
            self.is_stored = True
        self.pending = pending

    def keep(self, tokens):
        """Make `tokens` durable, then the ones in use (RFC 9700 section 4.14.2).

        A pending link is dropped by the same write. Raises StorageError where the store
        fails; they are in use all the same.
        """
        self.pending = None
        try:
            self._save(tokens)
        finally:
            self.tokens = tokens

    def keep_pending(self, pending):
        """Make a pending link durable. Raises StorageError; it is pending all the same."""
        self.pending = pending
        self._save(self.tokens)

    def drop_pending(self):
        """Forget the pending link, if any. Raises StorageError where the store keeps it."""
        if self.pending is None:
            return
        self.pending = None
        if self.tokens is not None:
            self._save(self.tokens)
        elif self._store is not None:
            self._store.erase()

    def forget(self):
        """Leave nothing behind in flash. Raises StorageError where the store keeps its copy."""
        self.former = self.subject or self.former
        self.tokens = self.subject = self.name = self.pending = None
        self.is_stored = False
        if self._store is not None:
            self._store.erase()

    def _save(self, tokens):
        if self._store is None:
            return
        record = {"for": self._owner, "sub": self.subject, "account": self.name}
        if tokens is not None:
            record["tokens"] = tokens.record()
        if self.pending is not None:
            record["pending"] = self.pending
        self._store.save(record)


def _check(record, types, needed=()):
    """Raise StorageError for the first member of another type, or needed and not there."""
    for name in types:
        value = record.get(name)
        if value is None or value == "":
            is_good = name not in needed
        else:
            is_good = isinstance(value, types[name]) and not isinstance(value, bool)
        if not is_good:
            raise _damaged(name)


def _damaged(name):
    return StorageError("the stored link is damaged at %s" % name, "link the board again")
