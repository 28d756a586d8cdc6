"""Whole flows, bytes in and requests out: when each poll leaves, and that none leaves after.

Each conversation is had three ways: responses arrive whole, byte by byte, and with something
else behind them on the same connection. All times are in ms.
"""

import support
from conversation import (
    APPROVED,
    CODE,
    PENDING,
    SLOW_DOWN,
    STEP,
    TIMEOUT,
    TOKENS,
    Talk,
    but,
    error,
    form_of,
    http,
    profile,
    talk,
)

from keyfob.errors import LinkExpired, ProviderError, TransportError
from keyfob.oauth.device_grant import DENIED, EXPIRED, FAILED, GRANTED
from keyfob.oauth.messages import Client
from keyfob.oauth.ticks import PERIOD

HTML = b"<html><body>Bad gateway</body></html>"
BAD_GATEWAY = http(502, HTML, "Content-Type: text/html")
UNTRUSTED = TransportError("as.example is not trusted: expired", kind="tls")
OFFLINE = TransportError("no connection to as.example")
DAY = 86_400_000


def code(**changes):
    """The answer to the first request."""
    return http(200, but(CODE, **changes))


def polls(conversation):
    """How many requests asked for a token."""
    return len(conversation.requests) - 1


# The ordinary road


def test_the_conversation_of_every_tutorial():
    flow = talk(
        [
            http(
                200,
                b'{"device_code": "IO2RUI3SAH0IQuESHAEBAeYOO8UPAI", "user_code": "RSIK-KRAM",'
                b' "verification_uri": "https://as.example/device", "interval": 10,'
                b' "expires_in": 1600}',
            ),
            PENDING,
            PENDING,
            http(
                200,
                b'{"access_token": "synthetic", "expires_in": 3599, "token_type": "Bearer",'
                b' "scope": "https://api.example/auth/a https://api.example/auth/b",'
                b' "refresh_token": "1//0synthetic"}',
            ),
        ],
        latency=250,
    )
    assert flow.grant.state == GRANTED
    assert flow.gaps == [11_000, 11_000, 11_000]
    assert flow.grant.tokens.refresh_token == "1//0synthetic"
    for request in flow.requests[1:]:
        assert form_of(request)["device_code"] == "IO2RUI3SAH0IQuESHAEBAeYOO8UPAI"


def test_an_interval_passes_before_the_first_poll_too():
    flow = talk([code(), APPROVED])
    assert flow.sent == [0, STEP]


def test_without_an_interval_it_is_five_seconds():
    assert talk([code(interval=None), PENDING, APPROVED]).gaps == [STEP, STEP]


def test_every_wait_is_a_little_longer_than_asked_for():
    for interval, gap in ((1, 1_500), (5, 5_500), (10, 11_000), (30, 33_000), (120, 132_000)):
        assert talk([code(interval=interval), PENDING, APPROVED]).gaps == [gap, gap]


def test_waits_run_from_the_end_of_the_last_answer():
    for latency in (0, 1, 900, 4_000, 9_999):
        flow = talk([code(), PENDING, PENDING, APPROVED], latency=latency)
        assert flow.gaps == [STEP] * 3, latency
        assert flow.sent == [at * (STEP + latency) for at in range(4)]


def test_pending_leaves_the_interval_as_it_is():
    flow = talk([code()] + [PENDING] * 20 + [APPROVED])
    assert flow.gaps == [STEP] * 21
    assert flow.grant.interval == 5


def test_each_dialect_of_pending_goes_on_to_the_tokens():
    by_status = profile(pending_map={"400": "authorization_pending"})
    by_subcode = profile(pending_map={"1349174": "authorization_pending"})
    nested = {"message": "pending", "code": 31, "error_subcode": 1349174}
    cases = [
        (PENDING, None),
        (http(428, {"error": "authorization_pending"}), None),
        (http(403, {"error": "authorization_pending"}), None),
        (http(401, {"error": "authorization_pending"}, "WWW-Authenticate: Basic"), None),
        (http(200, {"error": "authorization_pending"}), None),
        (http(200, b"error=authorization_pending&error_description=a+b"), None),
        (http(400, {"status": 400, "message": "authorization_pending"}), None),
        (http(400, {"error": "authorization_pending"}, "Content-Type: text/plain"), None),
        (http(400, b'\xef\xbb\xbf\n{"error":\n"authorization_pending"}\n'), None),
        (http(400), by_status),
        (http(400, {"error": nested}), by_subcode),
    ]
    for answer, dialect in cases:
        flow = talk([code(), answer, answer, APPROVED], dialect=dialect)
        assert flow.grant.state == GRANTED, answer
        assert flow.gaps == [STEP] * 3, answer


def test_all_framings_of_a_response_mean_the_same():
    body = b'{"error": "authorization_pending"}'
    head = b"HTTP/1.1 400 Bad Request\r\n"
    for answer in (
        head + b"content-length: 34\r\n\r\n" + body,
        head + b"Transfer-Encoding: chunked\r\n\r\n22;x=y\r\n" + body + b"\r\n0\r\n\r\n",
        head
        + b"Transfer-Encoding: chunked\r\n\r\n2\r\n"
        + body[:2]
        + b"\r\n20\r\n"
        + body[2:]
        + b"\r\n0\r\nX-Trailer: 1\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + head + b"Content-Length:34\r\n\r\n" + body,
        b"HTTP/1.0 400 Bad Request\r\nContent-Length: 34\r\n\r\n" + body,
    ):
        assert talk([code(), answer, APPROVED]).gaps == [STEP] * 2, answer


# Who asks


def test_client_authentication_is_the_same_in_every_request():
    cases = [
        (Client("fob"), None, {"client_id": "fob"}),
        (Client("fob", "s3c ret", "basic"), "Basic Zm9iOnMzYyUyMHJldA==", {}),
        (Client("fob", "s3c", "post"), None, {"client_id": "fob", "client_secret": "s3c"}),
    ]
    for client, header, fields in cases:
        flow = talk([code(), PENDING, APPROVED], client=client)
        for request in flow.requests:
            assert request.headers.get("Authorization") == header
            form = form_of(request)
            assert form.get("client_secret") == fields.get("client_secret")
            # The first one says whose it is all the same: oauthlib's servers look for it.
            if request is not flow.requests[0]:
                assert form.get("client_id") == fields.get("client_id")
            else:
                assert form["client_id"] == "fob"


# Slower


def test_slow_down_adds_five_seconds_for_good():
    flow = talk([code(), SLOW_DOWN, PENDING, SLOW_DOWN, SLOW_DOWN, PENDING, PENDING, APPROVED])
    # The intervals are 5, 10, 10, 15, 20, 20, 20 s.
    assert flow.gaps == [5_500, 11_000, 11_000, 16_500, 22_000, 22_000, 22_000]
    assert flow.grant.interval == 20


def test_an_interval_in_an_answer_counts_where_it_is_larger():
    def says(word, interval):
        return http(400, {"error": word, "interval": interval})

    cases = [
        ([says("slow_down", 30)], 30),
        ([says("slow_down", "30")], 30),
        ([says("slow_down", 7)], 10),
        ([says("slow_down", -3)], 10),
        ([says("slow_down", "junk")], 10),
        ([says("slow_down", 30), says("slow_down", 30)], 35),
        ([says("authorization_pending", 12)], 12),
        ([says("authorization_pending", 1)], 5),
    ]
    for answers, interval in cases:
        flow = talk([code()] + answers + [PENDING, APPROVED])
        gap = interval * 1_000 + max(500, interval * 100)
        assert flow.gaps[-2:] == [gap, gap], interval
        assert flow.grant.interval == interval


def test_a_bare_429_slows_down_like_slow_down():
    for answer in (http(429), http(429, HTML), http(429, {"error": "too_many_requests"})):
        flow = talk([code(), answer, answer, PENDING, APPROVED])
        assert flow.gaps == [5_500, 11_000, 16_500, 16_500], answer


def test_the_interval_never_shrinks_again_whatever_happens_between():
    flow = talk([code(), SLOW_DOWN, BAD_GATEWAY, TIMEOUT, PENDING, http(404), PENDING, APPROVED])
    assert min(flow.gaps[1:]) == 11_000
    assert flow.grant.interval == 10


# In trouble


def test_timeouts_double_the_wait_and_a_real_answer_ends_that():
    flow = talk([code()] + [TIMEOUT] * 5 + [PENDING, TIMEOUT, PENDING, APPROVED])
    assert flow.gaps == [
        STEP,
        2 * STEP,
        4 * STEP,
        8 * STEP,
        60_000,
        60_000,
        STEP,
        2 * STEP,
        STEP,
    ]


def test_backoff_doubles_the_interval_as_slow_down_left_it():
    flow = talk([code(), SLOW_DOWN, TIMEOUT, TIMEOUT, PENDING, APPROVED])
    assert flow.gaps == [5_500, 11_000, 22_000, 44_000, 11_000]


def test_even_the_longest_interval_slows_down_after_a_timeout():
    flow = talk([code(interval=100), TIMEOUT, TIMEOUT, PENDING, APPROVED])
    assert flow.gaps == [110_000, 220_000, 220_000, 110_000]


def test_backoff_spreads_boards_apart_but_never_shortens():
    flow = talk([code(), TIMEOUT, TIMEOUT, PENDING, APPROVED], spread=lambda limit: limit - 1)
    assert flow.gaps == [STEP, 2 * STEP + 1_374, 4 * STEP + 2_749, STEP]


def test_passing_troubles_never_end_a_flow_before_its_time():
    for trouble in (
        TIMEOUT,
        OFFLINE,
        UNTRUSTED,
        TransportError("not enough memory", kind="memory"),
        BAD_GATEWAY,
        http(500, {"error": "internal_error"}),
        http(503, {"error": "temporarily_unavailable"}),
        http(503),
        http(408),
        http(425),
        http(200),
        http(200, HTML),
        http(200, b'{"access_token": "at-'),
        http(200, b"[]"),
    ):
        flow = talk([code(expires_in=600)] + [trouble] * 9 + [APPROVED])
        assert flow.grant.state == GRANTED, trouble
        assert flow.gaps[:3] == [STEP, 2 * STEP, 4 * STEP]
        flow = talk([code(expires_in=600), trouble])
        assert flow.grant.state == EXPIRED, trouble
        assert flow.ended == 600_000


def test_the_third_bare_4xx_in_a_row_ends_it():
    for answer in (http(404), http(400, HTML), http(302, b"", "Location: https://x.example/")):
        flow = talk([code(), answer])
        assert flow.grant.state == FAILED, answer
        assert isinstance(flow.grant.error, ProviderError)
        assert flow.gaps == [STEP, 2 * STEP, 4 * STEP]
        assert polls(flow) == 3


def test_any_other_answer_between_bare_4xx_starts_the_count_again():
    bare = http(404)
    for other in (PENDING, SLOW_DOWN, BAD_GATEWAY, TIMEOUT):
        flow = talk([code(), bare, bare, other, bare, bare, other, APPROVED])
        assert flow.grant.state == GRANTED, other


def test_retry_after_is_honoured_where_it_is_longer():
    date = "Date: Sun, 06 Nov 1994 08:49:37 GMT"
    cases = [
        # header lines, what comes after them, the board's clock
        (["Retry-After: 17"], 17_500, None),
        (["retry-after:17"], 17_500, None),
        (["Retry-After: 2"], 11_000, None),
        (["Retry-After: 0"], 11_000, None),
        (["Retry-After: soon"], 11_000, None),
        ([date, "Retry-After: Sun, 06 Nov 1994 08:50:37 GMT"], 60_500, None),
        ([date, "Retry-After: Sun, 06 Nov 1994 08:50:37 GMT"], 60_500, 1_800_000_000),
        (["Retry-After: Sun, 06 Nov 1994 08:50:37 GMT"], 60_500, 784_111_777),
        (["Retry-After: Sun, 06 Nov 1994 08:50:37 GMT"], 11_000, None),
        ([date, "Retry-After: Sun, 06 Nov 1994 08:00:00 GMT"], 11_000, None),
    ]
    for lines, gap, unix in cases:
        for answer in (http(503, HTML, *lines), http(429, b"", *lines)):
            flow = talk([code(), answer, PENDING, APPROVED], unix=unix)
            assert flow.gaps[1] == gap, lines
    flow = talk(
        [code(), http(400, {"error": "authorization_pending"}, "Retry-After: 17"), APPROVED]
    )
    assert flow.gaps == [STEP, 17_500]


def test_a_retry_after_beyond_the_codes_life_leaves_one_last_poll():
    answer = http(503, b"", "Retry-After: 99999999999")
    flow = talk([code(expires_in=60), answer, APPROVED])
    assert flow.sent == [0, STEP, 59_000]
    assert flow.grant.state == GRANTED


# The end of a code's life


def test_pending_for_ever_ends_at_the_codes_own_time():
    for expires_in in (30, 60, 300, 900):
        flow = talk([code(expires_in=expires_in), PENDING])
        assert flow.grant.state == EXPIRED
        assert isinstance(flow.grant.error, LinkExpired)
        assert flow.ended == expires_in * 1_000
        assert flow.sent[-1] == expires_in * 1_000 - 1_000  # the last poll
        assert min(flow.gaps) == STEP


def test_the_last_poll_keeps_its_distance_when_answers_are_slow():
    for latency in (100, 1_000, 3_000):
        for expires_in in range(60, 75):
            flow = Talk([code(expires_in=expires_in), PENDING], latency=latency)
            assert min(flow.gaps) >= STEP, (latency, expires_in)
            assert flow.sent[-1] == expires_in * 1_000 - 1_000
            assert flow.grant.state == EXPIRED


def test_the_life_counts_from_before_the_first_request_was_sent():
    flow = talk([code(expires_in=60), PENDING], latency=4_000)
    assert flow.received[0] == 4_000
    assert flow.sent[-1] == 59_000  # so its answer comes late
    assert flow.ended == 63_000


def test_an_interval_longer_than_the_life_leaves_one_poll_just_before_the_end():
    for interval in (59, 60, 3_600, 10**9):
        flow = talk([code(expires_in=60, interval=interval), PENDING])
        assert flow.sent == [0, 59_000], interval
        assert (flow.grant.state, flow.ended) == (EXPIRED, 60_000)


def test_slow_down_near_the_end_leaves_one_last_poll():
    for life, gap in ((59, None), (60, 10_000), (61, 10_500)):  # 9.5 s would be too early
        flow = talk([code(expires_in=life)] + [PENDING] * 8 + [SLOW_DOWN])
        assert flow.gaps[8:] == [STEP] + ([] if gap is None else [gap]), flow.gaps
        assert (flow.grant.state, flow.ended) == (EXPIRED, life * 1_000)


def test_an_answer_that_took_long_does_not_make_the_last_poll_early():
    for answer, more in ((PENDING, 0), (SLOW_DOWN, 5_000)):
        for latency in (3_500, 5_000, 9_000):
            for expires_in in range(60, 75):
                flow = Talk([code(expires_in=expires_in), answer], latency=latency)
                for number, gap in enumerate(flow.gaps[1:]):
                    assert gap >= 5_000 + (number + 1) * more, (latency, expires_in, flow.gaps)
                assert flow.grant.state == EXPIRED


def test_a_code_that_dies_at_once_is_waited_out():
    flow = talk([code(expires_in=1), APPROVED])
    assert (flow.grant.state, flow.sent, flow.ended) == (EXPIRED, [0], 1_000)


def test_a_token_that_comes_after_the_deadline_is_taken():
    flow = talk([code(expires_in=60)] + [PENDING] * 7 + [APPROVED], latency=1_500)
    assert flow.sent[-1] < 60_000 < flow.received[-1]
    assert flow.grant.state == GRANTED


def test_anything_else_that_comes_after_the_deadline_is_the_end():
    for answer in (PENDING, SLOW_DOWN, TIMEOUT, BAD_GATEWAY, http(404), error("invalid_grant")):
        flow = talk([code(expires_in=10), answer], latency=4_900)
        assert flow.received[-1] > 10_000
        assert flow.grant.state == EXPIRED, answer
        assert flow.ended == flow.received[-1]


def test_a_server_that_says_expired_once_is_not_asked_again():
    for word in ("expired_token", "token_expired", "code_expired"):
        flow = talk([code(), PENDING, error(word), error("invalid_grant"), APPROVED])
        assert flow.grant.state == EXPIRED
        assert polls(flow) == 2


# Nothing after an ending


def test_nothing_is_sent_after_a_terminal_answer():
    by_status = profile(pending_map={"418": "access_denied", "410": "expired_token"})
    cases = [
        (APPROVED, GRANTED, None),
        (http(200, b"access_token=at-F4&scope=repo%2Cgist&token_type=bearer"), GRANTED, None),
        (error("access_denied"), DENIED, None),
        (error("access_denied", 403), DENIED, None),
        (error("access_denied", 200), DENIED, None),
        (error("authorization_declined"), DENIED, None),
        (http(400, b"error=access_denied"), DENIED, None),
        (http(418), DENIED, by_status),
        (error("expired_token"), EXPIRED, None),
        (http(410), EXPIRED, by_status),
        (error("invalid_grant"), FAILED, None),
        (error("invalid_client", 401), FAILED, None),
        (error("org_internal", 403), FAILED, None),
        (error("admin_policy_enforced"), FAILED, None),
        (error("consent_required"), FAILED, None),
        (error("bad_verification_code"), FAILED, None),
        (error("device_not_found", 404), FAILED, None),
        (error("use_dpop_nonce"), FAILED, None),
        (http(400, {"Error": "authorization_pending"}), FAILED, None),
        (http(200, but(TOKENS, token_type="DPoP")), FAILED, None),
        (http(200, but(TOKENS, error="access_denied")), DENIED, None),
    ]
    for answer, state, dialect in cases:
        flow = talk([code(), PENDING, answer, APPROVED], dialect=dialect)
        assert flow.grant.state == state, answer
        assert polls(flow) == 2, answer
        assert flow.left == [APPROVED]
        assert (flow.grant.tokens is not None) == (state == GRANTED)
        for later in (0, STEP, DAY):
            assert flow.grant.poll(flow.ended + later) is None


# Before there is a code


def test_a_passing_trouble_of_the_first_request_is_tried_twice_more():
    for trouble in (TIMEOUT, OFFLINE, BAD_GATEWAY, http(200, HTML), http(408), error("x", 500)):
        flow = talk([trouble, trouble, code(), APPROVED])
        assert flow.grant.state == GRANTED, trouble
        assert flow.gaps == [2_000, 4_000, STEP]
        flow = talk([trouble])
        assert flow.grant.state == FAILED
        assert len(flow.requests) == 3
        assert isinstance(flow.grant.error, TransportError), trouble
        assert flow.grant.error.hint or trouble in (TIMEOUT, OFFLINE)


def test_the_life_of_a_code_does_not_count_the_tries_before_it():
    flow = talk([TIMEOUT, TIMEOUT, code(expires_in=60), PENDING], latency=10)
    assert flow.ended - flow.sent[2] == 60_000


def test_a_short_retry_after_of_the_first_request_is_waited_for():
    flow = talk([http(503, b"", "Retry-After: 30"), code(), APPROVED])
    assert flow.gaps == [30_500, STEP]
    flow = talk([http(503, b"", "Retry-After: 61"), code(), APPROVED])
    assert flow.grant.state == FAILED
    assert len(flow.requests) == 1


def test_a_refusal_of_the_first_request_is_final():
    for answer in (
        error("invalid_scope"),
        error("invalid_client", 401),
        error("unauthorized_client"),
        error("slow_down", 429),
        http(429),
        http(404, HTML),
        http(302, b"", "Location: https://evil.example/"),
        http(200, {"user_code": "WDJB-MJHT"}),
        UNTRUSTED,
    ):
        flow = talk([answer, code(), APPROVED])
        assert flow.grant.state == FAILED, answer
        assert len(flow.requests) == 1


# Clocks and extremes


def test_the_counter_may_wrap_at_any_point_of_a_flow():
    answers = [code(expires_in=60), PENDING, SLOW_DOWN, TIMEOUT, PENDING]
    plain = talk(answers, latency=700)
    assert plain.grant.state == EXPIRED
    for before in range(1, 60_000, 1_777):
        wrapped = Talk(answers, latency=700, start=PERIOD - before)
        assert (wrapped.sent, wrapped.ended) == (plain.sent, plain.ended), before


def test_a_life_longer_than_the_counter_is_kept_to_the_second():
    flow = talk([code(expires_in=40 * 86_400, interval=14 * 86_400), PENDING], start=PERIOD - 5)
    # Two weeks and a tenth; the second poll would leave no room for a third.
    assert flow.sent == [0, 14 * DAY * 11 // 10, 40 * DAY - 1_000]
    assert flow.ended == 40 * DAY
    assert flow.longest_wait == DAY  # the counter is read before it wraps unseen


def test_a_device_code_comes_back_as_it_was_given():
    for device_code in ("a&b=c+d%e/f g", "x" * 1_500, "\u00e4\u20ac\u65e5"):
        flow = talk([code(device_code=device_code), PENDING, APPROVED])
        for request in flow.requests[1:]:
            assert form_of(request)["device_code"] == device_code


def test_a_server_that_echoes_the_device_code_does_not_make_it_public():
    echo = {"error": "invalid_grant", "error_description": "no grant for dc-A1 of fob:s3cret"}
    flow = talk([code(), http(400, echo)], client=Client("fob", "s3cret", "post"))
    shown = "%s %r %s %s" % (
        flow.grant.error,
        flow.grant.error,
        flow.outcome,
        flow.outcome.description,
    )
    assert "dc-A1" not in shown and "s3cret" not in shown
    assert "no grant for * of fob:*" in shown


def test_sweep_no_mood_of_a_server_breaks_the_rules():
    """Random answers: gaps, deadline and endings hold whatever comes, in any order."""
    troubles = [
        PENDING,
        PENDING,
        PENDING,
        SLOW_DOWN,
        http(429),
        BAD_GATEWAY,
        TIMEOUT,
        OFFLINE,
        http(404),
        http(503, b"", "Retry-After: 40"),
        http(200, HTML),
        http(400, {"error": "slow_down", "interval": 25}),
    ]
    endings = [APPROVED, error("access_denied"), error("expired_token"), error("invalid_client")]
    seed = 20_260_101
    for _ in range(2_000 if support.WHOLE else 60):
        answers = []
        for _ in range(12):
            seed = (seed * 1_103_515_245 + 12_345) & 0x7FFFFFFF
            answers.append(troubles[(seed >> 16) % len(troubles)])
        answers.append(endings[(seed >> 8) % 4])
        life = 30 + (seed >> 4) % 600
        latency = (seed >> 12) % 2_500
        flow = Talk([code(expires_in=life)] + answers, latency=latency, start=seed % PERIOD)
        assert flow.grant.state in (GRANTED, DENIED, EXPIRED, FAILED)
        assert all(sent < life * 1_000 for sent in flow.sent)
        assert flow.ended <= max(life * 1_000, flow.received[-1])
        # Only the last poll may come sooner than an ordinary one.
        assert all(gap >= STEP for gap in flow.gaps[:-1]), flow.gaps
        assert flow.grant.interval >= 5
        assert flow.grant.wait(0) is None
