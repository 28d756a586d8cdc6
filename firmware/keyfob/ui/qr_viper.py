"""The long loops of keyfob.ui.qr as machine code, for a MicroPython that can run it.

Each function of KERNELS does what its namesake in keyfob.ui.qr_bytecode does. A canvas is a
bytearray of two bitmaps: dark modules, and modules taken by a function pattern.
"""

# ruff: noqa: RUF046 - int() makes a machine word of an object

from keyfob.compat import const

# `micropython.viper`, `ptr8` and `ptr16` are keywords of MicroPython's compiler, not imported.
if __import__("sys").implementation.name != "micropython":
    raise ImportError

# Where the parts of keyfob.ui.qr.TABLES begin.
_FORMATS = const(80)
_MASKS = const(112)
_COSTS = const(208)
_HEADS = const(211)
_HEADS_OF_10 = const(214)
_VALUES = const(217 - 32)

# Modes of a segment, the widest and none yet.
_BYTES = const(2)
_NO_MODE = const(3)

_NEVER = const(0xF000)  # sixths of a bit, more than any text costs
_STAY = const(0x24)  # modes 2, 1 and 0 in two bits each
_RUN = const(0x40)  # a run ends with this byte

# Where things are in the work space of `_correct`, after the powers of 2 in GF(256).
_LOGARITHMS = const(255)
_GENERATOR = const(511)
_REST = const(543)
_SPACE = const(576)


@micropython.viper
def split(data_, version: int, tables: ptr8):
    """Return (the fewest bits that encode `data_`, the mode of each byte)."""
    data = ptr8(data_)
    length = int(len(data_))
    modes_ = bytearray(length)
    modes = ptr8(modes_)
    costs_ = bytearray(6)
    costs = ptr16(costs_)
    heads = _HEADS if version < 10 else _HEADS_OF_10
    for mode in range(3):
        costs[mode] = tables[heads + mode]
    end = 0
    while True:
        before = 1 if costs[1] < costs[0] else 0
        if costs[2] < costs[before]:
            before = 2
        if end == length:
            break
        start = end
        kind = _NO_MODE
        while end < length:
            char = data[end]
            value = tables[_VALUES + char] if char >= 32 and char <= 90 else 99
            other = 0 if value < 10 else 1 if value < 99 else _BYTES
            if kind == _NO_MODE:
                kind = other
            elif kind != other:
                break
            end += 1
        best = (costs[before] + 5) // 6 * 6
        path = _STAY
        for mode in range(3):
            if mode < kind:
                costs[mode] = _NEVER
            else:
                cost = best + tables[heads + mode]
                if cost < costs[mode]:
                    costs[mode] = cost
                    path ^= (mode ^ before) << 2 * mode
                costs[mode] += tables[_COSTS + mode] * (end - start)
        modes[end - 1] = _RUN | path
    bits = (costs[before] + 5) // 6
    path = _STAY
    while end > 0:
        end -= 1
        if modes[end]:
            before = path >> 2 * before & 3
            path = modes[end]
        modes[end] = before
    return bits, modes_


@micropython.viper
def draw(data, modes, row: int, tables_):
    """Return the bitmap of the symbol with the mask of the lowest penalty, the first of equals."""
    tables = ptr8(tables_)
    version = row % 10 + 1
    size = 17 + 4 * version
    blocks = tables[4 * row + 2]
    degree = tables[4 * row + 3]
    capacity = tables[4 * row] << 8 | tables[4 * row + 1]
    stream = bytearray(capacity)
    _fill(stream, data, modes, version, tables_)
    codewords = bytearray(capacity + blocks * degree + 1)  # and bits for modules that remain
    _correct(stream, codewords, blocks, degree)
    bitmap = bytearray(size * (size + 7 >> 3))
    canvas = bytearray(2 * size * (size + 7 >> 3))
    _pattern(canvas, version)
    _place(canvas, size, codewords)
    best = 0
    lowest = 1 << 20
    for mask in range(8):
        at = _FORMATS + 16 * (row // 10) + 2 * mask
        word = (tables[at] << 8 | tables[at + 1]) << 9 | mask << 6 | size
        _apply(bitmap, canvas, tables_, word)
        penalty = int(_score(bitmap, size, lowest))
        if penalty < lowest:
            best = word
            lowest = penalty
    _apply(bitmap, canvas, tables_, best)
    return bitmap


@micropython.viper
def _fill(stream_, data: ptr8, modes_, version: int, tables: ptr8):
    """Fill in the data codewords: segments, terminator and padding."""
    stream = ptr8(stream_)
    capacity = int(len(stream_))
    modes = ptr8(modes_)
    length = int(len(modes_))
    taken = 0
    start = 0
    end = 0
    mode = 0
    bits = 0
    held = 0  # of `bits` the lowest `held` have not been taken yet
    while start < length:
        if start == end:
            mode = modes[start]
            while end < length and modes[end] == mode:
                end += 1
            width = tables[(_HEADS if version < 10 else _HEADS_OF_10) + mode] // 6
            held += width
            bits = ((bits & 255) << 4 | 1 << mode) << width - 4 | end - start
        else:
            value = data[start]
            start += 1
            width = 8
            if mode != _BYTES:  # two or three characters in one number
                value = tables[_VALUES + value]
                width = 6 if mode else 4
                while start < end and width < (11 if mode else 10):
                    value = value * (45 if mode else 10) + tables[_VALUES + data[start]]
                    start += 1
                    width += 5 if mode else 3
            held += width
            bits = (bits & 255) << width | value
        while held >= 8:
            held -= 8
            stream[taken] = bits >> held & 255
            taken += 1
    # A terminator of four bits, cut off where there is no room for it, and the padding.
    if taken < capacity:
        stream[taken] = bits << (8 - held) & 255
    padding = 0xEC
    taken += 2 if held > 4 else 1
    while taken < capacity:
        stream[taken] = padding
        padding ^= 0xEC ^ 0x11
        taken += 1


@micropython.viper
def _correct(stream_, dealt: ptr8, blocks: int, degree: int):
    """Deal the data codewords out, and add those of error correction."""
    stream = ptr8(stream_)
    length = int(len(stream_))
    work_ = bytearray(_SPACE)
    work = ptr8(work_)
    value = 1
    for at in range(255):
        work[at] = value
        work[_LOGARITHMS + value] = at
        value <<= 1
        if value & 256:
            value ^= 0x11D
    generator = _GENERATOR  # its coefficients, at the end their logarithms
    work[generator] = 1
    for root in range(degree):
        at = generator + root + 1
        while at > generator:
            power = work[_LOGARITHMS + work[at - 1]] + root
            work[at] ^= work[power if power < 255 else power - 255]
            at -= 1
    for at in range(generator, generator + degree + 1):
        work[at] = work[_LOGARITHMS + work[at]]
    rest = _REST
    short = length // blocks
    whole = blocks - length % blocks  # blocks that are not one longer
    source = 0
    for block in range(blocks):
        for at in range(rest, rest + degree + 1):
            work[at] = 0
        for index in range(short if block < whole else short + 1):
            byte = stream[source]
            source += 1
            dealt[index * blocks + block - (0 if index < short else whole)] = byte
            factor = byte ^ work[rest]
            for at in range(rest, rest + degree):
                work[at] = work[at + 1]
            if factor:
                factor = work[_LOGARITHMS + factor]
                for at in range(degree):
                    power = factor + work[generator + at + 1]
                    work[rest + at] ^= work[power if power < 255 else power - 255]
        for at in range(degree):
            dealt[length + at * blocks + block] = work[rest + at]


@micropython.viper
def _pattern(canvas: ptr8, version: int):
    """Draw all function patterns, and take what is beside the symbol."""
    size = 17 + 4 * version
    width = size + 7 >> 3
    taken = size * width
    far = size - 4
    mid = size - 1 >> 1
    patterns = 3 if version < 2 else 4 if version < 7 else 9
    for index in range(patterns):
        # Rings around a middle: three finders with the light around them, then alignment.
        x = 3 if index == 0 or index == 2 else far
        row = 3 if index < 2 else far
        reach = 4
        if index >= 3:
            reach = 2
            x = 6 if index == 4 else mid if index == 5 or index == 6 or index == 8 else far - 3
            row = 6 if index == 5 else mid if index == 4 or index == 6 or index == 7 else far - 3
        for down in range(0 - reach, reach + 1):
            for across in range(0 - reach, reach + 1):
                x_here = x + across
                row_here = row + down
                ring = across if across > 0 else 0 - across
                other = down if down > 0 else 0 - down
                if other > ring:
                    ring = other
                if x_here >= 0 and x_here < size and row_here >= 0 and row_here < size:
                    at = row_here * width + (x_here >> 3)
                    bit = 128 >> (x_here & 7)
                    canvas[taken + at] |= bit
                    if ring != 4 and ring != (2 if reach == 4 else 1):
                        canvas[at] |= bit
    for near in range(9):  # format information
        for row in range(2):
            at = near * width + 1 if row else 8 * width + (near >> 3)
            canvas[taken + at] |= 128 if row else 128 >> (near & 7)
            other = size - 1 - near
            at = other * width + 1 if row else 8 * width + (other >> 3)
            if near < 8:
                canvas[taken + at] |= 128 if row else 128 >> (other & 7)
    canvas[(far - 4) * width + 1] |= 128  # in every symbol
    if version >= 7:
        word = version << 12
        for at in range(4):  # the check bits of a BCH code (annex D)
            if word >> (15 - at) & 1:
                word ^= 0x1F25 << (3 - at)
        word |= version << 12
        for at in range(18):
            for turned in range(2):
                x = at // 3 if turned else far - 7 + at % 3
                row = far - 7 + at % 3 if turned else at // 3
                canvas[taken + row * width + (x >> 3)] |= 128 >> (x & 7)
                if word >> at & 1:
                    canvas[row * width + (x >> 3)] |= 128 >> (x & 7)
    for at in range(6 * width, 7 * width):  # timing
        canvas[at] |= 0xAA
        canvas[taken + at] = 255
    beside = 255 >> (size & 7)
    canvas[7 * width - 1] &= 255 - beside
    for row in range(size):
        canvas[taken + row * width] |= 2
        canvas[row * width] |= 0 if row & 1 else 2
        canvas[taken + (row + 1) * width - 1] |= beside


@micropython.viper
def _place(canvas: ptr8, size: int, codewords: ptr8):
    """Draw the codewords, upwards and downwards in columns of two modules."""
    width = size + 7 >> 3
    taken = size * width
    used = 0
    column = size - 1
    while column > 0:
        right = column - 1 if column <= 6 else column
        for index in range(size):
            row = index if column & 2 else size - 1 - index
            at = row * width
            for x in range(right, right - 2, -1):
                byte = at + (x >> 3)
                bit = 128 >> (x & 7)
                if not canvas[taken + byte] & bit:
                    if codewords[used >> 3] << (used & 7) & 128:
                        canvas[byte] |= bit
                    used += 1
        column -= 2


@micropython.viper
def _apply(bitmap: ptr8, canvas: ptr8, tables: ptr8, word: int):
    """Fill in `bitmap`: the symbol under a mask, with the format information."""
    size = word & 63
    mask = _MASKS + 12 * (word >> 6 & 7)
    word >>= 9
    width = size + 7 >> 3
    taken = size * width
    at = 0
    for row in range(size):
        tile = tables[mask + row % 12] * 0x41041  # six modules four times over are three bytes
        shift = 16
        for _ in range(width):
            bitmap[at] = canvas[at] ^ (tile >> shift & (255 - canvas[taken + at]))
            shift = shift - 8 if shift else 16
            at += 1
    for index in range(15):
        if word >> index & 1:
            near = index if index < 8 else 14 - index
            if near > 5:
                near += 1
            x = 8 if index < 8 else near
            row = near if index < 8 else 8
            bitmap[row * width + (x >> 3)] |= 128 >> (x & 7)
            x = size - 1 - index if index < 8 else 8
            row = 8 if index < 8 else size - 15 + index
            bitmap[row * width + (x >> 3)] |= 128 >> (x & 7)


@micropython.viper
def _score(modules: ptr8, size: int, limit: int) -> int:
    """Return the penalty of a finished symbol, or at least `limit` if it is; see qr_bytecode."""
    width = size + 7 >> 3
    penalty = 0
    dark = 0
    at = 0
    for row in range(size):
        left = 0  # bit 0: the module on the left, bit 1: whether it is as the one below, or none
        last = row == size - 1
        for column in range(width):
            byte = modules[at]
            squares = byte
            while squares:
                dark += 1
                squares &= squares - 1
            if not last:
                alike = 255 - (byte ^ modules[at + width])
                if column == width - 1:
                    alike &= 255 << (8 * width - size)
                here = 255 - (byte ^ (byte >> 1 | left << 7))
                squares = alike & here & (alike >> 1 | left << 6 & 128)
                while squares:
                    penalty += 3
                    squares &= squares - 1
                left = byte & 1 | alike << 1 & 2
            at += 1
    for line in range(2 * size):  # rows, then columns
        if penalty >= limit:
            return penalty
        run = 0
        window = 0
        at = line * width if line < size else 0
        x = 0 if line < size else line - size
        right = 1 if line < size else 0
        down = 0 if line < size else width
        for along in range(size):
            module = modules[at + (x >> 3)] >> (7 - (x & 7)) & 1
            x += right
            at += down
            change = (window ^ module) & 1
            window = (window << 1 | module) & 0x7FF
            if change:
                run = 1
                if window == 0x05D and along >= 10:
                    penalty += 40
            else:
                run += 1
                if run > 5:
                    penalty += 1
                elif run == 5:
                    penalty += 3
                elif window == 0x5D0 and along >= 10:  # its four light modules
                    penalty += 40
    steps = 20 * dark - 10 * size * size
    return penalty + 10 * ((steps if steps > 0 else 0 - steps) // (size * size))


KERNELS = (split, draw)
