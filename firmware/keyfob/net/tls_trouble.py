"""Why TLS failed, in words with what to do.

Of an alert mbedTLS tells no more than that there was one, and of an unknown root not which. Both
lie in the clear: the server is greeted once more, with what this board offers, and answers with
the alert's number or with its certificates. Nothing else is sent.
"""

import asyncio
import os

from keyfob.compat import const
from keyfob.errors import ConfigError, TransportError

_PATIENCE = const(5)  # s for greeting the server once more
_LONGEST = const(4096)  # bytes of a message or certificate that is looked at
_NAME = const(64)  # characters of a name that is told

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

_RECORD_ALERT = const(21)
_RECORD_HANDSHAKE = const(22)
# Types of messages (RFC 5246 section 7.4).
_CERTIFICATES = const(11)
_REQUEST = const(13)
_DONE = const(14)
# What is offered, as by mbedTLS: ECDHE or RSA, with AES in GCM or CBC.
_CIPHERS = (
    b"\xc0\x2c\xc0\x30\xc0\x24\xc0\x28\xc0\x0a\xc0\x14\xc0\x2b\xc0\x2f\xc0\x23\xc0\x27\xc0\x09"
    b"\xc0\x13\x00\x9d\x00\x3d\x00\x35\x00\x9c\x00\x3c\x00\x2f\x00\xff"
)
# Extensions: P-256, P-384 and P-521; points uncompressed; signatures of ECDSA and RSA.
_OFFERS = (
    b"\x00\x0a\x00\x08\x00\x06\x00\x17\x00\x18\x00\x19\x00\x0b\x00\x02\x01\x00"
    b"\x00\x0d\x00\x0e\x00\x0c\x06\x03\x06\x01\x05\x03\x05\x01\x04\x03\x04\x01"
)

# In certificates, as DER: extensions (RFC 5280 section 4.2.1), by the end of their name.
_EXTENSION_ID = b"\x06\x03\x55\x1d"
_KEY_USAGE = b"\x0f"
_CONSTRAINTS = b"\x13"
_SIGNS = const(0x04)  # certificates; in the first byte of the key usage
_SHAKES_HANDS = const(0x80)  # signs what belongs to a handshake
_IS_CA = b"\x01\x01\xff"
_MOST = const(10)  # certificates of a server that are looked at
# What one is for, and TLS servers among that.
_PURPOSES = b"\x06\x03\x55\x1d\x25"
_FOR_SERVERS = b"\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"
# What an issuer is called by: the common name, else the unit, else the organization.
_NAMES = (b"\x55\x04\x03", b"\x55\x04\x0b", b"\x55\x04\x0a")


async def explain(failure, error, origin, clock, source):
    """Return the TransportError that says more than `failure`, for the platform's `error`.

    `origin` is (scheme, host, port), which is greeted once more where that helps. `clock` is
    what the dates of certificates were compared with, and `source` where it had its time from
    before it was checked just now, or None. Where nothing more is known, it returns `failure`.
    """
    scheme, host, port = origin
    cause = _cause(error, failure.message)
    greeting = _Greeting(host)
    if failure.kind != "tls":
        cause = _ALERT  # it hung up, perhaps after an alert
    if cause in (_ALERT, _REFUSED, _ROOT) and scheme == "https":
        try:
            await asyncio.wait_for(greeting.send(port), _PATIENCE)
        except (OSError, EOFError, ValueError, IndexError, asyncio.TimeoutError):
            pass  # what has come may do
    if cause == _ALERT and greeting.is_mutual:
        cause = _MUTUAL
    elif cause == _ALERT:
        cause = _ALERTS.get(greeting.alert, _OTHER if greeting.alert else None)
    elif cause == _REFUSED:
        cause = _WEAK if greeting.is_for_servers else _USAGE
    elif cause == _ROOT:
        cause = _OWN if greeting.is_own else greeting.flaw()
    if cause is None:
        return failure
    text, hint = _TEXTS[cause]
    if cause == _OTHER:
        text %= greeting.alert
    if cause == _ROOT and greeting.issuer:
        text += "; it wants the root " + greeting.issuer
    if cause in (_EXPIRED, _FUTURE):
        text += "; the clock says " + _told(clock, clock.source or source)
    what = "%s is not trusted: %s" if cause >= _WEAK else "no secure connection to %s: %s"
    return TransportError(what % (host, text), hint, kind="tls")


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


def _cause(error, message):
    number = error.args[0] if error.args else 0
    if isinstance(number, int) and number < 0 and -number & 0xFF80 in _NUMBERS:
        return _NUMBERS[-number & 0xFF80]
    for words, cause in _WORDS:
        if any(word in message for word in words):
            return cause
    return None


def _told(clock, source):
    """The date, and the source of the time."""
    unix = clock.unix()
    date = "nothing" if unix is None else "%04d-%02d-%02d" % tuple(clock.calendar(unix)[:3])
    return "%s (source: %s)" % (date, _SOURCES.get(source, "none"))


class _Greeting:
    """Greets a server as this board's TLS does, and notes what it answers in the clear."""

    alert = None  # its number, where the answer is one
    issuer = None  # of the last certificate that leads from the server's to a root
    is_own = False  # whether the server sent one certificate, signed by itself
    is_for_servers = True  # whether the server's certificate is
    is_mutual = False  # whether the server asks for one of the board's

    def __init__(self, host):
        self._host = host
        self._reader = None
        self._left = 0  # bytes of the record that is being read
        self._chain = []  # by certificate: issuer, subject, and CAs that may be below it

    async def send(self, port):
        """Ask at `port`. Raises what streams do, and EOFError where no such thing answers."""
        self._reader, writer = await asyncio.open_connection(self._host, port)
        try:
            writer.write(_hello(self._host.encode()))
            await writer.drain()
            kind = None
            while kind != _DONE and not self.is_mutual:
                kind, size = await self._head(4)
                if kind == _CERTIFICATES:
                    _, size = await self._head(3)
                    await self._note_chain(size)
                elif kind == _REQUEST:
                    self.is_mutual = True
                else:
                    await self._read(size)
        finally:
            writer.close()
            await writer.wait_closed()  # MicroPython: only this closes the socket

    async def _note_chain(self, size):
        """Note what `size` bytes of certificates say, with one of them in RAM at a time."""
        is_first = True
        while size > 0:
            _, length = await self._head(3)
            size -= 3 + length
            der = await self._read(length)
            issuer, subject = names(der)
            if len(self._chain) < _MOST:
                self._chain.append((issuer, subject, _room_below(der)))
            if is_first:
                self.is_own = issuer == subject and size <= 0
                usage = _extension(der, _KEY_USAGE)
                self.is_for_servers = (_PURPOSES not in der or _FOR_SERVERS in der) and not (
                    usage and not usage[3] & _SHAKES_HANDS
                )
            is_first = False

    def flaw(self):
        """Why the certificates that were sent lead to no root, as mbedTLS puts them together.

        It looks for a certificate's issuer behind it. Where nothing is wrong it is _ROOT: the
        `issuer` at their end is none that is trusted.
        """
        chain, at, cause = self._chain, 0, _ROOT
        used = []
        for below in range(len(chain)):
            wanted, own, _ = chain[at]
            self.issuer = _called(wanted)
            if wanted == own:
                break
            used.append(at)
            found = None
            for place in range(len(chain) - 1, 0, -1):
                _, subject, most = chain[place]
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
        return cause

    async def _head(self, count):
        """The first byte, and the number that the last three of so many bytes are."""
        head = await self._read(count)
        return head[0], int.from_bytes(head[-3:], "big")

    async def _read(self, count):
        """So many bytes of handshake messages, which records divide anywhere."""
        if count > _LONGEST:
            raise EOFError
        data = b""
        while len(data) < count:
            if not self._left:
                head = await self._reader.readexactly(5)
                if head[0] == _RECORD_ALERT:
                    self.alert = (await self._reader.readexactly(2))[1]
                if head[0] != _RECORD_HANDSHAKE:
                    raise EOFError
                self._left = head[3] << 8 | head[4]
            piece = await self._reader.readexactly(min(self._left, count - len(data)))
            self._left -= len(piece)
            data += piece
        return data


def _hello(host):
    """A record with what begins a TLS 1.2 handshake (RFC 5246 section 7.4.1.2)."""
    name = b"\x00" + _sized(host, 2)
    extensions = b"\x00\x00" + _sized(_sized(name, 2), 2) + _OFFERS
    body = b"\x03\x03" + os.urandom(32) + b"\x00" + _sized(_CIPHERS, 2) + b"\x01\x00"
    return b"\x16\x03\x01" + _sized(b"\x01" + _sized(body + _sized(extensions, 2), 3), 2)


def _sized(data, width):
    return len(data).to_bytes(width, "big") + data


def names(der):
    """Return who issued a certificate and whose it is, each as DER (RFC 5280 section 4.1).

    Raises IndexError where it is none.
    """
    at, _ = _content(der, _content(der, 0)[0])
    if der[at] == 0xA0:
        at = _content(der, at)[1]  # the version
    for _ in range(2):  # serial number, algorithm of the signature
        at = _content(der, at)[1]
    _, issued = _content(der, at)
    _, dated = _content(der, issued)
    return der[at:issued], der[dated : _content(der, dated)[1]]


def _room_below(der):
    """How many CAs may be between a CA's certificate and a server's, -1 for one that is no CA's.

    mbedTLS wants a CA to say that it is one, and that its key may sign where it says for what.
    """
    usage = _extension(der, _KEY_USAGE)
    said = _extension(der, _CONSTRAINTS)
    if said[2:5] != _IS_CA or (usage and not usage[3] & _SIGNS):
        return -1
    return said[7] if said[5:7] == b"\x02\x01" else _MOST


def _extension(der, name):
    """What an extension holds, b"" where there is none of that name."""
    _, found, rest = der.partition(_EXTENSION_ID + name)
    if not found:
        return b""
    if rest[:1] == b"\x01":
        rest = rest[3:]  # it is critical
    start, end = _content(rest, 0)
    return rest[start:end]


def _content(der, at):
    """Where the content of the element at `at` begins and ends."""
    size = der[at + 1]
    at += 2
    if size & 0x80:
        at += size & 0x7F
        size = int.from_bytes(der[at - (size & 0x7F) : at], "big")
    return at, at + size


def _called(name):
    """What a name is called by, quoted, in printable ASCII; None without anything."""
    for kind in _NAMES:
        _, found, value = name.partition(b"\x06\x03" + kind)
        if found:
            start, end = _content(value, 0)
            letters = [chr(one) if 32 <= one < 127 else "?" for one in value[start:end][:_NAME]]
            return '"%s"' % "".join(letters)
    return None
