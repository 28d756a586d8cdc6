"""The way to a board's prompt: it ends in time, lets the port go and shows no secret."""

import contextlib
import os
import pty
import subprocess
import sys
import termios
import threading
import tty
from pathlib import Path

import pytest
import serial
from board_verbs import speaking
from virtual_port import VirtualPort, needs_vm

from keyfob_host.board import repl
from keyfob_host.board.ports import Port
from keyfob_host.board.repl import Board
from keyfob_host.errors import CliError

pytestmark = needs_vm

PASSWORD = "never-shown-7"


class TickingTime:
    """A clock of its own: each look at it takes 1 ms, however busy the machine is."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 0.001
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_board_that_never_stops_talking_does_not_hold_a_verb_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = TickingTime()
    monkeypatch.setattr(repl, "time", clock)
    ours, theirs = pty.openpty()
    tty.setraw(theirs)  # else it echoes what it says, and nobody reads that
    is_over = threading.Event()

    def flood() -> None:
        while not is_over.is_set():
            os.write(ours, b"tick ")

    thread = threading.Thread(target=flood, daemon=True)
    thread.start()
    try:
        with (
            pytest.raises(CliError, match="was not done within 1 s"),
            Board.connected(Port(os.ttyname(theirs), "pty", 2), 1.0),
        ):
            pass
        assert clock.now < 1.1
    finally:
        is_over.set()
        termios.tcflush(theirs, termios.TCIFLUSH)  # a write that waits for room has it
        thread.join(5)
        os.close(ours)
        os.close(theirs)


def test_a_board_that_takes_nothing_is_late_and_not_without_a_prompt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(repl, "_WRITE", 0.05)
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    os.set_blocking(theirs, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(theirs, b".")
    try:
        with (
            pytest.raises(CliError, match=r"was not done within 0\.04 s"),
            Board.connected(Port(os.ttyname(theirs), "pty", 2), 0.04),
        ):
            pass
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_port_is_free_after_a_failure() -> None:
    with speaking(lambda heard: b"no prompt\r\n") as path:
        with pytest.raises(CliError), Board.connected(Port(str(path), "pty", 2), 1.0):
            pass
        with serial.Serial(str(path), exclusive=True):
            pass


def test_a_file_takes_another_s_place_as_a_whole(tmp_path: Path) -> None:
    port = VirtualPort(tmp_path)
    try:
        content = bytes(range(256)) * 17
        with Board.connected(Port(str(port.path), "pty", 2), 30.0) as board:
            assert board.read("/there") is None
            board.put("/there", b"old")
            board.put("/there", content)
            assert board.read("/there") == content
            assert "there.new" not in board.run("import os; print(os.listdir('/'))")
            with pytest.raises(CliError, match="the board says: ValueError: no such thing"):
                board.run("raise ValueError('no such thing')")
    finally:
        port.stop()


def test_a_password_that_is_typed_is_not_shown(tmp_path: Path) -> None:
    port = VirtualPort(tmp_path)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "keyfob_host.cli", "configure", "--port", str(port.path)]
    environ = {name: value for name, value in os.environ.items() if "KEYFOB" not in name}
    process = subprocess.Popen(
        [*command, "--wifi-ssid", "mine"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environ,
        start_new_session=True,
    )
    try:
        seen = b""
        while b"the Wi-Fi password of mine" not in seen:
            seen += os.read(ours, 4096)
        os.write(ours, PASSWORD.encode() + b"\n")
        while b"Next:" not in seen:
            seen += os.read(ours, 4096)
        assert process.wait(20) == 0
        assert PASSWORD.encode() not in seen
        assert PASSWORD in port.read("/keyfob.json")
    finally:
        process.kill()
        port.stop()
        os.close(ours)
        os.close(theirs)


QUESTIONS = """
from keyfob_host.errors import CliError
from keyfob_host.verbs.dialogue import Dialogue, secret
agreed = Dialogue(as_json=False).agrees("Erase it?")
try:
    password = secret("KEYFOB_NOT_SET", "the password", None, asks=True)
except CliError as error:
    password = error.hint
print(f"{agreed} <{password}>")
"""


@pytest.mark.parametrize(
    ("typed", "password"), [(b"\n", b""), (b"\x04", b"set KEYFOB_NOT_SET in the environment")]
)
def test_a_question_that_is_answered_by_nothing_means_no(typed: bytes, password: bytes) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", QUESTIONS]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        seen = b""
        for question in (b"Erase it?", b"the password:"):
            while question not in seen:
                seen += os.read(ours, 4096)
            os.write(ours, typed)
        while b">" not in seen:
            seen += os.read(ours, 4096)
        assert b"False <%s>" % password in seen
        assert process.wait(20) == 0
    finally:
        process.kill()
        os.close(ours)
