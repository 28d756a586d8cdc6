"""Unusual answers: errors in odd places, waits in headers, texts for a status."""

from keyfob.oauth import http_date
from keyfob.oauth.messages import clean, seconds

# Errors that have a text and no code, in lower case.
_WORDS = {
    "invalid device code": "invalid_grant",
    "invalid refresh token": "invalid_grant",
}


def odd_error(values, text, renamed, known):
    """The error code (or None) and the text of a reply whose `error` is not a string.

    `text` is its error_description, `renamed` the profile's pending_map, `known` the error
    codes that have a meaning.
    """
    error = values.get("error")
    if isinstance(error, dict):
        return _nested_code(error, renamed, known), error.get("message")
    message = values.get("message")
    if isinstance(message, str):
        if message in known or message in renamed:
            return message, text
        text = text or message
        if message.lower() in _WORDS:
            return _WORDS[message.lower()], text
    code = values.get("error_code")
    is_code = isinstance(code, str) and code.strip("0")  # "0" is no error
    return code if is_code else _misspelt(values), text


def _nested_code(values, renamed, known):
    """The code in an `error` that is an object: the most specific known one."""
    for name in ("error_subcode", "code", "type", "message"):
        code = str(values.get(name))
        if code in renamed or code in known:
            return code
    code = values.get("code")
    return None if code is None else str(code)


def _misspelt(values):
    for name in sorted(values):
        if name.lower() == "error" and isinstance(values[name], str):
            return "%s: %s" % (name, values[name])  # never treated as the real member
    return None


def retry_after(reply, unix):
    """Seconds to wait by the Retry-After header (RFC 9110 section 10.2.3), None if invalid."""
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


def status_text(reply, values, secrets=()):
    """A text for a reply without an error; none of `secrets` is in it."""
    status = reply.status
    if 300 <= status < 400:
        target = reply.headers.get("location", "").partition("?")[0].partition("#")[0]
        target = clean(target, secrets)
        to = " to " + target if target else ""
        return "HTTP %d, a redirect%s, which is not followed" % (status, to)
    if 200 <= status < 300 and (status > 203 or reply.headers.get("content-length") == "0"):
        return "an empty reply (HTTP %d)" % status
    if 200 <= status < 300 and values is None:
        coding = clean(reply.headers.get("content-encoding"))
        if coding and coding.lower() != "identity":
            return "a compressed reply (%s), which was not asked for" % coding
        return "a page that is not the provider's (does the network want a login?)"
    if 200 <= status < 300:
        return "an error without a code"
    return "HTTP %d" % status
