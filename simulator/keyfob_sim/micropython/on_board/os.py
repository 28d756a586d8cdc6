"""`os` with what only boards have."""

import _board
import uos


def uname():
    """(sysname, nodename, release, version, machine) of the virtual board."""
    from collections import namedtuple

    fields = ("sysname", "nodename", "release", "version", "machine")
    return namedtuple("uname", fields)(*_board.ask("machine.uname"))


def sync():
    """Does nothing: littlefs keeps nothing back."""


def dupterm(stream=None, index=0):
    """Ignores `stream`; returns None, the stream that was there before."""
    return None


def __getattr__(name):
    return getattr(uos, name)
