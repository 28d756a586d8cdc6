"""A small HTTP/1.1 server for one WSGI application, with keep-alive and TLS.

Werkzeug's own closes the connection after every answer, while a device keeps one open as it
polls. Each connection has a thread, and that thread does the TLS handshake, so that a client
that stalls in it delays no other.
"""

from __future__ import annotations

import contextlib
import io
import os
import selectors
import socket
import socketserver
import ssl
import sys
import threading
from collections.abc import Callable, Iterable
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote_to_bytes

MAX_BODY = 64 * 1024  # bytes
HANDSHAKE_TIMEOUT = 10.0  # seconds of the host's clock
IDLE_TIMEOUT = 300.0

_READ = 65536

# Members of the environment, beside those of WSGI: an application sets the first to have the
# connection closed without its answer, may ask the second whether the client still waits, and sets
# the third to a function of the body that returns the header lines of its length and what is sent.
HANG_UP = "keyfob.hang_up"
IS_AWAITED = "keyfob.is_awaited"
FRAMING = "keyfob.framing"

# Already in the environment under other names, or dealt with here.
_TAKEN_HEADERS = ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING")


def _with_length(body: bytes) -> tuple[bytes, bytes]:
    return b"Content-Length: %d\r\n" % len(body), body


class BodyError(Exception):
    """A request body that is refused, with HTTP status `status`."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Handler(BaseHTTPRequestHandler):
    """Serves the requests of one connection."""

    server: HttpServer
    protocol_version = "HTTP/1.1"
    error_content_type = "application/json"
    error_message_format = '{"error": "invalid_request"}'
    # One write per answer and no waiting for an acknowledgement: without these two, keep-alive
    # costs 40 ms per request.
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = IDLE_TIMEOUT

    def serve(self) -> None:
        """Read one request, have the application answer it, and send the answer whole."""
        try:
            body = self._body()
        except BodyError as error:
            # This closes the connection: what is left of the body is not the next request.
            self.send_error(error.status)
            return
        answer: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
            answer[:] = [status, headers]
            return None

        environ = self._environ(body)
        result: Iterable[bytes] = self.server.app(environ, start_response)
        content = b"".join(result)
        if hasattr(result, "close"):
            result.close()
        if environ.get(HANG_UP):
            self.close_connection = True
            return
        status, headers = answer
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            if name.lower() not in ("content-length", "connection"):
                self.send_header(name, value)
        framing: Callable[[bytes], tuple[bytes, bytes]] = environ.get(FRAMING, _with_length)
        lines, content = framing(content)
        self.flush_headers()
        self.wfile.write(lines)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve  # noqa: N815

    def _is_awaited(self) -> bool:
        """Whether the client still waits: it has neither disconnected nor sent more."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection, selectors.EVENT_READ)
            return not selector.select(0)

    def _body(self) -> bytes:
        length = self.headers.get_all("Content-Length", [])
        coding = self.headers.get_all("Transfer-Encoding", [])
        if coding:
            # Both at once is how requests are smuggled (RFC 9112 section 6.1).
            if length or [value.strip().lower() for value in coding] != ["chunked"]:
                raise BodyError(400)
            return self._chunked()
        if not length:
            return b""
        if len(length) > 1 or not length[0].isascii() or not length[0].isdigit():
            raise BodyError(400)
        return self._exactly(int(length[0]))

    def _chunked(self) -> bytes:
        body = b""
        while True:
            size = self.rfile.readline(_READ).partition(b";")[0].strip()
            try:
                count = int(size, 16)
            except ValueError:
                raise BodyError(400) from None
            if count < 0:
                raise BodyError(400)
            if count == 0:
                while self.rfile.readline(_READ).strip():
                    pass
                return body
            body += self._exactly(count + 2, MAX_BODY - len(body) + 2)[:-2]

    def _exactly(self, count: int, most: int = MAX_BODY) -> bytes:
        if count > most:
            raise BodyError(413)
        body = self.rfile.read(count)
        if len(body) < count:
            raise BodyError(400)
        return body

    def _environ(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        host, port = self.server.server_address[:2]
        environ: dict[str, Any] = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https" if self.server.tls else "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "REMOTE_ADDR": self.client_address[0],
            "REMOTE_PORT": self.client_address[1],
            "SERVER_NAME": str(host),
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": self.request_version,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            IS_AWAITED: self._is_awaited,
        }
        for name in set(self.headers):
            key = "HTTP_" + name.upper().replace("-", "_")
            # A name with an underscore would pass for another one.
            if "_" not in name and key not in _TAKEN_HEADERS:
                environ[key] = ",".join(self.headers.get_all(name, []))
        return environ

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Give the Date header by the server's clock, which may be virtual."""
        return formatdate(self.server.now() if timestamp is None else timestamp, usegmt=True)

    def version_string(self) -> str:
        """Give the Server header."""
        return "keyfob"

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: a request line may hold what must not be logged."""


class HttpServer(socketserver.ThreadingTCPServer):
    """Listens at once; serves after `start`. Raises OSError (socket.gaierror for the name)."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    timeout = 0  # of `handle_request`, which is called once somebody is there
    # On Windows the option lets two programs share a port.
    allow_reuse_address = os.name != "nt"

    def __init__(
        self, host: str, port: int, app: Any, now: Callable[[], float], tls: bool = False
    ) -> None:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family, *_, address = found[0]
        self.app = app
        self.now = now
        self.tls = tls
        self.context: ssl.SSLContext | None = None  # set before `start` when `tls`
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        super().__init__(address, Handler)  # type: ignore[arg-type]
        self._stop, self._stopped = socket.socketpair()

    @property
    def port(self) -> int:
        """The TCP port that it listens on, the chosen one where 0 was asked for."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Serve in a daemon thread."""
        self._thread = threading.Thread(target=self._serve, name="keyfob-server", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and close every connection."""
        self._stop.close()
        if self._thread is not None:
            self._thread.join()
        self._stopped.close()
        self.server_close()
        with self._guard:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        """Take connections until `stop`, which `serve_forever` would look for twice a second."""
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            selector.register(self._stopped, selectors.EVENT_READ)
            while all(key.fileobj is self for key, _ in selector.select()):
                self.handle_request()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection, in its own thread."""
        if self.tls and self.context is not None:
            request.settimeout(HANDSHAKE_TIMEOUT)
            request = self.context.wrap_socket(
                request, server_side=True, do_handshake_on_connect=False
            )
        with self._guard:
            self._open.add(request)
        try:
            if self.tls:
                request.do_handshake()
            super().finish_request(request, client_address)
        finally:
            with self._guard:
                self._open.discard(request)
            request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: clients may disconnect, stall, or refuse the certificate."""
