"""A small second area of Python's heap, on a chip whose own heap and threads are models."""

import sys

from keyfob import compat, heap_area
from keyfob.heap_area import add_small_area

KB = 1024
FIRST = 56 * KB
IN_USE = 33_000  # bytes of the first area
TABLES = 1_344  # bytes of it that are not for objects
TASK = 360  # bytes that a thread takes beside its stack
FRESH = (112_968,)  # bytes of the free blocks of the largest region, before Wi-Fi is on
AFTER_A_SOFT_RESET = (57_352, 37_900)
PARTS = ("esp32", "_thread")


class Lock:
    def __init__(self, chip):
        self.chip = chip
        self.is_locked = False
        self.thread = None  # that waits for it

    def acquire(self):
        assert not self.is_locked
        self.is_locked = True

    def release(self):
        assert self.is_locked
        self.chip.ending.append(self.thread)


class Chip:
    """Stands in for `esp32`, `_thread`, `gc` and `time` in a `with`. Sizes are in bytes."""

    HEAP_DATA = 4

    def __init__(self, blocks=FRESH, heap=FIRST, total=113_840, looks=12, trouble=None, most=99):
        """Of `most` threads the last does not fit.

        The heap grows at the `looks`-th look after the last thread, or `trouble` is raised.
        """
        self.blocks = []  # [bytes, who has it], in the order of their addresses
        for size in blocks:
            self.blocks += [[size, None], [1 * KB, "Wi-Fi"]]
        self.total = total
        self.areas = [heap - TABLES]
        self.looks = looks
        self.trouble = trouble
        self.most = most
        self.lowest = self.free()
        self.default = 0  # the stack of the next threads
        self.ending = []
        self.started = 0
        self.seen = 0

    def __enter__(self):
        self.before = [sys.modules.get(name) for name in PARTS]
        for name in PARTS:
            sys.modules[name] = self
        self.own = heap_area.gc, heap_area.time
        heap_area.gc = heap_area.time = self
        return self

    def __exit__(self, *_):
        heap_area.gc, heap_area.time = self.own
        for name, module in zip(PARTS, self.before):
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module

    def free(self):
        return sum(size for size, owner in self.blocks if owner is None)

    def largest(self):
        largest = max([size for size, owner in self.blocks if owner is None] or [0])
        step = 1
        while step * 32 <= largest:
            step *= 2
        return largest - largest % step

    def take(self, size, owner):
        fitting = [block for block in self.blocks if block[1] is None and block[0] >= size]
        if not fitting:
            return False
        block = min(fitting, key=lambda block: block[0])
        index = self.blocks.index(block)
        self.blocks[index : index + 1] = [[size, owner], [block[0] - size, None]]
        self.lowest = min(self.lowest, self.free())
        return True

    # esp32

    def idf_heap_info(self, capabilities):
        assert capabilities == self.HEAP_DATA
        self.seen += 1
        if self.seen == self.looks:
            if self.trouble is not None:
                raise self.trouble
            size = min(sum(self.areas), self.largest())
            assert self.take(size, "area")
            self.areas.append(size)
        return [(7288, 0, 0, 0), (self.total, self.free(), self.largest(), self.lowest)]

    # _thread

    def stack_size(self, size=0):
        before, self.default = self.default, size
        return before

    def allocate_lock(self):
        self.lock = Lock(self)
        return self.lock

    def start_new_thread(self, function, arguments):
        """Start one that waits for the lock made last."""
        assert self.lock.is_locked
        assert function == self.lock.acquire
        assert arguments == ()
        assert self.default >= 4 * KB, "MicroPython would take more than was asked for"
        self.started += 1
        self.seen = 0
        if self.started == self.most or not self.take(self.default + TASK, self.started):
            raise OSError("can't create thread")
        self.lock.thread = self.started

    # gc

    def collect(self):
        pass

    def mem_free(self):
        return sum(self.areas) - IN_USE + self.largest()

    def mem_alloc(self):
        return IN_USE

    # time

    def sleep(self, seconds):
        assert seconds >= 0.05, "FreeRTOS needs two ticks"
        joined = []
        for size, owner in self.blocks:
            owner = None if owner in self.ending else owner
            if joined and owner is None and joined[-1][1] is None:
                joined[-1][0] += size
            else:
                joined.append([size, owner])
        self.blocks = joined
        self.ending = []

    def is_as_before(self):
        """Whether no thread has anything, and new ones get what they got before."""
        owners = [owner for _, owner in self.blocks if owner not in (None, "Wi-Fi", "area")]
        return not owners and not self.ending and self.default == 0


def added(size):
    """What keeps the area that was added, None where none was."""
    compat.heap_area = None
    add_small_area(size)
    found, compat.heap_area = compat.heap_area, None
    return found


SIZES = [str(size) for size in (16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 40, 44, 48)]
CASES = {
    "test_the_area_is_as_large_as_wanted": SIZES,
    "test_after_a_soft_reset_there_are_two_large_blocks": SIZES,
}


def test_the_area_is_as_large_as_wanted(size):
    size = int(size) * KB
    with Chip() as chip:
        kept = added(size)
    assert size - 2 * KB <= chip.areas[1] <= size
    assert len(chip.areas) == 2
    assert len(kept) >= 32, "more than the first 16 bytes of an area"
    assert chip.is_as_before()
    assert chip.free() == FRESH[0] - chip.areas[1]


def test_after_a_soft_reset_there_are_two_large_blocks(size):
    size = int(size) * KB
    with Chip(AFTER_A_SOFT_RESET) as chip:
        assert added(size) is not None
    assert size - 5 * KB <= chip.areas[1] <= size
    assert chip.is_as_before()


def test_the_chip_never_has_less_than_another_such_area():
    """For the lowest figure is how a handshake is told that ran out of memory."""
    for size in (16, 24, 36):
        with Chip() as chip:
            add_small_area(size * KB)
        assert chip.lowest >= (size - 1) * KB


def test_nothing_is_done_where_it_would_not_help():
    for chip in (
        Chip(heap=FIRST + 24 * KB),  # there is a second area
        Chip(heap=2 * FIRST),
        Chip(total=4 * KB * KB),  # PSRAM
        Chip(blocks=(24 * KB,)),  # it grows by no more than this
        Chip(blocks=()),
    ):
        with chip:
            assert added(24 * KB) is None
        assert chip.started == 0
        assert len(chip.areas) == 1


def test_without_a_chip_nothing_is_done():
    assert added(24 * KB) is None


def test_what_goes_wrong_leaves_nothing_held():
    for chip in (
        Chip(most=1),
        Chip(most=2),  # no room for that stack
        Chip(trouble=MemoryError()),  # no room for an area
        Chip(trouble=OSError(5)),
        Chip(blocks=(30 * KB,) * 7),  # it would take too many threads
    ):
        with chip:
            assert added(24 * KB) is None
        assert chip.started > 0
        assert chip.is_as_before()
        assert len(chip.areas) == 1


def test_ctrl_c_ends_it_and_leaves_nothing_held():
    with Chip(trouble=KeyboardInterrupt()) as chip:
        try:
            add_small_area(24 * KB)
            raise AssertionError("it swallowed the interrupt")
        except KeyboardInterrupt:
            pass
    assert chip.is_as_before()


def test_the_stack_size_of_a_program_stays():
    with Chip() as chip:
        chip.default = 7_000
        assert added(24 * KB) is not None
    assert chip.default == 7_000
