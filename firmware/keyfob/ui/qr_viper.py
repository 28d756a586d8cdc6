"""The long loops of keyfob.ui.qr as machine code, for a MicroPython that can run it.

Each function of KERNELS does what its namesake in keyfob.ui.qr_bytecode does.
"""

# ruff: noqa: RUF046 - int() makes a machine word of an object

import sys

from keyfob.compat import const

if sys.implementation.name == "micropython":
    import micropython
else:  # CPython runs the same lines as they stand

    class micropython:  # noqa: N801
        viper = staticmethod(lambda function: function)

    ptr8 = memoryview


_LOGARITHMS = const(510)  # in the table, after the powers of 2 in GF(256) twice in a row


def correct(parts, degree):
    """Return the error correction codewords of each part."""
    table = bytearray(_LOGARITHMS + 256)
    generator = bytearray(degree + 1)
    _prepare(table, generator)
    rests = []
    for part in parts:
        rest = bytearray(degree + 1)
        _divide(part, rest, generator, table)
        rests.append(rest[:degree])
    return rests


@micropython.viper
def _prepare(table: ptr8, generator_):
    """Fill in the table, and the logarithms of the generator polynomial's coefficients."""
    value = 1
    for at in range(255):
        table[at] = value
        table[at + 255] = value
        table[_LOGARITHMS + value] = at
        value <<= 1
        if value & 256:
            value ^= 0x11D
    generator = ptr8(generator_)
    degree = int(len(generator_)) - 1
    generator[0] = 1
    for root in range(degree):
        at = root + 1
        while at:
            generator[at] ^= table[table[_LOGARITHMS + generator[at - 1]] + root]
            at -= 1
    for at in range(degree + 1):
        generator[at] = table[_LOGARITHMS + generator[at]]


@micropython.viper
def _divide(part_, rest: ptr8, generator_, table: ptr8):
    part = ptr8(part_)
    generator = ptr8(generator_)
    degree = int(len(generator_)) - 1
    for at in range(int(len(part_))):
        factor = part[at] ^ rest[0]
        for index in range(degree):
            rest[index] = rest[index + 1]
        if factor:
            logarithm = table[_LOGARITHMS + factor]
            for index in range(degree):
                rest[index] ^= table[logarithm + generator[index + 1]]


def place(codewords, free, size):
    """Return the symbol of the codewords."""
    modules = bytearray(size * (size + 7 >> 3))
    _place(modules, free.to_bytes(len(modules), "big"), bytes(codewords) + b"\0", size)
    return int.from_bytes(modules, "big")


@micropython.viper
def _place(modules: ptr8, free: ptr8, codewords: ptr8, size: int):
    width = size + 7 >> 3
    taken = 0
    column = size - 1
    while column > 0:
        right = column - 1 if column <= 6 else column
        for index in range(size):
            row = index if column & 2 else size - 1 - index
            for side in range(2):
                x = right - side
                at = row * width + (x >> 3)
                bit = 128 >> (x & 7)
                if free[at] & bit:
                    if codewords[taken >> 3] << (taken & 7) & 128:
                        modules[at] |= bit
                    taken += 1
        column -= 2


def score(symbol, size):
    """Return the penalty of a finished symbol."""
    return _score(symbol.to_bytes(size * (size + 7 >> 3), "big"), size)


@micropython.viper
def _score(modules: ptr8, size: int) -> int:
    width = size + 7 >> 3
    dark = 0
    penalty = 0
    for line in range(2 * size):  # rows, then columns
        run = 0
        window = 0
        for along in range(size):
            x = along if line < size else line - size
            y = line if line < size else along
            module = modules[y * width + (x >> 3)] >> (7 - (x & 7)) & 1
            dark += module
            if along and window & 1 == module:
                run += 1
                if run == 5:
                    penalty += 3
                elif run > 5:
                    penalty += 1
            else:
                run = 1
            window = (window << 1 | module) & 0x7FF
            if along >= 10 and (window == 0x5D0 or window == 0x05D):
                penalty += 40
    for y in range(size - 1):
        at = y * width
        last = 0
        for x in range(size):
            shift = 7 - (x & 7)
            column = modules[at + (x >> 3)] >> shift & 1
            column |= (modules[at + width + (x >> 3)] >> shift & 1) << 1
            if x and column == last and (column == 0 or column == 3):
                penalty += 3
            last = column
    steps = 10 * dark - 10 * size * size  # every module was counted twice
    return penalty + 10 * ((steps if steps > 0 else -steps) // (size * size))


KERNELS = (correct, place, score)
