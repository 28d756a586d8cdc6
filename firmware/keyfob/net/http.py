"""HTTP/1.1 for token traffic: one verified connection at a time, nothing without a bound.

What micropython-lib's `requests` does not do, and a token needs: certificates are
checked against a CA that the owner chose, redirects are never followed, one deadline
covers the whole exchange, and a reply that grows too long is dropped.
"""

import asyncio
import gc

from keyfob.compat import const
from keyfob.errors import ConfigError, TransportError, UsageError
from keyfob.net.http_reply import MAX_BODY, ReplyParser
from keyfob.oauth import url

TIMEOUT = const(10_000)  # ms for connecting, TLS, sending and the whole reply
_PIECE = const(512)  # bytes per read

# What mbedTLS reports as OSError: out of memory, and a peer that hung up.
_NO_MEMORY = (12, -12, -17040, -32512)
_HUNG_UP = (-29312, -30848)


class HttpClient:
    """Sends a `Request`, returns a `Reply`; keeps one connection open between calls.

    `roots` are the trusted CA certificates, each DER bytes. `allow_http` permits http
    to hosts other than this machine's loopback.
    """

    def __init__(self, roots=(), allow_http=False, timeout_ms=TIMEOUT):
        self._roots = roots
        self._allow_http = allow_http
        self._timeout_ms = timeout_ms
        self._context = None
        self._lock = asyncio.Lock()
        self._origin = None  # (scheme, host, port) that the open connection leads to
        self._reader = None
        self._writer = None

    async def send(self, request, timeout_ms=None, max_body=MAX_BODY):
        """Return the reply to `request`, whatever its status.

        Raises TransportError where none arrives within `timeout_ms`, ConfigError where
        the address must not be used.
        """
        try:
            scheme, host, port, target = url.split(request.url)
        except ValueError as error:
            raise ConfigError("the address %s" % error)
        if scheme != "https" and not self._allow_http and not url.is_loopback(host):
            raise ConfigError(
                "http to %s would send secrets unprotected" % host,
                "use https, or allow http in the configuration for a test network",
            )
        origin = (scheme, host, port)
        head = _head(request, origin, target)
        limit = self._timeout_ms if timeout_ms is None else timeout_ms
        async with self._lock:
            whole = False
            try:
                reply = await asyncio.wait_for(
                    self._exchange(origin, head, request.body, max_body), limit / 1000
                )
                whole = True
                return reply
            except asyncio.TimeoutError:
                raise TransportError(
                    "%s did not answer within %d s" % (host, limit // 1000), kind="timeout"
                )
            except (OSError, ValueError, EOFError, MemoryError) as error:
                raise _translate(error, host)
            finally:
                if not whole:
                    await self.close()

    async def close(self):
        """Close the connection, which gives its TLS buffers back."""
        writer = self._writer
        self._reader = self._writer = self._origin = None
        if writer is None:
            return
        transport = getattr(writer, "transport", None)
        try:
            if transport is not None:
                transport.abort()  # CPython: a polite TLS goodbye may take half a minute
            else:
                writer.close()
                await writer.wait_closed()  # MicroPython: only this closes the socket
        except OSError:
            pass  # it is gone, which is what was wanted

    async def _exchange(self, origin, head, body, max_body):
        if self._origin != origin or _is_closed(self._reader):
            await self.close()
        if self._writer is not None:
            parser = ReplyParser(max_body)
            try:
                return await self._converse(head, body, parser)
            except (OSError, TransportError):
                await self.close()
                if parser.is_started:
                    raise
                # The server had closed the idle connection: ask again on a new one.
        await self._connect(origin)
        return await self._converse(head, body, ReplyParser(max_body))

    async def _connect(self, origin):
        scheme, host, port = origin
        gc.collect()  # TLS wants large blocks, and garbage may hold them
        if scheme == "https":
            self._reader, self._writer = await asyncio.open_connection(
                host, port, ssl=self._tls(), server_hostname=host
            )
        else:
            self._reader, self._writer = await asyncio.open_connection(host, port)
        self._origin = origin

    async def _converse(self, head, body, parser):
        writer = self._writer
        writer.write(head)
        if body:
            writer.write(body)
        await writer.drain()
        reader = self._reader
        while not parser.feed(await reader.read(_PIECE)):
            pass
        if not parser.keep_alive or parser.excess:
            await self.close()
        return parser.reply

    def _tls(self):
        """The TLS context, made once: CERT_REQUIRED, the host name checked."""
        if self._context is None:
            if not self._roots:
                raise ConfigError(
                    "https needs a CA certificate, and none is configured",
                    "name the provider's root in the configuration's ca list",
                )
            import ssl

            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.verify_mode = ssl.CERT_REQUIRED
            for root in self._roots:
                try:
                    context.load_verify_locations(cadata=root)
                except (OSError, ValueError):
                    raise ConfigError(
                        "a CA certificate cannot be read", "store it as DER, one a file"
                    )
            self._context = context
            self._roots = None  # parsed; the copy would only take RAM
        return self._context


def _head(request, origin, target):
    scheme, host, port = origin
    if ":" in host:
        host = "[%s]" % host
    if port != (443 if scheme == "https" else 80):
        host = "%s:%d" % (host, port)
    lines = ["%s %s HTTP/1.1" % (request.method, target), "Host: " + host]
    for name in request.headers:
        lines.append("%s: %s" % (name, request.headers[name]))
    if request.body is not None:
        lines.append("Content-Length: %d" % len(request.body))
    for line in lines:
        if "\r" in line or "\n" in line:
            raise UsageError("a request header holds a line break")
    return "\r\n".join(lines + ["", ""]).encode()


def _is_closed(reader):
    at_eof = getattr(reader, "at_eof", None)
    return at_eof is not None and at_eof()


def _translate(error, host):
    """The TransportError that says what an exception of the platform means."""
    import ssl

    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    if isinstance(error, MemoryError) or number in _NO_MEMORY:
        return TransportError(
            "not enough memory for a connection to %s" % host,
            "free RAM before connecting, or use a board with more",
            kind="memory",
        )
    # CPython has a class for it; MicroPython raises ValueError with mbedTLS's words, and
    # OSError with its large negative numbers.
    refused = getattr(ssl, "SSLError", ValueError)
    if isinstance(error, refused) or (number < -0x1000 and number not in _HUNG_UP):
        reason = getattr(error, "verify_message", None) or str(error)
        return TransportError(
            "%s is not trusted: %s" % (host, " ".join(reason.split()) or "TLS failed"),
            "check the CA certificate, the host name and the clock",
            kind="tls",
        )
    return TransportError(
        "no connection to %s: %s" % (host, error), "check the address and the network"
    )
