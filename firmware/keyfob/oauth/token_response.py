"""Validating a successful token response."""

from keyfob.compat import const
from keyfob.errors import ProviderError
from keyfob.oauth.messages import in_rfc_names, is_printable, seconds

_LONGEST = const(4_000_000_000)  # s: more than a board lives, and dates stay in their range


def read(members, profile, requested, now, unix=None):
    """Return the members of a TokenSet from a token response (RFC 6749 section 5.1).

    `members` are the reply's, `requested` the scope asked for; a missing scope means
    that all of it was granted. `now` (ticks) becomes `issued_at`. Raises ProviderError where no
    usable token is there.
    """
    members = in_rfc_names(members, profile, "token_aliases")
    token = _text(members.get("access_token"))
    if token is None or " " in token:  # invalid in a header
        raise ProviderError(
            "the provider's reply has no usable access_token",
            "the provider has to correct it, or choose another one",
        )
    kind = members.get("token_type")
    if kind is None or kind == "":
        raise ProviderError(
            "the provider does not say that this is a bearer token: token_type is missing",
            "if it is one: set default_token_type of provider to Bearer",
        )
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise ProviderError(
            "the provider issued a token that is not a bearer token",
            "switch sender-constrained tokens (DPoP, mTLS) off for this client",
        )
    lifetime = _life(members, "expires_in")
    wait = None
    if profile.needs_person:
        wait = _life(members, "refresh_expires_in", "refresh_token_expires_in")
    fields = {
        "access_token": token,
        "refresh_token": _text(members.get("refresh_token")),
        "scope": _scope(members.get("scope")) or requested,
        "expires_in": lifetime,
        "id_token": _text(members.get("id_token")),
        "wait": wait,
        "issued_at": now,
    }
    if lifetime is not None and unix is not None:
        fields["expires_at"] = unix + lifetime
    if wait is not None and unix is not None:
        fields["schedule"] = unix + wait
    if not profile.needs_person:
        fields["refresh_token"] = None  # RFC 6749 section 4.4.3: it should not be there
        fields["grant"] = profile.grant_type
    return fields


def _life(members, *names):
    """The least of some lives in seconds, 126 years at most; None where none is above 0."""
    lives = [seconds(members.get(name)) or 0 for name in names]
    lives = [life for life in lives if life > 0]
    return min(lives + [_LONGEST]) if lives else None


def _text(value):
    """A token, or None where `value` is not one."""
    return value if isinstance(value, str) and value and is_visible(value) else None


def is_visible(text):
    """Whether a token has nothing but visible ASCII and blanks (RFC 6749 appendix A)."""
    return not text.strip(bytes(range(0x20, 0x7F)).decode())


def _scope(value):
    """The granted scope, space-separated, from a string, a comma list or a JSON array."""
    if isinstance(value, list):
        value = " ".join(item for item in value if isinstance(item, str))
    if not isinstance(value, str):
        return None
    if "," in value and " " not in value:
        value = value.replace(",", " ")
    names = [str(name, "utf-8") for name in value.encode().split()]  # at ASCII's blanks alone
    return " ".join(name for name in names if _is_printable(name)) or None


def _is_printable(name):
    return all(is_printable(name[at : at + 1]) for at in range(len(name)))
