"""The network behind the access point: name look-up, and a proxy to every server.

The board connects to a loopback address, one for each server, and this proxy passes the bytes
on. So connections fail as on a board when the network is down.
"""

import asyncio
import contextlib
import ipaddress
import re
import socket
import struct
import sys
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from keyfob_sim.hardware.chip_memory import ChipMemory, Connection

Address: TypeAlias = tuple[str, int]
Route: TypeAlias = tuple[socket.AddressFamily, Any]  # as sockets take them
T = TypeVar("T")

# Addresses of `Uplink.names` that stand for what is wrong with them.
REFUSED, SILENT = "refused", "silent"

_CHUNK = 65536  # bytes
_BACKLOG = 64
_REFUSAL = re.compile(rb"\x15\x03.\x00\x02\x02", re.DOTALL)  # a fatal alert in the clear
_TURNS = 1000  # that other tasks get to read what is there: a server may take none

# With this option a socket that is closed sends a reset.
_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class LookupFailed(Exception):
    """A name is unknown, or no name server can be reached."""


@dataclass
class _Listener:
    """The listening socket for one server, and the addresses of that server."""

    socket: socket.socket
    routes: list[Route]


class Uplink:
    """The board's connection to its servers. Thread-safe.

    `dns` False makes every look-up of a name fail. `latency`, in seconds, delays what passes in
    either direction. `names` are names that have the addresses given there, instead of what this
    machine finds: IP addresses, or REFUSED or SILENT for one at which nobody listens, or that lets
    who connects wait. With a `memory` connections take their share of it, and a TLS handshake that
    does not fit fails.
    """

    def __init__(self, *, latency: float = 0.0):
        """Start the thread that moves the bytes, until `close()`."""
        self.dns = True
        self.latency = latency
        self.names: dict[str, list[str]] = {}
        self.memory: ChipMemory | None = None
        self._silent = False
        self._listeners: dict[Address, _Listener] = {}
        self._dead: dict[str, list[socket.socket]] = {}  # what stands for REFUSED and SILENT
        self._open: dict[asyncio.Task[None], list[socket.socket]] = {}
        self._hung: list[socket.socket] = []
        self._taking: dict[socket.socket, Connection] = {}  # the board's ends
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="uplink", daemon=True)
        self._thread.start()

    @property
    def is_silent(self) -> bool:
        """Whether the network is down, so that nothing passes."""
        return self._silent

    def resolve(self, host: str, port: int) -> Address:
        """Return a loopback address and port that lead to `port` of `host`.

        A server that refuses or cannot be reached resets the connection. Raises LookupFailed.
        """
        return self._call(self._listen((host, port), self._look_up(host, port)))

    def addresses(self, host: str, port: int) -> list[Address]:
        """Return loopback addresses and ports, one for each address of `host`, IPv4 first.

        One that was returned stays as it is. Raises LookupFailed.
        """
        own = [listener.socket for listener in self._listeners.values()]
        own += [ends[0] for ends in self._dead.values()]
        if (host, port) in [end.getsockname() for end in own]:
            return [(host, port)]
        if host in self.names and not self._silent and self.dns:
            return [self._staged(address, port) for address in self.names[host]]
        routes = sorted(self._look_up(host, port), key=lambda route: route[0] != socket.AF_INET)
        return [self._call(self._listen((to[0], port), [(kind, to)])) for kind, to in routes]

    def watch(self, source: socket.socket, callback: Callable[[], object]) -> None:
        """Call `callback` in the uplink's thread whenever there is something to read."""
        self._loop.call_soon_threadsafe(self._loop.add_reader, source, callback)

    def cut(self) -> None:
        """Take the network down: nothing passes, and connections hang without an error."""
        self._call(self._suspend())

    def restore(self) -> None:
        """Bring the network up; connections from before, or made meanwhile, are reset."""
        self._call(self._resume())

    def settle(self) -> None:
        """Return once the end of each connection that the board has closed was seen."""
        self._call(self._see_ends())

    def close(self) -> None:
        """Reset every connection and end the thread; a second call has no effect."""
        if self._loop.is_closed():
            return
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _staged(self, address: str, port: int) -> Address:
        if address not in (REFUSED, SILENT):
            return self.resolve(address, port)
        if address not in self._dead:
            self._dead[address] = _dead_end(is_silent=address == SILENT)
        host, number = self._dead[address][0].getsockname()
        return host, number

    def _look_up(self, host: str, port: int) -> list[Route]:
        if not _is_address(host) and (self._silent or not self.dns):
            raise LookupFailed(f"no name server can be reached for {host}")
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise LookupFailed(f"{host}: {error}") from None
        return [(family, address) for family, _, _, _, address in found]

    # From here on everything runs in the thread.

    async def _listen(self, target: Address, routes: list[Route]) -> Address:
        listener = self._listeners.get(target)
        if listener is None:
            server = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
            server.setblocking(False)
            listener = self._listeners[target] = _Listener(server, routes)
            self._loop.add_reader(server, self._accept, listener)
        listener.routes = routes
        host, port = listener.socket.getsockname()
        return host, port

    def _accept(self, listener: _Listener) -> None:
        """Accept every connection that is waiting."""
        with contextlib.suppress(BlockingIOError):
            while True:
                board, _ = listener.socket.accept()
                board.setblocking(False)
                if self.memory is not None:
                    self._taking[board] = self.memory.connect()
                if self._silent:
                    self._hung.append(board)
                else:
                    self._begin([board], listener.routes)

    def _begin(self, sockets: list[socket.socket], routes: list[Route]) -> None:
        task = self._loop.create_task(self._carry(sockets, routes))
        self._open[task] = sockets
        task.add_done_callback(self._ended)

    async def _carry(self, sockets: list[socket.socket], routes: list[Route]) -> None:
        """Connect to the server for the board's socket, add that socket to `sockets`, and pump."""
        (board,) = sockets
        server = await self._connect(sockets, routes)
        for end in (board, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ways = [
            self._loop.create_task(way)
            for way in (self._send(board, server), self._receive(server, board))
        ]
        try:
            await asyncio.gather(*ways)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _connect(self, sockets: list[socket.socket], routes: list[Route]) -> socket.socket:
        for family, address in routes:
            with contextlib.suppress(OSError):
                server = socket.socket(family, socket.SOCK_STREAM)
                sockets.append(server)
                server.setblocking(False)
                await self._loop.sock_connect(server, address)
                return server
        raise ConnectionRefusedError

    async def _send(self, board: socket.socket, server: socket.socket) -> None:
        """Pass on what the board sends; a connection takes its share until the board closes it.

        MicroPython lets go of a socket whose certificate it refuses, and leaves it open. On a chip
        the next collection closes it. The VM's sockets have no finaliser, so its share ends here.
        """
        try:
            await self._pump(board, server)
        finally:
            if not self._silent:
                self._free(board)

    async def _receive(self, server: socket.socket, board: socket.socket) -> None:
        """Pass on what the server sends. What begins a TLS connection has to fit in `memory`."""
        if self.memory is not None and board in self._taking:
            from keyfob_sim.hardware.server_flight import ServerFlight  # slow to import

            taken = self._taking[board]
            flight = ServerFlight()
            while data := await self._loop.sock_recv(server, _CHUNK):
                if flight.feed(data):
                    break
            chain = flight.chain()
            if chain is not None and not self.memory.shake_hands(taken, chain):
                flight.spoil()
            await asyncio.sleep(self.latency)
            await self._loop.sock_sendall(board, flight.take())
        await self._pump(server, board)

    async def _see_ends(self) -> None:
        for _ in range(_TURNS):
            if not any(map(_has_news, self._taking)):
                return
            if self._silent:  # nobody else reads what comes, and nobody ever will
                for board in [end for end in self._taking if _is_over(end)]:
                    self._free(board)
            await asyncio.sleep(0)

    def _free(self, board: socket.socket) -> None:
        taken = self._taking.pop(board, None)
        if taken is not None and self.memory is not None:
            self.memory.close(taken)

    async def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        while data := await self._loop.sock_recv(source, _CHUNK):
            if _REFUSAL.match(data):
                self._free(source)  # a server's end takes nothing
            await asyncio.sleep(self.latency)
            await self._loop.sock_sendall(sink, data)
        sink.shutdown(socket.SHUT_WR)

    def _ended(self, task: asyncio.Task[None]) -> None:
        sockets = self._open.pop(task)
        if task.cancelled():
            self._hung += sockets
        elif task.exception():
            _reset(sockets)
        else:
            for end in sockets:
                end.close()
        if not self._silent:
            self._free(sockets[0])

    async def _suspend(self) -> None:
        self._silent = True
        open_tasks = list(self._open)
        for task in open_tasks:
            task.cancel()
        await asyncio.gather(*open_tasks, return_exceptions=True)

    async def _resume(self) -> None:
        for listener in self._listeners.values():
            self._accept(listener)  # those still waiting were made while the network was down
        _reset(self._hung)
        self._hung.clear()
        for board in list(self._taking):
            self._free(board)
        self._silent = False

    async def _end(self) -> None:
        await self._suspend()
        await self._resume()
        for listener in self._listeners.values():
            self._loop.remove_reader(listener.socket)
            listener.socket.close()
        for ends in self._dead.values():
            for end in ends:
                end.close()


def is_staged(address: object) -> bool:
    """Whether `Uplink.names` may have it as an address."""
    return isinstance(address, str) and (address in (REFUSED, SILENT) or _is_address(address))


def _dead_end(*, is_silent: bool) -> list[socket.socket]:
    """A socket at whose address nobody listens, or with a full queue, and what fills it."""
    ends = [socket.socket()]
    ends[0].bind(("127.0.0.1", 0))
    if is_silent:
        ends[0].listen(0)
        for _ in range(2):
            ends.append(socket.socket())
            ends[-1].setblocking(False)
            ends[-1].connect_ex(ends[0].getsockname())
    return ends


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _has_news(board: socket.socket) -> bool:
    """Whether something, if only the end, is there to be read."""
    try:
        board.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        pass  # a reset is the end, too
    return True


def _is_over(board: socket.socket) -> bool:
    """Whether the board has closed a connection; what came before that is read and lost."""
    try:
        return not board.recv(_CHUNK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _reset(sockets: list[socket.socket]) -> None:
    for end in sockets:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        end.close()
