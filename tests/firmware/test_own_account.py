"""A board with an account of its own: AccountLink without a person (RFC 6749 section 4.4)."""

from fakes import (
    API,
    DEVICE,
    TOKEN,
    Board,
    FakeClock,
    fails,
    fields_of,
    lost,
    refusal,
    reply,
    tokens,
)

from keyfob.errors import ProviderError, TransportError
from keyfob.storage.memory import MemoryStore


def board_of_its_own(store=None, **fields):
    fields.update(grant_type="client_credentials", userinfo_endpoint=None)
    return Board(store, secret="cs-secret", **fields)


def granted(number=1, **changes):
    return tokens(number, refresh_token=None, id_token=None, **changes)


async def test_tokens_are_had_without_a_code_and_without_a_person():
    board = board_of_its_own(MemoryStore())
    board.http.answer(TOKEN, granted())
    assert await board.link.ensure_linked() is None
    assert board.told.names == ["linked"] and board.http.count(DEVICE) == 0
    (request,) = board.http.requests
    assert fields_of(request) == {
        "grant_type": "client_credentials",
        "scope": "openid profile",
    }
    assert request.headers["Authorization"].startswith("Basic ")
    assert await board.link.token() == "at-secret-1"
    assert board.link.is_linked and board.link.can_refresh


async def test_they_are_renewed_ahead_of_expiry_by_asking_again():
    board = board_of_its_own()
    board.http.answer(TOKEN, granted(1), granted(2), granted(3, expires_in=1_000_000))
    async with board.link as link:
        await link.ensure_linked()
        await board.clock.sleep(7_000_000)
        assert await link.token() == "at-secret-3"
    assert board.told.of("refreshed") == [{"rotated": False, "unsaved": None}] * 2
    assert all(
        fields_of(request)["grant_type"] == "client_credentials" for request in board.http.requests
    )


async def test_an_api_that_refuses_the_token_gets_a_new_one():
    board = board_of_its_own()
    board.http.answer(TOKEN, granted(1), granted(2))
    board.http.answer(API, reply(401), reply(200))
    await board.link.ensure_linked()
    assert (await board.link.get(API)).status == 200


async def test_a_passing_trouble_is_tried_twice_more():
    board = board_of_its_own()
    board.http.answer(TOKEN, lost(), refusal("temporarily_unavailable"), granted())
    await board.link.ensure_linked()
    assert board.http.sent_at == [0, 2_000, 6_000]
    board = board_of_its_own()
    board.http.answer(TOKEN, lost(), ...)
    error = await fails(TransportError, board.link.ensure_linked())
    assert error.kind == "network" and board.http.count(TOKEN) == 3
    assert board.told.last("error")["fatal"] is True


async def test_a_refusal_and_a_bad_certificate_are_not_tried_again():
    board = board_of_its_own()
    board.http.answer(TOKEN, refusal("invalid_client", 401))
    error = await fails(ProviderError, board.link.ensure_linked())
    assert error.error == "invalid_client"
    board = board_of_its_own()
    board.http.answer(TOKEN, lost("tls"))
    error = await fails(TransportError, board.link.ensure_linked())
    assert error.kind == "tls" and board.http.count(TOKEN) == 1


async def test_stored_tokens_are_its_own_and_nobody_elses():
    store = MemoryStore()
    board = board_of_its_own(store)
    board.http.answer(TOKEN, granted())
    await board.link.ensure_linked()
    later = board_of_its_own(store)
    async with later.link as link:
        assert await link.token() == "at-secret-1" and link.can_refresh
    person = Board(store)  # the same client at the same provider
    async with person.link as link:
        assert not link.is_linked


async def test_without_a_clock_after_a_reboot_new_ones_are_asked_for():
    store = MemoryStore()
    board = board_of_its_own(store)
    board.http.answer(TOKEN, granted())
    await board.link.ensure_linked()
    later = board_of_its_own(store, clock=FakeClock(unix=None))
    later.http.answer(TOKEN, granted(2))
    async with later.link as link:
        assert await link.token() == "at-secret-2"
