"""A home in the file system: one JSON file, replaced as a whole."""

import json
import os

from keyfob.errors import StorageError

_ENOENT = 2


class FileStore:
    """Keeps the record in `directory`, in a file named for the link."""

    def __init__(self, directory="", name="account"):
        self._path = "%s/link-%s.json" % (directory, name)

    def load(self):
        """Return the record or None. Raises StorageError if it cannot be read."""
        try:
            with open(self._path) as file:
                record = json.load(file)
        except OSError as error:
            if error.args[0] == _ENOENT:
                return None
            raise StorageError("the stored link cannot be read: %s" % error)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise StorageError("the stored link is damaged", "link the board again")
        return record

    def save(self, record):
        """Write `record` beside the old one, then let it take its place."""
        new = self._path + ".new"
        try:
            with open(new, "w") as file:
                json.dump(record, file)
            getattr(os, "replace", os.rename)(new, self._path)
        except OSError as error:
            raise StorageError("the link cannot be stored: %s" % error, "free some flash")

    def erase(self):
        """Remove the record and what an interrupted save may have left."""
        for path in (self._path, self._path + ".new"):
            try:
                os.remove(path)
            except OSError as error:
                if error.args[0] != _ENOENT:
                    raise StorageError("the stored link cannot be erased: %s" % error)
