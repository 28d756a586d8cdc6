"""What a provider's answer means: `classify`, the same for all providers.

The body decides before the status: providers send `error` at HTTP 200, pending at 428 and
slow_down at 403. The status counts only where the body has no OAuth error.
"""

from keyfob.compat import Loaded, const
from keyfob.oauth.messages import members

# What an answer can mean. The order is that of NAMES.
OK = const(0)  # a success
PENDING = const(1)  # the person has not decided yet
SLOW_DOWN = const(2)  # as PENDING, and every later wait is 5 s longer
DENIED = const(3)
EXPIRED = const(4)
ERROR = const(5)  # refused for good
RETRY = const(6)  # temporary: no answer, a gateway's page, a server error
REFUSED = const(7)  # a 4xx without an OAuth error: temporary or not

NAMES = ("approved", "pending", "slow_down", "denied", "expired", "error", "retry", "retry")

ERRORS = {  # rare
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
    "rate_limit_exceeded": SLOW_DOWN,
}


class Outcome:
    """The meaning of one answer.

    `kind` is one of the constants above; `error` the OAuth code or None; `description`
    the provider's text made safe to show; `members` those of an OK reply, else None;
    `interval` and `retry_after` seconds the provider asked for, or None. `lost` is whether
    an answer that cannot be read stands for one that may have had tokens.
    """

    def __init__(self, kind, error=None, description="", values=None):
        self.kind = kind
        self.error = error
        self.description = description
        self.members = values
        self.interval = None
        self.retry_after = None
        self.lost = False

    def __str__(self):
        if self.error and self.description:
            return "%s (%s)" % (self.error, self.description)
        return self.error or self.description or "no reason given"


def classify(reply, profile, secrets=(), unix=None, by_status=True):  # rare
    """Return the Outcome of `reply`; the members of an OK one are not validated yet.

    `secrets` never appear in the outcome's texts; `unix` (Unix seconds or None) is for
    a Retry-After date where the reply itself carries no Date. With `by_status` the
    profile's pending_map applies to a status without an error, which is for the device grant.
    """
    values = members(reply)
    code, description = _error({} if values is None else values, reply.status, profile)
    if not code and by_status:
        code = profile.pending_map.get(str(reply.status))
    kind = _kind(code, reply.status, values)
    if kind == OK:
        return Outcome(OK, values=values)
    with Loaded("keyfob.oauth.messages") as found:
        description = found.clean(description, secrets)
        outcome = Outcome(kind, found.clean(code, secrets) or None, description)
        if values is not None:
            outcome.interval = found.seconds(values.get("interval"))
    if reply.headers.get("retry-after"):
        with Loaded("keyfob.oauth.outcome_odd") as odd:
            outcome.retry_after = odd.retry_after(reply, unix)
    # Cut short or no JSON at all, or a gateway's in place of the provider's own.
    outcome.lost = kind in (RETRY, REFUSED) and code not in ERRORS
    if not outcome.error and not outcome.description:
        with Loaded("keyfob.oauth.outcome_odd") as odd:
            outcome.description = odd.status_text(reply, values, secrets)
    return outcome


def _error(values, status, profile):  # rare
    """The OAuth error code of a reply (None without one) and the provider's text."""
    code = values.get("error")
    text = values.get("error_description")
    if profile.dialect is not None:
        from keyfob.oauth import dialect  # stays: every request of such a provider needs it

        code = dialect.error_at(values, status, profile, ERRORS) or code
    is_plain = "access_token" in values or "device_code" in values
    if not isinstance(code, str) and (code is not None or "error_code" in values or not is_plain):
        with Loaded("keyfob.oauth.outcome_odd") as odd:
            code, text = odd.odd_error(values, text, profile.pending_map, ERRORS)
    code = profile.pending_map.get(code, code)
    if code and code not in ERRORS:
        plain = str(code.strip(" \t\r\n").encode().lower(), "utf-8")  # ASCII's alone
        code = plain if plain in ERRORS else code  # as RFC 6749 writes it
    if code == str(status):
        code = None  # a gateway repeats it
    elif status >= 400 and code and " " in code and code == values.get("error"):
        code, text = None, text or code  # it has words for it
    return code, text


def _kind(code, status, values):  # rare
    if code in ERRORS:
        return ERRORS[code]
    if status == 429:
        return SLOW_DOWN
    if status >= 500 or status in (408, 425):
        return RETRY  # an unknown code there is a gateway's, not OAuth's
    if code:
        return ERROR
    if not 200 <= status < 300:
        return REFUSED
    if values is None:
        return RETRY  # cut short, or a captive portal's page
    return ERROR if values.get("error") else OK  # any `error` means no success
