"""`keyfob devices`: what is behind each port, and no port that can hang it."""

import json
import os
import signal
import sys
import threading
import time

import pytest
import serial
from quickness import quickest
from virtual_port import VirtualPort, needs_vm

from keyfob_host import __version__, cli
from keyfob_host.board.ports import Port

pty = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on this platform")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def devices(capsys):
    def run(*words):
        code = cli.main(["devices", *map(str, words)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@needs_vm
def test_a_board_says_what_it_is_and_goes_on(devices, tmp_path):
    port = VirtualPort(tmp_path)
    try:
        port.wait_for("user_code")
        code, out, err = devices("--port", port.path, "--json", "--timeout", 60)
        assert (code, err) == (0, "")
        told = json.loads(out)
        assert (told["state"], told["chip"], told["board"]) == (
            "micropython",
            "esp32",
            "esp32-ssd1306",
        )
        assert (told["keyfob"], told["linked"]) == (__version__, False)
        assert told["micropython"].startswith("1.")
        port.wait_for("user_code", 2)
        _, out, _ = devices("--port", port.path, "--timeout", 60)
        assert "esp32-ssd1306" in out
        assert out.rstrip().endswith("no")
        assert "\x1b" not in out
    finally:
        port.stop()


@pty
@pytest.mark.parametrize("chatty", [False, True])
def test_a_dead_and_a_chatty_port_take_no_longer_than_the_deadline(devices, chatty):
    ours, theirs = os.openpty()
    done = threading.Event()

    def chat():
        os.set_blocking(ours, False)
        while not done.is_set():
            try:
                os.write(ours, b"rst:0x10 boot:0x13 waiting\r\n" * 4)
            except OSError:
                time.sleep(0.001)

    thread = threading.Thread(target=chat)
    if chatty:
        thread.start()
    begun = time.monotonic()
    try:
        code, out, _ = devices("--port", os.ttyname(theirs), "--json", "--timeout", 1)
    finally:
        took = time.monotonic() - begun
        done.set()
        if chatty:
            thread.join()
        os.close(ours)
        os.close(theirs)
    assert code == 0
    assert json.loads(out)["state"] == "silent"
    assert took < 3


@pty
def test_ctrl_c_does_not_wait_for_a_dead_port(devices):
    ours, theirs = os.openpty()
    try:
        main = threading.main_thread().ident

        def attempt():
            threading.Timer(0.3, signal.pthread_kill, [main, signal.SIGINT]).start()
            return lambda: ended.append(devices("--port", os.ttyname(theirs), "--timeout", 30))

        ended = []
        assert quickest(1.3, attempt) < 1.3
        assert set(ended) == {(130, "", "")}
    finally:
        os.close(ours)
        os.close(theirs)


@pty
def test_a_port_that_cannot_be_opened_is_told(devices):
    ours, theirs = os.openpty()
    path = os.ttyname(theirs)
    try:
        with serial.Serial(path, exclusive=True):
            code, out, _ = devices("--port", path, "--json")
    finally:
        os.close(ours)
        os.close(theirs)
    assert code == 0
    assert json.loads(out)["state"] == "cannot be opened"


def test_ports_are_only_listed_when_asked_so(devices, monkeypatch):
    ports = [
        Port("/dev/ttyACM0", "Espressif USB Serial/JTAG", 0, "40:4C", 0x303A, 0x1001),
        Port("/dev/ttyS0", "ttyS0", 2),
    ]
    monkeypatch.setattr("keyfob_host.board.ports.candidates", lambda: ports)
    code, out, err = devices("--no-probe", "--json")
    assert (code, err) == (0, "")
    assert [json.loads(line) for line in out.splitlines()] == [
        {
            "port": "/dev/ttyACM0",
            "kind": "Espressif USB Serial/JTAG",
            "serial_number": "40:4C",
            "vid": 0x303A,
            "pid": 0x1001,
        }
    ]
    assert "Espressif USB Serial/JTAG" in devices("--no-probe")[1]


def test_without_a_board_it_says_so(devices, monkeypatch):
    monkeypatch.setattr("keyfob_host.board.ports.candidates", list)
    assert devices() == (0, "no board is connected; it takes a USB cable that carries data\n", "")
    assert devices("--json") == (0, "", "")
    assert "keyfob devices --no-probe" in devices("--help")[1]
