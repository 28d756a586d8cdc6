"""A record in two slots: a save replaces the older copy, and the newer one is never written to.

A slot is a header and the record as JSON. The header says whose it is, in which format,
whether it is sealed, its number in the row of saves, how long it is, and a CRC-32 of all
the rest.
"""

import json
import struct
from binascii import crc32

from keyfob.compat import const
from keyfob.errors import StorageError

_MAGIC = b"kfob"
_FORMAT = const(1)
_WHAT = "<4sBBH"  # magic, format, 1 if sealed, number: a seal vouches for these 8 bytes
_SIZES = "<HI"  # length of what follows the header, CRC-32
_WHAT_SIZE = const(8)
_CRC_AT = const(10)
_HEADER = const(14)  # bytes
_LARGEST = const(16384)  # bytes of a slot
_NUMBERS = const(0xFFFF)  # numbers wrap

# Places beside the slots 0 and 1: a plain JSON file, the format before this one, and what
# an interrupted save of those days left. They are read or removed, never written.
_FORMER = const(2)
_LEFTOVER = const(3)

# What an OSError says; the screens know the same words.
_WORDS = {
    28: "the flash is full",
    30: "the flash is read-only",
    -0x1105: "NVS is full",
    -0x110F: "there is no NVS",
}

_AGAIN = "link the board again"


class TokenStore:
    """Keeps the record in `home`, sealed by `seal` (see keyfob.storage.seal) where given.

    A home has numbered places for bytes: `read(place)` returns them or None, `write(place,
    data)` and `remove(place)` return once that is durable, and `holds(place, data)` tells
    whether it is. All raise OSError, and `hint` is what to try then.
    """

    def __init__(self, home, seal=None):
        self._home = home
        self._seal = seal

    def load(self):
        """Return the record or None.

        Raises StorageError where there is one and no copy of it can be read.
        """
        try:
            record, _, _, trouble = self._find(self._record)
            if record is None and self._seal is None:
                former = self._home.read(_FORMER)
                if former:
                    record = _parse(former)
        except (OSError, MemoryError) as error:
            raise self._failure("read", error)
        if record is None and trouble is not None:
            raise trouble
        return record

    def save(self, record):
        """Write `record` to the slot that is not in use and read it back.

        Does nothing where it is stored already. Raises StorageError where it fails; what was
        stored before is then there as it was.
        """
        try:
            body = json.dumps(record)
            body = body.encode()
            # Compared as it is written: to parse what is stored would take RAM.
            stored, in_use, number, _ = self._find(self._body)
            was_stored = stored is not None
            if was_stored and body == stored:
                return
            stored = None  # one copy of it at a time
            body = self._pack(body, (number + 1) & _NUMBERS)
            self._write(1 - in_use, body)
        except (OSError, MemoryError) as error:
            raise self._failure("stored", error)
        # What is in use without a record nobody can read. The next save tries again what fails.
        self._remove((_LEFTOVER, _FORMER) if was_stored else (in_use, _LEFTOVER, _FORMER))

    def erase(self):
        """Leave nothing behind. Raises StorageError where something stays.

        The copy in use goes last, or a power cut would bring the superseded one back.
        """
        try:
            slots, _ = self._slots()
        except MemoryError:
            slots = ()
        last = slots[0][1] if slots else 1
        trouble = self._remove((_LEFTOVER, _FORMER, 1 - last, last))
        if trouble is not None:
            raise self._failure("erased", trouble)

    def _find(self, read):
        """Return the newest that `read(slot)` gives, or None, its slot, the newest number, and
        what is wrong, or None."""
        slots, trouble = self._slots()
        number, newest = slots[0] if slots else (0, 1)
        for _, place in slots:
            try:
                return read(place), place, number, None
            except OSError as error:
                trouble = trouble or self._failure("read", error)
            except StorageError as error:
                trouble = trouble or error
        return None, newest, number, trouble

    def _slots(self):
        """Return number and place of each whole slot, the newer first, and what is wrong."""
        slots = []
        trouble = None
        for place in (0, 1):
            try:
                data = self._home.read(place)
            except OSError as error:
                trouble = self._failure("read", error)
                continue
            if data:  # an empty file is a first save that was cut short
                if _is_whole(data):
                    slots.append((struct.unpack_from(_WHAT, data)[3], place))
                else:
                    trouble = _damaged()
        if slots[1:] and (slots[1][0] - slots[0][0]) & _NUMBERS <= _NUMBERS >> 1:
            slots.reverse()
        return slots, trouble

    def _pack(self, body, number):
        data = bytearray(_HEADER)
        struct.pack_into(_WHAT, data, 0, _MAGIC, _FORMAT, self._seal is not None, number)
        if self._seal is not None:
            body = self._seal.seal(body, bytes(data[:_WHAT_SIZE]))
        if _HEADER + len(body) > _LARGEST:
            raise StorageError("the link cannot be stored: %d bytes are too many" % len(body))
        struct.pack_into(_SIZES, data, _WHAT_SIZE, len(body), 0)
        data += body
        struct.pack_into("<I", data, _CRC_AT, _crc(data))
        return data

    def _record(self, place):
        return _parse(bytes(self._body(place)))

    def _body(self, place):
        """The JSON in a slot, unsealed."""
        data = self._home.read(place)
        if not data or not _is_whole(data):
            raise _damaged()
        what = data[:_WHAT_SIZE]
        _, kind, is_sealed, _ = struct.unpack(_WHAT, what)
        if kind != _FORMAT:
            raise StorageError("the stored link is of another version of keyfob", _AGAIN)
        body = memoryview(data)[_HEADER:]
        if self._seal is not None:
            if not is_sealed:
                raise StorageError("the stored link is not sealed", _AGAIN)
            return self._seal.unseal(bytes(body), what)
        if is_sealed:
            raise StorageError("the stored link is sealed", "give keyfob the key for it")
        return body

    def _remove(self, places):
        """Leave nothing in these places; return the first OSError or None."""
        trouble = None
        for place in places:
            try:
                self._home.remove(place)
            except OSError as error:
                trouble = trouble or error
        return trouble

    def _write(self, place, data):
        home = self._home
        try:
            home.write(place, data)
        except OSError:
            home.remove(place)  # the room that its old content takes may be what is missing
            home.write(place, data)
        if not home.holds(place, data):
            raise StorageError("the link cannot be stored: it reads back otherwise", home.hint)

    def _failure(self, what, error):
        hint = self._home.hint
        if isinstance(error, MemoryError):
            error, hint = "not enough memory", "free some RAM"
        elif error.args:
            number = error.args[0]
            words = error.args[-1] if error.args[1:] else "error %s" % number  # an ESP32 names it
            error = _WORDS.get(number, words)
        return StorageError("the link cannot be %s: %s" % (what, error), hint)


def _crc(data):
    return crc32(memoryview(data)[_HEADER:], crc32(memoryview(data)[:_CRC_AT]))


def _is_whole(data):
    """Whether `data` is a slot as it was written."""
    if len(data) < _HEADER or data[:4] != _MAGIC:
        return False
    size, crc = struct.unpack_from(_SIZES, data, _WHAT_SIZE)
    return size == len(data) - _HEADER and crc == _crc(data)


def _parse(data):
    try:
        record = json.loads(data)
    except (ValueError, RuntimeError):  # RuntimeError: nested deeper than the stack
        record = None
    if not isinstance(record, dict):
        raise _damaged()
    return record


def _damaged():
    return StorageError("the stored link is damaged", _AGAIN)
