"""One run of `keyfob sim --json` in this process, and what came out of it."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from keyfob_host import cli

Event = dict[str, Any]


@dataclass
class BoardRun:
    """How a run ended, its events in order, and all it printed."""

    exit_code: int
    stdout: str
    stderr: str
    events: list[Event]

    @property
    def names(self) -> list[str]:
        """The events' names in order, those of the screen left out."""
        return [event["event"] for event in self.events if event["event"] != "screen"]

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
