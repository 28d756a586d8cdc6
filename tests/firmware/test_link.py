"""AccountLink from the outside: linking, calling, unlinking."""

import asyncio

import support
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
    Folder,
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
    LinkDenied,
    LinkExpired,
    NotLinked,
    ProviderError,
    StorageError,
    TransportError,
)
from keyfob.link import establish as establishing
from keyfob.link import identity
from keyfob.oauth import device_grant
from keyfob.oauth.device_grant import DeviceGrant
from keyfob.oauth.messages import Reply, Request
from keyfob.storage.memory import MemoryStore
from keyfob.storage.open_store import open_store
from keyfob.storage.seal import Seal

PENDING = refusal("authorization_pending")
DAY = 86_400  # s

PUBLIC_NAMES = (
    "AccountLink",
    "ConfigError",
    "DeviceGrant",
    "KeyfobError",
    "LinkDenied",
    "LinkExpired",
    "NotLinked",
    "ProviderError",
    "RequestsAdapter",
    "StorageError",
    "TokenSet",
    "TransportError",
    "UsageError",
)


async def cancelled(task):
    """Cancel the task and wait for its end; it must end by that."""
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return
    raise AssertionError("it swallowed the cancel")


def bearer_of(request):
    return request.headers["Authorization"]


# The public names


def test_the_names_of_the_public_api_can_be_imported():
    import keyfob
    from keyfob import AccountLink, LinkDenied, LinkExpired, NotLinked, TransportError

    assert AccountLink is keyfob.AccountLink
    for name in ("from_config", "ensure_linked", "get", "token", "unlink"):
        assert hasattr(AccountLink, name)
    for error in (LinkDenied, LinkExpired, NotLinked, TransportError):
        assert issubclass(error, keyfob.KeyfobError)
    for name in PUBLIC_NAMES:
        assert getattr(keyfob, name).__name__ == name
    assert not hasattr(keyfob, "AccountLnik")


def test_a_module_of_the_package_can_be_imported_by_name():
    from keyfob import config

    assert config.Config


# Linking


async def test_a_code_is_shown_and_polled_for_until_the_person_approves():
    board = Board(store=MemoryStore())
    board.http.answer(DEVICE, device_code())
    board.http.answer(TOKEN, PENDING, PENDING, tokens())
    assert await board.link.ensure_linked() == "Ana"
    assert board.link.is_linked and board.link.account == "Ana"
    assert board.link.scope == "openid profile"
    assert board.told.names == ["user_code", "poll", "poll", "poll", "linked"]
    code = board.told.last("user_code")
    assert code == {
        "user_code": "fH7k-Qp0O",
        "verification_uri": "https://as.example/device",
        "verification_uri_complete": "https://as.example/device?user_code=fH7k-Qp0O",
        "expires_in": 1800,
        "interval": 5,
        "resumed": False,
    }
    first, _, last = board.told.of("poll")
    assert (first["result"], first["error"]) == ("pending", "authorization_pending")
    assert 5 < first["interval"] < 6.5 and first["took"] == 0 and first["trouble"] is None
    assert (last["result"], last["error"], last["interval"]) == ("approved", None, None)
    assert board.told.last("linked") == {
        "scope": "openid profile",
        "account": "Ana",
        "stored": False,
        "switched": False,
        "unsaved": None,
    }
    assert fields_of(board.http.requests[0]) == {"scope": "openid profile", "client_id": "board"}
    assert fields_of(board.http.requests[1])["device_code"] == "dc-secret"
    assert board.http.closed  # its memory is free again


async def test_a_listener_that_breaks_does_not_cost_the_refreshes():
    board = Board()
    board.http.answer(DEVICE, device_code())
    board.http.answer(TOKEN, tokens(), tokens(2), ...)

    def broken(event, _):
        if event == "linked":
            raise OSError("the panel came loose")

    board.link._events._notify = broken
    async with board.link:
        await board.link.ensure_linked()
        await board.clock.sleep(2 * 3600 * 1000)
    assert board.http.count(TOKEN) >= 2


async def test_a_listener_that_raises_at_every_event_costs_nothing():
    for kind in (ValueError, OSError, AttributeError, RuntimeError, MemoryError):
        board = Board(store=MemoryStore())
        heard = []

        def broken(event, _, heard=heard, kind=kind):
            heard.append(event)
            raise kind("the panel came loose")

        board.link._events._notify = broken
        board.http.answer(DEVICE, device_code())
        board.http.answer(TOKEN, refusal("authorization_pending"), tokens(), tokens(2))
        board.http.answer(REVOKE, reply(200))
        async with board.link as link:
            assert await link.ensure_linked() == "Ana"
            await link.refresh()
            assert board.store.load()["tokens"]["refresh_token"] == "rt-secret-2"
            await link.unlink()
        assert heard == ["clock", "user_code", "poll", "poll", "linked", "refreshed", "unlinked"]


async def test_a_listener_may_be_interrupted():
    board = Board()
    board.link._events._notify = raise_interrupt
    board.http.answer(DEVICE, device_code())
    try:
        await board.link.ensure_linked()
    except KeyboardInterrupt:
        pass
    else:
        raise AssertionError("it swallowed Ctrl-C")


def raise_interrupt(*_):
    raise KeyboardInterrupt


async def test_tokens_are_stored_whatever_reading_whose_they_are_raises():
    for kind in (ValueError, OSError, AttributeError, RuntimeError, TypeError, MemoryError):
        board = Board(store=MemoryStore())
        real, identity.claims = identity.claims, raise_once(None, kind("at-secret-1"))
        try:
            await board.linked_aloud()
        finally:
            identity.claims = real
        assert board.store.load()["tokens"]["refresh_token"] == "rt-secret-1"
        assert board.told.names[-2:] == ["error", "linked"]
        error = board.told.last("error")
        assert error["kind"] == ("memory" if kind is MemoryError else "internal")
        assert error["fatal"] is False and "secret" not in error["message"]


async def test_a_name_that_cannot_be_asked_for_costs_nothing():
    for kind in (ValueError, OSError, AttributeError, MemoryError):
        board = Board(store=MemoryStore())
        real, identity.ask = identity.ask, raise_once(None, kind())
        try:
            await board.linked_aloud()
        finally:
            identity.ask = real
        assert board.told.last("linked")["unsaved"] is None
        assert board.store.load()["tokens"]["refresh_token"] == "rt-secret-1"


async def test_tokens_that_there_is_no_room_to_use_are_there_at_the_next_boot():
    board = Board(store=MemoryStore())
    board.http.answer(DEVICE, device_code())
    board.http.answer(TOKEN, tokens())
    real, establishing.establish = establishing.establish, raise_once(None)
    try:
        error = await fails(TransportError, board.link.ensure_linked())
    finally:
        establishing.establish = real
    assert error.kind == "memory"
    again = Board(store=board.store)
    async with again.link as link:
        assert link.is_linked and await link.token() == "at-secret-1"


async def test_a_new_link_is_copied_to_both_slots_and_a_refresh_is_not():
    class Store(MemoryStore):
        def __init__(self):
            super().__init__()
            self.calls = []

        def save(self, record):
            self.calls.append("save")
            super().save(record)

        def copy(self, record):
            self.calls.append("copy")
            super().save(record)

    board = Board(store=Store())
    link = await board.linked()
    assert board.store.calls == ["save", "copy"], "the code and the link"
    board.http.answer(TOKEN, tokens(2))
    await link.refresh()
    assert board.store.calls == ["save", "copy", "save", "save"], "it is under way, and new"


async def test_a_wait_is_told_in_seconds_and_a_reply_in_milliseconds():
    board = Board()

    def slow(request):
        board.clock.now += 1_234
        return PENDING

    board.http.answer(DEVICE, device_code(interval=7))
    board.http.answer(TOKEN, slow, tokens())
    await board.link.ensure_linked()
    assert board.told.of("poll")[0]["took"] == 1_234
    assert 7 < board.told.of("poll")[0]["interval"] < 9
    gaps = [after - before for before, after in zip(board.http.sent_at, board.http.sent_at[1:])]
    assert gaps[0] > 7_000 and gaps[1] > 8_234  # from the end of the reply


async def test_passing_trouble_is_a_poll_and_never_an_error():
    board = Board()
    board.http.answer(DEVICE, lost(), device_code())
    board.http.answer(TOKEN, lost(), reply(502, b"<html>"), PENDING, tokens())
    await board.link.ensure_linked()
    assert [members["result"] for members in board.told.of("poll")] == [
        "retry",
        "retry",
        "pending",
        "approved",
    ]
    assert board.told.of("poll")[0]["trouble"] == "no connection to as.example"
    assert "502" in board.told.of("poll")[1]["trouble"]
    assert "error" not in board.told.names


class Heavy(dict):
    """Headers for whose Retry-After memory does not suffice."""

    def get(self, name, default=None):
        if name == "retry-after":
            raise MemoryError
        return dict(self).get(name, default)


async def test_an_answer_that_memory_does_not_suffice_for_is_passing_trouble():
    board = Board()
    heavy = Reply(400, Heavy(), b"{}")
    board.http.answer(DEVICE, heavy, device_code())
    board.http.answer(TOKEN, heavy, tokens())
    await board.link.ensure_linked()
    assert board.told.of("poll")[0]["trouble"].startswith("not enough memory")
    assert "error" not in board.told.names


async def test_tokens_that_memory_does_not_suffice_for_are_passing_trouble():
    board = Board()
    board.http.answer(DEVICE, device_code(), ...)
    board.http.answer(TOKEN, tokens(), tokens(2))
    real = DeviceGrant._take
    failing = [raise_once(real), raise_once(real)]  # for the code, and for the tokens

    def take(grant, *arguments):
        failing[grant.state == device_grant.PENDING](grant, *arguments)

    DeviceGrant._take = take
    try:
        await board.link.ensure_linked()
    finally:
        DeviceGrant._take = real
    assert board.http.count(DEVICE) == 2
    assert [members["result"] for members in board.told.of("poll")] == ["retry", "approved"]


async def test_an_end_that_memory_does_not_suffice_to_tell_is_passing_trouble():
    board = Board()
    board.http.answer(DEVICE, device_code())
    board.http.answer(TOKEN, refusal("access_denied"), ...)
    real, device_grant._reason = device_grant._reason, raise_once(device_grant._reason)
    try:
        await fails(LinkDenied, board.link.ensure_linked())
    finally:
        device_grant._reason = real
    assert [members["result"] for members in board.told.of("poll")] == ["retry", "denied"]


async def test_tokens_that_were_lost_for_lack_of_memory_are_the_reason_for_the_end():
    board = Board()
    used = refusal("invalid_grant")
    board.http.answer(DEVICE, device_code(), ...)
    board.http.answer(TOKEN, lost("memory"), used, lost("memory"), PENDING, used)
    assert (await fails(TransportError, board.link.ensure_linked())).kind == "memory"
    await fails(ProviderError, board.link.ensure_linked())  # it was not in that answer


async def test_no_linking_ends_without_an_error_of_ours():
    board = Board()
    board.link._establish = raise_once(None)
    error = await fails(TransportError, board.link.ensure_linked())
    assert error.kind == "memory"
    assert [members["fatal"] for members in board.told.of("error")] == [True]


def raise_once(function, error=None):
    """`function`, which has no memory the first time, or raises `error`."""
    left = [error or MemoryError()]

    def raising(*arguments):
        if left:
            raise left.pop()
        return function(*arguments)

    return raising


async def test_a_refusal_ends_the_attempt():
    board = Board()
    board.http.answer(DEVICE, device_code())
    board.http.answer(TOKEN, PENDING, refusal("access_denied"))
    error = await fails(LinkDenied, board.link.ensure_linked())
    assert error.error == "access_denied"
    assert board.told.names == ["user_code", "poll", "poll", "denied"]
    await board.clock.sleep(3_600_000)
    assert board.http.count(DEVICE) == 1  # a new code is for the person to ask for
    assert not board.link.is_linked


async def test_a_code_that_nobody_used_runs_out():
    board = Board()
    board.http.answer(DEVICE, device_code(expires_in=60))
    board.http.answer(TOKEN, PENDING, ...)
    await fails(LinkExpired, board.link.ensure_linked())
    assert board.told.names[-1] == "expired"
    assert "error" not in board.told.names
    assert 59_000 <= board.clock.now <= 61_000
    assert board.http.count(DEVICE) == 1


async def test_an_approval_that_was_lost_is_no_refusal():
    for used_up in (refusal("access_denied"), refusal("invalid_grant")):
        board = Board()
        board.http.answer(DEVICE, device_code())
        board.http.answer(TOKEN, PENDING, lost("timeout"), used_up)
        error = await fails(TransportError, board.link.ensure_linked())
        assert error.kind == "timeout" and "was lost" in error.message
        assert board.told.names[-2:] == ["poll", "error"]
        assert board.told.last("poll")["result"] == "error"
        assert board.told.last("error")["fatal"] is True


async def test_a_code_that_ran_out_unanswered_is_told_with_the_reason():
    board = Board()
    board.http.answer(DEVICE, device_code(expires_in=60))
    board.http.answer(TOKEN, PENDING, reply(502, b"<html>"), ...)
    error = await fails(LinkExpired, board.link.ensure_linked())
    assert error.lost == "HTTP 502"
    assert board.told.names[-2:] == ["error", "expired"]
    assert board.told.last("error")["kind"] == "network"
    assert board.told.last("error")["fatal"] is False
    assert board.told.last("expired") == {"lost": "HTTP 502"}


async def test_a_code_that_was_refused_while_the_power_was_off_gives_way_to_a_new_one():
    store = MemoryStore()
    await cut_short(store)
    board = next_boot(store, 30)
    board.http.answer(DEVICE, device_code(user_code="NEXT-ONE"))
    board.http.answer(TOKEN, refusal("access_denied"), tokens())  # Glewlwyd: or it is used up
    async with board.link as link:
        await link.ensure_linked()
    assert board.told.last("user_code")["user_code"] == "NEXT-ONE"
    assert "denied" not in board.told.names and "error" not in board.told.names


async def test_the_server_may_say_first_that_it_ran_out():
    board = Board()
    board.http.answer(DEVICE, device_code())
    board.http.answer(TOKEN, refusal("expired_token"))
    await fails(LinkExpired, board.link.ensure_linked())
    assert board.told.names[-1] == "expired"


async def test_any_other_end_is_an_error_told_once():
    for answer, kind in ((refusal("invalid_client", 401), "provider"), (lost("tls"), "tls")):
        board = Board()
        board.http.answer(DEVICE, answer)
        await fails((ProviderError, TransportError), board.link.ensure_linked())
        assert board.told.names == ["error"]
        assert board.told.last("error")["kind"] == kind
        assert board.told.last("error")["fatal"] is True
        assert len(board.http.requests) == 1


async def test_a_provider_out_of_reach_is_tried_three_times():
    board = Board()
    board.http.answer(DEVICE, lost(), ...)
    error = await fails(TransportError, board.link.ensure_linked())
    assert error.kind == "network"
    assert len(board.http.requests) == 3
    assert board.told.names == ["error"]


async def test_after_an_end_a_new_attempt_may_be_made():
    board = Board()
    board.http.answer(DEVICE, device_code(), device_code(user_code="NEW-ONE"))
    board.http.answer(TOKEN, refusal("access_denied"), tokens())
    await fails(LinkDenied, board.link.ensure_linked())
    await board.link.ensure_linked()
    assert board.told.last("user_code")["user_code"] == "NEW-ONE"


async def test_two_tasks_that_want_a_link_share_one_code():
    board = Board()
    board.http.answer(DEVICE, device_code())
    board.http.answer(TOKEN, PENDING, tokens())
    names = await asyncio.gather(board.link.ensure_linked(), board.link.ensure_linked())
    assert list(names) == ["Ana", "Ana"]
    assert board.http.count(DEVICE) == 1


async def test_a_wait_longer_than_the_counter_can_tell_is_slept_in_pieces():
    board = Board(clock=FakeClock(first_tick=(1 << 30) - 5_000))
    days = 86_400
    board.http.answer(DEVICE, device_code(expires_in=30 * days, interval=10 * days))
    board.http.answer(TOKEN, tokens())
    await board.link.ensure_linked()
    assert 10 * days * 1000 < board.clock.now < 12 * days * 1000


async def test_cancelling_an_attempt_ends_it_at_once():
    board = Board()
    board.http.answer(DEVICE, device_code())
    board.http.answer(TOKEN, PENDING, ...)
    task = asyncio.create_task(board.link.ensure_linked())
    await board.clock.sleep(12_000)
    sent = len(board.http.requests)
    assert sent == 3
    await cancelled(task)
    await board.clock.sleep(60_000)
    assert len(board.http.requests) == sent
    assert board.http.closed
    again = asyncio.create_task(board.link.ensure_linked())  # and the code is still good
    await board.clock.sleep(1)
    assert [members["resumed"] for members in board.told.of("user_code")] == [False, True]
    await cancelled(again)


# Pending links


async def cut_short(store, ms=12_000, **changes):
    """The board whose power was cut `ms` after it began to link, with a code on its screen."""
    board = Board(store)
    board.http.answer(DEVICE, device_code(**changes))
    board.http.answer(TOKEN, PENDING, ...)
    async with board.link as link:
        task = asyncio.create_task(link.ensure_linked())
        await board.clock.sleep(ms)
        await cancelled(task)
    return board


def next_boot(store, off_s=0):
    board = Board(store)
    if off_s is None:
        board.clock.start = None
    else:
        board.clock.start += off_s
    return board


async def test_a_code_outlives_a_reset_and_is_polled_for():
    store = MemoryStore()
    first = await cut_short(store)
    board = next_boot(store, 30)
    board.http.answer(TOKEN, tokens())
    async with board.link as link:
        assert link.is_pending and not link.is_linked
        await link.ensure_linked()
        assert not link.is_pending
    (code,) = board.told.of("user_code")
    assert code["resumed"] is True
    assert code["user_code"] == first.told.of("user_code")[0]["user_code"]
    assert board.http.count(DEVICE) == 0
    assert board.clock.now >= 5_500  # a poll may have left just before the cut
    assert "dc-secret" not in str(board.told.events)
    assert "pending" not in store.load()


async def test_what_is_left_of_a_codes_life_is_told():
    store = MemoryStore()
    await cut_short(store, expires_in=900)
    board = next_boot(store, 300)
    board.http.answer(TOKEN, PENDING, refusal("access_denied"))
    async with board.link as link:
        await fails(LinkDenied, link.ensure_linked())
    assert 595 <= board.told.of("user_code")[0]["expires_in"] <= 600
    assert store.load() is None


async def test_a_slower_interval_is_kept_too():
    store = MemoryStore()
    board = Board(store)
    board.http.answer(DEVICE, device_code())
    board.http.answer(TOKEN, refusal("slow_down"), PENDING, ...)
    async with board.link as link:
        task = asyncio.create_task(link.ensure_linked())
        await board.clock.sleep(12_000)
        await cancelled(task)
    board = next_boot(store)
    board.http.answer(TOKEN, tokens())
    async with board.link as link:
        await link.ensure_linked()
    assert board.told.of("user_code")[0]["interval"] == 10
    assert board.clock.now >= 10_000


async def test_a_code_that_ran_out_while_the_power_was_off_is_replaced():
    for off_s in (900, 90 * 86_400):
        store = MemoryStore()
        await cut_short(store, expires_in=900)
        board = next_boot(store, off_s)
        board.http.answer(DEVICE, device_code(user_code="NEXT-ONE"))
        board.http.answer(TOKEN, tokens())
        async with board.link as link:
            await link.ensure_linked()
        (code,) = board.told.of("user_code")
        assert (code["user_code"], code["resumed"]) == ("NEXT-ONE", False)
        assert board.told.of("expired") == []


async def test_without_the_time_the_provider_decides():
    for answer, codes in (
        (PENDING, 1),
        (refusal("expired_token"), 2),
        (refusal("invalid_grant"), 2),
    ):
        store = MemoryStore()
        await cut_short(store)
        board = next_boot(store, None)
        board.http.answer(DEVICE, device_code(user_code="NEXT-ONE"))
        board.http.answer(TOKEN, answer, tokens())
        async with board.link as link:
            await link.ensure_linked()
        assert len(board.told.of("user_code")) == codes
        assert board.told.of("expired") == [] and board.told.of("error") == []


async def test_a_clock_that_jumped_neither_shortens_nor_stretches_a_code_for_ever():
    for jump in (-90 * 86_400, 90 * 86_400):
        store = MemoryStore()
        await cut_short(store, expires_in=900)
        board = next_boot(store, jump)
        board.http.answer(DEVICE, device_code(user_code="NEXT-ONE"))
        board.http.answer(TOKEN, refusal("expired_token"), tokens())
        if jump > 0:
            board.http.script(TOKEN, tokens())
        async with board.link as link:
            await link.ensure_linked()
        assert all(0 < members["expires_in"] <= 1800 for members in board.told.of("user_code"))


async def test_each_end_of_an_attempt_removes_what_is_pending():
    for answer, end in (
        (refusal("access_denied"), LinkDenied),
        (refusal("expired_token"), LinkExpired),
        (refusal("invalid_client", 401), ProviderError),
    ):
        store = MemoryStore()
        board = Board(store)
        board.http.answer(DEVICE, device_code())
        board.http.answer(TOKEN, PENDING, answer)
        async with board.link as link:
            await fails(end, link.ensure_linked())
            assert not link.is_pending
        assert store.load() is None


async def test_names_keep_links_apart():
    with Folder() as folder:
        for name in ("account", "calendar"):
            board = Board(open_store(name, folder.path))
            board.http.answer(DEVICE, device_code())
            board.http.answer(TOKEN, tokens(1 if name == "account" else 2))
            async with board.link as link:
                await link.ensure_linked()
        for name, token in (("account", "at-secret-1"), ("calendar", "at-secret-2")):
            board = Board(open_store(name, folder.path))
            async with board.link as link:
                assert await link.token() == token


# Discovery


def discovery(**changes):
    document = {
        "issuer": ISSUER,
        "device_authorization_endpoint": DEVICE,
        "token_endpoint": TOKEN,
        "revocation_endpoint": REVOKE,
        "userinfo_endpoint": USERINFO,
    }
    document.update(changes)
    return reply(200, document)


BARE = {
    "device_authorization_endpoint": None,
    "token_endpoint": None,
    "revocation_endpoint": None,
    "userinfo_endpoint": None,
}


async def test_endpoints_that_are_not_configured_are_looked_up():
    board = Board(**BARE)
    board.http.answer(DISCOVERY, discovery())
    board.http.answer(DEVICE, device_code())
    board.http.answer(TOKEN, tokens())
    assert await board.link.ensure_linked() == "Ana"
    assert board.http.count(DISCOVERY) == 1


async def test_the_issuer_says_how_a_client_identifies_itself():
    board = Board(secret="cs-secret", **BARE)
    methods = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    board.http.answer(DISCOVERY, discovery(**methods))
    board.http.answer(DEVICE, device_code())
    board.http.answer(TOKEN, tokens())
    await board.link.ensure_linked()
    for request in board.http.requests[1:]:
        assert fields_of(request)["client_secret"] == "cs-secret"
        assert "Authorization" not in request.headers


async def found_at_first():
    """A board that has looked its endpoints up, and linked."""
    board = Board(**BARE)
    board.http.answer(DISCOVERY, discovery())
    await board.linked(expires_in=10 * DAY)
    return board


async def test_endpoints_are_looked_up_again_after_a_day():
    board = await found_at_first()
    board.http.answer(TOKEN, tokens(2))
    await board.clock.sleep((DAY - 60) * 1000)
    await board.link.refresh()
    assert board.http.count(DISCOVERY) == 0
    board.http.answer(DISCOVERY, discovery(token_endpoint=TOKEN + "/v2"))
    board.http.answer(TOKEN + "/v2", tokens(3))
    await board.clock.sleep(60_000)
    await board.link.refresh()
    assert [request.url for request in board.http.requests[1:]] == [DISCOVERY, TOKEN + "/v2"]


async def test_endpoints_of_yesterday_do_while_the_issuer_is_away():
    board = await found_at_first()
    board.http.answer(DISCOVERY, lost(), ...)
    board.http.answer(TOKEN, tokens(2), tokens(3))
    await board.clock.sleep(DAY * 1000)
    await board.link.refresh()
    await board.link.refresh()  # and nobody asks it again at once
    assert board.http.count(DISCOVERY) == 1 and board.http.count(TOKEN) == 2


async def test_tasks_that_want_the_endpoints_together_look_them_up_once():
    board = Board(store=(await linked_store()), **BARE)
    board.clock.start += 10 * DAY
    board.http.answer(DISCOVERY, discovery())
    board.http.answer(TOKEN, tokens(2))
    board.http.answer(USERINFO, reply(200))
    async with board.link as link:  # whose own task refreshes
        assert (await link.call_api()).status == 200
    assert board.http.count(DISCOVERY) == 1
    assert board.http.count(TOKEN) == 1


async def test_who_waited_for_a_lookup_that_failed_tries_it_too():
    board = Board(**BARE)
    board.http.answer(DISCOVERY, lost(), lost(), discovery())
    provider = board.link._provider
    first = asyncio.create_task(fails(TransportError, provider.discover(1)))
    await fails(TransportError, provider.discover(1))
    await first
    await provider.discover(1)
    assert board.http.count(DISCOVERY) == 3


async def linked_store():
    store = MemoryStore()
    await Board(store=store).linked()
    return store


async def test_an_endpoint_that_is_not_found_is_looked_up_again():
    board = await found_at_first()
    board.http.answer(TOKEN, reply(404))
    await fails(TransportError, board.link.refresh())
    board.http.answer(DISCOVERY, discovery(token_endpoint=TOKEN + "/v2"))
    board.http.answer(TOKEN + "/v2", tokens(2))
    await board.clock.sleep(board.link.pause)
    await board.link.refresh()
    assert board.http.requests[-1].url == TOKEN + "/v2"


async def test_where_codes_are_asked_for_is_looked_up_again_at_once_and_once():
    board = await found_at_first()
    board.http.answer("https://as.example/revoke", reply(200))
    await board.link.unlink()
    for answer in (discovery(), discovery(device_authorization_endpoint=DEVICE + "/v2")):
        board.http.requests.clear()
        board.http.answer(DISCOVERY, answer)
        board.http.answer(DEVICE, reply(404))
        board.http.answer(DEVICE + "/v2", reply(404))
        await fails(ProviderError, board.link.ensure_linked())
    asked = [request.url for request in board.http.requests]
    assert asked == [DEVICE, DISCOVERY, DEVICE + "/v2"]
    board.http.answer(DISCOVERY, discovery())
    board.http.answer(DEVICE, device_code())
    board.http.answer(TOKEN, tokens(2))
    await board.link.ensure_linked()


async def test_a_404_of_an_api_says_nothing_of_the_endpoints():
    board = await found_at_first()
    board.http.answer(API, reply(404))
    board.http.answer(TOKEN, tokens(2))
    await board.link.get(API)
    await board.link.refresh()
    assert board.http.count(DISCOVERY) == 0


async def test_an_issuer_out_of_reach_is_tried_three_times_ever_more_slowly():
    board = Board(**BARE)
    board.http.answer(DISCOVERY, lost(), ...)
    await fails(TransportError, board.link.ensure_linked())
    assert board.http.sent_at == [0, 1_000, 3_000]
    assert board.told.names == ["error"]


async def test_a_certificate_that_is_refused_is_not_tried_again():
    board = Board(**BARE)
    board.http.answer(DISCOVERY, lost("tls"))
    await fails(TransportError, board.link.ensure_linked())
    assert board.told.last("error")["kind"] == "tls"
    assert len(board.http.requests) == 1


async def test_an_issuer_that_calls_itself_otherwise_is_a_config_error():
    board = Board(**BARE)
    board.http.answer(DISCOVERY, discovery(issuer=ISSUER + "/"))
    await fails(ConfigError, board.link.ensure_linked())
    assert board.told.last("error")["kind"] == "config"
    assert ISSUER + "/" in board.told.last("error")["hint"]


# Whose account it is


async def linked_as(http_answers=(), **token_changes):
    """Link a new board; return it with the account's name."""
    board = Board(store=MemoryStore())
    board.http.answer(DEVICE, device_code())
    board.http.answer(TOKEN, tokens(**token_changes))
    board.http.answer(USERINFO, *http_answers)
    return board, await board.link.ensure_linked()


async def test_an_id_token_names_the_account():
    board, name = await linked_as(id_token=id_token())
    assert name == "Ana" and board.http.count(USERINFO) == 0


async def test_userinfo_names_it_where_the_id_token_has_only_a_subject():
    answer = reply(200, {"sub": "user-1", "name": "Ana Alves"})
    board, name = await linked_as([answer], id_token=id_token(name=None))
    assert name == "Ana Alves"
    assert bearer_of(board.http.requests[-1]) == "Bearer at-secret-1"
    assert board.store.load()["account"] == "Ana Alves"


async def test_userinfo_of_another_subject_does_not_count():
    answer = reply(200, {"sub": "user-2", "name": "Eve"})
    board, name = await linked_as([answer], id_token=id_token(name=None))
    assert name is None
    assert board.store.load()["account"] is None


async def test_another_account_that_takes_the_board_over_is_noticed():
    for sub, switched in (("user-2", True), ("user-1", False)):
        board = Board()
        link = await board.linked()
        board.http.answer(DEVICE, device_code())
        other = tokens(2, id_token=id_token(sub=sub, name="Eve"))
        board.http.answer(TOKEN, refusal("invalid_grant"), other)
        await fails(NotLinked, link.refresh())
        await link.ensure_linked()
        told = board.told.last("linked")
        assert (told["account"], told["switched"]) == ("Eve", switched)
        await link.ensure_linked()
        assert board.told.last("linked")["switched"] is False  # told once


async def test_an_id_token_from_anywhere_else_is_not_taken():
    board = Board()
    forged = id_token(sub="user-1", name="Eve")
    board.http.answer(DEVICE, device_code(id_token=forged))
    board.http.answer(
        TOKEN, refusal("authorization_pending", id_token=forged), tokens(id_token=None)
    )
    board.http.answer(USERINFO, reply(200, {"id_token": forged}))
    board.http.answer(API, reply(200, {"id_token": forged}))
    assert await board.link.ensure_linked() is None
    await board.link.get(API)
    assert board.link.account is None


async def test_a_name_is_a_nicety():
    for answer in (
        lost(),
        reply(500),
        reply(403, {"sub": "user-1", "name": "Eve"}),
        reply(200, b"["),
        reply(200, b"[]"),
        reply(200, {"name": "nobody"}),
        reply(200, {"sub": 7}),
    ):
        _, name = await linked_as([answer], id_token=id_token(name=None))
        assert name is None
        _, name = await linked_as([answer], id_token=None)
        assert name is None


async def test_without_openid_nobody_is_asked():
    board, name = await linked_as(scope="profile", id_token=None)
    assert name is None and board.http.count(USERINFO) == 0


async def test_an_api_of_the_provider_s_own_names_the_account():
    own = {"id": 583231, "login": "ana-al", "name": None, "plan": {"name": "free"}}
    for scope in ("read:user", ""):
        board = Board(store=MemoryStore(), userinfo_aliases={"id": "sub", "login": "name"})
        board.http.answer(DEVICE, device_code())
        board.http.answer(TOKEN, tokens(scope=scope, id_token=None))
        board.http.answer(USERINFO, reply(200, own))
        assert await board.link.ensure_linked() == "ana-al"
        kept = board.store.load()
        assert (kept["sub"], kept["account"]) == ("583231", "ana-al")


async def test_an_api_that_answers_otherwise_than_its_aliases_say():
    for answer, expected in (
        ({"login": "ana-al"}, None),
        ({"id": None, "sub": "user-1", "name": "Ana"}, "Ana"),
        ([1], None),
    ):
        board = Board(userinfo_aliases={"id": "sub", "login": "name"})
        board.http.answer(DEVICE, device_code())
        board.http.answer(TOKEN, tokens(id_token=None))
        board.http.answer(USERINFO, reply(200, answer))
        assert await board.link.ensure_linked() == expected, answer


async def test_an_id_token_that_does_not_hold_names_nobody_and_costs_nothing():
    for wrong in (
        {"aud": "other"},
        {"iss": "https://evil.example"},
        {"exp": UNIX - 600},
        {"iat": UNIX + 3_600},
        {"sub": ""},
    ):
        board, name = await linked_as(id_token=id_token(**wrong))
        assert name is None, wrong
        assert board.link.is_linked
        assert board.told.names == ["user_code", "poll", "error", "linked"]
        assert board.told.last("error")["fatal"] is False
        assert board.http.count(USERINFO) == 0  # nor is anybody else's word taken for it


async def test_a_name_cannot_write_on_the_screen_what_it_likes():
    _, name = await linked_as(id_token=id_token(name="A\x1b[2Jna\n\u202e!"))
    assert name == "A[2Jna!"
    _, name = await linked_as(id_token=id_token(name="n" * 5_000))
    assert len(name) <= 200


# After a reboot


async def test_a_stored_link_needs_no_code():
    store = MemoryStore()
    await Board(store=store).linked()
    board = Board(store=store)
    async with board.link as link:
        assert await link.ensure_linked() == "Ana"
        assert await link.token() == "at-secret-1"
    assert board.http.requests == []
    assert board.told.last("linked") == {
        "scope": "openid profile",
        "account": "Ana",
        "stored": True,
        "switched": False,
        "unsaved": None,
    }


async def test_stored_tokens_are_not_shown_to_another_provider_or_client():
    for other in (
        {"issuer": "https://other.example"},
        {"client_id": "other"},
    ):
        store = MemoryStore()
        await Board(store=store).linked()
        board = Board(store=store, **other)
        board.http.answer(DEVICE, device_code())
        board.http.answer(TOKEN, tokens(2))
        async with board.link as link:
            await fails(NotLinked, link.token())
            await link.ensure_linked()
            assert await link.token() == "at-secret-2"
        sent = " ".join(str(request.body) for request in board.http.requests)
        assert "secret-1" not in sent
        assert board.told.last("linked")["stored"] is False


async def test_a_link_that_has_run_out_for_good_asks_for_a_new_code():
    store = MemoryStore()
    await Board(store=store).linked(refresh_token=None)
    board = Board(store=store, clock=FakeClock(UNIX + 4_000))
    board.http.answer(DEVICE, device_code())
    # Somebody else may link it now.
    board.http.answer(
        TOKEN, tokens(2, id_token=id_token(sub="user-2", name="Eve", exp=UNIX + 5_000))
    )
    async with board.link as link:
        assert not link.is_linked
        error = await fails(NotLinked, link.token())
        assert "run out" in str(error)
        assert await link.ensure_linked() == "Eve"
        assert await link.token() == "at-secret-2"
    assert "error" not in board.told.names
    assert board.told.last("linked")["stored"] is False
    assert store.load()["sub"] == "user-2"


async def test_a_damaged_store_is_told_of_and_mended_by_linking_again():
    for record in ({"for": []}, {"tokens": {}}, {"for": [ISSUER, "board"], "tokens": 7}):
        board = Board(store=MemoryStore(record))
        board.http.answer(DEVICE, device_code())
        board.http.answer(TOKEN, tokens())
        async with board.link as link:
            error = board.told.last("error")
            assert (error["kind"], error["fatal"]) == ("storage", False)
            assert not link.is_linked
            await link.ensure_linked()
        again = Board(store=board.store)
        async with again.link as link:
            assert link.is_linked and again.told.of("error") == []


async def test_a_board_that_mislaid_its_key_finds_its_link_again():
    with Folder() as folder:

        def booted(seal=None):
            board = Board(store=open_store(directory=folder.path, seal=seal))
            board.http.answer(DEVICE, device_code())
            return board

        seal = Seal(bytes(range(32)))
        await booted(seal).linked()
        for wrong in (None, Seal(bytes(32))):
            board = booted(wrong)
            board.http.answer(TOKEN, refusal("authorization_pending"), refusal("access_denied"))
            async with board.link as link:
                assert not link.is_linked
                await fails(LinkDenied, link.ensure_linked())
            assert [error["kind"] for error in board.told.of("error")] == ["storage"]
            board = booted(seal)
            async with board.link as link:
                assert await link.token() == "at-secret-1"
            assert board.told.of("error") == []


async def test_a_store_that_has_died_does_not_end_the_running_link():
    board = Board(store=FailingStore())
    board.http.answer(DEVICE, device_code())
    board.http.answer(TOKEN, tokens())
    async with board.link as link:
        await link.ensure_linked()
        assert await link.token() == "at-secret-1"
    kinds = [members["kind"] for members in board.told.of("error")]
    assert kinds == ["storage"] * 2  # to load, and to save the tokens
    assert board.told.last("linked")["unsaved"] == "the flash cannot save"


async def test_a_code_that_could_not_be_saved_is_saved_once_there_is_room():
    board = Board(store=FailingStore(fails=("save",)))
    board.http.answer(DEVICE, device_code())
    board.http.answer(TOKEN, PENDING, ...)
    task = asyncio.create_task(board.link.ensure_linked())
    await board.clock.sleep(300_000)
    assert board.told.names.count("error") == 1, "it is told once"
    board.store.fails = ()
    await board.clock.sleep(66_000)  # a minute, and the poll after it
    assert board.store.record["pending"]["device_code"] == "dc-secret"
    assert board.told.names.count("saved") == 1
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass


async def test_a_store_that_could_not_be_read_is_not_saved_again():
    board = Board(store=FailingStore(record={"sealed": True}, fails=("load",)))
    async with board.link:
        await board.clock.sleep(300_000)
    assert board.store.record == {"sealed": True}
    assert board.told.names == ["error", "clock"]


async def test_a_code_that_could_not_be_saved_is_forgotten_once_the_link_is():
    board = Board(store=FailingStore(fails=("save",)))
    board.http.answer(DEVICE, device_code())
    board.http.answer(TOKEN, refusal("authorization_pending"), tokens())
    task = asyncio.create_task(board.link.ensure_linked())
    while "poll" not in board.told.names:
        await board.clock.sleep(500)
    board.store.fails = ()
    await task
    assert board.told.names.count("error") == 1
    assert board.told.last("linked")["unsaved"] is None


# Requests of the owner


async def test_a_request_carries_the_token_and_the_callers_headers():
    board = Board()
    link = await board.linked()
    answer = reply(200, {"hello": "Ana"})
    board.http.answer(API, answer, answer)
    assert (await link.get(API, headers={"X-Wanted": "yes"})).json() == {"hello": "Ana"}
    (request,) = board.http.requests
    assert (request.method, request.url, request.body) == ("GET", API, None)
    assert bearer_of(request) == "Bearer at-secret-1"
    assert request.headers["X-Wanted"] == "yes"
    assert request.headers["Accept"] == "application/json"

    mine = Request("PUT", API, {"authorization": "Basic nonsense"}, b"body")
    assert (await link.request(mine)).json() == {"hello": "Ana"}
    request = board.http.requests[-1]
    assert (request.method, request.body) == ("PUT", b"body")
    assert request.headers == {"Authorization": "Bearer at-secret-1"}
    assert mine.headers == {"authorization": "Basic nonsense"}


async def test_the_caller_sets_the_limits():
    board = Board()
    link = await board.linked()
    board.http.answer(API, reply(200), ...)
    await link.get(API)
    assert board.http.limits == (None, 16_384)
    await link.get(API, timeout_ms=500, max_body=100)
    assert board.http.limits == (500, 100)


async def test_of_a_long_reply_a_caller_gets_what_it_wants():
    board = Board()
    link = await board.linked()
    answer = reply(200, {"next": "u", "items": [{"n": 1, "more": "x"}, {"n": 2}]})
    board.http.answer(API, answer, ...)
    kept = (await link.get(API, members=("items/n",))).json()
    assert kept == {"items": [{"n": 1}, {"n": 2}]}
    found = []
    for request in (None, Request("POST", API)):
        options = {"members": ("items/n", "next"), "callback": found.append}
        call = link.get(API, **options) if request is None else link.request(request, **options)
        assert (await call).json() == {"next": "u", "items": []}
    assert found == [{"n": 1}, {"n": 2}] * 2


async def test_a_callers_callback_sees_the_elements_of_each_try_and_may_fail():
    board = Board()
    link = await board.linked()
    board.http.answer(API, reply(401, {"error": [{"n": 0}]}), reply(200, [{"n": 1}]), ...)
    board.http.answer(TOKEN, tokens(2))
    found = []
    await link.get(API, members=("n",), callback=found.append)
    assert found == [{"n": 1}]
    error = await fails(ValueError, link.get(API, members=(), callback=lambda item: int("x")))
    assert "invalid" in str(error)
    board.http.script(API, Reply(200, {}, b"<html>"))
    error = await fails(TransportError, link.get(API, members=(), callback=found.append))
    assert "no JSON" in error.message


async def test_without_a_link_nothing_is_sent():
    board = Board()
    for attempt in (board.link.get(API), board.link.token(), board.link.refresh()):
        error = await fails(NotLinked, attempt)
        assert error.hint == "call ensure_linked first"
    assert board.http.requests == []


async def test_an_invalid_token_is_refreshed_once_and_the_request_repeated_once():
    for challenge in ('Bearer error="invalid_token"', 'bearer realm="x"', ""):
        board = Board()
        link = await board.linked()
        headers = {"www_authenticate": challenge} if challenge else {}
        board.http.answer(API, reply(401, **headers), reply(200, {"n": 2}))
        board.http.answer(TOKEN, tokens(2))
        assert (await link.get(API)).json() == {"n": 2}
        assert [bearer_of(board.http.requests[index]) for index in (0, 2)] == [
            "Bearer at-secret-1",
            "Bearer at-secret-2",
        ]
        assert board.http.count(TOKEN) == 1
        assert fields_of(board.http.requests[1])["refresh_token"] == "rt-secret-1"


async def test_a_second_401_is_the_answer():
    board = Board()
    link = await board.linked()
    board.http.answer(API, reply(401, www_authenticate='Bearer error="invalid_token"'), ...)
    board.http.answer(TOKEN, tokens(2))
    assert (await link.get(API)).status == 401
    assert board.http.count(API) == 2 and board.http.count(TOKEN) == 1


async def test_there_is_no_third_try_however_slow_the_api_is():
    board = Board()
    link = await board.linked()

    def slow(request):
        board.clock.now += 100_000
        return reply(401)

    board.http.answer(API, slow, ...)
    board.http.answer(TOKEN, tokens(2), ...)
    assert (await link.get(API)).status == 401
    assert board.http.count(API) == 2 and board.http.count(TOKEN) == 1


async def test_an_api_that_never_accepts_does_not_set_off_a_storm():
    board = Board()
    link = await board.linked()
    board.http.answer(API, reply(401), ...)
    board.http.answer(TOKEN, tokens(2), ...)
    for _ in range(120):
        assert (await link.get(API)).status == 401
        await board.clock.sleep(5_000)
    assert board.http.count(TOKEN) == 4  # after 0, 1, 3 and 7 minutes


async def test_another_refusal_is_handed_on_as_it_is():
    for status, challenge in (
        (401, 'Bearer error="insufficient_scope"'),
        (401, 'Bearer error="invalid_request"'),
        (403, 'Bearer error="insufficient_scope"'),
        (403, 'Bearer error="invalid_token"'),
        (400, 'Bearer error="invalid_request"'),
        (500, ""),
    ):
        board = Board()
        link = await board.linked()
        board.http.answer(API, reply(status, www_authenticate=challenge))
        assert (await link.get(API)).status == status
        assert len(board.http.requests) == 1, challenge


async def test_without_a_refresh_token_a_401_is_the_answer():
    board = Board()
    link = await board.linked(refresh_token=None)
    board.http.answer(API, reply(401, www_authenticate='Bearer error="invalid_token"'))
    assert (await link.get(API)).status == 401
    assert len(board.http.requests) == 1
    assert await link.token() == "at-secret-1"  # it is all there is


async def test_a_token_without_a_refresh_token_is_used_to_its_end():
    board = Board()
    link = await board.linked(refresh_token=None)
    board.clock.now += 3_500_000
    assert await link.token() == "at-secret-1"
    board.clock.now += 200_000
    await fails(NotLinked, link.token())
    assert not link.is_linked
    assert board.http.requests == []


async def test_a_request_that_gets_no_answer_is_the_callers_to_repeat():
    board = Board()
    link = await board.linked()
    board.http.answer(API, lost())
    await fails(TransportError, link.get(API))
    assert len(board.http.requests) == 1


async def test_the_configured_api_is_called_or_else_userinfo():
    board = Board()
    link = await board.linked()
    board.http.answer(USERINFO, reply(200, {"sub": "user-1"}))
    assert (await link.call_api()).json() == {"sub": "user-1"}
    link.api = API
    board.http.answer(API, reply(503))
    assert (await link.call_api()).status == 503
    assert board.told.of("api") == [{"status": 200}, {"status": 503}]

    board = Board(userinfo_endpoint=None)
    link = await board.linked()
    assert await link.call_api() is None
    assert board.told.events == []


# Unlinking


async def test_unlinking_gives_the_refresh_token_back_and_forgets():
    board = Board(store=MemoryStore())
    link = await board.linked()
    board.http.answer(REVOKE, reply(200, b""))
    assert await link.unlink() is True
    (request,) = board.http.requests
    assert fields_of(request) == {
        "token": "rt-secret-1",
        "token_type_hint": "refresh_token",
        "client_id": "board",
    }
    assert board.told.events == [("unlinked", {"revoked": True})]
    assert board.store.load() is None
    assert link.account is link.scope is None and not link.is_linked
    await fails(NotLinked, link.get(API))


async def test_without_a_refresh_token_the_access_token_is_given_back():
    board = Board()
    link = await board.linked(refresh_token=None)
    board.http.answer(REVOKE, reply(200, {}))
    assert await link.unlink() is True
    assert fields_of(board.http.requests[0])["token"] == "at-secret-1"
    assert fields_of(board.http.requests[0])["token_type_hint"] == "access_token"


async def test_nothing_is_left_here_whatever_the_provider_answers():
    for answer in (
        reply(503, retry_after="30"),
        refusal("unsupported_token_type"),
        refusal("invalid_client", 401),
        reply(500, b"<html>"),
        lost(),
        lost("tls"),
        lost("timeout"),
        ConfigError("https needs a CA certificate"),
    ):
        board = Board(store=MemoryStore())
        link = await board.linked()
        board.http.answer(REVOKE, answer)
        assert await link.unlink() is False
        assert board.told.events == [("unlinked", {"revoked": False})]
        assert board.store.load() is None
        assert not link.is_linked
        assert len(board.http.requests) == 1


async def test_a_provider_that_cannot_revoke_is_not_confirmed():
    board = Board(store=MemoryStore(), revocation_endpoint=None)
    link = await board.linked()
    assert await link.unlink() is False
    assert board.store.load() is None and board.http.requests == []


async def test_after_a_reboot_the_endpoints_are_looked_up_when_they_are_needed():
    store = MemoryStore()
    await Board(store=store).linked()
    board = Board(store=store, **BARE)
    board.http.answer(DISCOVERY, discovery())
    board.http.answer(USERINFO, reply(200))
    async with board.link as link:
        assert (await link.call_api()).status == 200
    board = Board(store=store, **BARE)
    board.http.answer(DISCOVERY, discovery())
    board.http.answer(REVOKE, reply(200))
    async with board.link as link:
        assert await link.unlink() is True


async def test_unlinking_while_the_issuer_is_away_erases_all_the_same():
    store = MemoryStore()
    await Board(store=store).linked()
    board = Board(store=store, **BARE)
    board.http.answer(DISCOVERY, lost(), ...)
    async with board.link as link:
        assert link.is_linked
        assert await link.unlink() is False
    assert store.load() is None


async def test_a_store_that_keeps_its_copy_is_an_error():
    board = Board(store=FailingStore(fails=("erase",)))
    link = await board.linked()
    board.http.answer(REVOKE, reply(200))
    await fails(StorageError, link.unlink())
    assert board.told.events == [("unlinked", {"revoked": True})]
    assert not link.is_linked
    await fails(NotLinked, link.token())


async def test_unlinking_without_a_link_clears_what_the_store_may_hold():
    board = Board(store=MemoryStore({"damaged": True}))
    async with board.link as link:
        assert await link.unlink() is False
    assert board.store.load() is None and board.http.requests == []


async def test_cancelling_an_unlink_still_erases():
    board = Board(store=MemoryStore())
    link = await board.linked()
    board.http.gate = asyncio.Event()
    task = asyncio.create_task(link.unlink())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await cancelled(task)
    assert board.store.load() is None and not link.is_linked


# The block around it


async def test_leaving_stops_the_upkeep_and_closes_the_connection():
    board = Board()
    async with board.link as link:
        await board.linked()
        task = link._task
        assert not task.done()
    assert task.done() and board.http.closed
    await board.clock.sleep(7_200_000)
    assert board.http.requests == []


async def test_an_exception_inside_gets_out_and_all_is_cleaned_up():
    board = Board()
    try:
        async with board.link as link:
            raise KeyError("the owner's")
    except KeyError:
        pass
    else:
        raise AssertionError("it was swallowed")
    assert link._task is None and board.http.closed  # nothing to look after, nobody looks


async def test_a_cancel_inside_gets_out_and_all_is_cleaned_up():
    board = Board()

    async def main():
        async with board.link:
            await board.clock.sleep(1_000_000)

    task = asyncio.create_task(main())
    await board.clock.sleep(10)
    await cancelled(task)
    assert board.link._task is None and board.http.closed


async def test_the_clock_is_told_of_on_entering():
    for clock, members in (
        (FakeClock(), {"state": "set", "source": "rtc"}),
        (FakeClock(None), {"state": "unknown", "source": None}),
    ):
        board = Board(clock=clock)
        async with board.link:
            assert board.told.events == [("clock", members)]


async def test_wifi_is_told_of_on_entering():
    async def join(networks, clock):
        if not networks:
            return None
        if networks[0] != "good":
            raise TransportError("no Wi-Fi network let the board in")
        return "home"

    board = Board()
    board.link.wifi = ["good"]
    with Joining(join):
        async with board.link:
            assert board.told.events[0] == ("wifi", {"state": "joined"})
    board = Board()
    board.link.wifi = ["bad"]
    with Joining(join):
        await fails(TransportError, board.link.__aenter__())
    trouble = {"message": "no Wi-Fi network let the board in"}
    assert board.told.events == [("wifi", {"state": "failed", "trouble": trouble})]


async def test_a_linked_board_says_from_the_first_failure_on_why_it_has_no_wifi():
    async def join(networks, clock):
        raise TransportError("no Wi-Fi network let the board in")

    store = MemoryStore()
    await Board(store=store).linked()
    board = Board(store=store)
    board.link.wifi = ["bad"]
    with Joining(join):
        async with board.link:
            assert board.told.names == ["wifi"]
            assert "let the board in" in board.told.last("wifi")["trouble"]["message"]
            await board.clock.sleep(600_000)
    assert board.told.names.count("error") == 1


class Joining:
    """Has `join` take the place of `keyfob.net.wifi.join`."""

    def __init__(self, join):
        from keyfob.net import wifi  # a link lets go of it, so it is new each time

        self._module = wifi
        self._join = join

    def __enter__(self):
        self._real, self._module.join = self._module.join, self._join

    def __exit__(self, *_):
        self._module.join = self._real


# From a file


def test_a_configuration_file_makes_a_link():
    with Folder() as folder:
        folder.write(
            "keyfob.json",
            {
                "provider": {"issuer": ISSUER, "client_id": "board"},
                "wifi": [{"ssid": "home"}],
                "api": API,
                "scope": "openid",
                "ca": ["/root.der"],
                "allow_http": True,
            },
        )
        folder.write("root.der", b"\x30\x82")
        from keyfob import AccountLink

        told = []
        link = AccountLink.from_config(
            "/keyfob.json", notify=lambda *event: told.append(event), root=folder.path
        )
        assert link.wifi == [{"ssid": "home"}] and link.api == API
        assert link._scope == "openid" and link._provider._http._roots == [b"\x30\x82"]
        assert link._provider._http._allow_http is True
        assert not link.is_linked
        link._account.load()  # its store is in that folder, and empty
        folder.write("link-account.0", b"{")
        support.raises(StorageError, link._account.load)


def test_the_networks_know_the_country_and_the_board_s_power():
    with Folder() as folder:
        provider = {"issuer": ISSUER, "client_id": "board"}
        networks = [{"ssid": "home"}]
        folder.write(
            "keyfob.json", {"provider": provider, "wifi": networks, "country": "DE", "ca": []}
        )
        folder.write("board.json", {"name": "mine", "wifi": {"txpower": 8.5}})
        from keyfob import AccountLink

        link = AccountLink.from_config(root=folder.path)
        assert link.wifi == [{"ssid": "home", "country": "DE", "txpower": 8.5}]


async def test_without_a_listener_the_code_is_on_the_console():
    from keyfob import AccountLink
    from keyfob.ui.displays import console

    shown = []

    class Console:
        def show(self, lines):
            shown.append(lines)

    real, console.Console = console.Console, Console
    try:
        with Folder() as folder:
            folder.write("keyfob.json", {"provider": {"issuer": ISSUER, "client_id": "board"}})
            link = AccountLink.from_config("/keyfob.json", root=folder.path)
    finally:
        console.Console = real
    other = Board()
    link._provider._http = other.http
    link._clock = link._provider._clock = other.clock
    other.http.answer(DISCOVERY, discovery())
    other.http.answer(DEVICE, device_code())
    other.http.answer(TOKEN, refusal("access_denied"))
    await fails(LinkDenied, link.ensure_linked())
    assert "Code  fH7k-Qp0O" in shown[0]
    assert shown[1][0] == "Refused on the phone"


def test_a_configuration_error_names_the_field():
    from keyfob import AccountLink

    with Folder() as folder:
        folder.write("keyfob.json", {"provider": {"issuer": ISSUER}})
        error = support.raises(ConfigError, AccountLink.from_config, root=folder.path)
        assert "client_id" in str(error)


# Secrets


async def test_no_event_and_no_error_holds_a_secret():
    spoken = []

    def answers(code, loud):
        """Everything that a provider can say, with our secrets said back to us."""
        return (
            refusal("slow_down", error_description=loud),
            reply(500, {"error": loud}),
            reply(404, {"message": loud}),
            refusal(loud if code == "loud" else code, error_description=loud),
        )

    for code in ("access_denied", "invalid_client", "expired_token", "invalid_grant", "loud"):
        board = Board(secret="cs-secret")
        board.http.answer(DEVICE, device_code())
        board.http.answer(TOKEN, *answers(code, "dc-secret cs-secret"), ...)
        spoken.append(await fails((ProviderError, TransportError), board.link.ensure_linked()))
        spoken.append(board.told.events)
        board = Board(secret="cs-secret", store=FailingStore())
        async with board.link as link:
            await board.linked()
            board.http.answer(TOKEN, *answers(code, "at-secret-1 rt-secret-1 cs-secret"), ...)
            for _ in range(4):
                spoken.append(await fails(Exception, link.refresh()))
                await board.clock.sleep(link.pause)
        spoken.append(board.told.events)
    for error in spoken:
        text = "%s %s" % (error, getattr(error, "hint", ""))
        assert "-secret" not in text, text


async def test_no_secret_is_in_an_address():
    board = Board(secret="cs-secret")
    board.http.answer(DEVICE, device_code())
    board.http.answer(TOKEN, tokens(), tokens(2))
    board.http.answer(USERINFO, reply(200))
    board.http.answer(API, reply(200))
    board.http.answer(REVOKE, reply(200))
    link = board.link
    await link.ensure_linked()
    await link.refresh()
    await link.get(API)
    await link.unlink()
    assert board.http.count(REVOKE) == 1
    for request in board.http.requests:
        assert "-secret" not in request.url
