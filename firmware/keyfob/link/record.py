"""Judging what a store holds of a link, before any of it is used."""

from keyfob.errors import StorageError

# What is stored: these types or null.
_RECORD = {"for": list, "sub": str, "account": str, "tokens": dict, "pending": dict}
_TOKENS = {
    "access_token": str,
    "refresh_token": str,
    "scope": str,
    "expires_in": int,
    "expires_at": int,
    "id_token": str,
    "grant": str,
}
_PENDING = {
    "device_code": str,
    "user_code": str,
    "verification_uri": str,
    "verification_uri_complete": str,
    "expires_at": int,
    "expires_in": int,
    "interval": int,
}
_NEEDED = ("device_code", "user_code", "verification_uri", "interval")


def read(record, owner):
    """Return the fields of the tokens in `record`, {} where only a link is pending.

    None where it belongs to another provider or client than `owner`. Raises StorageError
    where it makes no sense.
    """
    _check(record, _RECORD)
    if not record.get("for"):
        raise _damaged("for")
    if record["for"] != owner:
        return None
    tokens = record.get("tokens")
    pending = record.get("pending")
    if tokens is None and pending is None:
        raise _damaged("tokens")
    if pending is not None:
        _check(pending, _PENDING, _NEEDED)
    if tokens is not None:
        _check(tokens, _TOKENS, ("access_token",))
    return tokens or {}


def _check(record, types, needed=()):
    """Raise StorageError for the first member of another type, or needed and not there."""
    for name in types:
        value = record.get(name)
        if value is None or value == "":
            is_good = name not in needed
        else:
            is_good = isinstance(value, types[name]) and not isinstance(value, bool)
        if not is_good:
            raise _damaged(name)


def _damaged(name):
    return StorageError("the stored link is damaged at %s" % name, "link the board again")
