"""The certificates in what a TLS 1.2 server sends first, in the clear (RFC 5246 section 7.4.2)."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from keyfob_sim.hardware.chip_memory import Chain, Key

_HANDSHAKE = 22  # type of a record
_CERTIFICATE = 11  # type of a message
_LONGEST = 1 << 17  # bytes: a server that sends more before its certificates sends none


class ServerFlight:
    """Holds back what a server sends until its certificates are there, or cannot be."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._places: list[int] = []  # where each byte of a handshake message is in the data
        self._read = 0  # bytes of whole records
        self._certificates: list[list[int]] = []  # the places of each one's bytes

    def feed(self, data: bytes) -> bool:
        """Take what has come; return whether all that is needed has."""
        self._data += data
        while len(self._data) > self._read:
            if self._data[self._read] != _HANDSHAKE:
                return True
            if len(self._data) < self._read + 5:
                break
            end = (
                self._read + 5 + int.from_bytes(self._data[self._read + 3 : self._read + 5], "big")
            )
            if end > len(self._data):
                break
            self._places += range(self._read + 5, end)
            self._read = end
        return self._find() or len(self._data) > _LONGEST

    def take(self) -> bytes:
        """Return what was held back, to be passed on."""
        return bytes(self._data)

    def chain(self) -> Chain | None:
        """What the certificates are like, None where there are none that can be read."""
        ders = [bytes(self._data[place] for place in places) for places in self._certificates]
        try:
            found = [x509.load_der_x509_certificate(der) for der in ders]
            keys = [_key(one.public_key()) for one in found]
            keys.append(_signer(found[-1]) if found else Key(False, 0))
        except ValueError:
            return None
        return Chain(tuple(map(len, ders)), tuple(keys)) if found else None

    def spoil(self) -> None:
        """Change the last byte of the server's certificate, which belongs to its signature.

        So whoever reads it says what a chip says that ran out of memory: not correctly signed.
        """
        self._data[self._certificates[0][-1]] ^= 1

    def _find(self) -> bool:
        """Look for the certificates; whether they are all there."""
        start = 0
        while start + 4 <= len(self._places):
            kind, size = self._byte(start), self._number(start + 1)
            if start + 4 + size > len(self._places):
                return False
            if kind == _CERTIFICATE:
                self._split(start + 7, start + 4 + size)
                return True
            start += 4 + size
        return False

    def _split(self, start: int, end: int) -> None:
        while start + 3 <= end:
            first, start = start + 3, start + 3 + self._number(start)
            self._certificates.append(self._places[first:start])

    def _byte(self, index: int) -> int:
        return self._data[self._places[index]]

    def _number(self, index: int) -> int:
        """The three bytes from `index` on."""
        return int.from_bytes(bytes(self._byte(index + k) for k in range(3)), "big")


def _key(key: object) -> Key:
    if isinstance(key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey)):
        return Key(isinstance(key, rsa.RSAPublicKey), key.key_size)
    return Key(False, 256)


def _signer(certificate: x509.Certificate) -> Key:
    """The key that signed it, by its signature, which is as long as an RSA key's modulus."""
    parameters = certificate.signature_algorithm_parameters
    if isinstance(parameters, (padding.PKCS1v15, padding.PSS)):
        return Key(True, len(certificate.signature) * 8)
    return Key(False, 384 if len(certificate.signature) > 80 else 256)
