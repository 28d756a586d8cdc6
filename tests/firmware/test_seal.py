"""The seal on a stored record, and where its secret comes from."""

import sys
from binascii import crc32, unhexlify

import flash
import support

from keyfob.errors import StorageError, UsageError
from keyfob.storage import device_secret, seal
from keyfob.storage.seal import Seal

SECRET = bytes(range(32))
RECORD = {"tokens": {"refresh_token": "rt-secret"}}
OTHER = {"tokens": {"refresh_token": "rt-other"}}


def home(*records, **options):
    world = flash.Memory("memory")
    world.blank()
    for record in records:
        world.boot(options.get("seal", Seal(SECRET))).save(record)
    return world


def test_hmac_as_rfc_4231_has_it():
    assert seal.hmac(b"\x0b" * 20, b"Hi ", b"There") == unhexlify(
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    )
    assert seal.hmac(b"Jefe", b"what do ya want for nothing?") == unhexlify(
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_keys_are_derived_as_rfc_5869_has_it():
    assert seal.derive(b"\x0b" * 22, b"") == unhexlify(
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    )


def test_a_sealed_record_comes_back_and_cannot_be_read_without():
    world = home(RECORD)
    assert b"rt-secret" not in world.places[0]
    assert world.boot(Seal(SECRET)).load() == RECORD
    error = support.raises(StorageError, world.boot().load)
    assert "sealed" in error.message and "key" in error.hint


def test_every_length_comes_back():
    for size in range(40):
        data = bytes(range(size))
        sealed = Seal(SECRET).seal(data, b"what")
        assert Seal(SECRET).unseal(sealed, b"what") == data


def test_no_two_seals_are_alike():
    assert Seal(SECRET).seal(b"data", b"") != Seal(SECRET).seal(b"data", b"")


def test_another_key_and_another_link_are_found_out():
    for other in (Seal(bytes(32)), Seal(SECRET, "calendar")):
        world = home(RECORD)
        error = support.raises(StorageError, world.boot(other).load)
        assert "another key" in error.message and error.hint == "link the board again"
        world.boot(other).save(OTHER)
        assert world.boot(other).load() == OTHER
        assert len(world.places) == 1, "what nobody can open is gone"


def test_whatever_is_changed_is_found_out_though_the_checksum_is_right():
    whole = home(RECORD).places[0]
    for at in range(4, len(whole)):
        if 8 <= at < 14:
            continue  # length and checksum
        data = bytearray(whole)
        data[at] ^= 1
        data[10:14] = crc32(data[14:], crc32(data[:10])).to_bytes(4, "little")
        world = home()
        world.places[0] = bytes(data)
        support.raises(StorageError, world.boot(Seal(SECRET)).load)


def test_what_is_cut_short_is_found_out():
    sealed = Seal(SECRET).seal(b"data", b"")
    for size in range(len(sealed)):
        support.raises(StorageError, Seal(SECRET).unseal, sealed[:size], b"")


def test_nothing_is_decrypted_before_it_is_known_to_be_ours():
    real, seal._aes = seal._aes, None
    try:
        support.raises(StorageError, Seal(SECRET).unseal, bytes(80), b"")
    finally:
        seal._aes = real


def test_a_copy_that_was_tampered_with_leaves_the_other():
    world = home(RECORD, OTHER)
    data = bytearray(world.places[1])
    data[-1] ^= 1
    data[10:14] = crc32(data[14:], crc32(data[:10])).to_bytes(4, "little")
    world.places[1] = bytes(data)
    assert world.boot(Seal(SECRET)).load() == RECORD


def test_a_plain_record_is_not_taken_for_a_sealed_one():
    world = home(RECORD, seal=None)
    assert "not sealed" in support.raises(StorageError, world.boot(Seal(SECRET)).load).message
    world.put_former('{"account": null}')
    support.raises(StorageError, world.boot(Seal(SECRET)).load)
    world.boot(Seal(SECRET)).save(OTHER)
    assert len(world.places) == 1, "no plain copy stays"
    assert world.boot(Seal(SECRET)).load() == OTHER


def test_a_short_secret_is_refused_without_telling_it():
    error = support.raises(UsageError, Seal, b"hunter2")
    assert "hunter2" not in str(error) and error.hint


class Esp32:
    """An `esp32` module whose NVS holds `secret`."""

    def __init__(self, secret):
        self.secret = secret

    def NVS(self, namespace):  # noqa: N802 - its name on a board
        return self

    def get_blob(self, key, buffer):
        if self.secret is None:
            raise OSError(flash.NVS_NOT_FOUND, "ESP_ERR_NVS_NOT_FOUND")
        if len(self.secret) > len(buffer):
            raise OSError(-0x110C, "ESP_ERR_NVS_INVALID_LENGTH")
        buffer[: len(self.secret)] = self.secret
        return len(self.secret)


def with_module(name, module, function, *arguments):
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        return function(*arguments)
    finally:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before


def test_a_secret_in_nvs():
    assert with_module("esp32", Esp32(SECRET), device_secret.from_nvs) == SECRET
    for secret in (None, b"", bytes(32), SECRET[:16], SECRET * 2):
        error = support.raises(
            StorageError, with_module, "esp32", Esp32(secret), device_secret.from_nvs
        )
        assert "secret" in error.message
    support.raises(StorageError, device_secret.from_nvs)  # no NVS here


class Machine:
    """A `machine` module with `words` from the address `first` on."""

    def __init__(self, first, words):
        self.mem32 = {first + 4 * index: word for index, word in enumerate(words)}


def test_a_secret_in_efuses():
    words = [int.from_bytes(SECRET[at : at + 4], "little") for at in range(0, 32, 4)]
    machine = Machine(0x3FF5A078, words)
    assert with_module("machine", machine, device_secret.from_efuse, "ESP32") == SECRET
    for chip, bench in (("RP2040", machine), ("ESP32", Machine(0x3FF5A078, [0] * 8))):
        support.raises(StorageError, with_module, "machine", bench, device_secret.from_efuse, chip)
