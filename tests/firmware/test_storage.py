"""The store of a link's record, on every home; what it bears, and what it refuses."""

import json
import os
import sys

import flash
import support
from fakes import Folder

from keyfob.errors import StorageError, UsageError
from keyfob.storage.files import FileHome
from keyfob.storage.memory import MemoryStore
from keyfob.storage.open_store import open_store
from keyfob.storage.token_store import TokenStore

RECORD = {"for": ["https://as.example", "board"], "account": "Zoë", "tokens": {"expires_at": 7}}
OTHER = {"account": "Ana"}
THIRD = {"account": None}


def memory(*records):
    """A memory home that has seen these records saved."""
    home = flash.Memory("memory")
    home.blank()
    for record in records:
        home.boot().save(record)
    return home


def packed(record):
    return json.dumps(record).encode()


def each_world():
    for world in flash.worlds():
        world.blank()
        try:
            yield world
        finally:
            flash.leave(world)


def in_folder(folder, name="account"):
    return open_store(name, folder.path)


def test_a_record_comes_back_as_it_went_in():
    for world in each_world():
        assert world.boot().load() is None
        for record in (RECORD, OTHER, RECORD, THIRD):
            world.boot().save(record)
            assert world.boot().load() == record, world.name
        world.boot().erase()
        assert world.boot().load() is None, world.name
        world.boot().erase()  # a second time is no error
    store = MemoryStore()
    store.save(RECORD)
    assert store.load() == RECORD
    store.erase()
    assert store.load() is None


def test_long_tokens_are_kept_whole():
    for world in each_world():
        for letter in "abc":
            record = {"access_token": letter * 4096, "id_token": letter * 4096}
            world.boot().save(record)
            assert world.boot().load() == record, world.name


def test_what_is_too_large_costs_nothing():
    for world in each_world():
        store = world.boot()
        store.save(RECORD)
        world.boot()
        error = support.raises(StorageError, world.boot().save, {"access_token": "s3cret" * 3000})
        assert "too many" in error.message and "s3cret" not in str(error)
        assert world.power.ops == 0
        assert world.boot().load() == RECORD, world.name


def test_a_change_is_one_write_and_no_change_is_none():
    for world in each_world():
        if world.name not in ("memory", "NVS"):
            continue  # a file system has operations of its own
        for record, ops in ((RECORD, 1), (dict(RECORD), 0), (OTHER, 1), (OTHER, 0), (RECORD, 1)):
            store = world.boot()
            store.save(record)
            assert world.power.ops == ops, world.name


def test_a_save_leaves_the_newer_copy_alone():
    home = memory(RECORD, OTHER)
    before = dict(home.places)
    home.boot().save(THIRD)
    assert home.places[1] == before[1] and home.places[0] != before[0]


def test_a_copy_is_in_both_slots_and_either_may_be_lost():
    for seal in (None, _xor_seal()):
        for records in ((), (OTHER,), (OTHER, THIRD)):
            home = flash.Memory("memory")
            home.blank()
            for record in records:
                home.boot(seal).save(record)
            home.boot(seal).copy(RECORD)
            whole = dict(home.places)
            assert sorted(whole) == [0, 1]
            for place in (0, 1):
                for bad in (None, b"rotten", whole[place][:-1]):
                    home.places = dict(whole)
                    del home.places[place]
                    if bad:
                        home.places[place] = bad
                    assert home.boot(seal).load() == RECORD
                    home.boot(seal).save(OTHER)
                    assert home.boot(seal).load() == OTHER


def test_a_copy_is_one_write_for_each_slot_on_every_home():
    for world in each_world():
        store = world.boot()
        store.copy(RECORD)
        assert world.name not in ("memory", "NVS") or world.power.ops == 2
        assert list(store._home.pieces(0)) and list(store._home.pieces(1)), world.name
        assert world.boot().load() == RECORD
        world.boot().save(OTHER)
        store = world.boot()
        assert store.load() == OTHER
        number = store._find(store._check)[2]
        store.save(OTHER)
        assert store._find(store._check)[2] == number, world.name


def test_where_there_is_room_for_one_copy_one_is_made():
    world = flash.NvsWorld("NVS")
    world.blank()
    world.room = 2_000
    world.boot().save(OTHER)
    big = {"access_token": "a" * 1_500}
    world.boot().copy(big)
    assert world.boot().load() == big
    world.blank()
    world.room = 1_000
    world.boot().save(OTHER)
    assert "NVS is full" in support.raises(StorageError, world.boot().copy, big).message
    assert world.boot().load() == OTHER


def test_a_copy_for_which_flash_or_memory_fails_costs_the_first_nothing():
    for error in (OSError(flash.EIO), OSError(flash.ENOSPC), MemoryError()):
        home = memory(OTHER, THIRD)
        write = home.write
        writes = []

        def failing(place, parts, write=write, writes=writes, error=error):
            writes.append(place)
            if len(writes) > 1:
                raise error
            write(place, parts)

        home.write = failing
        home.boot().copy(RECORD)
        home.write = write
        assert home.boot().load() == RECORD and len(writes) > 1


def test_numbers_wrap():
    home = memory()
    store = home.boot()
    home.places = {
        0: flash.slot(store, packed(RECORD), 0xFFFE),
        1: flash.slot(store, packed(OTHER), 0xFFFD),
    }
    for number in range(6):
        record = {"account": "number %d" % number}
        home.boot().save(record)
        assert home.boot().load() == record


def test_sweep_each_bit_that_rots_is_found():
    for seal in (None, _xor_seal()):
        home = memory()
        for record in (RECORD, OTHER):
            home.boot(seal).save(record)
        whole = dict(home.places)
        for place, left in ((0, OTHER), (1, RECORD)):
            for at in range(len(whole[place])):
                for bit in range(8) if support.WHOLE else (at % 8,):
                    rotten = bytearray(whole[place])
                    rotten[at] ^= 1 << bit
                    home.places = {1 - place: whole[1 - place], place: bytes(rotten)}
                    assert home.boot(seal).load() == left, (place, at, bit)
                    home.places = {place: bytes(rotten)}
                    support.raises(StorageError, home.boot(seal).load)
                    home.boot(seal).save(THIRD)
                    assert home.boot(seal).load() == THIRD


def _xor_seal():
    class Seal:
        def seal(self, data, what):
            return bytes(byte ^ 0x55 for byte in data)

        def unseal(self, data, what):
            return self.seal(data, what)

    return Seal()


def test_damage_is_an_error_and_never_an_empty_home():
    whole = memory(RECORD).places[0]
    for damage in (
        b"\x00" * 64,
        b"\xff" * 64,
        b"k",
        b"kfob",
        b"{}",
        whole[:-1],
        whole[:13],
        whole + b"\x00",
        json.dumps(RECORD).encode(),
    ):
        for places in ({0: damage}, {1: damage}, {0: damage, 1: damage}):
            home = memory()
            home.places = places
            error = support.raises(StorageError, home.boot().load)
            assert error.kind == "storage" and "damaged" in error.message, damage
            assert error.hint == "link the board again"
            home.boot().save(RECORD)
            assert home.boot().load() == RECORD
            assert list(home.places) == [0] or list(home.places) == [1], "the damaged one is gone"


def test_an_empty_file_is_a_first_save_that_was_cut_short():
    home = memory()
    home.places = {0: b""}
    assert home.boot().load() is None


def test_a_slot_that_checks_out_and_makes_no_sense_is_damage():
    for nonsense in ([], "account", None, 7):
        home = memory(RECORD)
        home.places[1] = flash.slot(home.boot(), packed(nonsense), 2)
        assert home.boot().load() == RECORD
        del home.places[0]
        assert "damaged" in support.raises(StorageError, home.boot().load).message


def test_a_slot_of_a_later_version_is_said_to_be_one():
    from binascii import crc32

    home = memory(RECORD)
    data = bytearray(home.places[0])
    data[4] = 9
    data[10:14] = crc32(data[14:], crc32(data[:10])).to_bytes(4, "little")
    home.places[0] = bytes(data)
    assert "another version" in support.raises(StorageError, home.boot().load).message


def test_a_slot_that_cannot_be_read_leaves_the_other():
    for dead, left in (((0,), OTHER), ((1,), RECORD), ((0, 1), None)):
        home = memory(RECORD, OTHER)
        store = home.boot()
        sound = {place: home.places[place] for place in home.places if place not in dead}

        def read(place, sound=sound, dead=dead):
            if place in dead:
                raise OSError(flash.EIO)
            return sound.get(place)

        home.read = read
        if left is None:
            error = support.raises(StorageError, store.load)
            assert "cannot be read" in error.message and error.hint == home.hint
        else:
            assert store.load() == left


def test_a_bit_that_is_read_wrongly_once_changes_no_token():
    records = {"refresh_token": "a" * 40}, {"refresh_token": "b" * 40}
    for wrong in range(3):  # both slots are looked at, then the newer is read
        home = memory(*records)
        pieces = home.pieces
        reads = []

        def misread(place, pieces=pieces, reads=reads, wrong=wrong):
            reads.append(place)
            for number, piece in enumerate(pieces(place)):
                yield piece[:-1] + b"~" if number == 1 and len(reads) == wrong + 1 else piece

        home.pieces = misread
        assert home.boot().load() in records, wrong
        home.pieces = pieces
        assert home.boot().load() == records[1], "and the next time it is right"


def test_a_slot_that_cannot_be_compared_is_left_alone():
    home = memory(RECORD, OTHER)
    before = dict(home.places)
    holds = home.holds
    answers = [OSError(flash.EIO)]

    def once(place, parts):
        if answers:
            raise answers.pop()
        return holds(place, parts)

    home.holds = once
    home.boot().save(THIRD)
    assert home.places[1] == before[1] and home.boot().load() == THIRD


def test_a_save_is_read_back():
    home = memory(RECORD)
    store = home.boot()
    home.write = lambda place, parts: home.places.update({place: b"".join(parts)[:-1]})
    error = support.raises(StorageError, store.save, OTHER)
    assert "reads back otherwise" in error.message
    assert home.boot().load() == RECORD


def test_a_record_of_any_length_is_stored_intact():
    for world in each_world():
        for length in list(range(200, 300)) + [511, 512, 513, 2500]:  # the pieces' edges
            for letter in "xé":
                record = {"tokens": letter * length}
                world.boot().save(record)
                assert world.boot().load() == record, (world.name, letter, length)


def test_a_save_compares_every_byte_of_what_is_stored():
    record = {"tokens": "x" * 700}
    home = memory(record)
    number = home.boot()._find(home.boot()._check)[2]
    home.boot().save(record)
    assert home.boot()._find(home.boot()._check)[2] == number, "nothing changed"
    for at in (0, 300, 699):
        record = {"tokens": record["tokens"][:at] + "y" + record["tokens"][at + 1 :]}
        home.boot().save(record)
        assert home.boot().load() == record


def test_a_save_needs_no_block_of_memory_for_all_of_a_slot():
    home = memory({"tokens": "x" * 4000})
    write = home.write
    sizes = []

    def watched(place, parts):
        parts = list(parts)
        sizes.extend([len(part) for part in parts])
        write(place, parts)

    home.write = watched
    home.boot().save({"tokens": "z" * 4000})
    assert max(sizes) <= 256 and sum(sizes) > 4000


def test_too_little_memory_is_no_reason_to_fall_back_on_the_older_copy():
    home = memory(RECORD, OTHER)
    store = home.boot()

    def read(place):
        raise MemoryError()

    home.read = read
    for call in (store.load, lambda: store.save(THIRD)):
        assert "memory" in support.raises(StorageError, call).message
    store.erase()
    assert home.places == {}


def test_flash_that_takes_no_writes_costs_nothing():
    for world in each_world():
        for number in (flash.ENOSPC, flash.EROFS, flash.EIO):
            world.boot().save(OTHER)
            world.boot().save(RECORD)
            store = world.boot()
            world.error = OSError(number)
            error = support.raises(StorageError, store.save, THIRD)
            why = {28: "the flash is full", 30: "the flash is read-only"}.get(number, "")
            assert error.message.startswith("the link cannot be stored: " + why), world.name
            assert error.hint, world.name
            if not hasattr(world, "read_only"):  # a real file system reads no more then, either
                assert store.load() == RECORD, world.name
                assert "erased" in support.raises(StorageError, store.erase).message
            world.error = None
            assert world.boot().load() == RECORD, world.name
            world.boot().save(THIRD)
            assert world.boot().load() == THIRD, world.name


def test_a_read_only_file_system_is_read():
    for world in each_world():
        if not hasattr(world, "read_only"):
            continue
        world.boot().save(RECORD)
        world.read_only = True
        store = world.boot()
        assert store.load() == RECORD, world.name
        error = support.raises(StorageError, store.save, OTHER)
        assert "read-only" in error.hint, world.name
        support.raises(StorageError, store.erase)
        assert world.boot().load() == RECORD, world.name


def test_a_full_disk_still_holds_what_it_held():
    for world in each_world():
        if not hasattr(world, "fill"):
            continue
        world.boot().save(RECORD)
        world.fill()
        big = {"access_token": "a" * 4096}
        error = support.raises(StorageError, world.boot().save, big)
        assert "free some flash" in error.hint, world.name
        assert world.boot().load() == RECORD, world.name


def test_a_full_nvs_still_holds_what_it_held():
    world = flash.NvsWorld("NVS")
    world.blank()
    world.room = 2_000
    world.boot().save(RECORD)
    error = support.raises(StorageError, world.boot().save, {"access_token": "a" * 1900})
    assert error.message == "the link cannot be stored: NVS is full" and "NVS" in error.hint
    assert world.boot().load() == RECORD


def test_the_superseded_copy_makes_room_for_the_new_one():
    world = flash.NvsWorld("NVS")
    world.blank()
    world.room = 10_000
    for letter in "abcd":
        record = {"access_token": letter * 4096}
        world.boot().save(record)
        assert world.boot().load() == record


def test_an_nvs_without_its_partition_is_an_error():
    world = flash.NvsWorld("NVS")
    world.blank()
    store = world.boot()
    world.has_partition = False
    for call in (store.load, lambda: store.save(RECORD), store.erase):
        assert "NVS" in support.raises(StorageError, call).hint


def test_the_format_before_is_taken_over():
    for world in each_world():
        world.put_former(json.dumps(RECORD))
        assert world.boot().load() == RECORD, world.name
        assert world.boot().load() == RECORD, "reading changes nothing"
        world.boot().save(RECORD)  # in the new format, though nothing changed
        home = world.boot()._home
        assert not list(home.pieces(2)) and list(home.pieces(0)), world.name
        assert world.boot().load() == RECORD


def test_the_format_before_is_not_asked_while_a_slot_reads():
    home = memory(OTHER)
    home.put_former(json.dumps(RECORD))
    assert home.boot().load() == OTHER
    home.places[0] = b"rotten"
    assert home.boot().load() == RECORD


def test_damage_in_the_format_before():
    for damage in ("{", "[]", "7", "null", "\x00", "[" * 10_000):
        home = memory()
        home.put_former(damage)
        assert "damaged" in support.raises(StorageError, home.boot().load).message
        home.boot().save(RECORD)
        assert home.boot().load() == RECORD
        assert 2 not in home.places


def test_erasing_takes_along_every_leftover():
    with Folder() as folder:
        store = in_folder(folder)
        store.save(RECORD)
        store.save(OTHER)
        folder.write("link-account.json", RECORD)
        folder.write("link-account.json.new", b'{"tok')
        store.erase()
        assert os.listdir(folder.path) == []


def test_erasing_tries_every_place_before_it_complains():
    with Folder() as folder:
        os.mkdir(folder.path + "/link-account.json")
        folder.write("link-account.0", b"x")
        try:
            support.raises(StorageError, in_folder(folder).erase)
            assert os.listdir(folder.path) == ["link-account.json"]
        finally:
            os.rmdir(folder.path + "/link-account.json")


def test_what_cannot_be_cleared_away_does_not_make_a_save_fail():
    with Folder() as folder:
        in_the_way = folder.path + "/link-account.json"
        os.mkdir(in_the_way)
        os.mkdir(in_the_way + "/x")
        try:
            in_folder(folder).save(RECORD)
            assert in_folder(folder).load() == RECORD
            support.raises(StorageError, in_folder(folder).erase)
        finally:
            os.rmdir(in_the_way + "/x")
            os.rmdir(in_the_way)
        in_folder(folder).erase()
        assert os.listdir(folder.path) == []


def test_links_of_other_names_are_other_files():
    with Folder() as folder:
        in_folder(folder, "calendar").save(RECORD)
        assert in_folder(folder).load() is None
        in_folder(folder).erase()
        assert in_folder(folder, "calendar").load() == RECORD


def test_the_longest_name_fits_a_key():
    world = flash.NvsWorld("NVS")
    world.blank()
    before = sys.modules.get("esp32")
    sys.modules["esp32"] = world
    world.seen = {}
    try:
        open_store("a-long_name-9", home="nvs").save(RECORD)
    finally:
        del sys.modules["esp32"]
        if before is not None:
            sys.modules["esp32"] = before
    assert list(world.kept) == ["a-long_name-9.0"]


def test_a_name_that_is_no_good():
    for name in ("", "a" * 14, "a/b", "..", "Calendar", "zoë", "a b"):
        error = support.raises(UsageError, open_store, name)
        assert "a-z" in error.hint
    support.raises(UsageError, open_store, "account", "", "floppy")


def test_without_nvs_there_are_files():
    with Folder() as folder:
        open_store(directory=folder.path, home="nvs").save(RECORD)
        assert os.listdir(folder.path) == ["link-account.0"]


def test_a_home_that_is_not_there_is_an_error_of_its_own():
    store = TokenStore(FileHome("/nowhere-%d" % id(RECORD)))
    assert store.load() is None
    error = support.raises(StorageError, store.save, RECORD)
    assert "Zo" not in str(error)


def test_a_foreign_file_of_any_size_is_not_read_into_memory():
    with Folder() as folder:
        folder.write("link-account.0", bytes(20_000))
        error = support.raises(StorageError, in_folder(folder).load)
        assert "cannot be read" in error.message
        in_folder(folder).save(RECORD)
        assert in_folder(folder).load() == RECORD
