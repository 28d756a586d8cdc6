"""A store whose code is loaded only while it is used."""

from keyfob.compat import Loaded
from keyfob.errors import StorageError


class OnDemandStore:
    """The TokenStore that `open_store(*arguments)` gives, opened anew for each use."""

    def __init__(self, *arguments):
        self._arguments = arguments

    def check(self):
        """Check that it can be opened. Raises what `open_store` raises, and MemoryError."""
        with Loaded("keyfob.storage.open_store") as code:
            code.open_store(*self._arguments)

    def load(self, *check):  # a default would take RAM
        """As TokenStore's."""
        return self._use("load", *check)

    def save(self, record):
        """As TokenStore's."""
        self._use("save", record)

    def copy(self, record):
        """As TokenStore's."""
        self._use("copy", record)

    def erase(self):
        """As TokenStore's."""
        self._use("erase")

    def _use(self, method, *arguments):
        try:
            with Loaded("keyfob.storage.open_store") as code:
                return getattr(code.open_store(*self._arguments), method)(*arguments)
        except MemoryError:
            error = StorageError("the link cannot be stored: not enough memory", "free some RAM")
            error.reason = "not enough memory"
            raise error
