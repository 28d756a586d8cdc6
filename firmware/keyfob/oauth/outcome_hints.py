"""Errors and hints for a person, from the outcome of an answer."""

from keyfob.compat import const
from keyfob.errors import LinkDenied, LinkExpired, ProviderError, TransportError
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

# Errors that say nothing about a code.
_OF_CLIENT = ("invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope")

_BUSY = const(300)  # s to wait for a busy provider that sends no Retry-After
_AGAIN = "ask for a new code"


def is_passing(outcome):
    """Whether an outcome is temporary."""
    return outcome.kind in (RETRY, SLOW_DOWN, REFUSED)


def is_end(outcome):
    """Whether an outcome of a refresh ends the link."""
    return outcome.error in _ENDS


def is_gateway(outcome, status):
    """Whether a refusal comes from what is in front of a provider: no code is a refresh's."""
    is_refusal = status in (401, 403) and not is_passing(outcome)
    return is_refusal and ERRORS.get(outcome.error) != ERROR


def expiry(trouble):
    """Return the error for a code that ran out; `trouble` as for `loss`, or None."""
    if trouble is None:
        return LinkExpired("the code ran out before anybody approved it", _AGAIN)
    words = "the code ran out, and the last answers were of no use: %s"
    error = LinkExpired(words % trouble[0], _AGAIN, kind=trouble[1])
    error.lost = trouble[0]
    return error


def denial(outcome):
    """Return the error for a person's refusal."""
    words = "the request was refused on the provider's page"
    return LinkDenied(words, _AGAIN, outcome.error)


def loss(outcome, trouble):
    """Return the error for a refusal after an answer was lost that may have had the tokens.

    `trouble` is the text and the kind of what kept it from being read.
    """
    if outcome.error is None or outcome.error in _OF_CLIENT:
        return refusal(outcome)
    words = "the code is good no more (%s), and an answer before that was lost: %s"
    return TransportError(words % (outcome, trouble[0]), _AGAIN, trouble[1])


def refusal(outcome):
    """Return the error for an outcome that ends a grant or fails a refresh.

    Its `interval` is how many seconds to wait where the same request may work later, else None.
    """
    passes = is_passing(outcome) or outcome.error is None
    wait = outcome.retry_after or (_BUSY if outcome.kind == SLOW_DOWN else 0)
    if outcome.kind == RETRY:
        error = TransportError("no usable answer: %s" % outcome, "try again later")
    else:
        hint = _HINTS.get(outcome.error, "check the endpoints, and the client's settings there")
        if outcome.kind == SLOW_DOWN:
            hint = "try again in %d s" % wait
        error = ProviderError("the provider refused: %s" % outcome, hint, outcome.error)
    error.interval = wait if passes else None
    return error
