"""Whatever is behind the port: every verb ends in time, in words, with nothing of it obeyed."""

import contextlib
import io
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import serial
from flash_target import image
from hostile_board import PATHS, HostileBoard, HostileEsptool

from keyfob_host import cli
from keyfob_host.board import installation, ports
from keyfob_host.board.ports import KNOWN, Port
from keyfob_host.board.repl import Board
from keyfob_host.flashing import esptool
from keyfob_host.verbs import dialogue

TIMEOUT = 20  # s that each verb is given, on the board's clock
SLACK = 3  # s to free the port, and for a single read that has begun
RUNS = 200
SAMPLE = 12
PORT = Port("/dev/hostile", "USB bridge", KNOWN, "\x1b[31m4711")

CONFIGURE = (
    ["--language", "de"],
    ["--provider", "github", "--client-id", "x", "--board", "esp32-ssd1306"],
    ["--wifi-ssid", "home"],
    ["--client-auth", "none"],
    ["--issuer", "https://login.example.com", "--dry-run"],
)
VERBS: dict[str, tuple[list[str], ...]] = {
    "status": ([], ["--board", "esp32-ssd1306"]),
    "link": ([],),
    "unlink": ([],),
    "test": ([], ["--junit", "parts.xml"]),
    "doctor": ([],),
    "install": (["--from-source"], ["--yes"], ["--board", "esp32-ssd1306"]),
    "configure": tuple([*words, "--no-check"] for words in CONFIGURE),
    "monitor": ([], ["--timestamps", "--log", "board.log"]),
    "devices": ([],),
    "flash": (["--image", "esp32.bin"], ["--image", "esp32.bin", "--erase", "--yes"]),
}

opened: list[str] = []
_watches = False


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _watches and event == "open":
        opened.append(str(arguments[0]))


sys.addaudithook(_watch)  # which cannot be taken away again


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("KEYFOB_WIFI_PASSWORD", "correct horse")
    monkeypatch.delenv("KEYFOB_CLIENT_SECRET", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ports, "candidates", lambda: [PORT])
    small = {"/lib/keyfob/a.mpy": b"x" * 3000}
    monkeypatch.setattr(installation, "compiled_firmware", lambda arch: small)
    monkeypatch.setattr(os.path, "exists", lambda path: True)
    (tmp_path / "esp32.bin").write_bytes(image("esp32"))


class Screen(io.StringIO):
    """A terminal, or a pipe."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


# What our own code moves the cursor and colours with.
OURS = ("\r\x1b[K", "\x1b[30;107m", "\x1b[0m")


def judge(words: list[str], code: int, out: str, err: str) -> None:
    """Fail where a run was not a good end."""
    assert code in (0, 1, 2), (code, err)
    assert len(err.splitlines()) == (0 if code == 0 else 2), err
    assert not err.startswith(("keyfob: internal error", "Traceback"))
    for own in OURS:
        out = out.replace(own, "")
    strange = {c for c in out + err if not (c.isprintable() or c in "\n\t")}
    assert not strange, strange
    if "--json" in words:
        for line in out.splitlines():
            json.loads(line, parse_constant=lambda name: pytest.fail(name))
    read = [path for path in opened if any(path.endswith(name) for name in PATHS)]
    assert read == []


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, list[str]], None]:
    """Run a verb against the board of that number."""

    def run(seed: int, words: list[str]) -> None:
        global _watches
        board = HostileBoard(seed, pulse=words[0] if words[0] == "monitor" else "")
        out, err = Screen(is_terminal=seed % 3 == 0 and "--json" not in words), io.StringIO()
        with monkeypatch.context() as patch:
            patch.setattr(serial, "serial_for_url", lambda *_, **__: board)
            patch.setattr(esptool.subprocess, "Popen", HostileEsptool(seed))
            patch.setattr(time, "monotonic", board.monotonic)
            patch.setattr(time, "sleep", board.sleep)
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            patch.setattr(dialogue, "is_terminal", lambda: False)
            opened.clear()
            _watches = True
            try:
                code = cli.main([*words, "--port", PORT.device, "--timeout", str(TIMEOUT)])
            finally:
                _watches = False
        judge(words, code, out.getvalue(), err.getvalue())
        assert board.now < TIMEOUT + SLACK
        assert board.closed or words[0] == "flash"  # which leaves the port to esptool

    return run


@pytest.mark.sweep
@pytest.mark.parametrize("verb", VERBS)
def test_a_board_that_answers_anything(verb: str, run: Any, whole: bool) -> None:
    for seed in range(RUNS if whole else SAMPLE):
        choices = VERBS[verb]
        words = [verb, *choices[seed % len(choices)]]
        if seed % 2:
            words.append("--json")
        try:
            run(seed, words)
        except (AssertionError, Exception) as error:
            raise AssertionError(f"seed {seed}: {words}: {error!r}") from error


@contextmanager
def dribbling() -> Iterator[str]:
    """The address of a server whose answer goes on for ever, a byte at a time."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection = server.accept()[0]
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while True:
                    connection.sendall(b"x")
                    over.wait(0.01)

        over = threading.Event()
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        over.set()


def test_a_download_that_dribbles_ends_with_the_verb(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chip = esptool.Chip("esp32", None, None)
    monkeypatch.setattr(esptool.Esptool, "identify", lambda *_: chip)
    with dribbling() as site:
        monkeypatch.setenv("KEYFOB_MICROPYTHON_SITE", site)
        assert cli.main(["flash", "--port", PORT.device, "--timeout", "0.5"]) == 1
    told = "keyfob: the image for esp32-generic did not come in time\n"
    assert capsys.readouterr().err.startswith(told)


def test_a_provider_that_dribbles_ends_with_the_verb(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = SimpleNamespace(read=lambda path: None)
    monkeypatch.setattr(Board, "connected", lambda *_: nullcontext(empty))
    words = ["--client-id", "x", "--board", "esp32-generic", "--timeout", "0.5"]
    with dribbling() as issuer:
        assert cli.main(["configure", "--port", PORT.device, "--issuer", issuer, *words]) == 1
    told = "keyfob: the provider's answers do not come to an end in time\n"
    assert capsys.readouterr().err.startswith(told)
