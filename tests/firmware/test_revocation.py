"""Giving tokens back (RFC 7009)."""

from conversation import TOKENS, but, profile, reply

from keyfob.oauth.messages import Client
from keyfob.oauth.revocation import is_confirmed, revocation_request
from keyfob.oauth.token_set import TokenSet

URL = "https://as.example/revoke"
PROFILE = profile(revocation_endpoint=URL)
CLIENT = Client("board-1")


def tokens(**changes):
    return TokenSet.granted(but(TOKENS, **changes), PROFILE, None, 0)


def test_the_refresh_token_is_named_since_it_takes_the_others_along():
    request = revocation_request(tokens(), PROFILE, CLIENT)
    assert request.method == "POST"
    assert request.url == URL
    assert request.body == b"token=rt-F1&token_type_hint=refresh_token&client_id=board-1"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_without_one_the_access_token_is():
    request = revocation_request(tokens(refresh_token=None), PROFILE, CLIENT)
    assert request.body == b"token=at-F1&token_type_hint=access_token&client_id=board-1"


def test_the_client_authenticates_as_everywhere():
    basic = revocation_request(tokens(), PROFILE, Client("board-1", "s3cret", "basic"))
    assert basic.headers["Authorization"] == "Basic Ym9hcmQtMTpzM2NyZXQ="
    assert b"client" not in basic.body
    post = revocation_request(tokens(), PROFILE, Client("board-1", "s3cret", "post"))
    assert post.body.endswith(b"&client_id=board-1&client_secret=s3cret")
    assert "Authorization" not in post.headers


def test_no_token_is_in_the_address():
    for client in (CLIENT, Client("board-1", "s3cret", "basic")):
        assert revocation_request(tokens(), PROFILE, client).url == URL


def test_a_token_is_encoded():
    request = revocation_request(tokens(refresh_token="1//a&b=c+d"), PROFILE, CLIENT)
    assert request.body.startswith(b"token=1%2F%2Fa%26b%3Dc%2Bd&")


def test_a_provider_without_the_endpoint_is_asked_nothing():
    assert revocation_request(tokens(), profile(), CLIENT) is None


def test_200_is_done_whatever_the_body():
    for body in (b"", {}, b"<html>", {"error": "invalid_token"}):
        assert is_confirmed(reply(200, body))


def test_anything_else_is_not():
    for answer in (
        reply(503, b"", retry_after=30),
        reply(400, {"error": "unsupported_token_type"}),
        reply(401, {"error": "invalid_client"}),
        reply(429),
        reply(302, b"", location="https://as.example/login"),
        reply(404),
        reply(500),
    ):
        assert not is_confirmed(answer)
