"""Each preset with the mock server as its provider: the firmware links, and refreshes."""

import json
import os

import pytest
from board_run import RUNTIMES, run_board
from provider_presets import OFFERING

from keyfob_host.providers.presets import load
from keyfob_sim.server import MockServer, ServerOptions

QUICK = ("--runtime", "cpython", "--clock", "virtual")


@pytest.fixture
def sim(capsys):
    return lambda *arguments: run_board(capsys, *arguments)


@pytest.mark.parametrize("name", OFFERING)
def test_a_board_links_and_refreshes(sim, tmp_path, name):
    preset = load(name)
    path = tmp_path / "provider.json"
    with MockServer(ServerOptions(personality=name, approve="auto")) as server:
        path.write_text(json.dumps(server.description["provider"]))
        until = "linked" if preset.refresh == "never" else "refreshed:2"
        scope = ("--scope", preset.scope) if preset.scope else ()
        run = sim(*QUICK, "--provider", path, *scope, "--until", until)
        asked = [entry["error"] for entry in server.realm.log.entries(0, "token")]
    assert run.exit_code == 0, run
    assert run.of("poll")[0]["result"] == "pending"
    assert run.only("linked")
    assert "authorization_pending" in asked
    assert len(run.of("refreshed")) == (0 if preset.refresh == "never" else 2)


@pytest.mark.parametrize(
    ("name", "account"),
    [
        ("github", "ana"),
        ("twitch", "ana"),
        ("amazon", "Ana Alves"),
        ("google", "Ana Alves"),
        ("microsoft", "Ana Alves"),
        ("keycloak", "Ana Alves"),
        ("trakt", None),
    ],
)
def test_a_board_knows_who_is_linked(sim, tmp_path, name, account):
    path = tmp_path / "provider.json"
    with MockServer(ServerOptions(personality=name, approve="auto")) as server:
        path.write_text(json.dumps(server.description["provider"]))
        scope = ("--scope", load(name).scope) if load(name).scope else ()
        run = sim(*QUICK, "--provider", path, *scope, "--until", "linked")
    assert run.exit_code == 0, run
    assert run.only("linked")["account"] == account


@pytest.mark.parametrize("name", ["github", "twitch", "auth0"])
def test_a_board_hears_a_refusal(sim, tmp_path, name):
    path = tmp_path / "provider.json"
    with MockServer(ServerOptions(personality=name, approve="deny")) as server:
        path.write_text(json.dumps(server.description["provider"]))
        run = sim(*QUICK, "--provider", path, "--scope", load(name).scope, "--until", "denied")
    assert run.exit_code == 0, run
    assert run.only("denied")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_preset_by_name(sim, mock_server, runtime):
    issuer = mock_server.description["issuer"]
    run = sim(
        "--clock",
        "virtual",
        "--runtime",
        runtime,
        "--provider",
        f"oidc:issuer={issuer}",
        "--client-id",
        "keyfob-public",
    )
    assert run.exit_code == 0
    assert run.only("linked")


def test_a_preset_by_name_gets_the_host_s_root(sim, tmp_path, monkeypatch):
    with MockServer(
        ServerOptions(https=True, chain="ec", approve="auto", ca_dir=tmp_path / "ca")
    ) as server:
        monkeypatch.setenv("SSL_CERT_FILE", server.description["ca"])
        issuer = server.description["issuer"]
        run = sim(*QUICK, "--provider", f"oidc:issuer={issuer}", "--client-id", "keyfob-public")
    assert run.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("keycloak",), 2, "Keycloak needs domain"),
        (("keycloak:relm=x",), 2, "sets no variable"),
        (("spotify",), 2, "does not offer"),
        (("google",), 2, "wants a client secret"),
    ],
)
def test_a_preset_that_will_not_do(sim, arguments, code, told):
    run = sim("--provider", *arguments, "--client-id", "x")
    assert run.exit_code == code
    assert told in run.complaint[0]


def test_a_preset_needs_a_client_id(sim):
    run = sim("--provider", "github")
    assert run.exit_code == 2
    assert "--client-id" in run.complaint[0]


def test_a_file_in_the_folder_hides_no_preset(sim, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "oidc").write_text("{}")
    run = sim("--provider", "oidc", "--client-id", "x")
    assert "needs issuer" in run.complaint[0]
    assert os.listdir(tmp_path) == ["oidc"]
