"""`esp32`: NVS, which the host keeps beside the flash, and the chip's RAM."""

from binascii import hexlify, unhexlify

import _board
from micropython import const

HEAP_DATA = const(4)
HEAP_EXEC = const(1)


def idf_heap_info(capabilities):
    """A tuple for each region of the chip's own heap: total, free, largest free, lowest free.

    All have data, the only capability that is known here.
    """
    _board.look()
    return [tuple(region) for region in _board.ask("memory.regions", capabilities)]


class NVS:
    """A namespace of the NVS partition. Methods raise OSError with the ESP-IDF's number."""

    def __init__(self, namespace):
        _board.ask("esp32.nvs.open", namespace)
        self._namespace = namespace

    def set_i32(self, key, value):
        """Set a key to a 32-bit integer; lost on power-off until `commit`."""
        _board.ask("esp32.nvs.set_i32", self._namespace, key, value)

    def get_i32(self, key):
        """Return the integer of a key, committed or not."""
        return _board.ask("esp32.nvs.get_i32", self._namespace, key)

    def set_blob(self, key, value):
        """Set a key to bytes (or a text); lost on power-off until `commit`."""
        if isinstance(value, str):
            value = value.encode()
        _board.ask("esp32.nvs.set_blob", self._namespace, key, hexlify(value))

    def get_blob(self, key, buffer):
        """Fill `buffer` from its start and return the number of bytes, no more than it holds."""
        found = unhexlify(_board.ask("esp32.nvs.get_blob", self._namespace, key, len(buffer)))
        buffer[: len(found)] = found
        return len(found)

    def erase_key(self, key):
        """Remove a key, for good once `commit` is called."""
        _board.ask("esp32.nvs.erase_key", self._namespace, key)

    def commit(self):
        """Write this namespace's changes to flash: one flash operation an entry."""
        _board.ask("esp32.nvs.commit", self._namespace)
