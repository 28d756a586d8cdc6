"""What the VM's table of blocks says about a board's heap.

Objects take more room in the VM, whose words have 64 bits: those that hold pointers twice as much,
buffers and bytecode no more. A table of blocks tells the size of each object and not its kind, so
each size counts for a share of itself, chosen so that the sums agree with what was measured:

- The firmware of November 2026 on the emulated ESP32 of `chip_memory.py` had 34,320 bytes in use
  more than at the start when the application was imported, 43,872 with its first screen, 74,368
  when a code came and 72,144 once tokens were refreshed and garbage was collected. By this table
  that is 31,000, 48,000, 76,000 and 71,000; it is 47,008, 69,888, 112,320 and 104,128 in the VM.
- Imported module by module it leaves 1.44 times as many bytes in use in this VM as in the 32-bit
  one of npm's @micropython/micropython-webassembly-pyscript (`tests/benchmarks/bench_words.py`).
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from keyfob_host.vm import WIDER

BLOCK = 32  # bytes

# Up to so many blocks an object takes this share of its size in the VM.
_SHARES = ((2, 0.5), (8, 0.7), (64, 0.9))
_HOLE = WIDER[1] / WIDER[0]  # of what is free between objects

# Two bits say of a block that it is free, the first of an object, a further one, or the first of
# one that is marked.
_LETTERS = [bytes(b".h=h"[byte >> shift & 3] for shift in (0, 2, 4, 6)) for byte in range(256)]


class Use(NamedTuple):
    """Bytes on a board: of all objects, and from the heap's start to the end of the last."""

    used: int
    end: int

    def beyond(self, other: Use) -> Use:
        """What there is beside `other`."""
        return Use(max(0, self.used - other.used), max(0, self.end - other.used))


def use(table: bytes) -> Use:
    """What `table` shows, in bytes on a board."""
    letters = b"".join([_LETTERS[byte] for byte in table.rstrip(b"\0")]).rstrip(b".")
    _, *tails = letters.replace(b".", b"").split(b"h")  # of all objects: their further blocks
    sizes = Counter(map(len, tails))
    used = sum(count * _on_a_board(1 + further) for further, count in sizes.items())
    holes = letters.count(b".") * BLOCK * _HOLE
    return Use(int(used), int(used + holes))


def _on_a_board(blocks: int) -> float:
    """Bytes on a board of an object that takes so many blocks in the VM."""
    return blocks * BLOCK * next((share for most, share in _SHARES if blocks <= most), 1.0)
