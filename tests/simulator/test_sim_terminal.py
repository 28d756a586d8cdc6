"""What a person sees of a run, and how Ctrl-C leaves the terminal."""

import io
import os
import re
import select
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from virtual_port import needs_vm

from keyfob_host.report.terminal import Terminal
from keyfob_sim import cli

KEYFOB = Path(sysconfig.get_path("scripts")) / "keyfob"


def decode(blocks):
    """Read a QR printed in half blocks."""
    rows = []
    for line in blocks:
        rows.append([char in "▀█" for char in line])
        rows.append([char in "▄█" for char in line])
    width = max(len(row) for row in rows)
    picture = Image.new("L", (width, len(rows)), 255)
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            picture.putpixel((x, y), 0 if dark else 255)
    (code,) = zxingcpp.read_barcodes(picture.resize((width * 6, len(rows) * 6)))
    return code.text


def test_a_person_sees_code_address_qr_account_and_refresh(capsys):
    code = cli.main(["sim", "--clock", "virtual", "--approve", "auto", "--until", "refreshed:2"])
    out, err = capsys.readouterr()
    assert code == 0
    assert err == ""
    assert re.search(r"Code  [B-Z]{4}-[B-Z]{4}", out)
    address = re.search(r"open  (http://\S+/device\?user_code=\S+)", out)
    assert address
    blocks = [line[6:] for line in out.splitlines() if line.startswith("  │   ")]
    assert decode(blocks) == address[1]
    assert "linked to Ana Alves" in out
    assert "answered HTTP 200" in out
    assert out.count("refreshed") == 2
    assert "\x1b" not in out
    assert "only continue if you hold this device" in out.lower()


@pytest.mark.parametrize("runtime", ["cpython", pytest.param("micropython", marks=needs_vm)])
def test_the_board_speaks_the_language_that_was_asked_for(capsys, runtime):
    run = ["sim", "--clock", "virtual", "--approve", "auto", "--until", "linked"]
    assert cli.main([*run, "--runtime", runtime, "--language", "pl"]) == 0
    out = capsys.readouterr().out
    assert "│ Połączono\n" in out
    assert "│ Linked\n" not in out


def test_a_failure_is_two_lines_on_stderr(capsys):
    code = cli.main(["sim", "--clock", "virtual", "--approve", "deny"])
    out, err = capsys.readouterr()
    assert code == 1
    assert [line.split(":")[0] for line in err.splitlines()] == ["keyfob", "try"]
    assert "denied" in out


def test_colour_is_left_out_on_request(monkeypatch):
    for variable, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        out, terminal = shown_on(monkeypatch, **variable)
        terminal.screen(["Code  ABCD"], "https://as.example/device", None)
        assert ("\x1b[30;107m" in out.getvalue()) is coloured
        assert max(map(len, bare(out.getvalue()))) < 80


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are a Unix thing")
def test_ctrl_c_on_a_terminal_leaves_it_clean():
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [KEYFOB, "sim"], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        seen = _read_until(ours, b"or open  ")
        process.send_signal(signal.SIGINT)
        seen += _read_until(ours, None)
        assert process.wait(20) == 130
    finally:
        process.kill()
        os.close(ours)
    text = seen.decode()
    assert "/device?user_code=" in text
    assert "Traceback" not in text
    assert text.endswith("\r\x1b[K")  # an empty line, with the cursor at its start
    assert "\x1b[?25l" not in text  # the cursor was never hidden


def _read_until(descriptor, mark):
    """What a terminal shows until `mark`, or until its program ends."""
    seen = b""
    deadline = time.monotonic() + 30
    while mark is None or mark not in seen:
        ready, _, _ = select.select([descriptor], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"nothing more after {seen!r}"
        try:
            piece = os.read(descriptor, 4096)
        except OSError:  # Linux says so when the last program has closed the other end
            break
        if not piece:
            break
        seen += piece
    return seen


class Tty(io.StringIO):
    def isatty(self):
        return True


def shown_on(monkeypatch, **environment):
    """A terminal of that environment."""
    monkeypatch.setattr(os, "environ", {"COLUMNS": "80", "LINES": "24", **environment})
    out = Tty()
    return out, Terminal(out)


def panel(width: int = 128) -> Image.Image:
    """A panel's picture: light but for its right half."""
    picture = Image.new("RGB", (width, 64), (255, 255, 255))
    picture.paste((0, 0, 0), (width // 2, 0, width, 64))
    return picture


def bare(text):
    """The lines of a text without its colours and without what moves the cursor."""
    return re.sub("\x1b\\[[0-9;]*[a-zA-Z]", "", text).replace("\r", "").splitlines()


def test_a_panel_is_shown_pixel_by_pixel_in_half_blocks_within_its_bezel(monkeypatch):
    out, terminal = shown_on(monkeypatch, NO_COLOR="1", COLUMNS="140", LINES="40")
    terminal.screen([], "https://as.example/device", panel())
    rows = bare(out.getvalue())[:33]
    assert rows[1:-1] == [" " + " " + "█" * 64] * 31
    assert "\x1b[3" not in out.getvalue()


def test_in_a_narrow_terminal_the_panel_is_smaller_and_its_qr_stands_beside_it(monkeypatch):
    out, terminal = shown_on(monkeypatch, COLORTERM="truecolor")
    terminal.screen([], "https://as.example/device", panel())
    lines = bare(out.getvalue())
    assert max(map(len, lines)) < 80
    assert len(lines) < 24
    blocks = [line[lines[0].rindex("▀  ") + 3 :] for line in lines]
    assert decode(blocks) == "https://as.example/device"


@pytest.mark.parametrize(
    ("environment", "address", "has_qr"),
    [
        ({"COLUMNS": "200", "LINES": "80"}, "http://127.0.0.1:8080/device", False),
        ({"LINES": "18"}, "https://as.example/device", False),
        ({}, "https://as.example/device?code=" + 100 * "x", False),
        ({}, "https://as.example/device", True),
    ],
)
def test_a_qr_is_there_for_a_phone_that_reaches_it_and_only_whole(
    monkeypatch, environment, address, has_qr
):
    out, terminal = shown_on(monkeypatch, **environment)
    terminal.screen([], address, Image.new("RGB", (320, 240)))
    assert "▀" in out.getvalue()
    assert ("\x1b[30;107m" in out.getvalue()) is has_qr


@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        ({"COLORTERM": "truecolor"}, "38;2;10;20;230;48;2;10;20;230"),
        ({}, "38;5;20;48;5;20"),
    ],
)
def test_colours_of_a_panel_are_those_that_a_terminal_has(monkeypatch, environment, colours):
    out, terminal = shown_on(monkeypatch, **environment)
    terminal.screen([], None, Image.new("RGB", (2, 3), (10, 20, 230)))
    assert f"\x1b[{colours}m▀▀" in out.getvalue()


@pytest.mark.parametrize(
    "environment", [{"TERM": "dumb"}, {"NO_COLOR": "1"}, {"COLUMNS": "50"}, {"LINES": "10"}]
)
def test_a_terminal_that_cannot_show_a_panel_gets_text(monkeypatch, environment):
    out, terminal = shown_on(monkeypatch, **environment)
    terminal.event("user_code", 1.0, {"user_code": "ABCD-EFGH", "expires_in": 900})
    terminal.screen([], "https://as.example/device", Image.new("RGB", (320, 240)))
    terminal.address("https://as.example/device")
    terminal.event("screen", 1.5, {"name": "user_code"})
    assert out.getvalue().splitlines() == [
        "Code  ABCD-EFGH",
        "To approve, open  https://as.example/device",
        "[     1.5 s] screen: Waiting for your approval",
    ]


def test_a_pipe_gets_lines_of_text_from_a_board_with_a_panel(capsys):
    options = ["--board", "m5stack-core", "--clock", "virtual", "--approve", "auto"]
    assert cli.main(["sim", *options]) == 0
    out = capsys.readouterr().out
    assert out.isascii()
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) < 80
    assert "screen: Joining Wi-Fi" in out
    assert re.search(r"^Code  [B-Z]{4}-[B-Z]{4}$", out, re.MULTILINE)
    assert "linked to Ana Alves" in out


class Glass:
    """What a terminal of `columns` by `lines` makes of a program's output."""

    def __init__(self, columns, lines):
        self.columns, self.lines = columns, lines
        self.rows, self.at, self.column = [""], 0, 0

    def feed(self, text):
        for piece in re.findall("\x1b\\[[0-9;?]*[a-zA-Z]|[\r\n]|[^\x1b\r\n]+", text):
            row = self.rows[self.at]
            if piece == "\r":
                self.column = 0
            elif piece == "\n":
                self.at += 1
                if self.at == len(self.rows):
                    self.rows.append("")
            elif piece[0] != "\x1b":
                assert self.column + len(piece) < self.columns, "a line that wraps"
                end = self.column + len(piece)
                self.rows[self.at] = row.ljust(self.column)[: self.column] + piece + row[end:]
                self.column = end
            elif piece[-1] == "A":
                self.at -= int(piece[2:-1])
                assert self.at >= max(0, len(self.rows) - self.lines), "above the screen"
            elif piece[-1] == "K":
                self.rows[self.at] = row[: self.column]
            elif piece[-1] == "J":
                assert self.column == 0
                self.rows[self.at :] = [""]
            else:
                assert piece[-1] == "m", piece


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are a Unix thing")
def test_a_run_fits_into_one_terminal_of_80_columns_and_is_drawn_in_one_place():
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    known = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    known.pop("NO_COLOR", None)
    words = "sim --board m5stack-core --clock virtual --approve auto --until refreshed"
    process = subprocess.Popen(
        [KEYFOB, *words.split()],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**known, "TERM": "xterm-256color"},
    )
    os.close(theirs)
    try:
        seen = _read_until(ours, None).decode()
        assert process.wait(20) == 0
    finally:
        process.kill()
        os.close(ours)
    glass = Glass(80, 24)
    glass.feed(seen)
    assert len(glass.rows) <= 24  # nothing has scrolled
    assert sum(row.count("To approve, open") for row in glass.rows) == 1
    assert seen.count("\x1b[J") > 5
    text = "\n".join(glass.rows)
    for told in ("m5stack-core", "See it in a browser", "Linked", "linked to Ana Alves"):
        assert told in text


def test_what_a_board_printed_before_its_first_screen_stays_and_nothing_above_is_touched(
    monkeypatch,
):
    out, terminal = shown_on(monkeypatch)
    out.write("$ keyfob sim\n")
    terminal.event("boot", 0.0, {"board": "m5stack-core", "runtime": "cpython"})
    terminal.event("fault", 0.1, {"do": "wifi_lost", "over": False})
    terminal.event("user_code", 0.2, {"user_code": "AB\x1b[2J", "expires_in": 900})
    terminal.screen(["hello"], "http://127.0.0.1/device", Image.new("RGB", (320, 240)))
    terminal.event("screen", 0.3, {"name": "user_code"})
    glass = Glass(80, 24)
    glass.feed(out.getvalue().replace("\n", "\r\n"))  # as a terminal does
    assert glass.rows[0] == "$ keyfob sim"
    text = "\n".join(glass.rows)
    for told in ("m5stack-core (cpython)", "fault: wifi lost", "hello", "AB\\x1b[2J"):
        assert text.count(told) == 1, told
