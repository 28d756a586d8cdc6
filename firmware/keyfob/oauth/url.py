"""Splitting addresses, and checking that they are safe for a secret (RFC 6749 section 3.2).

An address is accepted only if it is https, or http to loopback or where the configuration allows
it. It must have no user name, and no characters that break a display or a request line. Its host
is a name of the DNS, four decimal octets, or an IPv6 literal: nothing that two programs may read
in two ways.
"""

from keyfob.compat import const
from keyfob.errors import ConfigError

_MAX_LENGTH = const(512)
_PORTS = {"https": 443, "http": 80}
# Bytes, since MicroPython keeps short texts of a program for good.
_HEX = b"0123456789abcdef"
# An underscore is in no name of a public host. Names of a test network's hosts do have some.
_IN_NAME = b"abcdefghijklmnopqrstuvwxyz0123456789-_."
_LONGEST_NAME = const(253)  # characters (RFC 1035 section 2.3.4)


def split(url):
    """Return (scheme, host, port, target) of an http or https address.

    `host` comes in lower case, without the brackets of an IPv6 literal and without the dot that
    may end a name; `target` is path and query.
    Raises ValueError with the reason where it is invalid.
    """
    if not isinstance(url, str) or not url:
        raise ValueError("is not text")
    if url.strip(bytes(range(0x21, 0x7F)).decode()):  # see is_printable on loops
        raise ValueError("holds a character that no address has")
    scheme, found, rest = url.partition("://")
    scheme = scheme.lower()
    if not found or scheme not in _PORTS:
        raise ValueError("does not begin with https://")
    rest = rest.partition("#")[0]
    end = len(rest)
    for mark in "/?":
        at = rest.find(mark)
        if 0 <= at < end:
            end = at
    authority, target = rest[:end], rest[end:]
    if "@" in authority:
        raise ValueError("holds a user name")
    if not target.startswith("/"):
        target = "/" + target
    host, port = _host_port(authority, _PORTS[scheme])
    return scheme, host, port, target


def _host_port(authority, port):
    if authority.startswith("["):
        host, found, rest = authority[1:].lower().partition("]")
        if not found or (rest and not rest.startswith(":")) or not _is_ipv6(host.encode()):
            raise ValueError("has a broken IPv6 address")
        digits = rest[1:]
    else:
        host, _, digits = authority.lower().partition(":")
        if not host:
            raise ValueError("names no host")
        if host.endswith("."):
            host = host[:-1]
        if not _is_name(host.encode()):
            raise ValueError("has no valid host name")
    if digits:
        if not digits.isdigit() or len(digits) > 5 or not 0 < int(digits) < 65536:
            raise ValueError("has no valid port")
        port = int(digits)
    return host, port


def _is_name(host):
    """Whether a host (bytes, in lower case) is a name of the DNS, or an IPv4 address.

    One whose last label is a number is an address to some programs, in forms like 127.1 too.
    """
    labels = host.split(b".")
    if labels[-1].isdigit() or labels[-1].startswith(b"0x"):
        return len(labels) == 4 and all(_is_octet(label) for label in labels)
    return (
        len(host) <= _LONGEST_NAME
        and not host.strip(_IN_NAME)
        and all(0 < len(label) < 64 and label == label.strip(b"-") for label in labels)
    )


def _is_octet(digits):
    is_short = digits.isdigit() and len(digits) < 4
    return is_short and int(digits) < 256 and (len(digits) == 1 or digits[:1] != b"0")


def _is_ipv6(host):
    """Whether a host (bytes) is an IPv6 address in hexadecimal groups (RFC 4291 section 2.2)."""
    before, gap, after = host.partition(b"::")
    groups = before.split(b":") if before else []
    if after:
        groups += after.split(b":")
    is_right = len(groups) < 8 if gap else len(groups) == 8
    return is_right and all(0 < len(group) < 5 and not group.strip(_HEX) for group in groups)


def is_loopback(host):
    """Whether `host` never leaves this machine: 127.0.0.0/8, ::1 or localhost."""
    if host in ("localhost", "::1"):
        return True
    parts = host.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(part.isdigit() for part in parts)


def protects(scheme, host, allow_http):
    """Whether a secret may travel to `host` by `scheme`: https, or http where that is safe."""
    return scheme == "https" or allow_http or is_loopback(host)


def is_safe(url, allow_http=False):
    """Whether `url` may carry a secret or be shown to a person."""
    try:
        scheme, host, _, _ = split(url)
    except ValueError:
        return False
    return len(url) <= _MAX_LENGTH and protects(scheme, host, allow_http)


def check(url, field, allow_http=False):
    """Return `url` if it is safe; raise ConfigError naming `field` if it is not."""
    try:
        scheme, host, _, _ = split(url)
    except ValueError as error:
        raise ConfigError(
            field + " " + str(error), "give the full address, beginning with https://"
        )
    if not protects(scheme, host, allow_http):
        raise ConfigError(
            "%s is an http address, and secrets would travel unprotected" % field,
            "use https, or allow http in the configuration for a test network",
        )
    return url
