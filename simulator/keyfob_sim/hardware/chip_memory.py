"""The RAM of an ESP32 outside Python and Python's own, as far as they compete for it.

The chip's own heap (ESP-IDF's) feeds Wi-Fi, sockets, TLS and the areas of Python's heap. When that
is full after a collection, MicroPython adds an area as large as all before it, or the largest
free block if that is less; it gives an area back once a collection finds nothing in it.

The figures were measured on an emulated ESP32 (4 MB of flash, no PSRAM) with MicroPython 1.24's
ESP32_GENERIC; py/gc.c and ports/esp32 of MicroPython say how its heap grows. What differs here:

- Every chip has the ESP32's figures but for its first area: no other was measured.
- Two regions stand for all: the largest, and the others. In the largest one, areas, the stacks of
  threads and Wi-Fi are blocks at their places. What sockets and TLS take is in small pieces, which
  fill the others first and then the smallest free blocks.
- A handshake takes all it needs at once. Its need follows from the certificates that the server
  sends, by the measured chains. The buffers of a real radio take more than the emulated one's.
- An area is there while a block above the ones before it is in use, garbage or not, until the VM
  collects: when its threshold is reached, which `tidy_heap` sets, and before an area is added.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

# Bytes that are free in the chip's heap at boot: in all regions, and in those beside the largest.
AT_BOOT = 138_124
_OTHERS = 25_156
_SMALL_PIECES = 1_400  # bytes of those, in blocks that only small pieces fit into
_LARGEST_OTHER = 14_336  # bytes of the largest block there: regions of 15 KB and less

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

# A thread takes its stack, no less than this, and what FreeRTOS knows of it (an estimate).
_LEAST_STACK = 4_096
_DEFAULT_STACK = 5_120
_TASK = 360

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


@dataclass(eq=False)
class Block:
    """So many bytes in one piece, free or taken."""

    size: int
    is_free: bool = True


class _Blocks:
    """A region of RAM: its blocks in the order of their addresses."""

    def __init__(self, size: int) -> None:
        self._blocks = [Block(size)]

    @property
    def free(self) -> list[int]:
        """Bytes of each free block, the smallest first."""
        return sorted(block.size for block in self._blocks if block.is_free)

    def take(self, size: int) -> Block | None:
        """Take the first `size` bytes of the smallest free block that has them, if one does."""
        fitting = [block for block in self._blocks if block.is_free and block.size >= size]
        if not fitting:
            return None
        whole = min(fitting, key=lambda block: block.size)
        index = self._blocks.index(whole)
        taken, rest = Block(size, is_free=False), Block(whole.size - size)
        self._blocks[index : index + 1] = [taken, rest] if rest.size else [taken]
        return taken

    def give_back(self, taken: Block) -> None:
        """Free a block, and join it with those beside it that are free."""
        taken.is_free = True
        joined: list[Block] = []
        for block in self._blocks:
            if joined and block.is_free and joined[-1].is_free:
                joined[-1].size += block.size
            else:
                joined.append(block)
        self._blocks = joined


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
            self._main = _Blocks(AT_BOOT - _OTHERS)
            self._added: list[Block] = []
            self._stacks: list[Block] = []
            self._wifi = 0
            self._wifi_blocks: list[Block] = []
            self.restart()
            self._lowest = list(self._free())

    def restart(self) -> None:
        """Restart MicroPython, which ends threads and closes sockets; Wi-Fi goes on."""
        with self._lock:
            for block in self._added + self._stacks:
                self._main.give_back(block)
            self._added, self._stacks = [], []
            self.used = REPL
            self._context = 0
            self._open: set[Connection] = set()

    @property
    def areas(self) -> list[int]:
        """The sizes of Python's areas. The first is not of the chip's own heap."""
        return [self._first] + [block.size for block in self._added]

    @property
    def free(self) -> int:
        """Free bytes outside Python, never negative."""
        return sum(self._free())

    @property
    def largest(self) -> int:
        """Bytes of the largest free block outside Python, as the chip rounds them."""
        return rounded(max(self._spread()[1], default=0))

    @property
    def lowest(self) -> int:
        """The lowest free bytes of each region since the boot, together."""
        return sum(self._lowest)

    @property
    def python_free(self) -> int:
        """What `gc.mem_free` says: free in the areas, and in the one that could be added."""
        return max(0, sum(self.areas) - self.used) + self.largest

    @property
    def regions(self) -> list[Region]:
        """What `esp32.idf_heap_info` says."""
        with self._lock:
            others, largest = self._free()
            low, lowest = self._lowest
            return [
                _FULL,
                Region(_OTHERS, others, min(rounded(others), _LARGEST_OTHER), low),
                Region(AT_BOOT - _OTHERS, largest, self.largest, lowest),
            ]

    def use_wifi(self, active: bool, joined: bool) -> None:
        """Take what Wi-Fi needs."""
        needs = [RADIO * active, JOINED * joined]
        with self._lock:
            if sum(needs) != self._wifi:
                self._wifi = sum(needs)
                self._place_wifi(needs)
            self._note()

    def would_grow(self, highest: int) -> bool:
        """Whether Python's heap has no room for a block at `highest`."""
        return highest > sum(self.areas)

    def use_python(self, used: int, highest: int) -> None:
        """Have Python use `used` bytes, the last of them at `highest`: add or free areas."""
        with self._lock:
            self.used = used
            while self._added and highest <= sum(self.areas[:-1]):
                self._main.give_back(self._added.pop())
            while self.would_grow(highest) and (size := min(sum(self.areas), self.largest)):
                block = self._main.take(size)
                assert block is not None
                self._added.append(block)
            self._note()

    def start_thread(self, stack: int) -> Block | None:
        """Take the stack of a thread, 0 for the default size; None where there is no room."""
        with self._lock:
            size = max(stack or _DEFAULT_STACK, _LEAST_STACK)
            block = self._main.take(size + _TASK) if size + _TASK <= self.largest else None
            if block is not None:
                self._stacks.append(block)
            self._note()
            return block

    def end_thread(self, stack: Block) -> None:
        """Give back what a thread took, unless a boot has."""
        with self._lock:
            if stack in self._stacks:
                self._stacks.remove(stack)
                self._main.give_back(stack)

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
            self._note(chain.peak)
            if left < 0:
                self._lowest = [0, min(self._lowest[1], _EXHAUSTED)]
            if left >= 0 and connection in self._open:
                connection.taken += chain.kept
            return left >= 0

    def close(self, connection: Connection) -> None:
        """Give back what a connection took, unless a boot has."""
        with self._lock:
            self._open.discard(connection)

    def _place_wifi(self, needs: Sequence[int]) -> None:
        """Have Wi-Fi take so many bytes in turn, of the small regions as long as they last."""
        for block in self._wifi_blocks:
            self._main.give_back(block)
        self._wifi_blocks = []
        room = _OTHERS - _SMALL_PIECES
        for need in needs:
            placed = self._main.take(need - room) if need > room else None
            room = max(0, room - need)
            if placed is not None:
                self._wifi_blocks.append(placed)

    def _spread(self, more: int = 0) -> tuple[int, list[int]]:
        """Bytes free in the small regions, and in each block of the largest, smallest first.

        `more` bytes are taken for the moment.
        """
        small = self._context + sum(one.taken for one in self._open) + more
        others = _OTHERS - _SMALL_PIECES - min(self._wifi, _OTHERS - _SMALL_PIECES)
        rooms = [others, *self._main.free, _SMALL_PIECES]
        for index, room in enumerate(rooms):
            rooms[index] = room - min(small, room)
            small -= room - rooms[index]
        return rooms[0] + rooms[-1], rooms[1:-1]

    def _free(self, more: int = 0) -> tuple[int, int]:
        """Bytes free in the small regions together, and in the largest."""
        others, blocks = self._spread(more)
        return others, sum(blocks)

    def _note(self, more: int = 0) -> None:
        self._lowest = [min(pair) for pair in zip(self._lowest, self._free(more), strict=True)]


def rounded(size: int) -> int:
    """What ESP-IDF tells of a free block: what it finds for sure, by 16ths of a power of two."""
    return size - size % (1 << max(0, size.bit_length() - 5))


def _interpolated(table: Sequence[tuple[int, int]], bits: int) -> int:
    """The figure of `table` at `bits`, on a line through the two rows nearest to it."""
    rows = list(pairwise(table))
    (low, least), (high, most) = next((row for row in rows if bits <= row[1][0]), rows[-1])
    return least + (most - least) * (max(bits, low) - low) // (high - low)
