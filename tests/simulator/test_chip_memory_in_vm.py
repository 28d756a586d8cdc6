"""A virtual board's RAM as its firmware sees it: figures, areas, handshakes that do not fit."""

import dataclasses
import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from board_run import run_board
from virtual_port import VirtualPort, needs_vm

from keyfob_host.boards import load_board
from keyfob_sim.hardware import chip_memory
from keyfob_sim.hardware.board import VirtualBoard
from keyfob_sim.hardware.chip_memory import (
    AT_BOOT,
    JOINED,
    RADIO,
    Chain,
    ChipMemory,
    Connection,
)
from keyfob_sim.hardware.clock import SharedClock
from keyfob_sim.server import MockServer, ServerOptions
from keyfob_sim.server.certificates import make_ca
from keyfob_sim.server.chains import CHAINS

pytestmark = needs_vm

FIRST = 57_344
LOOK = """
import esp32, gc, json, network
network.WLAN().active(False)  # a soft reset leaves it as it was
def look(collect=True):
    if collect:
        gc.collect()
    regions = esp32.idf_heap_info(esp32.HEAP_DATA)
    totals = [sum(figures) for figures in zip(*regions)]
    totals[2] = max([region[2] for region in regions])
    print(json.dumps([gc.mem_free(), gc.mem_alloc()] + totals))
"""
CONNECT = """
import asyncio, network, ssl, time
wlan = network.WLAN()
wlan.active(True)
time.sleep(1)
wlan.connect("keyfob-sim", "no-secret-at-all")
while not wlan.isconnected():
    time.sleep_ms(100)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.verify_mode = ssl.CERT_REQUIRED
context.load_verify_locations(cadata=open("/ca/0.der", "rb").read())
async def connect():
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", {port}, ssl=context, server_hostname="127.0.0.1")
    writer.write(b"HEAD / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    await writer.drain()
    assert (await reader.readline()).startswith(b"HTTP/1.1")
    return writer
"""


def figures(board: VirtualPort, source: str) -> list[list[int]]:
    """What `look()` printed: Python free and in use; total, free, largest, lowest outside."""
    told = board.run(LOOK + textwrap.dedent(source))
    return [json.loads(line) for line in told.splitlines() if line.startswith("[")]


@pytest.fixture(scope="module", params=["ec", "long"])
def board(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[VirtualPort]:
    folder = tmp_path_factory.mktemp("board")
    port = VirtualPort(folder, "--clock", "virtual", "--https", "--chain", request.param)
    yield port
    port.stop()


def connect(board: VirtualPort) -> str:
    server = next(event for event in board.events if event["event"] == "server")
    return CONNECT.replace("{port}", str(server["issuer"]).rpartition(":")[2])


def test_figures_of_a_board_that_has_just_started(board: VirtualPort) -> None:
    ((python_free, used, total, free, largest, lowest),) = figures(board, "look()")
    assert total > AT_BOOT == free > largest
    assert lowest <= free
    assert 2_000 < used < 6_000
    assert python_free == pytest.approx(FIRST - used + largest, abs=200)


def test_wifi_takes_its_share(board: VirtualPort) -> None:
    ((*_, free, largest, lowest),) = figures(board, connect(board) + "look()")
    assert lowest <= free == AT_BOOT - RADIO - JOINED
    assert free > largest > free - 5_000


def test_a_buffer_counts_for_as_many_bytes_as_it_has(board: VirtualPort) -> None:
    before, after = figures(board, "look()\nbuffer = bytearray(20000)\nlook()")
    assert after[1] - before[1] == pytest.approx(20_000, abs=300)
    assert before[0] - after[0] == pytest.approx(20_000, abs=300)


def test_one_object_that_lives_keeps_a_whole_area(board: VirtualPort) -> None:
    rows = figures(
        board,
        """
        look()
        filling = [bytearray(1000) for _ in range(40)]
        look()
        filling += [bytearray(1000) for _ in range(20)]
        look()
        kept = filling.pop()  # it lies above all of them
        filling = None
        look()
        kept = [[] for _ in range(100)]  # which leaves no trace of it on the stack
        kept = None
        look()
        """,
    )
    assert [AT_BOOT - row[3] for row in rows] == [0, 0, FIRST, FIRST, 0]
    assert rows[-1][1] < rows[0][1] + 500
    assert all(row[5] <= AT_BOOT - FIRST for row in rows[2:]), "the lowest stays"


def test_garbage_is_collected_before_an_area_is_added(board: VirtualPort) -> None:
    (row,) = figures(
        board,
        """
        gc.threshold(-1)
        for _ in range(80):
            bytearray(1000)
        look(collect=False)
        gc.threshold(16384)
        """,
    )
    assert row[3] == AT_BOOT
    assert row[1] < 20_000


def test_tls_takes_its_share_and_gives_it_back_when_it_is_closed(board: VirtualPort) -> None:
    rows = figures(
        board,
        connect(board)
        + """
async def main():
    look()
    writer = await connect()
    look()
    writer.close()
    await writer.wait_closed()
    look()
    await connect()  # and abandoned
    look()
asyncio.run(main())
asyncio.new_event_loop()
def overwrite(depth, *rest):  # what old words on the C stack keep
    return depth and overwrite(depth - 1, depth, *rest[:2])
overwrite(50)
[[] for _ in range(100)]
look()
""",
    )
    before, opened, closed, again, abandoned = (row[3] for row in rows)
    assert 25_000 < closed - opened < 38_000
    assert 0 < before - closed < 3_000  # the context, with its root
    assert again in (opened, closed)  # once the abandoned one is collected
    assert abandoned == closed
    assert rows[1][5] < opened - 6_000, "its peak is above what it keeps"


REFUSED = "ValueError('\\nThe certificate is not correctly signed by the trusted CA\\n',)"


def test_a_handshake_that_does_not_fit_fails_as_on_the_chip(board: VirtualPort) -> None:
    """Beside a second area there is room for a short chain alone."""
    rows = figures(
        board,
        connect(board)
        + """
filling = [bytearray(1000) for _ in range(60)]
look()
try:
    asyncio.run(connect())
    print('["linked"]')
except Exception as error:
    print(json.dumps([repr(error)]))
look()
""",
    )
    (*_, free, _, _), (outcome,), (*_, after, _, lowest) = rows
    is_long = "long" in board.process.args  # type: ignore[operator]
    assert outcome == (REFUSED if is_long else "linked")
    assert (lowest < 1_000) == is_long
    if is_long:
        assert free - 3_500 < after < free, "but for the context and the socket it is free again"
    else:
        assert after < 12_000, "it is open still"


# Whole runs


LINK = ("--clock", "virtual", "--approve", "auto", "--https")
BOARDS = ("esp32-generic", "esp32-ssd1306", "lilygo-t-display", "m5stack-core")


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("board", BOARDS)
def test_a_board_links_and_refreshes_under_every_chain(
    capsys: pytest.CaptureFixture[str], board: str, chain: str
) -> None:
    run: Any = run_board(
        capsys,
        *(*LINK, "--chain", chain, "--board", board),
        *("--until", "refreshed:2", "--timeout", "60"),
    )
    assert run.exit_code == 0, run
    assert run.only("api")["status"] == 200
    assert not run.of("error")


@pytest.mark.parametrize("board", BOARDS)
def test_handshakes_that_run_out_of_memory_leave_room_for_the_next(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, board: str
) -> None:
    """Neither a socket stays nor an area of Python's, in which TLS would run out again."""
    rooms: list[int] = []
    areas: set[int] = set()
    shake_hands = ChipMemory.shake_hands

    def fail_some(memory: ChipMemory, connection: Connection, chain: Chain) -> bool:
        if 3 <= len(rooms) < 7:  # the first refresh
            chain = dataclasses.replace(chain, sizes=(AT_BOOT,))
        found = shake_hands(memory, connection, chain)
        rooms.append(memory.free if not found else 0)
        areas.add(len(memory.areas))
        return found

    monkeypatch.setattr(ChipMemory, "shake_hands", fail_some)
    run = run_board(capsys, *LINK, "--board", board, "--until", "refreshed:2", "--timeout", "60")
    assert run.exit_code == 0, run
    assert run.of("error")
    assert len(set(filter(None, rooms))) == 1, rooms
    assert areas == {2}


@pytest.mark.parametrize("chain", ["ec", "long"])
def test_a_lack_of_memory_is_told_as_that_with_figures(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, chain: str
) -> None:
    monkeypatch.setattr(chip_memory, "AT_BOOT", 70_000)
    run = run_board(capsys, *LINK, "--chain", chain, "--until", "linked", "--timeout", "60")
    assert run.exit_code == 1
    errors = run.of("error")
    assert {error["kind"] for error in errors} == {"memory"}
    assert re.search(r"\d+ KB are free for TLS, and it may want 44 KB$", errors[-1]["message"])


def test_a_certificate_that_is_not_trusted_is_told_as_that_where_there_is_memory(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    other = make_ca(tmp_path / "other").cert_path
    with MockServer(ServerOptions(https=True, chain="ec")) as server:
        run = run_board(
            capsys,
            *("--clock", "virtual", "--issuer", server.description["issuer"], "--ca", other),
            *("--client-id", "keyfob-public", "--until", "linked"),
        )
    assert run.only("error")["kind"] == "tls"


def test_with_a_heap_of_the_vm_there_is_ram_in_plenty_outside_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = run_board(capsys, *LINK, "--chain", "long", "--heap", "200k", "--until", "linked")
    assert run.exit_code == 0, run


@pytest.mark.parametrize(
    ("name", "first_area"),
    [
        ("esp32-generic", FIRST),
        ("esp32c3-oled", 65_536),
        ("esp32s2-generic", None),
        ("pico-w", None),
    ],
)
def test_boards_whose_ram_is_limited(tmp_path: Path, name: str, first_area: int | None) -> None:
    """One with PSRAM has plenty, and of a Pico nothing is known."""
    board = VirtualBoard(load_board(name), tmp_path, SharedClock(virtual=True))
    board.limit_memory()
    assert (board.memory and board.memory.areas[0]) == first_area
    board.close()
