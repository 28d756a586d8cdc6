"""A store whose code takes RAM only while it is used."""

from keyfob.compat import drop
from keyfob.errors import StorageError

_CODE = (
    "keyfob.storage.token_store",
    "keyfob.storage.files",
    "keyfob.storage.nvs",
)


class LateStore:
    """The TokenStore that `open_store(*arguments)` gives, opened anew for each use."""

    def __init__(self, *arguments):
        self._arguments = arguments
        self._store = None  # it, while it is held

    def hold(self):
        """Open it, and keep it open until `release`.

        Raises what `open_store` raises, and MemoryError.
        """
        from keyfob.storage.open_store import open_store

        if self._store is None:
            self._store = open_store(*self._arguments)
            drop("keyfob.storage.open_store")

    def release(self):
        """Let go of it."""
        self._store = None
        drop(*_CODE)

    def load(self):
        """As TokenStore's."""
        return self._use("load")

    def save(self, record):
        """As TokenStore's."""
        self._use("save", record)

    def erase(self):
        """As TokenStore's."""
        self._use("erase")

    def _use(self, method, *arguments):
        if self._store is not None:
            return getattr(self._store, method)(*arguments)
        try:
            self.hold()
            return getattr(self._store, method)(*arguments)
        except MemoryError:
            raise StorageError("the link cannot be stored: not enough memory", "free RAM")
        finally:
            self.release()
