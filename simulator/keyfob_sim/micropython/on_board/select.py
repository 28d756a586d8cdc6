"""`select` whose waits can be skipped by virtual time and ended by the host's interrupts."""

import _board
import uselect


class poll:
    def __init__(self):
        self._poll = uselect.poll()
        self._poll.register(_board.port, uselect.POLLIN)
        self._sockets = 0

    def register(self, thing, *mask):
        self._poll.register(thing, *mask)
        self._sockets += _is_real(thing)

    def modify(self, thing, mask):
        self._poll.modify(thing, mask)

    def unregister(self, thing):
        self._poll.unregister(thing)
        self._sockets -= _is_real(thing)

    def poll(self, timeout=-1, flags=0):
        return list(self.ipoll(timeout, flags))

    def ipoll(self, timeout=-1, flags=0):
        _board.break_off()
        if timeout and _board.skip(timeout, self._sockets > 0):
            timeout = 0
        for found in self._poll.ipoll(timeout, flags):
            if found[0] is _board.port:
                _board.receive()
            else:
                yield found


def _is_real(thing):
    return not hasattr(thing, "ioctl")  # something written in Python, such as a ThreadSafeFlag


def __getattr__(name):
    return getattr(uselect, name)
