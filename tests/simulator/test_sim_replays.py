"""The wire scripts once more, by `keyfob sim --issuer` and over real sockets."""

import contextlib
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from board_run import RUNTIMES, BoardRun, run_board

sys.path.insert(0, str(Path(__file__).parents[1] / "firmware"))

import replay
import wire

Case = dict[str, Any]
Entry = dict[str, Any]

STANDARD = replay.load("_standard")
BY_SOCKET = ("drop", "reset")  # the faults that a server can play
NOT_BY_SOCKET = ("profile", "then", "scope", "clock")  # what takes more than an issuer
SAMPLE = 23


def script_of(case: Case) -> list[Entry]:
    return [entry for line in case["script"] for entry in replay._entries(line, STANDARD)]


def is_servable(case: Case) -> bool:
    if any(name in case for name in NOT_BY_SOCKET):
        return False
    return all(
        entry.get("fail", "drop") in BY_SOCKET and not {"stalls", "latency"} & entry.keys()
        for entry in script_of(case)
    )


CASES = [case for name in replay.names() for case in replay.load(name) if is_servable(case)]


class ScriptedIssuer:
    """An issuer whose endpoints answer by a script; `surplus` counts what it lacks."""

    def __init__(self, script: list[Entry]) -> None:
        self.left = script
        self.surplus = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        # Else the thread goes on to accept, perhaps by the number that the next one's socket gets.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as stream:
            while line := stream.readline():
                length = 0
                while (header := stream.readline()) not in (b"\r\n", b""):
                    if header.lower().startswith(b"content-length:"):
                        length = int(header[15:])
                stream.read(length)
                if b"/.well-known/" in line:
                    connection.sendall(wire.reply_bytes({"status": 200, "json": self._metadata()}))
                elif not self._answer(connection):
                    return

    def _answer(self, connection: socket.socket) -> bool:
        """Answer by the next entry; False where the connection ends with it."""
        if not self.left:
            self.surplus += 1
            return False
        entry = self.left[0] if self.left[0].get("for ever") else self.left.pop(0)
        if entry.get("fail") == "reset":
            linger = struct.pack("ii", 1, 0)  # closing sends RST
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        if "fail" in entry:
            return False
        connection.sendall(wire.reply_bytes(entry))
        return entry.get("framing") != "to close" and "cut" not in entry

    def _metadata(self) -> dict[str, str]:
        return {
            "issuer": self.address,
            "device_authorization_endpoint": f"{self.address}/device",
            "token_endpoint": f"{self.address}/token",
        }


def end_of(run: BoardRun) -> str:
    for event, end in (("linked", "granted"), ("denied", "denied"), ("expired", "expired")):
        if run.of(event):
            return end
    return "failed"


def secrets_of(script: list[Entry]) -> Iterator[str]:
    for entry in script:
        members = entry.get("json")
        for name in ("device_code", "access_token", "refresh_token"):
            value = members.get(name) if isinstance(members, dict) else None
            if isinstance(value, str) and value:
                yield value


def check(case: Case, issuer: ScriptedIssuer, run: BoardRun) -> None:
    expected = case["expect"]
    assert end_of(run) == expected["end"], run
    assert run.exit_code == (0 if expected["end"] == "granted" else 1), run
    assert issuer.surplus == 0
    assert all(entry.get("for ever") for entry in issuer.left)
    if "polls" in expected:
        assert [event["result"] for event in run.of("poll")] == expected["polls"]
    if "code" in expected:
        assert expected["code"].items() <= run.only("user_code").items()
    if run.exit_code:
        assert run.complaint
    for secret in secrets_of(script_of(case)):
        assert secret not in run.stdout + run.stderr


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        cases = CASES if metafunc.config.getoption("--soak") else CASES[::SAMPLE]
        metafunc.parametrize("case", cases, ids=[case["name"] for case in cases])


@pytest.mark.sweep
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_it_ends_as_the_script_says(
    runtime: str, case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.closing(ScriptedIssuer(script_of(case))) as issuer:
        run = run_board(
            capsys, "--issuer", issuer.address, "--client-id", "board", "--scope", "profile",
            "--clock", "virtual", "--runtime", runtime, "--until", "linked",
        )  # fmt: skip
    check(case, issuer, run)


def test_tokens_of_nine_kilobytes_fit_beside_a_panel(capsys: pytest.CaptureFixture[str]) -> None:
    tokens = STANDARD["tokens"]["json"] | {
        "access_token": "a" * 2500,
        "refresh_token": "r" * 2500,
        "id_token": "i" * 4000,
    }
    script = [STANDARD["code"], STANDARD["pending"], {"status": 200, "json": tokens}]
    with contextlib.closing(ScriptedIssuer(script)) as issuer:
        run = run_board(
            capsys, "--issuer", issuer.address, "--client-id", "board", "--clock", "virtual",
            "--runtime", "micropython", "--board", "esp32-ssd1306",
        )  # fmt: skip
    assert [event["result"] for event in run.of("poll")] == ["pending", "approved"], run
    assert run.exit_code == 0
