"""The RAM of an ESP32 outside Python and Python's own, as far as they compete for it.

The chip's own heap (ESP-IDF's) feeds Wi-Fi, sockets, TLS and the areas of Python's heap. When that
is full after a collection, MicroPython adds an area as large as all before it, or the largest
free block if that is less; it gives an area back once a collection finds nothing in it.

The figures were measured on an emulated ESP32 (4 MB of flash, no PSRAM) with MicroPython 1.24's
ESP32_GENERIC; py/gc.c and ports/esp32 of MicroPython say how its heap grows. What differs here:

- Every chip has the ESP32's figures but for its first area: no other was measured.
- Free RAM counts, not where it lies. The largest free block is all of it but for small pieces.
- A handshake takes all it needs at once. Its need follows from the certificates that the server
  sends, by the measured chains. The buffers of a real radio take more than the emulated one's.
- An area is there while a block above the ones before it is in use, garbage or not. The chip
  collects before it adds one, and the VM when its threshold is reached, which `tidy_heap` sets.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

# Bytes that are free in the chip's heap at boot, and in its largest block.
AT_BOOT = 138_124
_LARGEST_AT_BOOT = 110_592
_SMALL_PIECES = 2_156  # bytes free in other blocks than the largest, with Wi-Fi joined

# Bytes that each step takes.
RADIO = 35_852  # WLAN.active(True)
JOINED = 5_908  # a network, with an address
CONTEXT = 454  # an SSLContext
SOCKET = 420  # a TCP connection
_ROOTS = ((384, 1_190), (2048, 1_570), (4096, 2_340))  # a root in the context, by bits of its key

# A connection keeps this with two certificates, and more for each byte and each further one.
_KEPT_RSA = 25_284
_KEPT_EC = 24_296
_KEPT_BYTE = 2.1
_KEPT_CERTIFICATE = 926
# At its peak it takes more than it keeps, by the bits of the largest key that it computes with.
_PEAKS = ((2048, 6_196), (4096, 8_204))
_PEAK_EC = 6_768
_EXHAUSTED = 400  # bytes that were left at the lowest where one failed

REPL = 3_264  # bytes of Python's heap that MicroPython itself has in use once it has started


class Key(NamedTuple):
    """A public key of a chain."""

    is_rsa: bool
    bits: int


@dataclass(frozen=True)
class Chain:
    """What a server sends: the certificates' bytes, and the keys, the root's last."""

    sizes: tuple[int, ...]
    keys: tuple[Key, ...]

    @property
    def kept(self) -> int:
        """Bytes that an open connection keeps."""
        least = _KEPT_RSA if self._rsa else _KEPT_EC
        further = _KEPT_CERTIFICATE * (len(self.sizes) - 2)
        return least + further + int(_KEPT_BYTE * sum(self.sizes))

    @property
    def peak(self) -> int:
        """Bytes that the handshake takes at its peak."""
        return self.kept + (_interpolated(_PEAKS, max(self._rsa)) if self._rsa else _PEAK_EC)

    @property
    def root(self) -> int:
        """Bytes that the root takes in the context."""
        return _interpolated(_ROOTS, self.keys[-1].bits)

    @property
    def _rsa(self) -> list[int]:
        """Bits of the RSA keys."""
        return [key.bits for key in self.keys if key.is_rsa]


class Region(NamedTuple):
    """One region of the chip's heap, as `esp32.idf_heap_info` tells it, in bytes."""

    total: int
    free: int
    largest: int
    lowest: int


# What the chip has filled before MicroPython starts is listed, too.
_FULL = Region(7_288, 0, 0, 0)


class Connection:
    """One TCP connection, and the bytes that it takes."""

    def __init__(self) -> None:
        self.taken = SOCKET


class ChipMemory:
    """The memory of one chip from boot to boot. Thread-safe; sizes are in bytes of the chip."""

    def __init__(self, first_area: int) -> None:
        """`first_area` is the size of Python's heap at boot."""
        self._first = first_area
        self._lock = threading.RLock()
        self.boot()

    def boot(self) -> None:
        """Begin anew, as after a reset."""
        with self._lock:
            self.restart()
            self._wifi = 0
            self.lowest = AT_BOOT

    def restart(self) -> None:
        """Restart MicroPython, which closes its sockets; Wi-Fi goes on."""
        with self._lock:
            self.areas = [self._first]  # which is not of the chip's own heap
            self.used = REPL
            self._context = 0
            self._open: set[Connection] = set()

    @property
    def free(self) -> int:
        """Free bytes outside Python, never negative."""
        connections = sum(connection.taken for connection in self._open)
        return max(0, AT_BOOT - self._wifi - self._context - connections - sum(self.areas[1:]))

    @property
    def largest(self) -> int:
        """Bytes of the largest free block outside Python."""
        return max(0, min(self.free - _SMALL_PIECES, _LARGEST_AT_BOOT))

    @property
    def python_free(self) -> int:
        """What `gc.mem_free` says: free in the areas, and in the one that could be added."""
        return max(0, sum(self.areas) - self.used) + self.largest

    @property
    def regions(self) -> list[Region]:
        """What `esp32.idf_heap_info` says."""
        with self._lock:
            return [_FULL, Region(AT_BOOT, self.free, self.largest, self.lowest)]

    def use_wifi(self, active: bool, joined: bool) -> None:
        """Take what Wi-Fi needs."""
        with self._lock:
            self._wifi = RADIO * active + JOINED * joined
            self._note()

    def use_python(self, used: int, highest: int) -> None:
        """Have Python use `used` bytes, the last of them at `highest`: add or free areas."""
        with self._lock:
            self.used = used
            while len(self.areas) > 1 and highest <= sum(self.areas[:-1]):
                self.areas.pop()
            while highest > sum(self.areas) and (size := min(sum(self.areas), self.largest)):
                self.areas.append(size)
            self._note()

    def connect(self) -> Connection:
        """Take what a TCP connection needs."""
        with self._lock:
            connection = Connection()
            self._open.add(connection)
            self._note()
            return connection

    def shake_hands(self, connection: Connection, chain: Chain) -> bool:
        """Take what TLS needs; where that is not there, nothing, and return False."""
        with self._lock:
            self._context = max(self._context, CONTEXT + chain.root)
            left = self.free - chain.peak
            self.lowest = min(self.lowest, left if left >= 0 else _EXHAUSTED)
            if left >= 0 and connection in self._open:
                connection.taken += chain.kept
            return left >= 0

    def close(self, connection: Connection) -> None:
        """Give back what a connection took, unless a boot has."""
        with self._lock:
            self._open.discard(connection)

    def _note(self) -> None:
        self.lowest = min(self.lowest, self.free)


def _interpolated(table: Sequence[tuple[int, int]], bits: int) -> int:
    """The figure of `table` at `bits`, on a line through the two rows nearest to it."""
    rows = list(pairwise(table))
    (low, least), (high, most) = next((row for row in rows if bits <= row[1][0]), rows[-1])
    return least + (most - least) * (max(bits, low) - low) // (high - low)
