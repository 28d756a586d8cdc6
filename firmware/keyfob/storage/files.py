"""A home on littlefs or FAT: each place is a file.

A slot is written in place and never renamed. The other slot stays valid meanwhile. On FAT an
interrupted rename leaves two names for one chain of clusters.
"""

import os

from keyfob.compat import const

_ENOENT = const(2)
_EFBIG = const(27)
_LARGEST = const(16384)  # bytes of a file that keyfob may have written
_PIECE = const(256)  # bytes read at a time
_ENDINGS = ("0", "1", "json", "json.new")


class FileHome:
    """Files `link-NAME.*` in `directory`, which has no slash at its end."""

    hint = "free some flash, and see that it is not read-only"

    def __init__(self, directory="", name="account"):
        self._base = "%s/link-%s." % (directory, name)

    def pieces(self, place):
        """Yield the bytes there, if any, each piece valid until the next. Raises OSError."""
        buffer = memoryview(bytearray(_PIECE))
        try:
            with open(self._base + _ENDINGS[place], "rb") as file:
                if file.seek(0, 2) > _LARGEST:
                    raise OSError(_EFBIG)
                file.seek(0)
                count = file.readinto(buffer)
                while count:
                    yield buffer[:count]
                    count = file.readinto(buffer)
        except OSError as error:
            if error.args[0] != _ENOENT:
                raise

    def write(self, place, parts):
        """Replace the bytes there. Raises OSError, and then leaves no valid content."""
        with open(self._base + _ENDINGS[place], "wb") as file:
            for part in parts:
                file.write(part)

    def holds(self, place, parts):
        """Whether `parts` are all that is there. Raises OSError."""
        with open(self._base + _ENDINGS[place], "rb") as file:
            for part in parts:
                if file.read(len(part)) != part:
                    return False
            return not file.read(1)

    def remove(self, place):
        """Remove what is there, if anything. Raises OSError."""
        try:
            os.remove(self._base + _ENDINGS[place])
        except OSError as error:
            if error.args[0] != _ENOENT:
                raise
