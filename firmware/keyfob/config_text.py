"""The text of `/keyfob.json`, which people write by hand: checked, and spellings looked up.

MicroPython's parser takes commas too many and too few, and makes two characters of an emoji that
is escaped as a pair of surrogates. CPython's takes NaN. Here both give the same verdict.
"""

from keyfob.compat import const
from keyfob.errors import ConfigError

_LONGEST = const(60)  # characters of a field's name that are shown
_DEEPEST = const(8)  # lists and objects within each other
_BLANKS = b" \t\r\n"
_ENDS = b" \t\r\n,]}"
_WORDS = (b"true", b"false", b"null")
_QUOTE = const(0x22)
_BACKSLASH = const(0x5C)
_COMMA = const(0x2C)
_COLON = const(0x3A)
_LIST = const(0x5B)
_OBJECT = const(0x7B)
_TO_END = const(2)  # from the byte that begins a list or an object to the one that ends it

# What may come next.
_A_VALUE = const(0)
_AN_ITEM = const(1)  # or the end of a list
_A_NAME = const(2)
_A_MEMBER = const(3)  # or the end of an object
_A_COLON = const(4)
_A_COMMA = const(5)  # or an end


def wrong_line(text):
    """Return the number of the first line that keeps `text` (bytes) from being JSON.

    None for JSON. Nesting deeper than 8 counts as wrong, too, and so do a name that an object has
    twice and half a surrogate pair. Bytes, since MicroPython would keep each character of a text
    that it has looked at.
    """
    at = _wrong_at(text)
    return None if at is None else text[:at].count(b"\n") + 1


def joined(text):
    """Return JSON `text` (bytes) with each escaped pair of surrogates as what it means.

    Raises ValueError for bytes that are UTF-8 to MicroPython alone.
    """
    for at in range(len(text)):
        if text[at] >= 0xC0 and _is_no_character(text[at], text[at + 1 : at + 2]):
            raise ValueError
    parts = []
    at = done = 0
    while True:
        at = text.find(b"\\", at)
        if at < 0:
            break
        high = _surrogate(text, at, 0xD800)
        low = _surrogate(text, at + 6, 0xDC00)
        if high is None or low is None:
            at += 2
            continue
        parts.append(text[done:at])
        parts.append(chr(0x10000 + (high << 10) + low).encode())
        at = done = at + 12
    parts.append(text[done:])
    return b"".join(parts)


def unknown(place, name, names):
    """Return the ConfigError for the field `name`, which is none of the `names` in `place`."""
    least, like = 3, None  # mistakes
    for known in names:
        if abs(len(name) - len(known)) >= least:
            continue
        count = _mistakes(name.lower().encode(), known.encode())
        if count < least and 2 * count < len(known):
            least, like = count, known
    return ConfigError(
        "%s%s is not a field that keyfob knows" % (place, name[:_LONGEST]),
        "correct it, or remove it"
        if like is None
        else "it may be meant to be %s%s" % (place, like),
    )


def _wrong_at(text):
    """Where `text` stops being JSON, or None."""
    ends = bytearray()  # of the lists and objects that are open
    names = []  # of the members that each of them has had
    wants = _A_VALUE
    at = 0
    while at < len(text):
        here = text[at]
        is_end = len(ends) > 0 and here == ends[-1]
        end = at + 1
        if here in _BLANKS:
            pass
        elif is_end and wants in (_A_COMMA, _AN_ITEM, _A_MEMBER):
            ends = ends[:-1]
            names.pop()
            wants = _A_COMMA
        elif wants == _A_COMMA:
            if here != _COMMA or not ends:
                return at
            wants = _A_NAME if ends[-1] == _OBJECT + _TO_END else _A_VALUE
        elif wants == _A_COLON:
            if here != _COLON:
                return at
            wants = _A_VALUE
        elif here == _QUOTE:
            end = _end_of_string(text, end)
            if end >= len(text) or text[end] != _QUOTE:
                return min(end, len(text) - 1)
            end += 1
            if wants in (_A_NAME, _A_MEMBER):
                if text[at:end] in names[-1]:
                    return at
                names[-1].append(text[at:end])
                wants = _A_COLON
            else:
                wants = _A_COMMA
        elif wants in (_A_NAME, _A_MEMBER):
            return at
        elif here in (_LIST, _OBJECT):
            ends.append(here + _TO_END)
            names.append([])
            if len(ends) > _DEEPEST:
                return at
            wants = _AN_ITEM if here == _LIST else _A_MEMBER
        else:
            while end < len(text) and text[end] not in _ENDS:
                end += 1
            if text[at:end] not in _WORDS and not _is_number(text[at:end]):
                return at
            wants = _A_COMMA
        at = end
    return None if wants == _A_COMMA and not ends else max(0, len(text.rstrip()) - 1)


def _end_of_string(text, at):
    """Where the quote is that ends a string, or what must not be in it."""
    while at < len(text) and text[at] >= 0x20 and text[at] != _QUOTE:
        if text[at] == _BACKSLASH:
            at += 1
            if text[at : at + 1] == b"u":
                code = _hex(text, at + 1)
                if code is None:
                    return at
                at += 4
                if 0xD800 <= code < 0xE000:  # half a character; the other half has to follow
                    if code >= 0xDC00 or _surrogate(text, at + 1, 0xDC00) is None:
                        return at
                    at += 6
            elif at >= len(text) or text[at] not in b'"\\/bfnrt':
                return at
        at += 1
    return at


def _is_no_character(lead, second):
    """Whether bytes that begin so are UTF-8 to MicroPython alone (RFC 3629 section 4)."""
    return (
        lead in b"\xc0\xc1"
        or lead > 0xF4
        or (lead == 0xE0 and second < b"\xa0")
        or (lead == 0xED and second > b"\x9f")
        or (lead == 0xF0 and second < b"\x90")
        or (lead == 0xF4 and second > b"\x8f")
    )


def _is_number(word):
    """Whether a word is a number (RFC 8259 section 6)."""
    if word[:1] == b"-":
        word = word[1:]
    word, e, exponent = word.lower().partition(b"e")
    if exponent[:1] in (b"+", b"-"):
        exponent = exponent[1:]
    whole, dot, fraction = word.partition(b".")
    if (e and not exponent.isdigit()) or (dot and not fraction.isdigit()):
        return False
    return whole.isdigit() and (len(whole) == 1 or whole[:1] != b"0")


def _surrogate(text, at, first):
    """The ten bits of an escaped surrogate of the kind that begins at `first`, or None."""
    found = _hex(text, at + 2) if text[at : at + 2] == b"\\u" else None
    return found - first if found is not None and 0 <= found - first < 0x400 else None


def _hex(text, at):
    digits = text[at : at + 4]
    if len(digits) < 4 or not all(digit in b"0123456789abcdefABCDEF" for digit in digits):
        return None
    return int(digits, 16)


def _mistakes(one, other):
    """How many letters have to be changed, left out or put in (Levenshtein's distance)."""
    row = list(range(len(other) + 1))
    for i in range(len(one)):
        before, row[0] = row[0], i + 1
        for j in range(len(other)):
            changed = before + (one[i] != other[j])
            before = row[j + 1]
            row[j + 1] = min(changed, before + 1, row[j] + 1)
    return row[-1]
