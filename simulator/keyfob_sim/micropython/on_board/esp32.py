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

    def __getattr__(self, name):
        """The rest is the host's: `set_i32`, `get_i32`, `erase_key` and `commit`."""
        return lambda *arguments: _board.ask("esp32.nvs.%s" % name, self._namespace, *arguments)
