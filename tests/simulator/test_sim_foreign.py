"""`keyfob sim --issuer` and `--provider`: a server that is not the run's own."""

import json
import time

import pytest
from board_run import run_board

from keyfob_sim.server import MockServer, ServerOptions

VIRTUAL = ("--clock", "virtual")


@pytest.fixture
def sim(capsys):
    return lambda *arguments: run_board(capsys, *arguments)


@pytest.fixture
def secure_server(tmp_path):
    with MockServer(
        ServerOptions(https=True, chain="ec", approve="auto", ca_dir=tmp_path / "ca")
    ) as server:
        yield server


def provider(server, **more):
    """The provider object of `/keyfob.json`, endpoints written out."""
    names = ("device_authorization_endpoint", "token_endpoint", "userinfo_endpoint")
    return {name: server.description[name] for name in names} | more


def public_client_of(server):
    return "--issuer", server.description["issuer"], "--client-id", "keyfob-public"


def secret_of(server, auth):
    (client,) = [c for c in server.description["clients"] if c["client_auth"] == auth]
    return client["client_id"], client["client_secret"]


def test_by_issuer(sim, mock_server):
    run = sim(
        *VIRTUAL, *public_client_of(mock_server),
        "--scope", "openid profile offline_access", "--until", "refreshed:2",
    )  # fmt: skip
    assert run.exit_code == 0
    assert run.of("server") == []
    assert run.only("linked")["account"] == "Ana Alves"
    assert [event["rotated"] for event in run.of("refreshed")] == [True, True]
    assert run.only("end")["t"] < 60  # a foreign server's refreshes are made at once


@pytest.mark.parametrize("auth", ["basic", "post"])
def test_a_secret_from_the_environment(sim, mock_server, monkeypatch, auth):
    client_id, secret = secret_of(mock_server, auth)
    monkeypatch.setenv("KEYFOB_CLIENT_SECRET", secret)
    run = sim(
        *VIRTUAL, "--issuer", mock_server.description["issuer"], "--client-id", client_id,
        "--client-auth", auth, "--client-secret", "the-environment-wins-over-this",
    )  # fmt: skip
    assert run.exit_code == 0
    assert secret not in run.stdout + run.stderr


def test_without_a_method_the_metadata_decides(sim, mock_server, monkeypatch):
    client_id, secret = secret_of(mock_server, "basic")
    monkeypatch.setenv("KEYFOB_CLIENT_SECRET", secret)
    run = sim(*VIRTUAL, "--issuer", mock_server.description["issuer"], "--client-id", client_id)
    assert run.exit_code == 0


@pytest.mark.parametrize("form", ["json", "toml"])
def test_by_a_provider_file(sim, mock_server, tmp_path, form):
    fields = provider(mock_server)
    text = json.dumps(fields)
    if form == "toml":
        text = "\n".join(f"{name} = {json.dumps(value)}" for name, value in fields.items())
    path = tmp_path / f"provider.{form}"
    path.write_text(text)
    run = sim(*VIRTUAL, "--provider", path, "--client-id", "keyfob-public")
    assert run.exit_code == 0
    assert run.only("linked")


def test_a_client_id_in_the_provider_file(sim, mock_server, tmp_path):
    path = tmp_path / "provider.json"
    path.write_text(json.dumps(provider(mock_server, client_id="keyfob-public")))
    assert sim(*VIRTUAL, "--provider", path).exit_code == 0


def test_a_provider_file_that_an_editor_put_a_byte_order_mark_into(sim, mock_server, tmp_path):
    path = tmp_path / "provider.json"
    fields = provider(mock_server, client_id="keyfob-public")
    path.write_text(json.dumps(fields), encoding="utf-8-sig")
    assert sim(*VIRTUAL, "--provider", path).exit_code == 0


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("{", 2, "not valid JSON"),
        ('{"client_id": "x",\n "issuer": "https://as.example",\n}', 2, "not valid JSON at line 3"),
        ('{"client_id": "x",\n "client_id": "y"}', 2, "not valid JSON at line 2"),
        ('{"client_id": "\\ud83d"}', 2, "not valid JSON at line 1"),
        ('{"client_id": "x", "min_interval": NaN}', 2, "not valid JSON at line 1"),
        ("[]", 2, "an object"),
        ("[" * 100_000, 2, "not valid JSON"),
        ("{}", 2, "--client-id"),
        ('{"client_id": "x"}', 1, "device_authorization_endpoint is missing"),
        ('{"client_id": "x", "issuer": "https://127.0.0.1", "isuer": 1}', 1, "provider.isuer"),
        ('{"client_id": "x", "issuer": "http://as.example"}', 2, "issuer is an http address"),
    ],
)
def test_a_provider_file_that_will_not_do(sim, tmp_path, text, code, told):
    path = tmp_path / "provider.json"
    path.write_text(text)
    run = sim("--provider", path)
    assert run.exit_code == code
    assert told in " ".join(run.complaint)
    assert run.only("error")["fatal"] is True
    assert path.read_text() == text


@pytest.mark.parametrize("name", ["no-such-preset", "missing.toml", "missing.json"])
def test_a_provider_that_is_not_there(sim, name):
    run = sim("--provider", name, "--client-id", "x")
    assert run.exit_code == 2
    assert name in run.complaint[0]


@pytest.mark.parametrize("form", ["pem", "der", "bundle"])
def test_https_with_a_ca_file(sim, secure_server, tmp_path, form):
    from keyfob_host.providers.roots import split_certificates
    from keyfob_sim.server.certificates import make_ca

    pem = (tmp_path / "ca" / "ca.pem").read_bytes()
    other = make_ca(tmp_path / "other").cert_path.read_bytes()
    data = {"pem": pem, "der": split_certificates(pem)[0], "bundle": other + pem}[form]
    path = tmp_path / f"roots.{form}"
    path.write_bytes(data)
    run = sim(*VIRTUAL, *public_client_of(secure_server), "--ca", path)
    assert run.exit_code == 0


def test_https_with_the_hosts_trust_store(sim, secure_server, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca" / "ca.pem"))
    run = sim(*VIRTUAL, *public_client_of(secure_server))
    assert run.exit_code == 0


def test_https_that_nobody_trusts(sim, secure_server):
    run = sim(*VIRTUAL, *public_client_of(secure_server))
    assert run.exit_code == 1
    assert run.only("error")["kind"] == "tls"
    assert "--ca" in run.complaint[1]


def test_a_wrong_ca(sim, secure_server, tmp_path):
    from keyfob_sim.server.certificates import make_ca

    ca = make_ca(tmp_path / "other").cert_path
    run = sim(
        *VIRTUAL, "--issuer", secure_server.description["issuer"], "--client-id", "x", "--ca", ca
    )
    assert run.exit_code == 1
    assert run.only("error")["kind"] == "tls"
    assert run.of("user_code") == []


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nno\n"])
def test_a_ca_that_cannot_be_read(sim, tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    run = sim("--issuer", "https://127.0.0.1:1", "--client-id", "x", "--ca", path)
    assert run.exit_code == 1
    assert run.only("error")["kind"] == "config"
    assert str(path) in run.complaint[0]


def test_an_issuer_that_the_server_spells_otherwise(sim, mock_server):
    run = sim(
        *VIRTUAL,
        "--issuer",
        mock_server.description["issuer"] + "/",
        "--client-id",
        "keyfob-public",
    )
    assert run.exit_code == 1
    assert run.only("error")["kind"] == "config"
    assert run.complaint[1].endswith(mock_server.description["issuer"])


def test_an_issuer_out_of_reach(sim):
    started = time.monotonic()
    run = sim("--issuer", "http://127.0.0.1:1", "--client-id", "x")
    assert run.exit_code == 1
    assert run.only("error")["kind"] == "network"
    assert time.monotonic() - started < 20


def test_an_http_issuer_on_a_network(sim):
    run = sim("--issuer", "http://as.example", "--client-id", "x")
    assert run.exit_code == 2
    assert "--allow-http" in run.complaint[1]


def test_http_is_allowed_in_as_many_words(sim):
    run = sim(*VIRTUAL, "--issuer", "http://no-such-host.invalid", "--client-id", "x",
              "--allow-http")  # fmt: skip
    assert run.exit_code == 1
    assert run.only("error")["kind"] == "network"


def test_nobody_approves_on_a_foreign_server_by_itself(sim, tmp_path):
    with MockServer(ServerOptions()) as server:
        run = sim(*VIRTUAL, *public_client_of(server), "--until", "expired")
    assert run.exit_code == 0
    assert run.only("expired")
