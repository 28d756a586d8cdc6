"""The causes for which TLS fails, what says them, and their words with what to do."""

from keyfob.compat import const
from keyfob.errors import ConfigError, TransportError

# What of TLS fails: a cause each.
_OLD = const(0)
_NEW = const(1)
_SUITE = const(2)
_NO_NAME = const(3)
_NO_TLS = const(4)
_MUTUAL = const(5)
_OTHER = const(6)
# What of a certificate does.
_WEAK = const(7)
_ROOT = const(8)
_OWN = const(9)
_HOST = const(10)
_EXPIRED = const(11)
_FUTURE = const(12)
_USAGE = const(13)
_EXTENSION = const(14)
_NO_CA = const(15)
_TOO_DEEP = const(16)
_ORDER = const(17)
# What the server has to be asked about.
_ALERT = const(18)
_REFUSED = const(19)

# For each cause what it is called, and what to do.
_TEXTS = (
    ("it speaks TLS 1.1 or older, and a board TLS 1.2", "allow TLS 1.2 at the server"),
    ("it speaks TLS 1.3 only, and a board TLS 1.2", "allow TLS 1.2 at the server"),
    (
        "it takes no cipher, curve or signature that a board speaks",
        "allow ECDHE with AES-GCM at the server, and a certificate with a key of RSA or P-256",
    ),
    ("it knows no host of that name", "check the address"),
    ("the server there speaks no TLS", "check the address: does a TLS server answer there?"),
    (
        "it wants a certificate of the board's own (mutual TLS), and a board has none",
        "do without it at the server, for this address",
    ),
    ("it breaks the handshake off with alert %d", "RFC 8446 section 6, or the server's log"),
    (
        "a certificate has a key or signature that a board does not accept",
        "have it signed with SHA-256, by a key of RSA (2048 bits or more), P-256 or P-384",
    ),
    ("no root in ca has signed its certificate", "keyfob configure --ca FILE with that root"),
    ("it signed its certificate itself", "keyfob configure --ca FILE with that certificate"),
    ("its certificate is for another host", "check the address; the certificate has to name it"),
    (
        "a certificate has expired",
        "if the date is right: renew it at the server, or the board's root by keyfob configure",
    ),
    (
        "a certificate is not valid yet",
        "if the date is wrong: let the network pass NTP (UDP port 123), and restart the board",
    ),
    ("its certificate is not for servers", "have one issued for TLS servers"),
    (
        "a certificate has a critical extension that a board does not know",
        "have it issued without, or without name constraints where it has them",
    ),
    (
        "a certificate is signed by one that is no CA's",
        "have the server's certificate issued by a CA, whose own says so",
    ),
    (
        "a CA's certificate allows fewer CAs below it than there are (path length)",
        "have that CA's certificate issued without its limit, or the server's by a CA above",
    ),
    (
        "it sends its certificates in the wrong order",
        "send the server's first, and behind each the one that has signed it",
    ),
)

# Words of mbedTLS and OpenSSL: of those that are said the first decide.
_WORDS = (
    (("invalid CA", "unsuitable CA", "invalid non-CA"), _NO_CA),
    (("path length",), _TOO_DEEP),
    (("unacceptable", "too weak", "too small"), _WEAK),
    (
        ("trusted CA", "issuer", "self-signed", "self signed", "verify the first certificate"),
        _ROOT,
    ),
    (("Usage", "purpose"), _USAGE),
    (("critical extension", "subtree"), _EXTENSION),
    (("match",), _HOST),
    (("expired",), _EXPIRED),
    (("in the future", "not yet valid"), _FUTURE),
    (("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"), _OLD),
    (("HANDSHAKE_FAILURE", "INSUFFICIENT_SECURITY"), _SUITE),
    (("UNRECOGNIZED_NAME",), _NO_NAME),
    (("WRONG_VERSION", "HTTP_REQUEST"), _NO_TLS),
)

# mbedTLS's numbers without their lowest seven bits, which say where it found out.
_NUMBERS = {
    0x2080: _WEAK,  # X509 feature unavailable
    0x2300: _WEAK,  # X509 invalid algorithm, as of an RSA-PSS signature
    0x2500: _EXTENSION,
    0x2600: _WEAK,  # X509 unknown signature algorithm
    0x2680: _WEAK,  # X509 signature algorithms that differ
    0x2700: _WEAK,  # X509 not verified, without words: a key or signature was not understood
    0x3980: _WEAK,  # key: feature unavailable
    0x3A00: _WEAK,  # key: unknown curve
    0x3A80: _WEAK,  # key: invalid algorithm
    0x3C80: _WEAK,  # key: unknown type
    0x4E80: _WEAK,  # curve: feature unavailable
    0x6600: _SUITE,  # illegal parameter
    0x6E00: _SUITE,  # handshake failure
    0x6E80: _OLD,  # protocol version
    0x7080: _SUITE,  # feature unavailable
    0x7200: _NO_TLS,  # invalid record
    0x7780: _ALERT,
    0x7A00: _REFUSED,  # bad certificate
}

_ALERTS = {40: _SUITE, 70: _NEW, 71: _SUITE, 112: _NO_NAME}  # RFC 8446 section 6

_SOURCES = {"ntp": "NTP", "http": "HTTP date", "rtc": "saved"}


def cause(failure, error):
    """Which cause a `failure` has, by the platform's `error`; None where that is not known."""
    if failure.kind != "tls":
        return _ALERT  # the server hung up, perhaps after an alert
    number = error.args[0] if error.args else 0
    if isinstance(number, int) and number < 0 and -number & 0xFF80 in _NUMBERS:
        return _NUMBERS[-number & 0xFF80]
    for words, found in _WORDS:
        if any(word in failure.message for word in words):
            return found
    return None


def is_asked(cause):
    """Whether the server's answer to a greeting says more of a cause."""
    return cause in (_ALERT, _REFUSED, _ROOT)


def explained(failure, cause, answer, host, clock, source):
    """Return the TransportError for a cause; `answer` is that of `tls_greeting.greet`, or None.

    It is `failure` where that says no less.
    """
    alert, is_mutual, is_for_servers, chain = answer or (None, False, True, ())
    issuer = None
    if cause == _ALERT and is_mutual:
        cause = _MUTUAL
    elif cause == _ALERT:
        cause = _ALERTS.get(alert, _OTHER if alert else None)
    elif cause == _REFUSED:
        cause = _WEAK if is_for_servers else _USAGE
    elif cause == _ROOT and len(chain) == 1 and chain[0][0] == chain[0][1]:
        cause = _OWN
    elif cause == _ROOT:
        cause, issuer = _flaw(chain)
    if cause is None:
        return failure
    text, hint = _TEXTS[cause]
    if cause == _OTHER:
        text %= alert
    if cause == _ROOT and issuer:
        text += "; it wants the root " + issuer
    if cause in (_EXPIRED, _FUTURE):
        text += "; the clock says " + _told(clock, clock.source or source)
    what = "%s is not trusted: %s" if cause >= _WEAK else "no secure connection to %s: %s"
    return TransportError(what % (host, text), hint, kind="tls")


def _flaw(chain):
    """Why the certificates of `chain` lead to no root, as mbedTLS puts them together.

    It looks for a certificate's issuer behind it. Where nothing is wrong it is _ROOT: the issuer
    at their end, whose name comes with it, is none that is trusted.
    """
    at, cause, issuer = 0, _ROOT, None
    used = []
    for below in range(len(chain)):
        wanted, own, _, issuer = chain[at]
        if wanted == own:
            break
        used.append(at)
        found = None
        for place in range(len(chain) - 1, 0, -1):
            _, subject, most, _ = chain[place]
            if subject != wanted or place in used:
                continue
            if place < at:
                cause = _ORDER if cause == _ROOT else cause
            elif most < below:
                cause = _NO_CA if most < 0 else _TOO_DEEP
            else:
                found = place
        if found is None:
            break
        at, cause = found, _ROOT
    return cause, issuer


def unreadable(number, root):
    """Return the ConfigError for `root`, which is the `number`-th of `ca` and was not taken."""
    if b"-----BEGIN" in root:
        what = "is PEM, not DER"
    elif root[:2] != b"\x30\x82" or int.from_bytes(root[2:4], "big") + 4 != len(root):
        what = "is not DER"
    else:
        return ConfigError(
            "certificate %d of ca has a key that this board does not speak" % number,
            "choose a root with a key of RSA, P-256, P-384 or P-521",
        )
    return ConfigError(
        "certificate %d of ca %s" % (number, what),
        "keyfob configure --ca FILE, which stores DER, one certificate a file",
    )


def _told(clock, source):
    """The date, and the source of the time."""
    unix = clock.unix()
    date = "nothing" if unix is None else "%04d-%02d-%02d" % tuple(clock.calendar(unix)[:3])
    return "%s (source: %s)" % (date, _SOURCES.get(source, "none"))
