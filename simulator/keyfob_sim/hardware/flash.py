"""NOR flash: bits are programmed from 1 to 0, and only erasing a block brings them back."""

import mmap
import os
import zlib
from pathlib import Path
from typing import TypeAlias

from keyfob_sim.hardware.power import How, PowerGate, PowerLost

ReadableBuffer: TypeAlias = bytes | bytearray | memoryview

_ERASED = b"\xff"
_TORN_PROGRAM = 1  # bytes that a torn operation leaves between old and new
_TORN_ERASE = 16


class Flash:
    """A flash kept in a file, which holds exactly what was written even if the host is killed.

    `wear` counts the erases of each block and `programs` all programs, both since it was
    opened. `faults` holds the offsets of programs that wanted a 1 where a 0 was.
    """

    def __init__(
        self,
        path: Path,
        size: int,
        gate: PowerGate,
        block_size: int = 4096,
        program_size: int = 32,
    ):
        """Open `path`, made blank if it is missing; sizes in bytes.

        Raises ValueError for a file of another size.
        """
        if size <= 0 or size % block_size:
            raise ValueError(f"{size} bytes are not whole blocks of {block_size}")
        if not path.exists():
            _make_blank(path, size)
        found = path.stat().st_size
        if found != size:
            raise ValueError(f"{path} holds {found} bytes, not {size}")
        self.path = path.resolve()
        self.size = size
        self.block_size = block_size
        self.program_size = program_size
        self.block_count = size // block_size
        self.wear = [0] * self.block_count
        self.programs = 0
        self.faults: list[int] = []
        self._gate = gate
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), size)

    @property
    def is_blank(self) -> bool:
        """Whether nothing was ever written at its beginning."""
        return self._memory[: self.block_size] == _ERASED * self.block_size

    def written(self) -> bytes:
        """Its blocks up to the last one that is not blank."""
        end = len(self._memory[:].rstrip(_ERASED))
        return self._memory[: -(-end // self.block_size) * self.block_size]

    def fill(self, content: bytes) -> None:
        """Have it begin with `content`, as it comes from a factory: no operation is counted."""
        self._memory[: len(content)] = content

    def close(self) -> None:
        """Unmap the file."""
        self._memory.close()

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes. Raises ValueError past the end."""
        self._check(offset, length)
        return self._memory[offset : offset + length]

    def program(self, offset: int, data: ReadableBuffer) -> None:
        """Clear the bits that are 0 in `data`.

        Raises ValueError past the end or off the program size, and PowerLost.
        """
        length = len(data)
        self._check(offset, length)
        if not length or offset % self.program_size or length % self.program_size:
            raise ValueError(
                f"{length} bytes at {offset:#x} are not whole units of {self.program_size}"
            )
        before = self.read(offset, length)
        bits = int.from_bytes(before, "big") & int.from_bytes(data, "big")
        after = bits.to_bytes(length, "big")
        how = self._begin()
        self.programs += 1
        if after != data:
            self.faults.append(offset)
        self._finish(how, offset, before, after, _TORN_PROGRAM)

    def erase(self, block: int) -> None:
        """Set every bit of a block. Raises ValueError past the end, and PowerLost."""
        offset = block * self.block_size
        before = self.read(offset, self.block_size)
        how = self._begin()
        self.wear[block] += 1
        self._finish(how, offset, before, _ERASED * self.block_size, _TORN_ERASE)

    def _check(self, offset: int, length: int) -> None:
        if not 0 <= offset <= offset + length <= self.size:
            raise ValueError(f"{length} bytes at {offset:#x} are not in a flash of {self.size}")

    def _begin(self) -> How | None:
        how = self._gate.operation()
        if how == "none":
            raise PowerLost(self._gate.ops)
        return how

    def _finish(
        self, how: How | None, offset: int, before: bytes, after: bytes, blur: int
    ) -> None:
        if how == "torn":
            after = _torn(before, after, self._gate.ops, blur)
        self._memory[offset : offset + len(after)] = after
        if how:
            raise PowerLost(self._gate.ops)


def _make_blank(path: Path, size: int) -> None:
    """Create a blank flash in one step, so that none is left half made."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(_ERASED * size)
    os.replace(new, path)


def _torn(before: bytes, after: bytes, op: int, blur: int) -> bytes:
    """Return a start of `after`, `blur` bytes with some bits of each, and the rest of `before`.

    The length of the start depends on the operation's number alone, so that a run can be repeated.
    """
    start = zlib.crc32(op.to_bytes(8, "big")) % (len(before) - blur + 1)
    end = start + blur
    middle = bytes(
        old & 0x55 | new & 0xAA
        for old, new in zip(before[start:end], after[start:end], strict=True)
    )
    return after[:start] + middle + before[end:]
