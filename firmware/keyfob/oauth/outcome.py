"""One function that says what a provider's answer means, whatever its dialect.

The body decides before the status: `error` at HTTP 200, pending at 428 and slow_down at
403 are all in use. Only where no OAuth error is found does the status speak.
"""

from keyfob.compat import const
from keyfob.errors import ProviderError
from keyfob.oauth import http_date
from keyfob.oauth.messages import clean, members, seconds

# What an answer can mean. The order is that of NAMES.
OK = const(0)  # what was asked for is there
PENDING = const(1)  # the person has not decided yet
SLOW_DOWN = const(2)  # the same, and every later wait is 5 s longer
DENIED = const(3)
EXPIRED = const(4)
ERROR = const(5)  # refused for good
RETRY = const(6)  # a passing trouble: no answer, a gateway's page, a server error
REFUSED = const(7)  # a 4xx without an OAuth error: perhaps passing, perhaps not

NAMES = ("approved", "pending", "slow_down", "denied", "expired", "error", "retry", "retry")

_ERRORS = {
    "authorization_pending": PENDING,
    "slow_down": SLOW_DOWN,
    "access_denied": DENIED,
    "authorization_declined": DENIED,
    "expired_token": EXPIRED,
    "token_expired": EXPIRED,
    "code_expired": EXPIRED,
    "server_error": RETRY,
    "temporarily_unavailable": RETRY,
    "invalid_request": ERROR,
    "invalid_client": ERROR,
    "invalid_grant": ERROR,
    "unauthorized_client": ERROR,
    "unsupported_grant_type": ERROR,
    "invalid_scope": ERROR,
}


# What a person can do about a refusal, by OAuth error code.
_HINTS = {
    "invalid_client": "check client_id, client_secret and client_auth",
    "unauthorized_client": "allow the device grant for this client at the provider",
    "unsupported_grant_type": "allow the device grant for this client at the provider",
    "invalid_grant": "link again; if that fails, allow the device grant for this client",
    "device_flow_disabled": "switch the device flow on for this client at the provider",
    "invalid_scope": "ask only for scopes that the provider knows",
    "slow_down": "wait some minutes, then try again",
}


class Outcome:
    """The meaning of one answer.

    `kind` is one of the constants above; `error` the OAuth code or None; `description`
    the provider's words made safe to show; `members` the reply's members or None;
    `interval` and `retry_after` seconds the provider asked for, or None.
    """

    def __init__(self, kind, error=None, description="", values=None):
        self.kind = kind
        self.error = error
        self.description = description
        self.members = values
        self.interval = None
        self.retry_after = None

    def __str__(self):
        if self.error and self.description:
            return "%s (%s)" % (self.error, self.description)
        return self.error or self.description or "no reason given"


def refusal(outcome):
    """Return the ProviderError that tells a person of an outcome that ended something."""
    return ProviderError(
        "the provider refused: %s" % outcome,
        _HINTS.get(outcome.error, "look at the client's settings at the provider"),
        outcome.error,
    )


def classify(reply, profile, wanted, secrets=(), unix=None):
    """Say what `reply` means to somebody who asked for the member `wanted`.

    `secrets` never appear in the outcome's texts; `unix` (Unix seconds or None) is for
    a Retry-After date where the reply itself carries no Date.
    """
    values = members(reply)
    code, description = _error(values, reply.status, profile)
    kind = _kind(code, reply.status, values, wanted)
    outcome = Outcome(kind, clean(code, secrets) or None, clean(description, secrets), values)
    if kind != OK:
        if values is not None:
            outcome.interval = seconds(values.get("interval"))
        outcome.retry_after = _retry_after(reply, unix)
        if not outcome.error and not outcome.description:
            outcome.description = _status_text(reply.status, values)
    return outcome


def _error(values, status, profile):
    """The OAuth error code in a reply, in any of the places providers put it."""
    renamed = profile.pending_map
    code = description = None
    if values is not None:
        description = values.get("error_description")
        code = values.get("error")
        if isinstance(code, dict):  # nested: the finer code first
            description = code.get("message")
            code = _first(code, ("error_subcode", "code", "type"), renamed)
        elif not isinstance(code, str):
            code = None
            message = values.get("message")
            if message in _ERRORS or message in renamed:
                code = message
            else:
                code = values.get("error_code")
                if code is None:
                    code = _misspelt(values)
    if code is None or code == "":
        code = renamed.get(str(status))
    else:
        code = str(code)
        code = renamed.get(code, code)
    return code, description


def _first(values, names, renamed):
    for name in names:
        value = str(values.get(name))
        if value in renamed:
            return value
    return values.get("code")


def _misspelt(values):
    for name in values:
        if isinstance(name, str) and name.lower() == "error" and isinstance(values[name], str):
            return "%s: %s" % (name, values[name])  # never taken for the real member
    return None


def _kind(code, status, values, wanted):
    if code is not None:
        kind = _ERRORS.get(code)
        if kind is not None:
            return kind
        if status == 429:
            return SLOW_DOWN
        if status < 500 and status not in (408, 425):
            return ERROR
        return RETRY  # a gateway's own JSON, not OAuth's
    if 200 <= status < 300:
        if values is None:
            return RETRY  # cut short, or a captive portal's page
        return OK if wanted in values else ERROR
    if status == 429:
        return SLOW_DOWN
    if status >= 500 or status in (408, 425) or status < 200:
        return RETRY
    return REFUSED


def _retry_after(reply, unix):
    """Seconds to wait by the Retry-After header (RFC 9110 section 10.2.3), or None."""
    text = reply.headers.get("retry-after")
    if not text:
        return None
    wait = seconds(text)
    if wait is None:
        until = http_date.parse(text)
        base = http_date.parse(reply.headers.get("date", ""))
        if base is None:
            base = unix
        if until is None or base is None:
            return None
        wait = until - base
    return max(0, wait)


def _status_text(status, values):
    if 300 <= status < 400:
        return "HTTP %d, a redirect, which is not followed" % status
    if 200 <= status < 300 and values is None:
        return "a page that is not the provider's (does the network want a login?)"
    if 200 <= status < 300:
        return "a reply without what was asked for"
    return "HTTP %d" % status
