"""Flash that is full or takes no writes: it is said, and the board goes on linked in memory."""

import pytest
from board_run import RUNTIMES, board_files, run_board, stored_tokens
from littlefs.errors import LittleFSError

AUTO = ("--clock", "virtual", "--approve", "auto", "--until", "refreshed:2")

# A main.py that prepares the board's storage, and keeps its link where `home` says.
MAIN = """
from keyfob.compat import tidy_heap
tidy_heap()
from keyfob import AccountLink
from keyfob.app import App, print_event, run
{prepare}
class Kept(App):
    async def run(self):
        async with AccountLink.from_config(notify=print_event, home="{home}") as link:
            await link.ensure_linked()
            await link.refresh()
            await link.refresh()

run(Kept)
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

READ_ONLY = """
import os, vfs
device = vfs.mount()[0][0]
vfs.umount("/")
vfs.mount(device, "/", readonly=True)
"""


def fill(state):
    """Leave no room on a board's flash, and no link."""
    with board_files(state) as files:
        for name in files.listdir("/"):
            if name.startswith("link-"):
                files.remove(f"/{name}")
        number = 0
        for size in (4096, 512):
            try:
                while True:
                    with files.open(f"/ballast{number}", "wb") as file:
                        file.write(bytes(size))
                    number += 1
            except (LittleFSError, OSError):
                pass


def went_on_in_memory(run, why):
    """See that it was said once a change, and that the link held all the same."""
    assert run.exit_code == 0, run
    errors = run.of("error")
    assert errors, run
    assert {(error["kind"], error["fatal"]) for error in errors} == {("storage", False)}, errors
    assert {error["message"] for error in errors} == {f"the link cannot be stored: {why}"}
    assert len(run.of("user_code")) == 1, run
    assert run.only("linked")["stored"] is False
    assert len(run.of("refreshed")) == 2


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_full_flash(capsys, tmp_path, runtime):
    state = tmp_path / "state"
    options = (*AUTO, "--runtime", runtime, "--state-dir", state)
    assert run_board(capsys, *options).exit_code == 0
    fill(state)
    went_on_in_memory(run_board(capsys, *options), "the flash is full")


@pytest.mark.parametrize(
    ("prepare", "home", "why"),
    [
        (READ_ONLY, "files", "the flash is read-only"),
        (FULL_NVS, "nvs", "ESP_ERR_NVS_NOT_ENOUGH_SPACE"),
    ],
)
def test_storage_that_takes_no_writes(capsys, main, prepare, home, why):
    main(MAIN.format(prepare=prepare, home=home).encode())
    went_on_in_memory(run_board(capsys, *AUTO, "--runtime", "micropython"), why)


def test_a_board_without_nvs_keeps_its_link_in_files(capsys, tmp_path, main):
    main(MAIN.format(prepare="", home="nvs").encode())
    state = tmp_path / "state"
    run = run_board(capsys, *AUTO, "--runtime", "cpython", "--state-dir", state)
    assert run.exit_code == 0
    assert stored_tokens(state)["refresh_token"]
