"""One run of `keyfob sim --json` in this process, and what came out of it."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from keyfob.storage.token_store import TokenStore
from keyfob_sim import cli
from keyfob_sim.hardware.filesystem import FileSystem, open_littlefs
from keyfob_sim.hardware.flash import Flash
from keyfob_sim.hardware.power import PowerGate

Event = dict[str, Any]

# Faults of a scenario: somebody holds the button of a linked board, and answers with a press.
UNLINK_BY_BUTTON = """
[[fault]]
on = "linked"
after = 5
do = "press"
for = 2

[[fault]]
on = "linked"
after = 10
do = "press"
"""

RUNTIMES = ("cpython", "micropython")


@dataclass
class BoardRun:
    """How a run ended, its events in order, and all it printed."""

    exit_code: int
    stdout: str
    stderr: str
    events: list[Event]

    @property
    def names(self) -> list[str]:
        """The events' names in order, those of the screen and the window left out."""
        names = [event["event"] for event in self.events]
        return [name for name in names if name not in ("screen", "window")]

    def of(self, name: str) -> list[Event]:
        return [event for event in self.events if event["event"] == name]

    def only(self, name: str) -> Event:
        """The one event of that name."""
        found = self.of(name)
        assert len(found) == 1, f"{len(found)} {name} events\n{self}"
        return found[0]

    @property
    def complaint(self) -> list[str]:
        """What stderr says: `keyfob: what happened`, `try: what to do`, each without its label."""
        happened, hint = self.stderr.splitlines()
        assert happened.startswith("keyfob: "), self.stderr
        assert hint.startswith("try: "), self.stderr
        return [happened.removeprefix("keyfob: "), hint.removeprefix("try: ")]


def run_board(capsys: pytest.CaptureFixture[str], *arguments: object) -> BoardRun:
    """Run it to its end."""
    code = cli.main(["sim", "--json", "--timeout", "30", *map(str, arguments)])
    out, err = capsys.readouterr()
    return BoardRun(code, out, err, [json.loads(line) for line in out.splitlines()])


@contextlib.contextmanager
def board_files(state_dir: Path) -> Iterator[FileSystem]:
    """The file system on the flash of a board whose state is in `state_dir`."""
    image = state_dir / "flash" / "flash.img"
    flash = Flash(image, image.stat().st_size, PowerGate())
    try:
        with open_littlefs(flash) as files:
            yield files
    finally:
        flash.close()


def stored_record(state_dir: Path) -> dict[str, Any]:
    """The link in a board's flash, as its store keeps it."""
    with board_files(state_dir) as files:
        found: dict[str, Any] | None = TokenStore(_Slots(files)).load()
    assert found is not None
    return found


def stored_tokens(state_dir: Path) -> dict[str, Any]:
    """The tokens in a board's flash."""
    found: dict[str, Any] = stored_record(state_dir)["tokens"]
    return found


class _Slots:
    """The slots of the link `account` on a board, to be read."""

    hint = None

    def __init__(self, files: FileSystem):
        self._files = files

    def pieces(self, place: int) -> Iterator[bytes]:
        path = f"/link-account.{place}"
        with contextlib.suppress(FileNotFoundError), self._files.open(path, "rb") as file:
            yield bytes(file.read())
