"""The long loops of keyfob.ui.qr as bytecode, which every MicroPython and CPython runs.

keyfob.ui.qr_viper has the same functions as machine code.
"""

# Error correction. A polynomial over GF(256) is an integer with a byte for each coefficient.


def correct(parts, degree):
    """Return the error correction codewords of each part: the rest after a long division."""
    multiples = _generator(degree)
    rests = []
    for part in parts:
        rest = 0
        for byte in part:
            rest = rest << 8 ^ byte << 8 * degree
            factor = rest >> 8 * degree
            for multiple in multiples:
                if factor & 1:
                    rest ^= multiple
                factor >>= 1
        rests.append(rest.to_bytes(degree, "big"))
    return rests


def _generator(degree):
    """Return the generator polynomial times 1, 2, 4 ... 128."""
    ones = int.from_bytes(b"\1" * (degree + 1), "big")
    product = root = 1
    for _ in range(degree):
        scaled = 0
        factor = root
        power = product
        while factor:
            if factor & 1:
                scaled ^= power
            factor >>= 1
            power = _double(power, ones)
        product = product << 8 ^ scaled
        root = _double(root, 1)
    multiples = [product]
    for _ in range(7):
        multiples.append(_double(multiples[-1], ones))
    return multiples


def _double(polynomial, ones):
    """Every coefficient times 2, modulo x^8 + x^4 + x^3 + x^2 + 1; in `ones` all are 1."""
    return (polynomial & 127 * ones) << 1 ^ (polynomial >> 7 & ones) * 29


# The symbol, an integer as in qr.


def place(codewords, free, size):
    """Return the symbol of the codewords: upwards and downwards in columns of two modules."""
    width = size + 7 >> 3
    end = size * width
    modules = bytearray(end)
    free = free.to_bytes(end, "big")
    feed = iter(codewords)
    left = 0
    for column in range(size - 1, 0, -2):
        rows = range(0, end, width) if column & 2 else range(end - width, -1, -width)
        right = column - (column <= 6)  # not the column of the timing pattern
        for row in rows:
            for x in (right, right - 1):
                at = row + (x >> 3)
                bit = 128 >> (x & 7)
                if free[at] & bit:
                    if not left:
                        byte = next(feed, 0)
                        left = 8
                    left -= 1
                    if byte >> left & 1:
                        modules[at] |= bit
    return int.from_bytes(modules, "big")


def score(symbol, size):
    """Return the penalty of a finished symbol (ISO/IEC 18004:2015 section 7.8.3.1).

    The finder-like pattern is 1:1:3:1:1 with four light modules before or after it, each a
    pattern, and all within the symbol. For the proportion of dark modules table 11 puts exactly
    55 % into two rows; here a step away from 50 % counts once it is whole, and 60 % costs 20.
    """
    width = size + 7 >> 3
    stride = 8 * width
    fields = [
        int.from_bytes(pattern * (size * width + 1 >> 1), "big")
        for pattern in (b"\x55\x55", b"\x33\x33", b"\x0f\x0f", b"\x00\xff")
    ]
    row = (1 << size) - 1 << stride - size
    everything = int.from_bytes(row.to_bytes(width, "big") * size, "big")
    light = symbol ^ everything
    alike = []
    penalty = 0
    # Each bit below speaks of a module and of those before it, to its left or above it. What
    # would reach beyond the edge meets the padding, which is neither dark nor light.
    for step in (1, stride):
        inside = everything & everything >> step
        change = (symbol ^ symbol >> step) & inside
        same = change ^ inside
        three = same & same >> step
        five = three & three >> 2 * step
        runs = five | five << step | five << 2 * step  # n - 2 of a run of n
        lone = change & change >> step
        core = symbol & lone & three >> 2 * step & lone >> 4 * step  # 1011101
        four = light & three & same >> 2 * step
        finders = core >> 4 * step & four | four >> 7 * step & core
        penalty += _ones(runs, fields) + 40 * _ones(finders, fields)
        alike.append(same)
    across, down = alike
    penalty += 3 * _ones(across & across >> stride & down, fields)
    modules = size * size
    return penalty + 10 * (abs(20 * _ones(symbol, fields) - 10 * modules) // modules)


def _ones(bits, fields):
    """Return how many bits are 1, added up in fields of 2, 4, 8 and 16 bits."""
    pairs, nibbles, octets, words = fields
    bits -= bits >> 1 & pairs
    bits = (bits & nibbles) + (bits >> 2 & nibbles)
    bits = bits + (bits >> 4) & octets
    bits = bits + (bits >> 8) & words
    return bits % 0xFFFF


KERNELS = (correct, place, score)
