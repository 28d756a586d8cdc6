"""`keyfob providers check`, against the mock server."""

import json
import socket
import threading

import pytest
from provider_presets import validate
from virtual_port import needs_vm

from keyfob.ui.qr_fit import largest_symbol
from keyfob_host import cli, vm
from keyfob_host.providers import check as provider_check
from keyfob_host.providers import presets as providers
from keyfob_sim.server import MockServer, ServerOptions, endpoints


@pytest.fixture
def check(capsys):
    """Run it: exit code, report (None without one) and the lines on stderr."""

    def run(*words: object):
        code = cli.main(["providers", "check", *map(str, words), "--json"])
        out, err = capsys.readouterr()
        report = json.loads(out) if out else None
        if report is not None:
            validate(report, "check")
        return code, report, err.splitlines()

    return run


@pytest.fixture
def secure_server(tmp_path):
    with MockServer(ServerOptions(https=True, chain="ec", ca_dir=tmp_path / "ca")) as server:
        yield server


def test_an_issuer_on_loopback(check, mock_server):
    issuer = mock_server.description["issuer"]
    code, report, err = check("--issuer", issuer)
    assert (code, err) == (0, [])
    assert report["metadata"] == f"{issuer}/.well-known/openid-configuration"
    assert (report["grant"], report["grant_by"], report["refresh"]) == (True, "metadata", True)
    assert report["auth_methods"] == ["none", "client_secret_basic", "client_secret_post"]
    assert report["roots"] == []
    endpoints = {entry["name"]: entry["url"] for entry in report["endpoints"]}
    assert endpoints["token_endpoint"] == mock_server.description["token_endpoint"]
    assert all(entry["length"] == len(entry["url"]) for entry in report["endpoints"])
    assert {panel["qr"] for panel in report["panels"]} == {None}


def test_a_server_that_never_comes_to_an_end_is_given_up(check):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        issuer = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        code, report, err = check("--issuer", issuer, "--timeout", "0.2")
    assert (code, report) == (1, None)
    assert err == [
        "keyfob: the provider's answers do not come to an end in 0.2 s",
        "try: try again later, or a longer --timeout",
    ]


def test_https_under_a_ca_of_its_own(check, secure_server):
    about = secure_server.description
    code, report, err = check("--issuer", about["issuer"], "--ca", about["ca"])
    assert (code, err) == (0, [])
    (root,) = report["roots"]
    assert about["issuer"].endswith(root["host"])
    assert root["subject"].startswith("CN=keyfob")


def test_https_by_the_hosts_trust_store(check, secure_server, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", secure_server.description["ca"])
    code, report, _ = check("--issuer", secure_server.description["issuer"])
    assert code == 0
    assert len(report["roots"]) == 1


@needs_vm
def test_https_that_nobody_trusts(check, secure_server):
    code, report, err = check("--issuer", secure_server.description["issuer"])
    assert (code, report) == (1, None)
    assert "no root in ca has signed its certificate" in err[0]
    assert err[0].endswith('it wants the root "keyfob test root"')
    assert err[1] == "try: keyfob configure --ca FILE with that root"


@needs_vm
def test_without_the_vm_this_computer_guesses(check, secure_server, monkeypatch):
    about = secure_server.description
    assert check("--issuer", about["issuer"], "--ca", about["ca"])[1]["checked_by"] == "board"
    monkeypatch.setattr(vm, "executable", lambda: None)
    assert check("--issuer", about["issuer"], "--ca", about["ca"])[1]["checked_by"] == "host"
    code, report, err = check("--issuer", about["issuer"])
    assert (code, report) == (1, None)
    assert "is not trusted by this host" in err[0]
    assert err[1] == "try: --ca FILE with its CA"


@needs_vm
def test_what_checked_is_told_to_people(capsys, mock_server, monkeypatch):
    issuer = mock_server.description["issuer"]
    assert cli.main(["providers", "check", "--issuer", issuer]) == 0
    assert "the board's own code" in capsys.readouterr().out
    monkeypatch.setattr(vm, "executable", lambda: None)
    assert cli.main(["providers", "check", "--issuer", issuer]) == 0
    assert "which guesses" in capsys.readouterr().out


def test_with_a_client_id_the_panels_are_known(check, mock_server):
    code, report, err = check(
        "--issuer", mock_server.description["issuer"], "--client-id", "keyfob-public"
    )
    assert (code, err) == (0, [])
    shows = report["shows"]
    assert shows["source"] == "provider"
    assert shows["verification_uri_complete"].startswith(shows["verification_uri"])
    qr = {panel["board"]: panel["qr"] for panel in report["panels"]}
    assert qr["m5stack-core"] == qr["esp32-ssd1306"] == "complete"
    assert qr["esp32c3-oled"] == "none"


def test_a_preset_without_discovery_goes_by_its_evidence(check, monkeypatch):
    monkeypatch.setattr(provider_check, "roots_for", lambda *_, **__: [])
    monkeypatch.setattr(provider_check, "_send", lambda *_: pytest.fail("nothing to look up"))
    monkeypatch.setattr(vm, "executable", lambda: None)  # which would ask it
    code, report, err = check("github")
    assert (code, err) == (0, [])
    assert (report["grant"], report["grant_by"], report["metadata"]) == (True, "preset", None)
    assert report["auth_methods"] is report["refresh"] is None
    assert report["shows"]["source"] == "example"
    qr = {panel["board"]: panel["qr"] for panel in report["panels"]}
    assert (qr["esp32-ssd1306"], qr["esp32c3-oled"]) == ("plain", "none")


def test_the_address_of_refreshes_is_looked_at_too(check, monkeypatch):
    monkeypatch.setattr(provider_check, "roots_for", lambda *_, **__: [])
    monkeypatch.setattr(vm, "executable", lambda: None)  # which would ask it
    _, report, _ = check("trakt")
    found = {endpoint["name"]: endpoint["url"] for endpoint in report["endpoints"]}
    assert found["refresh_endpoint"] == "https://api.trakt.tv/oauth/token"
    assert found["token_endpoint"] != found["refresh_endpoint"]


@pytest.mark.parametrize("end", ["", "/"])
def test_a_document_that_a_board_does_not_need_says_more(
    check, mock_server, tmp_path, monkeypatch, end
):
    about = mock_server.description
    text = (providers.PRESETS / "google.toml").read_text("utf-8")
    text = text.replace("https://oauth2.googleapis.com/device/code", about["token_endpoint"])
    text = text.replace("https://oauth2.googleapis.com/token", about["token_endpoint"])
    text = text.replace(
        "https://openidconnect.googleapis.com/v1/userinfo", about["userinfo_endpoint"]
    )
    text = text.replace("https://accounts.google.com", about["issuer"] + end)
    (tmp_path / "mine.toml").write_text(text, "utf-8")
    monkeypatch.setattr(providers, "PRESETS", tmp_path)
    code, report, err = check("mine")
    assert (code, err) == (0, [])
    assert (report["grant"], report["grant_by"], report["issuer"]) == (True, "metadata", None)
    assert report["metadata"].startswith(about["issuer"])
    whole = endpoints.metadata
    without = {"device_authorization_endpoint": None}
    monkeypatch.setattr(endpoints, "metadata", lambda realm: whole(realm) | without)
    code, report, _ = check("mine")
    assert (code, report["grant"], report["grant_by"]) == (0, True, "preset")


def test_a_complete_address_that_does_not_fit(monkeypatch):
    shows = {"verification_uri": "https://x.example/d", "verification_uri_complete": "h" * 60}
    panel = provider_check._panel("esp32-ssd1306", shows)
    assert (panel["qr"], panel["longest"]) == ("plain", 53)
    shows["verification_uri"] = None
    assert provider_check._panel("esp32-ssd1306", shows)["qr"] == "none"


def test_the_longest_address_is_what_the_encoder_takes():
    from keyfob.ui.qr import encode

    for version in (1, 3, 5):
        longest = provider_check._CAPACITY[version]
        assert encode("a" * longest, "L", version)
        with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
            encode("a" * (longest + 1), "L", version)
    assert largest_symbol(provider_check._Panel(72, 40)) == 0


def test_a_preset_by_discovery(check, mock_server):
    issuer = mock_server.description["issuer"]
    code, report, err = check(f"oidc:issuer={issuer}")
    assert (code, err) == (0, [])
    assert (report["provider"], report["issuer"]) == ("oidc", issuer)


def test_an_issuer_that_the_server_spells_otherwise(check, mock_server):
    issuer = mock_server.description["issuer"]
    code, report, err = check("--issuer", f"{issuer}/")
    assert code == 1
    assert report["grant"] is True
    assert err[1] == f"try: use its own spelling: {issuer}"


def test_a_provider_without_the_grant(check, monkeypatch):
    for name in ("device_authorization_endpoint", "grant_types_supported"):
        with MockServer(ServerOptions()) as server:
            whole = endpoints.metadata

            def lacking(realm, whole=whole, name=name):
                document = whole(realm)
                document.pop(name)
                if name == "grant_types_supported":
                    document[name] = ["authorization_code"]
                return document

            monkeypatch.setattr(endpoints, "metadata", lacking)
            code, report, err = check("--issuer", server.description["issuer"])
            monkeypatch.undo()
        assert code == 1
        assert report["grant"] is False
        assert "does not offer the device grant" in err[0]
        assert err[1].startswith("try: ")


def test_a_refused_client(check, mock_server):
    code, report, err = check(
        "--issuer", mock_server.description["issuer"], "--client-id", "nobody"
    )
    assert code == 1
    assert report["grant"] is True
    assert "invalid_client" in err[0]


def test_nobody_there(check, unused_port):
    code, report, err = check("--issuer", f"http://127.0.0.1:{unused_port}")
    assert (code, report) == (1, None)
    assert err[0].startswith("keyfob: no connection to 127.0.0.1")


@needs_vm
def test_something_that_is_no_http(check):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def babble():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=babble)
        thread.start()
        code, report, err = check("--issuer", f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert (code, report) == (1, None)
    assert "does not speak HTTP" in err[0]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "either the name of a preset or --issuer"),
        (("github", "--issuer", "https://x.example"), 2, "either"),
        (("spotify",), 2, "does not offer"),
        (("keycloak",), 2, "needs domain"),
        (("--issuer", "http://as.example"), 1, "provider.issuer is an http address"),
        (("--issuer", "https://as.example", "--ca", "missing.pem"), 1, "cannot be read"),
    ],
)
def test_what_cannot_be_checked(check, words, code, message):
    got, report, err = check(*words)
    assert (got, report) == (code, None)
    assert message in err[0]
    assert err[1].startswith("try: ")


def test_as_text(capsys, mock_server):
    issuer = mock_server.description["issuer"]
    assert cli.main(["providers", "check", "--issuer", issuer]) == 0
    out = capsys.readouterr().out
    assert "grant" in out
    assert "offered by its metadata" in out
    assert "m5stack-core, 320 x 240" in out
