"""MicroPython's `cryptolib` on CPython, as far as the firmware uses it: AES in CBC mode."""

from typing import TypeAlias

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

MODE_CBC = 2

_Bytes: TypeAlias = bytes | bytearray | memoryview


class aes:  # noqa: N801 - its name on a board
    """A cipher of `key` and the initial vector `vector`, for one direction, as there."""

    def __init__(self, key: _Bytes, mode: int, vector: _Bytes):
        if mode != MODE_CBC:
            raise ValueError("mode")
        cipher = Cipher(AES(bytes(key)), CBC(bytes(vector)))
        self._encryptor = cipher.encryptor()
        self._decryptor = cipher.decryptor()

    def encrypt(self, data: _Bytes) -> bytes:
        """Return `data`, which is whole blocks, as ciphertext."""
        return self._encryptor.update(bytes(data))

    def decrypt(self, data: _Bytes) -> bytes:
        """Return ciphertext of whole blocks as data."""
        return self._decryptor.update(bytes(data))
