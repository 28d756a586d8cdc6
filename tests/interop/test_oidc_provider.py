"""A board and a certified authorization server that nobody on this project wrote."""

import base64
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
from interop.oidc_server import Client, OidcServer
from interop.owner import Owner
from interop.parties import AWKWARD, BASIC, POST, PUBLIC, Trust
from interop.sim_run import Event, SimRun, gives_away

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
VIRTUAL = ("--clock", "virtual")

Sim = Callable[..., SimRun]


# The server and its owner alone, by a device of a dozen lines: whatever fails below is ours.


class PlainDevice:
    """The device flow without any manners."""

    def __init__(self, issuer: str, client: Client) -> None:
        self.client = client
        with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration") as reply:
            self.endpoints = json.load(reply)

    def post(self, endpoint: str, **form: str) -> tuple[int, dict[str, Any]]:
        headers = {}
        if self.client.client_auth == "basic":
            assert self.client.client_secret is not None
            pair = f"{quote_plus(self.client.client_id)}:{quote_plus(self.client.client_secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = self.client.client_id
            if self.client.client_secret:
                form["client_secret"] = self.client.client_secret
        request = urllib.request.Request(
            self.endpoints[endpoint], urlencode(form).encode(), headers
        )
        try:
            with urllib.request.urlopen(request) as reply:
                return reply.status, json.loads(reply.read() or b"{}")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def ask(self) -> dict[str, Any]:
        status, codes = self.post("device_authorization_endpoint", scope="openid offline_access")
        assert status == 200, codes
        return codes

    def poll(self, codes: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return self.post(
            "token_endpoint", grant_type=DEVICE_CODE, device_code=codes["device_code"]
        )

    def refresh(self, token: str) -> tuple[int, dict[str, Any]]:
        return self.post("token_endpoint", grant_type="refresh_token", refresh_token=token)


@pytest.mark.parametrize("client", [PUBLIC, BASIC, POST], ids=lambda client: client.client_auth)
def test_the_server_alone_grants_rotates_and_revokes_on_replay(
    server: OidcServer, owner: Owner, client: Client
) -> None:
    device = PlainDevice(server.issuer["http"], client)
    codes = device.ask()
    assert device.poll(codes)[1]["error"] == "authorization_pending"
    owner.approve(codes["verification_uri_complete"])
    status, first = device.poll(codes)
    assert status == 200
    assert first["scope"] == "openid offline_access"

    status, second = device.refresh(first["refresh_token"])
    assert status == 200
    assert second["refresh_token"] != first["refresh_token"]
    assert device.refresh(first["refresh_token"])[1]["error"] == "invalid_grant"
    assert device.refresh(second["refresh_token"])[1]["error"] == "invalid_grant"
    assert {codes["device_code"], first["access_token"], second["id_token"]} <= server.secrets()


def test_the_server_alone_takes_a_no(server: OidcServer, owner: Owner) -> None:
    device = PlainDevice(server.issuer["http"], PUBLIC)
    codes = device.ask()
    owner.deny(codes["verification_uri_complete"])
    assert device.poll(codes)[1]["error"] == "access_denied"


@pytest.mark.parametrize(
    "text",
    [
        f"x{AWKWARD}y",
        json.dumps({"message": AWKWARD}),
        "/token?client_secret=" + quote(AWKWARD, safe=""),
        "Basic " + base64.b64encode(f"lamp:{quote(AWKWARD, safe='')}".encode()).decode(),
        f"the better half: {AWKWARD[:20]}...",
    ],
)
def test_a_secret_is_recognised_however_it_is_spelled(text: str) -> None:
    assert gives_away(text, AWKWARD, "lamp")
    assert not gives_away(text, "another secret", "lamp")


# The board.


def approved_by(owner: Owner) -> Callable[[Event], str]:
    return lambda event: owner.approve(event["verification_uri_complete"])


def denied_by(owner: Owner) -> Callable[[Event], str]:
    return lambda event: owner.deny(event["verification_uri_complete"])


def assert_linked(run: SimRun) -> None:
    assert run.exit_code == 0, run
    linked = run.only("linked")
    assert set(linked["scope"].split()) == {"openid", "offline_access"}
    assert (linked["account"], linked["stored"]) == ("ada", False)
    assert run.of("poll")[-1]["result"] == "approved"
    assert not run.of("error")
    assert run.events[-1]["event"] == "end"
    assert run.events[-1]["reached"] is True


def assert_refused(run: SimRun, kind: str, exit_code: int = 1) -> None:
    assert run.exit_code == exit_code, run
    error = run.only("error")
    assert (error["kind"], error["fatal"]) == (kind, True), run
    assert not run.of("user_code")
    assert run.events[-1]["reached"] is False
    what, hint = run.stderr.splitlines()
    assert what.startswith("keyfob: ")
    assert hint.startswith("try: ")


def test_a_public_client_links_in_real_time(sim: Sim, owner: Owner, server: OidcServer) -> None:
    run = sim("http", "--until", "linked", on_code=approved_by(owner))
    assert_linked(run)
    code = run.only("user_code")
    assert code["verification_uri"] == f"{server.issuer['http']}/device"
    assert (code["interval"], code["expires_in"], code["resumed"]) == (5, 86400, False)
    first = run.of("poll")[0]
    assert first["sent"] - code["t"] >= 5


@pytest.mark.parametrize(
    ("client", "arguments"),
    [
        (PUBLIC, ()),
        (BASIC, ()),
        (BASIC, ("--client-auth", "basic")),
        (POST, ("--client-auth", "post")),
    ],
    ids=["none", "basic by metadata", "basic", "post"],
)
def test_each_way_to_authenticate_links_and_refreshes(
    sim: Sim, owner: Owner, client: Client, arguments: tuple[str, ...]
) -> None:
    run = sim(
        "http",
        *VIRTUAL,
        *arguments,
        "--until",
        "refreshed:3",
        client=client,
        on_code=approved_by(owner),
    )
    assert_linked(run)
    assert [event["rotated"] for event in run.of("refreshed")] == [True] * 3
    assert {event["status"] for event in run.of("api")} <= {200}


@pytest.mark.parametrize(
    "client",
    [
        Client(BASIC.client_id, "basic", "not the secret"),
        Client("nobody we know", "none"),
    ],
    ids=["wrong secret", "unknown client"],
)
def test_a_client_that_the_server_refuses_is_a_provider_error(sim: Sim, client: Client) -> None:
    assert_refused(sim("http", *VIRTUAL, "--until", "linked", client=client), "provider")


def test_an_issuer_with_a_path_is_found_and_linked(sim: Sim, owner: Owner) -> None:
    run = sim("path", *VIRTUAL, "--until", "refreshed", on_code=approved_by(owner))
    assert_linked(run)


@pytest.mark.parametrize("listener", ["https by name", "https by address"])
@pytest.mark.parametrize("file", ["pem", "der", "bundle"])
def test_https_links_with_the_ca_given(
    sim: Sim, owner: Owner, trust: Trust, listener: str, file: str
) -> None:
    ca = getattr(trust, file)
    run = sim(listener, *VIRTUAL, "--ca", ca, "--until", "refreshed", on_code=approved_by(owner))
    assert_linked(run)


def test_https_without_a_ca_takes_the_hosts_trust_store(
    sim: Sim, owner: Owner, trust: Trust
) -> None:
    run = sim(
        "https by name",
        *VIRTUAL,
        "--until",
        "linked",
        environment={"SSL_CERT_FILE": str(trust.pem)},
        on_code=approved_by(owner),
    )
    assert_linked(run)


@pytest.mark.parametrize("listener", ["https by name", "another name", "expired"])
def test_https_is_refused_and_nothing_sent(
    sim: Sim, server: OidcServer, trust: Trust, listener: str
) -> None:
    ca = trust.other.cert_path if listener == "https by name" else trust.pem
    before = server.requests(listener)
    run = sim(listener, *VIRTUAL, "--ca", ca, "--until", "linked")
    assert_refused(run, "tls")
    assert server.requests(listener) == before


def test_https_that_the_host_does_not_trust_is_refused(sim: Sim, server: OidcServer) -> None:
    before = server.requests("https by name")
    assert_refused(sim("https by name", *VIRTUAL, "--until", "linked"), "tls")
    assert server.requests("https by name") == before


def test_a_no_is_what_was_waited_for(sim: Sim, owner: Owner) -> None:
    run = sim("http", *VIRTUAL, "--until", "denied", on_code=denied_by(owner))
    assert run.exit_code == 0, run
    run.only("denied")
    last = run.of("poll")[-1]
    assert (last["result"], last["error"]) == ("denied", "access_denied")
    assert not run.of("linked")


def test_a_no_rules_a_link_out(sim: Sim, owner: Owner) -> None:
    run = sim("http", *VIRTUAL, "--until", "linked", on_code=denied_by(owner))
    assert run.exit_code == 1, run
    run.only("denied")
    assert run.events[-1]["reached"] is False


def test_a_code_that_nobody_uses_expires(sim: Sim) -> None:
    run = sim("short codes", *VIRTUAL, "--until", "expired")
    assert run.exit_code == 0, run
    code, end = run.only("user_code"), run.only("expired")
    assert code["expires_in"] == 60
    assert 55 <= end["t"] - code["t"] <= 65
    assert {event["result"] for event in run.of("poll")} <= {"pending", "expired"}


def test_the_next_run_starts_linked(sim: Sim, owner: Owner, tmp_path: Path) -> None:
    state = ("--state-dir", tmp_path / "state")
    first = sim("http", *VIRTUAL, *state, "--until", "refreshed", on_code=approved_by(owner))
    assert_linked(first)
    for _ in range(2):
        again = sim("http", *VIRTUAL, *state, "--until", "refreshed:2")
        assert again.exit_code == 0, again
        linked = again.only("linked")
        assert (linked["stored"], linked["account"]) == (True, "ada")
        assert not again.of("user_code")
        assert not again.of("poll")
        assert [event["rotated"] for event in again.of("refreshed")] == [True] * 2
        assert again.events[0]["t"] >= first.events[-1]["t"]


def test_without_offline_access_there_is_nothing_to_refresh_with(sim: Sim, owner: Owner) -> None:
    run = sim(
        "http",
        *VIRTUAL,
        "--scope",
        "openid",
        "--until",
        "refreshed",
        on_code=approved_by(owner),
    )
    assert run.exit_code == 1, run
    assert run.only("linked")["scope"] == "openid"
    assert run.only("error")["kind"] == "no_refresh_token"


def test_an_issuer_spelled_otherwise_is_told_the_servers_spelling(
    sim: Sim, server: OidcServer
) -> None:
    issuer = server.issuer["http"]
    run = sim(f"{issuer}/", *VIRTUAL, "--until", "linked")
    assert_refused(run, "config")
    hint = run.stderr.splitlines()[1]
    assert issuer in hint
    assert f"{issuer}/" not in hint


def test_an_issuer_without_the_device_flow_is_named(sim: Sim) -> None:
    assert_refused(sim("no device flow", *VIRTUAL, "--until", "linked"), "provider")


def test_an_issuer_that_cannot_be_reached_is_a_network_error(sim: Sim) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert_refused(sim(f"http://127.0.0.1:{port}", *VIRTUAL, "--until", "linked"), "network")
