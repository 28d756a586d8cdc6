"""A record in two slots: a save replaces the older copy, and the newer one is never written to.

A slot is a header and the record as JSON. The header has a magic number, the format, whether
the record is sealed, the number of the save, the length, and a CRC-32 of all the rest.
"""

import json
import struct
from binascii import crc32

from keyfob.compat import const
from keyfob.errors import StorageError

_MAGIC = b"kfob"
_FORMAT = const(1)
_WHAT = "<4sBBH"  # magic, format, 1 if sealed, number: a seal authenticates these 8 bytes
_SIZES = "<HI"  # length of what follows the header, CRC-32
_WHAT_SIZE = const(8)
_CRC_AT = const(10)
_HEADER = const(14)  # bytes
_LARGEST = const(16384)  # bytes of a slot
_PIECE = const(256)  # bytes at a time: a fragmented heap has no large block
_NUMBERS = const(0xFFFF)  # numbers wrap

# Places beside the slots 0 and 1: the former format, a plain JSON file, and what an interrupted
# save of that format left. They are read or removed, never written.
_FORMER = const(2)
_LEFTOVER = const(3)

# The reason in an OSError; the screens have texts for the same words.
_WORDS = {
    28: "the flash is full",
    30: "the flash is read-only",
    -0x1105: "NVS is full",
    -0x110F: "there is no NVS",
}

_AGAIN = "link the board again"


class TokenStore:
    """Keeps the record in `home`, sealed by `seal` (see keyfob.storage.seal) where given.

    A home has numbered places for bytes. `pieces(place)` yields them, at least the first 14 in one
    piece. `write(place, parts)` and `remove(place)` return once that is durable. `holds(place,
    parts)` compares. All raise OSError, and `hint` is what to try then.
    """

    def __init__(self, home, seal=None):
        self._home = home
        self._seal = seal

    def load(self, check=None):  # rare
        """Return the record or None.

        `check(record)` raises StorageError for one that is of no use, as if it could not be read.
        Raises StorageError where a record exists and no copy of it is of use.
        """
        useless = []

        def read(place, header):
            record = _parse(bytes(self._body(place, header)))
            if check is not None:
                useless.append(place)
                check(record)
                useless.pop()
            return record

        try:
            record, _, _, trouble = self._find(read)
            if record is None and self._seal is None:
                former = self._read(_FORMER)
                if former:
                    record = _parse(former)
                    if check is not None:
                        check(record)
        except (OSError, MemoryError) as error:
            raise self._failure("read", error)
        if record is None and trouble is not None:
            raise trouble
        self._remove(useless)  # or the next save would write over the copy that is of use
        return record

    def save(self, record):
        """Write `record` to the slot that is not in use and read it back.

        Does nothing where it is stored already. Raises StorageError where it fails; the earlier
        record is then still stored.
        """
        try:
            body = json.dumps(record)
            # Compared as JSON text: parsing the stored record would take RAM.
            read = self._check if self._seal is None else self._body
            stored, in_use, number, _ = self._find(read)
            was_stored = stored is not None
            if was_stored and self._is_same(body, stored, in_use):
                return
            stored = None  # a sealed one takes RAM
            self._write(1 - in_use, *self._pack(body, (number + 1) & _NUMBERS))
        except (OSError, MemoryError) as error:
            raise self._failure("stored", error)
        # A slot in use without a record cannot be read. The next save retries what fails here.
        self._remove((_LEFTOVER, _FORMER) if was_stored else (in_use, _LEFTOVER, _FORMER))

    def copy(self, record):
        """Save `record` to both slots: no bad one costs it. Raises StorageError as `save` does.

        The second copy is made where there is room for it; the next save would replace it.
        """
        self.save(record)
        try:
            _, in_use, number, _ = self._find(self._check)
            self._write(1 - in_use, *self._pack(json.dumps(record), (number + 1) & _NUMBERS))
        except (OSError, MemoryError, StorageError):
            pass  # the first copy is whole

    def erase(self):  # rare
        """Remove every copy. Raises StorageError where one stays.

        The copy in use is removed last, or a power cut would bring the superseded one back.
        """
        try:
            slots, _ = self._slots()
        except MemoryError:
            slots = ()
        last = slots[0][1] if slots else 1
        trouble = self._remove((_LEFTOVER, _FORMER, 1 - last, last))
        if trouble is not None:
            raise self._failure("erased", trouble)

    def _is_same(self, body, stored, place):
        """Whether `body` equals `stored`, which `_find` read from that place."""
        if self._seal is not None:
            return stored == body.encode()
        header, body = self._pack(body, struct.unpack_from(_WHAT, stored)[3])
        try:
            return self._home.holds(place, _parts(header, body))
        except OSError:
            return False  # the other slot will be written

    def _find(self, read):
        """Return the newest result of `read(slot, header)` or None, its slot, the newest number,
        and an error or None."""
        slots, trouble = self._slots()
        number, newest = slots[0][:2] if slots else (0, 1)
        for _, place, header in slots:
            try:
                return read(place, header), place, number, None
            except OSError as error:
                trouble = trouble or self._failure("read", error)
            except StorageError as error:
                trouble = trouble or error
        return None, newest, number, trouble

    def _slots(self):
        """Return number, place and header of each valid slot, the newer first, and an error or
        None."""
        slots = []
        trouble = None
        for place in (0, 1):
            try:
                header = self._header(place)
                if header:  # an empty file is an interrupted first save
                    slots.append((struct.unpack_from(_WHAT, header)[3], place, header))
            except OSError as error:
                trouble = self._failure("read", error)
            except StorageError as error:
                trouble = error
        if slots[1:] and (slots[1][0] - slots[0][0]) & _NUMBERS <= _NUMBERS >> 1:
            slots.reverse()
        return slots, trouble

    def _header(self, place):
        """Return the header of a slot whose CRC-32 is right; b"" where the slot is empty."""
        header = b""
        size = crc = 0
        for piece in self._home.pieces(place):
            if not size:
                header = bytes(piece[:_HEADER])
                crc = crc32(header[:_CRC_AT])
            crc = crc32(piece if size else piece[_HEADER:], crc)
            size += len(piece)
        if size and (
            size < _HEADER
            or header[:4] != _MAGIC
            or struct.unpack_from(_SIZES, header, _WHAT_SIZE) != (size - _HEADER, crc)
        ):
            raise _damaged()
        return header

    def _pack(self, body, number):
        """The header of a slot with `body` (JSON), and what follows it."""
        header = bytearray(_HEADER)
        struct.pack_into(_WHAT, header, 0, _MAGIC, _FORMAT, self._seal is not None, number)
        if self._seal is not None:
            body = self._seal.seal(body.encode(), bytes(header[:_WHAT_SIZE]))
        size = sum([len(part) for part in _parts(b"", body)])
        if _HEADER + size > _LARGEST:
            raise _failed("stored", "%d bytes are too many" % size)
        struct.pack_into(_SIZES, header, _WHAT_SIZE, size, 0)
        struct.pack_into("<I", header, _CRC_AT, _crc(header, body))
        return bytes(header), body

    def _read(self, place):  # rare
        """All the bytes of a place."""
        data = bytearray()
        for piece in self._home.pieces(place):
            data += piece
        return data

    def _body(self, place, header):  # rare
        """The JSON in a slot, unsealed."""
        self._check(place, header)
        data = self._read(place)
        body = memoryview(data)[_HEADER:]
        said = struct.unpack_from("<I", header, _CRC_AT)[0]
        if data[:_HEADER] != header or _crc(header, body) != said:
            raise _damaged()  # it was valid a moment ago
        if self._seal is None:
            return body
        return self._seal.unseal(bytes(body), header[:_WHAT_SIZE])

    def _check(self, _, header):
        """Return `header` if it is that of a slot we can read."""
        _, kind, is_sealed, _ = struct.unpack_from(_WHAT, header)
        if kind != _FORMAT:
            raise StorageError("the stored link is of another version of keyfob", _AGAIN)
        if self._seal is not None and not is_sealed:
            raise StorageError("the stored link is not sealed", _AGAIN)
        if self._seal is None and is_sealed:
            raise StorageError("the stored link is sealed", "give keyfob the key for it")
        return header

    def _remove(self, places):
        """Remove these places; return the first OSError or None."""
        trouble = None
        for place in places:
            try:
                self._home.remove(place)
            except OSError as error:
                trouble = trouble or error
        return trouble

    def _write(self, place, header, body):
        home = self._home
        try:
            home.write(place, _parts(header, body))
        except OSError:
            home.remove(place)  # the old content may take the room that is missing
            home.write(place, _parts(header, body))
        if not home.holds(place, _parts(header, body)):
            raise _failed("stored", "it reads back otherwise", home.hint)

    def _failure(self, what, error):
        hint = self._home.hint
        if isinstance(error, MemoryError):
            error, hint = "not enough memory", "free some RAM"
        elif error.args:
            number = error.args[0]
            words = error.args[-1] if error.args[1:] else "error %s" % number  # an ESP32 names it
            error = _WORDS.get(number, words)
        return _failed(what, error, hint)


def _parts(header, body):
    """Yield the bytes of a slot in small pieces; JSON is encoded piece by piece."""
    yield header
    for at in range(0, len(body), _PIECE):
        part = body[at : at + _PIECE]
        yield part.encode() if isinstance(part, str) else part


def _crc(header, body):
    """The CRC-32 of a slot, without the CRC-32 field itself."""
    crc = 0
    for part in _parts(header[:_CRC_AT], body):
        crc = crc32(part, crc)
    return crc


def _parse(data):  # rare
    try:
        record = json.loads(data)
    except (ValueError, RuntimeError):  # RuntimeError: nested deeper than the stack
        record = None
    if not isinstance(record, dict):
        raise _damaged()
    return record


def _failed(what, reason, hint=None):
    error = StorageError("the link cannot be %s: %s" % (what, reason), hint)
    error.reason = str(reason)
    return error


def _damaged():
    return StorageError("the stored link is damaged", _AGAIN)
