"""QR codes (ISO/IEC 18004): text in, a bitmap out that a framebuf can draw.

    bitmap, size = encode("https://example.com/device")
    picture = framebuf.FrameBuffer(bitmap, size, size, framebuf.MONO_HLSB)
    screen.blit(picture, x, y)

Dark modules are 1. The bitmap has no quiet zone: leave light modules around it, four by the
standard.

Inside, a symbol is one integer: its bitmap read as a big-endian number. A rule about every
module and its neighbours is then a shift and an `and` over all of them at once, done in C.
The loops that remain long are in keyfob.ui.qr_bytecode, and as machine code in qr_viper.
"""

import sys

from keyfob.compat import const

_VERSIONS = const(10)

# By version from 1: the blocks that codewords are dealt into, and the error correction codewords
# of each (ISO/IEC 18004 table 9). Then the level as the format information says it.
_LEVELS = {
    "L": (b"\1\1\1\1\1\2\2\2\2\4", b"\x07\x0a\x0f\x14\x1a\x12\x14\x18\x1e\x12", 1),
    "M": (b"\1\1\1\2\2\4\4\4\5\5", b"\x0a\x10\x1a\x12\x18\x10\x12\x16\x16\x1a", 0),
}

# Modes of a segment, each of which can say all that the one before it can.
_DIGITS = const(0)
_ALPHANUMERIC = const(1)
_BYTES = const(2)
_ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_IN_ALPHABET = const(0x7FFFFFE07FFEC3100000000)  # bit n: whether character n is in it

# By mode: bits of a segment's count, in versions 1 to 9 and in 10; sixths of a bit that a
# character costs; characters that go together, their base, bits of each and bits beside.
_COUNT_BITS = (b"\x0a\x09\x08", b"\x0c\x0b\x10")
_COSTS = b"\x14\x21\x30"
_GROUPS = ((3, 10, 3, 1), (2, 45, 5, 1), (1, 256, 8, 0))
_NEVER = const(0x100000)  # more than any text costs
_STAY = const(0x24)  # modes 2, 1 and 0 in two bits each

# By mask: the rows after which it repeats, as six modules that repeat along the row.
_MASKS = (
    b"\x2a\x15",
    b"\x3f\x00",
    b"\x24",
    b"\x24\x09\x12",
    b"\x38\x38\x07\x07",
    b"\x3f\x20\x24\x2a\x24\x20",
    b"\x3f\x38\x36\x2a\x2d\x23",
    b"\x2a\x07\x23\x15\x38\x1c",
)


def encode(text, level="L", max_version=_VERSIONS):
    """Return (bitmap, size) of the smallest symbol that holds `text`.

    `bitmap` is a bytearray of `size` rows of `size` modules, each row padded to whole bytes.
    `level` is "L" or "M"; no version is above 10, whatever `max_version` says. Scheme and host
    of an http or https address are put in capitals where that saves a version: they mean the
    same (RFC 3986 section 6.2.2.1). Raises ValueError where the text does not fit, with its
    length in bytes, and for any other level.
    """
    if level not in _LEVELS:
        raise ValueError("the level of a QR code is L or M")
    plain = data = text.encode()
    max_version = min(max_version, _VERSIONS)
    version, modes = _fit(data, level, max_version)
    capitals = _with_capitals(data)
    if capitals != data:
        smaller, other_modes = _fit(capitals, level, version - 1)
        if other_modes is not None:
            version, data, modes = smaller, capitals, other_modes
    if modes is None:
        raise ValueError(
            "%d bytes do not fit into a QR code %d-%s" % (len(plain), max_version, level)
        )
    size = 17 + 4 * version
    symbol = _draw(_codewords(data, modes, version, level), version, level)
    return bytearray(symbol.to_bytes(size * (size + 7 >> 3), "big")), size


# Text to data codewords.


def _with_capitals(data):
    """Return `data`, with scheme and host in capitals if it is an address of a plain host."""
    start = data.find(b"://") + 3
    if data[:start].lower() not in (b"http://", b"https://"):
        return data
    end = len(data)
    for mark in (b"/", b"?", b"#"):
        at = data.find(mark, start)
        if 0 <= at < end:
            end = at
    for char in data[start:end].lower():
        # From "-" to ":" are hyphen, dot, digits and colon. No "@" of userinfo and no "%" of an
        # IPv6 zone, where capitals may mean something else.
        if not (97 <= char <= 122 or 45 <= char <= 58 or char in b"[]_"):
            return data
    return data[:end].upper() + data[end:]


def _shares(version, level):
    """Return (blocks, error correction codewords in each, data codewords in all)."""
    size = 17 + 4 * version
    # All modules but finders, timing, formats, alignment and, from 7 on, version information.
    modules = size * (size - 2) - 191 - (0 if version < 2 else 25 if version < 7 else 176)
    blocks = _LEVELS[level][0][version - 1]
    degree = _LEVELS[level][1][version - 1]
    return blocks, degree, (modules >> 3) - blocks * degree


def _fit(data, level, max_version):
    """Return (the smallest version for `data`, its modes); modes are None where none will do."""
    version = 1
    for last, count_bits in zip((_VERSIONS - 1, _VERSIONS), _COUNT_BITS):
        if version > max_version:
            break
        bits, modes = _split(data, count_bits)
        while version <= min(last, max_version):
            if bits <= 8 * _shares(version, level)[2]:
                return version, modes
            version += 1
    return version, None


def _split(data, count_bits):
    """Return (the fewest bits that say `data`, the mode of every byte that does it).

    An exact search, byte by byte, over the mode of the last one. Where two neighbours are of one
    kind no change of mode is tried: done before or after both, it would cost less, since a
    narrower mode is cheaper for each. Costs are in sixths of a bit; a segment ends on a whole one.
    """
    heads = [6 * (4 + bits) for bits in count_bits]
    costs = list(heads)
    modes = bytearray(len(data))  # on the way forward: for every mode the one before it
    kind = None
    for at, char in enumerate(data):
        last = kind
        kind = _DIGITS if 48 <= char <= 57 else _BYTES - (_IN_ALPHABET >> char & 1)
        path = _STAY
        if kind != last:
            best = min(costs)
            before = costs.index(best)
            best = (best + 5) // 6 * 6
            for mode in (_DIGITS, _ALPHANUMERIC, _BYTES):
                if mode < kind:
                    costs[mode] = _NEVER
                elif best + heads[mode] < costs[mode]:
                    costs[mode] = best + heads[mode]
                    path ^= (mode ^ before) << 2 * mode
        for mode in (_DIGITS, _ALPHANUMERIC, _BYTES):
            costs[mode] += _COSTS[mode]
        modes[at] = path
    best = min(costs)
    mode = costs.index(best)
    for at in range(len(data) - 1, -1, -1):
        path = modes[at]
        modes[at] = mode
        mode = path >> 2 * mode & 3
    return (best + 5) // 6, modes


def _stream(data, modes, version, capacity):
    """Return the `capacity` data codewords: segments, terminator and padding."""
    count_bits = _COUNT_BITS[version // _VERSIONS]
    stream = used = start = 0
    while start < len(data):
        mode = modes[start]
        end = start
        while end < len(data) and modes[end] == mode:
            end += 1
        stream = (stream << 4 | 1 << mode) << count_bits[mode] | end - start
        used += 4 + count_bits[mode]
        together, base, bits_each, bits_beside = _GROUPS[mode]
        while start < end:
            size = min(together, end - start)
            value = 0
            for at in range(start, start + size):
                digit = data[at] if mode == _BYTES else _ALPHABET.find(data[at : at + 1])
                value = value * base + digit
            bits = bits_each * size + bits_beside
            stream = stream << bits | value
            used += bits
            start += size
    bits = used + 4  # the terminator, which is cut off where there is no room for it
    bits += -bits % 8
    padding = b"\xec\x11" * capacity
    return ((stream << bits - used).to_bytes(bits >> 3, "big") + padding)[:capacity]


def _codewords(data, modes, version, level):
    """Return all codewords, those of error correction too, in the order of their placement."""
    correct = _kernels[0]
    blocks, degree, capacity = _shares(version, level)
    parts = _parts(_stream(data, modes, version, capacity), blocks)
    return _deal(parts) + _deal(correct(parts, degree))


def _parts(stream, blocks):
    """Return the stream in that many blocks, the last of which may have one codeword more."""
    short = len(stream) // blocks
    longer = blocks - len(stream) % blocks
    parts = []
    start = 0
    for block in range(blocks):
        end = start + short + (block >= longer)
        parts.append(stream[start:end])
        start = end
    return parts


def _deal(parts):
    """Return the first byte of each part, then the second of each, and so on."""
    dealt = bytearray()
    for at in range(len(parts[-1])):
        for part in parts:
            if at < len(part):
                dealt.append(part[at])
    return dealt


# The symbol.


def _draw(codewords, version, level):
    """Return the symbol with the mask of the lowest penalty, the first of equals."""
    _, place, score = _kernels
    size = 17 + 4 * version
    dark, free = _function_modules(version, size)
    dark |= place(codewords, free, size)
    places = _format_places(size)
    best = lowest = None
    for mask, rows in enumerate(_MASKS):
        symbol = dark ^ _mask(rows, size) & free | _format(level, mask, places, size)
        penalty = score(symbol, size)
        if best is None or penalty < lowest:
            best, lowest = symbol, penalty
    return best


def _rectangle(x, y, across, down, size):
    """Return the symbol that is light but for a rectangle with its top left module at x, y."""
    width = size + 7 >> 3
    rows = ((1 << across) - 1).to_bytes(width, "big") * down
    return int.from_bytes(rows, "big") << (size - y - down + 1) * 8 * width - x - across


def _rings(x, y, side, size):
    """Return a finder pattern (`side` 7) or an alignment pattern (5)."""
    pattern = 0
    for inset in (0, 1, 2):
        inner = side - 2 * inset
        pattern ^= _rectangle(x + inset, y + inset, inner, inner, size)
    return pattern


def _mask(rows, size):
    """Return the mask of these rows over a whole symbol, with something in the padding."""
    width = size + 7 >> 3
    # Four times six modules are three bytes.
    tile = b"".join([((row * 0x41041).to_bytes(3, "big") * 3)[:width] for row in rows])
    return int.from_bytes((tile * size)[: size * width], "big")


def _function_modules(version, size):
    """Return (dark function modules, modules free for codewords), formats light."""
    far = size - 7
    # Timing agrees with all that it crosses, and so may go right through.
    area = _rectangle(0, 6, size, 1, size) | _rectangle(6, 0, 1, size, size)
    dark = area & _mask(_MASKS[0], size) | _rectangle(8, size - 8, 1, 1, size)
    for x, y in ((0, 0), (far, 0), (0, far)):
        dark |= _rings(x, y, 7, size)
    area |= _rectangle(0, 0, 9, 9, size)
    area |= _rectangle(far - 1, 0, 8, 9, size) | _rectangle(0, far - 1, 9, 8, size)
    mid = size - 1 >> 1
    centres = ((far, far), (6, mid), (mid, 6), (mid, mid), (far, mid), (mid, far))
    for x, y in centres[: 0 if version < 2 else 1 if version < 7 else 6]:
        dark |= _rings(x - 2, y - 2, 5, size)
        area |= _rectangle(x - 2, y - 2, 5, 5, size)
    if version >= 7:
        area |= _rectangle(far - 4, 0, 3, 6, size) | _rectangle(0, far - 4, 6, 3, size)
        places = bytearray()
        for at in range(18):
            x, y = far - 4 + at % 3, at // 3
            places += bytes((x, y, y, x))
        dark |= _dots(version << 12 | _bch(version, 0x1F25, 12), places, size)
    return dark, _rectangle(0, 0, size, size, size) ^ area


def _format_places(size):
    """Return x, y, x, y of the two modules for each bit of the format information."""
    places = bytearray()
    for at in range(15):
        near = at if at < 8 else 14 - at
        near += near > 5
        if at < 8:
            places += bytes((8, near, size - 1 - at, 8))
        else:
            places += bytes((near, 8, 8, size - 15 + at))
    return places


def _format(level, mask, places, size):
    """Return the modules that say level and mask."""
    value = _LEVELS[level][2] << 3 | mask
    return _dots((value << 10 | _bch(value, 0x537, 10)) ^ 0x5412, places, size)


def _dots(word, places, size):
    """Return the symbol with the bits of `word`, the lowest first, two modules for each."""
    width = size + 7 >> 3
    modules = bytearray(size * width)
    for at in range(0, len(places), 2):
        if word >> (at >> 2) & 1:
            x = places[at]
            modules[places[at + 1] * width + (x >> 3)] |= 128 >> (x & 7)
    return int.from_bytes(modules, "big")


def _bch(value, generator, degree):
    """Return the check bits of a BCH code for a value below 16."""
    rest = value << degree
    for at in range(3, -1, -1):
        if rest >> at + degree & 1:
            rest ^= generator << at
    return rest


def _load_kernels():
    """The long loops: as machine code where the board can run it, else as bytecode."""
    if sys.implementation.name == "micropython":
        # Absent, without an emitter, for another chip, or too large: then it is bytecode.
        try:
            from keyfob.ui.qr_viper import KERNELS

            return KERNELS
        except (ImportError, SyntaxError, ValueError, MemoryError):
            pass
    from keyfob.ui.qr_bytecode import KERNELS

    return KERNELS


_kernels = _load_kernels()
