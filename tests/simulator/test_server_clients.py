"""Client authentication: none, basic and post, each client by its own way only (RFC 6749 2.3)."""

import base64

import pytest

CLIENTS = ("public", "basic", "post")
ENDPOINTS = {
    "device_authorization_endpoint": {},
    "token_endpoint": {"grant_type": "refresh_token", "refresh_token": "x"},
    "revocation_endpoint": {"token": "x"},
    "introspection_endpoint": {"token": "x"},
}
# What each endpoint says once it knows who is asking.
LET_IN = {
    "device_authorization_endpoint": (200, None),
    "token_endpoint": (400, "invalid_grant"),
    "revocation_endpoint": (200, None),
    "introspection_endpoint": (200, None),
}


def basic(pair):
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("client", CLIENTS)
def test_every_endpoint_takes_every_method(bench, endpoint, client):
    answer = bench.post(endpoint, client, **ENDPOINTS[endpoint])
    assert (answer.status_code, answer.json.get("error")) == LET_IN[endpoint]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("method", ["none", "basic", "post"])
def test_no_client_gets_in_by_a_method_that_is_not_its_own(bench, endpoint, client, method):
    name = f"keyfob-{client}"
    secret = bench.realm.clients[name].client_secret or "made-up"
    form, headers = dict(ENDPOINTS[endpoint]), {}
    if method == "basic":
        headers = basic(f"{name}:{secret}")
    else:
        form["client_id"] = name
    if method == "post":
        form["client_secret"] = secret
    answer = bench.post_form(endpoint, form, headers)
    if bench.realm.clients[name].client_auth == method:
        assert (answer.status_code, answer.json.get("error")) == LET_IN[endpoint]
    else:
        assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
        assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")


@pytest.mark.parametrize("client", ["basic", "post"])
def test_wrong_secret(bench, client):
    name = f"keyfob-{client}"
    form, headers = {"client_id": name, "client_secret": "wrong"}, {}
    if client == "basic":
        form, headers = {}, basic(f"{name}:wrong")
    answer = bench.post_form("device_authorization_endpoint", form, headers)
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
    assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic"},
        {"Authorization": "Bearer abc"},
        basic("keyfob-basic"),
        basic("keyfob-basic:"),
        basic("%ff%fe:x"),
        basic("nobody:secret"),
    ],
)
def test_unusable_authorization_header(bench, headers):
    answer = bench.post_form("device_authorization_endpoint", {}, headers)
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")


def test_unknown_and_missing_client(bench):
    for form in ({"client_id": "nobody"}, {}):
        answer = bench.post_form("device_authorization_endpoint", form)
        assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")


def test_two_authentications_at_once(bench):
    _, headers = bench.credentials("basic")
    for form in (
        {"client_secret": bench.secret("basic")},
        {"client_id": "keyfob-basic", "client_secret": bench.secret("basic")},
        bench.credentials("post")[0],
    ):
        answer = bench.post_form("device_authorization_endpoint", form, headers)
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")


def test_header_and_a_different_client_id_in_the_form(bench):
    _, headers = bench.credentials("basic")
    for name, status in (("keyfob-public", 400), ("keyfob-basic", 200)):
        answer = bench.post_form("device_authorization_endpoint", {"client_id": name}, headers)
        assert answer.status_code == status


def test_both_halves_of_basic_are_form_decoded(make_bench):
    bench = make_bench(
        '[[clients]]\nclient_id = "a b:ü"\nclient_auth = "basic"\nclient_secret = "p+q r%:/ß"\n'
    )
    right = (
        "a+b%3A%C3%BC:p%2Bq+r%25%3A%2F%C3%9F",
        "a%20b%3A%C3%BC:p%2Bq%20r%25%3A%2F%C3%9F",
    )
    for pair in right:
        assert bench.post_form("device_authorization_endpoint", {}, basic(pair)).status_code == 200
    for pair in ("a b:ü:p+q r%:/ß", "a%20b%3A%C3%BC:p+q+r%25%3A%2F%C3%9F"):
        assert bench.post_form("device_authorization_endpoint", {}, basic(pair)).status_code == 401


def test_the_ready_made_clients(bench):
    clients = {client["client_auth"]: client for client in bench.about["clients"]}
    assert set(clients) == {"none", "basic", "post"}
    assert clients["none"]["client_secret"] is None
    for method in ("basic", "post"):
        secret = clients[method]["client_secret"]
        assert secret.isascii()
        assert secret.isalnum()
        assert len(secret) >= 32
    assert clients["basic"]["client_secret"] != clients["post"]["client_secret"]
