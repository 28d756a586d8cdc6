"""HTTP/1.1 for token traffic: one verified connection at a time, and everything is bounded.

Unlike micropython-lib's `requests`, it checks certificates against a CA that the owner chose,
never follows redirects, has one deadline for the whole exchange, and limits a reply's length.

MicroPython resolves host names without yielding; only that is outside the deadline.
"""

import asyncio

from keyfob.compat import Loaded, const, settle
from keyfob.errors import TransportError, no_memory
from keyfob.net.clock import Clock
from keyfob.oauth.messages import MAX_BODY
from keyfob.oauth.ticks import Stopwatch

TIMEOUT = const(10_000)  # ms for connecting, TLS, sending and the whole reply
_IDLE = const(60_000)  # ms: routers drop an idle connection without notice
_HOUR = const(3_600_000)  # ms
_WRONG = const(60)  # s by which a clock that was put right had been wrong
_PIECE = const(256)  # bytes per read
_CODE = const(16)  # such pieces: what code for an answer takes beyond the code that reads it
_LONG = const(512)  # bytes of a body that takes much of a board's RAM
_REPEATED = const(1024)  # bytes of a repeated request that are kept


class HttpClient:
    """Sends a `Request`, returns a `Reply`; keeps one connection open between calls.

    `roots` are the trusted CA certificates, each DER bytes. `allow_http` permits http
    to hosts other than this machine's loopback. Tasks may share a client: they take
    turns, and each one's deadline starts with its turn.
    """

    def __init__(self, roots=(), allow_http=False, timeout_ms=TIMEOUT, clock=None):
        self._roots = roots
        self._allow_http = allow_http
        self._timeout_ms = timeout_ms
        self._clock = Clock() if clock is None else clock
        self._context = None
        self._room = None  # bytes that an ESP32 had free before it connected
        self._lock = asyncio.Lock()
        self._origin = None  # (scheme, host, port) that the open connection leads to
        self._reader = None
        self._writer = None
        self._idle = None  # Stopwatch since the connection was last used
        self._repeated = self._prepared = None  # a request that is, and its bytes
        # Of the exchange under way: a task that is over keeps its arguments.
        self._bounds = None  # what its parser is made with
        self._needs = 0  # bytes of a body that there has to be room for
        self._parser = None
        self._last = None  # Stopwatch since a certificate's dates had the clock checked

    async def send(self, request, timeout_ms=None, max_body=MAX_BODY):
        """Return the reply to `request`, whatever its status.

        Raises TransportError where no reply arrives within `timeout_ms` or its body is longer than
        `max_body` bytes, ConfigError where the address must not be used, UsageError where
        the request is invalid.
        """
        prepared = self._prepared
        if self._repeated is not request:
            self._repeated = self._prepared = None
            prepared = _prepare(request, self._allow_http)
            if request.is_repeated and len(prepared[1]) <= _REPEATED:
                self._repeated, self._prepared = request, prepared
        origin, message = prepared
        limit = (self._timeout_ms if timeout_ms is None else timeout_ms) / 1000
        async with self._lock:
            reply = await self._ask(origin, message, request, limit, max_body)
            await settle()  # without what read it
        return reply

    async def _ask(self, origin, message, request, limit, max_body):
        """Exchange `message` for its reply, within `limit` seconds."""
        host = origin[1]
        whole = False
        try:
            self._bounds = (
                max_body,
                request.method == "HEAD",
                request.other_headers,
                request.filter,
            )
            self._needs = request.room
            await asyncio.wait_for(self._exchange(origin, message, limit), limit)
            parser = self._parser
            whole = parser.keep_alive and not parser.excess
            if len(parser.reply.body) > _LONG:
                self._repeated = self._prepared = None  # parsing such a long body needs the RAM
            return parser.reply
        except asyncio.TimeoutError:
            raise self._late(host, limit)
        except MemoryError:
            raise no_memory("for a connection to " + host)
        except (OSError, ValueError, EOFError) as error:
            was_sent = self._origin is not None
            failure = await self._refused(error, origin)
            if failure is not None:
                failure.lost = was_sent
                raise failure
            return await self._ask(origin, message, request, limit, max_body)
        finally:
            self._parser = self._bounds = None  # which may keep the code of whoever filters
            if not whole:  # nor may a cancellation leave a reply half read
                await self.close()

    def _late(self, host, limit):  # rare: tls
        """The TransportError where no reply has arrived within `limit` seconds."""
        error = TransportError(
            "%s did not answer within %g s" % (host, limit),
            "check the network, or try again later",
            kind="timeout",
        )
        error.lost = self._origin is not None  # else nothing was sent
        return error

    async def _refused(self, error, origin):  # rare: tls
        """The TransportError for an exception of the platform, in talking to `origin`.

        Where a certificate's dates were refused, the clock is checked, at most once an hour. It
        is None where the clock was wrong, and is right now.
        """
        self._parser = None
        was_open = self._origin is not None
        await self.close()  # so that what TLS held is free again, and counted so
        await settle()  # a heap that grows now takes from TLS for good
        with Loaded("keyfob.net.platform_errors") as code:
            failure = code.translate(error, origin[1], self._room)
            is_about_dates = code.is_about_dates(failure)
        clock = self._clock
        now = clock.ticks()
        source = None
        if is_about_dates and not (self._last and self._last.elapsed(now) < _HOUR):
            before = clock.unix()
            self._last = before and Stopwatch(now)
            source, clock.source = clock.source, None
            clock.rest = 0, Stopwatch(now)
            await clock.synchronise()
            after = clock.unix()
            if after is not None and (before is None or abs(after - before) > _WRONG):
                return None
        is_cut = not was_open and failure.message.endswith("it closed the connection")
        if failure.kind == "tls" or (is_cut and origin[0] == "https"):
            try:
                with Loaded("keyfob.net.tls_trouble") as code:
                    failure = await code.explain(failure, error, origin, clock, source)
            except MemoryError:
                pass  # the platform's words have to do
        return failure

    async def close(self):
        """Close the connection, which frees its TLS buffers."""
        writer = self._writer
        self._reader = self._writer = self._origin = None
        self._repeated = self._prepared = None  # which only save time
        if writer is None:
            return
        transport = getattr(writer, "transport", None)
        try:
            if transport is not None:
                transport.abort()  # CPython: a TLS shutdown may take half a minute
            else:
                writer.close()
                await writer.wait_closed()  # MicroPython: only this closes the socket
        except OSError:
            pass  # it is closed already

    async def _exchange(self, origin, message, limit):
        if self._origin != origin or self._idle.elapsed(self._clock.ticks()) >= _IDLE:
            await self.close()
        for is_last in (False, False, True):
            is_fresh = self._writer is None
            if is_fresh and not await self._connect(origin):
                await self._try_each(origin, message, limit)
                return
            try:
                if await self._converse(message, is_last, origin):
                    return
            except (OSError, TransportError):
                # The server may have been about to close the idle connection. It may also have
                # done what it was asked for, so only a request that changes nothing is repeated.
                parser = self._parser  # None: it was not sent
                if is_fresh or (parser and (parser.is_started or message[:4] != b"GET ")):
                    raise
            await self.close()

    async def _try_each(self, origin, message, limit):  # rare: tls
        """Exchange `message` at the first address of `origin` where somebody answers."""
        with Loaded("keyfob.net.addresses") as code:
            places = code.look_up(origin)
        share = limit / (len(places) + 1)
        while True:
            try:
                connecting = self._connect(origin, places.pop(0))
                if places:  # the last one has all the time that is left
                    connecting = asyncio.wait_for(connecting, share)
                await connecting
                if await self._converse(message, not places, origin):
                    return
            except (OSError, asyncio.TimeoutError) as error:
                if not places or self._origin is not None:  # else nothing was sent
                    raise
                with Loaded("keyfob.net.addresses") as code:
                    if not code.is_absent(error):
                        raise
            await self.close()

    async def _connect(self, origin, place=None):
        """Open a connection to `origin` at `place`, or its only one; False where it has more."""
        context = self._tls(origin[0] == "https")
        if place is None:
            with Loaded("keyfob.net.addresses") as code:
                *more, place = code.look_up(origin)
            if more:
                return False
        await settle()  # TLS needs large blocks; abandoned sockets are closed, too
        self._reader, self._writer = await asyncio.open_connection(
            *place, ssl=context, server_hostname=context and origin[1]
        )
        return True

    async def _converse(self, message, is_last, origin):
        """Send `message` and read its reply; False where the connection is not quiet.

        What came before a request does not answer it. With `is_last` that is a TransportError.
        """
        reader, writer = self._reader, self._writer  # `close` may run at any time
        with Loaded("keyfob.net.http_reply") as code:  # before anything is sent
            if not await code.is_quiet(reader, is_last):
                return False
            self._parser = code.ReplyParser(*self._bounds)
        if self._needs:  # looked at here, since TLS has its RAM by now
            _try_room(self._needs)
            await settle()
        # One write: of two that do not fit at once MicroPython's TLS may lose the second.
        writer.write(message)
        await writer.drain()
        self._origin = origin
        while not self._parser.feed(await reader.read(_PIECE)):
            pass
        self._idle = Stopwatch(self._clock.ticks())
        return True

    def _tls(self, is_secure):  # rare: tls
        """Note the room for TLS; return its context, made once, or None where it is not used."""
        with Loaded("keyfob.net.platform_errors") as platform:
            self._room = platform.room()
            platform.mend_errno()
        if is_secure and self._context is None:
            with Loaded("keyfob.net.tls") as tls:
                self._context = tls.make_context(self._roots)
            self._roots = None  # parsed; keep no copy in RAM
        return self._context if is_secure else None


def _try_room(size):
    """Raise MemoryError where a body of so many bytes finds no room: in one piece, and parsed.

    Storing what was parsed takes as much again in one piece, once the body is gone.
    """
    [bytearray(size), bytearray(size)] + [bytearray(_PIECE) for _ in range(_CODE)]


def _prepare(request, allow_http):
    try:
        with Loaded("keyfob.net.http_request") as code:
            return code.prepare(request, allow_http)
    except MemoryError:
        raise no_memory("for a connection to " + request.url.partition("?")[0])
