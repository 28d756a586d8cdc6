"""`keyfob monitor`: a board's serial console made plain."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from virtual_port import PATIENCE, VirtualPort, needs_vm

from keyfob_host.board.repl import Lines
from keyfob_host.board.serial_events import SerialEvents
from keyfob_host.errors import CliError
from keyfob_host.firmware import compiler
from keyfob_host.firmware.module_names import short_modules, with_short_modules
from keyfob_host.firmware.shortening import short_names
from keyfob_host.firmware.traceback_source import source_of
from keyfob_host.report.events import Report
from keyfob_host.report.machine_lines import event_of
from keyfob_host.resources import firmware_dir
from keyfob_host.verbs.dialogue import Dialogue
from keyfob_host.verbs.monitor import _follow, _log, _Printer

CODE = {
    "event": "user_code",
    "user_code": "ABCD-EFGH",
    "verification_uri": "http://127.0.0.1/device",
    "verification_uri_complete": "http://127.0.0.1/device?user_code=ABCD-EFGH",
    "expires_in": 600,
    "interval": 5,
    "resumed": False,
}


class Monitor:
    """A running monitor and what it prints."""

    def __init__(self, path: object, *words: str, **options: object) -> None:
        command = [sys.executable, "-m", "keyfob_host.cli", "monitor", "--port", str(path), *words]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, **(pipes | options))
        self.lines: list[str] = []
        if self.process.stdout is not None:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def wait_for(self, text: str, count: int = 1) -> str:
        deadline = time.monotonic() + PATIENCE
        while len([line for line in self.lines if text in line]) < count:
            assert time.monotonic() < deadline, f"no {text!r} among {self.lines}"
            time.sleep(0.02)
        return next(line for line in self.lines if text in line)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)

    def leave(self, keyboard: int) -> int:
        """Press Ctrl-] at its terminal, once it says that this leaves; its exit code."""
        seen = b""
        while b"leaves" not in seen:
            seen += os.read(keyboard, 4096)
        os.write(keyboard, b"\x1d")
        return self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def on_a_board() -> dict[str, str]:
    """What names of the sources are on a board."""
    files = compiler.packed_files(compiler.texts(firmware_dir()))
    return short_names(with_short_modules(files), compiler.outside()) | short_modules(files)


def line_of(name: str, text: str) -> int:
    lines = (firmware_dir() / name).read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.mark.parametrize("place", ["/lib/keyfob-0123abcd/net/http.py", "/lib/keyfob/net/http.py"])
def test_a_traceback_gets_its_line_of_source(place: str) -> None:
    number = line_of("keyfob/net/http.py", "class HttpClient")
    found = source_of(f'  File "{place}", line {number}, in send')
    assert found == f"firmware/keyfob/net/http.py:{number}: class HttpClient:"


@pytest.mark.parametrize(
    ("place", "name", "shown"),
    [
        ("keyfob.base", "send", "keyfob/net/http.py"),
        ("keyfob", "__getattr__", "keyfob/__init__.py"),
        ("keyfob._approve", "get_approval", "keyfob/link/approve.py"),
        ("short name of keyfob._approve", "get_approval", "keyfob/link/approve.py"),
    ],
)
def test_a_traceback_of_compiled_code_gets_its_function(on_a_board, place, name, shown) -> None:
    text = {"__getattr__": "def __getattr__("}.get(name, f"async def {name}(")
    number = line_of(shown, text)
    if place.startswith("short name of "):
        place = on_a_board[place.rpartition(" ")[2]]
    found = source_of(f'  File "{place}", line 1, in {on_a_board.get(name, name)}')
    assert found is not None
    assert found.startswith(f"firmware/{shown}:{number}: {text}")


@pytest.mark.parametrize(
    "line",
    [
        '  File "mine.py", line 3, in f',
        '  File "../../etc/passwd", line 1, in f',
        '  File "/lib/keyfob/../../../README.md", line 1, in f',
        '  File "/lib/keyfob//etc/passwd", line 1',
        '  File "/lib/keyfob/net/http.py", line ' + "9" * 5000,
        '  File "keyfob.base", line 1, in nobody',
        '  File "keyfob.base", line 1',
        '  File "keyfob.attic", line 1, in send',
        '  File "/lib/keyfob/net/http.py", line 99999, in f',
        "0x400d1234:0x3ffb0000",
    ],
)
def test_what_is_not_ours_gets_none(line: str) -> None:
    assert source_of(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "@{",
        "@{}",
        '@{"event"',
        "text",
        '{"event": "boot"}',
        '@{"event": 5}',
        '@{"event": ["boot"]}',
        '@{"event": "wifi"}',
        '@{"event": "screen"}',
        '@{"event": "error", "message": "of a version that does not say how bad it is"}',
        '@{"event": "user_code", "user_code": "ABCD-EFGH"}',
        '@{"event": ' + "[" * 100_000,
    ],
)
def test_what_only_looks_like_a_machine_line_is_text(line: str) -> None:
    assert event_of(line) is None


def test_nothing_that_a_board_or_a_provider_says_moves_the_cursor(
    capsys: pytest.CaptureFixture[str],
) -> None:
    events = SerialEvents(Report(as_json=False))
    Dialogue(as_json=False).say("linked to \x1b[2JAna\x9b1m")
    account = {"account": "\x1b[2JAna", "scope": "a\x07", "stored": False}
    for line in (
        "@" + json.dumps({"event": "linked"} | account),
        "\x1b[2Ja screen",
        "\x07two",
        '@{"event": "screen", "name": "linked"}',
        "@" + json.dumps(CODE | {"user_code": "\x1b[2J"}),
        '@{"event": "screen", "name": "user_code"}',
    ):
        events.feed(line)
    out = capsys.readouterr().out
    assert "\\x1b[2JAna" in out
    assert "\\x1b[2Ja screen" in out
    assert not set("\x1b\x07\x9b") & set(out)


# The fewest members that each event has, as a board prints them.
LEAST = {
    "api": {"status": 200},
    "clock": {"state": "set"},
    "error": {"kind": "network", "message": "no answer", "hint": None, "fatal": True},
    "linked": {"account": None, "scope": None, "stored": False},
    "poll": {"result": "pending", "error": None, "interval": None},
    "refreshed": {"rotated": True},
    "screen": {"name": "linked"},
    "unlinked": {"revoked": False},
    "user_code": {
        "user_code": "AB",
        "verification_uri": "http://a.example",
        "verification_uri_complete": None,
        "expires_in": 600,
    },
    "wifi": {"state": "joined"},
    "denied": {},
    "expired": {},
    "signed_out": {},
    "of-a-program": {"reading": [1, {"unit": "K"}]},
}


def shown(line: str, *, as_json: bool, capsys: pytest.CaptureFixture[str]) -> str:
    """What `monitor` prints of a line."""
    printer = _Printer(as_json=as_json, timestamps=False)
    events = SerialEvents(Report(as_json=as_json), printer.line)
    events.notify = printer.seen
    events.feed(line)
    return capsys.readouterr().out


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("event", LEAST)
def test_what_is_counted_on_is_enough(capsys, event: str, as_json: bool) -> None:
    line = "@" + json.dumps({"event": event, **LEAST[event]})
    assert event_of(line) == (event, LEAST[event])
    assert line not in shown(line, as_json=as_json, capsys=capsys)  # as text it would be


ODD = (None, True, -1, 10**400, 0.5, float("nan"), "", "\x1b[2J", "../x", "x" * 9000, [], {}, [{}])


@pytest.mark.parametrize("as_json", [True, False])
def test_whatever_a_board_prints_ends_in_no_traceback(capsys, as_json: bool) -> None:
    names = {name for members in LEAST.values() for name in members}
    for event, members in LEAST.items():
        for name in names | {"took", "trouble", "interval", "source", "unsaved", "t", "event"}:
            for odd in ODD:
                line = "@" + json.dumps({"event": event, **members, name: odd})
                out = shown(line, as_json=as_json, capsys=capsys)
                assert "\x1b" not in out
                assert "NaN" not in out or not as_json
        for name in members:
            line = "@" + json.dumps({"event": event, **members, name: [[]]})
            assert event_of(line) is None or event == "of-a-program"


@pytest.mark.parametrize("event", ["server", "boot", "window", "fault", "power_cut", "end"])
def test_a_board_does_not_speak_for_the_simulator(event: str) -> None:
    assert event_of("@" + json.dumps({"event": event, "url": "http://a.example"})) is None


def test_members_that_a_report_adds_are_its_own(capsys) -> None:
    line = "@" + json.dumps({"event": "screen", "name": "linked", "t": -5, "png": "/etc/passwd"})
    told = json.loads(shown(line, as_json=True, capsys=capsys))
    assert told["t"] >= 0
    assert told["png"] is None


def test_a_line_without_an_end_is_cut() -> None:
    heard: list[str] = []
    lines = Lines(heard.append)
    for _ in range(100):
        lines.feed(b"x" * 1000)
    assert sum(map(len, heard)) > 80_000
    assert max(map(len, heard)) < 20_000


def test_the_code_of_a_board_without_a_panel_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    events = SerialEvents(Report(as_json=False))
    events.feed("@" + json.dumps(CODE))
    events.feed("Open http://127.0.0.1/device")
    events.feed('@{"event": "screen", "name": "user_code"}')
    out = capsys.readouterr().out
    assert "Open http://127.0.0.1/device" in out
    assert "█▀▀▀▀▀█" in out  # a finder of its QR


@needs_vm
def test_it_follows_a_board_that_goes_and_comes_back(tmp_path: Path) -> None:
    port = VirtualPort(tmp_path)
    log = tmp_path / "board.log"
    monitor = Monitor(port.path, "--timestamps", "--log", str(log))
    try:
        monitor.wait_for("Ctrl-] leaves")
        monitor.wait_for("Scan it, or open")
        port.stop()
        monitor.wait_for("the board has gone")
        port = VirtualPort(tmp_path)
        monitor.wait_for("Scan it, or open", 2)
        assert monitor.stop() == 130
        assert re.match(r"\d\d:\d\d:\d\d\.\d{3} · clock set\n", monitor.wait_for("clock set"))
        assert "\x1b" not in "".join(monitor.lines)
        told = [line for line in monitor.lines if "Ctrl-]" not in line and "has gone" not in line]
        assert [line for line in told if not re.match(r"\d\d:\d\d:\d\d\.\d{3} ", line)] == []
        heard = log.read_text("utf-8")
        assert re.search(r'^\d\d:\d\d:\d\d\.\d{3} @\{.*"user_code"', heard, re.MULTILINE)
    finally:
        port.stop()


@needs_vm
def test_json_is_events_and_nothing_else(tmp_path: Path) -> None:
    port = VirtualPort(tmp_path)
    monitor = Monitor(port.path, "--json")
    try:
        monitor.wait_for('"user_code"')
        assert monitor.stop() == 130
        events = [json.loads(line) for line in monitor.lines]
        assert all({"event", "t"} <= set(event) for event in events)
    finally:
        port.stop()


@needs_vm
def test_ctrl_closing_bracket_leaves_and_the_terminal_is_as_before(tmp_path: Path) -> None:
    import termios

    port = VirtualPort(tmp_path)
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    monitor = Monitor(port.path, stdin=theirs, stdout=theirs, stderr=theirs)
    try:
        assert monitor.leave(ours) == 0
        assert termios.tcgetattr(theirs) == before
    finally:
        monitor.process.kill()
        os.close(ours)
        os.close(theirs)
        port.stop()


def test_ctrl_closing_bracket_leaves_while_the_board_is_away(unused_port: int) -> None:
    keyboard, terminal = pty.openpty()
    address = f"socket://127.0.0.1:{unused_port}"
    monitor = Monitor(address, stdin=terminal, stdout=terminal, stderr=terminal)
    try:
        assert monitor.leave(keyboard) == 0
    finally:
        monitor.process.kill()
        os.close(keyboard)
        os.close(terminal)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no such device on this platform")
def test_a_log_that_cannot_be_written_is_not_a_board_that_has_gone() -> None:
    heard = SimpleNamespace(in_waiting=1, read=lambda count: b"a line\n")
    with _log("/dev/full") as note, pytest.raises(CliError, match="/dev/full cannot be written"):
        _follow(heard, lambda: b"", lambda data: note(data.decode()), time.monotonic() + 20)
