"""install, configure, link, status, unlink and test, against a virtual board in the real VM."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import serial
from board_verbs import Provider, Verbs
from quickness import quickest
from virtual_port import PATIENCE, VirtualPort, needs_vm

from keyfob_host.board import configuration
from keyfob_host.board.ports import Port
from keyfob_host.board.repl import Board
from keyfob_host.errors import CliError
from keyfob_host.providers import check
from keyfob_host.resources import firmware_dir
from keyfob_sim.hardware.board import PASSWORD, SSID

pytestmark = needs_vm

WIFI_PASSWORD = "correct horse battery"
CLIENT_SECRET = "tell-nobody-4711"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualPort]:
    port = VirtualPort(tmp_path_factory.mktemp("verbs"))
    yield port
    port.stop()


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with Provider(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture
def verbs(port: VirtualPort, capsys: pytest.CaptureFixture[str]) -> Verbs:
    return Verbs(port, capsys)


def test_a_second_install_copies_nothing(verbs: Verbs) -> None:
    first = verbs.json("install")
    assert (first["firmware"], first["keyfob"]) == ("1.29.0", "0.1.0")
    second = verbs.json("install")
    assert (second["copied"], second["bytes"]) == (0, 0)
    code, out, _ = verbs.run("install")
    assert code == 0
    assert "nothing was copied" in out
    assert out.splitlines()[-1] == "Next: keyfob link"


def test_after_an_install_comes_what_the_board_lacks(verbs: Verbs) -> None:
    verbs.port.run("import os; os.rename('/keyfob.json', '/kept.json')")
    assert verbs.run("install")[1].splitlines()[-1] == "Next: keyfob configure"
    verbs.port.run("import os; os.rename('/kept.json', '/keyfob.json')")


def test_an_install_sends_what_is_missing_or_damaged_and_no_more(verbs: Verbs) -> None:
    verbs.json("install")
    source = "import os; d = '/lib/' + [n for n in os.listdir('/lib') if '-' in n][0]"
    verbs.port.run(
        f"{source}; os.remove(d + '/link/account.mpy'); open(d + '/errors.mpy', 'w').close()"
    )
    assert verbs.json("install")["copied"] == 2
    there = verbs.port.run("import keyfob.link.account, keyfob.errors; print('whole')")
    assert there == "whole\n"


def test_a_main_of_one_s_own_stays_without_consent(verbs: Verbs) -> None:
    mine = "print('mine')\n"
    verbs.port.run(f"f = open('/main.py', 'w'); f.write({mine!r}); f.close()")
    assert verbs.json("install")["main"] == "kept"
    assert verbs.port.read("/main.py") == mine
    assert verbs.json("install", "--yes")["main"] == "keyfob"
    ours = (firmware_dir() / "main.py").read_text("utf-8")
    assert verbs.port.read("/main.py") == ours


def test_a_board_without_room_is_refused_before_anything_is_written(verbs: Verbs) -> None:
    verbs.json("install")
    verbs.port.run("import os; os.rename('/lib', '/kept')")
    verbs.port.run(fill(leave=100 * 1024))
    try:
        code, out, err = verbs.run("install", "--json")
        assert (code, out) == (1, "")
        assert re.match(r"keyfob: the board has \d+ KB of room, and keyfob needs \d+ KB\n", err)
        assert verbs.port.run("import os; print('lib' in os.listdir('/'))") == "False\n"
    finally:
        verbs.port.run("import os; os.remove('/fill'); os.rename('/kept', '/lib')")


def fill(leave: int) -> str:
    """A program that fills the flash but for so many bytes."""
    return (
        "import os; room = os.statvfs('/'); block = bytes(4096)\n"
        f"f = open('/fill', 'wb')\nfor _ in range(room[3] - {leave} // 4096): f.write(block)\n"
        "f.close()"
    )


def test_from_a_bare_configuration_to_a_link_and_back(
    verbs: Verbs, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYFOB_WIFI_PASSWORD", PASSWORD)
    verbs.json("install", "--yes")
    verbs.port.run("import os; os.remove('/keyfob.json')")
    code, _, err = verbs.run("link", "--json")
    assert code == 1
    assert err == "keyfob: there is no /keyfob.json\ntry: configure the board first\n"

    words = ["--issuer", provider.issuer, "--client-id", "keyfob-public"]
    words += ["--scope", "openid profile offline_access", "--board", "esp32-ssd1306"]
    words += ["--wifi-ssid", SSID]
    done = verbs.json("configure", *words)
    assert done["written"] == ["/keyfob.json"]
    assert verbs.json("configure", *words)["written"] == []
    assert verbs.json("status") == {
        "port": str(verbs.port.path),
        "linked": False,
        "account": None,
        "scope": None,
        "provider": provider.issuer,
        "board": "esp32-ssd1306",
        "end": None,
        "firmware": "1.29.0",
        "keyfob": "0.1.0",
    }

    events = linked(verbs, provider, "approve")
    names = [event["event"] for event in events if event["event"] != "screen"]
    assert names == ["wifi", "clock", "user_code", "poll", "linked", "api", "end"]
    assert events[-1]["reached"] is True
    assert all(isinstance(event["t"], float) for event in events)
    status = verbs.json("status")
    assert (status["linked"], status["scope"]) == (True, "openid profile offline_access")
    assert status["account"]
    again = [json.loads(line) for line in verbs.run("link", "--json")[1].splitlines()]
    assert [event["stored"] for event in again if event["event"] == "linked"] == [True]

    former = "/link-account.json"  # what cannot be removed there
    verbs.port.run(f"import os; os.mkdir('{former}'); os.mkdir('{former}/x')")
    code, out, err = verbs.run("unlink")
    assert code == 1
    assert err.startswith("keyfob: the link cannot be erased: ")
    assert "nothing of the link is left" not in out
    verbs.port.run(f"import os; os.rmdir('{former}/x'); os.rmdir('{former}')")
    assert "linked" in [event["event"] for event in linked(verbs, provider, "approve")]

    code, out, _ = verbs.run("unlink")
    assert code == 0
    assert out.endswith("nothing of the link is left on the board; the provider confirmed it\n")
    assert verbs.json("status")["linked"] is False


def linked(verbs: Verbs, provider: Provider, action: str) -> list[dict[str, object]]:
    """The events of `link --json`, approved or denied at the admin API meanwhile."""
    provider.hold()
    command = [sys.executable, "-m", "keyfob_host.cli", "link", "--json"]
    process = subprocess.Popen(
        [*command, "--port", str(verbs.port.path)],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    events = []
    for line in process.stdout:
        events.append(json.loads(line))
        if events[-1]["event"] == "user_code":
            provider.decide(action, events[-1]["user_code"])
    code = process.wait(30)
    said = process.stderr.read()
    refused = (
        "keyfob: the request was refused\ntry: keyfob link, for a new code, and approve that\n"
    )
    assert (code, said) == {"approve": (0, ""), "deny": (1, refused)}[action]
    return events


def test_a_link_that_is_denied_fails(verbs: Verbs, provider: Provider) -> None:
    verbs.json("install", "--yes")
    verbs.json("configure", "--issuer", provider.issuer, "--client-id", "keyfob-public")
    events = linked(verbs, provider, "deny")
    assert [event["event"] for event in events if event["event"] == "denied"] == ["denied"]
    assert events[-1]["reached"] is False


def test_configuring_one_thing_leaves_the_rest(
    verbs: Verbs, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = json.loads(verbs.port.read("/keyfob.json"))
    monkeypatch.setenv("KEYFOB_WIFI_PASSWORD", WIFI_PASSWORD)
    try:
        verbs.json("configure", "--wifi-ssid", "workshop")
        after = json.loads(verbs.port.read("/keyfob.json"))
        assert after.pop("wifi") == [
            {"ssid": "workshop", "password": WIFI_PASSWORD},
            *before["wifi"],
        ]
        assert after == {name: value for name, value in before.items() if name != "wifi"}
    finally:
        verbs.change_config(**before)


def test_a_network_keeps_what_is_not_named(verbs: Verbs, monkeypatch: pytest.MonkeyPatch) -> None:
    before = json.loads(verbs.port.read("/keyfob.json"))
    monkeypatch.setenv("KEYFOB_WIFI_PASSWORD", WIFI_PASSWORD)
    fixed = ["10.0.0.5", "255.255.255.0", "10.0.0.1"]
    shed = {"ssid": "shed", "password": WIFI_PASSWORD}
    try:
        for words, expected in (
            (["--wifi-txpower", "8.5"], {**shed, "txpower": 8.5}),
            (
                ["--wifi-address", "10.0.0.5/24,10.0.0.1"],
                {**shed, "txpower": 8.5, "address": [*fixed, "10.0.0.1"]},
            ),
            (
                ["--wifi-address", "10.0.0.5/24,10.0.0.1,9.9.9.9", "--wifi-txpower", "20"],
                {**shed, "txpower": 20, "address": [*fixed, "9.9.9.9"]},
            ),
            ([], {**shed, "txpower": 20, "address": [*fixed, "9.9.9.9"]}),
            (["--wifi-address", "dhcp"], {**shed, "txpower": 20}),
        ):
            done = verbs.json("configure", "--wifi-ssid", "shed", *words)
            hidden = {**expected, "password": "***"}
            assert done["config"]["wifi"] == [hidden, *done["config"]["wifi"][1:]]
            found = json.loads(verbs.port.read("/keyfob.json"))["wifi"]
            assert found == [expected, *before["wifi"]]
        verbs.json("configure", "--country", "DE")
        assert json.loads(verbs.port.read("/keyfob.json"))["country"] == "DE"
    finally:
        verbs.change_config(**before)


def test_configure_opens_the_port_once(
    verbs: Verbs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = json.loads(verbs.port.mpremote("fs", "cat", ":keyfob.json"))
    opened = []
    connected = Board.connected

    def noted(port: Port, *arguments: Any) -> AbstractContextManager[Board]:
        opened.append(port.device)
        return connected(port, *arguments)

    monkeypatch.setattr(Board, "connected", noted)
    try:
        assert verbs.json("configure", "--language", "de")["written"] == ["/keyfob.json"]
        assert opened == [str(verbs.port.path)]
    finally:
        verbs.change_config(**before)


CLIENT = {"client_id": "fob", "client_secret": CLIENT_SECRET, "client_auth": "post"}


def test_a_new_issuer_keeps_the_client_and_nothing_else_of_the_provider(
    verbs: Verbs, provider: Provider
) -> None:
    before = json.loads(verbs.port.mpremote("fs", "cat", ":keyfob.json"))
    old = {"issuer": "https://old.example", "token_endpoint": "https://old.example/token"}
    verbs.change_config(provider=old | CLIENT)
    try:
        verbs.json("configure", "--issuer", provider.issuer, "--no-check")
        after = json.loads(verbs.port.mpremote("fs", "cat", ":keyfob.json"))
        assert after["provider"] == {"issuer": provider.issuer} | CLIENT
        words = ["--issuer", provider.issuer, "--client-id", "another"]
        verbs.json("configure", *words, "--no-check")
        after = json.loads(verbs.port.mpremote("fs", "cat", ":keyfob.json"))
        assert after["provider"] == {"issuer": provider.issuer, "client_id": "another"}
        verbs.change_config(provider=old)
        code, out, err = verbs.run("configure", "--issuer", provider.issuer)
        assert (code, out) == (2, "")
        assert err.startswith("keyfob: --client-id is missing\n")
    finally:
        verbs.change_config(**before)


HTTP, HTTPS = "http://api.example.com/", "https://api.example.com/"
SECURE = {"issuer": "https://login.example.com", "client_id": "fob"}


@pytest.mark.parametrize(
    ("document", "words", "left"),
    [
        ({"provider": SECURE, "api": HTTP}, ["--api", HTTPS], None),
        ({"provider": SECURE | {"issuer": HTTP}, "api": HTTP}, ["--api", HTTPS], True),
        ({"provider": SECURE, "api": HTTPS}, ["--language", "de"], True),
        ({"provider": SECURE, "api": HTTPS}, ["--api", HTTP], True),
        ({"provider": SECURE, "api": HTTP}, ["--api", HTTPS, "--allow-http"], True),
    ],
)
def test_http_is_allowed_as_long_as_an_address_needs_it(
    verbs: Verbs,
    monkeypatch: pytest.MonkeyPatch,
    document: dict[str, object],
    words: list[str],
    left: bool | None,
) -> None:
    monkeypatch.setattr(configuration, "roots_of", lambda *_: [])
    before = json.loads(verbs.port.mpremote("fs", "cat", ":keyfob.json"))
    verbs.change_config(**document, allow_http=True)
    try:
        config = verbs.json("configure", "--dry-run", *words)["config"]
        assert config.get("allow_http") is left
    finally:
        verbs.port.run(
            f"import json; f = open('/keyfob.json', 'w'); json.dump({before!r}, f); f.close()"
        )


def test_a_switch_to_https_is_checked_as_the_board_will_check_it(
    verbs: Verbs, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(configuration, "roots_of", lambda *_: [])

    def note(wanted: check.Wanted) -> tuple[dict[str, str], None]:
        asked.append(wanted.allow_http)
        return {"checked_by": "board"}, None

    monkeypatch.setattr(check, "check", note)
    before = json.loads(verbs.port.mpremote("fs", "cat", ":keyfob.json"))
    verbs.change_config(provider={"issuer": HTTP, "client_id": "fob"}, allow_http=True)
    try:
        for issuer, allowed in ((HTTP, True), (HTTPS, False)):
            config = verbs.json("configure", "--dry-run", "--issuer", issuer)["config"]
            assert config.get("allow_http", False) is allowed
        assert asked == [True, False]
    finally:
        verbs.port.run(
            f"import json; f = open('/keyfob.json', 'w'); json.dump({before!r}, f); f.close()"
        )


def test_a_dry_run_writes_nothing_and_shows_no_secret(
    verbs: Verbs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYFOB_WIFI_PASSWORD", WIFI_PASSWORD)
    monkeypatch.setenv("KEYFOB_CLIENT_SECRET", CLIENT_SECRET)
    before = verbs.port.read("/keyfob.json")
    words = ["--wifi-ssid", "x", "--client-id", "y", "--client-auth", "post", "--dry-run"]
    words.append("--no-check")
    for form in (["--json"], []):
        code, out, err = verbs.run("configure", *words, *form)
        assert (code, err) == (0, "")
        assert WIFI_PASSWORD not in out
        assert CLIENT_SECRET not in out
        assert out.count("***") >= 2
    assert verbs.port.read("/keyfob.json") == before


def test_secrets_reach_the_board_and_no_other_place(verbs: Verbs) -> None:
    """They are in no process list while it runs, and in nothing that it prints."""
    before = json.loads(verbs.port.read("/keyfob.json"))
    command = [sys.executable, "-m", "keyfob_host.cli", "configure", "--json"]
    command += ["--wifi-ssid", "x", "--client-auth", "basic", "--port", str(verbs.port.path)]
    command.append("--no-check")
    secrets = {"KEYFOB_WIFI_PASSWORD": WIFI_PASSWORD, "KEYFOB_CLIENT_SECRET": CLIENT_SECRET}
    process = subprocess.Popen(
        command, env=os.environ | secrets, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    seen = b""
    while process.poll() is None:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen += path.read_bytes()
            except OSError:
                continue
        time.sleep(0.05)
    out, err = process.communicate()
    try:
        assert process.returncode == 0, err
        after = json.loads(verbs.port.read("/keyfob.json"))
        assert after["provider"]["client_secret"] == CLIENT_SECRET
        assert after["wifi"][0]["password"] == WIFI_PASSWORD
        for secret in (WIFI_PASSWORD.encode(), CLIENT_SECRET.encode()):
            assert secret not in seen + out + err
        assert b"keyfob_host.cli" in seen
    finally:
        verbs.change_config(**before)


def test_without_a_terminal_a_missing_password_is_an_error_not_a_question(
    verbs: Verbs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KEYFOB_WIFI_PASSWORD", raising=False)
    code, out, err = verbs.run("configure", "--wifi-ssid", "elsewhere", "--json")
    assert (code, out) == (2, "")
    assert err.endswith("try: set KEYFOB_WIFI_PASSWORD in the environment\n")


def test_a_provider_that_cannot_do_it_is_refused_before_anything_is_written(
    verbs: Verbs, unused_port: int
) -> None:
    before = verbs.port.read("/keyfob.json")
    issuer = f"http://127.0.0.1:{unused_port}"
    code, _, err = verbs.run("configure", "--issuer", issuer, "--client-id", "x")
    assert code == 1
    assert err.startswith("keyfob: no connection to 127.0.0.1")
    assert verbs.port.read("/keyfob.json") == before


def test_the_parts_of_the_board_as_table_and_junit(verbs: Verbs, tmp_path: Path) -> None:
    verbs.json("install", "--yes")
    found = verbs.json("test", "--junit", str(tmp_path / "parts.xml"))
    outcomes = {part["part"]: part["outcome"] for part in found["parts"]}
    assert outcomes == {
        "heap": "passed",
        "flash": "passed",
        "I2C": "passed",
        "panel": "passed",
        "button": "passed",
        "Wi-Fi": "passed",
        "TLS": "skipped",  # its provider is reached by http
    }
    suite = ElementTree.parse(tmp_path / "parts.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("7", "0", "1")
    assert {case.get("name") for case in suite} == set(outcomes)


def test_a_part_that_fails_fails_the_test(verbs: Verbs, tmp_path: Path) -> None:
    board = json.loads(verbs.port.read("/board.json"))
    wrong = json.loads(json.dumps(board))
    wrong["display"]["i2c"]["address"] = 0x3D
    write = "import json; f = open('/board.json', 'w'); json.dump({!r}, f); f.close()"
    verbs.port.run(write.format(wrong))
    try:
        code, out, err = verbs.run("test", "--junit", str(tmp_path / "parts.xml"))
    finally:
        verbs.port.run(write.format(board))
    assert code == 1
    assert "no panel answers at 0x3d; the bus has 0x3c" in out
    assert err == "keyfob: failed: I2C, panel\ntry: keyfob doctor\n"
    assert "\x1b" not in out  # it is no terminal
    suite = ElementTree.parse(tmp_path / "parts.xml").getroot()
    assert suite.get("failures") == "2"


def test_a_part_that_fails_in_a_way_of_its_own_does_not_end_the_test(verbs: Verbs) -> None:
    board = verbs.port.read("/board.json")
    verbs.port.run("f = open('/board.json', 'w'); f.write('[]'); f.close()")
    try:
        code, out, err = verbs.run("test", "--json")
    finally:
        verbs.port.run(f"f = open('/board.json', 'w'); f.write({board!r}); f.close()")
    assert (code, err) == (1, "keyfob: failed: I2C, panel, button\ntry: keyfob doctor\n")
    details = {part["part"]: part["detail"] for part in json.loads(out)["parts"]}
    assert details["panel"] == "TypeError: it is not a JSON object"
    assert details["Wi-Fi"].startswith("joined")


def test_another_board_than_the_one_that_is_meant_is_left_alone(verbs: Verbs) -> None:
    code, _, err = verbs.run("unlink", "--board", "m5stack-core", "--json")
    assert code == 2
    assert err.startswith("keyfob: this board is configured as esp32-ssd1306, not m5stack-core\n")


@pytest.mark.parametrize("verb", ["link", "monitor", "doctor", "test", "install"])
def test_ctrl_c_frees_the_port_within_a_second(port: VirtualPort, verb: str) -> None:
    def attempt() -> Callable[[], object]:
        process = subprocess.Popen(
            [sys.executable, "-m", "keyfob_host.cli", verb, "--port", str(port.path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        while not is_locked(port.path):
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        time.sleep(0.3)  # in the middle of something
        ended.append(process)
        return lambda: (process.send_signal(signal.SIGINT), process.wait())

    ended: list[subprocess.Popen[str]] = []
    assert quickest(1, attempt) < 1
    for process in ended:
        out, err = process.communicate()
        assert process.returncode == 130
        assert "Traceback" not in out + err
    with serial.Serial(str(port.path), exclusive=True):
        pass


def is_locked(path: Path) -> bool:
    try:
        with serial.Serial(str(path), exclusive=True):
            return False
    except serial.SerialException:
        return True


def test_after_a_verb_the_board_runs_its_program_again(verbs: Verbs) -> None:
    verbs.json("install", "--yes")
    before = len([event for event in verbs.port.events if event["event"] == "user_code"])
    verbs.json("status")
    verbs.port.wait_for("user_code", before + 1)


def test_ctrl_c_in_the_first_two_seconds_finds_nothing_of_keyfob_loaded(tmp_path: Path) -> None:
    port = VirtualPort(tmp_path)  # whose seconds are real
    main = port.read("/main.py")
    assert "\nWINDOW = 2 " in main
    slow = main.replace("time.sleep(WINDOW)", "print('waits'); time.sleep(WINDOW * 3600)")
    port.run(f"with open('/main.py', 'w') as f: f.write({slow!r})")
    try:
        with serial.Serial(str(port.path), timeout=PATIENCE) as line:
            line.write(b"\r\x03\x02\x04")
            assert b"waits\r\n" in line.read_until(b"waits\r\n")
            line.write(b"\x03")
            assert b"KeyboardInterrupt" in line.read_until(b">>> ")
            line.write(b"import sys; print('keyfob' in sys.modules)\r")
            assert b"False\r\n" in line.read_until(b"False\r\n")
    finally:
        port.stop()


@pytest.mark.parametrize(
    ("content", "happened"),
    [
        ("[]", "is not a JSON object"),
        ('{"wifi": {"ssid": "a"}}', "wifi in the board's /keyfob.json is of the wrong type"),
        ('{"wifi": ["a"]}', "wifi in the board's /keyfob.json is of the wrong type"),
        ('{"provider": "x"}', "provider in the board's /keyfob.json is of the wrong type"),
        ('{"ca": [5]}', "ca in the board's /keyfob.json is of the wrong type"),
        ('{"wifi": [', "is not valid JSON"),
        ('{"wifi": [{"ssid": "\\ud800"}]}', "is not valid JSON at line 1"),
        ("[" * 100_000, "is not valid JSON"),
    ],
)
def test_a_configuration_that_is_junk_is_named_before_it_is_changed(
    content: str, happened: str
) -> None:
    with pytest.raises(CliError, match=re.escape(happened)) as caught:
        configuration.read_document(content.encode())
    assert caught.value.hint.endswith("mpremote fs rm :keyfob.json")


@pytest.mark.parametrize("verb", ["link", "unlink"])
def test_what_is_wrong_on_the_board_always_has_something_to_try(verbs: Verbs, verb: str) -> None:
    before = verbs.port.read("/keyfob.json")
    verbs.port.run("f = open('/keyfob.json', 'w'); f.write('[]'); f.close()")
    try:
        code, _, err = verbs.run(verb)
        assert (code, err) == (
            1,
            "keyfob: the configuration is not a JSON object\ntry: keyfob doctor\n",
        )
        assert "None" not in verbs.run("status")[1]
    finally:
        verbs.port.run(f"f = open('/keyfob.json', 'w'); f.write({before!r}); f.close()")


@pytest.mark.parametrize(
    ("words", "environ", "happened"),
    [
        (["--board", ""], {}, "--board is empty"),
        (["--wifi-ssid", ""], {}, "--wifi-ssid is empty"),
        (["--scope", "a\nb"], {}, "--scope holds a character that does not print"),
        (["--wifi-ssid", "a\udcff"], {}, "--wifi-ssid holds a character that does not print"),
        (["--wifi-ssid", "ü" * 17], {}, "no network has a name of more than 32 bytes"),
        (["--wifi-ssid", "a"], {"KEYFOB_WIFI_PASSWORD": "7letter"}, "a Wi-Fi password has 8 to"),
        (["--wifi-ssid", "a"], {"KEYFOB_WIFI_PASSWORD": "secret\n77"}, "the Wi-Fi password of a"),
        (["--client-id", "a"], {"KEYFOB_CLIENT_SECRET": "secret\udcff"}, "the client secret hold"),
        (["--client-auth", "bananas"], {}, "--client-auth takes none or basic or post"),
        (["--wifi-txpower", "8.5"], {}, "--wifi-ssid is missing"),
        (["--wifi-ssid", "a", "--wifi-txpower", "loud"], {}, "--wifi-txpower takes a number"),
        (["--wifi-ssid", "a", "--wifi-txpower", "99"], {}, "wifi[0].txpower is not a number from"),
        (["--wifi-ssid", "a", "--wifi-txpower", "nan"], {}, "wifi[0].txpower is not a number"),
        (["--wifi-ssid", "a", "--wifi-address", "10.0.0.5"], {}, "--wifi-address takes ADDRESS/"),
        (["--wifi-ssid", "a", "--wifi-address", "10.0.0.5/24,gw"], {}, "--wifi-address takes"),
        (["--wifi-ssid", "a", "--wifi-address", "1.2.3.4/24,1.2.3.1,::1"], {}, "--wifi-address"),
        (["--country", "germany"], {}, "country is not two capital letters"),
    ],
)
def test_what_cannot_be_right_is_refused_before_it_is_written(
    verbs: Verbs,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    environ: dict[str, str],
    happened: str,
) -> None:
    monkeypatch.setenv("KEYFOB_WIFI_PASSWORD", "")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    code, out, err = verbs.run("configure", "--dry-run", *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"keyfob: {happened}")
    assert not any(value and value in err for value in environ.values())


JOIN = """
import time
import network
from keyfob.config import load

station = network.WLAN(network.STA_IF)
station.active(True)
station.disconnect()
time.sleep(1)
wanted = load().wifi[0]
station.connect(wanted["ssid"], wanted["password"])
print(station.config("ssid").encode() == wanted["ssid"].encode(), list(wanted["ssid"].encode()))
print(list(wanted["password"].encode()))
"""


def test_names_and_passwords_reach_the_radio_as_they_were_typed(
    verbs: Verbs, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = verbs.port.read("/keyfob.json")
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"  # joined by what does not print
    for name, password in (
        (f"{family} \u00a0é", "pässwörd\U0001f600"),
        ("Ana\u2019s 漢", "\U0001f600" * 8),
    ):
        monkeypatch.setenv("KEYFOB_WIFI_PASSWORD", password)
        verbs.json("configure", "--wifi-ssid", name)
        first, second = verbs.port.run(JOIN).splitlines()
        assert first == f"True {list(name.encode())}"
        assert second == str(list(password.encode()))
    verbs.port.run(f"f = open('/keyfob.json', 'w'); f.write({before!r}); f.close()")


def test_a_board_file_that_is_no_object_stops_no_glance(verbs: Verbs) -> None:
    from keyfob_host.board.repl import ON_BOARD

    before = verbs.port.read("/board.json")
    glance = (ON_BOARD / "glance.py").read_text()
    for content in ("[]", "7", "[" * 9000, "{", '{"name": 5}'):
        write = f"f = open('/board.json', 'w'); f.write({content!r}); f.close()\n"
        told = json.loads(verbs.port.run(write + glance).splitlines()[-1])
        assert told["board"] in (None, 5)
    verbs.port.run(f"f = open('/board.json', 'w'); f.write({before!r}); f.close()")


# No time passes while nobody lets the board in.
AIR = """
import network
import keyfob.net.wifi
from keyfob.errors import TransportError

async def join(networks, clock):
    raise TransportError("out of reach")

keyfob.net.wifi.join = join
names = b"\\xff\\xfe", b"mine"
network.WLAN.scan = lambda self: [(name, b"123456", 1, -50, 0, False) for name in names]
exec(open("/wifi.py").read())
"""


def test_a_name_in_the_air_that_is_no_text_stops_no_check(verbs: Verbs) -> None:
    from keyfob_host.board.repl import ON_BOARD

    before = verbs.port.read("/keyfob.json")
    verbs.change_config(wifi=[{"ssid": "mine"}, {"ssid": "elsewhere"}])
    program = (ON_BOARD / "wifi.py").read_text()
    told = verbs.port.run(f"open('/wifi.py', 'w').write({program!r})\n" + AIR)
    assert json.loads(told.splitlines()[-1]) == [["mine", "elsewhere"], ["mine"]]
    verbs.port.run(f"f = open('/keyfob.json', 'w'); f.write({before!r}); f.close()")
