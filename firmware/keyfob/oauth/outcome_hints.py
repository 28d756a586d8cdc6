"""Errors and hints for a person, from the outcome of an answer."""

from keyfob.compat import const
from keyfob.errors import ProviderError, TransportError
from keyfob.oauth.outcome import ERROR, ERRORS, REFUSED, RETRY, SLOW_DOWN

# Hints for a refusal, by OAuth error code.
_HINTS = {
    "invalid_client": "check client_id, client_secret and client_auth",
    "unauthorized_client": "allow the device grant for this client at the provider",
    "unsupported_grant_type": "allow the device grant for this client at the provider",
    "invalid_grant": "link again; if that fails, allow the device grant for this client",
    "device_flow_disabled": "switch the device flow on for this client at the provider",
    "invalid_scope": "ask only for scopes that the provider knows",
}

# Errors of a refresh that the person alone can mend, by signing in again.
_ENDS = (
    "invalid_grant",
    "interaction_required",  # and the next three: OpenID Connect Core section 3.1.2.6
    "login_required",
    "consent_required",
    "account_selection_required",
    "mfa_required",  # Auth0's
    "unmet_authentication_requirements",  # of OpenID Connect, too
    "insufficient_user_authentication",  # RFC 9470
)

_BUSY = const(300)  # s to wait for a busy provider that sends no Retry-After


def is_passing(outcome):
    """Whether an outcome is temporary."""
    return outcome.kind in (RETRY, SLOW_DOWN, REFUSED)


def is_end(outcome):
    """Whether an outcome of a refresh ends the link."""
    return outcome.error in _ENDS


def is_gateway(outcome, status):
    """Whether a refusal comes from what is in front of a provider, by a code of its own."""
    is_unknown = outcome.kind == ERROR and outcome.error is not None
    return is_unknown and status in (401, 403) and outcome.error not in ERRORS


def refusal(outcome):
    """Return the error for an outcome that ends a grant or fails a refresh."""
    if outcome.kind == RETRY:
        return TransportError("no usable answer: %s" % outcome, "try again later")
    hint = _HINTS.get(outcome.error, "check the endpoints, and the client's settings there")
    if outcome.kind == SLOW_DOWN:
        hint = "try again in %d s" % (outcome.retry_after or _BUSY)
    return ProviderError("the provider refused: %s" % outcome, hint, outcome.error)
