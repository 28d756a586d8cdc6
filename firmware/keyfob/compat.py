"""`const`, from the same line on MicroPython and on CPython.

MicroPython's compiler folds `NAME = const(...)` by the bare name, wherever it was
imported from, so this module costs a board one import and nothing per use.
"""

try:
    from micropython import const
except ImportError:

    def const(value):
        """Return `value`: CPython has no constant folding of names."""
        return value
