"""Translating the platform's exceptions into TransportError."""

import ssl
import sys

from keyfob.compat import const
from keyfob.errors import TransportError, no_memory

# Numbers of OSError. mbedTLS's own are below -0x1000 and come with their name as text.
_NO_MEMORY = (12, -17040)  # ENOMEM; no memory for RSA's big numbers
_HUNG_UP = (-29312, 32)  # of mbedTLS; EPIPE, for which MicroPython has no word
_EXHAUSTED = const(2048)  # bytes: where an ESP32 had no more at some time, TLS has run out
_PLENTY = const(65536)  # bytes: with as many free, no handshake does
_WANTED = const(44)  # KB of three certificates of 4.5 KB under an RSA-4096 root
_LAST_LOOKUP = const(-200)  # lwIP's failures to look a name up are -200 to -210
_FIRST_LOOKUP = const(-210)


def translate(error, host, before=None):  # rare: trouble
    """Return the TransportError for an exception of the platform.

    `before` is what `room` said before the attempt.

    CPython has classes for TLS errors. MicroPython raises ValueError with mbedTLS's
    words about a certificate, and OSError with its number for everything else. An ESP32 that ran
    out of memory in a handshake says that the certificate is not correctly signed.
    """
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    text = error.args[-1] if error.args and isinstance(error.args[-1], str) else str(error)
    reason = getattr(error, "verify_message", None) or getattr(error, "reason", None) or text
    reason = " ".join(reason.split())
    is_refused = isinstance(error, getattr(ssl, "CertificateError", ValueError))
    free = _free_where_exhausted(before)
    if number in _NO_MEMORY or "ALLOC" in text or (is_refused and free is not None):
        what = "for a connection to " + host
        if free is not None:
            what += ": %d KB are free for TLS, and it may want %d KB" % (free // 1000, _WANTED)
        return no_memory(what)
    if is_refused:
        return TransportError(
            "%s is not trusted: %s" % (host, reason),
            "check the CA certificate, the host name and the clock",
            kind="tls",
        )
    if number in _HUNG_UP or isinstance(error, getattr(ssl, "SSLEOFError", ())) or not reason:
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


def is_about_dates(error):  # rare: trouble
    """Whether a TransportError says that a certificate is not valid at this time."""
    reason = error.message.partition(" is not trusted: ")[2]
    return any(words in reason for words in ("expired", "not yet valid", "in the future"))


def mend_errno():
    """Give an errno that was installed in /lib this chip's EINPROGRESS, by which asyncio connects.

    micropython-lib's has the numbers of Linux.
    """
    import errno

    if hasattr(errno, "__file__") and sys.implementation.name == "micropython":
        found = __import__("uerrno")  # stays: it is the built-in one
        setattr(errno, "EINPROGRESS", found.EINPROGRESS)  # noqa: B010 - a constant to mypy


def room():
    """Bytes that an ESP32 has free for TLS, None on another platform."""
    try:
        from esp32 import HEAP_DATA, idf_heap_info
    except ImportError:
        return None
    return sum([region[1] for region in idf_heap_info(HEAP_DATA)])


def _free_where_exhausted(before):  # rare: trouble
    """Bytes that were free for TLS, None where they have sufficed since an ESP32 started.

    An area of Python's heap that was in their way may be gone by now, so what was free `before`
    counts too.
    """
    try:
        from esp32 import HEAP_DATA, idf_heap_info
    except ImportError:
        return None
    regions = idf_heap_info(HEAP_DATA)
    free = sum([region[1] for region in regions])
    if before is not None:
        free = min(free, before)
    lowest = sum([region[3] for region in regions])
    return free if lowest < _EXHAUSTED and free < _PLENTY else None
