"""Flash that is full, takes no writes or is not there: the serial port and the screen say so,
and the board goes on linked in memory."""

import errno
import os
import shutil
import sys
from types import ModuleType

import pytest
from board_run import RUNTIMES, board_files, run_board, stored_tokens
from littlefs.errors import LittleFSError
from PIL import Image
from screen_reader import lines_of, page_of

from keyfob_sim import cli
from keyfob_sim.cpython.shims import _Files
from keyfob_sim.hardware.nvs import Nvs, NvsError
from keyfob_sim.hardware.power import PowerGate

AUTO = ("--clock", "virtual", "--approve", "auto", "--until", "refreshed:2")
PANEL = ("--board", "esp32-ssd1306", "--screens")  # and a folder

# A main.py that prepares the board's storage, and keeps its link where `home` says.
MAIN = """
from keyfob import app
{prepare}
class Kept(app.AccountLink):
    @classmethod
    def from_config(cls, **named):
        return super().from_config(home="{home}", **named)

app.AccountLink = Kept
app.run()
"""

FULL_NVS = """
from esp32 import NVS
nvs = NVS("others")
number = 0
try:
    while True:
        nvs.set_blob("blob%d" % number, bytes(1024))
        nvs.commit()
        number += 1
except OSError:
    pass
"""

NO_NVS = """
import esp32

def no_partition(namespace):
    raise OSError(-0x110F, "ESP_ERR_NVS_PART_NOT_FOUND")

esp32.NVS = no_partition
"""

READ_ONLY = """
import os, vfs
device = vfs.mount()[0][0]
vfs.umount("/")
vfs.mount(device, "/", readonly=True)
"""


@pytest.fixture
def esp32(monkeypatch, tmp_path):
    """What the board on CPython lacks: `esp32.NVS`, on the model that the real VM's has."""
    nvs = Nvs(tmp_path / "nvs.json", PowerGate())

    class Namespace:
        def __init__(self, name):
            self._name = name
            nvs.open(name)

        def __getattr__(self, method):
            def call(*arguments):
                try:
                    return getattr(nvs, method)(self._name, *arguments)
                except NvsError as error:
                    raise OSError(error.number, error.name) from None

            return call

        def get_blob(self, key, buffer):
            found = self.__getattr__("get_blob")(key, len(buffer))
            buffer[: len(found)] = found
            return len(found)

    module = ModuleType("esp32")
    module.NVS = Namespace
    monkeypatch.setitem(sys.modules, "esp32", module)


@pytest.fixture
def read_only(monkeypatch):
    """The board on CPython has a file system that is only read."""
    real = _Files.open

    def refuse(*_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def read(files, path, mode="r", **named):
        return refuse() if "w" in mode else real(files, path, mode, **named)

    monkeypatch.setattr(_Files, "open", read)
    monkeypatch.setattr(_Files, "remove", refuse)


def fill(state):
    """Leave no room on a board's flash, and no link."""
    with board_files(state) as files:
        for name in files.listdir("/"):
            if name.startswith("link-"):
                files.remove(f"/{name}")
        number = 0
        for size in (1 << 16, 4096, 512):  # few files, since the board looks through all of them
            try:
                while True:
                    with files.open(f"/ballast{number}", "wb") as file:
                        file.write(bytes(size))
                    number += 1
            except (LittleFSError, OSError):
                pass


def make_room(state):
    """Undo what `fill` did."""
    with board_files(state) as files:
        for name in files.listdir("/"):
            if name.startswith("ballast"):
                files.remove(f"/{name}")


def went_on_in_memory(run, why, words):
    """See that both were told, once a change, and that the link held all the same."""
    assert run.exit_code == 0, run
    errors = run.of("error")
    assert {(error["kind"], error["fatal"]) for error in errors} == {("storage", False)}, run
    assert f"the link cannot be stored: {why}" in [error["message"] for error in errors]
    assert len(run.of("user_code")) == 1, run
    assert run.only("linked")["stored"] is False
    assert [event["unsaved"] for event in run.of("refreshed")] == [why] * 2
    linked, idle = (
        next(event["png"] for event in reversed(run.of("screen")) if event["name"] == name)
        for name in ("linked", "idle")
    )
    screens = [" ".join(lines_of(page_of(Image.open(png)))) for png in (linked, idle)]
    assert all("Ana" in screen and f"Not saved: {words}" in screen for screen in screens), screens


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_full_flash(capsys, tmp_path, runtime):
    state = tmp_path / "state"
    options = (*AUTO, "--runtime", runtime, "--state-dir", state, *PANEL, tmp_path)
    assert run_board(capsys, *options).exit_code == 0
    fill(state)
    went_on_in_memory(run_board(capsys, *options), "the flash is full", "flash is full")
    make_room(state)
    run = run_board(capsys, *options)
    assert run.of("error") == []
    assert [event["unsaved"] for event in run.of("refreshed")] == [None] * 2


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_bad_slot_costs_no_new_link(capsys, tmp_path, runtime):
    options = (*AUTO[:-1], "linked", "--runtime", runtime, "--state-dir")
    linked = tmp_path / "linked"
    assert run_board(capsys, *options, linked).exit_code == 0
    for slot in ("/link-account.0", "/link-account.1"):
        state = tmp_path / slot[-1]
        shutil.copytree(linked, state)
        with board_files(state) as files, files.open(slot, "wb") as file:
            file.write(b"worn out")
        run = run_board(capsys, *options, state)
        assert run.only("linked")["stored"] is True
        assert run.of("user_code") == run.of("error") == []


# A program that makes room on a full flash a minute after its board was linked.
ROOMY = b"""
import asyncio, os
from keyfob.app import App, run

class Roomy(App):
    async def idle(self):
        await asyncio.sleep(60)
        for name in os.listdir("/"):
            if name.startswith("ballast"):
                os.remove("/" + name)
        await asyncio.sleep(10_000_000)

run(Roomy)
"""

# Half an hour later the power goes.
CUT = """
[[fault]]
on = "linked"
after = 1801
do = "power_cut"
"""


def test_what_a_full_flash_could_not_take_is_saved_once_there_is_room(capsys, tmp_path, main):
    state = tmp_path / "state"
    scenario = tmp_path / "cut.toml"
    scenario.write_text(CUT)
    options = ("--clock", "virtual", "--approve", "auto", "--until", "refreshed")
    options = (*options, "--state-dir", state, *PANEL, tmp_path)
    main(ROOMY)
    assert run_board(capsys, *options).exit_code == 0
    fill(state)
    run = run_board(capsys, *options, "--faults", scenario)
    assert run.exit_code == 0, run
    first, second = run.of("linked")
    assert (first["stored"], first["unsaved"]) == (False, "the flash is full")
    assert 60 <= run.only("saved")["t"] - first["t"] <= 121
    assert (second["stored"], second["unsaved"]) == (True, None)
    assert [event["cause"] for event in run.of("boot")] == ["power_on"] * 2
    assert len(run.of("user_code")) == 1, "no new code after the cut"
    screens = [event for event in run.of("screen") if event["t"] < run.only("power_cut")["t"]]
    texts = [" ".join(lines_of(page_of(Image.open(event["png"])))) for event in screens]
    assert any("Not saved" in text for text in texts), texts
    assert "Not saved" not in texts[-1], texts
    assert [event["kind"] for event in run.of("error")] == ["storage"] * 2, "each reason once"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_full_flash_is_told_at_the_console(capsys, tmp_path, runtime):
    state = tmp_path / "state"
    options = (*AUTO, "--runtime", runtime, "--state-dir", state)
    assert run_board(capsys, *options).exit_code == 0
    fill(state)
    assert cli.main(["sim", "--timeout", "30", *map(str, options)]) == 0
    out = capsys.readouterr().out
    linked = out.index("│ Linked")
    assert "Not saved: flash is full" in out[linked:].splitlines()[2]
    assert "the link cannot be stored: the flash is full" in out


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    ("prepare", "home", "why", "words"),
    [
        (READ_ONLY, "files", "the flash is read-only", "flash is read-only"),
        (FULL_NVS, "nvs", "NVS is full", "NVS is full"),
        (NO_NVS, "nvs", "there is no NVS", "there is no NVS"),
    ],
    ids=["read-only", "NVS full", "no NVS"],
)
def test_storage_that_takes_no_writes(
    capsys, tmp_path, main, request, runtime, prepare, home, why, words
):
    if runtime == "cpython":
        request.getfixturevalue("esp32" if home == "nvs" else "read_only")
        prepare = prepare if home == "nvs" else ""
    main(MAIN.format(prepare=prepare, home=home).encode())
    run = run_board(capsys, *AUTO, "--runtime", runtime, *PANEL, tmp_path)
    went_on_in_memory(run, why, words)


def test_a_board_without_nvs_keeps_its_link_in_files(capsys, tmp_path, main):
    main(MAIN.format(prepare="", home="nvs").encode())
    state = tmp_path / "state"
    run = run_board(capsys, *AUTO, "--runtime", "cpython", "--state-dir", state)
    assert run.exit_code == 0
    assert stored_tokens(state)["refresh_token"]
    assert run.only("linked")["unsaved"] is None
