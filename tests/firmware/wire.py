"""The network of a replay: connections that lead to a script, in virtual time.

A `Wire` takes the place of asyncio in `keyfob.net.http`, so that the real client talks:
it connects, writes its bytes, reads what the script has for it in small pieces.
"""

import asyncio
import json
import ssl

from fakes import id_token

_PIECE = 200  # bytes that one read yields at most
_MOST = 500  # requests of one case
_AT_CONNECT = {
    "dns": lambda: OSError("no such host"),
    "refused": lambda: OSError(111),
    "tls": lambda: getattr(ssl, "CertificateError", ValueError)("certificate has expired"),
    "no tls": lambda: OSError(-0x7200, "MBEDTLS_ERR_SSL_INVALID_RECORD"),
    "memory": MemoryError,
    "enomem": lambda: OSError(12),
}


class _Hang(Exception):
    """No answer before the client's patience ends."""


class Sent:
    """A request as the server saw it: `at` and `done` (ms) frame it and its answer.

    `body` is text, `fields` its members, decoded from a form or from JSON. One that never
    got as far as a connection has no `method`.
    """

    method = path = url = body = None

    def __init__(self, at):
        self.at = self.done = at
        self.headers = {}
        self.fields = {}

    def read(self, data, host):
        """Take the bytes of a request apart, as strictly as the strictest server."""
        head, blank, body = data.partition(b"\r\n\r\n")
        assert blank
        lines = str(head, "ascii").split("\r\n")
        self.method, self.path, version = lines[0].split(" ")
        assert version == "HTTP/1.1"
        for line in lines[1:]:
            name, colon, value = line.partition(": ")
            assert colon and name.lower() not in self.headers, line
            self.headers[name.lower()] = value
        self.url = "https://%s%s" % (host, self.path)
        assert self.headers["host"] == host
        assert int(self.headers.get("content-length", "0")) == len(body)
        self.body = str(body, "utf-8")
        if self.headers.get("content-type") == "application/json":
            self.fields = json.loads(self.body)
        elif body:
            for part in self.body.split("&"):
                name, equals, value = part.partition("=")
                assert equals and value and name not in self.fields, "bad form: " + part
                self.fields[name] = _decoded(value)


class Wire:
    """Answers by `script`, one entry a request; `requests` is what came."""

    TimeoutError = asyncio.TimeoutError
    Lock = asyncio.Lock

    def __init__(self, script, clock):
        self.script = script
        self.clock = clock
        self.requests = []
        self._limit = 0

    def next(self, consume=True):
        """The entry that answers now; one with `for ever` is never used up."""
        assert self.script, "the server got a request that nobody expected"
        entry = self.script[0]
        if consume and not entry.get("for ever"):
            self.script.pop(0)
        return entry

    def connect_fault(self):
        """The fault at connecting that is next, or None."""
        fault = self.next(False).get("fail") if self.script else None
        return fault if fault in _AT_CONNECT or fault == "connect timeout" else None

    def begin(self):
        assert len(self.requests) < _MOST, "it never ends"
        self.requests.append(Sent(self.clock.now))
        return self.requests[-1]

    def hang(self):
        self.clock.now += int(self._limit * 1000)
        self.requests[-1].done = self.clock.now
        raise _Hang

    async def wait_for(self, exchange, limit):
        self._limit = limit
        try:
            return await exchange
        except _Hang:
            raise asyncio.TimeoutError

    async def open_connection(self, host, port, ssl=None, server_hostname=None):
        await asyncio.sleep(0)
        assert port == 443 and ssl is not None and server_hostname == host
        fault = self.connect_fault()
        if fault:
            self.next()
            self.begin()
            if fault == "connect timeout":
                self.hang()
            raise _AT_CONNECT[fault]()
        stream = _Stream(self, host)
        return stream, stream


class _Stream:
    """Reader and writer of one connection."""

    def __init__(self, wire, host):
        self._wire = wire
        self._host = host
        self._is_open = True
        self._data = b""
        self._entry = None

    @property
    def _buffer(self):
        """What has come on the idle connection."""
        return b"" if self._data or not self._entry else self._entry.get("idle", "").encode()

    def at_eof(self):
        """Whether it was closed while idle: the client comes again, and cannot connect."""
        return self._wire.connect_fault() is not None

    def write(self, data):
        assert self._is_open
        wire = self._wire
        sent = wire.begin()
        sent.read(data, self._host)
        self._data = self._buffer
        self._entry = wire.next()
        self._data += b"" if "fail" in self._entry else reply_bytes(self._entry)
        wire.clock.now += self._entry.get("latency", 0)
        sent.done = wire.clock.now

    async def drain(self):
        await asyncio.sleep(0)

    async def read(self, size):
        await asyncio.sleep(0)
        fault = self._entry.get("fail")
        piece, self._data = self._data[:_PIECE], self._data[_PIECE:]
        if fault == "timeout" or (not piece and self._entry.get("stalls")):
            self._wire.hang()
        if fault == "reset":
            raise OSError(104)
        assert fault in (None, "drop"), "no such fault: " + fault
        return piece

    def close(self):
        self._is_open = False

    async def wait_closed(self):
        await asyncio.sleep(0)


def reply_bytes(entry):
    """The bytes of a response as a script describes it."""
    if "raw" in entry:
        return entry["raw"].encode()
    if "json" in entry:
        body = json.dumps(_with_tokens(entry["json"])).encode()
    elif "hex" in entry:
        body = bytes(int(entry["hex"][at : at + 2], 16) for at in range(0, len(entry["hex"]), 2))
    else:
        body = entry.get("body", "").encode() * entry.get("times", 1)
    headers = {"Content-Type": entry.get("type", "application/json"), "Cache-Control": "no-store"}
    headers.update(entry.get("headers", {}))
    if entry.get("framing") == "chunked":
        headers["Transfer-Encoding"] = "chunked"
        pieces = [body[at : at + 50] for at in range(0, len(body), 50)] + [b""]
        body = b"".join(b"%x;note=1\r\n" % len(piece) + piece + b"\r\n" for piece in pieces)
    elif entry.get("framing") != "to close":
        headers.setdefault("Content-Length", str(len(body)))
    version = "1.0" if entry.get("framing") == "to close" else "1.1"
    lines = ["HTTP/%s %d Whatever" % (version, entry["status"])]
    lines.extend("%s: %s" % (name, headers[name]) for name in headers if headers[name])
    whole = "\r\n".join(lines + ["", ""]).encode() + body
    return whole[: len(whole) - entry.get("cut", 0)]


def _with_tokens(values):
    """A body whose id_token, an object of claims, is a token of them."""
    if isinstance(values, dict) and isinstance(values.get("id_token"), dict):
        values = dict(values)
        values["id_token"] = id_token(**values["id_token"])
    return values


def _decoded(text):
    """A form value as a server decodes it; everything but the unreserved is encoded."""
    out = bytearray()
    at = 0
    while at < len(text):
        if text[at] == "%":
            out.append(int(text[at + 1 : at + 3], 16))
            at += 3
        else:
            assert text[at] in _BARE, "not encoded: " + text[at]
            out.append(ord(text[at]))
            at += 1
    return str(bytes(out), "utf-8")


_BARE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
