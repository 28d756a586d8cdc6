"""What to tell a person of an answer that ended something, and what to do about it."""

from keyfob.compat import const
from keyfob.errors import ProviderError, TransportError
from keyfob.oauth.outcome import REFUSED, RETRY, SLOW_DOWN

# What a person can do about a refusal, by OAuth error code.
_HINTS = {
    "invalid_client": "check client_id, client_secret and client_auth",
    "unauthorized_client": "allow the device grant for this client at the provider",
    "unsupported_grant_type": "allow the device grant for this client at the provider",
    "invalid_grant": "link again; if that fails, allow the device grant for this client",
    "device_flow_disabled": "switch the device flow on for this client at the provider",
    "invalid_scope": "ask only for scopes that the provider knows",
}

_BUSY = const(300)  # s to leave a provider alone that is busy and does not say for how long


def is_passing(outcome):
    """Whether what an outcome tells of may be over by itself."""
    return outcome.kind in (RETRY, SLOW_DOWN, REFUSED)


def refusal(outcome):
    """Return the error that tells a person of an outcome that ended something."""
    if outcome.kind == RETRY:
        return TransportError("no usable answer: %s" % outcome, "try again later")
    hint = _HINTS.get(outcome.error, "check the endpoints, and the client's settings there")
    if outcome.kind == SLOW_DOWN:
        hint = "try again in %d s" % (outcome.retry_after or _BUSY)
    return ProviderError("the provider refused: %s" % outcome, hint, outcome.error)
