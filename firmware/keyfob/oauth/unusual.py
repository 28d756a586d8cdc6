"""What only unusual answers need: errors in objects, waits in headers, words for a bare status."""

from keyfob.oauth import http_date
from keyfob.oauth.messages import seconds


def nested_code(values, renamed):
    """The code in an `error` that is an object: the finest that the profile knows."""
    for name in ("error_subcode", "code", "type"):
        code = str(values.get(name))
        if code in renamed:
            return code
    code = values.get("code")
    return None if code is None else str(code)


def retry_after(reply, unix):
    """Seconds to wait by the Retry-After header (RFC 9110 section 10.2.3), None for nonsense."""
    text = reply.headers["retry-after"]
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


def status_text(status, values):
    """What to say of a reply without an error of its own."""
    if 300 <= status < 400:
        return "HTTP %d, a redirect, which is not followed" % status
    if 200 <= status < 300 and values is None:
        return "a page that is not the provider's (does the network want a login?)"
    if 200 <= status < 300:
        return "an error without a code"
    return "HTTP %d" % status
