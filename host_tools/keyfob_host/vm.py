"""The MicroPython VM that may be installed on this computer."""

import sys
import sysconfig
from pathlib import Path

# Objects take more room in the VM, whose words have 64 bits: bytes there for bytes on a board, on
# average. `keyfob_sim.hardware.heap_table` has how that was measured.
WIDER = (36, 25)


def executable() -> Path | None:
    """The VM's program beside this Python, if it is installed."""
    suffix = ".exe" if sys.platform == "win32" else ""
    path = Path(sysconfig.get_path("scripts")) / f"micropython{suffix}"
    return path if path.exists() else None


def in_the_vm(size: int) -> int:
    """Bytes of the VM's heap for `size` bytes on a board."""
    return size * WIDER[0] // WIDER[1]
