"""Encryption at rest: AES-256-CBC, then HMAC-SHA-256 over all of it.

A seal protects tokens from an attacker with a copy of the flash and without the key. It does
not prevent an old copy of the flash from being restored, and code on the board can undo it.
"""

import hashlib
import os

from keyfob.compat import const
from keyfob.errors import StorageError, UsageError

_CBC = const(2)
_BLOCK = const(16)  # bytes of an AES block and of the initial vector
_TAG = const(32)  # bytes
_SHORTEST = const(16)  # bytes of a secret


class Seal:
    """Seals the record of the link `name` under keys derived from `secret` (bytes).

    The secret has 16 random bytes or more. A password is not random enough. Raises UsageError for
    a shorter one.
    """

    def __init__(self, secret, name="account"):
        if len(secret) < _SHORTEST:
            raise UsageError(
                "a device secret of %d bytes is too short" % len(secret), "use 32 random bytes"
            )
        self._cipher_key = derive(secret, b"keyfob seal 1 cipher " + name.encode())
        self._mac_key = derive(secret, b"keyfob seal 1 mac " + name.encode())

    def seal(self, data, what):
        """Return `data` encrypted, and authenticated together with its header `what`."""
        vector = os.urandom(_BLOCK)
        padding = _BLOCK - len(data) % _BLOCK
        sealed = vector + _aes(self._cipher_key, vector).encrypt(data + bytes([padding]) * padding)
        return sealed + hmac(self._mac_key, what, sealed)

    def unseal(self, sealed, what):
        """Return the data in `sealed`, whose header is `what`.

        Raises StorageError for another key, and where anything was changed.
        """
        end = len(sealed) - _TAG
        if end < 2 * _BLOCK or not _is_same(
            hmac(self._mac_key, what, memoryview(sealed)[:end]), sealed[end:]
        ):
            raise StorageError(
                "the stored link was sealed with another key, or tampered with",
                "link the board again",
            )
        data = _aes(self._cipher_key, sealed[:_BLOCK]).decrypt(sealed[_BLOCK:end])
        return data[: -data[-1]]


def derive(secret, label):
    """Return 32 bytes for one use: HKDF-SHA-256 without salt (RFC 5869), its first block."""
    return hmac(hmac(bytes(32), secret), label, b"\x01")


def hmac(key, *parts):
    """Return HMAC-SHA-256 (RFC 2104) of the parts in a row; `key` has at most 64 bytes."""
    inner = _keyed(key, 0x36)
    for part in parts:
        inner.update(part)
    outer = _keyed(key, 0x5C)
    outer.update(inner.digest())
    return outer.digest()


def _keyed(key, pad):
    block = bytearray(bytes([pad]) * 64)
    for index, byte in enumerate(key):
        block[index] ^= byte
    return hashlib.sha256(block)


def _is_same(one, other):
    """Compare in a time that does not depend on where they differ."""
    difference = len(one) ^ len(other)
    for index in range(min(len(one), len(other))):
        difference |= one[index] ^ other[index]
    return difference == 0


def _aes(key, vector):
    from cryptolib import aes

    return aes(key, _CBC, vector)
