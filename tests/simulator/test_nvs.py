"""NVS as `esp32.NVS` knows it: what it refuses and how, what commit keeps, what a cut leaves."""

import pytest

from keyfob_sim.hardware.nvs import Nvs, NvsError
from keyfob_sim.hardware.power import PowerGate, PowerLost

NOT_FOUND, NOT_ENOUGH_SPACE, KEY_TOO_LONG = -0x1102, -0x1105, -0x1109
INVALID_LENGTH, VALUE_TOO_LONG = -0x110C, -0x110E


@pytest.fixture
def gate():
    return PowerGate()


@pytest.fixture
def make_nvs(tmp_path, gate):
    """Open the store as the next boot does."""
    return lambda: Nvs(tmp_path / "nvs.json", gate)


@pytest.fixture
def nvs(make_nvs):
    return make_nvs()


def refusal(call, *arguments):
    with pytest.raises(NvsError) as refused:
        call(*arguments)
    return refused.value.number


def test_integers_and_blobs_come_back(nvs):
    nvs.set_i32("keyfob", "low", -(2**31))
    nvs.set_i32("keyfob", "high", 2**31 - 1)
    nvs.set_blob("keyfob", "blob", bytearray(range(256)))
    nvs.set_blob("keyfob", "empty", b"")
    assert nvs.get_i32("keyfob", "low") == -(2**31)
    assert nvs.get_i32("keyfob", "high") == 2**31 - 1
    assert nvs.get_blob("keyfob", "blob", 256) == bytes(range(256))
    assert nvs.get_blob("keyfob", "blob", 4000) == bytes(range(256))
    assert nvs.get_blob("keyfob", "empty", 0) == b""


def test_namespaces_are_apart(nvs):
    nvs.set_i32("one", "key", 1)
    nvs.set_i32("two", "key", 2)
    nvs.erase_key("two", "key")
    assert nvs.get_i32("one", "key") == 1
    assert refusal(nvs.get_i32, "two", "key") == NOT_FOUND


def test_what_is_not_there_is_not_found(nvs):
    nvs.open("keyfob")
    for namespace in ("keyfob", "other"):
        assert refusal(nvs.get_i32, namespace, "key") == NOT_FOUND
        assert refusal(nvs.get_blob, namespace, "key", 10) == NOT_FOUND
        assert refusal(nvs.erase_key, namespace, "key") == NOT_FOUND


def test_another_type_is_not_found_and_is_replaced(nvs):
    nvs.set_i32("keyfob", "key", 1)
    assert refusal(nvs.get_blob, "keyfob", "key", 10) == NOT_FOUND
    nvs.set_blob("keyfob", "key", b"1")
    assert refusal(nvs.get_i32, "keyfob", "key") == NOT_FOUND
    assert nvs.get_blob("keyfob", "key", 10) == b"1"


def test_a_buffer_that_is_too_small_is_refused(nvs):
    nvs.set_blob("keyfob", "key", bytes(100))
    assert refusal(nvs.get_blob, "keyfob", "key", 99) == INVALID_LENGTH


def test_names_have_up_to_15_bytes(nvs):
    nvs.open("n" * 15)
    nvs.set_i32("n" * 15, "k" * 15, 1)
    assert refusal(nvs.open, "n" * 16) == KEY_TOO_LONG
    assert refusal(nvs.set_i32, "keyfob", "k" * 16, 1) == KEY_TOO_LONG
    assert refusal(nvs.set_blob, "keyfob", "\N{GREEK SMALL LETTER PHI}" * 8, b"") == KEY_TOO_LONG
    assert refusal(nvs.get_i32, "keyfob", "k" * 16) == NOT_FOUND


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1])
def test_an_integer_of_more_than_32_bits_overflows(nvs, value):
    with pytest.raises(OverflowError):
        nvs.set_i32("keyfob", "key", value)


def test_an_error_says_its_name_as_on_a_board(nvs):
    with pytest.raises(NvsError) as refused:
        nvs.get_i32("keyfob", "key")
    assert refused.value.args == (-4354, "ESP_ERR_NVS_NOT_FOUND")
    assert refused.value.name == "ESP_ERR_NVS_NOT_FOUND"


# How much fits: five pages of 126 entries, one of which is the namespace's


def test_integers_fill_an_entry_each(nvs):
    for number in range(629):
        nvs.set_i32("keyfob", f"key{number}", number)
    assert refusal(nvs.set_i32, "keyfob", "more", 1) == NOT_ENOUGH_SPACE
    assert refusal(nvs.set_i32, "keyfob", "key0", 1) == NOT_ENOUGH_SPACE  # old and new at once
    assert refusal(nvs.open, "another") == NOT_ENOUGH_SPACE
    nvs.set_i32("keyfob", "key0", 0)  # nothing to write
    nvs.erase_key("keyfob", "key628")
    nvs.set_i32("keyfob", "key0", 1)
    nvs.set_i32("keyfob", "more", 1)


def test_the_longest_blob(nvs):
    assert refusal(nvs.set_blob, "keyfob", "key", bytes(20_001)) == VALUE_TOO_LONG
    assert refusal(nvs.set_blob, "keyfob", "key", bytes(19_937)) == NOT_ENOUGH_SPACE
    nvs.set_blob("keyfob", "key", bytes(19_936))  # 1 + 5 + 623 entries and the namespace
    assert refusal(nvs.set_i32, "keyfob", "more", 1) == NOT_ENOUGH_SPACE


def test_a_blob_is_replaced_only_where_both_fit(nvs):
    nvs.set_blob("keyfob", "key", bytes(9_900))  # 314 entries
    assert refusal(nvs.set_blob, "keyfob", "key", bytes(10_000)) == NOT_ENOUGH_SPACE
    assert nvs.get_blob("keyfob", "key", 9_900) == bytes(9_900)
    nvs.set_blob("keyfob", "key", b"x" * 9_900)
    nvs.erase_key("keyfob", "key")
    nvs.set_blob("keyfob", "key", bytes(10_000))


# What stays


def test_only_what_was_committed_stays(nvs, make_nvs):
    nvs.set_i32("keyfob", "key", 1)
    nvs.set_blob("keyfob", "blob", b"\0\xff")
    nvs.set_i32("other", "key", 9)
    assert refusal(make_nvs().get_i32, "keyfob", "key") == NOT_FOUND
    nvs.commit("keyfob")
    assert make_nvs().get_i32("keyfob", "key") == 1
    assert make_nvs().get_blob("keyfob", "blob", 2) == b"\0\xff"
    assert refusal(make_nvs().get_i32, "other", "key") == NOT_FOUND
    nvs.erase_key("keyfob", "key")
    assert make_nvs().get_i32("keyfob", "key") == 1
    nvs.commit("keyfob")
    assert refusal(make_nvs().get_i32, "keyfob", "key") == NOT_FOUND


def test_power_off_brings_back_what_was_committed(nvs):
    nvs.set_i32("keyfob", "key", 1)
    nvs.commit("keyfob")
    nvs.set_i32("keyfob", "key", 2)
    nvs.set_i32("keyfob", "other", 3)
    nvs.power_off()
    assert nvs.get_i32("keyfob", "key") == 1
    assert refusal(nvs.get_i32, "keyfob", "other") == NOT_FOUND
    nvs.commit("keyfob")
    assert nvs.get_i32("keyfob", "key") == 1


@pytest.mark.parametrize(
    "junk", ["", "{", "[]", "5", '{"a": 5}', '{"a": {"b": "?"}}', '{"a": {"b": null}}', "\0"]
)
def test_a_store_that_cannot_be_read_is_erased(tmp_path, make_nvs, junk):
    (tmp_path / "nvs.json").write_text(junk)
    nvs = make_nvs()
    assert refusal(nvs.erase_key, "a", "b") == NOT_FOUND
    nvs.set_i32("a", "b", 1)
    nvs.commit("a")
    assert make_nvs().get_i32("a", "b") == 1


# Power


def test_every_change_that_is_committed_is_one_operation(nvs, gate):
    gate.start()
    nvs.set_i32("keyfob", "one", 1)
    nvs.set_blob("keyfob", "two", bytes(9_000))
    nvs.set_i32("keyfob", "gone", 3)
    nvs.erase_key("keyfob", "gone")
    assert gate.ops == 0
    nvs.commit("keyfob")
    assert gate.ops == 2
    nvs.set_i32("keyfob", "one", 1)
    nvs.commit("keyfob")
    assert gate.ops == 2
    nvs.erase_key("keyfob", "two")
    nvs.commit("keyfob")
    assert gate.ops == 3


@pytest.mark.parametrize(("how", "kept"), [("none", 1), ("torn", 1), ("done", 2)])
def test_a_cut_leaves_each_entry_old_or_new_in_the_order_of_changes(
    nvs, make_nvs, gate, how, kept
):
    names = ["z", "y", "x", "w"]
    for name in names:
        nvs.set_i32("keyfob", name, 0)
    nvs.commit("keyfob")
    gate.start()
    gate.cut_in(2, how)
    for name in names:
        nvs.set_i32("keyfob", name, 1)
    nvs.erase_key("keyfob", "z")
    nvs.set_i32("keyfob", "z", 1)  # the last change of all
    with pytest.raises(PowerLost) as lost:
        nvs.commit("keyfob")
    assert lost.value.op == 2
    found = [make_nvs().get_i32("keyfob", name) for name in ["y", "x", "w", "z"]]
    assert found == [1] * kept + [0] * (4 - kept)
    nvs.power_off()
    assert [nvs.get_i32("keyfob", name) for name in ["y", "x", "w", "z"]] == found


@pytest.mark.parametrize(("how", "is_there"), [("none", True), ("torn", True), ("done", False)])
def test_a_cut_of_an_erase(nvs, make_nvs, gate, how, is_there):
    nvs.set_blob("keyfob", "key", b"secret")
    nvs.commit("keyfob")
    gate.start()
    gate.cut_in(1, how)
    nvs.erase_key("keyfob", "key")
    with pytest.raises(PowerLost):
        nvs.commit("keyfob")
    if is_there:
        assert make_nvs().get_blob("keyfob", "key", 6) == b"secret"
    else:
        assert refusal(make_nvs().get_blob, "keyfob", "key", 6) == NOT_FOUND
