"""Threads of a virtual board: what their stacks take of the chip's RAM, and for how long."""

import json
import textwrap
from collections.abc import Iterator

import pytest
from board_run import run_board
from virtual_port import VirtualPort, needs_vm

from keyfob_host.resources import firmware_dir
from keyfob_sim.hardware import board as virtual_board
from keyfob_sim.hardware.chip_memory import AT_BOOT, Block, ChipMemory

pytestmark = needs_vm

KB = 1024
LOOK = """
import _thread, esp32, gc, json, time
def look():
    gc.collect()
    _, free, blocks, lowest = zip(*esp32.idf_heap_info(esp32.HEAP_DATA))
    print(json.dumps([sum(free), max(blocks), sum(lowest)]))
def start(size):
    lock = _thread.allocate_lock()
    lock.acquire()
    _thread.stack_size(size)
    _thread.start_new_thread(lock.acquire, ())
    return lock
"""


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualPort]:
    port = VirtualPort(tmp_path_factory.mktemp("board"), "--clock", "virtual")
    yield port
    port.stop()


def figures(board: VirtualPort, source: str) -> list[list[int]]:
    """What `look()` printed: bytes free outside Python, in the largest block, at the lowest."""
    told = board.run(LOOK + textwrap.dedent(source))
    return [json.loads(line) for line in told.splitlines() if line.startswith("[")]


def test_a_thread_takes_its_stack_until_the_chip_is_idle_after_it(board: VirtualPort) -> None:
    rows = figures(
        board,
        """
        look()
        lock = start(20000)
        look()
        lock.release()
        look()
        time.sleep(0.1)
        look()
        """,
    )
    free = [row[0] for row in rows]
    assert free[0] == free[3] == AT_BOOT
    assert free[1] == free[2]
    assert 20_000 < free[0] - free[1] < 20_500


@pytest.mark.parametrize(("asked", "taken"), [(0, 5 * KB), (100, 4 * KB), (9_000, 9_000)])
def test_small_and_default_stacks(board: VirtualPort, asked: int, taken: int) -> None:
    rows = figures(
        board, f"look()\nlock = start({asked})\nlook()\nlock.release()\ntime.sleep(0.1)"
    )
    assert taken < rows[0][0] - rows[1][0] < taken + 500


def test_setting_the_stack_size_tells_the_former_one(board: VirtualPort) -> None:
    told = board.run("import _thread\nfor n in (7000, 0):\n    print(_thread.stack_size(n))")
    assert told.split() == ["0", "7000"]
    assert board.run("import _thread\n_thread.stack_size(9)\n_thread.stack_size()").strip() == ""
    assert board.run("import _thread\nprint(_thread.stack_size(0))").strip() == "0"


def test_a_stack_that_does_not_fit_is_refused_as_on_the_chip(board: VirtualPort) -> None:
    rows = board.run(
        LOOK
        + textwrap.dedent("""
        look()
        try:
            start(120000)
        except OSError as error:
            print(*error.args)
        look()
        """)
    ).splitlines()
    assert rows[1] == "can't create thread"
    assert json.loads(rows[0])[0] == json.loads(rows[2])[0] == AT_BOOT


def test_a_reset_ends_threads(board: VirtualPort) -> None:
    figures(board, "lock = start(50000)")
    ((free, _, lowest),) = figures(board, "look()")  # after a soft reset
    assert free == AT_BOOT
    assert lowest < AT_BOOT - 50_000


@pytest.mark.parametrize("size", [16 * KB, 24 * KB, 36 * KB])
def test_the_firmware_adds_a_small_area(board: VirtualPort, size: int) -> None:
    """What holds the RAM gives it back, and one object keeps the area."""
    source = (firmware_dir() / "keyfob" / "heap_area.py").read_text("utf-8")
    board.reset()
    rows = figures(
        board,
        f"""
        code = {{}}
        exec({source!r}, code)
        add = code.pop("add_small_area")
        look()
        kept = add({size})
        look()
        print(add({size}) is None)
        """,
    )
    (before, _, _), (after, largest, lowest) = rows
    assert size - 2 * KB <= before - after <= size
    assert lowest >= size
    assert largest > 70_000


class Watched(ChipMemory):
    """Remembers each area that was added, and how many threads were started."""

    added: tuple[int, ...] = ()
    threads = 0

    def start_thread(self, stack: int) -> Block | None:
        self.threads += 1
        return super().start_thread(stack)

    def use_python(self, used: int, highest: int) -> None:
        before = len(self.areas)
        super().use_python(used, highest)
        if len(self.areas) > before:
            self.added += tuple(self.areas[before:])


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("esp32-generic", 20 * KB),
        ("esp32-ssd1306", 28 * KB),
        ("lilygo-t-display", 36 * KB),
        ("m5stack-core", 42 * KB),
    ],
)
def test_the_heap_grows_once_and_by_little(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, size: int
) -> None:
    memories = []

    def make(first_area: int) -> Watched:
        memories.append(Watched(first_area))
        return memories[-1]

    monkeypatch.setattr(virtual_board, "ChipMemory", make)
    run = run_board(
        capsys,
        *("--board", name, "--https", "--clock", "virtual"),
        *("--approve", "auto", "--until", "refreshed"),
    )
    assert run.exit_code == 0, run
    (memory,) = memories
    assert len(memory.added) == 1
    assert memory.added[0] <= size
