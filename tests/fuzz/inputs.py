"""Inputs for the targets: seeds from corpus/, and what chance makes of them.

A file of corpus/ has one seed a line, spelt as within a bytes literal of Python.
"""

import codecs
import random
from collections.abc import Iterator
from json import loads
from pathlib import Path
from typing import NoReturn

CORPUS = Path(__file__).parent / "corpus"
LONGEST = 6000  # bytes

# Pieces that a program treats in a way of its own, whatever the target.
_PIECES = rb"""
0 -1 1e999 -1e999 NaN 1e-400 99999999999999999999 1.5 01 -0 4294967296 2147483648 1e3 true null
{ } [ ] {} [] "" " , : \\ / \\u0000 \\ud83d\\ude00 \\ud83d \\u202e \\u001b[2J \n \r\n \x00
\x7f \x1b[2J \xff \xc0\x80 \xed\xa0\x80 \xe2\x80\xae \xef\xbb\xbf \xc2\xa0 \xd9\xa1 & = % + ; #
? @ .. . - _ :: %00 %ff %zz localhost 127.0.0.1 [::1] 0x7f 010 http https // access_token error
expires_in interval chunked Content-Length: Transfer-Encoding: Connection: 65535 ffffffff 0;a
\x20 \x09
""".split()
_TOKENS = [codecs.escape_decode(piece)[0] for piece in _PIECES]


def seeds(name: str) -> list[bytes]:
    """The seeds of a target."""
    lines = (CORPUS / f"{name}.txt").read_text(encoding="ascii").splitlines()
    return [codecs.escape_decode(line.encode())[0] for line in lines]


def mutated(name: str, count: int, seed: int) -> Iterator[bytes]:
    """The seeds of a target, and then as many other inputs, the same for the same `seed`."""
    yield from seeds(name)
    chance = random.Random(f"{name} {seed}")
    known = seeds(name)
    for _ in range(count):
        data = bytearray(chance.choice(known))
        for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
            data = _changed(data, known, chance)
        if chance.random() < 0.02:
            known.append(bytes(data))
        yield bytes(data[:LONGEST])


def _changed(data: bytearray, known: list[bytes], chance: random.Random) -> bytearray:
    at = chance.randint(0, len(data))
    end = min(len(data), at + chance.choice((1, 1, 2, 4, 8, 32)))
    match chance.randrange(7):
        case 0:
            return data[:at] + data[end:]
        case 1:
            return data[:at] + chance.choice(_TOKENS) + data[at:]
        case 2:
            return data[:at] + chance.choice(_TOKENS) + data[end:]
        case 3:
            return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        case 4:
            return data[:at] + data[at:end] * chance.choice((2, 3, 40)) + data[end:]
        case 5:
            other = chance.choice(known)
            start = chance.randint(0, len(other))
            return data[:at] + other[start : start + chance.choice((8, 40, 400))] + data[end:]
        case _:
            if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
            return data


def is_judged_alike(name: str, data: bytes) -> bool:
    """Whether both runtimes have to make the same of an input.

    What a board has stored itself, and what an API says, is read by its `json`, and MicroPython's
    takes more: commas too few, what follows NUL. Its text may be UTF-8 to MicroPython alone where
    a target takes text.
    """
    try:
        if name in ("url", "date", "jwt"):
            data.decode()
        if name in ("record", "slot", "selection"):
            loads((data[8:] if name == "slot" else data).decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
