"""One account's tokens: those in use, and their copy in the store."""

from keyfob.compat import Loaded


class Account:
    """`tokens` (a TokenSet, None without a link) and the account that they belong to.

    `former` is the `sub` of an account whose link has ended since the boot, or None.
    `pending` is a link that a person has yet to approve, None without one: a dict of
    `device_code`, `user_code`, `verification_uri`, `verification_uri_complete` or None,
    `expires_in` (s), `expires_at` (Unix seconds or None) and `interval` (s).

    `subject` is the account's `sub`, which a refresh must not change; `name` is for a
    screen; either may be None. `is_stored` is whether they came from the store, and `is_new`
    whether they are a new link's, which the store has not kept yet.
    `owner` (a list of texts) names the provider and the client that tokens belong to.
    """

    def __init__(self, owner, store=None):
        self.tokens = self.subject = self.name = self.former = self.pending = None
        self.is_stored = self.is_new = False
        self._owner = owner
        self._store = store
        # The store has a link that could not be read, perhaps for lack of its key. New tokens
        # replace it; a code that is not approved yet does not.
        self._is_unread = False

    def is_usable(self, now, unix):
        """Whether there are usable tokens: `now` in ticks, `unix` in s or None."""
        return self.tokens is not None and self.tokens.is_usable(now, unix)

    def load(self):  # rare
        """Load the stored link, unless it belongs to another provider or client.

        Raises StorageError where it cannot be read or is invalid.
        """
        self._is_unread = True
        store = self._store
        if store is None:
            record = None
        elif hasattr(store, "copy"):
            record = store.load(self._read)
        else:
            record = store.load()
        self._is_unread = False
        if record is None:
            return
        found = self._read(record)
        if found is None:
            return
        self.pending = record.get("pending")
        if found:
            from keyfob.oauth.token_set import TokenSet  # stays: the tokens do

            self.tokens = TokenSet(found)
            self.subject = record.get("sub")
            self.name = record.get("account")
            if self.name and self.name == self.subject:
                with Loaded("keyfob.oauth.id_token") as code:  # earlier versions stored any
                    if code.is_opaque(self.name, self.subject):
                        self.name = None
            self.is_stored = True

    def check_store(self):
        """Check that the store's code fits in RAM. Raises MemoryError where it does not."""
        if hasattr(self._store, "check"):
            self._store.check()

    def keep(self, tokens):
        """Store `tokens`, then use them (RFC 9700 section 4.14.2).

        The same write drops a pending link. Raises StorageError where the store fails; the
        tokens are used all the same.
        """
        self.pending = None
        try:
            self._save(tokens.record())
        finally:
            self.tokens = tokens

    def keep_pending(self, pending):
        """Store a pending link, unless it would replace a link that could not be read.

        Raises StorageError where the store fails; the link is pending all the same.
        """
        self.pending = pending
        self.save()

    def drop_pending(self):
        """Forget the pending link, if any. Raises StorageError where the store cannot erase it."""
        if self.pending is not None:
            self.keep_pending(None)

    def keep_issued(self, issued):
        """Store what a TokenSet is made of, for the next boot: there is no room to use it."""
        self.pending = self.subject = self.name = None
        self._save({name: issued[name] for name in issued if name != "issued_at"})

    def save(self):
        """Store what is in use, or that nothing is. Raises StorageError where the store fails."""
        if self.tokens is not None:
            self._save(self.tokens.record())
        elif self._store is not None and not self._is_unread:
            if self.pending is not None:
                self._save(None)
            else:
                self._store.erase()

    def forget(self):
        """Forget the link and erase it from flash. Raises StorageError where that fails."""
        self.former = self.subject or self.former
        self.tokens = self.subject = self.name = self.pending = None
        self.is_stored = self.is_new = False
        if self._store is not None:
            self._store.erase()

    def _read(self, record):  # rare
        with Loaded("keyfob.link.record") as code:
            return code.read(record, self._owner)

    def _save(self, tokens):
        store = self._store
        if store is None:
            return
        record = {"for": self._owner, "sub": self.subject, "account": self.name}
        if tokens is not None:
            record["tokens"] = tokens
        if self.pending is not None:
            record["pending"] = self.pending
        if self.is_new and hasattr(store, "copy"):
            store.copy(record)
        else:
            store.save(record)
        self._is_unread = self.is_new = False
