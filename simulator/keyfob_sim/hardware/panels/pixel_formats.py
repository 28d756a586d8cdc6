"""How pixels come over the wire, and what a TFT controller's memory makes of them.

Memory holds four bytes a pixel: red, green, blue and nothing, eight bits each.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable
from functools import cache

from PIL import Image

Decode = Callable[[bytes, bool], "array[int]"]

# Six bits of a colour lie in the upper part of a byte: they are spread over all of it.
_SPREAD = bytes(value & 0xFC | value >> 6 for value in range(256))


@cache
def _colours_of_16_bits() -> list[bytes]:
    """What memory holds for each value of 5, 6 and 5 bits, spread over a byte each."""
    return [
        bytes(
            (
                value >> 8 & 0xF8 | value >> 13,
                value >> 3 & 0xFC | value >> 9 & 0x03,
                value << 3 & 0xF8 | value >> 2 & 0x07,
                0,
            )
        )
        for value in range(0x10000)
    ]


def _of_16_bits(data: bytes, little_endian: bool) -> array[int]:
    values = array("H", data)
    if (sys.byteorder == "little") != little_endian:
        values.byteswap()
    colours = _colours_of_16_bits()
    return array("I", b"".join([colours[value] for value in values]))


def _of_18_bits(data: bytes, little_endian: bool) -> array[int]:
    picture = Image.frombytes("RGB", (len(data) // 3, 1), data.translate(_SPREAD))
    return array("I", picture.tobytes("raw", "RGBX"))


# By the lower three bits of COLMOD: bytes a pixel, and how they become four.
FORMATS: dict[int, tuple[int, Decode]] = {5: (2, _of_16_bits), 6: (3, _of_18_bits)}
