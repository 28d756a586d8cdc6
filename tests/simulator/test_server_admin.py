"""The admin API: decisions, the request log, and who may not reach it."""

import pytest

from keyfob_sim.server.openapi import PATHS


def test_approve_as_the_first_user_or_a_named_one(bench):
    for user, sub in ((None, "user-ana"), ("ben", "user-ben"), ("user-chris", "user-chris")):
        codes = bench.authorize()
        body = {"user_code": codes["user_code"], **({"user": user} if user else {})}
        answer = bench.admin("/approve", **body)
        assert answer.status_code == 200
        assert (answer.json["state"], answer.json["user"]) == ("approved", sub)
        token = bench.poll(codes["device_code"]).json["access_token"]
        assert bench.get("userinfo_endpoint", token).json["sub"] == sub


def test_deny(bench):
    codes = bench.authorize()
    answer = bench.admin("/deny", user_code=codes["user_code"])
    assert (answer.status_code, answer.json["state"]) == (200, "denied")
    assert bench.poll(codes["device_code"]).json["error"] == "access_denied"


def test_expire(bench):
    codes = bench.authorize()
    answer = bench.admin("/expire", user_code=codes["user_code"])
    assert (answer.json["state"], answer.json["expires_in"]) == ("expired", 0)
    assert bench.poll(codes["device_code"]).json["error"] == "expired_token"


def test_user_code_in_any_spelling(bench):
    code = bench.authorize()["user_code"]
    assert bench.admin("/approve", user_code=f" {code.lower().replace('-', ' - ')} ").json


def test_revoke(bench):
    ana, ben = bench.link(), bench.link(user="ben")
    assert bench.admin("/revoke", user="ben").json == {"revoked": 2}
    assert bench.refresh(ben["refresh_token"]).json["error"] == "invalid_grant"
    assert bench.get("api", ana["access_token"]).status_code == 200
    assert bench.admin("/revoke", client_id="keyfob-basic").json == {"revoked": 0}
    assert bench.admin("/revoke").json == {"revoked": 2}
    assert bench.get("api", ana["access_token"]).status_code == 401


def test_reset(bench):
    tokens = bench.link()
    assert bench.admin("/reset").json == {"reset": True}
    assert bench.http.get("/admin/grants").json == {"grants": []}
    assert bench.http.get("/admin/requests").json == {"requests": []}
    assert bench.get("api", tokens["access_token"]).status_code == 401
    assert bench.link()["access_token"]


def test_grants(bench, clock):
    codes = bench.authorize(scope="openid")
    clock.advance(10)
    (grant,) = bench.http.get("/admin/grants").json["grants"]
    assert grant.pop("id")
    assert grant == {
        "user_code": codes["user_code"],
        "client_id": "keyfob-public",
        "scope": "openid",
        "state": "pending",
        "user": None,
        "expires_in": 1790.0,
        "interval": 5,
    }


def test_request_log(bench, clock):
    codes = bench.authorize("basic", scope="openid")
    clock.advance(5)
    bench.poll(codes["device_code"], "basic")
    bench.admin("/approve", user_code=codes["user_code"])
    clock.advance(5)
    tokens = bench.poll(codes["device_code"], "basic").json
    bench.get("api", tokens["access_token"])
    answer = bench.http.get("/admin/requests")
    log = answer.json["requests"]
    assert [entry["n"] for entry in log] == [1, 2, 3, 4, 5]
    assert [entry.get("endpoint") for entry in log] == [
        "device_authorization",
        "token",
        None,
        "token",
        "api",
    ]
    assert [entry.get("error") for entry in log] == [
        None,
        "authorization_pending",
        None,
        None,
        None,
    ]
    assert log[3]["time"] - log[1]["time"] == 5
    poll = log[1]
    assert (poll["status"], poll["client_id"], poll["client_auth"]) == (
        400,
        "keyfob-basic",
        "basic",
    )
    assert poll["parameters"] == {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": "[redacted]",
    }
    assert poll["headers"]["authorization"] == "Basic"
    assert poll["headers"]["content_type"] == "application/x-www-form-urlencoded"
    assert (log[2]["kind"], log[2]["decision"], log[2]["by"]) == ("decision", "approved", "admin")
    assert len({entry["grant"] for entry in log[:4]}) == 1
    for secret in (codes["device_code"], tokens["access_token"], bench.secret("basic")):
        assert secret not in answer.text


def test_request_log_can_be_narrowed(bench):
    code = bench.authorize()["device_code"]
    bench.poll(code)
    bench.poll(code)
    entries = bench.http.get("/admin/requests?after=1&endpoint=token").json["requests"]
    assert [entry["error"] for entry in entries] == ["authorization_pending", "slow_down"]
    assert bench.http.get("/admin/requests?after=x").status_code == 400


def test_client_secret_in_the_form_is_redacted(bench):
    bench.authorize("post")
    (entry,) = bench.realm.log.entries()
    assert entry["parameters"]["client_secret"] == "[redacted]"


@pytest.mark.parametrize("path", ["/approve", "/deny", "/expire"])
def test_codes_that_cannot_be_decided(bench, clock, path):
    used, expired = bench.authorize()["user_code"], bench.authorize()["user_code"]
    bench.admin("/deny", user_code=used)
    clock.advance(1800)
    for code, status in (("BCDF-GHJK", 404), ("", 404), (used, 409), (expired, 410)):
        answer = bench.admin(path, user_code=code)
        assert answer.status_code == status
        assert set(answer.json) == {"error", "try"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("[]", 400),
        ('"x"', 400),
        ("{}", 400),
        ('{"user_code": 5}', 400),
        ('{"user_code": "X", "colour": "red"}', 400),
        ('{"user_code": "X", "user": "nobody"}', 404),
    ],
)
def test_bad_bodies(bench, body, status):
    answer = bench.http.post("/admin/approve", data=body, content_type="application/json")
    assert answer.status_code == status
    assert set(answer.json) == {"error", "try"}


def test_unknown_user_names_the_known_ones(bench):
    code = bench.authorize()["user_code"]
    answer = bench.admin("/approve", user_code=code, user="nobody")
    assert "ana, ben, chris" in answer.json["try"]
    assert bench.admin("/approve", user_code=code).status_code == 200


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"]
)
def test_what_a_form_of_another_site_could_send_is_refused(bench, kind):
    code = bench.authorize()["user_code"]
    answer = bench.http.post(
        "/admin/approve", data=f'{{"user_code": "{code}"}}', content_type=kind
    )
    assert answer.status_code == 415
    assert bench.http.get("/admin/grants").json["grants"][0]["state"] == "pending"


@pytest.mark.parametrize("path", ["/approve", "/requests"])
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_pages_of_other_origins_are_refused(bench, path, origin):
    code = bench.authorize()["user_code"]
    headers = {"Origin": origin}
    if path == "/approve":
        answer = bench.http.post("/admin/approve", json={"user_code": code}, headers=headers)
    else:
        answer = bench.http.get("/admin/requests", headers=headers)
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_our_own_origin_is_welcome(bench):
    code = bench.authorize()["user_code"]
    headers = {"Origin": bench.about["issuer"]}
    answer = bench.http.post("/admin/approve", json={"user_code": code}, headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 403),
        ("evil.example:8400", 403),
        ("localhost:8400", 200),
        ("127.0.0.1", 200),
        ("192.168.7.7:8400", 200),
        ("[::1]:8400", 200),
    ],
)
def test_rebound_names_are_refused(bench, host, status):
    answer = bench.http.get("/admin/grants", headers={"Host": host})
    assert answer.status_code == status


def test_openapi_describes_every_route_and_no_other(bench):
    document = bench.http.get("/admin/openapi.json").json
    assert document["openapi"].startswith("3.1")
    assert document["servers"] == [{"url": bench.about["admin"]}]
    described = {
        (path, method.upper()) for path, item in document["paths"].items() for method in item
    }
    routes = {
        (rule.rule.removeprefix("/admin"), method)
        for rule in bench.app.url_map.iter_rules()
        if rule.rule.startswith("/admin/")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert described == routes
    assert set(document["paths"]) == set(PATHS)


def test_openapi_matches_what_is_answered(bench):
    schemas = bench.http.get("/admin/openapi.json").json["components"]["schemas"]
    bench.link()
    bench.admin("/deny", user_code=bench.authorize()["user_code"])
    for grant in bench.http.get("/admin/grants").json["grants"]:
        assert set(grant) == set(schemas["Grant"]["properties"])
        assert grant["state"] in schemas["Grant"]["properties"]["state"]["enum"]
    for entry in bench.http.get("/admin/requests").json["requests"]:
        assert set(entry) <= set(schemas["Entry"]["properties"])
