"""`gc` of a board whose RAM is the chip's: figures in the chip's bytes."""

from gc import *

import _board
from micropython import const

_FREE = const(2)
_USED = const(3)


def mem_free():
    """Bytes free in Python's areas, and in the one that could be added."""
    return _board.look(_FREE)


def mem_alloc():
    """Bytes of Python's areas that are in use."""
    return _board.look(_USED)
