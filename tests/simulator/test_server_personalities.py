"""The mock server's personalities: what each provider's clients find on the wire."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from keyfob_host.errors import CliError
from keyfob_sim.server import MockServer, ServerOptions
from keyfob_sim.server.config import load_config
from keyfob_sim.server.personality import PLAIN, known_personalities, load_personality

URN = "urn:ietf:params:oauth:grant-type:device_code"
JSON = {"Accept": "application/json"}


@pytest.fixture
def wearing(make_bench):
    """A server of that personality."""
    return lambda name, **options: make_bench(personality=name, **options)


def first(bench: Any, client: str = "public", **members: str) -> Any:
    form, headers = bench.credentials(client)
    return bench.post_form("device_authorization_endpoint", form | members, headers | JSON)


def polled(bench: Any, device_code: str, client: str = "public", **members: str) -> Any:
    form, headers = bench.credentials(client)
    form |= {"grant_type": URN, "device_code": device_code} | members
    return bench.post_form("token_endpoint", form, headers | JSON)


def started(bench: Any, client: str = "public", scope: str | None = None) -> dict[str, Any]:
    reply = first(bench, client, scope=scope or bench.about["scope"])
    assert reply.status_code == 200, reply.text
    return dict(reply.json)


def said(bench: Any, error: str, client: str) -> Any:
    """The poll that is answered with that error of the RFC."""
    codes = started(bench, client)
    if error == "invalid_grant":
        return polled(bench, "unknown", client)
    bench.clock.advance(60)
    if error == "slow_down":
        polled(bench, codes["device_code"], client)
    if error == "access_denied":
        bench.realm.decide(codes["user_code"], None, "admin")
    if error == "expired_token":
        bench.clock.advance(3600)
    return polled(bench, codes["device_code"], client)


# Personality, client, the RFC's error, status on the wire, and members of the body.
SAID = [
    ("google", "post", "authorization_pending", 428,
     {"error": "authorization_pending", "error_description": "Precondition Required"}),
    ("google", "post", "slow_down", 403, {"error": "slow_down", "error_description": "Forbidden"}),
    ("google", "post", "access_denied", 403, {"error": "access_denied"}),
    ("github", "public", "authorization_pending", 200, {"error": "authorization_pending"}),
    ("github", "public", "slow_down", 200, {"error": "slow_down", "interval": 10}),
    ("github", "public", "access_denied", 200, {"error": "access_denied"}),
    ("github", "public", "expired_token", 200, {"error": "expired_token"}),
    ("github", "public", "invalid_grant", 200, {"error": "incorrect_device_code"}),
    ("microsoft", "public", "access_denied", 400, {"error": "authorization_declined"}),
    ("microsoft", "public", "invalid_grant", 400, {"error": "bad_verification_code"}),
    ("auth0", "public", "authorization_pending", 403, {"error": "authorization_pending"}),
    ("auth0", "public", "slow_down", 429, {"error": "slow_down"}),
    ("twitch", "public", "authorization_pending", 400,
     {"status": 400, "message": "authorization_pending"}),
    ("twitch", "public", "invalid_grant", 400, {"status": 400, "message": "invalid device code"}),
    ("dex", "public", "invalid_grant", 400, {"error": "invalid_request"}),
    ("zitadel", "public", "invalid_grant", 400, {"error": "access_denied"}),
    ("wso2", "public", "slow_down", 400, {"error_description": "Forbidden"}),
    ("keycloak", "public", "invalid_grant", 400, {"error_description": "Device code not valid"}),
    ("oidc", "public", "authorization_pending", 400, {"error": "authorization_pending"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "client", "error", "status", "members"), SAID)
def test_how_a_provider_says_it(wearing, name, client, error, status, members):
    bench = wearing(name)
    reply = said(bench, error, client)
    assert reply.status_code == status
    assert reply.json | members == reply.json
    if name == "twitch":
        assert "error" not in reply.json
    (entry,) = bench.realm.log.entries(0, "token")[-1:]
    assert (entry["status"], entry["error"]) == (status, error)


@pytest.mark.parametrize(
    ("error", "status"),
    [("authorization_pending", 400), ("slow_down", 429), ("access_denied", 418),
     ("expired_token", 410), ("invalid_grant", 404)],
)  # fmt: skip
def test_a_bare_status_says_it_all(wearing, error, status):
    bench = wearing("trakt")
    secret = {"client_id": "keyfob-post", "client_secret": bench.secret("post")}

    def post(endpoint: str, **members: str) -> Any:
        return bench.http.post(bench.path(endpoint), json=secret | members)

    codes = post("device_authorization_endpoint").json
    assert codes["verification_url"].startswith("http")
    assert "verification_uri" not in codes
    bench.clock.advance(60)
    if error == "slow_down":
        post("token_endpoint", code=codes["device_code"])
    if error == "access_denied":
        bench.realm.decide(codes["user_code"], None, "admin")
    if error == "expired_token":
        bench.clock.advance(3600)
    code = "unknown" if error == "invalid_grant" else codes["device_code"]
    reply = post("token_endpoint", code=code)
    assert (reply.status_code, reply.data) == (status, b"")


def test_polls_and_refreshes_by_an_address_each(wearing):
    bench = wearing("trakt")
    refresh = bench.about["provider"]["refresh_endpoint"].removeprefix(bench.about["issuer"])
    client = {"client_id": "keyfob-post", "client_secret": bench.secret("post")}
    old = client | {"grant_type": "refresh_token", "refresh_token": "dead"}
    said = [
        (reply.status_code, reply.data and reply.json["error"])
        for reply in (
            bench.http.post(path, json=body)
            for path in (refresh, bench.path("token_endpoint"))
            for body in (old, client | {"code": "unknown"})
        )
    ]
    assert said == [
        (400, "invalid_grant"), (400, b""), (400, "invalid_request"), (404, b"")
    ]  # fmt: skip
    assert wearing("google").http.post(refresh, data=old).status_code == 404


@pytest.mark.parametrize("name", ["auth0", "gitlab"])
def test_the_end_of_a_code_is_told_once(wearing, name):
    bench = wearing(name)
    codes = started(bench)
    bench.clock.advance(3600)
    told = [polled(bench, codes["device_code"]).json["error"] for _ in range(3)]
    assert told == ["expired_token", "invalid_grant", "invalid_grant"]


def test_forms_unless_json_is_asked_for(wearing):
    bench = wearing("github")
    form, _ = bench.credentials("public")
    reply = bench.post_form("device_authorization_endpoint", form)
    assert reply.content_type.startswith("application/x-www-form-urlencoded")
    codes = dict(parse_qsl(reply.text))
    assert set(codes) == {"device_code", "user_code", "verification_uri", "expires_in", "interval"}
    bench.clock.advance(60)
    reply = bench.post_form(
        "token_endpoint", form | {"grant_type": URN, "device_code": codes["device_code"]}
    )
    assert reply.status_code == 200
    assert dict(parse_qsl(reply.text))["error"] == "authorization_pending"


def test_parameters_in_the_address_as_githubs_clients_send_them(wearing):
    bench = wearing("github")
    form, _ = bench.credentials("public")
    address = bench.path("device_authorization_endpoint")
    query = urlencode({**form, "scope": "read:user"})
    accept = {"Accept": "application/json"}
    reply = bench.http.post(f"{address}?{query}", headers=accept)
    assert reply.status_code == 200, reply.text
    codes = reply.json
    bench.clock.advance(60)
    poll = {"grant_type": URN, "device_code": codes["device_code"]}
    token = bench.path("token_endpoint")
    for place in (f"{token}?{urlencode(form | poll)}", f"{token}?{urlencode(poll)}"):
        body = {} if "client_id" in place else {"data": form}
        reply = bench.http.post(place, headers=accept, **body)
        assert reply.json["error"] in ("authorization_pending", "slow_down")
    for place, data in (
        (f"{token}?{urlencode(form | poll)}", form),
        (token, None),
    ):  # twice; never
        reply = bench.http.post(place, data=data, headers=accept)
        assert reply.json["error"] == "invalid_request"


def test_no_other_provider_takes_parameters_in_the_address(wearing):
    for name in ("hydra", "google"):
        bench = wearing(name)
        form, _ = bench.credentials("public" if name == "hydra" else "post")
        address = bench.path("device_authorization_endpoint")
        reply = bench.http.post(f"{address}?{urlencode(form)}")
        assert reply.json["error"] == "invalid_request"


def linked(bench: Any, client: str = "public", scope: str | None = None) -> dict[str, Any]:
    codes = started(bench, client, scope)
    bench.realm.decide(codes["user_code"], bench.realm.user("ana"), "admin")
    bench.clock.advance(60)
    reply = polled(bench, codes["device_code"], client)
    assert reply.status_code == 200, reply.text
    return dict(reply.json)


def test_tokens_without_an_end_and_scopes_with_commas(wearing):
    tokens = linked(wearing("github"), scope="read:user openid")
    assert tokens["scope"] == "read:user,openid"
    assert not {"expires_in", "refresh_token"} & set(tokens)


def test_a_refresh_token_by_a_scope_of_its_own(wearing):
    bench = wearing("hydra")
    assert "refresh_token" in linked(bench, scope="openid offline")
    assert "refresh_token" not in linked(bench, scope="openid")


def test_a_refresh_token_in_any_case(wearing):
    tokens = linked(wearing("google"), "post", scope="openid email")
    assert tokens["refresh_token"]
    assert tokens["scope"] == "openid email"


def test_none_where_the_scope_for_it_is_another_s(wearing):
    for name in ("github", "salesforce"):
        dialect = load_personality(name)
        assert dialect is not None
        assert dialect._with_offline({"scope": "offline_access"}) == {"scope": ""}


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("microsoft", {"error": "invalid_grant"}),
        ("zitadel", {"error": "invalid_grant"}),
        ("twitch", {"status": 400, "message": "Invalid refresh token"}),
    ],
)
def test_a_dead_refresh_token(wearing, name, members):
    reply = wearing(name).refresh("dead")
    assert reply.status_code == 400
    assert reply.json | members == reply.json


def test_other_names_for_parameters_and_members(wearing):
    bench = wearing("twitch")
    form, _ = bench.credentials("public")
    reply = bench.post_form("device_authorization_endpoint", form | {"scopes": "user:read:email"})
    assert reply.json["user_code"] in reply.json["verification_uri"]
    assert "verification_uri_complete" not in reply.json
    bench.realm.decide(reply.json["user_code"], bench.realm.user("ana"), "admin")
    bench.clock.advance(60)
    assert polled(bench, reply.json["device_code"]).json["scope"] == ["user:read:email"]


def test_json_in_camel_case(wearing):
    bench = wearing("aws")
    client = {"clientId": "keyfob-post", "clientSecret": bench.secret("post")}
    path = bench.path("device_authorization_endpoint")
    codes = bench.http.post(path, json=client | {"startUrl": "https://x.example/start"}).json
    assert set(codes) == {
        "deviceCode", "userCode", "verificationUri", "verificationUriComplete", "expiresIn",
        "interval",
    }  # fmt: skip
    bench.realm.decide(codes["userCode"], bench.realm.user("ana"), "admin")
    bench.clock.advance(60)
    body = client | {"grantType": URN, "deviceCode": codes["deviceCode"]}
    tokens = bench.http.post(bench.path("token_endpoint"), json=body).json
    assert set(tokens) >= {"accessToken", "tokenType", "expiresIn", "refreshToken"}


def test_one_address_for_both_requests(wearing):
    bench = wearing("salesforce")
    form, _ = bench.credentials("public")
    asked = form | {"response_type": "device_code", "scope": "api refresh_token"}
    codes = bench.post_form("token_endpoint", asked).json
    assert set(codes) == {"device_code", "user_code", "verification_uri", "interval"}
    bench.realm.decide(codes["user_code"], bench.realm.user("ana"), "admin")
    bench.clock.advance(60)
    reply = bench.post_form(
        "token_endpoint", form | {"grant_type": "device", "code": codes["device_code"]}
    )
    assert reply.json["refresh_token"]
    assert reply.json["instance_url"]
    assert "expires_in" not in reply.json


@pytest.mark.parametrize(
    ("name", "endpoint", "members"),
    [
        ("amazon", "device_authorization_endpoint", {"scope": "profile"}),
        ("amazon", "token_endpoint", {"grant_type": URN, "device_code": "x"}),
        ("salesforce", "token_endpoint", {"grant_type": URN, "code": "x"}),
        ("salesforce", "token_endpoint", {"grant_type": "device", "device_code": "x"}),
        ("microsoft", "device_authorization_endpoint", {}),
        ("google", "token_endpoint", {"grant_type": URN, "device_code": "x"}),
    ],
)
def test_what_a_provider_would_not_understand(wearing, name, endpoint, members):
    bench = wearing(name)
    form, _ = bench.credentials("public")
    reply = bench.post_form(endpoint, form | members)
    assert reply.status_code == 400
    assert reply.json["error"] in ("invalid_request", "unsupported_grant_type")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"client_id=keyfob-post", "application/x-www-form-urlencoded"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b'{"clientId": 1}', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"\xff", "application/json"),
    ],
)
def test_a_body_that_is_not_the_json_expected(wearing, body, content_type):
    bench = wearing("aws")
    for endpoint in ("device_authorization_endpoint", "token_endpoint"):
        reply = bench.http.post(bench.path(endpoint), data=body, content_type=content_type)
        assert reply.status_code in (400, 413)
        assert reply.json["error"] == "invalid_request"


def test_a_scripted_fault_is_nobody_s_dialect(wearing):
    bench = wearing("trakt")
    answer = {"error": "teapot"}
    bench.admin("/faults", endpoint="token", status=503, body=answer)
    reply = bench.http.post(bench.path("token_endpoint"), json={"code": "x"})
    assert (reply.status_code, reply.json) == (503, answer)


def test_other_endpoints_stay_as_they_are(wearing):
    bench = wearing("trakt")
    assert bench.post("revocation_endpoint", "post", token="x").status_code == 200
    assert bench.http.get("/.well-known/openid-configuration").json["issuer"]


@pytest.mark.parametrize(
    ("name", "scope", "account"),
    [
        ("github", "read:user", {"login": "ana", "id": "user-ana", "name": "Ana Alves"}),
        (
            "amazon",
            "profile",
            {"user_id": "user-ana", "name": "Ana Alves", "email": "ana@example.com"},
        ),
    ],
)
def test_an_account_by_the_provider_s_own_names(wearing, name, scope, account):
    bench = wearing(name)
    assert bench.http.get(bench.path("userinfo_endpoint")).status_code == 401
    codes = first(bench, scope=scope, response_type="device_code").json
    bench.realm.decide(codes["user_code"], bench.realm.user("ana"), "admin")
    bench.clock.advance(60)
    tokens = polled(bench, codes["device_code"], user_code=codes["user_code"]).json
    assert bench.get("userinfo_endpoint", tokens["access_token"]).json == account


@pytest.mark.parametrize("name", known_personalities()[1:])
def test_the_first_line_has_a_provider_object_for_it(name):
    with MockServer(ServerOptions(personality=name)) as server:
        about = server.description
        fields = about["provider"]
        issuer = about["issuer"]
    for field, value in fields.items():
        if field == "issuer" or field.endswith("_endpoint"):
            assert value.startswith(issuer)
    assert fields["client_id"] in [client["client_id"] for client in about["clients"]]
    assert "{" not in json.dumps(fields["client_id"])


ERRORS = {
    "*", "authorization_pending", "slow_down", "access_denied", "expired_token", "invalid_grant",
    "refresh.invalid_grant",
}  # fmt: skip


@pytest.mark.parametrize("name", known_personalities()[1:])
def test_a_personality_says_nothing_that_nobody_reads(name):
    dialect = load_personality(name)
    assert dialect is not None
    assert set(dialect.errors) <= ERRORS
    for rule in dialect.errors.values():
        assert set(rule) <= {"status", "name", "description", "interval", "once"}
    assert dialect.request.body_format in ("form", "json")
    assert dialect.reply.body_format in ("form", "json", "asked")
    assert dialect.reply.error_style in ("error", "message", "bare")
    assert dialect.reply.scope in (" ", ",", "array")


def test_the_plain_server_has_none(mock_server):
    assert "provider" not in mock_server.description
    assert load_personality(PLAIN) is None


def test_a_configuration_of_one_s_own_goes_over_the_personality_s(tmp_path):
    path = tmp_path / "server.toml"
    path.write_text("[lifetimes]\naccess_token = 60\n")
    dialect = load_personality("google")
    assert dialect is not None
    config = load_config(path, dialect.server)
    assert config.lifetimes.access_token == 60
    assert config.rotation == "off"
    gitlab = load_personality("gitlab")
    assert gitlab is not None
    assert load_config(path, gitlab.server).lifetimes.device_code == 300


def test_a_fault_in_one_s_own_configuration_is_named(tmp_path):
    path = tmp_path / "server.toml"
    path.write_text("lifetimes = 3\n")
    dialect = load_personality("gitlab")
    assert dialect is not None
    with pytest.raises(CliError) as caught:
        load_config(path, dialect.server)
    assert "lifetimes" in caught.value.message
