"""An install that is cut off: whatever the moment, the board runs the old version or the new."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from board_verbs import Verbs
from virtual_port import VirtualPort, needs_vm

from keyfob_host.board import installation, repl
from keyfob_host.board.installation import Firmware
from keyfob_host.firmware.compiler import compile_file
from keyfob_host.resources import firmware_dir

pytestmark = needs_vm

Firmwares = Callable[..., Firmware]

OLD, NEW = "0.1.0", "0.1.1"
IN_USE = "import keyfob; print(keyfob.__version__)"
# Most of what a boot needs.
IMPORTS = "import keyfob.app, keyfob.config\n"


class Pulled(Exception):
    """The cable."""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[VirtualPort]:
    port = VirtualPort(tmp_path)
    yield port
    port.stop()


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Firmwares:
    """A version of keyfob that the board has not got: one file differs, and one is more."""
    folder = tmp_path_factory.mktemp("newer")
    text = (firmware_dir() / "keyfob" / "__init__.py").read_text("utf-8")
    (folder / "__init__.py").write_text(text.replace(OLD, NEW), "utf-8")
    compile_file(folder / "__init__.py", "keyfob/__init__.py", folder / "init.mpy")
    content = (folder / "init.mpy").read_bytes()

    def firmware_for(facts: Mapping[str, Any], *, from_source: bool) -> Firmware:
        files = make(facts, from_source=from_source).files
        return Firmware({**files, "__init__.mpy": content, "extra.mpy": content})

    make = installation.firmware_for
    return firmware_for


def pull_at(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Have the cable pulled before the `count`-th command after the connection."""
    left = count
    run = repl.Board.run

    def counted(self: repl.Board, *arguments: object) -> str:
        nonlocal left
        left -= 1
        if left < 0:
            raise Pulled
        return run(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(repl.Board, "run", counted)
    # Nothing reaches the board any more, the way back to its program neither.
    monkeypatch.setattr(repl, "_release", lambda transport: transport.close())


def give_up_after_a_power_cut(monkeypatch: pytest.MonkeyPatch, port: VirtualPort) -> None:
    """Have nobody wait any longer for a board that has lost what it was doing."""

    def check(self: repl._Transport) -> None:
        if any(event["event"] == "power_cut" for event in port.events):
            raise repl._Late

    monkeypatch.setattr(repl._Transport, "check_deadline", check)


def install(verbs: Verbs) -> bool:
    """Install; whether it came to its end before the cable was pulled."""
    with contextlib.suppress(Pulled):
        from keyfob_host.verbs.install import install as verb

        assert verb(port=str(verbs.port.path), json=True) == 0
        return True
    return False


@pytest.mark.sweep
@pytest.mark.parametrize("before", ["by mip", "by keyfob install"])
def test_a_cable_pulled_at_any_step_leaves_a_version_that_runs(
    port: VirtualPort,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    newer: Firmwares,
    whole: bool,
    before: str,
) -> None:
    verbs = Verbs(port, capsys)
    versions = {}
    is_done = False
    step = 2
    while not is_done:
        if before == "by keyfob install":  # from the start each time
            verbs.json("install", "--yes")
        with monkeypatch.context() as patch:
            patch.setattr(installation, "firmware_for", newer)
            pull_at(patch, step)
            is_done = install(verbs)
        port.reset()
        versions[step] = port.run(IMPORTS + IN_USE).strip()
        step += 1 if whole else 3
    found = list(versions.values())
    switch = found.index(NEW)
    assert switch >= 2
    assert found == [OLD] * switch + [NEW] * (len(found) - switch)
    monkeypatch.setattr(installation, "firmware_for", newer)
    assert verbs.json("install", "--yes")["copied"] == 0
    folders = port.run("import os; print([n for n in os.listdir('/lib') if 'keyfob' in n])")
    assert len(folders.split(",")) == 2  # the version in use and what says so
    boots = len([event for event in port.events if event["event"] == "user_code"])
    verbs.json("status")
    port.wait_for("user_code", boots + 1)  # it asks for a link as ever


FILL = """
import os
room = os.statvfs("/")
with open("/fill", "wb") as file:
    for _ in range(room[3] - 40):
        file.write(bytes(room[0]))
"""


@pytest.mark.sweep
@pytest.mark.parametrize("before", ["by mip", "by keyfob install"])
def test_without_room_for_two_versions_the_old_one_makes_it(
    port: VirtualPort,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    newer: Firmwares,
    whole: bool,
    before: str,
) -> None:
    verbs = Verbs(port, capsys)
    if before == "by keyfob install":
        verbs.json("install", "--yes")
    port.run(FILL)
    monkeypatch.setattr(installation, "firmware_for", newer)
    for step in range(2, 12, 1 if whole else 3):  # each goes on where the last one was cut off
        with monkeypatch.context() as patch:
            pull_at(patch, step)
            if install(verbs):
                break
        port.reset()
    said = verbs.run("install", "--yes")
    assert said[0] == 0, said
    assert port.run(IMPORTS + IN_USE).strip() == NEW
    folders = port.run("import os; print([n for n in os.listdir('/lib') if 'keyfob' in n])")
    assert len(folders.split(",")) == 2
    assert verbs.json("install", "--yes")["copied"] == 0


@pytest.mark.parametrize("operation", [3, 60, 150])
def test_power_that_fails_while_flash_is_written_does_so_too(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    newer: Firmwares,
    operation: int,
) -> None:
    monkeypatch.setattr(installation, "firmware_for", newer)
    port = VirtualPort(tmp_path, "--power-cut", str(operation))
    try:
        verbs = Verbs(port, capsys)
        with monkeypatch.context() as patch:
            give_up_after_a_power_cut(patch, port)
            code, _, err = verbs.run("install", "--json")
        assert code == 1, err
        assert "power_cut" in [event["event"] for event in port.events]
        assert port.run(IMPORTS + IN_USE).strip() in (OLD, NEW)
        verbs.json("install")
        assert port.run(IMPORTS + IN_USE).strip() == NEW
    finally:
        port.stop()
