"""`os` with what only boards have."""

import _board
import uos


def uname():
    from collections import namedtuple

    fields = ("sysname", "nodename", "release", "version", "machine")
    return namedtuple("uname", fields)(*_board.ask("machine.uname"))


def sync():
    pass


def dupterm(stream=None, index=0):
    return None


def __getattr__(name):
    return getattr(uos, name)
