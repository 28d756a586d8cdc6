"""What MicroPython and CPython do differently: `const`, interrupts, unloading modules.

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
_DEPTH = const(30)  # calls: some 8 KB of an ESP32's stack, which has 16


heap_area = None  # what keeps a second area of Python's heap; see keyfob.heap_area


def tidy_heap():
    """Have garbage collected early; the first import of keyfob does this.

    Collected late, it leaves holes between what stays that no module, buffer or TLS
    connection fits into.
    """
    import gc

    if hasattr(gc, "threshold"):
        gc.threshold(_GARBAGE)


class Loaded:
    """Loads the module `name` for a `with` block, and unloads it at the end of the block.

        with Loaded("keyfob.net.tls") as tls:
            context = tls.make_context(roots)

    Loaded code takes a board's RAM. What the import brings along is unloaded with the module;
    what somebody still refers to lives as long as that. These stay loaded: what was there before,
    packages, the root of keyfob (its errors have to be the same classes for all), and machine
    code, which an ESP32 frees at a reset only. On CPython everything stays.

    `modules` by name, which were loaded before, are put in their places first.
    """

    def __init__(self, name, modules=None):
        self._name = name
        self._modules = modules
        self._brought = []

    def __enter__(self):
        import sys

        known = list(sys.modules)
        if self._modules is not None:
            sys.modules.update(self._modules)
            self._modules = None
        try:
            __import__(self._name)
            return sys.modules[self._name]
        finally:
            if sys.implementation.name == "micropython":
                for name in sys.modules:
                    if name not in known:
                        self._brought.append(name)
            if self._name not in sys.modules:  # there was no room for all of it
                self.__exit__()

    def __exit__(self, *_):
        for name in self._brought:
            # Of a compiled board the rooms' modules lie in keyfob/, with names that begin with _.
            is_in_a_room = name.count(".") > 1 or "._" in name
            if name == self._name or (is_in_a_room and not name.endswith("_viper")):
                unload(name)


def lent(thing, name, homes):
    """Return the attribute `name` of `thing`, whose code is in one of the modules `homes`.

    The compiler moves rare methods there, and properties, each in a tuple (see
    keyfob_host.firmware.lending). Raises AttributeError where there is neither.
    """
    import sys

    known = list(sys.modules)
    for home in homes.split():
        with Loaded(home) as code:
            found = getattr(code, name, None)
            if isinstance(found, tuple):
                return found[0](thing)
            held = [{other: sys.modules[other] for other in sys.modules if other not in known}]
        if found is not None:
            break
    else:
        raise AttributeError(name)
    # They are let go with the call, whoever keeps what was called.
    return lambda *arguments, **named: _call(
        home, held.pop() if held else None, name, thing, arguments, named
    )


def _call(home, modules, name, thing, arguments, named):
    with Loaded(home, modules) as code:  # what the call fetches from them is at hand
        return getattr(code, name)(thing, *arguments, **named)


async def settle():
    """Collect garbage, and what MicroPython would keep for a word that was left on its stack.

    Its collector takes each word of the C stack for a reference, and many there are old. A task
    begins where that stack is shallow, so it overwrites them.
    """
    import asyncio
    import gc
    import sys

    try:
        if sys.platform != "rp2":  # its stack has 8 KB, which interrupts share
            await asyncio.create_task(_overwrite())
    except MemoryError:
        pass  # there is some after the collection
    gc.collect()


async def _overwrite():
    try:
        _recurse(_DEPTH)
    except RuntimeError:
        pass  # the stack ended before: all of it was overwritten


def _recurse(depth, *rest):
    return depth and _recurse(depth - 1, depth, *rest[:2])


def unload(name):
    """Forget a module, so that its RAM is free once nobody refers to it; see `Loaded`.

    Does nothing on CPython, where whoever imports it again would get other classes.
    """
    import sys

    module = sys.modules.get(name)
    if module is None or hasattr(module, "__path__") or sys.implementation.name != "micropython":
        return
    sys.modules.pop(name)
    parent, _, child = name.rpartition(".")
    if child in getattr(sys.modules.get(parent), "__dict__", ()):  # hasattr would load it again
        delattr(sys.modules[parent], child)


def flag():
    """Return what an interrupt may `set()` and one task `wait()` for, and then `clear()`."""
    import asyncio

    kind = getattr(asyncio, "ThreadSafeFlag", None) or asyncio.Event
    return kind()
