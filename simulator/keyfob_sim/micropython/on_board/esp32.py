"""`esp32`: NVS, which the host keeps beside the flash."""

from binascii import hexlify, unhexlify

import _board


class NVS:
    def __init__(self, namespace):
        _board.ask("nvs.open", namespace)
        self._namespace = namespace

    def set_i32(self, key, value):
        _board.ask("nvs.set_i32", self._namespace, key, value)

    def get_i32(self, key):
        return _board.ask("nvs.get_i32", self._namespace, key)

    def set_blob(self, key, value):
        if isinstance(value, str):
            value = value.encode()
        _board.ask("nvs.set_blob", self._namespace, key, hexlify(value))

    def get_blob(self, key, buffer):
        found = unhexlify(_board.ask("nvs.get_blob", self._namespace, key, len(buffer)))
        buffer[: len(found)] = found
        return len(found)

    def erase_key(self, key):
        _board.ask("nvs.erase_key", self._namespace, key)

    def commit(self):
        _board.ask("nvs.commit", self._namespace)
