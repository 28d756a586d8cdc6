"""A second area for Python's heap that is small, where an ESP32 cannot do without one.

When the heap is full, MicroPython adds an area as large as all before it, or as the largest free
block of the chip's own heap if that is less (gc_try_add_heap in its py/gc.c), and TLS has to live
on the rest. So here the chip's RAM is held back for a moment, but for a small block, and the heap
is filled. What holds RAM and touches no pin is the stack of a thread (ports/esp32/mpthreadport.c).
"""

import gc
import time

from keyfob import compat
from keyfob.compat import const

WITHOUT_PANEL = const(20_480)  # bytes of a second area that does where there is no panel

_FIRST_AREAS = (36 * 1024, 56 * 1024, 64 * 1024)  # bytes, of the chips without PSRAM
_TABLES = const(2048)  # an area has less than this for other things than objects
_PSRAM = const(1 << 20)  # a region of so many bytes is no RAM of the chip

_THREADS = const(5)  # at most
_LEAST_STACK = const(4096)  # bytes: MicroPython makes a smaller one as large
_OVERHEAD = const(64)  # bytes of the chip's heap for the blocks that one is divided into
_PAUSE = 0.1  # s: FreeRTOS frees a thread's stack once it is idle, by ticks of 10 ms

_PIECE = const(256)  # bytes; an area whose first 16 bytes alone are in use is given back in error
_BATCH = const(8)  # pieces between two looks


def add_small_area(size):
    """Have Python's heap grow by `size` bytes or a little less, for good.

    `size` is a multiple of 2048, from 16 to 48 KB. This takes some 0.3 s and is for the start:
    before there is a second area, best before Wi-Fi is on. Nothing is done without an ESP32, with
    PSRAM, with a second area, or where the largest free block is no larger anyway.
    """
    try:
        import _thread

        from esp32 import HEAP_DATA, idf_heap_info
    except ImportError:
        return
    chip = _Chip(lambda: idf_heap_info(HEAP_DATA), _thread)
    try:
        gc.collect()
        if chip.largest()[0] > size and chip.has_first_area_only() and chip.hold_but(size):
            compat.heap_area = _fill(size, chip)
    except (MemoryError, OSError):  # OSError: no room for that stack
        pass
    finally:
        chip.let_go()


def _fill(size, chip):
    """Fill the heap until there is an area more; return an object that lies in it."""
    free = chip.free()
    pieces = []
    while chip.free() > free - size // 2:
        pieces += [bytearray(_PIECE) for _ in range(_BATCH)]
    # What the last look left behind may have been where the last of those lies.
    pieces += [bytearray(_PIECE) for _ in range(_BATCH)]
    return pieces[-1]


class _Chip:
    """The chip's own heap, and what is held of it."""

    def __init__(self, regions, threads):
        """`regions()` are what `esp32.idf_heap_info` returns, `threads` is `_thread`."""
        self._regions = regions
        self._threads = threads
        self._stack = threads.stack_size()  # what new threads get; this sets it to the default
        self._locks = []

    def free(self):
        """Bytes free in all regions."""
        return sum([region[1] for region in self._regions()])

    def largest(self):
        """What is told as the largest free block, and how large that is at most, in bytes.

        ESP-IDF rounds down to what it is sure to find: to a 16th of the next power of two below.
        """
        _, free, largest, _ = max(self._regions(), key=lambda region: region[2])
        return largest, min(free, largest + largest // 16)

    def has_first_area_only(self):
        """Whether Python's heap is as large as at the start, and not in PSRAM."""
        heap = gc.mem_free() + gc.mem_alloc() - self.largest()[0]  # free includes that block
        return max([region[0] for region in self._regions()]) < _PSRAM and any(
            area - _TABLES < heap <= area for area in _FIRST_AREAS
        )

    def hold_but(self, size):
        """Hold RAM until no block is larger than `size`; False where too many threads would.

        Where there is enough, another block of `size` bytes is left: the lowest figure since the
        start, by which a handshake that ran out of memory is told, is not to come from here.
        """
        if self.largest()[0] >= 2 * size + 2 * _LEAST_STACK:
            spare = self._hold(size - _OVERHEAD)
            self._hold_down(size)
            self._locks.remove(spare)
            _release([spare])
        self._hold_down(size)  # again: what lay beside the spare one may have been free
        return self.largest()[0] <= size

    def _hold_down(self, size):
        while len(self._locks) < _THREADS:
            largest, most = self.largest()
            if largest <= size:
                break
            self._hold(max(_LEAST_STACK, min(largest, most - size - _OVERHEAD)))

    def let_go(self):
        """Release all that is held."""
        self._threads.stack_size(self._stack)
        _release(self._locks)

    def _hold(self, size):
        """Start a thread with a stack of `size` bytes that waits for a lock; return the lock."""
        lock = self._threads.allocate_lock()
        lock.acquire()
        self._locks.append(lock)  # first: Ctrl-C may come at any time
        self._threads.stack_size(size)
        self._threads.start_new_thread(lock.acquire, ())
        return lock


def _release(locks):
    """End the threads that wait for `locks`, and wait until their stacks are free."""
    for lock in locks:
        lock.release()
    if locks:
        time.sleep(_PAUSE)
