"""Tokens: refresh and its rotation, revocation, introspection, ID tokens, userinfo, the API."""

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from keyfob_sim.server.rotation import ROTATIONS


def error(answer):
    return answer.status_code, answer.json.get("error")


def test_token_answer(bench):
    tokens = bench.link()
    assert set(tokens) == {
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "scope",
        "id_token",
    }
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 3600
    assert len({tokens["access_token"], tokens["refresh_token"]}) == 2


def test_no_refresh_token_without_offline_access(bench):
    tokens = bench.link(scope="openid")
    assert "refresh_token" not in tokens
    assert "refresh_token" in bench.link(scope="offline_access")


def test_no_id_token_without_openid(bench):
    assert "id_token" not in bench.link(scope="profile")


# Refresh


def test_rotation_answers_with_a_new_refresh_token_and_retires_the_old(bench):
    first = bench.link()
    second = bench.refresh(first["refresh_token"]).json
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert error(bench.refresh(first["refresh_token"])) == (400, "invalid_grant")
    assert bench.refresh(second["refresh_token"]).status_code == 200


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_rotation_modes(make_bench, clock, rotation):
    mode = ROTATIONS[rotation]
    bench = make_bench(f'rotation = "{rotation}"')
    first = bench.link()["refresh_token"]
    answer = bench.refresh(first).json
    assert ("refresh_token" in answer) == mode.rotates
    newest = answer.get("refresh_token", first)
    clock.advance(59)
    reused = bench.refresh(first).status_code == 200
    assert reused == (not mode.rotates or mode.has_grace)
    clock.advance(2)
    reused = bench.refresh(first).status_code == 200
    assert reused == (not mode.rotates)
    survived = bench.refresh(newest).status_code == 200
    assert survived == (not mode.revokes_family)
    api = bench.get("api", answer["access_token"])
    assert (api.status_code == 200) == (not mode.revokes_family)


def test_within_its_grace_a_retired_token_answers_with_another_new_one(make_bench, clock):
    bench = make_bench('rotation = "grace"\ngrace = 10\n')
    first = bench.link()["refresh_token"]
    lost = bench.refresh(first).json["refresh_token"]
    clock.advance(9)
    second = bench.refresh(first).json["refresh_token"]
    assert len({first, lost, second}) == 3
    clock.advance(2)  # the grace runs from the first use, whatever was asked since
    assert bench.refresh(second).status_code == 200
    assert error(bench.refresh(first)) == (400, "invalid_grant")
    assert error(bench.refresh(lost)) == (400, "invalid_grant")  # and that ended it all


def test_stolen_token_reused_by_another_client_does_not_end_the_link(make_bench):
    bench = make_bench('rotation = "family"')
    first = bench.link()
    second = bench.refresh(first["refresh_token"]).json
    assert error(bench.refresh(first["refresh_token"], "post")) == (400, "invalid_grant")
    assert bench.refresh(second["refresh_token"]).status_code == 200


def test_refresh_token_of_another_client(bench):
    token = bench.link("post")["refresh_token"]
    assert error(bench.refresh(token, "basic")) == (400, "invalid_grant")
    assert bench.refresh(token, "post").status_code == 200


def test_refresh_with_nonsense(bench):
    assert error(bench.refresh("nonsense")) == (400, "invalid_grant")
    assert error(bench.post("token_endpoint", grant_type="refresh_token")) == (
        400,
        "invalid_request",
    )
    access = bench.link()["access_token"]
    assert error(bench.refresh(access)) == (400, "invalid_grant")


def test_narrower_scope_narrows_one_access_token_only(bench):
    first = bench.link(scope="openid profile email offline_access")
    narrow = bench.refresh(first["refresh_token"], scope="openid").json
    assert narrow["scope"] == "openid"
    assert bench.get("userinfo_endpoint", narrow["access_token"]).json == {"sub": "user-ana"}
    wide = bench.refresh(narrow["refresh_token"]).json
    assert wide["scope"] == "openid profile email offline_access"


def test_wider_scope_is_refused(bench):
    token = bench.link(scope="openid offline_access")["refresh_token"]
    assert error(bench.refresh(token, scope="openid email")) == (400, "invalid_scope")
    assert bench.refresh(token).status_code == 200


def test_refresh_tokens_expire_when_configured_to(make_bench, clock):
    bench = make_bench("[lifetimes]\nrefresh_token = 100\n")
    token = bench.link()["refresh_token"]
    clock.advance(100)
    assert error(bench.refresh(token)) == (400, "invalid_grant")


def test_refresh_tokens_otherwise_live_on(bench, clock):
    token = bench.link()["refresh_token"]
    clock.advance(400 * 86400)
    assert bench.refresh(token).status_code == 200


# Access tokens


def test_api_and_userinfo_answer_by_scope(bench):
    everything = bench.link(user="ben", scope="openid profile email")["access_token"]
    account = {
        "sub": "user-ben",
        "name": "Ben Müller",
        "given_name": "Ben",
        "family_name": "Müller",
        "preferred_username": "ben",
        "email": "ben@example.com",
        "email_verified": False,
    }
    assert bench.get("userinfo_endpoint", everything).json == account
    api = bench.get("api", everything).json
    assert api["account"] == account
    assert api["client_id"] == "keyfob-public"
    assert api["scope"] == "openid profile email"
    little = bench.link(user="ben", scope="openid")["access_token"]
    assert bench.get("userinfo_endpoint", little).json == {"sub": "user-ben"}


@pytest.mark.parametrize("endpoint", ["api", "userinfo_endpoint"])
def test_access_token_expires(bench, clock, endpoint):
    token = bench.link()["access_token"]
    clock.advance(3599.9)
    assert bench.get(endpoint, token).status_code == 200
    clock.advance(0.2)
    answer = bench.get(endpoint, token)
    assert error(answer) == (401, "invalid_token")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("endpoint", ["api", "userinfo_endpoint"])
@pytest.mark.parametrize("token", ["nonsense", "a b", "\u00e9"])
def test_bad_access_token(bench, endpoint, token):
    answer = bench.get(endpoint, token)
    assert error(answer) == (401, "invalid_token")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("endpoint", ["api", "userinfo_endpoint"])
def test_no_access_token(bench, endpoint):
    refresh = bench.link()["refresh_token"]
    assert bench.get(endpoint, refresh).status_code == 401
    for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": "Basic YTpi"}):
        answer = bench.http.get(bench.path(endpoint), headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="keyfob"'


@pytest.mark.parametrize("endpoint", ["api", "userinfo_endpoint"])
def test_access_token_in_the_url_is_no_token(bench, endpoint):
    token = bench.link()["access_token"]
    answer = bench.http.get(f"{bench.path(endpoint)}?access_token={token}")
    assert answer.status_code == 401


def test_userinfo_without_openid(bench):
    answer = bench.get("userinfo_endpoint", bench.link(scope="profile")["access_token"])
    assert error(answer) == (403, "insufficient_scope")
    assert 'scope="openid"' in answer.headers["WWW-Authenticate"]


# Revocation


def test_revoking_the_refresh_token_ends_the_link(bench):
    tokens = bench.link()
    newer = bench.refresh(tokens["refresh_token"]).json
    assert bench.post("revocation_endpoint", token=newer["refresh_token"]).status_code == 200
    assert error(bench.refresh(newer["refresh_token"])) == (400, "invalid_grant")
    assert bench.get("api", newer["access_token"]).status_code == 401
    assert bench.get("api", tokens["access_token"]).status_code == 401


def test_revoking_an_access_token_leaves_the_link(bench):
    tokens = bench.link()
    answer = bench.post(
        "revocation_endpoint", token=tokens["access_token"], token_type_hint="access_token"
    )
    assert answer.status_code == 200
    assert bench.get("api", tokens["access_token"]).status_code == 401
    assert bench.refresh(tokens["refresh_token"]).status_code == 200


def test_a_wrong_or_unknown_hint_makes_no_difference(bench):
    for hint in ("access_token", "saml"):
        token = bench.link()["refresh_token"]
        answer = bench.post("revocation_endpoint", token=token, token_type_hint=hint)
        assert answer.status_code == 200
        assert error(bench.refresh(token)) == (400, "invalid_grant")


def test_revoking_nothing_is_done_already(bench):
    tokens = bench.link()
    for token in ("nonsense", tokens["refresh_token"], tokens["refresh_token"]):
        assert bench.post("revocation_endpoint", token=token).status_code == 200
    assert error(bench.post("revocation_endpoint")) == (400, "invalid_request")


def test_revoking_the_token_of_another_client(bench):
    token = bench.link("post")["refresh_token"]
    assert error(bench.post("revocation_endpoint", token=token)) == (400, "invalid_grant")
    assert bench.refresh(token, "post").status_code == 200


# Introspection


def test_introspection(bench, clock):
    tokens = bench.link("basic")
    access = bench.post("introspection_endpoint", "basic", token=tokens["access_token"]).json
    assert access == {
        "active": True,
        "iss": bench.about["issuer"],
        "client_id": "keyfob-basic",
        "aud": "keyfob-basic",
        "sub": "user-ana",
        "username": "ana",
        "scope": "openid profile offline_access",
        "token_type": "Bearer",
        "iat": int(clock()),
        "exp": int(clock() + 3600),
    }
    refresh = bench.post("introspection_endpoint", "basic", token=tokens["refresh_token"]).json
    assert refresh["active"] is True
    assert "exp" not in refresh
    assert "token_type" not in refresh


def test_introspection_of_what_does_not_work(bench, clock):
    tokens = bench.link("basic")
    inactive = {"active": False}
    for client, token in (("basic", "nonsense"), ("post", tokens["access_token"])):
        assert bench.post("introspection_endpoint", client, token=token).json == inactive
    bench.refresh(tokens["refresh_token"], "basic")
    retired = bench.post("introspection_endpoint", "basic", token=tokens["refresh_token"])
    assert retired.json == inactive
    clock.advance(3600)
    expired = bench.post("introspection_endpoint", "basic", token=tokens["access_token"])
    assert expired.json == inactive


# ID tokens and discovery


def decode(bench, id_token):
    keys = bench.get("jwks_uri").json
    return jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=["RS256"])


def test_id_token_is_signed_by_the_published_key(bench, clock):
    tokens = bench.link("basic", user="ben", scope="openid profile email offline_access")
    token = decode(bench, tokens["id_token"])
    assert token.header["alg"] == "RS256"
    claims = token.claims
    at_hash = claims.pop("at_hash")
    assert len(at_hash) == 22
    assert claims == {
        "iss": bench.about["issuer"],
        "aud": "keyfob-basic",
        "azp": "keyfob-basic",
        "iat": int(clock()),
        "exp": int(clock()) + 3600,
        "auth_time": int(clock()),
        "sub": "user-ben",
        "name": "Ben Müller",
        "given_name": "Ben",
        "family_name": "Müller",
        "preferred_username": "ben",
        "email": "ben@example.com",
        "email_verified": False,
    }


def test_id_token_shows_what_the_scope_allows(bench):
    claims = decode(bench, bench.link(scope="openid")["id_token"]).claims
    assert not {"name", "email", "preferred_username"} & set(claims)


def test_refresh_brings_a_newer_id_token_of_the_same_sign_in(bench, clock):
    first = bench.link()
    signed_in = int(clock())
    clock.advance(1000)
    claims = decode(bench, bench.refresh(first["refresh_token"]).json["id_token"]).claims
    assert claims["iat"] == signed_in + 1000
    assert claims["auth_time"] == signed_in
    assert claims["sub"] == "user-ana"


def test_published_key_is_public(bench):
    (key,) = bench.get("jwks_uri").json["keys"]
    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}


def test_both_discovery_documents_say_the_same(bench):
    openid = bench.http.get("/.well-known/openid-configuration").json
    assert openid == bench.http.get("/.well-known/oauth-authorization-server").json
    assert openid["issuer"] == bench.about["issuer"]
    assert not openid["issuer"].endswith("/")
    for name in (
        "device_authorization_endpoint",
        "token_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
    ):
        assert openid[name] == bench.about[name]
    assert "urn:ietf:params:oauth:grant-type:device_code" in openid["grant_types_supported"]
    methods = ["none", "client_secret_basic", "client_secret_post"]
    assert openid["token_endpoint_auth_methods_supported"] == methods
    assert openid["id_token_signing_alg_values_supported"] == ["RS256"]
    assert set(bench.about["scope"].split()) <= set(openid["scopes_supported"])
