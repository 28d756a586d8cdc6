"""The chip's RAM against what was measured on an emulated ESP32, and how Python's heap grows."""

from typing import NamedTuple

import pytest

from keyfob_sim.hardware.chip_memory import (
    AT_BOOT,
    CONTEXT,
    JOINED,
    RADIO,
    SOCKET,
    Chain,
    ChipMemory,
    Key,
    rounded,
)

FIRST = 57_344

EC = Chain((700, 700), (Key(False, 256), Key(False, 256), Key(False, 384)))
RSA_2048 = Chain((1_050, 1_050), (Key(True, 2048),) * 3)
RSA_4096 = Chain((1_050, 1_350), (Key(True, 2048), Key(True, 2048), Key(True, 4096)))
LONG = Chain((1_750, 1_350, 1_400), (Key(True, 2048), Key(True, 2048), *(Key(True, 4096),) * 2))

LEAST = 1_000  # bytes: where a handshake failed, no more were left at the lowest


def joined() -> ChipMemory:
    memory = ChipMemory(FIRST)
    memory.use_wifi(active=True, joined=True)
    return memory


class Bare(NamedTuple):
    """Bytes free with bare `ssl`: at TCP, with TLS open, at the lowest; where it works and not."""

    at_tcp: int
    opened: int
    lowest: int
    worked: int | None
    failed: int


MEASURED = {
    EC: Bare(94_300, 67_064, 60_296, 34_644, 30_656),
    RSA_2048: Bare(93_924, 64_232, 58_036, None, 34_268),
    RSA_4096: Bare(93_144, 62_820, 54_596, 39_480, 35_480),
    LONG: Bare(93_164, 57_504, 49_300, 45_480, 41_500),
}


@pytest.mark.parametrize("chain", MEASURED)
def test_a_handshake_takes_what_it_took_on_the_chip(chain: Chain) -> None:
    memory = joined()
    connection = memory.connect()
    assert memory.shake_hands(connection, chain)
    found = MEASURED[chain]
    assert memory.free == pytest.approx(found.opened, abs=300)
    assert memory.lowest == pytest.approx(found.lowest, abs=300)
    assert memory.free + chain.kept == pytest.approx(found.at_tcp, abs=300)
    memory.close(connection)
    assert memory.free + SOCKET == pytest.approx(found.at_tcp, abs=1_000)


@pytest.mark.parametrize("chain", MEASURED)
def test_it_fails_where_it_failed_on_the_chip(chain: Chain) -> None:
    found = MEASURED[chain]
    for free, fits in ((found.worked, True), (found.failed, False)):
        if free is None:
            continue
        memory = joined()
        connection = memory.connect()
        connection.taken += memory.free - CONTEXT - chain.root - free  # what else is held
        before = memory.free
        assert memory.shake_hands(connection, chain) == fits
        if not fits:
            assert memory.lowest < LEAST
            assert memory.free == before - CONTEXT - chain.root, "the rest is free again"


# The firmware of commit aa4023c on the chip, with Wi-Fi up: Python's bytes in use at each step,
# whether an allocation had just found no room, and bytes free outside Python, TLS closed or open.
RECORDED = (
    ("application imported", 37_584, False, 95_704),
    ("starting", 47_136, True, 38_356),
    ("Wi-Fi joined", 60_544, False, 38_356),
)
IN_USE_WITH_TLS = 82_592


@pytest.mark.parametrize(
    ("chain", "links"), [(EC, True), (RSA_2048, True), (RSA_4096, False), (LONG, False)]
)
def test_the_firmware_that_failed_on_the_chip_fails_here(chain: Chain, links: bool) -> None:
    memory = joined()
    for step, used, is_full, free in RECORDED:
        memory.use_python(used, FIRST + 1 if is_full else max(used, sum(memory.areas[:-1]) + 1))
        assert memory.free == pytest.approx(free, abs=1_000), step
    connection = memory.connect()
    assert memory.shake_hands(connection, chain) == links
    memory.use_python(IN_USE_WITH_TLS, IN_USE_WITH_TLS)
    assert len(memory.areas) == 2
    if links:
        assert 6_000 < memory.free < 14_000  # 8.6 to 13.0 KB on the chip
    else:
        assert memory.lowest < LEAST


def test_the_same_in_the_first_area_leaves_room_for_every_chain() -> None:
    for chain in MEASURED:
        memory = joined()
        memory.use_python(50_000, 55_000)
        assert memory.areas == [FIRST]
        assert memory.shake_hands(memory.connect(), chain)
        assert memory.free > 40_000


def test_bytes_keys_and_certificates_decide_about_a_chain_that_was_not_measured() -> None:
    other = Chain((900, 1_200), (Key(True, 2048), Key(True, 3072), Key(True, 3072)))
    assert RSA_2048.peak < other.peak < RSA_4096.peak
    assert Chain((900,), (Key(True, 2048),) * 2).kept < RSA_2048.kept
    assert Chain((*LONG.sizes, 1_000), LONG.keys).peak > LONG.peak + 1_000
    huge = Chain(RSA_4096.sizes, (Key(True, 8192),) * 3)
    assert huge.peak > RSA_4096.peak
    assert huge.root > RSA_4096.root


def test_wifi_and_sockets_take_their_share_and_give_it_back() -> None:
    memory = ChipMemory(FIRST)
    assert memory.free == AT_BOOT
    memory.use_wifi(active=True, joined=False)
    assert memory.free == AT_BOOT - RADIO
    memory.use_wifi(active=True, joined=True)
    assert memory.free == AT_BOOT - RADIO - JOINED == 96_364
    connection = memory.connect()
    assert memory.free == 96_364 - SOCKET
    memory.close(connection)
    memory.close(connection)
    memory.use_wifi(active=False, joined=False)
    assert memory.free == AT_BOOT
    assert memory.lowest == 96_364 - SOCKET


def test_a_connection_from_before_a_boot_takes_nothing() -> None:
    memory = joined()
    old = memory.connect()
    memory.boot()
    assert (memory.free, memory.lowest) == (AT_BOOT, AT_BOOT)
    memory.shake_hands(old, LONG)
    memory.close(old)
    assert memory.free == AT_BOOT - CONTEXT - LONG.root


# Python's areas


def test_an_area_is_as_large_as_all_before_it() -> None:
    memory = ChipMemory(36_864)
    memory.use_python(30_000, 36_864)
    assert memory.areas == [36_864]
    memory.use_python(30_000, 36_865)
    assert memory.areas == [36_864, 36_864]
    memory.use_python(80_000, 80_000)
    assert memory.areas == [36_864, 36_864, 73_728]


def test_an_area_is_no_larger_than_the_largest_free_block() -> None:
    memory = joined()
    memory.shake_hands(memory.connect(), LONG)
    block = memory.largest
    assert 50_000 < block < FIRST
    memory.use_python(60_000, 60_000)
    assert memory.areas == [FIRST, block]
    assert memory.largest < 2_048, "what the chip rounds off"


def test_after_a_soft_reset_wifi_lies_in_the_middle() -> None:
    """As on the chip, where at the second start 57,344 were the largest of 95,704 free bytes."""
    memory = ChipMemory(FIRST)
    memory.use_python(60_000, 60_000)
    memory.use_wifi(active=True, joined=True)
    assert (memory.areas, memory.largest) == ([FIRST, FIRST], 36_864)
    memory.restart()
    assert memory.largest == 57_344
    assert memory.free == pytest.approx(95_704, abs=1_000)
    memory.use_python(60_000, 60_000)
    assert (memory.areas, memory.largest) == ([FIRST, FIRST], 36_864)


@pytest.mark.parametrize(
    ("free", "told"),
    # On several chips, by their `esp32.idf_heap_info`.
    [(112_968, 110_592), (14_656, 14_336), (230_676, 229_376), (32_031, 31_744), (7_752, 7_680)],
)
def test_the_largest_block_is_told_as_the_chip_tells_it(free: int, told: int) -> None:
    assert rounded(free) == told


# Threads


def test_a_thread_takes_its_stack_and_gives_it_back() -> None:
    memory = ChipMemory(FIRST)
    stack = memory.start_thread(20_000)
    assert stack is not None
    assert 20_000 < AT_BOOT - memory.free < 21_000
    memory.end_thread(stack)
    memory.end_thread(stack)
    assert memory.free == AT_BOOT
    assert memory.lowest < AT_BOOT - 20_000


def test_a_stack_that_does_not_fit_takes_nothing() -> None:
    memory = joined()
    free, largest = memory.free, memory.largest
    assert memory.start_thread(largest) is None
    assert memory.start_thread(largest - 1_000) is not None
    assert memory.free < free - largest + 2_000
    assert memory.start_thread(0) is None


def test_an_area_is_as_small_as_threads_leave_it() -> None:
    memory = ChipMemory(FIRST)
    spare = memory.start_thread(24_000)
    held = memory.start_thread(60_000)
    assert spare is not None
    assert held is not None
    memory.end_thread(spare)
    largest = memory.largest
    memory.use_python(FIRST, FIRST + 1)
    assert 20_000 < largest == memory.areas[1] < 28_000
    memory.end_thread(held)
    assert memory.largest > 80_000
    memory.use_python(FIRST, FIRST)
    assert memory.free == AT_BOOT


def test_a_reset_ends_threads_and_what_they_held_is_free() -> None:
    for begin_anew in (ChipMemory.restart, ChipMemory.boot):
        memory = ChipMemory(FIRST)
        stack = memory.start_thread(50_000)
        begin_anew(memory)
        assert memory.free == AT_BOOT
        assert stack is not None
        memory.end_thread(stack)
        assert memory.free == AT_BOOT


def test_an_area_stays_until_nothing_is_in_it() -> None:
    memory = ChipMemory(FIRST)
    memory.use_python(20_000, FIRST + 16)
    assert memory.free == AT_BOOT - FIRST
    memory.use_python(10_000, FIRST + 16)
    assert memory.areas == [FIRST, FIRST]
    memory.use_python(10_000, FIRST)
    assert memory.areas == [FIRST]
    assert memory.free == AT_BOOT
    assert memory.lowest == AT_BOOT - FIRST


def test_python_never_takes_more_than_there_is() -> None:
    memory = joined()
    memory.use_python(1_000_000, 1_000_000)
    assert memory.free >= 0
    assert memory.python_free >= 0


def test_free_bytes_of_python_include_the_area_that_could_be_added() -> None:
    memory = ChipMemory(FIRST)
    memory.use_python(1_552, 1_552)
    assert memory.python_free == pytest.approx(165_040, abs=1_500)  # on the chip, before Wi-Fi


def test_the_regions_add_up() -> None:
    memory = joined()
    memory.shake_hands(memory.connect(), EC)
    regions = memory.regions
    assert sum(region.free for region in regions) == memory.free
    assert sum(region.lowest for region in regions) == memory.lowest
    assert max(region.largest for region in regions) == memory.largest < memory.free
