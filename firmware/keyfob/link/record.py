"""Validating the record of a link that a store holds, before it is used."""

from keyfob.compat import Loaded
from keyfob.errors import StorageError

# What is stored: these types or null.
_RECORD = {"for": list, "sub": str, "account": str, "tokens": dict, "pending": dict}
_NEEDED = ("access_token", "device_code", "user_code", "verification_uri", "interval")
_NUMBERS = ("expires_in", "expires_at", "interval", "wait", "schedule", "signed_out", "lost")


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
    return tokens or {}


def _check_fields(record, names):
    for name in names:
        _check(record, name, int if name in _NUMBERS else str)


def _check(record, name, kind):
    """Raise StorageError where a member has the wrong type, or is needed and absent."""
    value = record.get(name)
    if value is None or value == "":
        is_good = name not in _NEEDED
    else:
        is_good = isinstance(value, kind) and not isinstance(value, bool)
    if not is_good:
        raise _damaged(name)


def _damaged(name):
    return StorageError("the stored link is damaged at %s" % name, "link the board again")
