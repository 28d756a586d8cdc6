"""One account's tokens between RAM and the store."""

import support
from fakes import FailingStore

from keyfob.account import Account
from keyfob.errors import StorageError
from keyfob.oauth.token_set import TokenSet
from keyfob.storage.memory import MemoryStore

OWNER = ["https://as.example", "board"]
TOKENS = {
    "access_token": "at-1",
    "refresh_token": "rt-1",
    "scope": "openid",
    "expires_in": 3600,
    "expires_at": 1_790_003_600,
    "id_token": "i.d.t",
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


def test_what_is_kept_is_there_after_a_reboot():
    store = MemoryStore()
    assert not kept(store).is_stored
    account = loaded(store)
    assert account.tokens.record() == dict(TOKENS, grant=None)
    assert (account.subject, account.name, account.is_stored) == ("user-1", "Ana", True)


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
        {"sub": 7},
        {"account": ["Ana"]},
    ):
        record = {"for": OWNER, "sub": "user-1", "account": "Ana", "tokens": TOKENS}
        record.update(change)
        account = Account(OWNER, MemoryStore(record))
        error = support.raises(StorageError, account.load)
        assert account.tokens is None, change
        assert error.hint == "link the board again"
        assert "at-1" not in str(error)


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
