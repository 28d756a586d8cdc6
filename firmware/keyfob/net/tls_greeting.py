"""What a server says in the clear as TLS begins: an alert's number, or its certificates.

It is greeted with what this board offers. Nothing else is sent.
"""

import asyncio
import os

from keyfob.compat import const

_PATIENCE = const(5)  # s for greeting the server once more
_LONGEST = const(4096)  # bytes of a message or certificate that is looked at
_NAME = const(64)  # characters of a name that is told

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


async def greet(host, port):
    """Greet the server at `host` and return what it said, as far as it came within 5 s.

    That is the number of an alert, or None; whether it asks for a certificate of the board's;
    whether its own is for servers; and its chain: of each certificate the issuer and the subject
    in DER, how many CAs may be below it (-1: it is no CA's), and what the issuer is called.
    """
    greeting = _Greeting(host)
    try:
        await asyncio.wait_for(greeting.send(port), _PATIENCE)
    except (OSError, EOFError, ArithmeticError, ValueError, IndexError, asyncio.TimeoutError):
        pass  # what has come may do; a number that is too long is an ArithmeticError on a board
    return greeting.alert, greeting.is_mutual, greeting.is_for_servers, greeting.chain


class _Greeting:
    """Greets a server as this board's TLS does, and notes what it answers in the clear."""

    alert = None  # its number, where the answer is one
    is_for_servers = True  # whether the server's certificate is
    is_mutual = False  # whether the server asks for one of the board's

    def __init__(self, host):
        self._host = host
        self._reader = None
        self._left = 0  # bytes of the record that is being read
        self.chain = []

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
            if len(self.chain) < _MOST:
                self.chain.append((issuer, subject, _room_below(der), _called(issuer)))
            if is_first:
                usage = _extension(der, _KEY_USAGE)
                self.is_for_servers = (_PURPOSES not in der or _FOR_SERVERS in der) and not (
                    usage and not usage[3] & _SHAKES_HANDS
                )
            is_first = False

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
