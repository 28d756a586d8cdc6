"""The homes of a link's record: files and memory."""

import json
import os

import support
from fakes import Folder

from keyfob.errors import StorageError
from keyfob.storage.file import FileStore
from keyfob.storage.memory import MemoryStore

RECORD = {"for": ["https://as.example", "board"], "account": "Zoë", "tokens": {"expires_at": 7}}


def test_a_record_comes_back_as_it_went_in():
    with Folder() as folder:
        for store in (FileStore(folder.path), MemoryStore()):
            assert store.load() is None
            store.save(RECORD)
            assert store.load() == RECORD
            store.save({"account": None})
            assert store.load() == {"account": None}
            store.erase()
            assert store.load() is None


def test_a_file_outlives_the_store_that_wrote_it():
    with Folder() as folder:
        FileStore(folder.path).save(RECORD)
        assert FileStore(folder.path).load() == RECORD
        assert os.listdir(folder.path) == ["link-account.json"]


def test_links_of_other_names_are_other_files():
    with Folder() as folder:
        FileStore(folder.path, "calendar").save(RECORD)
        assert FileStore(folder.path).load() is None
        FileStore(folder.path).erase()
        assert FileStore(folder.path, "calendar").load() == RECORD


def test_long_tokens_are_kept_whole():
    record = {"access_token": "a" * 4096, "id_token": "i" * 4096}
    with Folder() as folder:
        store = FileStore(folder.path)
        store.save(record)
        assert store.load() == record


def test_damage_is_an_error_and_never_an_empty_home():
    whole = json.dumps(RECORD).encode()
    for damage in (
        b"",
        b"\x00" * 64,
        b"\xff\xfe\xff",
        whole[:-1],
        whole[: len(whole) // 2],
        b"[]",
        b'"account"',
        b"null",
        b"7",
        b"[" * 10_000,
    ):
        with Folder() as folder:
            folder.write("link-account.json", damage)
            error = support.raises(StorageError, FileStore(folder.path).load)
            assert error.kind == "storage"
            assert error.hint, damage


def test_a_damaged_file_can_be_replaced_and_erased():
    with Folder() as folder:
        folder.write("link-account.json", b"{")
        store = FileStore(folder.path)
        store.save(RECORD)
        assert store.load() == RECORD
        folder.write("link-account.json", b"{")
        store.erase()
        assert store.load() is None


def test_an_interrupted_save_leaves_the_old_record():
    with Folder() as folder:
        store = FileStore(folder.path)
        store.save(RECORD)
        folder.write("link-account.json.new", b'{"tok')
        assert store.load() == RECORD


def test_erasing_takes_along_what_an_interrupted_save_left():
    with Folder() as folder:
        store = FileStore(folder.path)
        store.save(RECORD)
        folder.write("link-account.json.new", b'{"tok')
        store.erase()
        assert os.listdir(folder.path) == []
        store.erase()  # a second time is no error


def test_a_home_that_is_not_there_is_an_error_of_its_own():
    store = FileStore("/nowhere-%d" % id(RECORD))
    assert store.load() is None
    error = support.raises(StorageError, store.save, RECORD)
    assert "Zo" not in str(error)


def test_a_save_that_fails_leaves_no_half_file():
    with Folder() as folder:
        store = FileStore(folder.path)
        os.mkdir(folder.path + "/link-account.json")  # nothing can take a folder's place
        try:
            support.raises(StorageError, store.save, RECORD)
            assert os.listdir(folder.path) == ["link-account.json"]
            support.raises(StorageError, store.load)
            support.raises(StorageError, store.erase)
        finally:
            os.rmdir(folder.path + "/link-account.json")


def test_a_record_is_never_written_over():
    with Folder() as folder:
        store = FileStore(folder.path)
        store.save(RECORD)
        os.mkdir(folder.path + "/link-account.json.new")  # where the next one would go first
        try:
            support.raises(StorageError, store.save, {"account": None})
            assert store.load() == RECORD
        finally:
            os.rmdir(folder.path + "/link-account.json.new")


def test_erasing_tries_both_files_before_it_complains():
    with Folder() as folder:
        os.mkdir(folder.path + "/link-account.json")
        folder.write("link-account.json.new", b"{}")
        try:
            support.raises(StorageError, FileStore(folder.path).erase)
            assert os.listdir(folder.path) == ["link-account.json"]
        finally:
            os.rmdir(folder.path + "/link-account.json")
