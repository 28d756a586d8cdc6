"""The grant's two requests, what it takes from the first reply, and how it must be used."""

from conversation import (
    CODE,
    CODE_URL,
    TIMEOUT,
    TOKEN_URL,
    TOKENS,
    but,
    encoded,
    form_of,
    profile,
    reply,
)
from support import raises

from keyfob.errors import (
    LinkDenied,
    LinkExpired,
    ProviderError,
    TransportError,
    UsageError,
)
from keyfob.oauth import DEVICE_CODE_GRANT
from keyfob.oauth import outcome as meaning
from keyfob.oauth.device_grant import (
    DENIED,
    EXPIRED,
    FAILED,
    GRANTED,
    IDLE,
    PENDING,
    REQUESTED,
    DeviceGrant,
)
from keyfob.oauth.messages import Client
from keyfob.oauth.outcome import classify
from keyfob.oauth.profile import Profile

LONG = "0123456789abcdef" * 100
# Lower case, look-alikes, digits, dashes and the fifteen wide letters Google reserves room for.
CODES = ("fH7kQp", "123456789", "123-456-789", "W" * 15, "wdjb mjht", "O0-Il1", "BPPVYQZMA")


def asked(dialect=None, client=None, scope="openid profile"):
    """A grant whose device authorization request is on its way since 0 ms."""
    grant = DeviceGrant(dialect or profile(), client or Client("fob"), scope)
    grant.authorize(0)
    return grant


def answered(body=None, dialect=None, client=None, **changes):
    """A grant that got `body` (CODE with `changes`) for an answer at 0 ms."""
    grant = asked(dialect, client)
    grant.receive(reply(200, but(CODE, **changes) if body is None else body), 0)
    return grant


def polled(**options):
    """A grant whose first poll is on its way, and the time."""
    grant = answered(**options)
    now = grant.wait(0)
    grant.poll(now)
    return grant, now


def refused(body, **options):
    """The error of a grant that must not accept `body` for a first answer."""
    grant = answered(body, **options)
    assert grant.state == FAILED, body
    assert grant.wait(0) is None
    assert grant.user_code is None and grant.verification_uri is None
    return grant.error


# The requests


def test_the_first_request_names_client_and_scope():
    grant = DeviceGrant(profile(), Client("fob"), "openid profile")
    assert grant.state == IDLE
    assert grant.wait(0) == 0
    request = grant.authorize(0)
    assert grant.state == REQUESTED
    assert (request.method, request.url) == ("POST", CODE_URL)
    assert form_of(request) == {"client_id": "fob", "scope": "openid profile"}


def test_without_a_scope_none_is_sent():
    for scope in (None, ""):
        request = DeviceGrant(profile(), Client("fob"), scope).authorize(0)
        assert form_of(request) == {"client_id": "fob"}


def test_a_poll_names_grant_type_device_code_and_client():
    grant = answered()
    request = grant.poll(grant.wait(0))
    assert (request.method, request.url) == ("POST", TOKEN_URL)
    assert form_of(request) == {
        "grant_type": DEVICE_CODE_GRANT,
        "device_code": "dc-A1",
        "client_id": "fob",
    }


def test_a_client_with_a_secret_authenticates_both_requests_by_one_method():
    for auth in ("basic", "post"):
        client = Client("fob", "s3cret", auth)
        grant = DeviceGrant(profile(), client)
        first = grant.authorize(0)
        grant.receive(reply(200, CODE), 0)
        for request in (first, grant.poll(grant.wait(0))):
            form = form_of(request) if request.body else {}
            assert ("Authorization" in request.headers) == (auth == "basic")
            assert (form.get("client_secret") == "s3cret") == (auth == "post")
            assert (form.get("client_id") == "fob") == (auth == "post" or request is first)
            assert "s3cret" not in request.url


def test_a_dialect_changes_the_requests_as_its_profile_says():
    dialect = profile(
        scope_param="scopes",
        scope_sep=",",
        extra_da_params={"response_type": "device_code"},
        extra_token_params={"audience": "https://api.example/"},
        grant_type="device",
        accept="application/vnd.example+json",
    )
    grant = DeviceGrant(dialect, Client("fob"), "a b")
    first = grant.authorize(0)
    assert form_of(first) == {
        "scopes": "a,b",
        "response_type": "device_code",
        "client_id": "fob",
    }
    assert first.headers["Accept"] == "application/vnd.example+json"
    grant.receive(reply(200, CODE), 0)
    assert form_of(grant.poll(grant.wait(0))) == {
        "grant_type": "device",
        "device_code": "dc-A1",
        "audience": "https://api.example/",
        "client_id": "fob",
    }


def test_a_device_code_of_any_characters_comes_back_as_it_was_given():
    for code in ("a&b=c+d%e/f g", "\u00e4\u20ac", "dc==", LONG):
        grant = answered(device_code=code)
        assert form_of(grant.poll(grant.wait(0)))["device_code"] == code


# What the first reply holds


def test_code_and_addresses_are_taken_unchanged():
    grant = answered()
    assert grant.state == PENDING
    assert grant.user_code == "WDJB-MJHT"
    assert grant.verification_uri == "https://as.example/device"
    assert grant.verification_uri_complete == "https://as.example/device?user_code=WDJB-MJHT"
    assert (grant.expires_in, grant.interval) == (1800, 5)


def test_the_reply_that_every_tutorial_prints():
    grant = answered(
        b'{\n  "device_code": "IO2RUI3SAH0IQuESHAEBAeYOO8UPAI",\n'
        b'  "user_code": "RSIK-KRAM",\n'
        b'  "verification_uri": "https://as.example/device",\n'
        b'  "interval": 10,\n  "expires_in": 1600\n}\n'
    )
    assert grant.user_code == "RSIK-KRAM"
    assert grant.verification_uri_complete is None
    assert (grant.expires_in, grant.interval) == (1600, 10)
    request = grant.poll(grant.wait(0))
    assert form_of(request)["device_code"] == "IO2RUI3SAH0IQuESHAEBAeYOO8UPAI"


def test_a_form_encoded_reply_is_understood():
    grant = answered(
        b"device_code=dc-A4&expires_in=900&interval=5&user_code=BCE3-88D0"
        b"&verification_uri=https%3A%2F%2Fgit.example%2Flogin%2Fdevice"
    )
    assert grant.user_code == "BCE3-88D0"
    assert grant.verification_uri == "https://git.example/login/device"
    assert (grant.expires_in, grant.interval) == (900, 5)


def test_verification_url_is_as_good_as_uri():
    grant = answered(
        verification_uri=None,
        verification_uri_complete=None,
        verification_url="https://goo.example/device",
        verification_url_complete="https://goo.example/device?c=1",
    )
    assert grant.verification_uri == "https://goo.example/device"
    assert grant.verification_uri_complete == "https://goo.example/device?c=1"


def test_members_in_a_providers_own_spelling():
    dialect = profile(
        da_aliases={
            "deviceCode": "device_code",
            "userCode": "user_code",
            "verificationUri": "verification_uri",
            "verificationUriComplete": "verification_uri_complete",
            "expiresIn": "expires_in",
        },
        min_interval=1,
    )
    own = {
        "deviceCode": "dc-A7",
        "userCode": "ABCD-EFGH",
        "verificationUri": "https://d-0.example/start/#/device",
        "verificationUriComplete": "https://d-0.example/start/#/device?user_code=ABCD-EFGH",
        "expiresIn": 600,
        "interval": 1,
    }
    grant = answered(own, dialect)
    assert grant.user_code == "ABCD-EFGH"
    assert grant.verification_uri == "https://d-0.example/start/#/device"
    assert grant.verification_uri_complete.endswith("?user_code=ABCD-EFGH")
    assert (grant.expires_in, grant.interval) == (600, 1)
    assert form_of(grant.poll(grant.wait(0)))["device_code"] == "dc-A7"
    assert answered(dialect=dialect).user_code == "WDJB-MJHT"  # the standard's names still do


def test_unknown_members_and_values_of_any_size_are_no_obstacle():
    grant = answered(
        device_code=LONG,
        message="To sign in, open the page and enter the code",
        scope="a",
        nested={"a": [1, {"b": None}]},
        verification_uri_complete="https://as.example/device?code=" + "x" * 270,
    )
    assert grant.state == PENDING
    assert len(grant.verification_uri_complete) == 301
    assert form_of(grant.poll(grant.wait(0)))["device_code"] == LONG


def test_a_user_code_is_shown_exactly_as_it_came():
    for code in CODES:
        assert answered(user_code=code).user_code == code


def test_an_address_may_have_blanks_around_it():
    grant = answered(verification_uri=" https://as.example/device ")
    assert grant.verification_uri == "https://as.example/device"


def test_an_odd_interval_is_coerced():
    cases = [
        (5, 5),
        (30, 30),
        ("5", 5),
        ("5 ", 5),
        ("2.5", 3),
        (2.5, 3),
        (0.2, 1),
        (0, 1),
        ("0", 1),
        (-3, 5),
        ("-3", 5),
        ("junk", 5),
        ("", 5),
        (True, 5),
        (False, 5),
        ([], 5),
        ({}, 5),
        (None, 5),  # absent
        (86_400, 86_400),
        (10**9, 10**9),
    ]
    for given, expected in cases:
        assert answered(interval=given).interval == expected, given


def test_an_interval_that_json_cannot_say_does_not_crash():
    for number in (b"null", b"1e999", b"NaN", b"Infinity", b"-Infinity", b"9" * 4000):
        body = (
            b'{"device_code": "dc-A1", "user_code": "WDJB-MJHT", "expires_in": 1800,'
            b' "verification_uri": "https://as.example/device", "interval": ' + number + b"}"
        )
        grant = answered(body)
        if grant.state == PENDING:
            assert grant.interval in (5, 4_000_000_000), number
            assert grant.wait(0) is not None
        else:
            assert grant.state == IDLE, number  # not JSON to this runtime: asked again


def test_a_profile_may_raise_the_lowest_interval():
    for given, expected in ((0, 8), (5, 8), (None, 8), (9, 9)):
        assert answered(dialect=profile(min_interval=8), interval=given).interval == expected


def test_an_odd_lifetime_is_coerced():
    cases = [
        (900, 900),
        ("900", 900),
        (899.5, 900),
        (None, 300),  # absent
        ("soon", 300),
        ("", 300),
        (True, 300),
        ([], 300),
        (400_000, 400_000),
    ]
    for given, expected in cases:
        grant = answered(expires_in=given)
        assert grant.expires_in == expected, given
        assert grant.wait(expected * 1000 - 1) is not None, given
        assert grant.wait(expected * 1000) is None, given
    assert answered(dialect=profile(default_expires=600), expires_in=None).expires_in == 600


def test_a_code_without_any_life_is_an_error():
    for given in (0, -1, "0", "-5"):
        assert "expired" in refused(but(CODE, expires_in=given)).message


def test_without_a_required_member_the_reply_names_what_is_missing():
    for name in ("device_code", "user_code", "verification_uri"):
        for value in (None, "", 123456, True, ["x"], {"a": "b"}):
            body = but(CODE, **{name: value})
            error = refused(body)
            assert isinstance(error, ProviderError)
            assert name in error.message, body
            assert error.hint.startswith("the provider has to correct it")
    for body in ({}, {"message": "hello"}, b"a=b"):
        assert "device_code" in refused(body).message


def test_codes_that_cannot_be_shown_or_sent_are_refused():
    for code in ("WDJB\n", "\x1b[31mWDJB", "WD\u202eJB", "\U0001f600\U0001f600", "W" * 65):
        assert "user_code" in refused(but(CODE, user_code=code)).message
    for name, escaped in (("user_code", b"\\ud83d\\ude00"), ("device_code", b"\\ud800")):
        body = encoded(but(CODE, **{name: "HERE"})).replace(b"HERE", escaped)
        assert name in refused(body).message


def test_an_address_that_is_not_safe_to_open_is_refused():
    for uri in (
        "http://as.example/device",
        "javascript:alert(1)",
        "https://good.example@evil.example/",
        "https://as.example/\ndevice",
        "https://as.example/\u202eecived",
        "as.example/device",
        "https://as.example/" + "x" * 512,
    ):
        assert "verification_uri" in refused(but(CODE, verification_uri=uri)).message
    for uri, why in (
        ("/device", ", for it does not begin with https://"),
        ("as.example/device", ", for it does not begin with https://"),
        ("https://b\xfccher.example/", ", for it holds a character that no address has"),
        ("http://as.example/", ""),
    ):
        error = refused(but(CODE, verification_uri=uri))
        assert error.message.endswith("is not safe to open%s: %s" % (why, uri))
        assert "begins with https://" in error.hint
    assert len(refused(but(CODE, verification_uri="https://a/" + "x" * 600)).message) < 200


def test_http_addresses_are_shown_only_where_the_configuration_allows_http():
    local = "http://127.0.0.1:8080/device"
    assert answered(verification_uri=local).verification_uri == local
    open_house = Profile(
        {"device_authorization_endpoint": CODE_URL, "token_endpoint": TOKEN_URL}, True
    )
    shown = answered(dialect=open_house, verification_uri="http://as.example/device")
    assert shown.verification_uri == "http://as.example/device"


def test_an_unsafe_complete_address_is_dropped_and_the_plain_one_serves():
    for complete in ("javascript:alert(1)", "http://as.example/", 7, "", "x" * 600, ["x"]):
        grant = answered(verification_uri_complete=complete)
        assert grant.state == PENDING
        assert grant.verification_uri_complete is None, complete


def test_a_complete_address_is_made_up_only_by_a_documented_template():
    template = profile(qr_template="https://as.example/activate/{user_code}")
    grant = answered(dialect=template, user_code="AB C&D", verification_uri_complete=None)
    assert grant.verification_uri_complete == "https://as.example/activate/AB%20C%26D"
    given = answered(dialect=template).verification_uri_complete
    assert given == "https://as.example/device?user_code=WDJB-MJHT"  # the server's own wins
    assert answered(verification_uri_complete=None).verification_uri_complete is None


# Refusals of the first request


def test_each_refusal_of_the_first_request_says_why():
    cases = [
        (400, {"error": "invalid_scope", "error_description": "no such scope"}),
        (401, {"error": "invalid_client"}),
        (400, {"error": "unauthorized_client"}),
        (400, {"error": "invalid_grant", "error_description": "Client not allowed"}),
        (200, {"error": "device_flow_disabled"}),
        (403, {"error_code": "rate_limit_exceeded"}),
        (429, {"error": "slow_down"}),
        (404, b"<html>"),
        (302, b""),
        (400, {"error": "authorization_pending"}),
        (400, {"error": "expired_token"}),
        (400, {"error": "access_denied"}),
    ]
    seen = set()
    for status, body in cases:
        grant = asked()
        assert grant.receive(reply(status, body), 0) == FAILED, body
        assert isinstance(grant.error, ProviderError), body
        assert grant.error.hint
        assert grant.wait(0) is None and grant.poll(0) is None
        seen.add(grant.error.message)
    assert len(seen) == len(cases)


def test_invalid_grant_for_a_first_answer_is_no_expiry():
    grant = asked()
    grant.receive(reply(400, {"error": "invalid_grant"}), 0)
    assert grant.outcome.kind == meaning.ERROR
    assert not isinstance(grant.error, LinkExpired)


def test_a_busy_provider_is_not_asked_again_by_itself():
    grant = asked()
    assert grant.receive(reply(429, b"", retry_after=120), 0) == FAILED
    assert "120 s" in grant.error.hint


# Endings


def test_how_each_ending_is_told():
    cases = [
        ("access_denied", DENIED, LinkDenied),
        ("authorization_declined", DENIED, LinkDenied),
        ("expired_token", EXPIRED, LinkExpired),
        ("invalid_client", FAILED, ProviderError),
        ("invalid_grant", FAILED, ProviderError),
        ("anything_else", FAILED, ProviderError),
    ]
    for code, state, kind in cases:
        grant, now = polled()
        assert grant.receive(reply(400, {"error": code}), now) == state, code
        assert isinstance(grant.error, kind), code
        assert grant.error.hint, code
        assert grant.outcome.error == code


def test_success_hands_over_the_tokens():
    grant, now = polled()
    assert grant.receive(reply(200, TOKENS), now, 1_800_000_000) == GRANTED
    assert grant.error is None
    assert grant.tokens.access_token == "at-F1"
    assert grant.tokens.refresh_token == "rt-F1"
    assert grant.tokens.expires_at == 1_800_003_600


def test_a_token_reply_as_every_tutorial_prints_it():
    grant, now = polled()
    grant.receive(
        reply(
            200,
            b'{\n  "access_token": "synthetic-access-token",\n  "expires_in": 3599,\n'
            b'  "scope": "https://api.example/auth/youtube'
            b' https://api.example/auth/drive.file",\n'
            b'  "token_type": "Bearer",\n  "refresh_token": "1//0synthetic-refresh-token"\n}\n',
        ),
        now,
    )
    assert grant.state == GRANTED
    assert grant.tokens.access_token == "synthetic-access-token"
    assert grant.tokens.refresh_token == "1//0synthetic-refresh-token"
    assert grant.tokens.expires_in == 3599
    assert grant.tokens.scope.split() == [
        "https://api.example/auth/youtube",
        "https://api.example/auth/drive.file",
    ]


def test_a_success_without_a_usable_token_ends_in_failure():
    for body in (
        {},
        {"status": "pending"},
        but(TOKENS, access_token=None),
        but(TOKENS, access_token=""),
        but(TOKENS, access_token=123),
        but(TOKENS, token_type="DPoP"),
        but(TOKENS, token_type="mac"),
        but(TOKENS, error="access_denied"),
        but(TOKENS, error=123),
    ):
        grant, now = polled()
        grant.receive(reply(200, body), now)
        assert grant.state in (FAILED, DENIED), body
        assert grant.tokens is None
        assert grant.error is not None and grant.wait(now) is None
        assert grant.outcome.kind in (meaning.ERROR, meaning.DENIED)


def test_the_type_of_a_token_is_compared_without_case():
    for word in ("bearer", "Bearer", "BEARER"):
        grant, now = polled()
        assert grant.receive(reply(200, but(TOKENS, token_type=word)), now) == GRANTED


def test_invalid_grant_means_expired_only_at_the_end_of_the_codes_life():
    body = {"error": "invalid_grant", "error_description": "Device code not valid"}
    for after, state in (
        (0, FAILED),
        (1_794_000, FAILED),
        (1_795_000, EXPIRED),
        (1_801_000, EXPIRED),
    ):
        grant = answered()
        now = grant.wait(0)
        grant.poll(now)
        grant.receive(reply(400, body), max(now, after))
        assert grant.state == state, after


# Ends after answers that were lost

LOST = (
    TIMEOUT,
    TransportError("the server closed the connection in the middle of its reply"),
    TransportError("not enough memory for the provider's reply", kind="memory"),
    reply(200, b'{"access_token": "at-'),
    reply(200, b"<html>Please sign in to the hotel"),
    reply(502, b"<html>"),
    reply(500, b"<html>"),
    reply(503),
    reply(504),
    reply(500, {"error": "oops"}),
)
# Of these the third ends a grant.
REFUSED = (
    reply(302),
    reply(400, b"<html>"),
    reply(401, b"<html>"),
    reply(403, b"<html>"),
    reply(404, b"<html>"),
    reply(400, {"error": "Bad Request", "status": 400}),
    reply(400, {"error": {"code": 400}}),
)
NOT_LOST = (reply(429), reply(400, {"error": "server_error"}))
USED_UP = ("access_denied", "invalid_grant", "invalid_request", "device_not_found")


def answer(grant, now, given):
    """Give the grant its answer, wait for the next poll and send it; return the time."""
    if isinstance(given, TransportError):
        grant.failed(given, now)
    else:
        grant.receive(reply(given.status, given.body), now)  # which is dropped
    wait = grant.wait(now)
    if wait is None:
        return now
    now += wait
    grant.poll(now)
    return now


def trouble_of(given):
    """What a grant tells of an answer that cannot be read."""
    if isinstance(given, TransportError):
        return given.message
    return str(classify(reply(given.status, given.body), profile()))


def never_sent(kind):
    error = TransportError("no connection to as.example", kind=kind)
    error.lost = False
    return error


def test_a_code_that_a_lost_answer_used_up_is_told_as_that():
    for trouble in LOST + REFUSED:
        for code in USED_UP:
            grant, now = polled()
            now = answer(grant, now, trouble)
            assert grant.receive(reply(400, {"error": code}), now) == FAILED, (trouble, code)
            assert isinstance(grant.error, TransportError)
            assert code in grant.error.message and "was lost" in grant.error.message
            assert meaning.NAMES[grant.outcome.kind] == "error"
            assert "code" in grant.error.hint
            expected = trouble.kind if isinstance(trouble, TransportError) else "network"
            assert grant.error.kind == expected
            assert trouble_of(trouble) in grant.error.message


def test_an_answer_that_came_later_clears_what_was_lost():
    for later in ("authorization_pending", "slow_down"):
        grant, now = polled()
        now = answer(grant, now, TIMEOUT)
        now = answer(grant, now, reply(400, {"error": later}))
        assert grant.receive(reply(400, {"error": "access_denied"}), now) == DENIED
        assert isinstance(grant.error, LinkDenied)


def test_a_busy_gateway_clears_nothing():
    grant, now = polled()
    for trouble in (reply(503), TIMEOUT) + NOT_LOST:
        now = answer(grant, now, trouble)
    assert grant.receive(reply(400, {"error": "access_denied"}), now) == FAILED
    assert TIMEOUT.message in grant.error.message


def test_a_person_who_refused_during_an_outage_has_refused():
    for trouble in NOT_LOST + (never_sent("network"), never_sent("timeout"), never_sent("tls")):
        grant, now = polled()
        now = answer(grant, now, trouble)
        assert grant.receive(reply(400, {"error": "access_denied"}), now) == DENIED, trouble
        assert isinstance(grant.error, LinkDenied)


def test_what_is_wrong_with_the_client_is_told_whatever_was_lost():
    for code in ("invalid_client", "unauthorized_client", "invalid_scope"):
        grant, now = polled()
        now = answer(grant, now, TIMEOUT)
        grant.receive(reply(400, {"error": code}), now)
        assert isinstance(grant.error, ProviderError) and grant.error.error == code


def test_a_code_that_ran_out_without_an_answer_is_not_told_as_nobody_s():
    for trouble in LOST + (reply(429), never_sent("tls")):
        grant, now = polled(expires_in=60)
        while grant.state == PENDING:
            now = answer(grant, now, trouble)
        assert grant.state == EXPIRED and isinstance(grant.error, LinkExpired)
        assert "nobody" not in str(grant.error) and "approved" not in str(grant.error)
        told = trouble.message if isinstance(trouble, TransportError) else grant.outcome
        assert str(told) == grant.error.lost and grant.error.lost in grant.error.message
        assert grant.error.kind == getattr(trouble, "kind", "network")


def test_a_code_that_ran_out_after_an_answer_is_nobody_s():
    for early in (TIMEOUT, reply(502)):
        grant, now = polled(expires_in=60)
        now = answer(grant, now, early)
        while grant.state == PENDING:
            now = answer(grant, now, reply(400, {"error": "authorization_pending"}))
        assert grant.error.lost is None
        assert grant.error.message == "the code ran out before anybody approved it"


def test_trouble_before_there_was_a_code_is_forgotten():
    grant = asked()
    grant.failed(TIMEOUT, 0)
    grant.authorize(grant.wait(0))
    assert grant.receive(reply(200, CODE), 2_000) == PENDING
    now = 2_000 + grant.wait(2_000)
    grant.poll(now)
    assert grant.receive(reply(400, {"error": "access_denied"}), now) == DENIED


def test_a_refusal_of_the_first_request_is_none_of_a_code():
    grant = asked()
    grant.failed(TIMEOUT, 0)
    grant.authorize(grant.wait(0))
    grant.receive(reply(400, {"error": "invalid_grant"}), 2_000)
    assert isinstance(grant.error, ProviderError) and grant.error.error == "invalid_grant"


def test_a_reply_that_is_too_long_is_final_and_tells_its_size():
    trouble = TransportError("the server's reply has 20000 bytes, which is longer than 16384")
    trouble.is_final = True
    for grant, now in ((asked(), 0), polled()):
        assert grant.failed(trouble, now) == FAILED
        assert grant.error is trouble and grant.wait(now) is None


def test_after_a_restart_the_tokens_may_have_been_in_an_answer_that_nobody_heard():
    for early, state in ((None, FAILED), ("authorization_pending", DENIED)):
        old, now = polled()
        old.receive(reply(400, {"error": "authorization_pending"}), now)
        grant = DeviceGrant(profile(), Client("fob"))
        assert grant.resume(old.record(now), 0)
        now = grant.wait(0)
        grant.poll(now)
        if early:
            now = answer(grant, now, reply(400, {"error": early}))
        assert grant.receive(reply(400, {"error": "access_denied"}), now) == state


# Rules of use


def test_one_request_at_a_time():
    grant, now = polled()
    raises(UsageError, grant.poll, now + 60_000)
    raises(UsageError, grant.authorize, now)
    grant.receive(reply(400, {"error": "authorization_pending"}), now)
    raises(UsageError, grant.poll, now)  # too early


def test_a_poll_on_its_way_keeps_the_grant_alive_past_its_time():
    grant, _ = polled(expires_in=60)
    assert grant.wait(60_001) is not None
    assert grant.receive(reply(200, TOKENS), 60_002) == GRANTED


def test_an_answer_that_nobody_waits_for_is_a_mistake_of_the_caller():
    grant = DeviceGrant(profile(), Client("fob"))
    raises(UsageError, grant.receive, reply(200, CODE), 0)
    raises(UsageError, grant.failed, TIMEOUT, 0)
    grant = answered()
    raises(UsageError, grant.receive, reply(200, TOKENS), 0)
    assert grant.state == PENDING


def test_nothing_leaves_a_grant_that_has_ended():
    for body in (
        TOKENS,
        {"error": "access_denied"},
        {"error": "expired_token"},
        {"error": "invalid_client"},
    ):
        grant, now = polled()
        state = grant.receive(reply(200, body), now)
        for later in (now, now + 5_500, now + 3_600_000):
            assert grant.wait(later) is None
            assert grant.poll(later) is None
            raises(UsageError, grant.receive, reply(200, TOKENS), later)
            raises(UsageError, grant.authorize, later)
        assert grant.state == state


def test_a_poll_before_there_is_a_code_is_a_mistake_of_the_caller():
    raises(UsageError, DeviceGrant(profile(), Client("fob")).poll, 0)
    raises(UsageError, asked().poll, 0)


# Secrets


def test_no_text_of_a_grant_holds_a_secret():
    client = Client("fob", "s3cret", "post")
    echo = {"error": "no dc-A1", "error_description": "dc-A1 and s3cret are not known"}
    endings = (
        reply(400, echo),
        reply(400, but(echo, error="access_denied")),
        reply(400, but(echo, error="expired_token")),
        reply(400, but(echo, error="invalid_grant")),
        reply(200, TOKENS),
        reply(200, but(TOKENS, token_type="mac")),
        reply(400, {"error": {"code": "dc-A1", "message": "s3cret"}}),
        reply(200, {"message": "dc-A1"}),
    )
    for ending in endings:
        grant, now = polled(client=client)
        grant.receive(ending, now)
        texts = [str(grant), repr(grant), str(grant.outcome), repr(grant.outcome)]
        texts += [str(grant.outcome.error), grant.outcome.description]
        if grant.error is not None:
            texts += [str(grant.error), repr(grant.error), str(grant.error.hint)]
            texts += [str(grant.error.error), repr(grant.error.args)]
        if grant.tokens is not None:
            texts += [str(grant.tokens), repr(grant.tokens)]
        for text in texts:
            for secret in ("dc-A1", "s3cret", "at-F1", "rt-F1"):
                assert secret not in text, text


def test_the_device_code_is_dropped_when_it_is_of_no_more_use():
    for body in (TOKENS, {"error": "access_denied"}, {"error": "invalid_client"}):
        grant, now = polled()
        grant.receive(reply(200, body), now)
        assert "dc-A1" not in [getattr(grant, name) for name in dir(grant)]
        assert grant.outcome.members is None


def test_a_first_request_refused_by_tls_ends_at_once():
    grant = asked()
    trouble = TransportError("as.example is not trusted: expired", kind="tls")
    assert grant.failed(trouble, 0) == FAILED
    assert grant.error is trouble
    assert grant.wait(0) is None
