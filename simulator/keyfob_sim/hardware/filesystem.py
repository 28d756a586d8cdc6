"""The littlefs on a board's flash, as MicroPython lays it out, for the host to read and write.

The C binding of littlefs loses what a callback raises, and an error code at the wrong moment
makes it free a file twice. So after a loss of power littlefs goes on, on a copy of the flash
that is thrown away, and FileSystem raises PowerLost when it is closed.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Any

from littlefs import LFSConfig, LittleFS, LittleFSError, UserContext

from keyfob_sim.hardware.flash import Flash
from keyfob_sim.hardware.power import PowerLost

_DISK_VERSION = 0x0002_0001


class FlashContext(UserContext):
    """The callbacks through which littlefs reaches a flash. `lost` is set once power is lost."""

    def __init__(self, flash: Flash):
        """Serve all of `flash`."""
        self.lost: PowerLost | None = None
        self._flash = flash
        self._copy = bytearray()

    def read(self, cfg: LFSConfig, block: int, off: int, size: int) -> bytearray:
        """Return `size` bytes of a block."""
        start = block * self._flash.block_size + off
        if self.lost:
            return self._copy[start : start + size]
        return bytearray(self._flash.read(start, size))

    def prog(self, cfg: LFSConfig, block: int, off: int, data: bytes) -> int:
        """Program part of a block; return 0."""
        start = block * self._flash.block_size + off
        return self._write(start, data, self._flash.program, start, data)

    def erase(self, cfg: LFSConfig, block: int) -> int:
        """Erase a block; return 0."""
        size = self._flash.block_size
        return self._write(block * size, b"\xff" * size, self._flash.erase, block)

    def sync(self, cfg: LFSConfig) -> int:
        """Return 0: nothing waits, every operation is on the flash when it returns."""
        return 0

    def _write(
        self, start: int, result: bytes, operation: Callable[..., None], *arguments: Any
    ) -> int:
        if not self.lost:
            try:
                operation(*arguments)
                return 0
            except PowerLost as lost:
                self.lost = lost
                self._copy[:] = self._flash.read(0, self._flash.size)
        self._copy[start : start + len(result)] = result
        return 0


class FileSystem(LittleFS):
    """A littlefs to use in a `with` block, which unmounts it. Close its files before the end.

    The end raises PowerLost if power was lost in the block; nothing after that is on the flash.
    """

    def __init__(self, flash: Flash):
        """Lay it out over the whole of `flash`, which nothing reads before `mount()`."""
        self._power = FlashContext(flash)
        super().__init__(
            self._power,
            mount=False,
            block_size=flash.block_size,
            block_count=flash.block_count,
            read_size=flash.program_size,
            prog_size=flash.program_size,
            cache_size=4 * flash.program_size,
            lookahead_size=32,
            block_cycles=100,
            disk_version=_DISK_VERSION,
        )

    def __enter__(self) -> "FileSystem":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.unmount()
        if error is None or isinstance(error, (LittleFSError, OSError)):
            self.raise_if_lost()

    def raise_if_lost(self) -> None:
        """Raise PowerLost if the power has gone."""
        if self._power.lost:
            raise self._power.lost from None


def open_littlefs(flash: Flash, *, fmt: bool = False) -> FileSystem:
    """Mount the littlefs of a flash, formatted first if `fmt`.

    Raises LittleFSError where there is none, and PowerLost.
    """
    fs = FileSystem(flash)
    if fmt:
        fs.format()
    fs.mount()
    fs.raise_if_lost()
    return fs
