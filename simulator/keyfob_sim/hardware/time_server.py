"""The network's time server: SNTP (RFC 4330) in real packets."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable

PORT = 123
_PACKET = struct.Struct(">BBbb12s8s8s8s8s")
_EPOCH_1900 = 2_208_988_800  # s from 1900 to 1970
_LEAP_VERSION_MODE = 0o4  # of a server; the version is the client's
_VERSION = 0o70
_CLIENT, _MODE = 3, 7
_STRATUM = 2


class TimeServer:
    """Answers at `address`, on loopback. `now` returns Unix seconds, None for no answer.

    Thread-safe: whoever has time calls `serve`.
    """

    def __init__(self, now: Callable[[], float | None]) -> None:
        """Have a socket until `close()`."""
        self._now = now
        self._lock = threading.Lock()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.address: tuple[str, int] = self.socket.getsockname()

    def serve(self) -> None:
        """Answer all that has been asked."""
        with self._lock, contextlib.suppress(OSError):  # nothing more, or it is closed
            while True:
                question, client = self.socket.recvfrom(1024)
                answer = self._answer(question)
                if answer is not None:
                    self.socket.sendto(answer, client)

    def close(self) -> None:
        """Take the socket away."""
        self.socket.close()

    def _answer(self, question: bytes) -> bytes | None:
        now = self._now()
        if now is None or len(question) < _PACKET.size or question[0] & _MODE != _CLIENT:
            return None
        fields = _PACKET.unpack_from(question)
        stamp = _stamp(now)
        first = fields[0] & _VERSION | _LEAP_VERSION_MODE
        about = b"\0" * 8 + b"SIMU"  # no delay, no dispersion, and where the time is from
        return _PACKET.pack(
            first, _STRATUM, fields[2], -20, about, stamp, fields[-1], stamp, stamp
        )


def _stamp(unix: float) -> bytes:
    """Seconds since the era's begin, and 32 bits of their fraction."""
    return (int((unix + _EPOCH_1900) * (1 << 32)) % (1 << 64)).to_bytes(8, "big")
