"""A MicroPython image for an Espressif chip, checked before anything on a board is erased.

Such a file is what goes into flash from the boot loader on: the boot loader, the partition table
at 0x8000 of flash, and the program at the place which that table names. Boot loader and program
each have a header, segments, a checksum and mostly a SHA-256 ("Firmware Image Format" in
esptool's documentation, "Partition Tables" in ESP-IDF's).
"""

import hashlib
import re
import struct
from functools import reduce
from operator import xor
from pathlib import Path
from typing import NamedTuple

from keyfob_host.chips import CHIPS
from keyfob_host.errors import CliError

_MAGIC = 0xE9
_HEADER = struct.Struct("<BBxxI4xHxxxxx4xB")  # to the flag of the SHA-256: 24 bytes
_SEGMENT = struct.Struct("<II")
_CHECKSUM_SEED = 0xEF

_TABLE_AT = 0x8000
_TABLE_SIZE = 0xC00
_ENTRY = struct.Struct("<HBBII16sI")
_ENTRY_MAGIC = 0x50AA
_APP = 0

_AGAIN = "download it again: keyfob flash without --image gets it from micropython.org"


class Image(NamedTuple):
    """A whole image: `chip` by esptool's name, `version` of MicroPython by the file's name."""

    path: Path
    chip: str
    size: int
    sha256: str
    version: str | None


def read_image(path: Path, offset: int | None = None) -> Image:
    """Read and check an image that goes to `offset` in flash (by default what its chip wants).

    Raises CliError where it is no image, not a whole one, or damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}", "--image FILE") from None
    try:
        chip = _chip(data)
        _check_part(data, 0, "boot loader")
        start = 0 if offset is None else offset
        starts = [start] if offset is not None else [0, 0x1000, 0x2000]
        table = next((t for t in (_programs(data, s) for s in starts) if t), None)
        if table is None:
            raise _DamagedError("has no partition table, so it is not a whole MicroPython image")
        for place in table:
            _check_part(data, place, "program")
    except _DamagedError as error:
        raise CliError(f"{path.name} {error}", _AGAIN) from None
    return Image(path, chip, len(data), hashlib.sha256(data).hexdigest(), version_of(path.name))


def version_of(name: str) -> str | None:
    """The version in a file's name as micropython.org gives it: X-20260406-v1.28.0.bin."""
    found = re.search(r"-v(\d+\.\d+(?:\.\d+)?(?:-preview[.\w]*)?)\.\w+$", name)
    return found[1] if found else None


class _DamagedError(Exception):
    """What is wrong with an image, as the rest of a sentence that its name begins."""


def _chip(data: bytes) -> str:
    if not data or data[0] != _MAGIC:
        raise _DamagedError("is not an image for an Espressif chip")
    if len(data) < _HEADER.size:
        raise _DamagedError("is truncated: it ends in its header")
    _, _, _, image_id, _ = _HEADER.unpack_from(data)
    for name, chip in CHIPS.items():
        if chip.image_id == image_id:
            return name
    raise _DamagedError(f"is for a chip that keyfob does not know (number {image_id})")


def _programs(data: bytes, offset: int) -> list[int]:
    """Where in `data` the partition table has programs begin; only the first is in an image."""
    places = []
    first = _TABLE_AT - offset
    for at in range(first, min(first + _TABLE_SIZE, len(data) - _ENTRY.size + 1), _ENTRY.size):
        magic, kind, _, place, *_ = _ENTRY.unpack_from(data, at)
        if magic != _ENTRY_MAGIC:
            break
        if kind == _APP:
            places.append(place - offset)
    return places[:1]


def _check_part(data: bytes, start: int, what: str) -> None:
    """Raise _DamagedError unless a boot loader or program that is whole begins at `start`."""
    if start + _HEADER.size > len(data):
        raise _DamagedError(f"is truncated: it ends before its {what}")
    magic, segments, *_, has_hash = _HEADER.unpack_from(data, start)
    if magic != _MAGIC:
        raise _DamagedError(f"is damaged: its {what} has no header")
    at = start + _HEADER.size
    checksum = _CHECKSUM_SEED
    for _ in range(segments):
        if at + _SEGMENT.size > len(data):
            raise _DamagedError(f"is truncated: it ends in its {what}")
        _, size = _SEGMENT.unpack_from(data, at)
        at += _SEGMENT.size
        checksum = reduce(xor, data[at : at + size], checksum)
        at += size
    end = at + 16 - (at - start) % 16  # the checksum is the last byte of a block of 16
    if end + 32 * bool(has_hash) > len(data):
        raise _DamagedError(f"is truncated: it ends in its {what}")
    if data[end - 1] != checksum:
        raise _DamagedError(f"is damaged: the checksum of its {what} is wrong")
    if has_hash and hashlib.sha256(data[start:end]).digest() != data[end : end + 32]:
        raise _DamagedError(f"is damaged: the SHA-256 of its {what} is wrong")
