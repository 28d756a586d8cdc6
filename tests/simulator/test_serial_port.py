"""`keyfob sim --serial`: to mpremote and pyserial the virtual board is a board."""

import hashlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import serial
from virtual_port import PATIENCE, SCRIPTS, VirtualPort, needs_vm

BINARY = bytes(range(256)) * 40  # control characters and line ends, and more than a pty holds

pytestmark = needs_vm


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualPort]:
    port = VirtualPort(tmp_path_factory.mktemp("serial"))
    yield port
    assert port.stop() == 143
    assert not os.path.lexists(port.path)


def test_it_breaks_into_a_looping_main_and_runs_code(port: VirtualPort) -> None:
    assert port.mpremote("exec", "print(6 * 7)") == "42\n"
    assert port.mpremote("eval", "2 ** 10") == "1024\n"
    loop = "while True:\n    try:\n        pass\n    except ValueError:\n        pass\n"
    try:
        port.mpremote("exec", f"open('/boot.py', 'w').write({loop!r})")
        assert port.mpremote("exec", "print('in')") == "in\n"
    finally:
        port.mpremote("exec", "import os; os.remove('/boot.py')")


def test_it_runs_a_script(port: VirtualPort, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import sys\nprint(sys.implementation.name)\n")
    assert port.mpremote("run", str(tmp_path / "script.py")) == "micropython\n"


def test_files_come_and_go(port: VirtualPort, tmp_path: Path) -> None:
    (tmp_path / "there" / "sub").mkdir(parents=True)
    (tmp_path / "there" / "a.txt").write_text("hello\n")
    (tmp_path / "there" / "sub" / "b.bin").write_bytes(BINARY)
    port.mpremote("fs", "cp", "-r", str(tmp_path / "there"), ":")
    assert port.mpremote("fs", "cat", ":there/a.txt") == "hello\n"
    assert {"main.py", "board.json", "keyfob.json", "lib/", "there/"} <= set(
        port.mpremote("fs", "ls").split()
    )
    assert "b.bin" in port.mpremote("fs", "tree")
    digest = hashlib.sha256(BINARY).hexdigest()
    assert digest in port.mpremote("fs", "sha256sum", ":there/sub/b.bin")
    port.mpremote("fs", "cp", ":there/sub/b.bin", str(tmp_path / "back.bin"))
    assert (tmp_path / "back.bin").read_bytes() == BINARY
    port.mpremote("fs", "rm", "-r", ":there")
    assert "there/" not in port.mpremote("fs", "ls")


def test_the_firmware_on_it_is_compiled(port: VirtualPort) -> None:
    assert "http.mpy" in port.mpremote("fs", "ls", ":lib/keyfob/net")


def test_df_tells_of_the_partition(port: VirtualPort) -> None:
    *_, size, used, available, _, where = port.mpremote("df").split()
    assert (int(size), where) == (2 * 1024 * 1024, "/")
    assert int(used) + int(available) == int(size)


def test_a_folder_of_the_pc_can_be_mounted(port: VirtualPort, tmp_path: Path) -> None:
    (tmp_path / "mounted.py").write_text("print('imported from the PC')\n")
    (tmp_path / "data.bin").write_bytes(BINARY)
    code = "import mounted, hashlib; d = open('data.bin', 'rb').read(); print(len(d), sum(d))"
    said = port.mpremote("mount", str(tmp_path), "exec", code)
    assert "imported from the PC" in said
    assert f"{len(BINARY)} {sum(BINARY)}" in said


def test_resets_and_resume(port: VirtualPort) -> None:
    assert port.mpremote("exec", "x = 5", "resume", "exec", "print(x)") == "5\n"
    before = len(port.boots())
    port.mpremote("soft-reset")
    port.wait_for("boot", before + 1)
    assert port.boots()[before:] == ["soft_reset"]
    assert port.mpremote("resume", "exec", "print('x' in globals())") == "False\n"
    port.mpremote("resume", "reset")
    port.wait_for("boot", before + 2)
    assert port.boots()[before:] == ["soft_reset", "reset"]
    cause = "import machine; print(machine.reset_cause() == machine.HARD_RESET)"
    assert port.mpremote("resume", "exec", cause) == "True\n"


def test_its_clock_can_be_set(port: VirtualPort) -> None:
    port.reset()
    assert port.mpremote("rtc").startswith("(20")
    port.mpremote("rtc", "--set")
    year = int(port.mpremote("rtc").strip("(").split(",")[0])
    assert year == time.localtime().tm_year


def test_mip_installs_from_the_network(port: VirtualPort) -> None:
    files = {"/greet.py": "print('greetings')\n"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = files[self.path].encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        files["/package.json"] = json.dumps({"urls": [["greet.py", f"{base}/greet.py"]]})
        port.mpremote("mip", "install", f"{base}/package.json")
        server.shutdown()
    assert port.mpremote("exec", "import greet") == "greetings\n"


def test_a_chatty_board_loses_nothing_that_is_read(port: VirtualPort) -> None:
    said = port.mpremote("exec", "for i in range(600): print('line', i, '.' * 40)")
    assert said.splitlines() == [f"line {i} {'.' * 40}" for i in range(600)]


def test_pyserial_finds_a_prompt(port: VirtualPort) -> None:
    with serial.Serial(str(port.path), timeout=PATIENCE) as line:
        line.write(b"\r\x03\x02")
        assert b">>> " in line.read_until(b">>> ")
        line.write(b"print('typed', 1 + 1)\r")
        assert b"typed 2\r\n" in line.read_until(b"typed 2\r\n")
        line.write(b"\x04")
        assert b"soft reboot" in line.read_until(b"soft reboot\r\n")
        line.write(b"\x03")  # it runs main.py again, and can be broken into again
        assert b">>> " in line.read_until(b">>> ")


def test_ctrl_c_while_the_board_starts_is_not_its_end(tmp_path: Path) -> None:
    port = VirtualPort(tmp_path)
    try:
        with serial.Serial(str(port.path), timeout=PATIENCE) as line:
            line.write(b"\x03\x03\x03")
            assert b">>> " in line.read_until(b">>> ")
        assert port.boots() == ["power_on"]
    finally:
        port.stop()


def test_a_path_that_is_taken_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tty").write_text("mine")
    done = subprocess.run(
        [SCRIPTS / "keyfob", "sim", "--json", "--serial", tmp_path / "tty"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("keyfob: ")
    assert done.stderr.splitlines()[1] == "try: another path for --serial"
    assert (tmp_path / "tty").read_text() == "mine"


@pytest.mark.parametrize("clock", ["real", "virtual"])
@pytest.mark.parametrize("goal", ["forever", "linked"])
def test_the_time_limit_ends_it(tmp_path: Path, goal: str, clock: str) -> None:
    port = VirtualPort(tmp_path, "--until", goal, "--clock", clock, "--timeout", "0.5")
    assert port.process.wait(PATIENCE) == 1
    port.wait_for("end")
    errors = [event for event in port.events if event["event"] == "error"]
    assert [error["kind"] for error in errors] == ["timeout"]
    assert not os.path.lexists(port.path)


def test_the_time_limit_ends_a_board_whose_program_is_over(tmp_path: Path) -> None:
    port = VirtualPort(tmp_path, "--timeout", "4")
    port.run("import time\nwhile False: pass")
    assert port.process.wait(PATIENCE) == 1


def test_it_breaks_into_a_main_that_never_stops_printing(port: VirtualPort) -> None:
    flood = """
import asyncio
async def m():
    while True:
        print("tick")
        await asyncio.sleep(0)
asyncio.run(m())
"""
    port.run("import os; os.rename('/main.py', '/main.bak')")
    try:
        port.run(f"with open('/main.py', 'w') as f: f.write({flood!r})")
        port.reset()
        assert port.mpremote("exec", "print('in')") == "in\n"
    finally:
        port.run("import os; os.rename('/main.bak', '/main.py')")
