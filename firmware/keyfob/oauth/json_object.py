"""Reading the JSON object that a provider's reply is, the same on every board and on a PC.

The `json` of MicroPython takes what that of CPython refuses, and the other way round. Here a
mistake that changes no meaning is passed over: a comma before a closing bracket, a line break
within a string, a number with a zero in front, NaN, and whatever comes behind the object.
"""

from keyfob.compat import const

_BOM = b"\xef\xbb\xbf"
_QUOTE = const(0x22)
_BACKSLASH = const(0x5C)
_BRACE = const(0x7B)
_COMMA = const(0x2C)
_COLON = const(0x3A)
_DEEPEST = const(32)  # objects and arrays within each other
_LONGEST = const(40)  # digits of an integer: one with more is infinite, or nearly so
# The last three are no JSON. Some programs write them, and what they say is that there is nothing.
_WORDS = {
    b"true": True,
    b"false": False,
    b"null": None,
    b"NaN": None,
    b"Infinity": None,
    b"-Infinity": None,
}
_ESCAPES = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def read(body, at=0):
    """The object in `body`, behind blanks and a byte order mark, as a dict.

    Returns None where there is none, or its end is missing.
    """
    try:
        at = _behind_blanks(body, 3 if body[:3] == _BOM else at)
        return _object(body, at + 1) if body[at] == _BRACE else None
    except (ValueError, LookupError):  # the latter at the end of the body
        return None


def _behind_blanks(body, at):
    while body[at] in b" \t\r\n":
        at += 1
    return at


def _object(body, at):
    """The object whose first member begins at `at`. No recursion: a board's stack is small."""
    outer = []  # what is around `inner`, each with the name of the member that is open
    inner, name = {}, None
    while True:
        at = _behind_blanks(body, at)
        if body[at] in b"}]":
            if (body[at] == _BRACE + 2) is not isinstance(inner, dict):
                raise ValueError
            if not outer:
                return inner
            at += 1
            value = inner
            inner, name = outer.pop()
        else:
            if isinstance(inner, dict):
                name, at = _string(body, at)
                at = _behind_blanks(body, at)
                if body[at] != _COLON:
                    raise ValueError
                at = _behind_blanks(body, at + 1)
            if body[at] in b"{[":
                if len(outer) == _DEEPEST:
                    raise ValueError
                outer.append((inner, name))
                inner = {} if body[at] == _BRACE else []
                at += 1
                continue
            value, at = _scalar(body, at)
        if isinstance(inner, dict):
            inner[name] = value
        else:
            inner.append(value)
        at = _behind_blanks(body, at)
        if body[at] == _COMMA:
            at += 1
        elif body[at] not in b"}]":
            raise ValueError


def _scalar(body, at):
    """The string, number or word that begins at `at`, and where it ends."""
    if body[at] == _QUOTE:
        return _string(body, at)
    for word in _WORDS:
        if body[at : at + len(word)] == word:
            return _WORDS[word], at + len(word)
    end = at
    while body[end] in b"0123456789+-.eE":
        end += 1
    return number(bytes(body[at:end])), end


def number(octets):
    """A decimal number in ASCII as an int or a float. Raises ValueError."""
    if octets.strip(b"0123456789+-.eE") or not octets.strip(b"+-.")[:1].isdigit():
        raise ValueError  # MicroPython reads e1 as 0, CPython takes digits of any script
    text = str(octets, "ascii")
    digits = octets.strip(b"+-")
    return int(text) if digits.isdigit() and len(digits) <= _LONGEST else float(text)


def _string(body, at):
    """The string whose opening quote is at `at`, and where it ends."""
    start = at + 1
    end = body.find(b'"', start)
    escape = body.find(b"\\", start, end)
    if escape >= 0:
        end = escape
        while body[end] != _QUOTE:
            end += 2 if body[end] == _BACKSLASH else 1
    if body[at] != _QUOTE or end < 0:
        raise ValueError
    octets = memoryview(body)[start:end]  # a token may be long: no copy
    if escape < 0 and (start == end or max(octets) < 0x80):
        return str(octets, "utf-8"), end + 1
    return text(bytes(octets)), end + 1


def text(octets):  # rare: octets
    """The text of a string in JSON, escapes and all: UTF-8, or else Latin-1.

    Half of a surrogate pair becomes U+FFFD, which stands for what is no character.
    """
    if not is_utf8(octets):
        octets = _from_latin1(octets)
    first, *pieces = octets.split(b"\\")
    out = bytearray(first)
    while pieces:
        piece = pieces.pop(0)
        kind, rest = piece[:1], piece[1:]
        if kind == b"u":
            code, rest = _hex(rest)
            if 0xD800 <= code < 0xDC00 and not rest and pieces and pieces[0][:1] == b"u":
                low, behind = _hex(pieces[0][1:])
                if 0xDC00 <= low < 0xE000:
                    code = 0x10000 + ((code & 0x3FF) << 10) + (low & 0x3FF)
                    rest = behind
                    pieces.pop(0)
            _append(out, 0xFFFD if 0xD800 <= code < 0xE000 else code)
        elif not kind:  # a backslash that was escaped
            out.extend(b"\\")
            rest = pieces.pop(0)
        elif kind in b'"/':
            out.extend(kind)
        else:
            out.extend(_ESCAPES[kind])
        out.extend(rest)
    return str(out, "utf-8")


def _hex(octets):  # rare: octets
    """The number that four hexadecimal digits are, and what is behind them."""
    digits = octets[:4].lower()
    if len(digits) < 4 or digits.strip(b"0123456789abcdef"):
        raise ValueError
    return int(digits, 16), octets[4:]


def is_utf8(octets):  # rare: octets
    """Whether it is UTF-8. MicroPython takes surrogates and overlong forms for it, too."""
    left = 0  # bytes of a character still to come
    low, high = 0x80, 0xBF
    for octet in octets:
        if left:
            if not low <= octet <= high:
                return False
            left -= 1
            low, high = 0x80, 0xBF
        elif octet >= 0x80:
            if not 0xC2 <= octet <= 0xF4:
                return False
            left = 1 if octet < 0xE0 else 2 if octet < 0xF0 else 3
            low = {0xE0: 0xA0, 0xF0: 0x90}.get(octet, low)
            high = {0xED: 0x9F, 0xF4: 0x8F}.get(octet, high)
    return not left


def _from_latin1(octets):  # rare: octets
    out = bytearray()
    for octet in octets:
        _append(out, octet)
    return bytes(out)


def _append(out, code):  # rare: octets
    """Add a character as UTF-8. MicroPython keeps for good what `chr` returns."""
    if code < 0x80:
        out.append(code)
        return
    more = 1 if code < 0x800 else 2 if code < 0x10000 else 3
    out.append(0xFF00 >> (more + 1) & 0xFF | code >> 6 * more)
    while more:
        more -= 1
        out.append(0x80 | code >> 6 * more & 0x3F)
