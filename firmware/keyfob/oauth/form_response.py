"""Form-encoded replies, which some providers send although RFC 6749 requires JSON."""

import binascii

from keyfob.oauth.json_object import is_utf8

_FORM_NAME = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%+[]"


def form_members(body):
    """The members of a form body, or None where `body` is not a form."""
    found = {}
    try:
        for part in _text(body.strip()).split("&"):
            if not part:
                continue  # a doubled or trailing &
            name, equals, value = part.partition("=")
            if not equals or not name or not all(char in _FORM_NAME for char in name):
                return None
            found[_unquote(name)] = _unquote(value)
    except ValueError:
        return None
    return found or None


def _unquote(text):
    text = text.replace("+", " ")
    if "%" not in text:
        return text
    pieces = text.split("%")
    out = bytearray(pieces[0].encode())
    for piece in pieces[1:]:
        if not piece[:2].strip():
            raise ValueError  # MicroPython takes two line ends for no digits at all
        out.extend(binascii.unhexlify(piece[:2]))
        out.extend(piece[2:].encode())
    return _text(out)


def _text(octets):
    if not is_utf8(octets):
        raise ValueError
    return str(octets, "utf-8")
