"""A store in RAM, for tests and for boards whose flash has failed."""


class MemoryStore:
    """Keeps the record in RAM until power-off."""

    def __init__(self, record=None):
        self._record = record

    def load(self):
        """Return the record or None."""
        return self._record

    def save(self, record):
        """Keep `record`."""
        self._record = record

    def erase(self):
        """Forget it."""
        self._record = None
