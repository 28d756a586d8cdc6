"""What a provider's answer means: the body first, the status where the body is silent."""

from conversation import but, profile, reply

from keyfob.errors import ProviderError, TransportError
from keyfob.oauth.messages import Reply, quote
from keyfob.oauth.outcome import (
    DENIED,
    ERROR,
    EXPIRED,
    NAMES,
    OK,
    PENDING,
    REFUSED,
    RETRY,
    SLOW_DOWN,
    Outcome,
    classify,
)
from keyfob.oauth.outcome_hints import refusal

# Dialects as a provider object states them.
PLAIN = profile()
BY_STATUS = profile(
    pending_map={
        "400": "authorization_pending",
        "404": "invalid_grant",
        "410": "expired_token",
        "418": "access_denied",
    }
)
BY_SUBCODE = profile(
    pending_map={
        "1349174": "authorization_pending",
        "1349172": "slow_down",
        "1349152": "expired_token",
    }
)
BY_WORDS = profile(
    pending_map={"invalid device code": "expired_token", "CodeGone": "expired_token"}
)

HTML = b"<html><body>Bad gateway</body></html>"
TOKENS = {"access_token": "at-F1", "token_type": "Bearer"}


def expect(kind, error, answers, dialect=PLAIN):
    """Check the meaning of each (status, body, headers) in `answers`."""
    for status, body, headers in answers:
        outcome = classify(reply(status, body, **headers), dialect)
        assert outcome.kind == kind, (status, body, NAMES[outcome.kind])
        assert outcome.error == error, (status, body, outcome.error)


def bodies(*answers):
    return [(status, body, {}) for status, body in answers]


def test_pending_in_every_shape_and_at_every_status_in_use():
    code = "authorization_pending"
    answers = bodies(
        (400, {"error": code}),
        (400, {"error": code, "error_description": "The request is still pending"}),
        (428, {"error": code, "error_description": "Precondition Required"}),
        (403, {"error": code, "error_description": "User has yet to authorize."}),
        (401, {"error": code}),
        (200, {"error": code, "error_uri": "https://docs.example/#device"}),
        (200, b"error=authorization_pending&error_description=The+request+is+pending."),
        (400, {"status": 400, "message": code}),
    )
    expect(PENDING, code, answers)


def test_pending_by_the_profile_where_the_answer_names_no_oauth_error():
    code = "authorization_pending"
    expect(PENDING, code, bodies((400, b""), (400, b"{}"), (400, HTML)), BY_STATUS)
    nested = {"message": "a pending action", "code": 31, "error_subcode": 1349174}
    expect(PENDING, code, bodies((400, {"error": nested})), BY_SUBCODE)
    expect(REFUSED, None, bodies((400, b""), (400, b"{}"), (400, HTML)))


def test_slow_down_in_every_shape_and_at_every_status_in_use():
    code = "slow_down"
    answers = bodies(
        (400, {"error": code}),
        (200, {"error": code, "interval": 10}),
        (403, {"error": code, "error_description": "Forbidden"}),
        (429, {"error": code, "error_description": "You are polling too fast."}),
        (400, {"status": 400, "message": code}),
        (200, b"error=slow_down"),
    )
    expect(SLOW_DOWN, code, answers)
    nested = {"code": 17, "error_subcode": 1349172}
    expect(SLOW_DOWN, code, bodies((400, {"error": nested})), BY_SUBCODE)


def test_a_429_that_names_no_known_error_slows_down():
    expect(SLOW_DOWN, None, bodies((429, b""), (429, HTML), (429, {"retry": True})))
    expect(SLOW_DOWN, "too_many_requests", bodies((429, {"error": "too_many_requests"})))


def test_the_body_decides_before_the_status():
    answers = [
        (500, "authorization_pending", PENDING),
        (503, "slow_down", SLOW_DOWN),
        (429, "authorization_pending", PENDING),
        (429, "access_denied", DENIED),
        (200, "access_denied", DENIED),
        (500, "expired_token", EXPIRED),
        (502, "invalid_grant", ERROR),
        (408, "invalid_client", ERROR),
        (429, "invalid_grant", ERROR),
    ]
    for status, code, kind in answers:
        expect(kind, code, bodies((status, {"error": code})))


def test_denied_in_every_spelling():
    code = "access_denied"
    answers = bodies(
        (400, {"error": code}),
        (403, {"error": code, "error_description": "Forbidden"}),
        (200, {"error": code}),
        (400, b"error=access_denied"),
    )
    expect(DENIED, code, answers)
    expect(DENIED, "authorization_declined", bodies((400, {"error": "authorization_declined"})))
    expect(DENIED, code, bodies((418, b"")), BY_STATUS)


def test_expired_in_every_spelling():
    for code in ("expired_token", "token_expired", "code_expired"):
        expect(EXPIRED, code, bodies((400, {"error": code}), (200, {"error": code})))
    code = "expired_token"
    expect(EXPIRED, code, bodies((410, b"")), BY_STATUS)
    nested = {"code": 463, "error_subcode": 1349152}
    expect(EXPIRED, code, bodies((400, {"error": nested})), BY_SUBCODE)
    answers = bodies((400, {"message": "invalid device code"}), (400, {"error": "CodeGone"}))
    expect(EXPIRED, code, answers, BY_WORDS)


def test_any_other_error_code_is_final_at_2xx_and_4xx():
    for code in (
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "org_internal",
        "admin_policy_enforced",
        "consent_required",
        "bad_verification_code",
        "incorrect_device_code",
        "invalid_code_pair",
        "device_not_found",
        "device_flow_disabled",
        "use_dpop_nonce",
    ):
        for status in (200, 400, 401, 403, 404):
            expect(ERROR, code, bodies((status, {"error": code})))


def test_an_unknown_error_code_of_a_failing_server_passes():
    for status in (500, 502, 503, 504, 408, 425):
        expect(RETRY, "internal_error", bodies((status, {"error": "internal_error"})))
    for code in ("server_error", "temporarily_unavailable"):
        expect(RETRY, code, bodies((400, {"error": code}), (503, {"error": code})))


def test_transient_statuses_without_an_oauth_error_pass():
    for status in (500, 502, 503, 504, 520, 408, 425):
        expect(RETRY, None, bodies((status, b""), (status, HTML), (status, b"{}")))


def test_a_2xx_that_is_no_object_was_cut_short_or_is_somebody_elses_page():
    for body in (b"", HTML, b"[]", b'"authorization_pending"', b'{"access_token": "at-'):
        expect(RETRY, None, bodies((200, body), (204, body)))


def test_a_4xx_or_redirect_without_an_oauth_error_is_a_refusal_that_may_pass():
    for status in (400, 401, 403, 404, 405, 422, 301, 302, 307):
        for body in (b"", HTML, b"[]", b'"authorization_pending"', b'{"detail": "no"}'):
            expect(REFUSED, None, bodies((status, body)))


def test_the_words_or_the_number_of_a_status_are_no_oauth_error():
    for status, words in ((400, "Bad Request"), (404, "Not Found"), (422, "Unprocessable Entity")):
        for error in (words, str(status), status, {"code": status}, {"code": str(status)}):
            body = {"timestamp": 0, "status": status, "error": error}
            expect(REFUSED, None, bodies((status, body)))
        told = str(classify(reply(status, {"error": words}), PLAIN))
        assert told == words
    expect(RETRY, None, bodies((500, {"error": "Internal Server Error"})))
    expect(ERROR, "Bad Request", bodies((200, {"error": "Bad Request"})))
    expect(ERROR, "401", bodies((400, {"error": {"code": 401}})))
    nested = {"error": {"code": 400, "message": "no such luck"}}
    assert str(classify(reply(400, nested), PLAIN)) == "no such luck"


def test_success_is_a_2xx_object_without_an_error():
    for body in (TOKENS, but(TOKENS, error=""), b'{"error": null, "access_token": "at-F1"}'):
        outcome = classify(reply(200, body), PLAIN)
        assert outcome.kind == OK, body
        assert outcome.members["access_token"] == "at-F1"
    assert classify(reply(200, b"access_token=at-F4&token_type=bearer"), PLAIN).kind == OK


def test_an_error_member_beside_a_token_makes_it_a_failure():
    for value in ("access_denied", "whatever", 123, True, ["x"], {"code": 7}, {"a": "b"}):
        outcome = classify(reply(200, but(TOKENS, error=value)), PLAIN)
        assert outcome.kind in (ERROR, DENIED), value
        assert outcome.members is None
    assert classify(reply(200, but(TOKENS, error_code="quota")), PLAIN).kind == ERROR


def test_error_in_the_wrong_case_is_an_unknown_error():
    for name in ("Error", "ERROR"):
        code = name + ": authorization_pending"
        expect(ERROR, code, bodies((400, {name: "authorization_pending"})))


def test_an_error_code_under_another_name():
    expect(SLOW_DOWN, "rate_limit_exceeded", bodies((403, {"error_code": "rate_limit_exceeded"})))
    expect(ERROR, "E17", bodies((403, {"error_code": "E17"})))
    expect(REFUSED, None, bodies((403, {"error_code": 17}), (403, {"error_code": ["x"]})))


def test_members_of_the_wrong_type_harm_nobody():
    for name in ("error", "message", "error_code", "error_description", "interval"):
        for value in (None, 0, 123, 1.5, True, False, [], ["x"], [{}], {"a": {"b": []}}):
            outcome = classify(reply(400, {name: value}), PLAIN)
            assert outcome.kind in (REFUSED, ERROR), (name, value)
            assert str(outcome)


def test_hostile_bodies_are_a_refusal_or_a_passing_trouble():
    for body in (
        b'{"error": 123}',
        b'{"error": null}',
        b'{"error": "authorization_pending", "error": null}',
        b"\xff\xfe\x00",
        b'{"error": "\xff}',
        b"[" * 5000,
        b'{"error":' * 3000,
    ):
        expect(REFUSED, None, bodies((400, body)))
        expect(RETRY, None, bodies((500, body)))
    assert classify(reply(400, b'{"error":' * 200 + b"1" + b"}" * 200), PLAIN).kind >= ERROR


def test_an_error_that_is_not_utf_8_is_one():
    expect(ERROR, "\xff", bodies((400, b'{"error": "\xff"}')))
    text = b'{"error": "slow_down", "error_description": "zu fr\xfch"}'
    expect(SLOW_DOWN, "slow_down", bodies((400, text)))
    assert classify(reply(400, text), PLAIN).description == "zu fr\xfch"


def test_of_several_misspelt_errors_one_is_told():
    body = b'{"Error": "a", "ERROR": "b", "eRROR": "c"}'
    expect(ERROR, "ERROR: b", bodies((400, body)))


def test_a_redirect_says_where_to():
    target = "https://new.example/token?code=secret#x"
    moved = classify(reply(302, b"", location=target), PLAIN)
    assert "a redirect to https://new.example/token, which" in moved.description
    hidden = classify(reply(302, b"", location="\x1b[31m"), PLAIN)
    assert "a redirect to [31m, which" in hidden.description
    assert "a redirect, which" in classify(reply(302, b""), PLAIN).description
    told = reply(302, b"", location="https://new.example/rt-1/#access_token=at-1")
    words = classify(told, PLAIN, ("rt-1",)).description
    assert "a redirect to https://new.example/*/, which" in words


def test_a_compressed_reply_is_called_so():
    gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\3abc"
    packed = classify(Reply(200, {"content-encoding": "gzip"}, gzip), PLAIN)
    assert packed.description == "a compressed reply (gzip), which was not asked for"
    plain = classify(Reply(200, {"content-encoding": "Identity"}, b"<html>"), PLAIN)
    assert "does the network want a login?" in plain.description


def test_of_repeated_members_the_last_counts():
    body = b'{"error": "authorization_pending", "error": "access_denied"}'
    expect(DENIED, "access_denied", bodies((400, body)))


def test_an_endless_error_code_is_cut_for_showing():
    outcome = classify(reply(400, {"error": "e" * 10_000}), PLAIN)
    assert outcome.kind == ERROR
    assert len(outcome.error) == 200
    assert len(str(outcome)) < 500


def test_what_the_provider_says_is_cleaned_and_never_decides():
    outcome = classify(
        reply(400, {"error": "access_denied", "error_description": "\0\x1b[31mslow_down\u202e"}),
        PLAIN,
    )
    assert outcome.kind == DENIED
    assert outcome.description == "[31mslow_down"
    assert str(outcome) == "access_denied ([31mslow_down)"


def test_a_message_that_is_no_code_is_shown_as_the_description():
    outcome = classify(reply(400, {"status": 400, "message": "no such luck"}), PLAIN)
    assert (outcome.kind, outcome.error) == (REFUSED, None)
    assert str(outcome) == "no such luck"


def test_a_message_that_can_only_mean_one_thing_means_it():
    for words in ("invalid device code", "Invalid refresh token"):
        expect(ERROR, "invalid_grant", bodies((400, {"status": 400, "message": words})))
    whole = but(TOKENS, message="invalid device code")  # beside a success it is only words
    assert classify(reply(200, whole), PLAIN).kind == OK


def test_an_error_code_is_read_whatever_its_case_and_blanks():
    expect(PENDING, "authorization_pending", bodies((400, {"error": "AUTHORIZATION_PENDING"})))
    expect(DENIED, "access_denied", bodies((403, {"error": " Access_Denied\n"})))
    assert classify(reply(400, {"error": "Own_Code"}), PLAIN).error == "Own_Code"


def test_zero_is_no_error():
    for code in ("0", "", "000", 0, None):
        assert classify(reply(200, but(TOKENS, error_code=code)), PLAIN).kind == OK
    assert classify(reply(200, but(TOKENS, error_code="10")), PLAIN).kind == ERROR


def test_without_words_the_status_speaks():
    cases = [
        (404, b"", "HTTP 404"),
        (502, HTML, "HTTP 502"),
        (302, b"", "redirect"),
        (200, HTML, "login"),
        (200, {"error": True}, "error"),
        (204, b"", "an empty reply (HTTP 204)"),
    ]
    for status, body, words in cases:
        assert words in str(classify(reply(status, body), PLAIN)), (status, body)


def test_no_secret_comes_back_in_a_text():
    secrets = (None, "dc/A1+x", "s3cret")
    for echo in ("dc/A1+x", quote("dc/A1+x"), "s3cret"):
        for body in (
            {"error": "invalid_grant", "error_description": "no such code: " + echo},
            {"error": "unknown " + echo},
            {"error": {"code": echo, "message": echo}},
            {"Error": echo},
            {"message": echo},
            {"error_code": echo},
        ):
            outcome = classify(reply(400, body), PLAIN, secrets)
            error = refusal(outcome)
            for text in (str(outcome), repr(outcome), str(error), repr(error), error.message):
                assert echo not in text, body
            assert echo not in (outcome.error or "") and echo not in (error.error or "")


def test_only_a_success_keeps_the_members():
    outcome = classify(reply(200, TOKENS), PLAIN)
    assert "at-F1" not in str(outcome) + repr(outcome)
    assert classify(reply(400, but(TOKENS, error="slow_down")), PLAIN).members is None


# What the provider asks for


def test_the_interval_of_an_answer_that_is_not_a_success():
    for given, expected in ((10, 10), ("10", 10), (7.2, 8), ("junk", None), (None, None)):
        body = but({"error": "slow_down", "interval": 1}, interval=given)
        assert classify(reply(400, body), PLAIN).interval == expected, given


def test_retry_after_in_both_forms():
    date = "Sun, 06 Nov 1994 08:49:37 GMT"  # 784111777
    cases = [
        # Retry-After, Date, the board's clock, seconds to wait
        ("17", None, None, 17),
        (" 17 ", None, None, 17),
        ("0", None, None, 0),
        ("2.5", None, None, 3),
        ("-5", None, None, 0),
        ("Sun, 06 Nov 1994 08:50:07 GMT", date, None, 30),
        ("Sun, 06 Nov 1994 08:50:07 GMT", date, 1_800_000_000, 30),  # the server's own clock
        ("Sun, 06 Nov 1994 08:50:07 GMT", None, 784_111_777, 30),
        ("Sun, 06 Nov 1994 08:50:07 GMT", "junk", 784_111_777, 30),
        ("Sunday, 06-Nov-94 08:50:07 GMT", date, None, 30),
        ("Sun Nov  6 08:50:07 1994", date, None, 30),
        ("Sun, 06 Nov 1994 08:49:00 GMT", date, None, 0),  # past
        ("Sun, 06 Nov 1994 08:50:07 GMT", None, None, None),  # nobody knows the time
        ("soon", date, 784_111_777, None),
        ("", date, 784_111_777, None),
        ("17, 20", date, 784_111_777, None),
    ]
    for text, sent, unix, expected in cases:
        headers = {"retry_after": text}
        if sent is not None:
            headers["date"] = sent
        for status in (400, 429, 503):
            outcome = classify(reply(status, b"", **headers), PLAIN, (), unix)
            assert outcome.retry_after == expected, (text, sent, unix, status)


# Refusals


def test_a_refusal_names_the_error_and_what_to_do():
    seen = set()
    for code in ("invalid_client", "unauthorized_client", "invalid_scope", "invalid_grant"):
        outcome = classify(reply(400, {"error": code, "error_description": "so it is"}), PLAIN)
        error = refusal(outcome)
        assert isinstance(error, ProviderError)
        assert error.error == code
        assert code in error.message and "so it is" in error.message
        seen.add(error.hint)
    assert len(seen) == 4 and None not in seen


def test_a_busy_provider_says_when_to_come_back():
    busy = classify(reply(429, {"error": "slow_down"}, retry_after=3600), PLAIN)
    assert "3600 s" in refusal(busy).hint
    assert "300 s" in refusal(classify(reply(429, b""), PLAIN)).hint


def test_a_passing_trouble_blames_nobodys_settings():
    error = refusal(classify(reply(503, HTML), PLAIN))
    assert isinstance(error, TransportError)
    assert "HTTP 503" in error.message
    assert "later" in error.hint


def test_an_outcome_without_words_still_prints():
    assert str(Outcome(ERROR)) == "no reason given"
    assert str(Outcome(ERROR, "invalid_scope")) == "invalid_scope"
