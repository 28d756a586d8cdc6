"""One HTTP/1.1 request: its origin and its bytes (RFC 9112)."""

from keyfob.errors import ConfigError, UsageError
from keyfob.oauth import url


def prepare(request, allow_http):
    """Return (the origin, the whole message) of a `Request`; an origin is scheme, host and port.

    Raises ConfigError where the address must not be used: http to a host other than this
    machine's loopback, without `allow_http`. Raises UsageError where a header holds a line break.
    """
    try:
        scheme, host, port, target = url.split(request.url)
    except ValueError as error:
        raise ConfigError("the address %s" % error)
    if not url.protects(scheme, host, allow_http):
        raise ConfigError(
            "http to %s would send secrets unprotected" % host,
            "use https, or allow http in the configuration for a test network",
        )
    return (scheme, host, port), _message(request, scheme, host, port, target)


def _message(request, scheme, host, port, target):
    if ":" in host:
        host = "[" + host + "]"
    if port != (443 if scheme == "https" else 80):
        host += ":" + str(port)
    lines = ["%s %s HTTP/1.1" % (request.method, target), "Host: " + host]
    for name in request.headers:
        lines.append("%s: %s" % (name, request.headers[name]))
    body = request.body
    if body is not None:
        lines.append("Content-Length: %d" % len(body))
    for line in lines:
        if "\r" in line or "\n" in line or "\0" in line:
            raise UsageError("a request header holds a line break")
    head = "\r\n".join(lines + ["", ""]).encode()
    return head + body if body else head
