"""The network of one board and the provider behind it, in memory and on the board's clock.

It has what `keyfob_sim.hardware.uplink.Uplink` has for a virtual board, and `connect` beside that.
"""

import asyncio
import errno
import os
import random
import ssl
from collections.abc import Callable
from typing import Any

from keyfob_sim.cpython import shims
from keyfob_sim.hardware.board import VirtualBoard
from keyfob_sim.hardware.clock import SharedClock
from keyfob_sim.hardware.rtc import EPOCH_2000
from keyfob_sim.hardware.uplink import LookupFailed

DAY = 86_400

# Days before and after the present at which the provider's certificates begin and end.
_CERTIFICATE = 30, 60
_LATENCY = 0.02, 0.4  # s
# What a server does with a connection that nobody uses, and after how many seconds.
_IDLE = (
    b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    b"",
    None,
)
_PATIENCE = 3, 60

# Takes a message, and calls back with the reply, None where there is none, and whether the
# connection goes on.
Server = Callable[[bytes, Callable[[bytes | None, bool], None]], None]


class Network:
    """Everything between the board's access point and its provider, `server`.

    `dns` False makes every look-up of a name fail.
    """

    def __init__(self, clock: SharedClock, draws: random.Random) -> None:
        self.clock = clock
        self.draws = draws
        self.server: Server
        self.dns = True
        self.memory = None  # a board of this fleet has RAM in plenty
        self.is_silent = False
        self._open: set[Connection] = set()

    def addresses(self, host: str, port: int) -> list[tuple[str, int]]:
        """Return what a look-up yields. Raises LookupFailed."""
        if self.is_silent or not self.dns:
            raise LookupFailed(host)
        return [(host, port)]

    def cut(self) -> None:
        """Take the network down: nothing passes, and connections hang without an error."""
        self.is_silent = True

    def restore(self) -> None:
        """Bring the network up; connections from before are reset."""
        self.is_silent = False
        for connection in list(self._open):
            connection.reset()

    def watch(self, source: Any, callback: Callable[[], object]) -> None:
        """Nothing waits in another thread."""

    def settle(self) -> None:
        """Nothing is under way in another thread."""

    def close(self) -> None:
        """Nothing is to be closed."""

    async def connect(self, board: VirtualBoard, is_secure: bool) -> "tuple[Any, Connection]":
        """Open a connection; there are a reader and a writer, as of asyncio.open_connection."""
        connection = Connection(self)
        self._open.add(connection)
        try:
            await connection.opened
        except asyncio.CancelledError:
            connection.close()
            raise
        if is_secure:
            why = _refusal(board.rtc.seconds() + EPOCH_2000 - self.clock.now())
            if why is not None:
                connection.close()
                error = ssl.SSLCertVerificationError(1, "certificate verify failed")
                error.verify_message = why
                raise error
        return connection.reader, connection

    def later(self, callback: Callable[[], object]) -> None:
        """Call it once something has passed the network."""
        self.clock.after(self.draws.uniform(*_LATENCY), callback)

    def forget(self, connection: "Connection") -> None:
        self._open.discard(connection)


class Connection:
    """One connection, of which this is the writer. `opened` is done once it is open."""

    def __init__(self, network: Network) -> None:
        loop = asyncio.get_running_loop()
        self.reader = asyncio.StreamReader(loop=loop)
        self.opened: asyncio.Future[None] = loop.create_future()
        self._network = network
        self._sent = b""
        self._is_closed = False
        self._uses = 0
        self._at_rest = network.draws.choice(_IDLE)
        network.later(self._accept)

    @property
    def transport(self) -> "Connection":
        """What has `abort`."""
        return self

    def write(self, data: bytes) -> None:
        """Send what the board has written, once it is a whole request."""
        self._sent += data
        head, end, body = self._sent.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head) or self._is_closed:
            return
        message, self._sent = self._sent, b""
        self._uses += 1
        self._network.later(lambda: self._arrive(message))

    async def drain(self) -> None:
        """All is on its way."""

    def close(self) -> None:
        """Close it."""
        self._is_closed = True
        self._network.forget(self)

    abort = close

    async def wait_closed(self) -> None:
        """It is closed at once."""

    def is_closing(self) -> bool:
        """Whether it is closed."""
        return self._is_closed

    def reset(self) -> None:
        """End it as a network does that has forgotten it."""
        if self._is_closed:
            return
        self.close()
        error = ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        if not self.opened.done():
            self.opened.set_exception(error)
        self.reader.set_exception(error)

    def _accept(self) -> None:
        if not (self._is_closed or self._network.is_silent or self.opened.done()):
            self.opened.set_result(None)

    def _arrive(self, message: bytes) -> None:
        """The request is there, unless the network has gone."""
        if not self._network.is_silent:
            network = self._network
            network.server(
                message, lambda reply, goes_on: network.later(lambda: self._take(reply, goes_on))
            )

    def _take(self, reply: bytes | None, goes_on: bool) -> None:
        """The reply is there."""
        if self._network.is_silent or self._is_closed:
            return
        if reply:
            self.reader.feed_data(reply)
        if not goes_on:
            self.reader.feed_eof()
        elif self._at_rest is not None:
            uses = self._uses
            patience = self._network.draws.uniform(*_PATIENCE)
            self._network.clock.after(patience, lambda: self._end(uses))

    def _end(self, uses: int) -> None:
        """The server ends a connection that was not used again."""
        if self._uses == uses and not (self._network.is_silent or self._is_closed):
            if self._at_rest:
                self.reader.feed_data(self._at_rest)
            self.reader.feed_eof()


class Streams(shims._Asyncio):
    """`asyncio` of a board whose connections are those of a Network."""

    async def open_connection(self, host: str, port: int, **named: Any) -> Any:
        """As asyncio's."""
        try:
            self._board.addresses(host, port)
        except LookupFailed:
            raise OSError(shims._NAME_UNKNOWN, "the name is not known") from None
        return await self._board.uplink.connect(self._board, "ssl" in named)


def _refusal(apart: float) -> str | None:
    """What is wrong with a certificate by a clock that is `apart` seconds from the time."""
    before, after = _CERTIFICATE
    if apart < -before * DAY:
        return "certificate is not yet valid"
    return "certificate has expired" if apart > after * DAY else None


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    return 0
