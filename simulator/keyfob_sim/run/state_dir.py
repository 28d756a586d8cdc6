"""What one run keeps for the next: `--state-dir`, or a temporary folder.

DIR/keyfob-sim.json   that keyfob made this folder, for which board, and the times
DIR/flash/            the board's flash and NVS
DIR/server/           the embedded server's port, keys, grants and CA
"""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keyfob_host.errors import CliError, UsageError

if sys.platform != "win32":
    import fcntl

_LOCK = "lock"
_MARKER = "keyfob-sim.json"
_FORMAT = 2


@dataclass
class State:
    """The folder of one virtual board. `t` and `virtual_time` are in seconds."""

    directory: Path
    board: str
    t: float = 0.0
    virtual_time: float | None = None

    @property
    def flash(self) -> Path:
        """The folder of the board's flash."""
        return self.directory / "flash"

    @property
    def server(self) -> Path:
        """The embedded server's own files."""
        return self.directory / "server"

    def save(self, t: float, virtual_time: float | None) -> None:
        """Note how far the board's time has come. Raises CliError."""
        self.t = t
        if virtual_time is not None:
            self.virtual_time = virtual_time
        marker = {
            "format": _FORMAT,
            "board": self.board,
            "t": round(self.t, 3),
            "virtual_time": self.virtual_time,
        }
        path = self.directory / _MARKER
        try:
            path.with_suffix(".new").write_text(json.dumps(marker) + "\n", encoding="utf-8")
            os.replace(path.with_suffix(".new"), path)
        except OSError as error:
            raise CliError(
                f"{path} cannot be written: {error.strerror}", "free some space"
            ) from None


@contextlib.contextmanager
def opened(directory: Path | None, board: str) -> Iterator[State]:
    """Yield the state in `directory`, made if need be; without one, a temporary one.

    Raises UsageError for a folder that is not ours, which is left untouched.
    """
    if directory is None:
        with tempfile.TemporaryDirectory(prefix="keyfob-sim-") as temporary:
            yield _prepare(Path(temporary), board, {})
        return
    marker = _read_marker(directory)
    if marker.get("board", board) != board:
        raise UsageError(
            f"{directory} holds the state of the board {marker['board']!r}",
            f"--board {marker['board']}, or another --state-dir",
        )
    state = _prepare(directory, board, marker)
    with _locked(directory):
        yield state


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Keep other runs out while this one writes; the lock ends with its process."""
    with (directory / _LOCK).open("w") as lock:
        try:
            if sys.platform != "win32":
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                f"another run is using {directory}", "another --state-dir, or wait for it to end"
            ) from None
        yield


def _prepare(directory: Path, board: str, marker: dict[str, Any]) -> State:
    state = State(directory, board, marker.get("t", 0.0), marker.get("virtual_time"))
    try:
        for folder in (directory, state.flash, state.server):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{directory} cannot be made: {error.strerror}", "another --state-dir"
        ) from None
    state.save(state.t, None)
    return state


def _read_marker(directory: Path) -> dict[str, Any]:
    if not directory.exists():
        return {}
    foreign = UsageError(
        f"{directory} is not empty, and keyfob did not make it",
        "an empty or a new folder for --state-dir",
    )
    try:
        if not any(directory.iterdir()):
            return {}
        marker = json.loads((directory / _MARKER).read_text(encoding="utf-8"))
    except NotADirectoryError:
        raise UsageError(f"{directory} is not a folder", "a folder for --state-dir") from None
    except PermissionError:
        raise UsageError(f"{directory} cannot be read", "another --state-dir") from None
    except (OSError, ValueError):
        raise foreign from None
    if not isinstance(marker, dict):
        raise foreign
    if marker.get("format") == _FORMAT - 1:
        raise UsageError(
            f"{directory} is of an older keyfob, whose boards kept their files differently",
            "remove it, or another --state-dir",
        )
    if marker.get("format") != _FORMAT:
        raise foreign
    return marker
