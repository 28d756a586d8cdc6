"""What every form endpoint refuses, and what every answer carries (RFC 6749 3.2, 5.1, 5.2)."""

import logging

import pytest

ENDPOINTS = (
    "device_authorization_endpoint",
    "token_endpoint",
    "revocation_endpoint",
    "introspection_endpoint",
)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_repeated_parameter(bench, endpoint):
    body = "client_id=keyfob-public&grant_type=refresh_token&token=a&scope=openid&scope=openid"
    answer = bench.post_form(endpoint, body)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert "repeated" in answer.json["error_description"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_parameters_in_the_url(bench, endpoint):
    answer = bench.http.post(
        bench.path(endpoint) + "?client_id=keyfob-public",
        data="token=a&grant_type=refresh_token",
        content_type="application/x-www-form-urlencoded",
    )
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert "URL" in answer.json["error_description"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "text/plain", None])
def test_wrong_content_type(bench, endpoint, kind):
    headers = {} if kind is None else {"Content-Type": kind}
    answer = bench.http.post(bench.path(endpoint), data="client_id=x&token=a", headers=headers)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert "content type" in answer.json["error_description"]


def test_charset_on_the_content_type_is_fine(bench):
    kind = "application/x-www-form-urlencoded; charset=UTF-8"
    answer = bench.post_form(
        "device_authorization_endpoint", "client_id=keyfob-public", {"Content-Type": kind}
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("body", ["client_id=%ff%fe", "client_id=ü"])
def test_body_that_is_no_form(bench, body):
    answer = bench.post_form("device_authorization_endpoint", body)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")


def test_parameter_without_a_value_counts_as_left_out(bench):
    answer = bench.post_form(
        "device_authorization_endpoint", "client_id=keyfob-public&client_secret=&scope="
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_only_post(bench, endpoint):
    answer = bench.http.get(bench.path(endpoint))
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert answer.json["error"] == "invalid_request"


def test_body_without_end(bench):
    answer = bench.post_form("token_endpoint", "a=" + "x" * 70_000)
    assert (answer.status_code, answer.json["error"]) == (413, "invalid_request")


@pytest.mark.parametrize(
    ("grant_type", "error"),
    [(None, "invalid_request"), ("password", "unsupported_grant_type"), ('\x00"\\ü', None)],
)
def test_grant_type(bench, grant_type, error):
    form = {"client_id": "keyfob-public", **({"grant_type": grant_type} if grant_type else {})}
    answer = bench.post_form("token_endpoint", form)
    assert (answer.status_code, answer.json["error"]) == (400, error or "unsupported_grant_type")
    description = answer.json["error_description"]
    assert ("device_code" if grant_type else "missing") in description
    assert grant_type is None or grant_type not in description


def test_every_answer_is_json_and_never_stored(bench):
    tokens = bench.link()
    answers = [
        bench.post("device_authorization_endpoint"),
        bench.poll("nothing"),
        bench.refresh(tokens["refresh_token"]),
        bench.post("introspection_endpoint", token=tokens["access_token"]),
        bench.post("revocation_endpoint", token="x"),
        bench.get("userinfo_endpoint", tokens["access_token"]),
        bench.get("userinfo_endpoint"),
        bench.get("api", tokens["access_token"]),
        bench.get("jwks_uri"),
        bench.http.get("/.well-known/openid-configuration"),
        bench.http.get("/nowhere"),
    ]
    for answer in answers:
        assert answer.mimetype == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.json is not None


def test_headers_fit_a_small_board(bench):
    answer = bench.post("device_authorization_endpoint")
    assert sum(len(k) + len(v) + 4 for k, v in answer.headers) < 512


def test_an_exception_shows_neither_its_text_nor_a_secret(bench, monkeypatch, capfd):
    def fail(*_):
        raise RuntimeError("holds a-secret-value")

    monkeypatch.setattr(bench.realm.store, "grant_of_device_code", fail)
    answer = bench.poll("a-device-code")
    assert (answer.status_code, answer.json) == (500, {"error": "server_error"})
    shown = "".join(capfd.readouterr())
    assert "RuntimeError, test_server_requests.py:" in shown
    assert "a-secret-value" not in shown
    assert "a-device-code" not in shown


def test_no_secret_in_any_log_at_debug(bench, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    logging.getLogger().setLevel(logging.DEBUG)
    codes = bench.authorize("basic")
    bench.realm.decide(codes["user_code"], bench.realm.user("ana"), "admin")
    tokens = bench.poll(codes["device_code"], "basic").json
    again = bench.refresh(tokens["refresh_token"], "basic").json
    bench.get("api", again["access_token"])
    bench.post("revocation_endpoint", "basic", token=again["refresh_token"])
    secrets = [codes["device_code"], bench.secret("basic")]
    for answer in (tokens, again):
        secrets += [answer["access_token"], answer["refresh_token"], answer["id_token"]]
    shown = caplog.text + "".join(capfd.readouterr()) + repr(bench.realm.log.entries())
    shown += repr(bench.realm) + repr(bench.realm.store.grants())
    for secret in secrets:
        assert secret not in shown
