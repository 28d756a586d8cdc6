"""`keyfob doctor` names the one cause, for each of the broken situations that are staged here."""

import grp
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from board_verbs import Verbs, server_of, speaking
from virtual_port import VirtualPort, needs_vm

from keyfob_host import cli
from keyfob_host.board import access as port_access
from keyfob_host.board import checkup, ports, repl
from keyfob_host.board.ports import Port
from keyfob_host.providers.roots import split_certificates
from keyfob_sim.server.certificates import make_ca

pytestmark = needs_vm

VIRTUAL = ("--clock", "virtual")  # so that no board waits for a network that does not come


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]):
    """Run doctor; its report, after the checks that every finding passes."""

    def run(*words: str) -> dict[str, str]:
        capsys.readouterr()
        code = cli.main(["doctor", "--json", *words])
        out, err = capsys.readouterr()
        report = json.loads(out)
        if report["cause"] is None:
            assert (code, err) == (0, "")
        else:
            assert code == 1
            assert err == f"keyfob: {report['message']}\ntry: {report['action']}\n"
        return report

    return run


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for what will not come. A board that answers gets all the time that it has."""
    monkeypatch.setattr(repl, "_ENTER", 0.4)
    monkeypatch.setattr(repl, "_PROMPT", 0.2)


# Before MicroPython


def test_no_board_is_connected(doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "candidates", list)
    found = doctor()
    assert (found["cause"], found["checked"]) == ("no_port", ["port"])


def test_the_port_is_not_there(doctor) -> None:
    assert doctor("--port", "/dev/ttyKEYFOB9")["cause"] == "no_port"


def test_another_program_has_the_port(doctor) -> None:
    holder = (
        "import fcntl, sys, time; f = open(sys.argv[1], 'r+b', 0); fcntl.flock(f, fcntl.LOCK_EX)\n"
        "print('held', flush=True); time.sleep(60)"
    )
    with (
        speaking(lambda heard: b"") as path,
        subprocess.Popen(
            [sys.executable, "-c", holder, str(path)], stdout=subprocess.PIPE
        ) as process,
    ):
        assert process.stdout is not None
        process.stdout.readline()
        found = doctor("--port", str(path))
        process.kill()
    assert found["cause"] == "busy"
    assert re.search(rf"in use by python\S* \(process {process.pid}\)$", found["message"])
    assert str(process.pid) in found["action"]


def test_no_permission_gives_the_exact_line(monkeypatch: pytest.MonkeyPatch) -> None:
    port = Port("/dev/null", "CH340", 0, vid=0x1A86, pid=0x7523)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with monkeypatch.context() as patch:
        patch.setattr(grp, "getgrgid", lambda number: SimpleNamespace(gr_name="dialout"))
        trouble = port_access.trouble(port)
    assert trouble.kind == "permission"
    assert trouble.hint == "sudo usermod -aG dialout $USER, then log out and in again"
    trouble = port_access.trouble(port)  # its group is root, where nobody should be
    assert 'ATTRS{idVendor}=="1a86", ATTRS{idProduct}=="7523"' in trouble.hint


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (
            (
                b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET),boot:0x3 (DOWNLOAD_BOOT)"
                b"\r\nwaiting for download\r\n"
            ),
            "rom_loader",
        ),
        (
            (
                b"E (47) boot_comm: mismatch chip ID, expected 9, found 0\r\n"
                b"E (53) boot: Factory app partition is not bootable\r\n"
            ),
            "wrong_image",
        ),
        (b"rst:0x10 (RTCWDT_RTC_RESET)\r\ninvalid header: 0xffffffff\r\n", "no_image"),
        (bytes(range(128, 256)) * 4, "not_micropython"),
        (b"Marlin 2.1\r\necho:Unknown command\r\n", "no_repl"),
        (b"", "silent"),
    ],
    ids=["ROM loader", "another chip's image", "blank flash", "garbage", "a printer", "silence"],
)
@pytest.mark.usefixtures("impatient")
def test_what_a_board_says_instead_of_its_prompt(doctor, said: bytes, cause: str) -> None:
    with speaking(lambda heard: said) as path:
        found = doctor("--port", str(path))
    assert found["cause"] == cause
    assert found["checked"] == ["port", "prompt"]
    assert_reset_comes_first(found)


def assert_reset_comes_first(found: dict[str, Any]) -> None:
    """Nobody may be told to erase what a reset can mend; firmware for another chip it cannot."""
    before, erase, _ = found["action"].partition("--erase")
    assert not erase or found["cause"] == "wrong_image" or before.startswith("press RESET")


def raw_repl(version: str):
    """What answers like a raw REPL, whose every program prints the facts of that MicroPython."""
    facts = {"name": "micropython", "version": json.loads(version), "mpy": 262, "machine": "X"}
    facts |= {"size": 1, "free": 1, "block": 4096, "keyfob": None, "configured": False}
    prompt = b"raw REPL; CTRL-B to exit\r\n>"
    program = b""

    def answer(heard: bytes) -> bytes:
        nonlocal program
        if heard.endswith(b"\x05A\x01"):
            return b"R\x00"
        if heard.endswith(b"\x03\x02"):
            return b"\r\n>>> "
        if heard.endswith(b"\x01"):
            program = b""
            return prompt
        program += heard
        if not program.endswith(b"\x04"):
            return b""
        is_empty, program = program == b"\x04", b""
        if is_empty:
            return b"OK\r\nMPY: soft reboot\r\n" + prompt
        return b"OK" + json.dumps(facts).encode() + b"\r\n\x04\x04>"

    return answer


def test_micropython_is_too_old(doctor) -> None:
    with speaking(raw_repl("[1, 22, 2]")) as path:
        found = doctor("--port", str(path))
    assert found["cause"] == "too_old"
    assert "1.22.2" in found["message"]


# On the board


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualPort]:
    port = VirtualPort(tmp_path_factory.mktemp("doctor"), *VIRTUAL, "--host", "localhost")
    # A program that waits, since keyfob's would hurry through the years from test to test.
    program = "import select\nselect.poll().poll()\n"
    port.run(f"f = open('/main.py', 'w'); f.write({program!r}); f.close()")
    yield port
    port.stop()


@pytest.fixture
def verbs(port: VirtualPort, capsys: pytest.CaptureFixture[str]) -> Iterator[Verbs]:
    """A board whose configuration a test may spoil."""
    verbs = Verbs(port, capsys)
    before = json.loads(port.read("/keyfob.json"))
    yield verbs
    port.run(f"import json; f = open('/keyfob.json', 'w'); json.dump({before!r}, f); f.close()")


def test_a_board_that_is_well(doctor, port: VirtualPort) -> None:
    found = doctor("--port", str(port.path))
    assert (found["cause"], found["prompt_by"]) == (None, "Ctrl-C")
    assert found["checked"][-4:] == ["Wi-Fi", "clock", "TLS", "provider"]
    assert (found["linked"], found["account"]) == (False, None)


LINK = {"linked": True, "account": "Ana", "provider": "https://login.example.com"}


@pytest.mark.parametrize(
    ("link", "row", "end"),
    [
        (LINK, "linked to Ana at https://login.example.com", "keyfob monitor"),
        (LINK | {"account": None}, "linked to an account at https://login", "keyfob monitor"),
        (LINK | {"linked": False}, "not linked yet", "keyfob link"),
        (LINK | {"linked": False, "trouble": ["no room", "x"]}, "no room", "keyfob link"),
    ],
)
def test_it_says_to_whom_a_board_is_linked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], link, row, end
) -> None:
    def look(case: checkup.Case) -> Iterator[tuple[str, None]]:
        case.board = SimpleNamespace(ask=lambda name: link)
        yield "link", checkup._check_link(case)

    monkeypatch.setattr(checkup, "look", look)
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"link          {row}")
    assert out.endswith(f"{end}\n")
    assert cli.main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["linked"], report["account"]) == (link["linked"], link["account"])


@pytest.mark.parametrize(
    ("end", "words"),
    [("ended", "the provider has ended the link"), ("run_out", "the link has run out")],
)
def test_a_link_that_is_over_is_told_beside_what_else_is_wrong(
    doctor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], end, words
) -> None:
    link = LINK | {"linked": False, "end": end}

    def connect(case: checkup.Case) -> None:
        case.board = SimpleNamespace(ask=lambda name: link)

    checks = [("prompt", connect), ("link", checkup._check_link), ("provider", lambda _: None)]
    monkeypatch.setattr(checkup, "CHECKS", checks)
    report = doctor()
    assert (report["cause"], report["checked"]) == (
        "link_ended",
        ["prompt", "link", "provider"],
    )
    assert report["message"].startswith(words)
    assert "keyfob link" in report["action"]
    trouble = checkup.Finding("client", "no such client", "another")
    monkeypatch.setattr(checkup, "CHECKS", [*checks, ("client", lambda _: trouble)])
    report = doctor()
    assert report["cause"] == "client"
    assert [also["cause"] for also in report["also"]] == ["link_ended"]


def test_http_that_is_not_allowed_names_the_option(doctor, verbs: Verbs) -> None:
    provider = {"issuer": "http://192.168.1.2", "client_id": "x"}
    verbs.change_config(provider=provider, allow_http=False)
    found = doctor("--port", str(verbs.port.path))
    assert found["cause"] == "bad_config"
    assert found["action"].startswith("keyfob configure --allow-http, on a test network alone")


def test_an_address_alone_that_is_http_names_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    case = SimpleNamespace(config={"wifi": [{"ssid": "home"}]})
    unsafe = "the provider sent a verification_uri that is not safe to open: "
    for uri, words in (
        ("http://as.example/device", "keyfob configure --allow-http"),
        ("/device", "a whole address"),
        ("https://b\xfccher.example/", "a whole address"),
    ):
        trouble = [
            "code",
            "provider",
            unsafe + uri,
            "the provider has to send a whole address",
            "",
        ]
        monkeypatch.setattr(checkup, "_ask", lambda case, name, trouble=trouble: trouble)
        found = checkup._ask_online(cast(checkup.Case, case))
        assert found is not None
        assert words in found.action


def test_a_scope_that_is_not_known_names_the_option(doctor, verbs: Verbs) -> None:
    verbs.change_config(scope="no-such-scope")
    found = doctor("--port", str(verbs.port.path))
    assert found["cause"] == "scope"
    assert found["action"].startswith('keyfob configure --scope "..."')


def test_boot_py_never_ends(doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repl, "_BOOT", 2.0)  # for the soft reset, which never ends
    loop = "import time\nwhile True:\n    time.sleep(1)\n"
    port = VirtualPort(tmp_path)  # in real time, where a sleep costs nothing
    try:
        port.run(f"f = open('/boot.py', 'w'); f.write({loop!r}); f.close()")
        found = doctor("--port", str(port.path))
    finally:
        port.stop()
    assert found["cause"] == "boot_blocks"
    assert found["prompt_by"] == "leaving the soft reset out"


def test_the_file_system_is_full(doctor, port: VirtualPort) -> None:
    port.run(
        "import os; n = os.statvfs('/')[3] - 3; b = bytes(4096); f = open('/fill', 'wb')\n"
        "for _ in range(n): f.write(b)\nf.close()"
    )
    try:
        assert doctor("--port", str(port.path))["cause"] == "files_full"
    finally:
        port.run("import os; os.remove('/fill')")


def test_the_file_system_is_damaged(doctor, tmp_path: Path) -> None:
    port = VirtualPort(tmp_path)
    try:
        port.run("import _board\nfor n in range(512): _board.call(69, n)")
        found = doctor("--port", str(port.path))
    finally:
        port.stop()
    assert found["cause"] == "files_corrupt"
    assert "--erase" in found["action"]
    assert_reset_comes_first(found)


def test_keyfob_is_not_on_the_board(doctor, port: VirtualPort) -> None:
    port.run("import os; os.rename('/lib', '/gone')")
    try:
        found = doctor("--port", str(port.path))
        assert (found["cause"], found["action"]) == ("not_installed", "keyfob install")
    finally:
        port.run("import os; os.rename('/gone', '/lib')")


def test_the_board_is_not_configured(doctor, verbs: Verbs) -> None:
    verbs.port.run("import os; os.remove('/keyfob.json')")
    assert doctor("--port", str(verbs.port.path))["cause"] == "not_configured"


def test_a_field_is_misspelt(doctor, verbs: Verbs) -> None:
    verbs.change_config(wlan=[])
    found = doctor("--port", str(verbs.port.path))
    assert found["cause"] == "bad_config"
    assert "wlan" in found["message"]


def test_the_firmware_is_of_another_chip_than_the_board(doctor, verbs: Verbs) -> None:
    verbs.change_config(board="esp32c3-oled")
    assert doctor("--port", str(verbs.port.path))["cause"] == "wrong_image"


def test_no_panel_answers(doctor, port: VirtualPort) -> None:
    change = (
        "import json; d = json.load(open('/board.json')); d['display']['i2c']['address'] = {}\n"
        "f = open('/board.json', 'w'); json.dump(d, f); f.close()"
    )
    port.run(change.format(0x3D))
    try:
        found = doctor("--port", str(port.path))
    finally:
        port.run(change.format(0x3C))
    assert found["cause"] == "no_panel"
    assert "0x3d; the bus has 0x3c" in found["message"]
    assert found["checked"][-1] == "provider"
    assert found["also"] == []


def test_a_board_without_its_panel_is_looked_at_to_the_end(
    doctor, verbs: Verbs, capsys: pytest.CaptureFixture[str]
) -> None:
    scan = "from machine import I2C\ndef scan(self): raise OSError(19)\nI2C.scan = scan\n"
    verbs.port.run(f"f = open('/boot.py', 'w'); f.write({scan!r}); f.close()")
    verbs.change_config(wifi=[{"ssid": "elsewhere", "password": "x"}])
    try:
        found = doctor("--port", str(verbs.port.path))
        assert cli.main(["doctor", "--port", str(verbs.port.path)]) == 1
    finally:
        verbs.port.run("import os; os.remove('/boot.py')")
    assert found["cause"] == "no_wifi"
    assert [other["cause"] for other in found["also"]] == ["no_panel"]
    assert "ENODEV" in found["also"][0]["message"]
    out, err = capsys.readouterr()
    assert "ENODEV" in out
    assert "no network called elsewhere" in err


@pytest.mark.parametrize(
    "content", ["[]", "{", '{"display": 5}', '{"display": {"i2c": {"id": 0, "scl": 22}}}']
)
def test_the_description_of_the_board_is_damaged(doctor, port: VirtualPort, content: str) -> None:
    before = port.read("/board.json")
    write = "f = open('/board.json', 'w'); f.write({!r}); f.close()"
    port.run(write.format(content))
    try:
        found = doctor("--port", str(port.path))
    finally:
        port.run(write.format(before))
    assert found["cause"] == "bad_board"
    assert found["message"].startswith("/board.json does not describe the display: ")
    assert found["action"] == "keyfob configure --board esp32-ssd1306"


def unplug(board: repl.Board, port: VirtualPort) -> None:
    port.stop()


def out_of_time(board: repl.Board, port: VirtualPort) -> None:
    board._transport.deadline = 0.0


def talk_nonsense(board: repl.Board, port: VirtualPort) -> None:
    board.run_file = lambda *_, **__: "tick\r\n"  # type: ignore[method-assign]


@pytest.fixture
def in_the_middle(doctor, monkeypatch: pytest.MonkeyPatch):
    """Run doctor; after each file that it reads from the board, `spoil` is called."""

    def run(port: VirtualPort, spoil: Callable[[repl.Board, VirtualPort], None]) -> dict[str, str]:
        read = repl.Board.read

        def spoiled(self: repl.Board, path: str) -> bytes | None:
            content = read(self, path)
            spoil(self, port)
            return content

        monkeypatch.setattr(repl.Board, "read", spoiled)
        return doctor("--port", str(port.path))

    return run


@pytest.mark.parametrize(
    ("spoil", "cause"), [(out_of_time, "timeout"), (talk_nonsense, "garbled")]
)
def test_what_breaks_in_the_middle_of_it_is_reported_too(
    in_the_middle, port: VirtualPort, spoil, cause: str
) -> None:
    found = in_the_middle(port, spoil)
    assert found["cause"] == cause
    assert "panel" in found["checked"]


def test_a_board_that_goes_in_the_middle_of_it_is_reported_too(
    in_the_middle, tmp_path: Path
) -> None:
    port = VirtualPort(tmp_path)
    try:
        found = in_the_middle(port, unplug)
    finally:
        port.stop()
    assert found["cause"] == "lost"
    assert "panel" in found["checked"]


def test_the_wifi_password_is_wrong(doctor, verbs: Verbs) -> None:
    verbs.change_config(wifi=[{"ssid": "keyfob-sim", "password": "not this one"}])
    found = doctor("--port", str(verbs.port.path))
    assert found["cause"] == "wifi_password"
    assert "not this one" not in json.dumps(found)


def test_the_network_is_not_in_reach(doctor, verbs: Verbs) -> None:
    verbs.change_config(wifi=[{"ssid": "elsewhere", "password": "x"}])
    assert doctor("--port", str(verbs.port.path))["cause"] == "no_wifi"


def test_the_clock_is_not_set(doctor, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faults = tmp_path / "faults.toml"
    faults.write_text(
        '[[fault]]\nat = 0\ndo = "time_server_fails"\n[[fault]]\nat = 0\ndo = "clock_unset"\n'
    )
    port = VirtualPort(tmp_path, *VIRTUAL, "--faults", str(faults), "--https", "--chain", "ec")
    try:
        found = doctor("--port", str(port.path))
        assert (found["cause"], found["checked"][-1]) == ("clock", "clock")
    finally:
        port.stop()


def test_tls_is_refused(doctor, tmp_path: Path) -> None:
    port = VirtualPort(tmp_path, *VIRTUAL, "--https", "--chain", "long")
    try:
        assert doctor("--port", str(port.path))["cause"] is None
        (root,) = split_certificates(make_ca(tmp_path / "other").cert_path.read_bytes())
        path = json.loads(port.read("/keyfob.json"))["ca"][0]
        port.run(f"f = open({path!r}, 'wb'); f.write({root!r}); f.close()")
        found = doctor("--port", str(port.path))
        assert (found["cause"], found["checked"][-1]) == ("tls", "TLS")
        assert "is not trusted: no root in ca has signed its certificate" in found["message"]
        assert 'it wants the root "keyfob test root of yesterday"' in found["message"]
        assert found["action"] == "keyfob configure --ca FILE with that root"
    finally:
        port.stop()


def test_the_provider_has_no_device_grant(doctor, verbs: Verbs) -> None:
    class Discovery(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            base = f"http://localhost:{self.server.server_port}"
            document = {"issuer": base, "token_endpoint": f"{base}/token"}
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Discovery) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        issuer = f"http://localhost:{server.server_port}"
        verbs.change_config(provider={"issuer": issuer, "client_id": "x"})
        found = doctor("--port", str(verbs.port.path))
        server.shutdown()
    assert found["cause"] == "no_grant"


def test_the_provider_does_not_know_the_client(doctor, verbs: Verbs) -> None:
    issuer = server_of(verbs.port)["issuer"]
    verbs.change_config(provider={"issuer": issuer, "client_id": "nobody"})
    found = doctor("--port", str(verbs.port.path))
    assert found["cause"] == "client"
    assert "invalid_client" in found["message"]
    assert found["action"].startswith("keyfob configure --client-id ID")


def test_nobody_answers_at_the_provider_s_address(doctor, verbs: Verbs, unused_port: int) -> None:
    issuer = f"http://localhost:{unused_port}"
    verbs.change_config(provider={"issuer": issuer, "client_id": "x"})
    assert doctor("--port", str(verbs.port.path))["cause"] == "network"


def test_no_network_is_configured(doctor, verbs: Verbs, unused_port: int) -> None:
    issuer = f"http://localhost:{unused_port}"
    verbs.change_config(provider={"issuer": issuer, "client_id": "x"}, wifi=[])
    found = doctor("--port", str(verbs.port.path))
    assert found["cause"] == "no_wifi"
    assert "no Wi-Fi is configured" in found["message"]
