"""`keyfob configure` with a person, without one, and what it asks the provider."""

import getpass
import io
import json
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from keyfob_host import cli
from keyfob_host.board import ports, repl
from keyfob_host.providers.presets import known_providers, load
from keyfob_host.verbs import dialogue
from keyfob_sim.server import MockServer

WIFI = [{"ssid": "home", "password": "correct horse"}]
HTTPS = {"issuer": "https://login.example.com", "client_id": "fob"}


class FakeBoard:
    """A board that holds files, and is told to write some."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)

    def put(self, path: str, content: bytes) -> None:
        self.files[path] = content

    def ask(self, name: str) -> dict[str, str]:
        assert name == "facts"
        return {"machine": "Generic ESP32C3 module with ESP32C3"}

    def run_file(self, name: str, arguments: Mapping[str, Any]) -> None:
        pass

    def renew(self, timeout: float) -> None:
        assert timeout > 0

    @property
    def config(self) -> Any:
        return json.loads(self.files["/keyfob.json"])

    @config.setter
    def config(self, document: object) -> None:
        self.files["/keyfob.json"] = json.dumps(document, indent=2).encode() + b"\n"


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> FakeBoard:
    board = FakeBoard()
    monkeypatch.setattr(ports, "choose", lambda *_: SimpleNamespace(device="a port"))
    monkeypatch.setattr(repl.Board, "connected", lambda *_: nullcontext(board))
    for name in ("KEYFOB_WIFI_PASSWORD", "KEYFOB_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    return board


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run it, with a person who types `typed` and `secrets`, or nobody: code, stdout, stderr."""

    def run(*words: str, typed: list[str] | None = None, secrets: tuple[str, ...] = ()) -> Any:
        unseen = iter(secrets)
        lines = "".join(f"{line}\n" for line in typed or ())
        monkeypatch.setattr(dialogue, "is_terminal", lambda: typed is not None)
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        monkeypatch.setattr(
            getpass, "getpass", lambda prompt: asked.append(prompt) or next(unseen)
        )
        code = cli.main(["configure", *words])
        out, err = capsys.readouterr()
        return code, out, err

    asked: list[str] = []
    run.asked = asked  # type: ignore[attr-defined]
    return run


@pytest.fixture
def issuer(mock_server: MockServer) -> str:
    return str(mock_server.description["issuer"])


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody be reached."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("somebody was asked")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_without_options_a_person_is_asked_for_all_of_it(
    board: FakeBoard, configure: Any, issuer: str
) -> None:
    typed = ["oidc", issuer, "", "keyfob-public", "home", "99", "esp32c3-oled"]
    code, out, err = configure(typed=typed, secrets=("", "short", "correct horse"))
    assert code == 0, err
    offering = [name for name in known_providers() if load(name).provider is not None]
    assert all(f"  {name} " in err for name in offering)
    assert "  spotify " not in err
    assert configure.asked == [
        "the client secret (empty: none): ",
        "the Wi-Fi password of home: ",
        "the Wi-Fi password of home: ",
    ]
    assert err.count("Client ID: ") == 2
    assert "esp32-ssd1306" not in err  # of another chip
    assert board.config["provider"] == {"issuer": issuer, "client_id": "keyfob-public"}
    assert (board.config["wifi"], board.config["board"]) == (WIFI, "esp32c3-oled")
    assert "/board.json" in board.files
    assert "correct horse" not in out + err
    assert out.splitlines()[-1] == "Next: keyfob link"


def test_what_the_board_has_may_stay(board: FakeBoard, configure: Any, offline: None) -> None:
    board.config = before = {"wifi": WIFI, "provider": HTTPS, "board": "esp32-generic"}
    code, out, err = configure(typed=["", "n"])
    assert (code, board.config) == (0, before)
    assert "Its provider is https://login.example.com. Another one? [y/N]" in err
    assert "Its Wi-Fi is home. Another one? [y/N]" in err
    assert out.splitlines()[0] == "the board is configured like this already"


def test_a_person_who_stops_answering_ends_it(board: FakeBoard, configure: Any) -> None:
    code, _, err = configure(typed=["oidc"])
    assert code == 2
    assert "keyfob: the answers ended too soon\n" in err
    assert board.files == {}


def test_piped_it_says_what_is_missing(configure: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "choose", lambda *_: pytest.fail("no board is asked"))
    for words in ([], ["--json"], ["--yes"]):
        code, out, err = configure(*words)
        assert (code, out) == (2, "")
        assert all(name in err for name in ("--wifi-ssid", "--provider", "--client-id", "--board"))


def test_a_named_provider_is_completed(board: FakeBoard, configure: Any, offline: None) -> None:
    words = ["--provider", "keycloak:realm=home", "--no-check"]
    typed = ["id.example.com", "lamp", "esp32c3-generic"]
    code, _, err = configure(*words, typed=typed)
    assert code == 0, err
    assert board.config["provider"]["client_id"] == "lamp"
    assert "id.example.com" in board.config["provider"]["issuer"]
    code, _, err = configure("--provider", "spotify", typed=[])
    assert (code, "Client ID" in err) == (2, False)
    assert "Spotify does not offer the device grant" in err


CLIENT = ["--client-id", "keyfob-public", "--board", "esp32-generic"]


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (["--client-id", "nobody"], "invalid_client", "--client-id ID, --client-auth and"),
        ([*CLIENT, "--scope", "no-such-scope"], "invalid_scope", '--scope "..." with scopes'),
    ],
)
def test_a_client_that_the_provider_refuses_is_not_written(
    board: FakeBoard, configure: Any, issuer: str, words: list[str], error: str, hint: str
) -> None:
    code, out, err = configure("--issuer", issuer, *words)
    assert (code, out) == (1, "")
    assert f"keyfob: the provider refused: {error}" in err
    assert f"\ntry: {hint}" in err
    assert board.files == {}
    assert configure("--issuer", issuer, *words, "--no-check")[0] == 0
    assert board.config["provider"]["issuer"] == issuer


def test_only_what_was_refused_is_asked_for_again(
    board: FakeBoard, configure: Any, issuer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = issuer.rpartition(":")[0] + ":1"
    monkeypatch.setattr("keyfob_host.verbs.configure._preset_scope", lambda _: "no-such-scope")
    typed = ["oidc", nobody, "nobody", "home", "esp32c3-oled"]
    again = [issuer, "keyfob-public", "openid profile"]
    code, out, err = configure(typed=typed + again, secrets=("", "correct horse", ""))
    assert code == 0, err
    assert err.count("Name of the Wi-Fi network") == err.count("Which board is it?") == 1
    assert err.count("Which provider?") == 1
    assert f"[{nobody}]: " in err  # what was typed, for an empty line
    assert "Client ID [nobody]: " in err
    assert [prompt.partition(" (")[0] for prompt in configure.asked] == [
        "the client secret",
        "the Wi-Fi password of home: ",
        "the client secret",
    ]
    said = [line for line in out.splitlines() if not line.startswith("  try: ")]
    assert said[1].startswith("no connection to ")
    assert said[2].startswith("the provider refused: invalid_client")
    assert said[3].startswith("the provider refused: invalid_scope")
    assert board.config["scope"] == "openid profile"
    assert board.config["provider"] == {"issuer": issuer, "client_id": "keyfob-public"}
    assert board.config["wifi"] == WIFI


def test_a_client_or_a_scope_alone_is_asked_for_at_the_provider_of_the_board(
    board: FakeBoard, configure: Any, issuer: str
) -> None:
    board.config = before = {"provider": {"issuer": issuer, "client_id": "keyfob-public"}}
    for words in (["--client-id", "nobody"], ["--scope", "no-such-scope"]):
        assert configure(*words)[0] == 1
        assert board.config == before
    code, out, err = configure("--scope", "openid")
    assert (code, board.config) == (0, before | {"scope": "openid"}), err
    assert out.startswith("the provider offers the device grant, and knows this client\n")


def test_wifi_alone_may_be_set(
    board: FakeBoard, configure: Any, offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYFOB_WIFI_PASSWORD", "correct horse")
    code, out, err = configure("--wifi-ssid", "home")
    assert (code, err) == (0, "")
    assert board.config == {"wifi": WIFI}
    assert out.splitlines()[-1] == "Next: keyfob configure --provider NAME --client-id ID"
    board.config = {"wifi": WIFI, "provider": HTTPS}
    assert configure("--wifi-ssid", "work")[0] == 0
    assert board.config["provider"] == HTTPS
    assert configure("--country", "de")[0] == 0
    assert board.config["country"] == "DE"
    assert [network["ssid"] for network in board.config["wifi"]] == ["work", "home"]


def test_without_a_network_it_takes_the_roots_that_it_knows(
    board: FakeBoard, configure: Any, offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYFOB_CLIENT_SECRET", "tell-nobody")
    words = ["--client-id", "x", "--board", "esp32-generic", "--no-check"]
    code, out, _ = configure("--provider", "google", *words)
    assert code == 0
    assert len(board.config["ca"]) == len(load("google").roots)
    assert set(board.config["ca"]) <= set(board.files)
    assert "no root certificate" not in out
    board.files.clear()
    code, out, _ = configure("--issuer", HTTPS["issuer"], *words)
    assert code == 0
    assert "ca" not in board.config
    assert "no root certificate was looked up; before it can link: --ca FILE" in out


def test_http_names_the_option_that_allows_it(
    board: FakeBoard, configure: Any, offline: None
) -> None:
    code, _, err = configure("--issuer", "http://192.168.1.2", *CLIENT)
    assert code == 2
    assert "\ntry: --allow-http, on a test network alone" in err


def test_a_board_that_is_not_known_is_named(
    board: FakeBoard, configure: Callable[..., Any], offline: None
) -> None:
    words = ["--issuer", HTTPS["issuer"], "--client-id", "x", "--no-check"]
    code, out, _ = configure(*words)
    assert code == 0
    assert "no board is named: " in out
    code, _, err = configure(*words, typed=["none"])
    assert (code, "Which board is it?" in err) == (0, True)
    assert "board" not in board.config
    board.files["/board.json"] = b"{}"
    code, out, err = configure(*words, typed=[])
    assert (code, err) == (0, "")
    assert "no board is named" not in out
