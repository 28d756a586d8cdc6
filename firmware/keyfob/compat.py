"""What MicroPython and CPython do differently: `const`, interrupts, letting go of modules.

MicroPython's compiler folds `NAME = const(...)` by the bare name, wherever it was
imported from.
"""

try:
    from micropython import const
except ImportError:

    def const(value):
        """Return `value`: CPython has no constant folding of names."""
        return value


_GARBAGE = const(4096)  # bytes


def tidy_heap():
    """Have garbage collected early, before more code is imported.

    Collected late, it leaves holes between what stays that no module, buffer or TLS
    connection fits into.
    """
    import gc

    if hasattr(gc, "threshold"):
        gc.threshold(_GARBAGE)


def drop(*names):
    """Let go of modules that are not needed for now, since loaded code takes a board's RAM.

    They are imported anew when they are needed. Does nothing on CPython.
    """
    import sys

    if sys.implementation.name != "micropython":
        return
    for name in names:
        module = sys.modules.pop(name, None)
        parent, _, child = name.rpartition(".")
        if module is not None and hasattr(sys.modules.get(parent), child):
            delattr(sys.modules[parent], child)


def flag():
    """Return what an interrupt may `set()`, and one task `wait()` for, once for each time."""
    import asyncio

    if hasattr(asyncio, "ThreadSafeFlag"):
        return asyncio.ThreadSafeFlag()

    class Flag(asyncio.Event):
        async def wait(self):
            await super().wait()
            self.clear()

    return Flag()
