"""The QR encoder: symbols, limits, errors, the bitmap, capitals, and both makes of its loops."""

import binascii
import gc
import hashlib
import sys

import framebuf
from support import raises

from keyfob.ui import qr, qr_bytecode

try:
    from keyfob.ui import qr_viper
except ImportError:  # CPython
    from viper_as_python import qr_viper
except SyntaxError:  # this MicroPython has no emitter of machine code
    qr_viper = None

# The data that the standard's own example makes of "01234567" at 1-M, and its correction.
STANDARD_EXAMPLE = "10200c566180ec11ec11ec11ec11ec11a524d4c1ed36c7872c55"

SYMBOL_1M = """
    #######...###.#######
    #.....#.###...#.....#
    #.###.#..##...#.###.#
    #.###.#..#.##.#.###.#
    #.###.#.##.##.#.###.#
    #.....#....#..#.....#
    #######.#.#.#.#######
    .....................
    #.#.#.#...#.#...#..#.
    ##.#....#.##.#.#...#.
    ...##.###.##.###.###.
    ##..##.#.#.###.##..#.
    ..#..###.###.###....#
    ........#.#...#....#.
    #######.....#...#...#
    #.....#...#...#..#.##
    #.###.#.###.#.#.###.#
    #.###.#..#.#.#.#.###.
    #.###.#.##.#.###..#.#
    #.....#....###.###...
    #######.#..#.###..#.#
"""

SYMBOL_2L = """
    #######.##.#.#..#.#######
    #.....#..#.##...#.#.....#
    #.###.#.#....###..#.###.#
    #.###.#.#.####....#.###.#
    #.###.#.#...#####.#.###.#
    #.....#.......#...#.....#
    #######.#.#.#.#.#.#######
    ..........#.#..#.........
    ####..#.#.#.#.#.##..###.#
    #..##...#..#.#..#..#...#.
    ..##..#######....###.....
    .#.#...#.##.##.#.#...##..
    #.#.#.#..##.###..##.#.###
    ..####..##..####..###...#
    .#.#####......#.##..#.##.
    #..#.#.#.#....#...###...#
    ..###.###..#.#..#########
    ........#..###..#...#.#.#
    #######......##.#.#.#.###
    #.....#..##.#..##...#...#
    #.###.#..###..#.######.##
    #.###.#.#..###...##.#####
    #.###.#.#.##..##.##.#.##.
    #.....#.#..#####..#.#.#..
    #######.#######...#######
"""

# A character of each kind, and how many of it fit by version (ISO/IEC 18004 table 7).
CAPACITIES = (
    ("L", "7", (41, 77, 127, 187, 255, 322, 370, 461, 552, 652)),
    ("L", "K", (25, 47, 77, 114, 154, 195, 224, 279, 335, 395)),
    ("L", "k", (17, 32, 53, 78, 106, 134, 154, 192, 230, 271)),
    ("M", "7", (34, 63, 101, 149, 202, 255, 293, 365, 432, 513)),
    ("M", "K", (20, 38, 61, 90, 122, 154, 178, 221, 262, 311)),
    ("M", "k", (14, 26, 42, 62, 84, 106, 122, 152, 180, 213)),
)

# The alphanumeric characters by their values (ISO/IEC 18004 table 5).
ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

# Of an address, what is put in capitals; nothing where the second is None.
CAPITALS = (
    ("https://www.google.com/device", "HTTPS://WWW.GOOGLE.COM/device"),
    (
        "http://as.example:8400/Device?user_code=ab#c",
        "HTTP://AS.EXAMPLE:8400/Device?user_code=ab#c",
    ),
    ("HttpS://As.Example/Path", "HTTPS://AS.EXAMPLE/Path"),
    ("https://as.example?q=a/b", "HTTPS://AS.EXAMPLE?q=a/b"),
    ("https://as.example#a?b", "HTTPS://AS.EXAMPLE#a?b"),
    ("https://as.example", "HTTPS://AS.EXAMPLE"),
    ("https://as.example/@me?u=a@b%20c", "HTTPS://AS.EXAMPLE/@me?u=a@b%20c"),
    ("https://az_09-[].example:80/a", "HTTPS://AZ_09-[].EXAMPLE:80/a"),
    ("https://as-1.example/ä", "HTTPS://AS-1.EXAMPLE/ä"),
    ("https://[2001:db8::a]/x", "HTTPS://[2001:DB8::A]/x"),
    ("https://ana@as.example/", None),
    ("https://ana:word@as.example/", None),
    ("https://[fe80::1%25eth0]/x", None),
    ("https://as%2eexample/", None),
    ("https://as.example\\path", None),
    ("https://as.example is where to go", None),
    ("https://bücher.example/", None),
    ("https://a`b/", None),
    ("https://a{b/", None),
    ("https://a,b/", None),
    ("https://a;b/", None),
    ("https://a^b/", None),
    ("ftp://as.example/", None),
    ("httpss://as.example/", None),
    (" https://as.example/", None),
    ("https:/as.example/", None),
    ("see https://as.example/", None),
    ("as.example/device", None),
    ("://as.example", None),
    ("mailto:ana@as.example", None),
    ("", None),
)

# Where mask n inverts a module (table 10).
MASKS = (
    lambda x, y: (x + y) % 2 == 0,
    lambda x, y: y % 2 == 0,
    lambda x, y: x % 3 == 0,
    lambda x, y: (x + y) % 3 == 0,
    lambda x, y: (y // 2 + x // 3) % 2 == 0,
    lambda x, y: x * y % 2 + x * y % 3 == 0,
    lambda x, y: (x * y % 2 + x * y % 3) % 2 == 0,
    lambda x, y: ((x + y) % 2 + x * y % 3) % 2 == 0,
)

# Format information by level and mask (table C.1), version information from 7 on (table D.1).
FORMATS = {
    "L": (0x77C4, 0x72F3, 0x7DAA, 0x789D, 0x662F, 0x6318, 0x6C41, 0x6976),
    "M": (0x5412, 0x5125, 0x5E7C, 0x5B4B, 0x45F9, 0x40CE, 0x4F97, 0x4AA0),
}
VERSIONS = {7: 0x07C94, 8: 0x085BC, 9: 0x09A99, 10: 0x0A4D3}

# Whatever of the two makes of the kernels runs here.
MAKES = [make.KERNELS for make in (qr_bytecode, qr_viper) if make]
TABLES = qr.TABLES


def dark(bitmap, size, x, y):
    return bitmap[y * ((size + 7) // 8) + x // 8] >> (7 - x % 8) & 1


def bitmap_of(rows):
    """Rows as integers to rows of whole bytes."""
    size = len(rows)
    width = (size + 7) // 8
    return b"".join([(row << (8 * width - size)).to_bytes(width, "big") for row in rows])


def penalties(rows):
    """The penalty by each make of the loops that runs here."""
    size = len(rows)
    found = [qr_bytecode.score(rows, qr_bytecode.work_space(size))]
    if qr_viper:
        found.append(qr_viper._score(bitmap_of(rows), size, 1 << 20))
    return found


def picture(bitmap, size):
    return ["".join([".#"[dark(bitmap, size, x, y)] for x in range(size)]) for y in range(size)]


def digest(bitmap):
    return str(binascii.hexlify(hashlib.sha256(bitmap).digest())[:16], "ascii")


def function_patterns(version):
    """What is dark in them, and what they take."""
    size = 17 + 4 * version
    dark_ones, taken = [0] * size, [0] * size
    qr_bytecode.pattern(dark_ones, taken, version)
    return dark_ones, taken


def bin_ones(rows):
    return sum([bin(row).count("1") for row in rows])


def version_of(text, level="L", max_version=10):
    return (qr.encode(text, level, max_version)[1] - 17) // 4


def noise(length, state=1):
    """The same bytes everywhere, which look like chance."""
    octets = bytearray(length)
    for at in range(length):
        state = (state * 69069 + 1) & 0xFFFFFF
        octets[at] = state >> 12 & 255
    return octets


def with_kernels(kernels, function, *arguments):
    before = qr.KERNELS
    qr.KERNELS = kernels
    try:
        return function(*arguments)
    finally:
        qr.KERNELS = before


def symbol_of(text, level="L"):
    """What of `text` is drawn: the data, the mode of each byte, and the row in TABLES."""
    kernels = qr_bytecode.split, lambda *symbol: symbol
    return with_kernels(kernels, qr.encode, text, level)[0][:3]


def rows_of_symbols():
    """A row of TABLES each: (version, data codewords, blocks, correction codewords of each)."""
    for row in range(20):
        high, low, blocks, degree = TABLES[4 * row : 4 * row + 4]
        yield row % 10 + 1, high << 8 | low, blocks, degree


def filled(data, modes, version, capacity):
    """The data codewords by each make of the loops that runs here."""
    for fill in (qr_bytecode.fill, qr_viper and qr_viper._fill):
        if fill:
            stream = bytearray(capacity)
            fill(stream, data, modes, version, TABLES)
            yield stream


def corrected(stream, blocks, degree):
    """All codewords by each make of the loops that runs here."""
    yield qr_bytecode.correct(stream, blocks, degree)
    if qr_viper:
        codewords = bytearray(len(stream) + blocks * degree + 1)
        qr_viper._correct(stream, codewords, blocks, degree)
        yield codewords


def test_the_codewords_of_the_standards_example():
    for split, _ in MAKES:
        bits, modes = split(b"01234567", 1, TABLES)
        assert (bits, modes) == (41, bytes(8))
        for stream in filled(b"01234567", modes, 1, 16):
            for codewords in corrected(stream, 1, 10):
                assert str(binascii.hexlify(codewords), "ascii") == STANDARD_EXAMPLE + "00"


def test_whole_symbols():
    for text, level, drawing in (
        ("01234567", "M", SYMBOL_1M),
        ("https://github.com/login/device", "L", SYMBOL_2L),
    ):
        assert picture(*qr.encode(text, level)) == drawing.split()


def test_large_symbols_by_their_digests():
    for text, level, size, expected in (
        ("A" * 200, "L", 45, "67b48620710e6932"),
        ("x" * 150, "M", 49, "3b31c421f7ae3c6f"),
        ("9" * 600, "L", 57, "e78987c97f1ee1e9"),
        ("k" * 271, "L", 57, "808c49789a571d34"),
    ):
        bitmap, found = qr.encode(text, level)
        assert (found, digest(bitmap)) == (size, expected)


def test_every_version_holds_what_the_standard_says_and_no_more():
    for level, char, capacities in CAPACITIES:
        for version, capacity in enumerate(capacities, 1):
            assert version_of(char * capacity, level) == version
            assert version_of(char * capacity, level, version) == version
            error = raises(ValueError, qr.encode, char * (capacity + 1), level, version)
            assert str(capacity + 1) in str(error)
            if version < 10:
                assert version_of(char * (capacity + 1), level) == version + 1


def test_the_level_is_l_unless_said_otherwise():
    text = "k" * 16
    assert qr.encode(text) == qr.encode(text, "L")
    assert version_of(text) == 1
    assert version_of(text, "M") == 2


def test_what_does_not_fit_is_told_by_its_length_and_not_by_its_text():
    for text, length, max_version in (
        ("https://as.example/" + "secret" * 50, 319, 10),
        ("secret" * 50, 300, 10),
        ("ä" * 20, 40, 2),
        ("secret", 6, 0),
        ("secret", 6, -1),
    ):
        message = str(raises(ValueError, qr.encode, text, "L", max_version))
        assert str(length) in message
        assert "secret" not in message
        assert "example" not in message


def test_no_version_is_above_10():
    assert version_of("k" * 271, "L", 40) == 10
    raises(ValueError, qr.encode, "k" * 272, "L", 40)


def test_an_unknown_level_is_refused():
    for level in ("H", "Q", "l", "", None, 1):
        raises(ValueError, qr.encode, "text", level)


def test_the_bitmap_is_rows_of_whole_bytes_with_nothing_beside_the_symbol():
    for length in (10, 30, 100, 250):
        bitmap, size = qr.encode("k" * length)
        width = (size + 7) // 8
        assert isinstance(bitmap, bytearray)
        assert len(bitmap) == size * width
        for y in range(size):
            assert not any(dark(bitmap, size, x, y) for x in range(size, 8 * width))
        # Three finder patterns right in the corners.
        rows = picture(bitmap, size)
        assert rows[0][:7] == rows[0][-7:] == rows[-1][:7] == rows[6][:7] == "#######"


def test_a_framebuf_draws_the_bitmap_as_it_is():
    bitmap, size = qr.encode("https://github.com/login/device")
    symbol = framebuf.FrameBuffer(bitmap, size, size, framebuf.MONO_HLSB)
    canvas = framebuf.FrameBuffer(bytearray(64 * 32 // 8), 64, 32, framebuf.MONO_VLSB)
    canvas.fill(0)
    canvas.blit(symbol, 3, 5)
    for y in range(32):
        for x in range(64):
            inside = 3 <= x < 3 + size and 5 <= y < 5 + size
            expected = dark(bitmap, size, x - 3, y - 5) if inside else 0
            assert canvas.pixel(x, y) == expected


def test_what_may_be_put_in_capitals():
    for text, expected in CAPITALS:
        expected = text if expected is None else expected
        assert qr._with_capitals(text) == expected


def test_scheme_and_host_are_in_capitals_where_that_saves_a_version():
    for text, level in (
        ("https://www.google.com/device", "M"),
        ("https://login.microsoft.com/device", "L"),
        ("https://dev-12345678.okta.com/activate?user_code=RSIK-KRAM", "L"),
    ):
        capitals = qr._with_capitals(text)
        lower = "ftps" + text[5:]  # what no capitals are given to, of the same length
        assert qr.encode(text, level) == qr.encode(capitals, level)
        assert version_of(text, level) == version_of(lower, level) - 1
        # Also where it does not fit otherwise.
        most = version_of(text, level)
        assert qr.encode(text, level, most) == qr.encode(capitals, level)
        raises(ValueError, qr.encode, lower, level, most)


def test_scheme_and_host_stay_as_they_are_where_that_costs_nothing():
    for text, level in (
        ("https://github.com/login/device", "L"),
        ("https://www.google.com/device", "L"),
        ("https://login.microsoft.com/device", "M"),
    ):
        capitals = qr._with_capitals(text)
        assert version_of(capitals, level) == version_of(text, level)
        assert qr.encode(text, level) != qr.encode(capitals, level)


def test_text_of_every_kind_is_encoded():
    for text, version in (
        ("", 1),
        ("0", 1),
        ("A1 $%*+-./:", 1),
        ("\0\n\x7f", 1),
        ("ä" * 8, 1),
        ("ä" * 9, 2),
        ("漢字", 1),
        ("k" * 100 + "7" * 100, 7),
    ):
        assert version_of(text) == version


def test_every_alphanumeric_character_has_its_own_value():
    for value in range(45):
        char = ALPHABET[value : value + 1]
        for stream in filled(char, b"\1", 1, 19):
            # Mode 0010, a count of nine bits, six bits of value.
            assert int.from_bytes(stream[:3], "big") >> 5 == 0b0010_000000001 << 6 | value


def test_every_byte_alone_goes_in_the_narrowest_mode_that_can_say_it():
    for octet in range(256):
        char = bytes([octet])
        narrowest = 0 if char in b"0123456789" else 1 if char in ALPHABET else 2
        for split, _ in MAKES:
            assert split(char * 10, 1, TABLES)[1] == bytes([narrowest] * 10)


def test_segments_make_it_smaller():
    assert version_of("k" * 17 + "7" * 100) == 4
    assert version_of("7" * 100 + "k" * 17) == 4
    assert version_of("A" * 30 + "k" * 20) == 3
    kinds = (b"7" * 20, b"A" * 20, b"k" * 20)
    for first in range(3):
        for second in range(3):
            data = kinds[first] + kinds[second] + kinds[first]
            expected = bytes([first] * 20 + [second] * 20 + [first] * 20)
            for split, _ in MAKES:
                assert split(data, 1, TABLES)[1] == expected
    # Where the bits that a segment is rounded up to decide.
    for data, bits in (
        (b"1717652cbbaccbbcaaaa92151", 185),
        (b"ccCB/ACAA/A/C/BB/C//5100878367", 188),
        (b"07800530022CBAA/ACBBB1672190781", 167),
    ):
        for split, _ in MAKES:
            assert split(data, 1, TABLES)[0] == bits
    for split, _ in MAKES:
        # A few digits among bytes are not worth a segment of their own.
        assert split(b"kk123kk", 1, TABLES)[1] == bytes([2] * 7)
        expected = bytes([2] * 3 + [0] * 7 + [2] * 3)
        assert split(b"kkk1234567kkk", 1, TABLES)[1] == expected


def test_the_masks_are_those_of_the_standard():
    for number, inverts in enumerate(MASKS):
        for y in range(57):
            row = TABLES[112 + 12 * number + y % 12]
            for x in range(57):
                assert row >> (5 - x % 6) & 1 == inverts(x, y)


def test_what_is_left_for_codewords_is_what_the_standard_says():
    # Codewords, and modules that remain (table 1).
    for version, codewords, rest in (
        (1, 26, 0),
        (2, 44, 7),
        (3, 70, 7),
        (4, 100, 7),
        (5, 134, 7),
        (6, 172, 7),
        (7, 196, 0),
        (8, 242, 0),
        (9, 292, 0),
        (10, 346, 0),
    ):
        dark_ones, taken = function_patterns(version)
        assert bin_ones(taken) == (17 + 4 * version) ** 2 - 8 * codewords - rest
        for row, places in zip(dark_ones, taken):
            assert row & ~places == 0
        for of, capacity, blocks, degree in rows_of_symbols():
            if of == version:
                assert capacity + blocks * degree == codewords


def test_level_and_mask_are_told_twice():
    size = 25
    nothing = [0] * size
    everywhere = [(1 << size) - 1] * size
    for rank, words in enumerate((FORMATS["L"], FORMATS["M"])):
        for mask, word in enumerate(words):
            rows = [0] * size
            qr_bytecode._apply(rows, nothing, everywhere, mask, 80 + 16 * rank, TABLES)
            modules = bitmap_of(rows)
            row = [dark(modules, size, x, 8) for x in range(size)]
            column = [dark(modules, size, 8, y) for y in range(size)]
            digits = [word >> at & 1 for at in range(14, -1, -1)]
            assert row[:6] + row[7:9] + [column[7]] + list(reversed(column[:6])) == digits
            assert list(reversed(column[size - 7 :])) + row[size - 8 :] == digits
            assert row[6] == column[6] == column[size - 8] == 0


def test_the_version_is_told_twice_from_7_on():
    capacities = CAPACITIES[2][2]
    for version, word in VERSIONS.items():
        bitmap, size = qr.encode("k" * capacities[version - 1])
        assert size == 17 + 4 * version
        for at in range(18):
            x, y = size - 11 + at % 3, at // 3
            assert dark(bitmap, size, x, y) == word >> at & 1
            assert dark(bitmap, size, y, x) == word >> at & 1


def test_of_two_masks_with_one_penalty_the_first_is_taken():
    modules, size = qr.encode("code 45")  # masks 3 and 7 have 370
    told = [dark(modules, size, x, 8) for x in (0, 1, 2, 3, 4, 5, 7, 8)]
    assert told == [FORMATS["L"][3] >> at & 1 for at in range(14, 6, -1)]


def test_capitals_are_put_wherever_they_save_a_version():
    bits_by_version = [8 * capacity for _, capacity, _, _ in rows_of_symbols()][:10]

    def smallest(text):
        for version, bits in enumerate(bits_by_version, 1):
            if qr_bytecode.split(text.encode(), version, TABLES)[0] <= bits:
                return version
        return 11

    for unit in ("a", "a1234567890", "abcdefg12345678901234567890"):
        for length in range(1, 300):
            text = "http://" + (unit * 300)[:length]
            least = min(smallest(words) for words in (text, text.upper()))
            if least <= 10:
                assert symbol_of(text)[2] + 1 == least, text


def test_machine_code_runs_wherever_it_can():
    is_micropython = sys.implementation.name == "micropython"
    assert qr.KERNELS is (qr_viper.KERNELS if is_micropython and qr_viper else None)


def test_without_machine_code_it_is_bytecode():
    text = "https://github.com/login/device"
    expected = with_kernels(qr_bytecode.KERNELS, qr.encode, text)
    assert with_kernels(None, qr.encode, text) == expected


def test_machine_code_and_bytecode_split_alike():
    for length in (0, 1, 7, 60, 200, 652):
        for state in range(8):
            # Of few kinds of character, in runs and one by one.
            data = bytes(
                [
                    b"0123456789AZ $:az~\0"[octet % (2 + 2 * state)]
                    for octet in noise(length, state)
                ]
            )
            for version in (1, 10):
                assert len({str(split(data, version, TABLES)) for split, _ in MAKES}) == 1


def test_machine_code_and_bytecode_make_the_same_correction():
    for version, capacity, blocks, degree in rows_of_symbols():
        stream = bytes(noise(capacity, version))
        assert len({bytes(codewords) for codewords in corrected(stream, blocks, degree)}) == 1
    # Zeros divide without rest.
    for codewords in corrected(bytes(20), 1, 7):
        assert codewords == bytes(20 + 7 + 1)


def test_machine_code_and_bytecode_draw_alike():
    for row, (_, capacity, _, _) in enumerate(rows_of_symbols()):
        data = noise(capacity - 3, row)
        drawn = {bytes(draw(data, b"\2" * len(data), row, TABLES)) for _, draw in MAKES}
        assert len(drawn) == 1


def test_machine_code_and_bytecode_find_the_same_penalty():
    for version in (1, 2, 3, 4, 7, 10):
        size = 17 + 4 * version
        for state in range(6):
            chance = noise(16 * size, state)
            rows = []
            for y in range(size):
                row = int.from_bytes(chance[16 * y : 16 * y + 8], "big")
                if state & 1:
                    row &= int.from_bytes(chance[16 * y + 8 : 16 * y + 16], "big")
                rows.append(row >> 64 - size)
            assert len(set(penalties(rows))) == 1
        assert len(set(penalties(function_patterns(version)[0]))) == 1


def test_machine_code_and_bytecode_encode_alike():
    if qr_viper:
        for length in (0, 3, 20, 60, 110, 150, 200, 265):
            text = "".join([chr(32 + octet % 95) for octet in noise(length, length)])
            for level in "LM":
                if length > 213 and level == "M":
                    continue
                by_bytecode, by_machine = [
                    with_kernels(kernels, qr.encode, text, level) for kernels in MAKES
                ]
                assert by_bytecode == by_machine


def test_penalties_that_can_be_counted_by_hand():
    size = 21
    full = (1 << size) - 1
    stripes = full // 3
    runs = 2 * size * (3 + size - 5)
    squares = 3 * (size - 1) * (size - 1)
    checkers = [stripes, ~stripes & full] * (size // 2) + [stripes]
    assert set(penalties(checkers)) == {0}
    assert set(penalties([0] * size)) == {runs + squares + 100}
    assert set(penalties([full] * size)) == {runs + squares + 100}
    # Stripes: runs down every column, and no square.
    assert set(penalties([stripes] * size)) == {runs // 2}


def test_only_the_bitmap_is_left_on_the_heap():
    if hasattr(gc, "mem_alloc"):
        qr.encode("warm")
        gc.collect()
        before = gc.mem_alloc()
        result = qr.encode("https://example.okta.com/activate?user_code=RSIK-KRAM")
        gc.collect()
        assert gc.mem_alloc() - before < len(result[0]) + 256
