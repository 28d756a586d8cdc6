"""Validating the record of a link that a store holds, before it is used.

Its values are bound by the rules for a provider's reply, where they came from.
"""

from keyfob.compat import Loaded, const
from keyfob.errors import StorageError

_MOST = const(10_000_000_000)  # s: no life and no date is longer, the clock's ceiling included

# What is stored: these types or null.
_RECORD = {"for": list, "sub": str, "account": str, "tokens": dict, "pending": dict}
_NEEDED = ("access_token", "device_code", "user_code", "verification_uri", "interval")
_NUMBERS = ("expires_in", "expires_at", "interval", "wait", "schedule", "signed_out", "lost")
_TOKENS = ("access_token", "refresh_token", "id_token")
_ADDRESSES = ("verification_uri", "verification_uri_complete")
_SHOWN = ("account", "user_code", "device_code")


def read(record, owner):
    """Return the fields of the tokens in `record`, {} where only a link is pending.

    None where it belongs to another provider or client than `owner`. Raises StorageError
    where it is invalid.
    """
    for name in _RECORD:
        _check(record, name, _RECORD[name])
    if not record.get("for"):
        raise _damaged("for")
    if record["for"] != owner:
        return None
    tokens = record.get("tokens")
    pending = record.get("pending")
    if tokens is None and pending is None:
        raise _damaged("tokens")
    if pending is not None:
        with Loaded("keyfob.oauth.device_grant") as grant:
            _check_fields(pending, grant.SHOWN + ("device_code", "expires_at"))
    if tokens is not None:
        from keyfob.oauth.token_set import TOKENS  # stays: the tokens do

        _check_fields(tokens, TOKENS)
        if tokens.get("signed_out") is not None and tokens.get("wait") is None:
            raise _damaged("wait")  # until the next try
    return tokens or {}


def _check_fields(record, names):
    for name in names:
        _check(record, name, int if name in _NUMBERS else str)


def _check(record, name, kind):
    """Raise StorageError where a member is not as it may be, or is needed and absent."""
    value = record.get(name)
    if value is None or value == "":
        is_good = name not in _NEEDED
    else:
        is_good = isinstance(value, kind) and not isinstance(value, bool) and _fits(name, value)
    if not is_good:
        raise _damaged(name)


def _fits(name, value):
    """Whether a member of the right type has a value that a reply may have."""
    if name in _NUMBERS:
        least = 1 if name in _NEEDED else 0
        return least <= value <= _MOST
    if name in _ADDRESSES:
        with Loaded("keyfob.oauth.url") as code:
            return code.is_safe(value, True)
    if name in _TOKENS:
        with Loaded("keyfob.oauth.token_response") as code:
            return code.is_visible(value) and (name not in _NEEDED or " " not in value)
    if name in _SHOWN:
        with Loaded("keyfob.oauth.messages") as code:
            return all(code.is_printable(value[at : at + 1]) for at in range(len(value)))
    return True


def _damaged(name):
    return StorageError("the stored link is damaged at %s" % name, "link the board again")
