"""The access token in a request, and what a 401 says about it (RFC 6750)."""

from keyfob.oauth import bearer


def test_the_token_is_in_the_authorization_header_and_nowhere_else():
    assert bearer.sign({"Accept": "text/plain"}, "at-1") == {
        "Accept": "text/plain",
        "Authorization": "Bearer at-1",
    }


def test_it_replaces_what_stood_there_in_any_spelling():
    signed = bearer.sign({"authorization": "Basic x", "AUTHORIZATION": "y"}, "at-1")
    assert signed == {"Authorization": "Bearer at-1"}


def test_the_callers_headers_stay_as_they_were():
    headers = {"Accept": "text/plain"}
    bearer.sign(headers, "at-1")
    assert headers == {"Accept": "text/plain"}


def test_a_401_asks_for_a_new_token_unless_it_blames_scope_or_request():
    for challenge, expected in (
        ('Bearer error="invalid_token"', True),
        ('Bearer realm="x", error="invalid_token", error_description="The token ran out"', True),
        ('bearer realm="x"', True),
        ("", True),
        ("Bearer", True),
        ('Bearer my_error="invalid_request"', True),
        ("Bearer error=invalid_token", True),
        ('Bearer realm="x" , error = "invalid_token"', True),
        ('Basic realm="x", Bearer error="invalid_token"', True),
        ('Bearer error="insufficient_scope", scope="write"', False),
        ('Bearer error="insufficient_scope", error_description="no invalid_token here"', False),
        ('Bearer error_description="odd", error="invalid_request"', False),
        ('Bearer error=""', True),
        ('Bearer error="expired_token"', True),
        ('Bearer error="unauthorized"', True),
        ("Basic", True),
        ("Bearer error=insufficient_scope", False),
    ):
        assert bearer.blames_token(401, challenge) is expected, challenge


def test_no_other_status_does():
    for status in (200, 204, 302, 400, 403, 404, 407, 429, 500, 503):
        assert not bearer.blames_token(status, 'Bearer error="invalid_token"'), status
