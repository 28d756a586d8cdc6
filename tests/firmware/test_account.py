"""One account's tokens between RAM and the store."""

import flash
import support
from conversation import profile, reply
from fakes import FailingStore

from keyfob.errors import StorageError
from keyfob.link.account import Account
from keyfob.oauth.device_grant import DeviceGrant
from keyfob.oauth.messages import Client
from keyfob.oauth.token_set import TokenSet
from keyfob.storage.memory import MemoryStore

OWNER = ["https://as.example", "board"]
CLIENT = Client("board")
UNIX = 1_790_000_000
# All that is stored of tokens and of a code, but for the grant of a board's own account, and for
# the number of tries since a link has ended.
TOKENS = {
    "access_token": "at-1",
    "refresh_token": "rt-1",
    "scope": "openid",
    "expires_in": 3600,
    "expires_at": 1_790_003_600,
    "id_token": "i.d.t",
    "wait": 1800,
    "schedule": 1_790_001_800,
}
UNSET = {"grant": None, "signed_out": None, "lost": None}
PENDING = {
    "device_code": "dc-secret",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://as.example/device",
    "verification_uri_complete": None,
    "expires_at": 1_790_001_800,
    "expires_in": 1800,
    "interval": 5,
}


def kept(store, owner=OWNER):
    """A link as it is after linking."""
    account = Account(owner, store)
    account.subject, account.name = "user-1", "Ana"
    account.keep(TokenSet(TOKENS))
    return account


def loaded(store, owner=OWNER):
    account = Account(owner, store)
    account.load()
    return account


def test_a_subject_that_an_earlier_version_took_for_a_name_is_none():
    for subject, name in (
        ("tTQ0eNZyXpmzlDcGkWvSHhBJrRuAfLoI", None),
        ("0b64d2ce-ef1c-4b7a-9b34-6a7bd9ab4f2d", None),
        ("ana", "ana"),
    ):
        store = MemoryStore()
        account = kept(store)
        account.subject = account.name = subject
        account.save()
        found = loaded(store)
        assert (found.subject, found.name) == (subject, name)


def test_what_is_kept_is_there_after_a_reboot():
    store = MemoryStore()
    assert not kept(store).is_stored
    account = loaded(store)
    assert account.tokens.record() == dict(TOKENS, **UNSET)
    assert (account.subject, account.name, account.is_stored) == ("user-1", "Ana", True)


def test_every_field_of_tokens_is_read_and_outlives_a_reboot_and_a_refresh():
    stated = dict(TOKENS, token_type="Bearer", refresh_expires_in=1800)
    tokens = TokenSet.granted(stated, profile(), None, 0, UNIX)
    assert tokens.record() == dict(TOKENS, **UNSET)
    store = MemoryStore()
    Account(OWNER, store).keep(tokens)
    tokens = loaded(store).tokens
    assert tokens.record() == dict(TOKENS, **UNSET)
    least = reply(200, {"access_token": "at-2", "token_type": "Bearer"})
    fresh = tokens.receive(least, profile(), CLIENT, 0, UNIX)
    new = {"access_token": "at-2", "expires_in": None, "expires_at": None}
    assert fresh.record() == dict(TOKENS, **dict(UNSET, **new))


def test_that_a_link_has_ended_is_known_after_a_reboot_and_does_not_cost_its_tokens():
    store = MemoryStore()
    account = kept(store)
    account.tokens.end(1, 0, UNIX)
    account.keep_pending(PENDING)
    again = loaded(store)
    ended = {"wait": 3600, "schedule": UNIX + 3600, "signed_out": 1}
    assert again.tokens.record() == dict(TOKENS, **dict(UNSET, **ended))
    assert again.tokens.is_dead and not again.is_usable(0, UNIX)
    assert (again.subject, again.name, again.pending) == ("user-1", "Ana", PENDING)
    again.drop_pending()
    assert loaded(store).tokens.is_dead


def test_every_field_of_a_code_is_read_and_outlives_a_reset():
    grant = DeviceGrant(profile(), CLIENT)
    grant.authorize(0)
    grant.receive(reply(200, PENDING), 0, UNIX)
    assert grant.record(0, UNIX) == PENDING
    store = MemoryStore()
    Account(OWNER, store).keep_pending(grant.record(0, UNIX))
    again = DeviceGrant(profile(), CLIENT)
    assert again.resume(loaded(store).pending, 0, UNIX)
    assert again.record(0, UNIX) == PENDING


def test_no_field_is_believed_whatever_its_type():
    for kind, fields in (("tokens", TOKENS), ("pending", PENDING)):
        for name in fields:
            store = MemoryStore({"for": OWNER, kind: dict(fields, **{name: []})})
            assert name in support.raises(StorageError, loaded, store).message


def test_members_that_a_provider_left_out_may_be_missing():
    store = MemoryStore({"for": OWNER, "tokens": {"access_token": "at-1"}})
    account = loaded(store)
    assert account.tokens.access_token == "at-1"
    assert account.tokens.refresh_token is account.subject is account.name is None


def test_an_empty_store_and_none_at_all_hold_no_link():
    assert loaded(MemoryStore()).tokens is None
    account = loaded(None)
    account.keep(TokenSet(TOKENS))
    assert account.tokens.access_token == "at-1"
    account.forget()
    assert account.tokens is None


def test_tokens_of_another_provider_or_client_are_not_taken():
    store = MemoryStore()
    kept(store)
    for owner in (["https://other.example", "board"], ["https://as.example", "other"]):
        account = loaded(store, owner)
        assert account.tokens is account.subject is account.name is None
        assert not account.is_stored


def test_a_record_that_makes_no_sense_is_damage():
    for change in (
        {"for": None},
        {"for": "https://as.example"},
        {"tokens": None},
        {"tokens": []},
        {"tokens": "at-1"},
        {"tokens": {}},
        {"tokens": {"access_token": ""}},
        {"tokens": {"access_token": 7}},
        {"tokens": dict(TOKENS, refresh_token=["rt"])},
        {"tokens": dict(TOKENS, scope=1)},
        {"tokens": dict(TOKENS, expires_in="3600")},
        {"tokens": dict(TOKENS, expires_in=True)},
        {"tokens": dict(TOKENS, expires_at="soon")},
        {"tokens": dict(TOKENS, id_token={})},
        {"tokens": dict(TOKENS, wait="1800")},
        {"tokens": dict(TOKENS, schedule="soon")},
        {"tokens": dict(TOKENS, signed_out=True)},
        {"sub": 7},
        {"account": ["Ana"]},
        {"pending": []},
        {"pending": {}},
        {"pending": dict(PENDING, device_code="")},
        {"pending": dict(PENDING, device_code=None)},
        {"pending": dict(PENDING, user_code=7)},
        {"pending": dict(PENDING, verification_uri=None)},
        {"pending": dict(PENDING, verification_uri_complete=1)},
        {"pending": dict(PENDING, expires_at="soon")},
        {"pending": dict(PENDING, expires_in=True)},
        {"pending": dict(PENDING, interval=None)},
        {"pending": dict(PENDING, interval=True)},
        # What no reply could have brought.
        {"account": "Ana\x1b[2J"},
        {"tokens": dict(TOKENS, access_token="at-1\r\nX-Admin: 1")},
        {"tokens": dict(TOKENS, access_token="at 1")},
        {"tokens": dict(TOKENS, refresh_token="rt\n")},
        {"tokens": dict(TOKENS, id_token="i.d.\u0442")},
        {"tokens": dict(TOKENS, expires_in=-1)},
        {"tokens": dict(TOKENS, expires_in=3600.0)},
        {"tokens": dict(TOKENS, expires_in=10**11)},
        {"tokens": dict(TOKENS, expires_at=float("nan"))},
        {"tokens": dict(TOKENS, expires_at=float("inf"))},
        {"tokens": dict(TOKENS, expires_at=-1)},
        {"tokens": dict(TOKENS, expires_at=10**30)},
        {"tokens": dict(TOKENS, wait=-5)},
        {"tokens": dict(TOKENS, signed_out=-7)},
        {"tokens": dict(TOKENS, signed_out=1, wait=None)},
        {"pending": dict(PENDING, interval=0)},
        {"pending": dict(PENDING, interval=-5)},
        {"pending": dict(PENDING, interval=10**30)},
        {"pending": dict(PENDING, interval=float("nan"))},
        {"pending": dict(PENDING, expires_in=-1)},
        {"pending": dict(PENDING, user_code="WDJB\x07")},
        {"pending": dict(PENDING, device_code="dc\n")},
        {"pending": dict(PENDING, verification_uri="javascript:alert(1)")},
        {"pending": dict(PENDING, verification_uri="as.example/device")},
        {"pending": dict(PENDING, verification_uri="https://as.example/ \n")},
        {"pending": dict(PENDING, verification_uri="https://as.example/" + "x" * 512)},
        {"pending": dict(PENDING, verification_uri_complete="ftp://as.example/")},
    ):
        record = {"for": OWNER, "sub": "user-1", "account": "Ana", "tokens": TOKENS}
        record.update(change)
        account = Account(OWNER, MemoryStore(record))
        error = support.raises(StorageError, account.load)
        assert account.tokens is account.pending is None, change
        assert error.hint == "link the board again"
        assert "at-1" not in str(error) and "dc-secret" not in str(error)


def test_the_older_copy_is_used_where_the_newer_one_is_of_no_use():
    for worse in (
        {"tokens": dict(TOKENS, access_token="at\r2")},
        {"tokens": dict(TOKENS, expires_in=-1)},
        {"tokens": TOKENS, "pending": dict(PENDING, interval=-5)},
        {"tokens": TOKENS, "sub": 7},
        {"for": []},
        {},
    ):
        home = flash.Memory("memory")
        home.blank()
        kept(home.boot())
        home.boot().save(dict({"for": OWNER}, **worse))
        account = loaded(home.boot())
        assert account.tokens.record() == dict(TOKENS, **UNSET), worse
        assert (account.name, account.is_stored) == ("Ana", True)
        # A cut in the next save costs nothing, as if the newer copy could not be read.
        for how in flash.HOWS:
            store = home.boot()
            places = dict(home.places)
            home.power.cut(1, how)
            account._store = store
            support.raises(flash.PowerLost, account.keep, TokenSet(dict(TOKENS, scope="new")))
            assert loaded(home.boot()).tokens.access_token == "at-1", (worse, how)
            home.places = places


def test_where_no_copy_is_of_use_none_is_removed():
    home = flash.Memory("memory")
    home.blank()
    for scope in ("a", "b"):
        home.boot().save({"for": OWNER, "tokens": dict(TOKENS, scope=scope, expires_in=-1)})
    before = dict(home.places)
    error = support.raises(StorageError, loaded, home.boot())
    assert error.message == "the stored link is damaged at expires_in"
    assert home.places == before and len(before) == 2


def test_copies_of_another_owner_are_neither_of_no_use_nor_removed():
    home = flash.Memory("memory")
    home.blank()
    kept(home.boot())
    kept(home.boot(), ["https://other.example", "board"])
    before = dict(home.places)
    assert loaded(home.boot()).tokens is None
    assert home.places == before


def test_what_is_new_is_durable_before_it_is_used():
    seen = []

    class Store:
        def save(self, record):
            seen.append((account.tokens, record["tokens"]["access_token"]))

    account = Account(OWNER, Store())
    account.keep(TokenSet(TOKENS))
    assert seen == [(None, "at-1")]


def test_a_store_that_fails_costs_the_running_link_nothing():
    account = Account(OWNER, FailingStore())
    support.raises(StorageError, account.load)
    support.raises(StorageError, account.keep, TokenSet(TOKENS))
    assert account.tokens.access_token == "at-1"


def test_a_new_link_asks_for_two_copies_until_they_are_made():
    calls = []

    class Store(FailingStore):
        def copy(self, record):
            calls.append("copy")
            super().save(record)

        def save(self, record):
            calls.append("save")
            super().save(record)

    account = Account(OWNER, Store())
    account.is_new = True
    support.raises(StorageError, account.keep, TokenSet(TOKENS))
    support.raises(StorageError, account.save)
    account._store.fails = ()
    account.save()
    account.keep(TokenSet(TOKENS))
    assert calls == ["copy", "copy", "copy", "save"]
    account = Account(OWNER, MemoryStore())  # a store that knows of one copy
    account.is_new = True
    account.keep(TokenSet(TOKENS))
    assert account._store.load()["tokens"]["access_token"] == "at-1"


def test_what_a_save_could_not_do_is_done_by_the_next():
    for is_linked, is_pending in ((True, False), (True, True), (False, True), (False, False)):
        store = FailingStore(record={"old": True})
        account = Account(OWNER, store)
        if is_linked:
            support.raises(StorageError, account.keep, TokenSet(TOKENS))
        if is_pending:
            support.raises(StorageError, account.keep_pending, PENDING)
        support.raises(StorageError, account.save)
        store.fails = ()
        account.save()
        if is_linked or is_pending:
            assert ("tokens" in store.record, "pending" in store.record) == (is_linked, is_pending)
            assert loaded(store).pending == (PENDING if is_pending else None)
        else:
            assert store.record is None


def test_a_link_that_could_not_be_read_is_not_saved_over():
    store = FailingStore(record={"sealed": True}, fails=("load",))
    account = Account(OWNER, store)
    support.raises(StorageError, account.load)
    account.save()
    account.keep_pending(PENDING)
    account.save()
    assert store.record == {"sealed": True}
    store.fails = ("save",)
    support.raises(StorageError, account.keep, TokenSet(TOKENS))
    store.fails = ()
    account.save()
    assert loaded(store).tokens.access_token == "at-1"


def test_tokens_that_there_is_no_room_to_use_are_stored_as_they_are():
    store = MemoryStore()
    account = Account(OWNER, store)
    account.keep_pending(PENDING)
    account.keep_issued(dict(TOKENS, issued_at=7))
    assert account.tokens is None
    account = loaded(store)
    assert account.tokens.record() == dict(TOKENS, **UNSET)
    assert account.pending is None


def test_forgetting_leaves_nothing_here_or_there():
    store = MemoryStore()
    account = kept(store)
    account.forget()
    assert account.tokens is account.subject is account.name is None
    assert store.load() is None


def test_a_store_that_cannot_erase_is_told_of_after_ram_is_clean():
    account = kept(FailingStore(fails=("erase",)))
    support.raises(StorageError, account.forget)
    assert account.tokens is account.subject is account.name is None


def test_a_pending_link_is_there_after_a_reboot():
    store = MemoryStore()
    account = Account(OWNER, store)
    account.keep_pending(PENDING)
    assert account.pending == PENDING
    account = loaded(store)
    assert account.pending == PENDING
    assert account.tokens is None and not account.is_stored


def test_a_pending_link_may_lack_what_a_provider_leaves_out():
    least = {name: PENDING[name] for name in ("device_code", "user_code", "verification_uri")}
    least.update({"interval": 5, "expires_at": None})
    store = MemoryStore({"for": OWNER, "pending": least})
    assert loaded(store).pending == least


def test_new_tokens_end_a_pending_link_in_one_write():
    saved = []

    class Store:
        def save(self, record):
            saved.append(record)

    account = Account(OWNER, Store())
    account.keep_pending(PENDING)
    account.keep(TokenSet(TOKENS))
    assert len(saved) == 2
    assert "pending" not in saved[1] and saved[1]["tokens"] == TokenSet(TOKENS).record()
    assert account.pending is None


def test_a_dropped_pending_link_leaves_nothing():
    store = MemoryStore()
    account = Account(OWNER, store)
    account.drop_pending()  # there is none, and that is no error
    account.keep_pending(PENDING)
    account.drop_pending()
    assert account.pending is None and store.load() is None


def test_a_pending_link_and_tokens_leave_each_other_alone():
    store = MemoryStore()
    account = kept(store)
    account.keep_pending(PENDING)
    account = loaded(store)
    assert account.pending == PENDING and account.tokens.record() == TokenSet(TOKENS).record()
    assert (account.subject, account.name, account.is_stored) == ("user-1", "Ana", True)
    account.drop_pending()
    assert loaded(store).pending is None
    assert loaded(store).tokens.record() == TokenSet(TOKENS).record()


def test_a_pending_link_of_another_provider_or_client_is_not_taken():
    store = MemoryStore()
    Account(OWNER, store).keep_pending(PENDING)
    for owner in (["https://other.example", "board"], ["https://as.example", "other"]):
        assert loaded(store, owner).pending is None


def test_a_store_that_fails_does_not_cost_a_pending_link():
    account = Account(OWNER, FailingStore())
    error = support.raises(StorageError, account.keep_pending, PENDING)
    assert "dc-secret" not in str(error)
    assert account.pending == PENDING
    support.raises(StorageError, account.drop_pending)
    assert account.pending is None


def test_a_link_that_could_not_be_read_gives_way_to_new_tokens_only():
    store = kept(FailingStore(fails=()))._store
    for is_approved in (False, True):
        account = Account(OWNER, store)
        store.fails = ("load",)
        support.raises(StorageError, account.load)
        store.fails = ()
        account.keep_pending(PENDING)
        assert account.pending == PENDING
        if is_approved:
            account.keep(TokenSet(dict(TOKENS, refresh_token="rt-2")))
            account.keep_pending(PENDING)
            account.drop_pending()
            assert loaded(store).tokens.refresh_token == "rt-2"
        else:
            account.drop_pending()
            assert loaded(store).tokens.refresh_token == "rt-1"


def test_without_a_store_a_pending_link_lives_in_memory():
    account = Account(OWNER)
    account.keep_pending(PENDING)
    assert account.pending == PENDING
    account.drop_pending()
    assert account.pending is None


def test_forgetting_takes_a_pending_link_along():
    store = MemoryStore()
    account = Account(OWNER, store)
    account.keep_pending(PENDING)
    account.forget()
    assert account.pending is None and store.load() is None


def test_no_secret_shows():
    account = kept(MemoryStore())
    account.keep_pending(PENDING)
    for secret in ("at-1", "rt-1", "dc-secret"):
        assert secret not in repr(account) + str(account)
