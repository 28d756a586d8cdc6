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
    class Tty(io.StringIO):
        def isatty(self):
            return True

    for variable, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        monkeypatch.setattr(os, "environ", variable)
        out = Tty()
        Terminal(out).screen(["Code  ABCD"], "https://as.example/device", None)
        assert ("\x1b[30;107m" in out.getvalue()) is coloured


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


def panel(width: int = 128) -> Image.Image:
    """A panel's picture: light but for its right half."""
    picture = Image.new("RGB", (width, 64), (255, 255, 255))
    picture.paste((0, 0, 0), (width // 2, 0, width, 64))
    return picture


def test_a_panel_is_shown_pixel_by_pixel_in_half_blocks():
    out = io.StringIO()
    Terminal(out).screen([], "https://as.example/device", panel())
    rows = [line[4:] for line in out.getvalue().splitlines() if line.startswith("  │ ")]
    assert rows == ["█" * 64 + " " * 64] * 32


@pytest.mark.parametrize(("columns", "shown", "has_qr"), [(140, 128, False), (80, 64, True)])
def test_in_a_narrow_terminal_the_panel_is_smaller_and_its_qr_stands_below(
    monkeypatch, columns, shown, has_qr
):
    class Tty(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(os, "environ", {"NO_COLOR": "1", "COLUMNS": str(columns), "LINES": "40"})
    out = Tty()
    Terminal(out).screen([], "https://as.example/device", panel())
    rows = [line[4:] for line in out.getvalue().splitlines() if line.startswith("  │ ")]
    assert rows[0] == "█" * (shown // 2) + " " * (shown // 2)
    blocks = [row[2:] for row in rows[32 * shown // 128 :]]
    assert (decode(blocks) if blocks else None) == (
        "https://as.example/device" if has_qr else None
    )


def test_colours_of_a_panel_reach_a_terminal_that_has_them(monkeypatch):
    class Tty(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(os, "environ", {"COLUMNS": "200", "LINES": "40"})
    out = Tty()
    Terminal(out).screen([], None, Image.new("RGB", (2, 2), (10, 20, 30)))
    assert "\x1b[38;2;10;20;30;48;2;10;20;30m▀▀\x1b[0m" in out.getvalue()
