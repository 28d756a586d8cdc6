"""Translating the platform's exceptions into TransportError."""

import ssl

from keyfob.compat import const
from keyfob.errors import TransportError, no_memory

# Numbers of OSError. mbedTLS's own are below -0x1000 and come with their name as text.
_NO_MEMORY = (12, -17040)  # ENOMEM; no memory for RSA's big numbers
_HUNG_UP = const(-29312)
_LAST_LOOKUP = const(-200)  # lwIP's failures to look a name up are -200 to -210
_FIRST_LOOKUP = const(-210)


def translate(error, host):
    """Return the TransportError for an exception of the platform.

    CPython has classes for TLS errors. MicroPython raises ValueError with mbedTLS's
    words about a certificate, and OSError with its number for everything else.
    """
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    text = error.args[-1] if error.args and isinstance(error.args[-1], str) else str(error)
    reason = getattr(error, "verify_message", None) or getattr(error, "reason", None) or text
    reason = " ".join(reason.split())
    if number in _NO_MEMORY or "ALLOC" in text:
        return no_memory("for a connection to " + host)
    if isinstance(error, getattr(ssl, "CertificateError", ValueError)):
        return TransportError(
            "%s is not trusted: %s" % (host, reason),
            "check the CA certificate, the host name and the clock",
            kind="tls",
        )
    if number == _HUNG_UP or isinstance(error, getattr(ssl, "SSLEOFError", ())) or not reason:
        reason = "it closed the connection"
    elif number < -0x1000 or isinstance(error, getattr(ssl, "SSLError", ())):
        return TransportError(
            "no secure connection to %s: %s" % (host, reason),
            "check the address: does a TLS server answer there?",
            kind="tls",
        )
    elif _FIRST_LOOKUP <= number <= _LAST_LOOKUP:
        reason = "its name is not known"
    return TransportError(
        "no connection to %s: %s" % (host, reason), "check the address and the network"
    )
