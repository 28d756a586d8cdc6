"""Tokens: what a provider's reply is worth, how long it lives, and what a refresh may do."""

import json

from conversation import TOKEN_URL, TOKENS, but, profile, reply
from support import raises

from keyfob import oauth
from keyfob.compat import unload
from keyfob.errors import ProviderError, TransportError, UsageError
from keyfob.oauth.messages import Client, Reply
from keyfob.oauth.ticks import PERIOD
from keyfob.oauth.token_set import TokenSet

PROFILE = profile()
CLIENT = Client("board-1")
UNIX = 1_800_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
OFFLINE = TransportError("no connection to as.example")


def granted(now=0, unix=UNIX, requested="openid", dialect=PROFILE, **changes):
    return TokenSet.granted(but(TOKENS, **changes), dialect, requested, now, unix)


def after_reboot(tokens):
    """What a board has of `tokens` once it has been off."""
    return TokenSet(json.loads(json.dumps(tokens.record())))


def refreshed(tokens, answer, now=0, unix=UNIX, client=CLIENT, dialect=PROFILE):
    answer = Reply(answer.status, answer.headers, answer.body)  # it loses its body
    return tokens.receive(answer, dialect, client, now, unix)


# What a token response is worth (F)


def test_a_usual_response():
    tokens = granted()
    assert tokens.access_token == "at-F1"
    assert tokens.refresh_token == "rt-F1"
    assert tokens.scope == "openid profile"
    assert tokens.expires_in == 3600
    assert tokens.expires_at == UNIX + 3600
    assert tokens.id_token is None
    assert not tokens.is_dead


def test_the_token_type_compares_without_case():
    for kind in ("bearer", "Bearer", "BEARER"):
        assert granted(token_type=kind).access_token == "at-F1"


def test_a_token_of_another_type_is_refused():
    for kind in ("mac", "DPoP", "N_A", "Bearer ", 1, ["Bearer"]):
        error = raises(ProviderError, granted, token_type=kind)
        assert "not a bearer token" in error.message
        assert "at-F1" not in str(error)
    for kind in (None, ""):
        error = raises(ProviderError, granted, token_type=kind)
        assert error.message.endswith("a bearer token: token_type is missing")
        assert "default_token_type" in error.hint


def test_a_refresh_without_a_type_has_the_type_of_before():
    for kind in (None, ""):
        successor = refreshed(granted(), reply(200, but(TOKENS, token_type=kind)))
        assert successor.access_token == TOKENS["access_token"]


def test_an_access_token_must_be_text_that_fits_a_header():
    bad = (None, "", 123, True, ["at"], {"at": 1}, "a b", "a\r\nX: y", "a\0", "t\u00f6ken", "\x7f")
    for token in bad:
        error = raises(ProviderError, granted, access_token=token)
        assert error.message == "the provider's reply has no usable access_token"
        assert error.hint.startswith("the provider has to correct it")
    for token in ("gho_synthetic000", "eyJ.eyJ.sig-_~+/==", "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"):
        assert granted(access_token=token).access_token == token


def test_members_nobody_knows_are_ignored():
    tokens = granted(
        foci="1",
        refresh_token_expires_in=15_897_600,
        created_at=UNIX,
        instance_url="https://x.example",
        ext_expires_in=3600,
        nested={"a": [1, {"b": None}]},
    )
    assert sorted(tokens.record()) == [
        "access_token",
        "expires_at",
        "expires_in",
        "grant",
        "id_token",
        "lost",
        "refresh_token",
        "schedule",
        "scope",
        "signed_out",
        "wait",
    ]


def test_the_reply_that_every_tutorial_prints():
    scope = "https://www.example/auth/drive.file https://www.example/auth/userinfo.email"
    tokens = granted(
        access_token="ya29.synthetic-_" + "x" * 180,
        expires_in=3599,
        scope=scope,
        refresh_token="1//04synthetic-_x",
    )
    assert tokens.scope == scope
    assert tokens.refresh_token == "1//04synthetic-_x"
    assert tokens.expires_in == 3599
    sent = tokens.refresh_request(PROFILE, CLIENT).body
    assert b"refresh_token=1%2F%2F04synthetic-_x" in sent


def test_long_tokens_are_kept_whole():
    tokens = granted(access_token="a" * 2048, refresh_token="r" * 2048, id_token="i" * 4096)
    again = after_reboot(tokens)
    assert again.access_token == "a" * 2048
    assert again.refresh_token == "r" * 2048
    assert again.id_token == "i" * 4096


def test_scope_as_granted_in_any_spelling():
    spellings = [
        ("openid profile", "openid profile"),
        ("  openid   profile ", "openid profile"),
        ("repo,gist", "repo gist"),
        ("repo, gist", "repo, gist"),  # commas belong to a space-separated scope
        (["a", "b"], "a b"),
        (["a", 1, None, "b"], "a b"),
        ("Repo", "Repo"),
        ("", "openid"),
        ("   ", "openid"),
        ([], "openid"),
        (None, "openid"),
        (17, "openid"),
    ]
    for value, scope in spellings:
        assert granted(scope=value).scope == scope, value
    commas = profile(scope_sep=",")
    assert granted(dialect=commas, scope="user_a, user_b").scope == "user_a user_b"
    assert granted(scope=None, requested=None).scope is None


def test_a_narrower_scope_is_what_was_granted():
    assert granted(scope="openid", requested="openid profile email").scope == "openid"


def test_the_lifetime_in_every_form():
    forms = [
        (3600, 3600),
        ("3599", 3599),
        (3599.0, 3599),
        (3599.5, 3600),
        (2**31, 2**31),
        (1, 1),
        (0, None),
        ("0", None),
        (-5, None),
        (-0.5, None),
        (10**30, 4_000_000_000),
        ("9" * 5000, None),
        (float("nan"), None),
        (None, None),
        ("", None),
        ("soon", None),
        (True, None),
        ([3600], None),
        ({}, None),
    ]
    for value, lifetime in forms:
        tokens = granted(expires_in=value)
        assert tokens.expires_in == lifetime, value
        assert tokens.expires_at == (None if lifetime is None else UNIX + lifetime)
        tokens.due(1, UNIX)
        tokens.is_fresh(1, UNIX)


# How long it lives


def test_no_stated_life_is_neither_none_nor_endless():
    tokens = granted(expires_in=None)
    for later in (0, HOUR, PERIOD // 2 - 1):
        assert tokens.is_fresh(later, UNIX)
        assert tokens.remaining(later, UNIX) is None
        assert tokens.due(later, UNIX) is None
    assert after_reboot(tokens).is_fresh(0, None)
    tokens.reject()  # and then an API says invalid_token
    assert not tokens.is_fresh(0, UNIX)
    assert not tokens.is_accepted
    assert tokens.due(HOUR, UNIX) == 0


def test_a_token_is_refreshed_ahead_of_its_end():
    # stated life, what remains of it when it counts as stale
    for life, skew in ((86_400, 300), (3600, 300), (3000, 300), (600, 60), (100, 10), (9, 0)):
        tokens = granted(expires_in=life)
        last = (life - skew) * 1000 - 1
        assert tokens.is_fresh(last, UNIX), life
        assert not tokens.is_fresh(last + 1, UNIX), life


def test_when_a_refresh_is_due():
    tokens = granted(now=1000)
    assert tokens.due(1000, UNIX) == 3_300_000
    assert tokens.due(1000 + HOUR // 2, UNIX) == 3_300_000 - HOUR // 2
    assert tokens.due(1000 + 3_300_000, UNIX) == 0
    assert granted(refresh_token=None).due(0, UNIX) is None


def test_the_monotonic_clock_counts_in_the_boot_that_got_the_token():
    tokens = granted(unix=None)
    assert tokens.expires_at is None
    assert tokens.remaining(10_000, None) == 3590
    for jump in (-HOUR, 0, 10 * HOUR):  # the clock is set, right or wrong
        assert tokens.remaining(10_000, UNIX + jump) == 3590


def test_the_counter_may_wrap():
    tokens = granted(now=PERIOD - 1000)
    assert tokens.remaining(9000, UNIX) == 3590
    assert tokens.is_fresh(3_298_000, UNIX)
    assert not tokens.is_fresh(3_300_000, UNIX)


def test_after_a_reboot_the_time_of_day_counts():
    tokens = after_reboot(granted())
    assert tokens.remaining(5, UNIX + 100) == 3500
    assert tokens.is_fresh(5, UNIX + 3299)
    assert not tokens.is_fresh(5, UNIX + 3300)
    assert tokens.due(5, UNIX + 100) == 3_200_000
    assert tokens.due(5, UNIX + 10_000) == 0


def test_after_a_reboot_without_a_clock_a_refresh_comes_first():
    for tokens in (after_reboot(granted()), after_reboot(granted(unix=None))):
        assert tokens.remaining(5, None) is None
        assert not tokens.is_fresh(5, None)
        assert tokens.due(5, None) == 0
        assert tokens.is_usable(5, None)
    # Nor does a clock help where it was unknown when the tokens came.
    assert not after_reboot(granted(unix=None)).is_fresh(5, UNIX)


def test_a_clock_that_runs_behind_adds_no_life():
    tokens = after_reboot(granted())
    assert tokens.remaining(5, UNIX - 10 * HOUR) == 3600


def test_what_is_stored_is_an_absolute_expiry():
    record = granted().record()
    assert record["expires_at"] == UNIX + 3600
    assert granted(unix=None).record()["expires_at"] is None


def test_what_can_still_be_acted_with():
    assert granted().is_usable(10 * HOUR, UNIX)  # by a refresh
    alone = granted(refresh_token=None)
    assert alone.is_usable(3_599_000, UNIX)
    assert not alone.is_usable(3_600_000, UNIX)
    assert granted(refresh_token=None, expires_in=None).is_usable(10 * HOUR, UNIX)
    refused = granted(refresh_token=None)
    refused.reject()
    assert not refused.is_usable(0, UNIX)
    both = granted()
    both.reject()
    assert both.is_usable(0, UNIX)


def test_a_life_of_nothing_is_an_unknown_life():
    for life in (0, -1, "0"):
        for tokens in (granted(expires_in=life), after_reboot(granted(expires_in=life))):
            assert tokens.is_fresh(HOUR, UNIX)
            assert tokens.remaining(HOUR, UNIX) is None
            assert tokens.due(HOUR, UNIX) is None
    alone = granted(expires_in=0, refresh_token=None)
    assert alone.is_usable(HOUR, UNIX)


def test_a_record_of_an_older_version_with_a_life_of_0_is_refreshed_when_it_is_used():
    tokens = TokenSet({"access_token": "at", "refresh_token": "rt", "expires_in": 0})
    assert not tokens.is_fresh(0, UNIX)
    assert tokens.is_usable(0, UNIX)
    assert tokens.due(HOUR, UNIX) is None


# A refresh token that runs out


def test_a_refresh_token_that_runs_out_first_brings_the_refresh_forward():
    for name in ("refresh_expires_in", "refresh_token_expires_in"):
        for stated in (1800, "1800", 1799.5):
            tokens = granted(**{name: stated})
            assert tokens.due(0, UNIX) == 1_350_000  # a quarter is left
            assert tokens.due(1_000_000, UNIX) == 350_000
            assert tokens.is_fresh(1_799_000, UNIX)  # which the access token stays
            assert tokens.expires_in == 3600
            assert granted(expires_in=None, **{name: stated}).due(0, UNIX) == 1_350_000
    both = granted(refresh_expires_in=1800, refresh_token_expires_in=1000)
    assert both.due(0, UNIX) == 750_000


def test_one_that_lives_longer_or_for_ever_changes_nothing():
    for stated in (None, 0, -1, "", "never", True, 86_400):
        tokens = granted(refresh_expires_in=stated)
        assert tokens.due(0, UNIX) == 3_300_000
        assert tokens.leeway == 150_000
    assert granted(expires_in=None, refresh_expires_in=0).due(0, UNIX) is None


def test_a_fleet_spreads_over_part_of_what_is_left_of_it():
    tokens = granted(expires_in=None, refresh_expires_in=1800)
    assert tokens.leeway == 225_000
    tokens.early = 100_000
    assert tokens.due(0, UNIX) == 1_250_000
    assert granted(refresh_expires_in=1000).leeway == 125_000
    assert granted(expires_in=None).leeway == 0


def test_it_is_counted_on_after_a_reboot():
    for life in (3600, None):
        tokens = after_reboot(granted(expires_in=life, refresh_expires_in=1800))
        assert tokens.due(0, UNIX + 1000) == 350_000
        assert tokens.due(100_000, UNIX + 1000) == 350_000
        assert tokens.due(200_000, UNIX + 5000) == 0
        unknown = after_reboot(granted(expires_in=life, refresh_expires_in=1800, unix=None))
        assert unknown.due(0, UNIX) == 0  # nobody knows how old it is


def test_its_life_need_not_be_said_again():
    tokens = granted(refresh_expires_in=1800)
    fresh = refreshed(tokens, reply(200, but(TOKENS, refresh_token=None)), HOUR, UNIX + 3600)
    assert fresh.due(HOUR, UNIX + 3600) == 1_350_000
    assert fresh.schedule == UNIX + 5400
    longer = refreshed(tokens, reply(200, but(TOKENS, refresh_expires_in=86_400)), HOUR)
    assert longer.due(HOUR, UNIX) == 3_300_000


def test_no_lifetime_makes_a_storm():
    for life in (1, 2, 5, 20):
        tokens = granted(expires_in=life)
        assert tokens.due(0, UNIX) == 30_000
        assert tokens.due(20_000, UNIX) == 10_000
        assert tokens.due(30_000, UNIX) == 0
    tokens = granted()
    tokens.reject()
    assert tokens.due(1000, UNIX) == 29_000


def test_nor_does_a_refresh_token_run_out_meanwhile():
    for life, due in ((4, 3), (10, 8), (20, 15), (30, 23), (39, 30), (40, 30), (60, 45)):
        for access in (5, 20, 3600, None):
            tokens = granted(expires_in=access, refresh_expires_in=life)
            expected = min(due, 30) if access in (5, 20) else due
            assert expected * 1000 - 750 <= tokens.due(0, UNIX) <= expected * 1000, (life, access)
            assert tokens.due(0, UNIX) < life * 1000


# A refresh


def test_a_refresh_as_it_is_sent():
    request = granted().refresh_request(PROFILE, CLIENT)
    assert request.method == "POST"
    assert request.url == TOKEN_URL
    assert request.body == b"grant_type=refresh_token&refresh_token=rt-F1&client_id=board-1"
    assert request.headers["Accept"] == "application/json"
    assert "Authorization" not in request.headers


def test_a_confidential_client_authenticates_in_one_way():
    basic = granted().refresh_request(PROFILE, Client("board-1", "s3cret", "basic"))
    assert basic.headers["Authorization"] == "Basic Ym9hcmQtMTpzM2NyZXQ="
    assert basic.body == b"grant_type=refresh_token&refresh_token=rt-F1"
    post = granted().refresh_request(PROFILE, Client("board-1", "s3cret", "post"))
    assert "Authorization" not in post.headers
    assert post.body.endswith(b"&client_id=board-1&client_secret=s3cret")


def test_without_a_refresh_token_there_is_none():
    error = raises(UsageError, granted(refresh_token=None).refresh_request, PROFILE, CLIENT)
    assert "refresh token" in error.message


def test_a_new_refresh_token_replaces_the_old_one():
    tokens = granted()
    fresh = refreshed(
        tokens, reply(200, but(TOKENS, access_token="at-2", refresh_token="rt-2")), HOUR
    )
    assert (fresh.access_token, fresh.refresh_token) == ("at-2", "rt-2")
    assert fresh.remaining(HOUR, UNIX) == 3600
    assert fresh.is_fresh(HOUR, UNIX)
    # The old set stays as it was, until its successor is durable.
    assert (tokens.access_token, tokens.refresh_token) == ("at-F1", "rt-F1")


def test_without_a_new_one_the_old_refresh_token_is_kept():
    for value in (None, "", 5):
        fresh = refreshed(granted(), reply(200, but(TOKENS, refresh_token=value)))
        assert fresh.refresh_token == "rt-F1"
    body = json.dumps(TOKENS).replace('"rt-F1"', "null")
    assert refreshed(granted(), reply(200, body)).refresh_token == "rt-F1"


def test_scope_and_id_token_last_where_a_refresh_leaves_them_out():
    tokens = granted(id_token="id-1", scope="openid email")
    fresh = refreshed(tokens, reply(200, but(TOKENS, scope=None)))
    assert fresh.scope == "openid email"
    assert fresh.id_token == "id-1"
    narrow = refreshed(tokens, reply(200, but(TOKENS, scope="openid", id_token="id-2")))
    assert narrow.scope == "openid"
    assert narrow.id_token == "id-2"


def test_a_form_is_understood():
    fresh = refreshed(
        granted(), reply(200, b"access_token=at-2&scope=repo%2Cgist&token_type=bearer")
    )
    assert fresh.access_token == "at-2"
    assert fresh.scope == "repo gist"
    assert fresh.expires_in is None


ENDS = (
    "invalid_grant",
    "interaction_required",
    "login_required",
    "consent_required",
    "account_selection_required",
    "mfa_required",
    "unmet_authentication_requirements",
    "insufficient_user_authentication",
)
DEAD = reply(400, {"error": "invalid_grant"})
WEEK = 7 * 24 * HOUR


def test_what_a_person_alone_can_mend_ends_the_link_at_once():
    for error in ENDS:
        for status in (200, 400, 401, 403):
            tokens = granted()
            answer = reply(status, {"error": error, "error_description": "revoked"})
            assert refreshed(tokens, answer) is None
            assert tokens.is_dead
            assert tokens.outcome.error == error
            assert not tokens.is_fresh(0, UNIX)
            assert not tokens.is_usable(0, UNIX)


def test_an_account_of_the_boards_own_does_not_end():
    own = profile(grant_type="client_credentials")
    tokens = granted(dialect=own)
    for error in ENDS:
        refreshed(tokens, reply(400, {"error": error}), dialect=own)
        assert not tokens.is_dead and tokens.pause(0) == HOUR


# A link that has ended


def tried(tokens, answer, now, unix=UNIX):
    """Try an ended link once more, as the refresher does."""
    tokens.end(tokens.signed_out + 1, now, unix)
    return refreshed(tokens, answer, now, unix)


def test_it_is_tried_again_after_an_hour_and_a_day_and_then_weekly():
    tokens = granted()
    refreshed(tokens, DEAD, 5)
    now = 5
    for wait in (HOUR, 24 * HOUR, WEEK, WEEK, WEEK):
        assert tokens.due(now, UNIX) == wait
        for part in (wait // 2, wait - wait // 2 - 1):  # the counter is read in time
            now = (now + part) % PERIOD
            left = tokens.due(now, UNIX)
        assert left == 1
        now += 1
        assert tokens.due(now, UNIX) == 0
        assert tried(tokens, DEAD, now) is None
        assert tokens.is_dead and not tokens.is_usable(now, UNIX)


def test_what_comes_back_is_a_link_like_any_other():
    tokens = granted()
    refreshed(tokens, DEAD)
    assert b"refresh_token=rt-F1" in tokens.refresh_request(PROFILE, CLIENT).body
    fresh = tried(tokens, reply(200, but(TOKENS, access_token="at-2")), HOUR, UNIX + 3600)
    assert fresh.is_fresh(HOUR, UNIX + 3600) and not fresh.is_dead
    assert fresh.due(HOUR, UNIX + 3600) == 3_300_000
    assert after_reboot(fresh).is_usable(0, UNIX)
    assert fresh.record()["signed_out"] is fresh.record()["wait"] is None


def test_a_restart_neither_brings_the_next_try_forward_nor_forgets_it():
    tokens = granted()
    refreshed(tokens, DEAD, 0, UNIX)
    tried(tokens, DEAD, HOUR, UNIX + 3600)
    for passed in (0, 1000, 86_399):
        again = after_reboot(tokens)
        assert again.is_dead and again.signed_out == 2
        assert again.due(7, UNIX + 3600 + passed) == (86_400 - passed) * 1000
    assert after_reboot(tokens).due(0, UNIX + 3600 + 86_400) == 0


def test_without_the_time_or_with_a_clock_behind_the_whole_wait_is_counted_from_the_boot():
    for unix in (None, UNIX - 10**6):
        tokens = granted()
        refreshed(tokens, DEAD, 0, UNIX)
        again = after_reboot(tokens)
        assert again.due(0, unix) == HOUR
        assert again.due(HOUR - 1000, unix) == 1000
        assert again.due(HOUR, unix) == 0
    unknown = granted()
    refreshed(unknown, DEAD, 0, None)
    assert after_reboot(unknown).due(0, UNIX) == HOUR
    again = after_reboot(tokens)  # the clock is set a while after the boot
    assert again.due(0, None) == HOUR
    assert again.due(60_000, UNIX + 600) == 3000_000


def test_in_the_boot_that_had_the_answer_no_jump_of_the_clock_counts():
    tokens = granted()
    refreshed(tokens, DEAD, 0, UNIX)
    for jump in (-90 * 86_400, 90 * 86_400, None):
        assert tokens.due(1000, jump and UNIX + jump) == HOUR - 1000


def test_a_date_that_is_missing_is_set_once_the_time_is_known():
    tokens = granted()
    refreshed(tokens, DEAD, 0, None)
    tokens = after_reboot(tokens)
    assert tokens.due(0, None) == HOUR
    assert not tokens.set_date(600_000, None)
    assert tokens.due(600_000, None) == HOUR - 600_000  # ten minutes after the first look
    assert tokens.set_date(600_000, UNIX)
    assert tokens.schedule == UNIX + 3000
    assert not tokens.set_date(660_000, UNIX + 60)
    assert after_reboot(tokens).due(0, UNIX + 100) == 2900_000
    fresh = granted()
    refreshed(fresh, DEAD, 0, UNIX)
    assert not fresh.set_date(0, UNIX)


def test_a_date_that_is_too_far_ahead_is_corrected_after_an_hour():
    tokens = granted()
    refreshed(tokens, DEAD, 0, UNIX)
    tried(tokens, DEAD, HOUR, UNIX + 90 * 86_400)
    tokens = after_reboot(tokens)
    assert tokens.due(0, UNIX) == 24 * HOUR
    assert not tokens.set_date(HOUR - 1, UNIX)
    assert tokens.set_date(HOUR, UNIX + 3600)
    assert tokens.schedule == UNIX + 86_400
    assert not tokens.set_date(HOUR, UNIX + 3600)


def test_no_answer_is_asked_for_again_soon_and_any_other_waits_for_its_date():
    tokens = granted()
    refreshed(tokens, DEAD)
    tokens.end(2, HOUR, UNIX)
    tokens.failed(OFFLINE, HOUR)
    assert tokens.due(HOUR, UNIX) == 2000
    assert tokens.failures == 1  # which says that the try is not over
    refreshed(tokens, reply(503), HOUR)
    assert tokens.due(HOUR, UNIX) == 4000
    for answer in (DEAD, reply(403), reply(400), reply(400, {"error": "invalid_client"})):
        tokens.failed(OFFLINE, HOUR)
        refreshed(tokens, answer, HOUR)
        assert tokens.due(HOUR, UNIX) == 24 * HOUR
        assert tokens.failures == 0 and tokens.is_dead and tokens.signed_out == 2
    tokens.postpone(ProviderError("of another account"), HOUR)
    assert tokens.due(HOUR, UNIX) == 24 * HOUR


def test_a_network_that_is_back_ends_the_pause_of_a_try_without_an_answer_alone():
    tokens = granted()
    refreshed(tokens, DEAD)
    tokens.resume()
    assert tokens.due(0, UNIX) == HOUR
    for _ in range(9):
        tokens.failed(OFFLINE, HOUR)
    assert tokens.due(HOUR, UNIX) > 60_000
    tokens.resume()
    assert tokens.due(HOUR, UNIX) == 0


def test_a_profile_may_know_other_words_for_invalid_grant():
    dialect = profile(pending_map={"Invalid refresh token": "invalid_grant"})
    tokens = granted()
    refreshed(
        tokens, reply(400, {"status": 400, "message": "Invalid refresh token"}), dialect=dialect
    )
    assert tokens.is_dead


def test_a_status_that_means_something_to_a_poll_means_nothing_to_a_refresh():
    dialect = profile(pending_map={"400": "authorization_pending", "404": "invalid_grant"})
    tokens = granted()
    for _ in range(5):
        refreshed(tokens, reply(404), dialect=dialect)
        assert not tokens.is_dead
    for _ in range(3):
        refreshed(tokens, reply(400), dialect=dialect)
        assert not tokens.is_dead


# answer, the wait after it in ms
KEPT = [
    (reply(401, {"error": "invalid_client"}), HOUR),
    (reply(400, {"error": "unauthorized_client"}), HOUR),
    (reply(400, {"error": "invalid_request"}), HOUR),
    (reply(400, {"error": "invalid_scope"}), HOUR),
    (reply(400, {"error": "unsupported_grant_type"}), HOUR),
    (reply(400, {"error": "access_denied"}), HOUR),
    (reply(400, {"error": "use_dpop_nonce"}, dpop_nonce="n1"), HOUR),
    (reply(200, {"error": "bad_refresh_token"}), HOUR),
    (reply(200, but(TOKENS, error="invalid_request")), HOUR),
    (reply(200, but(TOKENS, access_token=None)), HOUR),
    (reply(200, but(TOKENS, access_token=5)), HOUR),
    (reply(200, but(TOKENS, token_type="DPoP")), HOUR),
    (reply(200, {}), HOUR),
    (reply(500, b"<html>oops</html>"), 2000),
    (reply(502), 2000),
    (reply(503, b"", retry_after=30), 30_000),
    (reply(503, b"", retry_after=1), 2000),
    (reply(408), 2000),
    (reply(425), 2000),
    (reply(400, {"error": "server_error"}), 2000),
    (reply(400, {"error": "temporarily_unavailable"}), 2000),
    (reply(200, json.dumps(TOKENS)[:-9]), 2000),
    (reply(200, b""), 2000),
    (reply(200, b"<html>Log in to this network</html>"), 2000),
    (reply(200, b"[]"), 2000),
    (reply(429), MINUTE),
    (reply(429, b"", retry_after=120), 2 * MINUTE),
    (reply(429, {"error": "slow_down"}), MINUTE),
    (reply(403, b"<html>blocked</html>"), MINUTE),
    (reply(403, {"error": {"code": 403, "status": "PERMISSION_DENIED"}}), MINUTE),
    (reply(403, {"message": "Forbidden"}), MINUTE),
    (reply(401, {"error": "Unauthorized"}), MINUTE),
    (reply(403, {"error": "access_denied"}), MINUTE),
    (reply(401, {"error": "expired_token"}), MINUTE),
    (reply(403, {"error": "authorization_pending"}), MINUTE),
    (reply(400, {"error": {"code": 400}}), MINUTE),
    (reply(400, {"error": {"code": "400", "message": "Bad Request"}}), MINUTE),
    (reply(400, {"status": 400, "error": "Bad Request", "path": "/token"}), MINUTE),
    (reply(404, {"error": "Not Found"}), MINUTE),
    (reply(404), MINUTE),
    (reply(401), MINUTE),
    (reply(400), MINUTE),
    (reply(403, b"", retry_after=600), 10 * MINUTE),
    (reply(302, b"", location="https://elsewhere.example/"), MINUTE),
    (reply(503, b"", retry_after=10**9), 24 * HOUR),
]


def test_nothing_else_costs_the_refresh_token():
    for answer, wait in KEPT:
        tokens = granted()
        assert refreshed(tokens, answer, 7) is None, answer.body
        assert not tokens.is_dead, answer.body
        assert tokens.refresh_token == "rt-F1"
        assert tokens.access_token == "at-F1"
        assert tokens.is_fresh(8, UNIX)  # what was good stays good
        assert tokens.outcome is not None
        assert tokens.pause(7) == wait, (answer.status, answer.body, tokens.pause(7))
        assert tokens.pause(7 + wait) == 0
        assert tokens.due(7 + wait, UNIX) == max(0, 3300 - (7 + wait) // 1000) * 1000


def test_many_answers_do_not_end_a_link_either():
    for answer, _ in KEPT:
        tokens = granted()
        for _ in range(10):
            refreshed(tokens, answer)
        assert not tokens.is_dead, (answer.status, answer.body)


def test_no_answer_is_asked_for_again_soon_and_then_ever_more_rarely():
    tokens = granted()
    waits = []
    for _ in range(12):
        tokens.failed(OFFLINE, 0)
        assert not tokens.is_dead
        waits.append(tokens.pause(0) // 1000)
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    assert tokens.failures == 12
    assert str(tokens.outcome) == "no connection to as.example"


def test_a_busy_provider_is_left_alone_ever_longer():
    tokens = granted()
    waits = []
    for _ in range(8):
        refreshed(tokens, reply(429))
        waits.append(tokens.pause(0) // 1000)
    assert waits == [60, 60, 60, 60, 60, 64, 128, 256]


def test_the_answer_was_lost_and_the_server_has_rotated():
    tokens = granted()
    tokens.failed(OFFLINE, HOUR)
    assert tokens.failures == 1
    assert tokens.pause(HOUR) == 2000
    assert tokens.due(HOUR, UNIX) == 2000
    request = tokens.refresh_request(PROFILE, CLIENT)  # with the same token
    assert b"refresh_token=rt-F1" in request.body
    refreshed(tokens, reply(400, {"error": "invalid_grant"}), HOUR + 2000)
    assert tokens.is_dead

    graced = granted()
    graced.failed(OFFLINE, HOUR)
    fresh = refreshed(graced, reply(200, but(TOKENS, refresh_token="rt-2")), HOUR + 2000)
    assert fresh.refresh_token == "rt-2"
    assert fresh.failures == 0
    assert fresh.pause(HOUR + 2000) == 0


def test_a_refusal_in_passing_after_a_lost_answer_is_asked_again_while_there_is_grace():
    for answer in (reply(401), reply(302), reply(400, b"<html>")):
        tokens = granted()
        tokens.failed(OFFLINE, 0)
        waits = []
        for _ in range(6):
            refreshed(tokens, answer)
            waits.append(tokens.pause(0) // 1000)
        assert waits == [4, 8, 16, 32, 60, 120]
        assert not tokens.is_stuck
        refreshed(tokens, reply(503))  # whatever was lost before is over
        refreshed(tokens, answer)
        assert tokens.pause(0) == 4 * MINUTE


def test_a_refusal_in_passing_is_asked_again_after_a_minute_and_ever_more_rarely():
    for answer in (reply(401), reply(403, b"<html>blocked</html>"), reply(404)):
        tokens = granted()
        waits = []
        for _ in range(9):
            refreshed(tokens, answer)
            waits.append(tokens.pause(0) // MINUTE)
            assert not tokens.is_stuck
        assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_bare_400s_end_nothing_and_after_an_hour_of_them_the_pause_is_a_day():
    for body in (b"", b"<html>Bad request</html>", b"{}", b'{"message": "Bad Request"}'):
        tokens = granted()
        waits = []
        for number in range(1, 9):
            refreshed(tokens, reply(400, body))
            waits.append(tokens.pause(0) // MINUTE)
            assert not tokens.is_dead
            assert tokens.is_stuck is (number >= 3)  # then the person is told
        assert waits == [1, 2, 4, 8, 16, 32, 24 * 60, 24 * 60]
    fresh = refreshed(tokens, reply(200, TOKENS))
    assert not fresh.is_stuck
    refreshed(fresh, reply(400))
    assert fresh.pause(0) == MINUTE


def test_a_long_retry_after_gives_way_to_a_program_whose_token_has_died():
    for answer, asked in (
        (reply(503, b"", retry_after=86_400), HOUR),
        (reply(429, b"", retry_after=7_200), HOUR),
        (reply(403, b"", retry_after=7_200), HOUR),
        (reply(503, b"", retry_after=1_800), HOUR // 2),
    ):
        tokens = granted()
        refreshed(tokens, answer, 7)
        assert tokens.pause(7) == int(answer.headers["retry-after"]) * 1000
        assert tokens.pause(7, expired=True) == asked
        assert tokens.pause(7 + asked, expired=True) == 0
    tokens = granted()
    for _ in range(8):
        refreshed(tokens, reply(400), 7)
    assert tokens.pause(7, expired=True) == 24 * HOUR  # nobody asked for that pause


def test_a_pause_outlives_a_wrap_of_the_counter():
    tokens = granted(now=PERIOD - 1000)
    tokens.failed(OFFLINE, PERIOD - 1000)
    assert tokens.pause(500) == 500
    assert tokens.pause(1000) == 0


def test_tokens_that_cannot_be_believed_are_put_off():
    tokens = granted()
    tokens.postpone(ProviderError("the provider's ID token names another account than before"), 0)
    assert tokens.pause(0) == HOUR
    assert not tokens.is_dead
    assert "another account" in str(tokens.outcome)


def test_what_judges_the_answer_is_there_before_there_are_tokens_to_lose():
    tokens = granted()
    tokens.refresh_request(PROFILE, CLIENT)
    unload("keyfob.oauth.outcome")  # as another link does, whose refresh has ended
    import keyfob.oauth.token_response  # noqa: F401

    path, oauth.__path__ = oauth.__path__, "/nowhere"  # nothing more can be loaded
    try:
        assert refreshed(tokens, reply(200, TOKENS)).access_token == TOKENS["access_token"]
    finally:
        oauth.__path__ = path


def test_no_secret_is_in_what_is_said_of_a_refusal():
    client = Client("board-1", "s3cret-of-client", "post")
    echo = "bad rt-F1 for s3cret-of-client, was at-F1"
    for answer in (
        reply(400, {"error": "invalid_client", "error_description": echo}),
        reply(400, {"error": echo}),
        reply(400, {"message": echo}),
        reply(503, {"error": "x", "error_description": echo}),
    ):
        tokens = granted()
        refreshed(tokens, answer, client=client)
        said = "%s %s %s" % (tokens.outcome, tokens.outcome.error, tokens.outcome.description)
        for secret in ("rt-F1", "at-F1", "s3cret-of-client"):
            assert secret not in said
