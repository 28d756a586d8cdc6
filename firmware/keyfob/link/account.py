"""One account's tokens, as they are in use and as the store keeps them."""

from keyfob.compat import Loaded


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
        # There is a link in the store that could not be read, for want of its key, say. It
        # gives way to new tokens, not to a code that nobody has approved.
        self._is_unread = False

    def is_usable(self, now, unix):
        """Whether there are tokens to act with: `now` in ticks, `unix` in s or None."""
        return self.tokens is not None and self.tokens.is_usable(now, unix)

    def load(self):
        """Take what the store holds, unless it belongs to another provider or client.

        Raises StorageError where it cannot be read or makes no sense.
        """
        self._is_unread = True
        record = None if self._store is None else self._store.load()
        self._is_unread = False
        if record is None:
            return
        found = self._judge(record)
        if found is None:
            return
        self.pending = record.get("pending")
        if found:
            from keyfob.oauth.token_set import TokenSet  # stays: the tokens do

            self.tokens = TokenSet(found)
            self.subject = record.get("sub")
            self.name = record.get("account")
            self.is_stored = True

    def check_store(self):
        """See that the store finds room for its code. Raises MemoryError where there is none."""
        if hasattr(self._store, "check"):
            self._store.check()

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
        """Make a pending link durable, unless it would replace a link that could not be read.

        Raises StorageError; it is pending all the same.
        """
        self.pending = pending
        if not self._is_unread:
            self._save(self.tokens)

    def drop_pending(self):
        """Forget the pending link, if any. Raises StorageError where the store keeps it."""
        if self.pending is None:
            return
        self.pending = None
        if self.tokens is not None:
            self._save(self.tokens)
        elif self._store is not None and not self._is_unread:
            self._store.erase()

    def forget(self):
        """Leave nothing behind in flash. Raises StorageError where the store keeps its copy."""
        self.former = self.subject or self.former
        self.tokens = self.subject = self.name = self.pending = None
        self.is_stored = False
        if self._store is not None:
            self._store.erase()

    def _judge(self, record):
        with Loaded("keyfob.link.record") as code:
            return code.read(record, self._owner)

    def _save(self, tokens):
        if self._store is None:
            return
        record = {"for": self._owner, "sub": self.subject, "account": self.name}
        if tokens is not None:
            record["tokens"] = tokens.record()
        if self.pending is not None:
            record["pending"] = self.pending
        self._store.save(record)
        self._is_unread = False
