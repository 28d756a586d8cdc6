"""`_thread` of a board: what a thread takes of the chip's RAM.

A thread can do one thing here: wait for a lock, as `start_new_thread(lock.acquire, ())`.
"""

import _board

_stack = 0  # bytes for the next threads, 0 for the default


def stack_size(size=0):
    """Set the bytes of stack of the next threads, 0 for the default; return the former number."""
    global _stack
    before, _stack = _stack, size
    return before


def start_new_thread(function, arguments):
    """Start a thread. Raises OSError where its stack does not fit."""
    if arguments or not isinstance(function, _Acquire):
        raise NotImplementedError("a thread can only wait for a lock here")
    _board.look()  # how much RAM there was before
    number = _board.ask("thread.start", _stack)
    if not function.start(number):
        _board.ask("thread.end", number)
    return number


class _Acquire:
    """The method `acquire` of a lock."""

    def __init__(self):
        self.is_locked = False
        self._waiting = []  # threads

    def __call__(self, wait=True):
        if self.is_locked and wait:
            raise NotImplementedError("nobody would release it here")
        was_free, self.is_locked = not self.is_locked, True
        return was_free

    def start(self, thread):
        """Have a thread wait; False where it need not."""
        if self(False):
            return False
        self._waiting.append(thread)
        return True

    def free(self):
        """Let the first thread have the lock that waits for it, or nobody."""
        if self._waiting:
            _board.ask("thread.end", self._waiting.pop(0))
        else:
            self.is_locked = False


class LockType:
    """A lock. Whoever acquires it keeps it until `release`."""

    def __init__(self):
        self.acquire = _Acquire()

    def locked(self):
        """Whether somebody has it."""
        return self.acquire.is_locked

    def release(self):
        """Give it to the next thread."""
        if not self.acquire.is_locked:
            raise RuntimeError
        self.acquire.free()


def allocate_lock():
    """Return a new lock."""
    return LockType()
