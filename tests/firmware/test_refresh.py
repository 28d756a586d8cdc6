"""Staying linked: who refreshes, when, how often, and what a failure costs."""

import asyncio

from fakes import (
    API,
    DEVICE,
    DISCOVERY,
    ISSUER,
    REVOKE,
    TOKEN,
    UNIX,
    USERINFO,
    Board,
    FailingStore,
    FakeClock,
    device_code,
    fails,
    fields_of,
    id_token,
    lost,
    refusal,
    reply,
    tokens,
)

from keyfob.errors import (
    ConfigError,
    KeyfobError,
    NotLinked,
    ProviderError,
    TransportError,
    UsageError,
)
from keyfob.oauth import json_object
from keyfob.oauth.messages import Reply
from keyfob.storage.memory import MemoryStore

HOUR = 3_600_000
DAY = 24 * HOUR
GATEWAY = reply(502, b"<html>bad gateway</html>")
DEAD = refusal("invalid_grant")


def used(board, url=TOKEN):
    """The refresh tokens that were sent, in order."""
    return [
        fields_of(request)["refresh_token"]
        for request in board.http.requests
        if request.url == url
    ]


async def outcome(awaitable):
    """What it returns, or the error that it raises."""
    try:
        return await awaitable
    except KeyfobError as error:
        return error


# One refresh


async def test_a_refresh_sends_the_token_and_yields_a_new_one():
    board = Board(store=MemoryStore())
    link = await board.linked()
    board.http.answer(TOKEN, tokens(2))
    await link.refresh()
    (request,) = board.http.requests
    assert fields_of(request) == {
        "grant_type": "refresh_token",
        "refresh_token": "rt-secret-1",
        "client_id": "board",
    }
    assert await link.token() == "at-secret-2"
    assert board.told.events == [("refreshed", {"rotated": True, "unsaved": None})]
    assert board.http.closed


async def test_without_a_new_refresh_token_the_old_one_is_kept():
    board = Board(store=MemoryStore())
    link = await board.linked()
    for missing in (None, ""):
        board.http.answer(TOKEN, tokens(2, refresh_token=missing))
        await link.refresh()
        assert board.told.last("refreshed")["rotated"] is False
        assert board.store.load()["tokens"]["refresh_token"] == "rt-secret-1"
    board.http.answer(TOKEN, tokens(3))
    await link.refresh()
    board.http.answer(TOKEN, tokens(4))
    await link.refresh()
    assert used(board) == ["rt-secret-1"] * 3 + ["rt-secret-3"]


async def test_the_new_refresh_token_is_durable_before_anybody_sees_the_new_access_token():
    seen = []

    class Store(MemoryStore):
        def save(self, record):
            in_use = board.link._account.tokens
            if "tokens" in record:
                seen.append((in_use and in_use.access_token, "refreshed" in board.told.names))
            super().save(record)

    board = Board(store=Store())
    link = await board.linked()
    board.http.answer(TOKEN, tokens(2))
    await link.refresh()
    # The second time it is noted that a refresh is under way.
    assert seen == [(None, False), ("at-secret-1", False), ("at-secret-1", False)]
    assert board.store.load()["tokens"]["refresh_token"] == "rt-secret-2"
    again = Board(store=board.store)
    async with again.link as link:
        assert await link.token() == "at-secret-2"


async def test_a_store_that_has_died_does_not_cost_the_new_tokens():
    board = Board(store=FailingStore())
    link = await board.linked()
    board.http.answer(TOKEN, tokens(2), tokens(3))
    await link.refresh()
    assert await link.token() == "at-secret-2"
    assert board.told.names == ["error", "refreshed"]
    assert board.told.last("error")["kind"] == "storage"
    assert board.told.last("error")["fatal"] is False
    assert board.told.last("refreshed")["unsaved"] == "the flash cannot save"
    board.store.fails = ()
    await link.refresh()
    assert board.told.last("refreshed")["unsaved"] is None
    assert used(board) == ["rt-secret-1", "rt-secret-2"]
    assert board.store.load()["tokens"]["refresh_token"] == "rt-secret-3"


async def test_a_refresh_seeks_room_for_a_reply_as_large_as_the_last():
    board = Board(store=MemoryStore())
    link = await board.linked()
    answers = tokens(2), tokens(3, note="x" * 5_000), tokens(4), tokens(5)
    board.http.answer(TOKEN, *answers)
    for number in range(4):
        await link.refresh()
        last = answers[number - 1] if number else tokens(1)
        assert board.http.requests[-1].room >= len(last.body)
    again = Board(store=board.store)
    again.http.answer(TOKEN, tokens(6))
    async with again.link as link:  # which knows no reply yet, but what was in it
        await link.refresh()
    assert again.http.requests[-1].room >= len(tokens(5).body)


async def test_without_room_for_the_reply_the_tokens_stay_and_it_is_asked_again():
    board = Board(store=MemoryStore())
    async with board.link as link:
        await board.linked()
        board.http.answer(TOKEN, *[lost("memory")] * 4 + [tokens(2)])
        await board.clock.sleep(HOUR)
        assert await link.token() == "at-secret-2"
    errors = board.told.of("error")
    assert errors and {error["kind"] for error in errors} == {"memory"}


async def test_without_a_refresh_token_there_is_nothing_to_ask_for():
    board = Board()
    link = await board.linked(refresh_token=None)
    assert not link.can_refresh
    error = await fails(UsageError, link.refresh())
    assert "scope" in error.hint and link.pause == 0
    assert board.http.requests == []


# Together


async def test_tasks_that_ask_together_share_one_request():
    board = Board()
    link = await board.linked()
    board.clock.now += 2 * HOUR
    board.http.answer(TOKEN, tokens(2))
    found = await asyncio.gather(link.token(), link.token(), link.token(), link.refresh())
    assert list(found) == ["at-secret-2"] * 3 + [None]
    assert board.http.count(TOKEN) == 1


async def test_and_share_its_failure():
    for answer in (lost("timeout"), GATEWAY, refusal("invalid_client", 401), reply(429)):
        board = Board()
        link = await board.linked()
        board.clock.now += 2 * HOUR
        board.http.answer(TOKEN, answer, ...)
        tasks = [outcome(link.token()), outcome(link.refresh()), outcome(link.token())]
        first, second, third = await asyncio.gather(*tasks)
        assert isinstance(first, KeyfobError)
        assert str(first) == str(second) == str(third)
        assert first.kind == second.kind == third.kind
        passing = (
            answer.kind != "provider" if isinstance(answer, KeyfobError) else answer is GATEWAY
        )
        assert board.http.count(TOKEN) == (2 if passing else 1)


async def test_and_its_end_of_the_link():
    board = Board()
    link = await board.linked()
    board.clock.now += 2 * HOUR
    board.http.answer(TOKEN, DEAD)
    for error in await asyncio.gather(outcome(link.token()), outcome(link.token())):
        assert isinstance(error, NotLinked)
    assert board.http.count(TOKEN) == 1


async def test_a_refresh_that_was_cancelled_leaves_the_way_free():
    board = Board()
    link = await board.linked()
    board.http.gate = asyncio.Event()
    board.http.answer(TOKEN, tokens(2))
    task = asyncio.create_task(link.refresh())
    await board.clock.sleep(1)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    board.http.gate.set()
    await link.refresh()
    assert await link.token() == "at-secret-2"


async def test_an_answer_outlives_whoever_asked_for_it():
    for call in ("refresh", "token", "get"):
        board = Board(store=MemoryStore())
        link = await board.linked()
        board.clock.now += 2 * HOUR
        board.http.answer(TOKEN, tokens(2))
        board.http.answer(API, reply(200))
        board.http.gate = asyncio.Event()
        task = asyncio.create_task(getattr(link, call)(*[API] if call == "get" else []))
        while not board.http.requests:
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        board.http.gate.set()
        await board.clock.sleep(1_000)
        assert board.store.load()["tokens"]["refresh_token"] == "rt-secret-2", call
        assert await link.token() == "at-secret-2"
        assert board.http.count(TOKEN) == 1


# What a failure costs


async def test_a_lost_reply_is_asked_for_once_more_and_soon():
    for trouble in (lost(), lost("timeout"), GATEWAY, reply(200, b'{"access_token": "at-')):
        board = Board()
        link = await board.linked()
        board.http.answer(TOKEN, trouble, tokens(2))
        await link.refresh()
        assert await link.token() == "at-secret-2"
        assert used(board) == ["rt-secret-1"] * 2
        assert 0 < board.http.sent_at[1] - board.http.sent_at[0] <= 5_000


async def test_once_more_and_not_again():
    board = Board()
    link = await board.linked()
    board.http.answer(TOKEN, lost(), ...)
    await fails(TransportError, link.refresh())
    assert board.http.count(TOKEN) == 2
    for _ in range(3):  # and whoever asks now gets the same word
        await fails(TransportError, link.refresh())
    assert board.http.count(TOKEN) == 2
    assert link.pause > 0
    await board.clock.sleep(link.pause)
    await fails(TransportError, link.refresh())
    assert board.http.count(TOKEN) == 3


async def test_a_lost_reply_may_have_been_the_last_one():
    board = Board(store=MemoryStore())
    link = await board.linked()
    board.http.answer(TOKEN, lost(), DEAD)  # the provider rotated, and knows no grace
    await fails(NotLinked, link.refresh())
    assert board.http.count(TOKEN) == 2
    assert not link.is_linked


async def test_what_a_person_alone_can_mend_ends_a_link():
    for error in ("invalid_grant", "interaction_required", "login_required", "consent_required"):
        await ends(error)


async def ends(code):
    board = Board(store=MemoryStore())
    link = await board.linked()
    board.http.answer(TOKEN, refusal(code))
    error = await fails(NotLinked, link.refresh())
    assert error.kind == "provider" and code in str(error)
    assert board.told.names == ["signed_out", "error"]
    assert board.told.last("error")["fatal"] is True
    stored = board.store.load()["tokens"]
    assert (stored["refresh_token"], stored["signed_out"]) == ("rt-secret-1", 1)
    assert not link.is_linked and link.account is None
    for call in (link.token(), link.refresh(), link.get(API)):
        await fails(NotLinked, call)
    assert link.reject("at-secret-1") is False
    assert board.http.count(TOKEN) == 1
    error = await fails(NotLinked, link.token())
    assert error.hint == "call ensure_linked first"
    board.http.answer(DEVICE, device_code())
    board.http.answer(TOKEN, tokens(5))
    assert await link.ensure_linked() == "Ana"


async def test_a_link_that_ends_while_the_store_is_dead_still_ends():
    board = Board(store=FailingStore(fails=("erase",)))
    link = await board.linked()
    board.store.fails = ("save",)
    board.http.answer(TOKEN, DEAD)
    await fails(NotLinked, link.refresh())
    assert board.told.names == ["error", "signed_out", "error"]
    assert not link.is_linked


# What a refresh may be answered by. Of the first nobody knows whether there were new tokens.
UNHEARD = (
    lost(),
    lost("timeout"),
    lost("tls"),
    reply(500),
    GATEWAY,
    reply(503, retry_after="3"),
    reply(408),
    reply(425),
    reply(200, b'{"access_token": "at-'),
    reply(200, b"<html>log in to the hotel's network</html>"),
    reply(404, b"<html>"),
    reply(400, b""),
    MemoryError(),
)
HEARD = (
    refusal("temporarily_unavailable", 503),
    refusal("server_error", 500),
    reply(429),
    refusal("invalid_client", 401),
    refusal("unauthorized_client"),
    refusal("invalid_request"),
    refusal("invalid_scope"),
    refusal("never_heard_of"),
    reply(200, {"token_type": "Bearer"}),
    tokens(2, access_token=None),
    tokens(2, token_type="DPoP"),
    ConfigError("https needs a CA certificate"),
)


async def test_nothing_else_costs_the_credentials():
    for answer in UNHEARD + HEARD:
        board = Board(store=MemoryStore())
        link = await board.linked()
        stored = board.store.load()
        board.http.answer(TOKEN, answer, ...)
        error = await fails(KeyfobError, link.refresh())
        assert not isinstance(error, NotLinked)
        noted = dict(stored["tokens"], lost=1 if answer in UNHEARD else None)
        assert board.store.load() == dict(stored, tokens=noted), answer
        assert link.is_linked and link.account == "Ana"
        assert await link.token() == "at-secret-1"  # good for a while yet
        assert "signed_out" not in board.told.names
        assert link.pause >= 2_000


async def test_a_bare_refusal_says_nothing_about_the_client():
    for answer in (reply(429), reply(400, b""), reply(404, b"<html>"), reply(500)):
        board = Board()
        link = await board.linked()
        board.http.answer(TOKEN, answer, ...)
        error = await fails(TransportError, link.refresh())
        assert "no new token: HTTP" in str(error)


async def test_the_kind_of_trouble_is_kept():
    for kind in ("tls", "timeout", "memory", "network"):
        board = Board()
        link = await board.linked()
        board.http.answer(TOKEN, lost(kind), ...)
        for _ in range(2):
            assert (await fails(TransportError, link.refresh())).kind == kind
    board = Board()
    link = await board.linked()
    board.http.answer(TOKEN, MemoryError(), ...)
    assert (await fails(TransportError, link.refresh())).kind == "memory"


async def test_the_background_task_outlives_a_lack_of_memory():
    board = Board(store=MemoryStore())
    link = await board.linked()
    board.http.answer(TOKEN, tokens(2))
    async with link:
        board.store.save = raise_first(board.store.save, MemoryError())
        await board.clock.sleep(3_700_000)
        assert await link.token() == "at-secret-2"
    assert board.told.names[1:] == ["error", "refreshed", "saved"]
    assert board.told.last("error")["kind"] == "memory"
    assert "not enough memory" in board.told.last("refreshed")["unsaved"]
    assert board.store.load()["tokens"]["refresh_token"] == "rt-secret-2"


async def test_tokens_that_there_is_no_room_for_are_told_as_that():
    def full(body, at):
        raise MemoryError

    board = Board()
    link = await board.linked()
    board.http.answer(TOKEN, Reply(200, {}, b'{"access_token": "at-secret-2"}'), ...)
    real, json_object.read = json_object.read, full
    try:
        error = await fails(TransportError, link.refresh())
    finally:
        json_object.read = real
    assert error.kind == "memory" and "not enough memory" in error.message
    assert link.is_linked


async def test_ahead_of_expiry_a_failure_is_nobodys_trouble():
    for answer in (lost(), GATEWAY, refusal("invalid_client", 401)):
        board = Board()
        link = await board.linked()
        board.http.answer(TOKEN, answer, ...)
        board.clock.now += 3_400_000  # 200 s are left
        assert await link.token() == "at-secret-1"
        board.clock.now += 300_000
        await fails((TransportError, ProviderError), link.token())


async def test_the_end_of_a_link_counts_more_than_what_is_left_of_a_token():
    board = Board()
    link = await board.linked()
    board.http.answer(TOKEN, DEAD)
    board.clock.now += 3_400_000
    error = await fails(NotLinked, link.token())
    assert "the provider has ended the link" in str(error)


async def test_a_token_that_an_api_refused_is_not_used_again():
    board = Board()
    link = await board.linked()
    assert link.reject("at-secret-1") is True
    board.http.answer(TOKEN, lost(), ...)
    await fails(TransportError, link.token())
    board.http.answer(API)
    await fails(TransportError, link.get(API))
    assert board.http.count(API) == 0


async def test_a_refusal_counts_for_the_token_that_was_refused():
    board = Board()
    link = await board.linked()
    board.http.answer(TOKEN, tokens(2), tokens(3))
    assert link.reject("at-secret-1") is True
    assert await link.token() == "at-secret-2"
    # A slower task comes back with news of the old one.
    assert link.reject("at-secret-1") is True
    assert await link.token() == "at-secret-2"
    assert board.http.count(TOKEN) == 1
    assert link.reject("at-secret-2") is False  # so soon, another would do no better
    assert await link.token() == "at-secret-2"
    await board.clock.sleep(60_000)
    assert link.reject("at-secret-2") is True
    assert await link.token() == "at-secret-3"
    assert Board().link.reject("at-secret-1") is False


# Whose tokens they are


async def test_an_api_that_refuses_every_token_wears_out_neither_flash_nor_provider():
    for every, most in ((61_000, 20), (600_000, 40)):
        board = Board()
        link = await board.linked()
        board.http.answer(API, reply(401, www_authenticate='Bearer error="invalid_token"'), ...)
        board.http.answer(TOKEN, *[tokens(number) for number in range(2, most + 2)])
        begun = board.clock.now
        while board.clock.now - begun < 6 * 3_600_000:
            del board.http.requests[:]
            assert (await link.get(API)).status == 401
            board.clock.now += every


async def test_tokens_that_die_sooner_than_the_provider_says_are_replaced_at_once():
    board = Board()
    link = await board.linked()
    for number in range(1, 30):
        board.http.answer(TOKEN, tokens(number + 1))
        board.clock.now += 180_000
        assert link.reject("at-secret-%d" % number) is True
        assert await link.token() == "at-secret-%d" % (number + 1)


async def test_an_old_id_token_is_not_judged_again():
    board = Board()
    link = await board.linked()  # its ID token is good for five minutes
    for number in range(2, 6):
        board.clock.now += HOUR
        board.http.answer(TOKEN, tokens(number, id_token=None))
        await link.refresh()
        assert await link.token() == "at-secret-%d" % number
    assert "error" not in board.told.names


async def test_tokens_of_another_account_are_never_used():
    for wrong in ({}, {"aud": "other"}, {"iss": "https://evil.example"}, {"exp": None}):
        board = Board(store=MemoryStore())
        link = await board.linked()
        stored = board.store.load()
        board.http.answer(TOKEN, tokens(2, id_token=id_token(sub="user-2", **wrong)), ...)
        await fails(ProviderError, link.refresh())
        assert await link.token() == "at-secret-1"
        assert board.store.load() == stored
        assert "refreshed" not in board.told.names
        assert link.pause == HOUR
        await fails(ProviderError, link.refresh())
        assert board.http.count(TOKEN) == 1


NO_PROOF = (
    "five.parts.of.a.jwe",
    "neither",
    "e30.%s.c2ln" % ("A" * 9_000),
    "e30.!!!!.c2ln",
    id_token(aud="other"),
    id_token(iss="https://other.example"),
    id_token(sub=None),
    id_token(sub=7),
    id_token(sub=""),
    id_token(exp=None),
    id_token(iat="soon"),
)


async def test_an_id_token_that_proves_nothing_costs_no_tokens_and_is_told_once():
    for odd in NO_PROOF:
        board = Board(store=MemoryStore())
        link = await board.linked()
        for number in range(2, 5):
            board.http.answer(TOKEN, tokens(number, id_token=odd))
            await link.refresh()
            assert await link.token() == "at-secret-%d" % number
            stored = board.store.load()["tokens"]
            assert stored["refresh_token"] == "rt-secret-%d" % number
            assert stored["id_token"] == id_token()  # the last one that could be read
        assert used(board) == ["rt-secret-1", "rt-secret-2", "rt-secret-3"]
        assert board.told.names == ["refreshed", "error", "refreshed", "refreshed"], odd
        told = board.told.last("error")
        assert "ID token" in told["message"] and told["fatal"] is False
        assert link.is_linked and link.account == "Ana"


async def test_nor_does_one_that_takes_more_memory_than_there_is():
    from keyfob.oauth import id_token as judge

    claims = judge.claims
    for trouble in (MemoryError(), TypeError("a library of that name")):

        def fail(_, trouble=trouble):
            raise trouble

        board = Board(store=MemoryStore())
        link = await board.linked()
        board.http.answer(TOKEN, tokens(2))
        judge.claims = fail
        try:
            await link.refresh()
        finally:
            judge.claims = claims
        assert await link.token() == "at-secret-2"
        assert board.told.names == ["refreshed", "error"]


async def test_one_that_proves_nothing_at_first_is_not_kept_in_flash():
    board = Board(store=MemoryStore())
    link = await board.linked(id_token="e30.%s.c2ln" % ("A" * 9_000))
    assert link.is_linked
    assert board.store.load()["tokens"]["id_token"] is None


async def test_nor_after_a_reboot():
    store = MemoryStore()
    await Board(store=store).linked()
    board = Board(store=store)
    async with board.link as link:
        board.http.answer(TOKEN, tokens(2, id_token=id_token(sub="user-2")))
        await fails(ProviderError, link.refresh())


async def test_a_new_id_token_of_the_same_account_is_fine_whatever_the_clock_says():
    for wrong in (-30 * 86_400, 30 * 86_400):
        board = Board()
        link = await board.linked()
        board.clock.start += wrong
        board.http.answer(TOKEN, tokens(2, id_token=id_token(iat=UNIX + 3_600, exp=UNIX + 3_900)))
        await link.refresh()
        assert await link.token() == "at-secret-2"


async def test_without_an_id_token_there_is_nothing_to_compare():
    board = Board()
    board.http.answer(USERINFO, reply(200, {"sub": "user-1", "name": "Ana"}))
    link = await board.linked(id_token=None)
    board.http.answer(TOKEN, tokens(2, id_token=None), tokens(3, id_token=id_token(sub="user-2")))
    await link.refresh()
    assert await link.token() == "at-secret-2"
    await fails(ProviderError, link.refresh())  # now there is


async def test_an_id_token_that_nobody_could_read_at_first_costs_nothing_later():
    board = Board()
    link = await board.linked(id_token="five.parts.of.a.jwe")
    board.http.answer(TOKEN, tokens(2, id_token="five.more.parts.of.it"))
    await link.refresh()
    assert await link.token() == "at-secret-2"


# By itself


async def test_tokens_are_refreshed_ahead_of_expiry_one_after_the_other():
    board = Board()
    async with board.link as link:
        await board.linked()
        board.http.answer(TOKEN, *[tokens(number) for number in range(2, 7)])
        await board.clock.sleep(5 * HOUR)
        assert await link.token() == "at-secret-6"
    assert board.told.of("refreshed") == [{"rotated": True, "unsaved": None}] * 5
    gaps = [b - a for a, b in zip(board.http.sent_at, board.http.sent_at[1:])]
    assert all(3_240_000 <= gap <= 3_600_000 for gap in gaps), gaps
    assert "error" not in board.told.names


# Saved again

LIVES = ({"expires_in": 3600}, {"expires_in": None}, {"refresh_token": None}, {"expires_in": 0})


async def test_a_save_that_failed_is_tried_again_within_a_minute_until_it_works():
    for life in LIVES:  # whether a refresh is due or not
        board = Board(store=FailingStore(fails=("save",)))
        async with board.link:
            await board.linked(**life)
            await board.clock.sleep(1_800_000)
            assert board.told.events == [], "the reason has been told"
            board.store.fails = ()
            await board.clock.sleep(60_000)
            assert board.told.events == [("saved", {})]
            assert board.store.record["tokens"]["access_token"] == "at-secret-1"
            saved = board.store.record
            await board.clock.sleep(600_000)
            assert board.store.record is saved, "and once is enough"
            assert board.told.names == ["saved"]


async def test_saving_again_does_not_wait_for_the_provider():
    board = Board(store=FailingStore(fails=("save",)))
    async with board.link as link:
        await board.linked(expires_in=600)
        board.http.answer(TOKEN, lost("timeout"), ...)
        await board.clock.sleep(1_800_000)
        assert link.pause > 0, "a refresh failed"
        board.store.fails = ()
        await board.clock.sleep(60_000)
        assert board.store.record["tokens"]["refresh_token"] == "rt-secret-1"


async def test_another_reason_is_told_and_the_same_is_not():
    board = Board(store=FailingStore(fails=("save",)))
    async with board.link:
        await board.linked()
        await board.clock.sleep(300_000)
        board.store.save = raise_first(None, OSError(28), OSError(28), OSError(28))
        await board.clock.sleep(180_000)
    assert [error["kind"] for error in board.told.of("error")] == ["internal"]


async def test_what_is_not_saved_while_another_code_is_up_is_saved_with_it():
    board = Board(store=FailingStore(fails=("save",)))
    async with board.link as link:
        await board.linked(refresh_token=None, expires_in=60)
        await board.clock.sleep(120_000)
        assert not link.is_linked
        board.http.answer(DEVICE, device_code())
        board.http.answer(TOKEN, refusal("authorization_pending"), ...)
        task = asyncio.create_task(link.ensure_linked())
        await board.clock.sleep(60_000)
        board.store.fails = ()
        await board.clock.sleep(66_000)
        assert board.store.record["pending"]["device_code"] == "dc-secret"
        assert board.store.record["tokens"]["access_token"] == "at-secret-1"
        board.http.script(TOKEN, tokens(2))
        await task
        assert "pending" not in board.store.record
        assert board.store.record["tokens"]["access_token"] == "at-secret-2"


async def test_a_link_that_could_not_be_erased_is_erased_later():
    board = Board(store=FailingStore(fails=("erase",)))
    async with board.link as link:
        await board.linked(refresh_token=None)
        board.link._events.attempt(link._account.forget)
        board.link.refresher()._changed.set()
        assert board.store.record is not None
        await board.clock.sleep(300_000)
        board.store.fails = ()
        await board.clock.sleep(60_000)
        assert board.store.record is None


# Exceptions that are not ours

ANY = (ValueError, OSError, AttributeError, RuntimeError, TypeError, KeyError, MemoryError)


def raise_first(function, *errors):
    """`function`, which raises each of `errors` before it works."""
    left = list(errors)

    def raising(*arguments):
        if left:
            raise left.pop(0)
        return function(*arguments)

    return raising


async def test_no_exception_of_any_kind_ends_the_background_task():
    for kind in ANY:
        board = Board(store=MemoryStore())
        async with board.link as link:
            await board.linked()
            board.http.answer(TOKEN, *[kind("at-secret-1")] * 6 + [tokens(2), tokens(3)])
            await board.clock.sleep(4 * HOUR // 2)
            assert await link.token() == "at-secret-3", kind
        errors = board.told.of("error")
        assert errors and not any(error["fatal"] for error in errors)
        for error in errors:
            assert error["kind"] == ("memory" if kind is MemoryError else "internal")
            assert "secret" not in error["message"]
        sent = board.http.sent_at[:7]
        gaps = [later - earlier for earlier, later in zip(sent, sent[1:])]
        assert gaps == sorted(gaps) and gaps[-1] > 8 * gaps[0], gaps


async def test_nor_one_from_anything_else_that_the_task_does():
    for kind in ANY:
        for part, method in (("_clock", "ticks"), ("_account", "save"), ("_refresher", "_renew")):
            board = Board(store=FailingStore(fails=("save",)))
            async with board.link as link:
                await board.linked()
                await board.clock.sleep(1_000)
                owner = getattr(link, part)
                real = getattr(owner, method)
                setattr(owner, method, raise_first(real, kind(), kind()))
                board.store.fails = ()
                board.http.answer(TOKEN, tokens(2), tokens(3))
                await board.clock.sleep(4 * HOUR // 2)
                stored = board.store.record["tokens"]
                assert stored["refresh_token"] == "rt-secret-3", (kind, method)
                assert board.told.of("error"), (kind, method)


async def test_tokens_in_hand_are_stored_before_any_exception_is_told():
    for kind in ANY:
        board = Board(store=MemoryStore())
        async with board.link as link:
            await board.linked()
            provider = link._provider
            stored = []

            def notify(event, _, board=board, stored=stored):
                stored.append((event, board.store.load()["tokens"]["refresh_token"]))

            board.link._events._notify = notify
            provider.hang_up = raise_first(provider.hang_up, kind("at-secret-1"))
            board.http.answer(TOKEN, tokens(2))
            await board.clock.sleep(HOUR)
            assert await link.token() == "at-secret-2"
            told = [token for event, token in stored if event == "error"]
            assert told == ["rt-secret-2"]


async def test_ctrl_c_and_a_cancel_get_out_of_the_background_task():
    board = Board()
    link = await board.linked()
    for error in (KeyboardInterrupt(), asyncio.CancelledError()):
        link._account.tokens.due = raise_first(None, error)
        try:
            await link.refresher().run()
        except (KeyboardInterrupt, asyncio.CancelledError) as got:
            assert got is error
        else:
            raise AssertionError("it swallowed an interrupt")


async def test_a_new_link_wakes_the_upkeep():
    board = Board()
    async with board.link as link:
        await board.clock.sleep(HOUR)
        await board.linked(expires_in=300)
        board.http.answer(TOKEN, tokens(2))
        await board.clock.sleep(299_000)
        assert board.told.names == ["refreshed"]
        assert link.is_linked


async def test_a_link_made_while_the_upkeep_slept_is_looked_after_in_time():
    board = Board()
    async with board.link as link:
        await board.linked()
        await board.clock.sleep(10_000)
        board.http.answer(REVOKE, reply(200))
        await link.unlink()
        await board.linked(expires_in=1_200)
        board.http.answer(TOKEN, tokens(2))
        await board.clock.sleep(1_190_000)
        assert board.told.names == ["refreshed"]


async def test_no_trouble_of_the_provider_stops_the_upkeep_or_sets_off_a_storm():
    for answer in (
        lost(),
        lost("tls"),
        GATEWAY,
        reply(429),
        refusal("invalid_client", 401),
        tokens(2, id_token=id_token(sub="user-2")),
        tokens(2, token_type="mac"),
        ConfigError("https needs a CA certificate"),
        MemoryError(),
    ):
        board = Board()
        async with board.link as link:
            await board.linked()
            board.http.answer(TOKEN, answer, ...)
            await board.clock.sleep(DAY)
            tries = board.http.count(TOKEN)
            assert 10 <= tries <= 24 * 60 + 30, tries
            assert not link._task.done()
            assert board.told.of("error")
            assert not any(members["fatal"] for members in board.told.of("error"))
            board.http.script(TOKEN, tokens(3), ...)
            await board.clock.sleep(2 * HOUR)
            assert await link.token() == "at-secret-3"


async def test_a_passing_trouble_is_met_with_ever_longer_pauses():
    board = Board()
    async with board.link:
        await board.linked()
        board.http.answer(TOKEN, lost(), ...)
        await board.clock.sleep(DAY)
    gaps = [b - a for a, b in zip(board.http.sent_at, board.http.sent_at[1:])]
    assert gaps == sorted(gaps)
    assert gaps[0] <= 5_000 and gaps[-1] >= 600_000
    assert board.http.count(TOKEN) < 120


async def test_an_issuer_that_cannot_be_looked_up_sets_off_no_storm():
    known = {"issuer": ISSUER}
    bare = {
        "device_authorization_endpoint": None,
        "token_endpoint": None,
        "revocation_endpoint": None,
        "userinfo_endpoint": None,
    }
    for answer, most in (
        (lost(), 3 * 120),
        (reply(503), 6 * 120),
        (reply(404), 2 * 25),
        (reply(200, dict(known, issuer="https://other.example")), 2 * 25),
        (reply(200, known), 2 * 25),
    ):
        store = MemoryStore()
        await Board(store=store).linked()
        board = Board(store=store, clock=FakeClock(UNIX + 4_000), **bare)
        board.http.answer(DISCOVERY, answer, ...)
        board.http.answer(ISSUER + "/.well-known/oauth-authorization-server", answer, ...)
        async with board.link as link:
            await board.clock.sleep(DAY)
            assert 3 <= len(board.http.requests) <= most, len(board.http.requests)
            assert not link._task.done() and link.is_linked
        assert store.load()["tokens"]["refresh_token"] == "rt-secret-1"


async def test_an_issuer_behind_a_gateway_is_looked_up_again_soon_after_a_boot():
    bare = {"device_authorization_endpoint": None, "token_endpoint": None}
    for answer, tries in (
        (reply(200, b"<html>Please sign in to the hotel"), [0, 2_000, 6_000, 14_000]),
        (reply(302), [0, 2_000, 6_000, 14_000]),
        (reply(403, b"<html>"), [0, 2_000, 6_000, 14_000]),
        (reply(429, b"", retry_after="10"), [0, 10_000, 20_000]),
    ):
        store = MemoryStore()
        await Board(store=store).linked()
        board = Board(store=store, clock=FakeClock(UNIX + 4_000), **bare)
        board.http.answer(DISCOVERY, answer, ...)
        board.http.answer(ISSUER + "/.well-known/oauth-authorization-server", answer, ...)
        async with board.link:
            await board.clock.sleep(25_000)
            looks = zip(board.http.sent_at, board.http.requests)
            assert [at for at, request in looks if request.url == DISCOVERY] == tries, (
                answer.status
            )


async def test_each_trouble_is_told_once():
    board = Board()
    async with board.link as link:
        await board.linked()
        board.http.answer(TOKEN, refusal("invalid_client", 401), ...)
        await board.clock.sleep(3_500_000)
        assert len(board.told.of("error")) == 1
        await outcome(link.refresh())
        await outcome(link.token())
        assert len(board.told.of("error")) == 1


async def test_the_end_of_a_link_is_told_once_and_a_new_one_replaces_it():
    board = Board(store=MemoryStore())
    async with board.link as link:
        await board.linked()
        board.http.answer(TOKEN, DEAD, ...)
        await board.clock.sleep(9 * DAY)
        assert board.told.names == ["signed_out", "error"]
        assert not link._task.done()
        board.http.script(TOKEN)
        await board.linked()
        assert board.store.load()["tokens"]["signed_out"] is None
        board.http.answer(TOKEN, tokens(2))
        await board.clock.sleep(3_500_000)
        assert board.told.names == ["refreshed"]


# A link that the provider has ended


async def test_an_ended_link_is_tried_again_after_an_hour_and_a_day_and_then_weekly():
    board = Board(store=MemoryStore())
    async with board.link:
        await board.linked()
        board.http.answer(TOKEN, DEAD, ...)
        await board.clock.sleep(23 * DAY)
        sent = board.http.sent_at
        gaps = [round((later - sooner) / HOUR) for sooner, later in zip(sent, sent[1:])]
        assert gaps == [1, 24, 7 * 24, 7 * 24, 7 * 24]
        assert set(used(board)) == {"rt-secret-1"}


async def test_and_is_linked_again_where_the_provider_takes_it_back():
    board = Board(store=MemoryStore())
    async with board.link as link:
        await board.linked()
        board.http.answer(TOKEN, DEAD, DEAD, tokens(2), ...)
        await board.clock.sleep(2 * DAY)
        assert board.told.names[:3] == ["signed_out", "error", "linked"]
        assert board.told.last("linked") == {
            "scope": "openid profile",
            "account": "Ana",
            "stored": False,
            "switched": False,
            "unsaved": None,
        }
        assert link.is_linked and link.account == "Ana"
        stored = board.store.load()
        assert stored["tokens"]["signed_out"] is None
        assert stored["sub"] == "user-1"
        assert set(board.told.names[3:]) == {"refreshed"}


async def test_tokens_of_another_person_do_not_bring_it_back():
    board = Board(store=MemoryStore())
    async with board.link as link:
        await board.linked()
        board.http.answer(TOKEN, DEAD, tokens(2, id_token=id_token(sub="user-2")), ...)
        await board.clock.sleep(2 * DAY)
        assert not link.is_linked and "linked" not in board.told.names
        assert board.http.count(TOKEN) == 3


async def test_a_restart_knows_and_does_not_bring_the_next_try_forward():
    store = MemoryStore()
    board = Board(store=store)
    async with board.link:
        await board.linked()
        board.http.answer(TOKEN, DEAD, ...)
        await board.clock.sleep(2 * HOUR + 600_000)
        assert board.http.count(TOKEN) == 2
    unix = board.clock.unix()
    for number in range(1, 23):  # a restart an hour
        board = Board(store=store, clock=FakeClock(unix + number * 3_600))
        async with board.link as link:
            await board.clock.sleep(60_000)
            assert not link.is_linked and link.account is None
            assert board.told.names == ["clock", "signed_out"]
            assert board.http.requests == []
    board = Board(store=store, clock=FakeClock(unix + DAY // 1000))
    board.http.answer(TOKEN, tokens(2))
    async with board.link as link:
        await board.clock.sleep(60_000)
        assert link.is_linked and board.told.names[1:] == ["signed_out", "linked"]


async def test_boots_without_the_time_do_not_ask_at_each():
    store = MemoryStore()
    board = Board(store=store)
    async with board.link:
        await board.linked()
        board.http.answer(TOKEN, DEAD)
        await board.clock.sleep(HOUR)
    tries = 0
    for unix in (None, UNIX - 90 * 86_400, UNIX + 90 * 86_400, None, UNIX + 90 * 86_400) * 10:
        board = Board(store=store, clock=FakeClock(unix))
        board.http.answer(TOKEN, DEAD, ...)
        async with board.link:
            await board.clock.sleep(600_000)
        tries += board.http.count(TOKEN)
    assert tries <= 2


async def test_where_its_end_came_without_the_time_boots_that_are_short_add_up():
    store = MemoryStore()
    board = Board(store=store, clock=FakeClock(None))
    async with board.link as link:
        await board.linked()
        board.http.answer(TOKEN, DEAD)
        await fails(NotLinked, link.refresh())
    count = 0
    for number in range(4):  # of 20 minutes each
        board = Board(store=store, clock=FakeClock(UNIX + number * 1_200))
        board.http.answer(TOKEN, DEAD, ...)
        async with board.link:
            await board.clock.sleep(1_190_000)
        count += board.http.count(TOKEN)
    assert count == 1


async def test_power_that_goes_while_it_is_tried_brings_the_next_try_forward_once():
    store = MemoryStore()
    board = Board(store=store)
    async with board.link:
        await board.linked()
        board.http.answer(TOKEN, DEAD)
        await board.clock.sleep(HOUR)
        assert board.http.count(TOKEN) == 1
    unix = board.clock.unix() + 3_600
    for number in range(5):
        board = Board(store=store, clock=FakeClock(unix + number * 60))
        board.http.gate = asyncio.Event()  # no answer before the power goes
        async with board.link:
            await board.clock.sleep(30_000)
        # The lost answer may have had tokens. A board that each try resets goes on slowly.
        assert board.http.count(TOKEN) == (1 if number < 2 else 0)
    assert store.load()["tokens"]["signed_out"] == 2


async def test_a_try_without_an_answer_goes_on_until_there_is_one():
    class Counting(MemoryStore):
        saves = 0

        def save(self, record):
            self.saves += 1
            super().save(record)

    board = Board(store=Counting())
    async with board.link as link:
        await board.linked()
        board.http.answer(TOKEN, DEAD, lost(), ...)
        await board.clock.sleep(6 * HOUR)
        assert 10 < board.http.count(TOKEN) < 40
        assert board.store.saves < 10
        board.http.script(TOKEN, tokens(2))
        await board.clock.sleep(HOUR // 2)
        assert link.is_linked


async def test_a_code_is_offered_meanwhile_and_goes_where_the_link_comes_back():
    board = Board(store=MemoryStore())
    async with board.link as link:
        await board.linked()
        board.http.answer(TOKEN, DEAD)
        await fails(NotLinked, link.refresh())
        del board.told.events[:]
        board.http.answer(DEVICE, device_code(expires_in=7_200, interval=60))
        polls = []

        def answer(request):
            if fields_of(request)["grant_type"] == "refresh_token":
                return tokens(2)
            polls.append(board.clock.now)
            return refusal("authorization_pending")

        board.http.script(TOKEN, answer, ...)
        assert await link.ensure_linked() == "Ana"
        assert board.told.names.count("linked") == 1
        assert 50 < len(polls) <= 62
        assert board.store.load().get("pending") is None
        assert await link.token() == "at-secret-2"
        count = len(polls)
        await board.clock.sleep(60_000)
        assert len(polls) == count


async def test_a_person_who_links_while_it_is_tried_has_the_last_word():
    for late in (tokens(2), DEAD, lost()):
        await linked_meanwhile(late, {"sub": "user-9", "name": "Bo"}, "Bo", Board())
    late = tokens(2, id_token=None)  # nobody knows whose they are
    await linked_meanwhile(late, None, None, Board(issuer=None, userinfo_endpoint=None))


async def linked_meanwhile(late, claims, name, board):
    """Make a new link while an ended one is tried, whose answer is `late`."""
    board.link._account._store = store = MemoryStore()
    async with board.link as link:
        await board.linked()
        board.http.answer(TOKEN, DEAD)
        await fails(NotLinked, link.refresh())
        gate = asyncio.Event()
        send = board.http.send

        async def slow(request, *limits):
            if fields_of(request).get("grant_type") == "refresh_token":
                await gate.wait()
            return await send(request, *limits)

        board.http.send = slow
        link.refresher().erase_ended = True  # since then
        task = asyncio.create_task(link.refresher()._renew(link._account.tokens))
        board.http.answer(DEVICE, device_code())
        board.http.answer(TOKEN, tokens(5, id_token=claims and id_token(**claims)))
        assert await link.ensure_linked() == name
        board.http.script(TOKEN, late, ...)
        gate.set()
        await outcome(task)
        assert link.account == name
        assert await link.token() == "at-secret-5"
        assert store.load()["tokens"]["refresh_token"] == "rt-secret-5"
        assert board.told.last("linked")["account"] == name


async def test_an_ended_link_can_be_given_back():
    board = Board(store=MemoryStore())
    link = await board.linked()
    board.http.answer(TOKEN, DEAD)
    await fails(NotLinked, link.refresh())
    board.http.answer(REVOKE, reply(200))
    assert await link.unlink() is True
    assert board.store.load() is None
    board.http.answer(TOKEN, tokens(2))
    async with link:
        await board.clock.sleep(2 * DAY)
    assert board.http.count(TOKEN) == 1


async def test_the_owner_may_want_it_erased():
    board = Board(store=MemoryStore())
    board.link.erase_ended = True
    async with board.link as link:
        await board.linked()
        board.http.answer(TOKEN, DEAD)
        await board.clock.sleep(30 * DAY)
        assert board.http.count(TOKEN) == 1
        assert board.told.names == ["signed_out", "error"]
        assert board.store.load() is None
        assert not link.is_linked


async def test_a_refresh_token_that_lives_for_seconds_is_used_before_it_ends():
    for life in (8, 20, 35):
        board = Board(store=MemoryStore())
        issued = []

        def answer(request, board=board, issued=issued, life=life):
            if issued and board.clock.now - issued[-1] >= life * 1000:
                return refusal("invalid_grant")
            issued.append(board.clock.now)
            return tokens(len(issued), refresh_expires_in=life)

        board.http.answer(DEVICE, device_code())
        board.http.answer(TOKEN, answer, ...)
        async with board.link as link:
            await link.ensure_linked()
            await board.clock.sleep(HOUR)
            assert "signed_out" not in board.told.names
            assert HOUR // 1000 // life <= len(issued) <= 2 * HOUR // 1000 // life


# A gateway in front of the provider


async def test_bare_400s_end_nothing_and_after_a_few_the_person_is_told():
    for body in (
        b"",
        b"<html><h1>400 Bad Request</h1></html>",
        {"error": {"code": 400}},
        {"error": "Bad Request", "status": 400},
    ):
        page = reply(400, body)
        board = Board(store=MemoryStore())
        async with board.link as link:
            await board.linked()
            board.http.answer(TOKEN, page, ...)
            await board.clock.sleep(3_300_000 + 170_000)
            assert not any(members["fatal"] for members in board.told.of("error"))
            await board.clock.sleep(60_000)
            assert board.told.last("error")["fatal"] is True
            message = board.told.last("error")["message"]
            assert "HTTP 400" in message or "Bad Request" in message
            assert link.is_linked and link.account == "Ana"
            await board.clock.sleep(10 * DAY)
            assert 7 + 9 <= board.http.count(TOKEN) <= 7 + 10
            assert "signed_out" not in board.told.names
            board.http.script(TOKEN, tokens(2), ...)
            await board.clock.sleep(DAY + HOUR)
            assert link.is_linked and "refreshed" in board.told.names


async def test_an_hour_of_them_costs_an_hour():
    board = Board(store=MemoryStore())
    async with board.link as link:
        await board.linked()
        board.http.answer(TOKEN, reply(400, b""), ...)
        await board.clock.sleep(3_300_000 + HOUR)
        board.http.script(TOKEN, tokens(2))
        await board.clock.sleep(20 * 60_000)
        assert await link.token() == "at-secret-2"


async def test_a_program_without_a_token_need_not_wait_a_day_for_a_retry_after():
    board = Board(store=MemoryStore())
    async with board.link as link:
        await board.linked()
        board.http.answer(TOKEN, reply(503, retry_after="86400"), ...)
        await board.clock.sleep(3_400_000)  # refused at 3300 s; the token is good until 3600 s
        await fails(TransportError, link.refresh())
        assert board.http.count(TOKEN) == 1
        await board.clock.sleep(2_000_000)
        await fails(TransportError, link.token())
        assert board.http.count(TOKEN) == 1
        board.http.script(TOKEN, tokens(2))
        await board.clock.sleep(1_600_000)
        assert board.http.count(TOKEN) == 1  # nobody has asked
        assert await link.token() == "at-secret-2"


async def test_a_refresh_token_that_runs_out_is_used_before_that():
    board = Board(store=MemoryStore())
    board.clock.luck = 0.999
    async with board.link:
        await board.linked(expires_in=7_200, refresh_expires_in=1_800)
        board.http.answer(TOKEN, tokens(2, expires_in=7_200, refresh_expires_in=1_800), ...)
        await board.clock.sleep(10 * HOUR)
        gaps = [b - a for a, b in zip(board.http.sent_at, board.http.sent_at[1:])]
        assert gaps and min(gaps) >= 1_100_000 and max(gaps) <= 1_400_000, gaps


async def test_tokens_without_a_stated_life_are_left_alone():
    board = Board()
    async with board.link as link:
        await board.linked(expires_in=None)
        await board.clock.sleep(10 * DAY)
        assert await link.token() == "at-secret-1"
    assert board.http.requests == []


async def test_after_a_reboot_without_a_clock_the_first_thing_is_a_refresh():
    store = MemoryStore()
    await Board(store=store).linked()
    board = Board(store=store, clock=FakeClock(None))
    board.http.answer(TOKEN, tokens(2))
    async with board.link as link:
        assert await link.token() == "at-secret-2"
    assert board.http.count(TOKEN) == 1
    assert store.load()["tokens"]["expires_at"] is None


async def test_after_a_reboot_with_a_clock_a_fresh_token_is_used_as_it_is():
    store = MemoryStore()
    await Board(store=store).linked()
    board = Board(store=store, clock=FakeClock(UNIX + 1_000))
    board.http.answer(TOKEN, tokens(2))
    async with board.link as link:
        assert await link.token() == "at-secret-1"
        assert board.http.requests == []
        await board.clock.sleep(2_600_000 - 200_000)
        assert await link.token() == "at-secret-2"


async def test_after_a_reboot_with_a_clock_that_runs_behind_a_token_still_grows_old():
    store = MemoryStore()
    await Board(store=store).linked()
    board = Board(store=store, clock=FakeClock(UNIX - 90 * 86_400))
    board.http.answer(TOKEN, tokens(2))
    async with board.link:
        await board.clock.sleep(3_500_000)
        assert board.http.count(TOKEN) == 1


async def test_a_boot_that_may_have_cut_a_refresh_short_makes_it_at_once():
    store = MemoryStore()
    await Board(store=store).linked()
    expires_at = store.load()["tokens"]["expires_at"]
    for left, soon in ((470, 0), (440, 1)):  # s; a refresh may be made from 450 on
        board = Board(store=store, clock=FakeClock(expires_at - left))
        board.clock.luck = 0
        board.http.answer(TOKEN, tokens(1))
        async with board.link:
            await board.clock.sleep(5_000)
            assert board.http.count(TOKEN) == soon, left


async def test_nor_does_it_wait_where_a_refresh_was_cut_short_that_came_before_its_time():
    for life in (3_600, None):
        store = MemoryStore()
        board = Board(store=store)
        link = await board.linked(expires_in=life)
        board.http.answer(TOKEN, GATEWAY, GATEWAY)
        assert link.reject("at-secret-1")
        await fails(TransportError, link.refresh())
        again = Board(store=store, clock=FakeClock(board.clock.unix()))
        again.http.answer(TOKEN, tokens(2))
        async with again.link:
            await again.clock.sleep(5_000)
            assert used(again) == ["rt-secret-1"], life


async def test_nor_where_the_clock_was_wrong_when_the_tokens_were_stored():
    store = MemoryStore()
    board = Board(store=store, clock=FakeClock(UNIX + 6 * 3_600))
    async with board.link:
        await board.linked()
        board.clock.start = UNIX
        board.http.answer(TOKEN, *[GATEWAY] * 9)
        await board.clock.sleep(3_310_000)
        assert board.http.count(TOKEN)
    again = Board(store=store, clock=FakeClock(UNIX + 3_310))
    again.http.answer(TOKEN, tokens(2))
    async with again.link:
        await again.clock.sleep(5_000)
        assert used(again) == ["rt-secret-1"]


async def test_nor_where_the_time_was_unknown_when_the_refresh_was_made():
    store = MemoryStore()
    await Board(store=store).linked()
    board = Board(store=store, clock=FakeClock(None))
    board.http.answer(TOKEN, GATEWAY, ...)
    async with board.link:
        await board.clock.sleep(5_000)
    again = Board(store=store, clock=FakeClock(UNIX + 60))
    again.http.answer(TOKEN, tokens(2))
    async with again.link:
        await again.clock.sleep(5_000)
        assert used(again) == ["rt-secret-1"]


async def test_a_provider_that_is_slow_is_waited_for_the_second_time():
    board = Board()
    link = await board.linked()
    board.http.answer(TOKEN, lost("timeout"), tokens(2), tokens(3))
    await link.refresh()
    assert await link.token() == "at-secret-2"
    assert board.http.limits[0] == 30_000
    await link.refresh()
    assert board.http.limits[0] is None


async def test_nor_after_a_program_asked_early():
    for answer, asked in ((GATEWAY, 2), (lost(), 2), (refusal("invalid_client", 401), 0)):
        store = MemoryStore()
        board = Board(store=store)
        link = await board.linked()
        board.http.answer(TOKEN, answer, ...)
        await fails(KeyfobError, link.refresh())
        assert await link.token() == "at-secret-1"  # which lives on in this boot
        again = Board(store=store, clock=FakeClock(board.clock.unix()))
        again.http.answer(TOKEN, lost(), tokens(2))
        async with again.link as link:
            assert await link.token() == "at-secret-1"
            await again.clock.sleep(5_000)
            assert again.http.count(TOKEN) == asked


async def test_power_that_goes_while_a_program_refreshes_costs_no_tokens():
    board = Board(store=MemoryStore())
    link = await board.linked()
    board.http.answer(TOKEN, tokens(2))
    board.http.gate = asyncio.Event()  # no answer is read
    task = asyncio.create_task(link.refresh())
    while not board.http.requests:
        await asyncio.sleep(0)
    store = MemoryStore(board.store.load())
    again = Board(store=store, clock=FakeClock(board.clock.unix()))
    again.http.answer(TOKEN, tokens(2))
    async with again.link:
        await again.clock.sleep(5_000)
        assert used(again) == ["rt-secret-1"]
    assert store.load()["tokens"]["lost"] is None
    board.http.gate.set()
    await task


async def test_an_early_refresh_without_an_answer_is_made_again_soon():
    for life in (3_600, None):
        board = Board(store=MemoryStore())
        async with board.link as link:
            await board.linked(expires_in=life)
            await board.clock.sleep(40_000)
            board.http.answer(TOKEN, lost(), lost(), GATEWAY, reply(404, b""), tokens(2))
            await fails(TransportError, link.refresh())
            assert await link.token() == "at-secret-1"
            await board.clock.sleep(180_000)
            assert await link.token() == "at-secret-2"
            assert board.store.load()["tokens"]["lost"] is None
            await board.clock.sleep(HOUR // 2)
            assert board.http.count(TOKEN) == 5


async def test_power_that_goes_over_the_try_of_an_ended_link_costs_no_wait_once():
    store = MemoryStore()
    board = Board(store=store)
    async with board.link:
        await board.linked()
        board.http.answer(TOKEN, DEAD, lost(), ...)
        await board.clock.sleep(2 * HOUR + HOUR // 6)
    unix = board.clock.unix()
    for number, asked in (
        (1, 1),
        (2, 0),
        (3, 0),
    ):  # power goes each time before there is an answer
        again = Board(store=store, clock=FakeClock(unix + number * 60))
        again.http.gate = asyncio.Event()
        async with again.link:
            await again.clock.sleep(20_000)
            assert again.http.count(TOKEN) == asked, number


async def test_a_reply_that_is_lost_after_an_outage_is_asked_for_again_soon():
    board = Board(store=MemoryStore())
    async with board.link as link:
        await board.linked()
        board.http.answer(TOKEN, *[lost()] * 9, tokens(2))
        await board.clock.sleep(3_450_000)
        count = board.http.count(TOKEN)
        assert count > 4
        link._account.tokens.resume()
        board.http.sent_at.clear()
        await board.clock.sleep(70_000)
        at = board.http.sent_at
        assert len(at) >= 2 and at[1] - at[0] < 5_000, at


# Unlinking meanwhile


async def test_a_refresh_under_way_does_not_bring_an_unlinked_account_back():
    board = Board(store=MemoryStore())
    link = await board.linked()
    board.http.gate = asyncio.Event()
    board.http.answer(TOKEN, tokens(2))
    board.http.answer(REVOKE, reply(200))
    tasks = asyncio.gather(link.refresh(), link.unlink())
    await board.clock.sleep(1)
    board.http.gate.set()
    await tasks
    assert not link.is_linked and board.store.load() is None
    assert fields_of(board.http.requests[-1])["token"] == "rt-secret-2"


async def test_a_refresh_that_waited_for_an_unlink_finds_no_link():
    board = Board(store=MemoryStore())
    link = await board.linked()
    board.http.answer(REVOKE, reply(200))
    revoked, error = await asyncio.gather(link.unlink(), outcome(link.refresh()))
    assert revoked is True and isinstance(error, NotLinked)
    assert board.http.count(TOKEN) == 0


# Many boards, and long troubles


async def test_boards_that_began_together_do_not_refresh_together():
    due = []
    for luck in (0, 0.25, 0.5, 0.75, 0.999):
        board = Board()
        board.clock.luck = luck
        async with board.link as link:
            await board.linked()
            board.http.answer(TOKEN, tokens(2), tokens(3))
            begun = board.clock.now
            await board.clock.sleep(7_000_000)
            assert board.http.count(TOKEN) == 2
            due += [board.http.sent_at[0] - begun]
            gap = board.http.sent_at[1] - board.http.sent_at[0]
            assert 3_150_000 <= gap <= 3_300_000  # drawn anew, and never late
            assert link.is_linked
    assert due == sorted(due)[::-1]
    assert all(early - later > 30_000 for early, later in zip(due, due[1:])), due


async def test_however_short_a_life_is_no_draw_makes_a_storm():
    for life in (1, 10, 29, 31, 40, 60, 100):
        for luck in (0, 0.999):
            board = Board()
            board.clock.luck = luck
            async with board.link:
                await board.linked(expires_in=life)
                board.http.answer(TOKEN, tokens(2, expires_in=life), ...)
                await board.clock.sleep(600_000)
            gaps = [b - a for a, b in zip(board.http.sent_at, board.http.sent_at[1:])]
            assert gaps and min(gaps) >= 30_000, (life, luck, gaps)
            assert max(gaps) <= max(30_000, life * 1_000), (life, luck, gaps)


async def test_after_a_failure_boards_do_not_come_back_together():
    gaps = []
    for luck in (0, 0.999):
        board = Board()
        board.clock.luck = luck
        async with board.link:
            await board.linked()
            board.http.answer(TOKEN, GATEWAY, ...)
            await board.clock.sleep(DAY)
            gaps.append(board.http.sent_at[-1] - board.http.sent_at[-2])
    assert gaps[0] == 900_000
    assert 950_000 <= gaps[1] <= 960_000


async def test_a_provider_that_is_down_for_a_week_is_survived_and_left_in_peace():
    for trouble in (lambda: reply(503), lost):
        for known in (True, False):
            await down_for_a_week(trouble, known)


async def down_for_a_week(trouble, is_known):
    """It is down from the boot on; `is_known` tells whether its endpoints are configured.

    `trouble` makes each answer: an exception that is raised again grows by where it was raised.
    """
    store = MemoryStore()
    await Board(store=store).linked()
    fields = {} if is_known else {"token_endpoint": None}
    board = Board(store=store, clock=FakeClock(UNIX + 4_000), **fields)
    board.link._account.load()
    tries = []  # when each began: two requests for the issuer's documents are one

    def answer(request):
        del board.http.requests[:], board.http.sent_at[:], board.told.events[:]
        if not tries or board.clock.now - tries[-1] > 100:
            tries.append(board.clock.now)
        return trouble()

    for url in (TOKEN, DISCOVERY, ISSUER + "/.well-known/oauth-authorization-server"):
        board.http.answer(url, answer, ...)
    task = asyncio.create_task(board.link.refresher().run())
    await board.clock.sleep(7 * DAY)
    late = [after - before for before, after in zip(tries, tries[1:])][12:]
    assert min(late) >= 900_000
    assert 600 < len(tries) < 7 * 24 * 4 + 12
    assert store.load()["tokens"]["refresh_token"] == "rt-secret-1"
    assert "signed_out" not in board.told.names
    document = {
        "issuer": ISSUER,
        "device_authorization_endpoint": DEVICE,
        "token_endpoint": TOKEN,
    }
    board.http.script(DISCOVERY, reply(200, document))
    board.http.script(TOKEN, tokens(2))
    await board.clock.sleep(1_000_000)
    assert await board.link.token() == "at-secret-2"
    task.cancel()


async def test_a_day_of_retry_after_is_a_day_of_peace():
    board = Board()
    async with board.link as link:
        await board.linked()
        board.http.answer(TOKEN, reply(503, retry_after="86400"), tokens(2))
        await board.clock.sleep(HOUR)
        assert board.http.count(TOKEN) == 1
        await board.clock.sleep(DAY - HOUR)
        assert board.http.count(TOKEN) == 1
        await board.clock.sleep(HOUR + 120_000)
        assert await link.token() == "at-secret-2"


# Clocks that jump


async def test_a_clock_that_jumps_between_all_requests_sets_off_no_storm():
    store = MemoryStore()
    await Board(store=store).linked()
    board = Board(store=store)
    times = []

    def refresh(request):
        times.append(board.clock.now)
        return tokens(1 + len(times), id_token=None)

    board.http.answer(TOKEN, refresh, ...)
    board.http.answer(API, reply(200, {}), ...)
    async with board.link as link:
        for index in range(10 * 60):
            board.clock.start += (90 if index % 2 else -90) * 86_400
            await link.get(API)
            await board.clock.sleep(60_000)
            del board.http.requests[:], board.http.sent_at[:]
        assert link.is_linked
    assert min(after - before for before, after in zip(times, times[1:])) >= 3_000_000
    assert len(times) <= 10 * 3_600 // 3_300 + 2  # one too many at the start, and no more
    assert "signed_out" not in board.told.names


async def test_boots_with_a_wrong_clock_cost_a_refresh_each_and_never_the_link():
    store = MemoryStore()
    await Board(store=store).linked()
    for number, wrong in enumerate((90, -90, None, 0, -90, 90), 2):
        unix = None if wrong is None else UNIX + number * 60 + wrong * 86_400
        board = Board(store=store, clock=FakeClock(unix))
        board.http.answer(TOKEN, tokens(number, id_token=None), ...)
        board.http.answer(API, reply(200, {}), ...)
        async with board.link as link:
            for _ in range(50):
                await link.get(API)
                await board.clock.sleep(1_000)
            assert link.is_linked
        assert board.http.count(TOKEN) <= 1


# Replies that were lost after the provider had rotated


class Rotating:
    """A token endpoint that rotates; a used token answers for `grace` ms, then is dead.

    `loses` replies, after it has done what was asked.
    """

    def __init__(self, clock, grace, loses=1):
        self.clock = clock
        self.grace = grace
        self.loses = loses
        self.count = 1
        self.used = {}  # refresh token: when it was first used

    def __call__(self, request):
        token = fields_of(request)["refresh_token"]
        first = self.used.setdefault(token, self.clock.now)
        if self.clock.now - first > self.grace or (first != self.clock.now and not self.grace):
            return DEAD
        self.count += 1
        if self.loses:
            self.loses -= 1
            return lost()
        return tokens(self.count)


async def test_where_used_tokens_have_grace_a_lost_reply_costs_nothing():
    for loses in (1, 2, 3):  # 2 s, 4 s, 8 s after each other
        board = Board(store=MemoryStore())
        async with board.link as link:
            await board.linked()
            server = Rotating(board.clock, 60_000, loses)
            board.http.answer(TOKEN, server, ...)
            await board.clock.sleep(HOUR)
            assert link.is_linked and "signed_out" not in board.told.names
            assert used(board)[: loses + 1] == ["rt-secret-1"] * (loses + 1)
            assert await link.token() == "at-secret-%d" % server.count
            stored = board.store.load()["tokens"]["refresh_token"]
            assert stored == "rt-secret-%d" % server.count
            await board.clock.sleep(10 * HOUR)
            assert len(board.told.of("refreshed")) == 11


async def test_where_they_have_none_it_ends_the_link_at_once():
    board = Board(store=MemoryStore())
    async with board.link as link:
        await board.linked()
        board.http.answer(TOKEN, Rotating(board.clock, 0), ...)
        await board.clock.sleep(HOUR)
        assert not link.is_linked
        assert board.told.names == ["signed_out", "error"]
        assert board.http.count(TOKEN) == 2
