"""HTTP/1.1 for token traffic: one verified connection at a time, nothing without a bound.

What micropython-lib's `requests` does not do, and a token needs: certificates are
checked against a CA that the owner chose, redirects are never followed, one deadline
covers the whole exchange, and a reply that grows too long is dropped.

MicroPython looks names up without yielding: that alone is outside the deadline there.
"""

import asyncio
import gc

from keyfob.compat import const, drop
from keyfob.errors import ConfigError, TransportError, UsageError
from keyfob.net.clock import Clock
from keyfob.net.http_reply import MAX_BODY, ReplyParser
from keyfob.oauth import url
from keyfob.oauth.ticks import Stopwatch

TIMEOUT = const(10_000)  # ms for connecting, TLS, sending and the whole reply
_IDLE = const(60_000)  # ms: routers forget an idle connection without telling anybody
_PIECE = const(512)  # bytes per read


class HttpClient:
    """Sends a `Request`, returns a `Reply`; keeps one connection open between calls.

    `roots` are the trusted CA certificates, each DER bytes. `allow_http` permits http
    to hosts other than this machine's loopback. Tasks may share a client: they take
    turns, and each one's time runs from its turn.
    """

    def __init__(self, roots=(), allow_http=False, timeout_ms=TIMEOUT, clock=None):
        self._roots = roots
        self._allow_http = allow_http
        self._timeout_ms = timeout_ms
        self._clock = Clock() if clock is None else clock
        self._context = None
        self._lock = asyncio.Lock()
        self._origin = None  # (scheme, host, port) that the open connection leads to
        self._reader = None
        self._writer = None
        self._idle = None  # runs since the connection was last of use

    async def send(self, request, timeout_ms=None, max_body=MAX_BODY):
        """Return the reply to `request`, whatever its status.

        Raises TransportError where none arrives within `timeout_ms` or it is longer than
        `max_body` bytes, ConfigError where the address must not be used, UsageError where
        the request is none.
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
        message = _message(request, origin, target)
        limit = (self._timeout_ms if timeout_ms is None else timeout_ms) / 1000
        async with self._lock:
            whole = False
            try:
                parser = ReplyParser(max_body, is_head=request.method == "HEAD")
                await asyncio.wait_for(self._exchange(origin, message, parser), limit)
                whole = parser.keep_alive and not parser.excess
                return parser.reply
            except asyncio.TimeoutError:
                raise TransportError(
                    "%s did not answer within %g s" % (host, limit),
                    "check the network, or try again later",
                    kind="timeout",
                )
            except MemoryError:
                raise no_memory(host)
            except (OSError, ValueError, EOFError) as error:
                from keyfob.net.failures import translate

                raise translate(error, host)
            finally:
                if not whole:  # a cancellation too must leave nothing half read
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

    async def _exchange(self, origin, message, parser):
        if not self._is_reusable(origin):
            await self.close()
        if self._writer is not None:
            try:
                return await self._converse(message, parser)
            except (OSError, TransportError):
                if parser.is_started:
                    raise
                # The server had closed the idle connection: ask again on a new one.
                await self.close()
        await self._connect(origin)
        await self._converse(message, parser)

    def _is_reusable(self, origin):
        if self._origin != origin or self._idle.elapsed(self._clock.ticks()) >= _IDLE:
            return False
        at_eof = getattr(self._reader, "at_eof", None)  # MicroPython finds out by trying
        return at_eof is None or not at_eof()

    async def _connect(self, origin):
        scheme, host, port = origin
        gc.collect()  # TLS wants large blocks; and sockets given up while connecting close
        if scheme == "https":
            self._reader, self._writer = await asyncio.open_connection(
                host, port, ssl=self._tls(), server_hostname=host
            )
        else:
            self._reader, self._writer = await asyncio.open_connection(host, port)
        self._origin = origin

    async def _converse(self, message, parser):
        # One write: MicroPython's TLS may lose the second of two that do not fit at once.
        self._writer.write(message)
        await self._writer.drain()
        while not parser.feed(await self._reader.read(_PIECE)):
            pass
        self._idle = Stopwatch(self._clock.ticks())

    def _tls(self):
        """The TLS context, made once."""
        if self._context is None:
            from keyfob.net.tls import make_context

            self._context = make_context(self._roots)
            self._roots = None  # parsed; the copy would only take RAM
            del make_context
            drop("keyfob.net.tls")
        return self._context


def _message(request, origin, target):
    """The bytes of a whole request (RFC 9112 section 3)."""
    scheme, host, port = origin
    if ":" in host:
        host = "[%s]" % host
    if port != (443 if scheme == "https" else 80):
        host = "%s:%d" % (host, port)
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


def no_memory(host):
    """The TransportError for a connection that found no room."""
    return TransportError(
        "not enough memory for a connection to %s" % host,
        "free RAM before connecting, or use a board with more",
        kind="memory",
    )
