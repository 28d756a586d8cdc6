"""`select` whose waits can be skipped by virtual time and ended by the host's interrupts."""

import _board
import uselect

_POLL = 3  # the ioctl that asks a thing what it is ready for


class poll:
    """Sockets are the VM's own business. With things written in Python, such as a ThreadSafeFlag,
    its poll would last a millisecond at least, so they are asked here."""

    def __init__(self):
        self._poll = uselect.poll()
        self._poll.register(_board.port, uselect.POLLIN)
        self._sockets = 0
        self._things = {}  # by id: a thing and what it is watched for

    def register(self, thing, mask=uselect.POLLIN | uselect.POLLOUT):
        """Watch a socket, or an object whose `ioctl` says what it is ready for."""
        if _is_socket(thing):
            self._poll.register(thing, mask)
            self._sockets += 1
        else:
            self._things[id(thing)] = thing, mask

    def modify(self, thing, mask):
        """Watch something registered for other events."""
        if _is_socket(thing):
            self._poll.modify(thing, mask)
        else:
            self._things[id(thing)] = thing, mask

    def unregister(self, thing):
        """Watch it no more."""
        if _is_socket(thing):
            self._poll.unregister(thing)
            self._sockets -= 1
        else:
            self._things.pop(id(thing), None)

    def poll(self, timeout=-1, flags=0):
        """As `ipoll`, as a list."""
        return list(self.ipoll(timeout, flags))

    def ipoll(self, timeout=-1, flags=0):
        """Yield (thing, events) of what is ready within `timeout` ms, -1 for no limit.

        Interrupts of the board are served meanwhile.
        """
        if timeout and (self._ready() or _board.skip(timeout, self._sockets > 0)):
            timeout = 0
        for found in self._poll.ipoll(timeout, flags):
            if found[0] is _board.port:
                _board.receive()
            else:
                yield found
        for found in self._ready():
            yield found

    def _ready(self):
        """The things that are ready, each with what for."""
        if not self._things:
            return ()
        asked = [(thing, thing.ioctl(_POLL, mask)) for thing, mask in self._things.values()]
        return [found for found in asked if found[1]]


def _is_socket(thing):
    return not hasattr(thing, "ioctl")


def __getattr__(name):
    return getattr(uselect, name)
