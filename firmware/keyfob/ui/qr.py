"""QR codes (ISO/IEC 18004): text in, a bitmap out that a framebuf can draw.

    bitmap, size = encode("https://example.com/device")
    picture = framebuf.FrameBuffer(bitmap, size, size, framebuf.MONO_HLSB)
    screen.blit(picture, x, y)

Dark modules are 1. The bitmap has no quiet zone: leave light modules around it, four by the
standard.

This module chooses the symbol. The kernels, which are the loops over characters, codewords and
modules, are in keyfob.ui.qr_viper as machine code, and in keyfob.ui.qr_bytecode for where that
does not run.
"""

from keyfob.compat import Loaded, const

try:
    from keyfob.ui.qr_viper import KERNELS
except (ImportError, SyntaxError, ValueError, MemoryError):
    # Absent, on CPython, without an emitter, for another chip, or too large.
    KERNELS = None

_VERSIONS = const(10)
_MOST = const(652)  # bytes, if all are digits

# All tables of the standard in one; the kernels know where each part begins.
TABLES = (
    # 0: by level and version the number of data codewords (two bytes), of blocks, and of error
    # correction codewords a block (tables 7 and 9).
    b"\0\x13\1\x07\0\x22\1\x0a\0\x37\1\x0f\0\x50\1\x14\0\x6c\1\x1a"
    b"\0\x88\2\x12\0\x9c\2\x14\0\xc2\2\x18\0\xe8\2\x1e\1\x12\4\x12"
    b"\0\x10\1\x0a\0\x1c\1\x10\0\x2c\1\x1a\0\x40\2\x12\0\x56\2\x18"
    b"\0\x6c\4\x10\0\x7c\4\x12\0\x9a\4\x16\0\xb6\5\x16\0\xd8\5\x1a"
    # 80: format information: a word of two bytes for each level and mask (table C.1).
    b"\x77\xc4\x72\xf3\x7d\xaa\x78\x9d\x66\x2f\x63\x18\x6c\x41\x69\x76"
    b"\x54\x12\x51\x25\x5e\x7c\x5b\x4b\x45\xf9\x40\xce\x4f\x97\x4a\xa0"
    # 112: by mask six rows or twelve after which it repeats, as six modules that repeat along
    # the row (table 10).
    b"\x2a\x15\x2a\x15\x2a\x15\x2a\x15\x2a\x15\x2a\x15\x3f\0\x3f\0\x3f\0\x3f\0\x3f\0\x3f\0"
    b"\x24\x24\x24\x24\x24\x24\x24\x24\x24\x24\x24\x24\x24\x09\x12\x24\x09\x12\x24\x09\x12\x24\x09\x12"
    b"\x38\x38\x07\x07\x38\x38\x07\x07\x38\x38\x07\x07\x3f\x20\x24\x2a\x24\x20\x3f\x20\x24\x2a\x24\x20"
    b"\x3f\x38\x36\x2a\x2d\x23\x3f\x38\x36\x2a\x2d\x23\x2a\x07\x23\x15\x38\x1c\x2a\x07\x23\x15\x38\x1c"
    # 208: by mode (numeric, alphanumeric, bytes) the cost of a character in sixths of a bit, then
    # of a segment's header (mode and count) in versions 1 to 9, and in 10 (table 3).
    b"\x14\x21\x30\x54\x4e\x48\x60\x5a\x78"
    # 217: the alphanumeric values of the characters from space to Z (table 5); 99: none.
    b"\x24ccc\x25\x26cccc\x27\x28c\x29\x2a\x2b\0\1\2\3\4\5\6\7\x08\x09\x2ccccccc\x0a\x0b\x0c\x0d"
    b"\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x20\x21\x22\x23"
)


def encode(text, level="L", max_version=_VERSIONS):
    """Return (bitmap, size) of the smallest symbol that holds `text`.

    `bitmap` is a bytearray of `size` rows of `size` modules, each row padded to whole bytes.
    `level` is "L" or "M"; no version is above 10, whatever `max_version` says. Scheme and host
    of an http or https address are put in capitals where that saves a version. Their case does
    not matter (RFC 3986 section 6.2.2.1). Raises ValueError where the text does not fit, with its
    length in bytes, and for any other level.
    """
    if level != "L" and level != "M":
        raise ValueError("a QR code has level L or M")
    split, draw = KERNELS or _bytecode()
    plain = text.encode()
    max_version = min(max_version, _VERSIONS)
    most = max_version
    symbol = None
    for data in (plain, _with_capitals(text).encode()) if len(plain) <= _MOST else ():
        for version in range(1, most + 1):
            if version == 1 or version == _VERSIONS:
                bits, modes = split(data, version, TABLES)
            row = version - 1 + (_VERSIONS if level == "M" else 0)
            if bits <= 8 * (TABLES[4 * row] << 8 | TABLES[4 * row + 1]):
                symbol = data, modes, row, TABLES
                most = version - 1  # capitals are used only where they save a version
                break
    if symbol is None:
        raise ValueError("%d bytes do not fit into QR %d-%s" % (len(plain), max_version, level))
    return draw(*symbol), 21 + 4 * most


def _with_capitals(text):
    """Return `text`, with scheme and host in capitals if it is an address of a plain host."""
    end = text.find("://") + 3
    scheme = text[:end].lower()
    if scheme != "http://" and scheme != "https://":
        return text
    for char in text.encode()[end:]:  # as bytes: a one-character str is interned for good
        if char == 47 or char == 63 or char == 35:  # "/", "?", "#"
            break
        # From "-" to ":" are hyphen, dot, digits and colon; "[", "]", "_". No "@" of userinfo and
        # no "%" of an IPv6 zone, where capitals may mean something else.
        if not (97 <= char | 32 <= 122 or 45 <= char <= 58 or (91 <= char <= 95 and char & 1)):
            return text
        end += 1
    return text[:end].upper() + text[end:]


def _bytecode():
    """Load and return the kernels as bytecode."""
    if __file__.endswith(".mpy"):  # loading it again is quick
        with Loaded("keyfob.ui.qr_bytecode") as code:
            return code.KERNELS
    from keyfob.ui.qr_bytecode import KERNELS  # stays: compiling it takes seconds

    return KERNELS


if KERNELS is None:
    _bytecode()  # interns their names at the import, not between later allocations
