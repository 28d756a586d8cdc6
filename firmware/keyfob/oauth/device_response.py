"""Validating a device authorization response."""

from keyfob.compat import Loaded, const
from keyfob.errors import ProviderError
from keyfob.oauth import url
from keyfob.oauth.messages import in_rfc_names, is_printable, seconds

_MAX_CODE = const(64)  # characters of a user code
_SHOWN = const(100)  # characters of an address in a message
_LONGEST = const(4_000_000_000)  # s of a life or an interval: more than a board lives


def read(members, profile):
    """Return its members by their names in RFC 8628 section 3.2, with defaults for missing ones.

    Raises ProviderError where it is unusable or unsafe for a person.
    """
    members = in_rfc_names(members, profile, "da_aliases")
    device_code = _text(members, "device_code")
    user_code = _text(members, "user_code")
    if len(user_code) > _MAX_CODE:
        raise _unusable("the provider sent a user_code too long to show")
    uri = _text(members, "verification_uri").strip(" ")
    if not url.is_safe(uri, profile.allow_http):
        raise ProviderError(
            "the provider sent a verification_uri that is not safe to open%s: %s"
            % (_why(uri), uri[:_SHOWN]),
            "the provider has to send a whole address that begins with https://",
        )
    complete = _member(members, "verification_uri_complete")
    if complete is None and profile.qr_template:
        with Loaded("keyfob.oauth.messages") as code:
            complete = profile.qr_template.replace("{user_code}", code.quote(user_code))
    expires_in = seconds(members.get("expires_in"))
    if expires_in is None:
        expires_in = profile.default_expires
    if expires_in <= 0:
        raise _unusable("the provider sent a code that has expired already")
    interval = seconds(members.get("interval"))
    if interval is None or interval < 0:
        interval = profile.default_interval
    return {
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": uri,
        "verification_uri_complete": complete
        if url.is_safe(complete, profile.allow_http)
        else None,
        "expires_in": min(expires_in, _LONGEST),
        "interval": min(max(interval, profile.min_interval), _LONGEST),
    }


def _member(members, name):
    """A member of the response, by its name in the RFC or in older drafts."""
    value = members.get(name)
    return members.get(name.replace("_uri", "_url")) if value is None else value


def _why(uri):
    """What is wrong with an address, as the end of a sentence; nothing where that is plain."""
    try:
        url.split(uri)
    except ValueError as error:
        return ", for it " + str(error)
    return ""


def _text(members, name):
    value = _member(members, name)
    if not isinstance(value, str) or not value:
        raise _unusable("the provider's reply has no usable %s" % name)
    if not all(is_printable(value[at : at + 1]) for at in range(len(value))):
        raise _unusable("the provider sent a %s with unprintable characters" % name)
    return value


def _unusable(message):
    return ProviderError(message, "the provider has to correct it, or choose another one")
