"""Reading flash as machine code, as it is on a board, where the VM can run such: see `_board`.

littlefs reads a few bytes at a time and finds a file by reading its folder: half a million reads
in an ordinary run. Nothing here takes from the heap, and nothing can interrupt it.
"""

# ruff: noqa: RUF046 - int() makes a machine word of an object

from os import getenv

from micropython import const

_BLOCK = const(4096)  # bytes of flash that are erased together
_start = int(getenv("KEYFOB_FLASH"))  # where the host's file of it is in memory
read_first = None  # `readblocks` in bytecode


@micropython.viper
def readblocks(device, block: int, buffer, offset: int) -> int:
    """Do what `readblocks` of a block device does, for lengths and offsets of whole words.

    The beginning of a block is left to bytecode. A chip's driver overwrites old words on the C
    stack, which the garbage collector takes for references; this function has no stack to speak
    of.
    """
    if offset == 0:
        return int(read_first(device, block, buffer, offset))
    source = ptr32(int(_start) + block * _BLOCK + offset)
    target = ptr32(buffer)
    for place in range(int(len(buffer)) >> 2):
        target[place] = source[place]
    return 0
