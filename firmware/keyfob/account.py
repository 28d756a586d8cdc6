"""One account's tokens, as they are in use and as the store keeps them."""

from keyfob.errors import StorageError

# What is stored: these types or null.
_RECORD = {"for": list, "sub": str, "account": str, "tokens": dict}
_TOKENS = {
    "access_token": str,
    "refresh_token": str,
    "scope": str,
    "expires_in": int,
    "expires_at": int,
    "id_token": str,
    "grant": str,
}


class Account:
    """`tokens` (a TokenSet, None without a link) and whose they are.

    `former` is the `sub` of an account whose link has ended since the boot, or None.
    `subject` is the account's `sub`, which a refresh must not change; `name` is for a
    screen; either may be None. `is_stored` tells whether they came from the store.
    `owner` (a list of texts) names the provider and the client that tokens belong to.
    """

    def __init__(self, owner, store=None):
        self.tokens = self.subject = self.name = self.former = None
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
        tokens = record.get("tokens") or {}
        _check(tokens, _TOKENS)
        if not tokens.get("access_token"):
            raise _damaged("tokens")
        from keyfob.oauth.token_set import TokenSet

        self.tokens = TokenSet(tokens)
        self.subject = record.get("sub")
        self.name = record.get("account")
        self.is_stored = True

    def keep(self, tokens):
        """Make `tokens` durable, then the ones in use (RFC 9700 section 4.14.2).

        Raises StorageError where the store fails; they are in use all the same.
        """
        try:
            if self._store is not None:
                self._store.save(
                    {
                        "for": self._owner,
                        "sub": self.subject,
                        "account": self.name,
                        "tokens": tokens.record(),
                    }
                )
        finally:
            self.tokens = tokens

    def forget(self):
        """Leave nothing behind in flash. Raises StorageError where the store keeps its copy."""
        self.former = self.subject or self.former
        self.tokens = self.subject = self.name = None
        self.is_stored = False
        if self._store is not None:
            self._store.erase()


def _check(record, types):
    for name in types:
        value = record.get(name)
        if value is not None and (not isinstance(value, types[name]) or isinstance(value, bool)):
            raise _damaged(name)


def _damaged(name):
    return StorageError("the stored link is damaged at %s" % name, "link the board again")
