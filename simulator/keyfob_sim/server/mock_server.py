"""The mock authorization server as a thing to start and stop."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import ssl
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from keyfob_host.errors import CliError

from .app import make_app
from .chains import make_chain
from .config import load_config
from .discovery import describe
from .http_server import HttpServer
from .options import ServerOptions
from .personality import load_personality
from .realm import Realm, Sleep
from .request_log import RequestLog
from .store import Store
from .tls_troubles import TROUBLES, make_troubled, trouble

# Nothing is sent there: the address only makes the system choose a way out (RFC 5737, RFC 3849).
_OUTSIDE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


class MockServer:
    """One authorization server in a thread of this process; also a context manager.

    `now` gives Unix seconds and may be virtual; `sleep(seconds, is_awaited)` lets them pass for a
    request, and may ask whether its client still waits. Raises CliError and UsageError, from here
    and from `start`, for a configuration, a state or an address that cannot be used.
    """

    def __init__(
        self,
        options: ServerOptions,
        now: Callable[[], float] = time.time,
        sleep: Sleep | None = None,
    ) -> None:
        self.options = options
        self.description: dict[str, Any] = {}
        personality = load_personality(options.personality)
        base = {"rotation": options.rotation} if options.rotation else {}
        if personality is not None:
            base |= personality.server
        config = load_config(options.config, base)
        store = Store(now, options.state)
        self.realm = Realm(
            config, store, RequestLog(now), now, options.approve, personality=personality
        )
        if sleep is not None:
            self.realm.sleep = sleep
        self._now = now
        self._http: HttpServer | None = None
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> MockServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> dict[str, Any]:
        """Listen and serve; return the description that `keyfob server` prints."""
        options = self.options
        http = _listen(options, self.realm, self._now)
        try:
            host = _reachable(options.host, http.address_family)
            scheme = "https" if options.https else "http"
            self.realm.issuer = f"{scheme}://{_bracketed(host)}:{http.port}"
            ca = self._certify(http, host) if options.https else None
            self.realm.store.set_port(http.port)
            self.description = describe(self.realm, ca)
        except BaseException:
            http.stop()
            self._cleanup.close()
            raise
        self._http = http
        http.start()
        return self.description

    def stop(self) -> None:
        """Stop serving and save the state. Doing it twice does no harm."""
        if self._http is not None:
            self._http.stop()
            self._http = None
            self.realm.is_closed = True
            self.realm.store.save()
        self._cleanup.close()

    def _certify(self, http: HttpServer, host: str) -> Path:
        directory = self.options.ca_dir
        try:
            if directory is None:
                temporary = tempfile.TemporaryDirectory(prefix="keyfob-ca-")
                directory = Path(self._cleanup.enter_context(temporary))
            directory = directory.resolve()
            names = dict.fromkeys([host, self.options.host, "localhost", "127.0.0.1", "::1"])
            hosts = [name for name in names if name not in _ANY]
            chain = self.options.chain
            make = make_troubled if chain in TROUBLES else make_chain
            root, leaf = make(chain, hosts, directory)
        except OSError as error:
            raise CliError(
                f"cannot write a CA to {directory}: {error.strerror}", "choose another place"
            ) from None
        http.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if chain in TROUBLES:
            trouble(http.context, chain)
        http.context.load_cert_chain(leaf.cert_path, leaf.key_path)
        return root


_ANY = ("", "0.0.0.0", "::")  # noqa: S104 - names of "every address", compared with


def _listen(options: ServerOptions, realm: Realm, now: Callable[[], float]) -> HttpServer:
    port = options.port or realm.store.port
    try:
        return HttpServer(options.host, port, make_app(realm), now, options.https)
    except socket.gaierror:
        raise CliError(
            f"the host {options.host!r} has no address", "check --host, or use 127.0.0.1"
        ) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE and not options.port:
            hint = f"stop what uses it, or give --port; {options.state} remembers this one"
        elif error.errno == errno.EADDRINUSE:
            hint = "stop what uses it, or use --port 0 for a free one"
        elif error.errno == errno.EADDRNOTAVAIL:
            hint = "use an address of this machine, or 127.0.0.1"
        else:
            hint = "use another --host or --port"
        raise CliError(
            f"cannot listen on {options.host} port {port}: {error.strerror}", hint
        ) from None


def _reachable(host: str, family: int) -> str:
    """Return what the issuer calls the host: itself, or for "every address" one of the LAN's."""
    if host not in _ANY:
        return host
    loopback = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((_OUTSIDE.get(socket.AddressFamily(family), "192.0.2.1"), 9))
            found = str(probe.getsockname()[0])
        except OSError:
            return loopback
    return loopback if ipaddress.ip_address(found).is_unspecified else found


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
