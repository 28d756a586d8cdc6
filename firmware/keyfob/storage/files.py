"""A home on littlefs or FAT: each place is a file.

A slot is written where it is and never renamed into place. The other slot holds while that
goes on, and on FAT a rename cut short leaves two names for one chain of clusters.
"""

import os

from keyfob.compat import const

_ENOENT = const(2)
_EFBIG = const(27)
_LARGEST = const(16384)  # bytes of a file that can be ours
_PIECE = const(256)  # bytes compared at a time
_ENDINGS = ("0", "1", "json", "json.new")


class FileHome:
    """Files `link-NAME.*` in `directory`, which has no slash at its end."""

    hint = "free some flash, and see that it is not read-only"

    def __init__(self, directory="", name="account"):
        self._base = "%s/link-%s." % (directory, name)

    def read(self, place):
        """Return the bytes there, or None. Raises OSError."""
        try:
            with open(self._base + _ENDINGS[place], "rb") as file:
                size = file.seek(0, 2)
                if size > _LARGEST:
                    raise OSError(_EFBIG)
                file.seek(0)
                return file.read(size)
        except OSError as error:
            if error.args[0] == _ENOENT:
                return None
            raise

    def write(self, place, data):
        """Replace the bytes there. Raises OSError, and what is there then is no use."""
        with open(self._base + _ENDINGS[place], "wb") as file:
            file.write(data)

    def holds(self, place, data):
        """Whether `data` is all that is there, without a copy of it. Raises OSError."""
        piece = bytearray(_PIECE)
        at = 0
        with open(self._base + _ENDINGS[place], "rb") as file:
            count = file.readinto(piece)
            while count and piece[:count] == data[at : at + count]:
                at += count
                count = file.readinto(piece)
        return not count and at == len(data)

    def remove(self, place):
        """Leave nothing there. Raises OSError."""
        try:
            os.remove(self._base + _ENDINGS[place])
        except OSError as error:
            if error.args[0] != _ENOENT:
                raise
