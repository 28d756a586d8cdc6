"""QR codes (ISO/IEC 18004): text in, a bitmap out that a framebuf can draw.

    bitmap, size = encode("https://example.com/device")
    picture = framebuf.FrameBuffer(bitmap, size, size, framebuf.MONO_HLSB)
    screen.blit(picture, x, y)

Dark modules are 1. The bitmap has no quiet zone: leave light modules around it, four by the
standard.

What to draw is decided here. The loops over codewords and modules, the kernels, are in
keyfob.ui.qr_viper as machine code, and in keyfob.ui.qr_bytecode for where that does not run.
"""

from keyfob.compat import const

try:
    from keyfob.ui.qr_viper import KERNELS
except (ImportError, SyntaxError, ValueError, MemoryError):
    # Absent, without an emitter, for another chip, or too large; and CPython has none.
    from keyfob.ui.qr_bytecode import KERNELS

_VERSIONS = const(10)

# By level and version: the blocks that codewords are dealt into, and the error correction
# codewords of each (ISO/IEC 18004 table 9).
_BLOCKS = (
    b"\1\x07\1\x0a\1\x0f\1\x14\1\x1a\2\x12\2\x14\2\x18\2\x1e\4\x12"
    b"\1\x0a\1\x10\1\x1a\2\x12\2\x18\4\x10\4\x12\4\x16\5\x16\5\x1a"
)

# Modes of a segment, each of which can say all that the one before it can.
_DIGITS = const(0)
_ALPHANUMERIC = const(1)
_BYTES = const(2)

# By mode: sixths of a bit that a character costs, and bits of a segment's count, in versions 1 to
# 9 and in 10.
_MODES = b"\x14\x21\x30\x0a\x09\x08\x0c\x0b\x10"
_NEVER = const(0x100000)  # more than any text costs
_STAY = const(0x24)  # modes 2, 1 and 0 in two bits each
_MOST = const(652)  # bytes, were they all digits

# The values of the characters from space to Z in a mode of few bits (table 5); 99: it has none.
_VALUES = (
    b"\x24ccc\x25\x26cccc\x27\x28c\x29\x2a\x2b\0\1\2\3\4\5\6\7\x08\x09\x2ccccccc\x0a\x0b\x0c\x0d"
    b"\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x20\x21\x22\x23"
)

# What a symbol says of level and mask: a word of two bytes for each (table C.1).
_FORMATS = (
    b"\x77\xc4\x72\xf3\x7d\xaa\x78\x9d\x66\x2f\x63\x18\x6c\x41\x69\x76"
    b"\x54\x12\x51\x25\x5e\x7c\x5b\x4b\x45\xf9\x40\xce\x4f\x97\x4a\xa0"
)

# By mask: six rows or twelve after which it repeats, as six modules that repeat along the row.
_MASKS = (
    b"\x2a\x15\x2a\x15\x2a\x15\x2a\x15\x2a\x15\x2a\x15\x3f\0\x3f\0\x3f\0\x3f\0\x3f\0\x3f\0"
    b"\x24\x24\x24\x24\x24\x24\x24\x24\x24\x24\x24\x24\x24\x09\x12\x24\x09\x12\x24\x09\x12\x24\x09\x12"
    b"\x38\x38\x07\x07\x38\x38\x07\x07\x38\x38\x07\x07\x3f\x20\x24\x2a\x24\x20\x3f\x20\x24\x2a\x24\x20"
    b"\x3f\x38\x36\x2a\x2d\x23\x3f\x38\x36\x2a\x2d\x23\x2a\x07\x23\x15\x38\x1c\x2a\x07\x23\x15\x38\x1c"
)


def encode(text, level="L", max_version=_VERSIONS):
    """Return (bitmap, size) of the smallest symbol that holds `text`.

    `bitmap` is a bytearray of `size` rows of `size` modules, each row padded to whole bytes.
    `level` is "L" or "M"; no version is above 10, whatever `max_version` says. Scheme and host
    of an http or https address are put in capitals where that saves a version: they mean the
    same (RFC 3986 section 6.2.2.1). Raises ValueError where the text does not fit, with its
    length in bytes, and for any other level.
    """
    if level not in ("L", "M"):
        raise ValueError("a QR code has level L or M")
    data = plain = text.encode()
    rank = "LM".index(level)
    max_version = min(max_version, _VERSIONS)
    version, runs, bits = _fit(data, rank, max_version)
    capitals = _with_capitals(data)
    # A capital saves 2.5 bits. The longer counts of version 10 weigh less than what saves none:
    # "://", and six digits or more wherever the mode changes.
    if bits - 5 * len(data) // 2 <= 8 * _capacity(version - 1, rank):
        smaller, other_runs, _ = _fit(capitals, rank, version - 1)
        if other_runs:
            version, data, runs = smaller, capitals, other_runs
    if runs is None:
        raise ValueError(
            "%d bytes do not fit into a QR code %d-%s" % (len(plain), max_version, level)
        )
    at = 2 * (_VERSIONS * rank + version - 1)
    stream = _stream(data, runs, version, _capacity(version, rank))
    codewords = _correct(stream, _BLOCKS[at], _BLOCKS[at + 1])
    formats = _FORMATS[16 * rank : 16 * rank + 16]
    return _draw(version, codewords, formats, _MASKS), 17 + 4 * version


def _with_capitals(data):
    """Return `data`, with scheme and host in capitals if it is an address of a plain host."""
    start = data.find(b"://") + 3
    if data[:start].lower() not in (b"http://", b"https://"):
        return data
    end = start
    while end < len(data) and data[end] not in b"/?#":
        char = data[end]
        # From "-" to ":" are hyphen, dot, digits and colon. No "@" of userinfo and no "%" of an
        # IPv6 zone, where capitals may mean something else.
        if not (97 <= char | 32 <= 122 or 45 <= char <= 58 or char in b"[]_"):
            return data
        end += 1
    return data[:end].upper() + data[end:]


def _capacity(version, rank):
    """Return how many data codewords there are."""
    size = 17 + 4 * version
    # All modules but finders, timing, formats, alignment and, from 7 on, version information.
    modules = size * (size - 2) - 191 - (0 if version < 2 else 25 if version < 7 else 176)
    at = 2 * (_VERSIONS * rank + version - 1)
    return (modules >> 3) - _BLOCKS[at] * _BLOCKS[at + 1]


def _fit(data, rank, max_version):
    """Return (the smallest version for `data`, its runs, bits); runs are None if none will do."""
    bits = 0
    for version in range(1, max_version + 1):
        if len(data) <= _MOST:
            if version in (1, _VERSIONS):
                bits, runs = _split(data, version)
            if bits <= 8 * _capacity(version, rank):
                return version, runs, bits
    return max_version + 1, None, bits


def _split(data, version):
    """Return (the fewest bits that say `data`, its runs: the end of each, times 4, plus its mode).

    An exact search, run by run of bytes of one kind, over the mode of the last one. Within a run
    no change of mode is tried: done before or after it, it would cost less, since a narrower mode
    is cheaper for each byte. Costs are in sixths of a bit; a segment ends on a whole one.
    """
    counts = 3 if version < _VERSIONS else 6
    heads = [24 + 6 * _MODES[counts], 24 + 6 * _MODES[counts + 1], 24 + 6 * _MODES[counts + 2]]
    costs = heads[:]
    runs = []  # on the way forward, times 64, with the mode before it for every mode
    start = 0
    while start < len(data):
        kind = None
        end = start
        while end < len(data):
            value = _VALUES[data[end] - 32] if 32 <= data[end] <= 90 else 99
            other = _DIGITS if value < 10 else _ALPHANUMERIC if value < 99 else _BYTES
            if kind is None:
                kind = other
            elif kind != other:
                break
            end += 1
        best = min(costs)
        before = costs.index(best)
        best = (best + 5) // 6 * 6
        path = _STAY
        for mode in (_DIGITS, _ALPHANUMERIC, _BYTES):
            if mode < kind:
                costs[mode] = _NEVER
                continue
            if best + heads[mode] < costs[mode]:
                costs[mode] = best + heads[mode]
                path ^= (mode ^ before) << 2 * mode
            costs[mode] += _MODES[mode] * (end - start)
        runs.append(end << 6 | path)
        start = end
    best = min(costs)
    mode = costs.index(best)
    for at in range(len(runs) - 1, -1, -1):
        path = runs[at]
        runs[at] = path >> 6 << 2 | mode
        mode = path >> 2 * mode & 3
    return (best + 5) // 6, runs


def _stream(data, runs, version, capacity):
    """Return the `capacity` data codewords: segments, terminator and padding."""
    stream = bytearray(capacity)
    taken = start = bits = held = 0  # of `bits` the lowest `held` have not been taken yet
    for at in range(len(runs)):
        mode = runs[at] & 3
        end = runs[at] >> 2
        if at + 1 < len(runs) and runs[at + 1] & 3 == mode:
            continue  # one segment with the next
        width = _MODES[mode + (3 if version < _VERSIONS else 6)]
        bits = (bits << 4 | 1 << mode) << width | end - start
        held += 4 + width
        while True:
            while held >= 8:
                held -= 8
                stream[taken] = bits >> held & 255
                taken += 1
            if start == end:
                break
            value = data[start]
            start += 1
            width = 8
            if mode != _BYTES:  # two or three characters in one number
                value = _VALUES[value - 32]
                width = 6 if mode else 4
                while start < end and width < (11 if mode else 10):
                    value = value * (45 if mode else 10) + _VALUES[data[start] - 32]
                    start += 1
                    width += 5 if mode else 3
            held += width
            bits = (bits & 255) << width | value
    # A terminator of four bits, cut off where there is no room for it, and the padding.
    if taken < capacity:
        stream[taken] = bits << 8 - held & 255
    padding = 0xEC
    for at in range(taken + 1 + (held > 4), capacity):
        stream[at] = padding
        padding ^= 0xEC ^ 0x11
    return stream


_correct, _draw = KERNELS
