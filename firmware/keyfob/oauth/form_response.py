"""Replies that are form-encoded: some providers' way, which RFC 6749 does not know."""

import binascii

_FORM_NAME = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%+[]"


def form_members(body):
    """The members of a form body, or None where it is none."""
    found = {}
    try:
        for part in str(body, "utf-8").strip().split("&"):
            if not part:
                continue  # between two, or after the last
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
        out.extend(binascii.unhexlify(piece[:2]))
        out.extend(piece[2:].encode())
    return str(out, "utf-8")
