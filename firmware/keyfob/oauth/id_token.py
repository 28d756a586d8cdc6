"""Validating the claims of an ID token (OpenID Connect Core 1.0 section 3.1.3.7).

The signature is not checked. The token came directly from the token endpoint over verified TLS,
which item 6 of that section accepts instead. So this module must not be given an ID token from
anywhere else.
"""

import binascii

from keyfob.compat import Loaded, const
from keyfob.errors import ProviderError

_MAX_TOKEN = const(8_192)  # characters: more does not fit in a board's RAM
_NO_DATE = const(1_000_000_000_000)  # s: no year has so many digits
_LEEWAY = const(300)  # s between a board's clock and the provider's
_NAMES = ("name", "preferred_username", "nickname", "email")
_OPAQUE = const(20)  # characters: the least length at which a word may be an ID
_DIGITS = b"0123456789abcdefABCDEF-"
_REQUIRED = ("iss", "sub", "aud", "exp", "iat")


def claims(token):
    """Return the claims of a JWT as a dict. Raises ProviderError where it is not one."""
    parts = token.split(".")
    if len(parts) == 3 and len(token) <= _MAX_TOKEN:
        payload = parts[1].replace("-", "+").replace("_", "/")
        try:
            # As bytes, for micropython-lib's binascii takes no text.
            text = binascii.a2b_base64((payload + "=" * (-len(payload) % 4)).encode())
            with Loaded("keyfob.oauth.json_object") as code:
                found = code.read(text)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - each binascii has one of its own for bad padding
            found = None
        if found is not None:
            return found
    raise ProviderError("the provider sent an ID token that cannot be read")


def check(found, issuer, client_id, unix=None, before=None):
    """Return the claims if they are valid for this client. Raises ProviderError if not.

    `unix` is the time in Unix seconds, or None while it is unknown: dates are then not
    checked. `before` are the claims of the same link's last ID token (section 12.2).
    """
    for name in _REQUIRED:
        if name not in found:
            raise _bad("lacks the claim " + name)
    if not isinstance(found["sub"], str) or not found["sub"]:
        raise _bad("names nobody")
    if found["iss"] != issuer:
        raise _bad("comes from another issuer")
    audience = found["aud"]
    if isinstance(audience, str):
        audience = [audience]
    if not isinstance(audience, list) or client_id not in audience:
        raise _bad("was made for another client")
    party = found.get("azp")
    if (len(audience) > 1 or party is not None) and party != client_id:
        raise _bad("was made for another party")
    if not _is_date(found["exp"]) or not _is_date(found["iat"]):
        raise _bad("has no usable dates")
    if unix is not None:
        if unix > found["exp"] + _LEEWAY:
            raise _bad("has expired")
        if found["iat"] > unix + _LEEWAY:
            raise _bad("comes from the future; is the clock right?")
    if before is not None and found["sub"] != before.get("sub"):
        raise _bad("names another account than before")
    return found


def account_name(found):
    """The account's name for a screen: the most readable claim that it has, or None.

    The subject and what looks like an ID are no names. Behind a name in another script than the
    Latin, which a panel may be unable to draw, is the e-mail address where it is known:
    "Name <address>".
    """
    with Loaded("keyfob.oauth.messages") as code:
        names = [code.clean(found.get(name)) for name in _NAMES]
    address = names[-1]
    names = [name for name in names if name and not is_opaque(name, found.get("sub"))]
    if not names:
        return None
    if address and not _is_latin(names[0]):
        return names[0] + " <" + address + ">"
    return names[0]


def is_opaque(name, subject):
    """Whether `name` tells a person nothing: it is a UUID or the like, or a long `subject`."""
    if len(name) < _OPAQUE:
        return False
    return name == subject or not name.encode().strip(_DIGITS)


def _is_latin(name):
    """Whether there is no letter in `name` that is certainly of another script.

    Signs like those for numbers and full-width letters count as such: no panel has them.
    """
    codes = (ord(name[at : at + 1]) for at in range(len(name)))
    return not any(
        0x370 <= code < 0x1E00
        or 0x2070 <= code < 0x2190
        or 0x3000 <= code < 0xFB00
        or code >= 0xFF00
        for code in codes
    )


def _is_date(value):
    """Whether a claim is a date in seconds: neither NaN nor infinite, nor in ms."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and 0 <= value < _NO_DATE


def _bad(why):
    return ProviderError("the provider's ID token " + why)
