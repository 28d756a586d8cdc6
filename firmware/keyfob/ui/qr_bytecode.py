"""The long loops of keyfob.ui.qr as bytecode, which every MicroPython and CPython runs.

keyfob.ui.qr_viper has the same functions as machine code. Here a row of modules is an integer,
its leftmost module the highest bit, so that a few operations apply a rule to a whole row. A
canvas is two lists of rows: dark modules, and modules taken by a function pattern.
"""

from keyfob.compat import const

# Where the parts of keyfob.ui.qr.TABLES begin.
_FORMATS = const(80)
_MASKS = const(112)
_COSTS = const(208)
_HEADS = const(211)
_HEADS_OF_10 = const(214)
_VALUES = const(217 - 32)

# Modes of a segment, each of which can encode all that the one before it can.
_DIGITS = const(0)
_ALPHANUMERIC = const(1)
_BYTES = const(2)

_NEVER = const(0xF000)  # sixths of a bit, more than any text costs
_STAY = const(0x24)  # modes 2, 1 and 0 in two bits each
_RUN = const(0x40)  # at the last byte of a run

_BEFORE = const(7)  # rows before the first that `score` looks back at


def split(data, version, tables):
    """Return (the fewest bits that encode `data`, the mode of each byte).

    An exact search, run by run of bytes of one kind, over the mode of the last one. Within a run
    no change of mode is tried: done before or after it, it would cost less, since a narrower mode
    is cheaper for each byte. Costs are in sixths of a bit; a segment ends on a whole one.
    """
    at = _HEADS if version < 10 else _HEADS_OF_10
    heads = tables[at : at + 3]
    costs = list(heads)
    # On the way forward, at the end of a run: the mode before it for every mode.
    modes = bytearray(len(data))
    end = 0
    while True:
        best = min(costs)
        before = costs.index(best)
        best = (best + 5) // 6 * 6
        if end == len(data):
            break
        start = end
        kind = None
        while end < len(data):
            value = tables[_VALUES + data[end]] if 32 <= data[end] <= 90 else 99
            other = _DIGITS if value < 10 else _ALPHANUMERIC if value < 99 else _BYTES
            if kind is None:
                kind = other
            elif kind != other:
                break
            end += 1
        path = _STAY
        for mode in (_DIGITS, _ALPHANUMERIC, _BYTES):
            if mode < kind:
                costs[mode] = _NEVER
                continue
            if best + heads[mode] < costs[mode]:
                costs[mode] = best + heads[mode]
                path ^= (mode ^ before) << 2 * mode
            costs[mode] += tables[_COSTS + mode] * (end - start)
        modes[end - 1] = _RUN | path
    path = _STAY
    for at in range(end - 1, -1, -1):
        if modes[at]:
            before = path >> 2 * before & 3
            path = modes[at]
        modes[at] = before
    return best // 6, modes


def draw(data, modes, row, tables):
    """Return the bitmap of the symbol with the mask of the lowest penalty, the first of equals."""
    version = row % 10 + 1
    size = 17 + 4 * version
    stream = bytearray(tables[4 * row] << 8 | tables[4 * row + 1])
    fill(stream, data, modes, version, tables)
    codewords = correct(stream, tables[4 * row + 2], tables[4 * row + 3])
    dark = [0] * size
    taken = [0] * size
    pattern(dark, taken, version)
    place(dark, taken, codewords)
    rows = [0] * size
    work = work_space(size)
    formats = _FORMATS + row // 10 * 16
    best = lowest = None
    for mask in range(8):
        _apply(rows, dark, taken, mask, formats, tables)
        penalty = score(rows, work, lowest)
        if lowest is None or penalty < lowest:
            best, lowest = mask, penalty
    _apply(rows, dark, taken, best, formats, tables)
    width = size + 7 >> 3
    bitmap = bytearray(size * width)
    at = 0
    for line in rows:
        line <<= 8 * width - size
        for shift in range(8 * width - 8, -1, -8):
            bitmap[at] = line >> shift & 255
            at += 1
    return bitmap


def fill(stream, data, modes, version, tables):
    """Fill in the data codewords: segments, terminator and padding."""
    taken = start = end = bits = held = 0  # of `bits` the lowest `held` are not in `stream` yet
    while start < len(data):
        if start == end:
            mode = modes[start]
            while end < len(data) and modes[end] == mode:
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
    if taken < len(stream):
        stream[taken] = bits << 8 - held & 255
    padding = 0xEC
    for at in range(taken + 1 + (held > 4), len(stream)):
        stream[at] = padding
        padding ^= 0xEC ^ 0x11


def correct(stream, blocks, degree):
    """Return all codewords in the order of their placement.

    The data are dealt into blocks, the last of which may have one more; the error correction
    codewords of each are the rest after a long division.
    """
    powers, logarithms = _field()
    generator = bytearray(degree)  # without its first coefficient, which is 1
    generator[degree - 1] = 1
    for root in range(degree):
        for at in range(degree):
            value = generator[at]
            if value:
                value = powers[(logarithms[value] + root) % 255]
            if at + 1 < degree:
                value ^= generator[at + 1]
            generator[at] = value
    for at in range(degree):
        generator[at] = logarithms[generator[at]]
    length = len(stream)
    short = length // blocks
    whole = blocks - length % blocks  # blocks that are not one longer
    dealt = bytearray(length + blocks * degree + 1)  # and bits for modules that remain
    source = 0
    for block in range(blocks):
        rest = bytearray(degree)
        head = 0  # where the highest coefficient is: the rest goes round in its buffer
        for index in range(short + (block >= whole)):
            value = stream[source]
            source += 1
            dealt[index * blocks + block - whole * (index == short)] = value
            value ^= rest[head]
            rest[head] = 0
            head = (head + 1) % degree
            if value:
                value = logarithms[value]
                at = head
                for power in generator:
                    rest[at] ^= powers[(value + power) % 255]
                    at += 1
                    if at == degree:
                        at = 0
        for index in range(degree):
            dealt[length + index * blocks + block] = rest[(head + index) % degree]
    return dealt


def _field():
    """Return the powers of 2 in GF(256), and the logarithms to that base."""
    powers = bytearray(255)
    logarithms = bytearray(256)
    value = 1
    for at in range(255):
        powers[at] = value
        logarithms[value] = at
        value <<= 1
        if value > 255:
            value ^= 0x11D
    return powers, logarithms


def pattern(dark, taken, version):
    """Draw all function patterns."""
    size = len(dark)
    far = size - 7
    mid = size - 1 >> 1
    for y in range(9):
        taken[y] |= 0x1FF << size - 9 | 0xFF
    for y in range(far - 1, size):
        taken[y] |= 0x1FF << size - 9
    for x, y in ((0, 0), (far, 0), (0, far)):
        _stamp(dark, x, y, b"\x7f\x41\x5d\x5d\x5d\x41\x7f", 7)
    dark[far - 1] |= 1 << size - 9  # in every symbol
    centres = ((far, far), (6, mid), (mid, 6), (mid, mid), (far, mid), (mid, far))
    for x, y in centres[: 0 if version < 2 else 1 if version < 7 else 6]:
        _stamp(dark, x - 2, y - 2, b"\x1f\x11\x15\x11\x1f", 5)
        _stamp(taken, x - 2, y - 2, b"\x1f\x1f\x1f\x1f\x1f", 5)
    if version >= 7:
        word = version << 12
        for at in (3, 2, 1, 0):  # the check bits of a BCH code (annex D)
            if word >> at + 12 & 1:
                word ^= 0x1F25 << at
        word |= version << 12
        for at in range(18):
            along, across = at // 3, at % 3
            taken[along] |= 7 << 8
            taken[far - 4 + across] |= 1 << size - 1 - along
            dark[along] |= (word >> at & 1) << 10 - across
            dark[far - 4 + across] |= (word >> at & 1) << size - 1 - along
    dark[6] |= (2 << size) // 3  # timing: every other one, from the lowest bit on
    taken[6] = (1 << size) - 1
    for y in range(size):
        taken[y] |= 1 << far
        dark[y] |= (~y & 1) << far


def _stamp(rows, x, y, lines, across):
    """Make dark what is 1 in `lines`, with the top left module at x, y."""
    for line in lines:
        rows[y] |= line << len(rows) - across - x
        y += 1


def place(dark, taken, codewords):
    """Draw the codewords, upwards and downwards in columns of two modules."""
    size = len(dark)
    at = left = bits = 0
    for column in range(size - 1, 0, -2):
        shift = size - 1 - column + (column <= 6)  # not the column of the timing pattern
        for y in range(size) if column & 2 else range(size - 1, -1, -1):
            cells = ~(taken[y] >> shift) & 3
            if cells:
                if left < 2:
                    bits = (bits & 1) << 8 | codewords[at]
                    at += 1
                    left += 8
                if cells == 3:  # the right one is first
                    left -= 2
                    pair = bits >> left
                    dark[y] |= (pair >> 1 & 1 | pair << 1 & 2) << shift
                else:
                    left -= 1
                    dark[y] |= (bits >> left & 1) << shift + (cells >> 1)


def _apply(rows, dark, taken, mask, formats, tables):
    """Fill in `rows`: the symbol under a mask, with the format information."""
    size = len(rows)
    full = (1 << size) - 1
    for y in range(size):
        line = tables[_MASKS + 12 * mask + y % 12] * 0x41041041041041 >> 60 - size
        rows[y] = dark[y] ^ line & (full ^ taken[y])
    word = tables[formats + 2 * mask] << 8 | tables[formats + 2 * mask + 1]
    rows[8] |= word >> 9 << size - 6 | (word >> 7 & 3) << size - 9 | word & 255
    for at in range(15):
        if word >> at & 1 and at != 7:
            y = at + (at == 6) if at < 7 else size - 15 + at
            rows[y] |= 1 << size - 9


def work_space(size):
    """Return the lists in which `score` notes what it will want of a row later."""
    size += _BEFORE
    return [0] * size, [0] * size, [0] * size


def score(rows, work, limit=None):
    """Return the penalty of a finished symbol (ISO/IEC 18004:2015 section 7.8.3.1).

    The finder-like pattern is 1:1:3:1:1 with four light modules before or after it, each a
    pattern, and all within the symbol. For the proportion of dark modules table 11 puts exactly
    55 % into two rows; here a step away from 50 % counts once it is whole, and 60 % costs 20.
    Once it has reached `limit` it is not counted any further. `work` is what `work_space` made.
    """
    size = len(rows)
    lones, cores, fours = work
    full = (1 << size) - 1
    inner = full >> 1
    inside = 0  # as `full` once there is a row above
    penalty = dark = 0
    above = alike_above = change_above = same_above = three_above = three_before = five_above = 0
    at = _BEFORE  # where this row is in the lists of `work`
    for row in rows:
        # Each bit is about a module and those before it, to its left or above it.
        change = (row ^ row >> 1) & inner
        alike = change ^ inner
        three = alike & alike >> 1
        five = three & three >> 2
        lone = change & change >> 1
        core = row & lone & three >> 2 & lone >> 4  # 1011101
        if core:
            four = three & three >> 1 & ~row
            finders = core >> 4 & four | four >> 7 & core
        else:
            finders = 0
        penalty += 2 * _ones(five & ~(five >> 1)) + _ones(five) + 40 * _ones(finders)
        change = (row ^ above) & inside
        same = change ^ inside
        penalty += 3 * _ones(alike & alike_above & same)
        three = same & same_above
        five = three & three_before
        lone = change & change_above
        core = row & lone & three_before & lones[at - 4]
        four = three & three_above & ~row
        finders = four & cores[at - 4] | core & fours[at - 7]
        penalty += 2 * _ones(five & ~five_above) + _ones(five) + 40 * _ones(finders)
        five_above = five
        if limit is not None and penalty >= limit:
            return penalty
        lones[at] = lone
        cores[at] = core
        fours[at] = four
        at += 1
        three_before = three_above
        three_above = three
        above = row
        alike_above = alike
        change_above = change
        same_above = same
        inside = full
        dark += _ones(row)
    modules = size * size
    return penalty + 10 * (abs(20 * dark - 10 * modules) // modules)


def _ones(bits):
    """Return how many bits are 1."""
    count = 0
    while bits:
        count += 1
        bits &= bits - 1
    return count


KERNELS = (split, draw)
