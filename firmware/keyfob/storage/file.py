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
            with open(self._path, encoding="utf-8") as file:
                record = json.load(file)
        except OSError as error:
            if error.args[0] == _ENOENT:
                return None
            raise StorageError("the stored link cannot be read: %s" % error)
        except (ValueError, RuntimeError):  # RuntimeError: nested deeper than the stack
            record = None
        if not isinstance(record, dict):
            raise StorageError("the stored link is damaged", "link the board again")
        return record

    def save(self, record):
        """Write `record` beside the old one, then let it take its place."""
        new = self._path + ".new"
        try:
            with open(new, "w", encoding="utf-8") as file:
                json.dump(record, file)
            getattr(os, "replace", os.rename)(new, self._path)
        except OSError as error:
            _remove(new)  # it would take the place of what is to be freed
            raise StorageError("the link cannot be stored: %s" % error, "free some flash")

    def erase(self):
        """Remove the record and what an interrupted save may have left."""
        troubles = [_remove(path) for path in (self._path, self._path + ".new")]
        for trouble in troubles:
            if trouble is not None:
                raise StorageError("the stored link cannot be erased: %s" % trouble)


def _remove(path):
    """Remove the file; return the OSError that kept it, or None once it is gone."""
    try:
        os.remove(path)
    except OSError as error:
        if error.args[0] != _ENOENT:
            return error
    return None
