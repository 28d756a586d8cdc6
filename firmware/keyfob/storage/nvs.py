"""A home in an ESP32's NVS partition, beside the file system: each place is a blob.

NVS writes a blob whole or not at all. A blob of several KB spans pages, and the partition
(24 KB by default, with one page of 4 KB always spare) may have no room for a third copy. The
store then removes the older copy first.
"""

from keyfob.compat import const

_NOT_FOUND = const(-0x1102)
_TOO_SMALL = const(-0x110C)  # the buffer
_FIRST_SIZE = const(1024)  # bytes of a buffer: the length of a blob is not known before
_LARGEST = const(16384)


class NvsHome:
    """Keys `NAME.0` and `NAME.1`, of at most 15 characters, in `namespace`.

    Raises ImportError where there is no NVS.
    """

    hint = "make room in the NVS partition, or keep the link in files"

    def __init__(self, name="account", namespace="keyfob"):
        from esp32 import NVS

        self._make = NVS
        self._namespace = namespace
        self._nvs = None
        self._name = name

    def pieces(self, place):
        """Yield the bytes there, if any, in one piece. Raises OSError."""
        data = self._read(place)
        if data:
            yield data

    def write(self, place, parts):
        """Replace the bytes there. Raises OSError."""
        nvs = self._open()
        nvs.set_blob(self._key(place), b"".join(parts))
        nvs.commit()

    def holds(self, place, parts):
        """Whether `parts` are all that is there. Raises OSError."""
        return self._read(place) == b"".join(parts)

    def remove(self, place):
        """Remove what is there, if anything. Raises OSError."""
        nvs = self._open()
        try:
            nvs.erase_key(self._key(place))
        except OSError as error:
            if error.args[0] == _NOT_FOUND:
                return
            raise
        nvs.commit()

    def _read(self, place):
        """The bytes there, or None."""
        size = _FIRST_SIZE
        while True:
            buffer = bytearray(size)
            try:
                length = self._open().get_blob(self._key(place), buffer)
                return memoryview(buffer)[:length]
            except OSError as error:
                if error.args[0] == _NOT_FOUND:
                    return None
                if error.args[0] != _TOO_SMALL or size >= _LARGEST:
                    raise
            size *= 2

    def _open(self):
        """The namespace, opened once: it cannot be closed."""
        if self._nvs is None:
            self._nvs = self._make(self._namespace)
        return self._nvs

    def _key(self, place):
        return "%s.%d" % (self._name, place)
