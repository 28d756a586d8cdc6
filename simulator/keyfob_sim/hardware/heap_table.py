"""What the VM's table of blocks says about a board's heap.

Objects take more room in the VM, whose words have 64 bits. How much more was measured in two ways
(`tests/benchmarks/bench_words.py` repeats the first):

- keyfob imported module by module leaves 1.43 times as many bytes in use here as in the 32-bit VM
  of npm's @micropython/micropython-webassembly-pyscript.
- Against the emulated ESP32 of `chip_memory.py` it is 1.37 when the application has been imported,
  1.60 with its first screen, 1.50 with Wi-Fi joined, 1.43 to 1.54 while a code is shown, and 1.45
  once tokens were refreshed and garbage was collected.
"""

from __future__ import annotations

BLOCK = 32  # bytes
WIDER = (36, 25)  # bytes in the VM for bytes on a board

# Two bits say of a block that it is free, the first or a further one of an object, or marked.
_USED = bytes(sum(byte >> shift & 3 != 0 for shift in (0, 2, 4, 6)) for byte in range(256))
_LAST = bytes(4 - next((k for k in range(4) if byte >> 6 - 2 * k & 3), 4) for byte in range(256))


def used_blocks(table: bytes) -> int:
    """How many blocks are in use."""
    return sum(table.translate(_USED))


def end_of_use(table: bytes) -> int:
    """How many blocks there are up to the last one in use."""
    used = table.rstrip(b"\0")
    return 4 * (len(used) - 1) + _LAST[used[-1]] if used else 0


def on_a_board(blocks: int) -> int:
    """Bytes that `blocks` of the VM would be on a board."""
    return max(0, blocks) * BLOCK * WIDER[1] // WIDER[0]


def in_the_vm(size: int) -> int:
    """Bytes of the VM's heap for `size` bytes on a board."""
    return size * WIDER[0] // WIDER[1]
