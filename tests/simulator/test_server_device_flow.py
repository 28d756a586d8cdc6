"""Device authorization and polling: RFC 8628 sections 3.1 to 3.5."""

import re

import pytest


def test_answer_has_every_member_of_rfc_8628(bench):
    codes = bench.authorize()
    assert set(codes) == {
        "device_code",
        "user_code",
        "verification_uri",
        "verification_uri_complete",
        "expires_in",
        "interval",
    }
    assert codes["expires_in"] == 1800
    assert codes["interval"] == 5
    assert codes["verification_uri"] == bench.about["verification_uri"]
    assert codes["verification_uri_complete"] == (
        f"{codes['verification_uri']}?user_code={codes['user_code']}"
    )


def test_user_codes_are_eight_of_twenty_consonants_and_differ(bench):
    codes = {bench.authorize()["user_code"] for _ in range(50)}
    assert len(codes) == 50
    for code in codes:
        assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", code)


def test_device_codes_have_256_bits(bench):
    codes = {bench.authorize()["device_code"] for _ in range(50)}
    assert len(codes) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", code) for code in codes)


def test_scope_left_out_is_the_default_one(bench):
    assert bench.link()["scope"] == "openid profile offline_access"


def test_unknown_scope_is_refused(bench):
    answer = bench.post("device_authorization_endpoint", scope="openid teapot")
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_scope")
    assert "teapot" not in answer.text


def test_pending_until_somebody_decides(bench, clock):
    codes = bench.authorize()
    for _ in range(3):
        clock.advance(5)
        answer = bench.poll(codes["device_code"])
        assert (answer.status_code, answer.json["error"]) == (400, "authorization_pending")


def test_first_poll_may_come_at_once(bench):
    assert bench.poll(bench.authorize()["device_code"]).json["error"] == "authorization_pending"


def test_poll_of_exactly_the_interval_is_in_time(bench, clock):
    code = bench.authorize()["device_code"]
    bench.poll(code)
    clock.advance(5.0)
    assert bench.poll(code).json["error"] == "authorization_pending"


def test_polling_too_fast_lengthens_the_interval_for_good(bench, clock):
    code = bench.authorize()["device_code"]
    bench.poll(code)
    # Gap since the last poll -> the answer; each slow_down adds five seconds, nothing takes any.
    for gap, error in (
        (4.9, "slow_down"),  # 5 wanted, 10 from now on
        (9.9, "slow_down"),  # 15 from now on
        (15.0, "authorization_pending"),
        (14.9, "slow_down"),  # 20 from now on
        (20.0, "authorization_pending"),
        (20.0, "authorization_pending"),
        (19.0, "slow_down"),
    ):
        clock.advance(gap)
        answer = bench.poll(code)
        assert (answer.status_code, answer.json["error"]) == (400, error), gap


def test_approved_while_told_to_slow_down_is_still_granted(bench, clock):
    codes = bench.authorize()
    bench.poll(codes["device_code"])
    assert bench.poll(codes["device_code"]).json["error"] == "slow_down"
    bench.realm.decide(codes["user_code"], bench.realm.user("ana"), "admin")
    assert bench.poll(codes["device_code"]).status_code == 200


def test_code_lives_to_the_last_moment_and_no_longer(bench, clock):
    code = bench.authorize()["device_code"]
    clock.advance(1799.9)
    assert bench.poll(code).json["error"] == "authorization_pending"
    clock.advance(0.2)
    for _ in range(2):
        answer = bench.poll(code)
        assert (answer.status_code, answer.json["error"]) == (400, "expired_token")


def test_approval_that_is_fetched_too_late_has_expired(bench, clock):
    codes = bench.authorize()
    bench.realm.decide(codes["user_code"], bench.realm.user("ana"), "admin")
    clock.advance(1800)
    assert bench.poll(codes["device_code"]).json["error"] == "expired_token"


def test_denied(bench):
    codes = bench.authorize()
    bench.realm.decide(codes["user_code"], None, "admin")
    for _ in range(2):
        answer = bench.poll(codes["device_code"])
        assert (answer.status_code, answer.json["error"]) == (400, "access_denied")


def test_device_code_works_once(bench):
    codes = bench.authorize()
    bench.realm.decide(codes["user_code"], bench.realm.user("ana"), "admin")
    assert bench.poll(codes["device_code"]).status_code == 200
    answer = bench.poll(codes["device_code"])
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")


def test_unknown_device_code(bench):
    answer = bench.poll("no-such-code")
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")


def test_device_code_of_another_client(bench):
    codes = bench.authorize("public")
    bench.realm.decide(codes["user_code"], bench.realm.user("ana"), "admin")
    answer = bench.poll(codes["device_code"], "basic")
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")
    assert bench.poll(codes["device_code"], "public").status_code == 200


def test_device_code_missing(bench):
    answer = bench.post(
        "token_endpoint", grant_type="urn:ietf:params:oauth:grant-type:device_code"
    )
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("approve", "error"), [("auto", None), ("deny", "access_denied")], ids=["auto", "deny"]
)
def test_automatic_decision_follows_the_first_pending_answer(make_bench, clock, approve, error):
    bench = make_bench(approve=approve)
    code = bench.authorize()["device_code"]
    assert bench.poll(code).json["error"] == "authorization_pending"
    assert [entry["kind"] for entry in bench.realm.log.entries()][-2:] == ["request", "decision"]
    clock.advance(5)
    answer = bench.poll(code)
    assert answer.json.get("error") == error
    if error is None:
        account = bench.get("userinfo_endpoint", answer.json["access_token"]).json
        assert account["preferred_username"] == "ana"


def test_every_code_of_a_tiny_alphabet_is_drawn_only_once(make_bench):
    bench = make_bench('[user_code]\ncharset = "0123456789"\nformat = "****"\n')
    codes = [bench.authorize()["user_code"] for _ in range(300)]
    assert len(set(codes)) == 300
    assert all(re.fullmatch(r"\d{4}", code) for code in codes)
