"""An HTTP server that does as a test tells it, in the same process, on a board too.

async def talk(peer):
    await peer.request()
    await peer.send(b"HTTP/1.1 204 No Content\\r\\n\\r\\n")

server = await serve(talk)
...
await server.stop()
"""

import asyncio
import os

_TRIES = 50


class Peer:
    """The server's end of one connection."""

    def __init__(self, server, reader, writer):
        self._server = server
        self._reader = reader
        self._writer = writer

    async def request(self):
        """Read one whole request, add it to the server's `requests` and return it."""
        head = b""
        length = 0
        while not head.endswith(b"\r\n\r\n"):
            line = await self._reader.readline()
            if not line:
                raise EOFError
            if line.lower().startswith(b"content-length:"):
                length = int(line[15:])
            head += line
        body = await self._reader.readexactly(length)
        self._server.requests.append(head + body)
        return head + body

    async def send(self, data, piece=None):
        """Send `data`, `piece` bytes at a time if given."""
        step = piece or len(data)
        for start in range(0, len(data), step):
            self._writer.write(data[start : start + step])
            await self._writer.drain()

    async def gone(self):
        """Wait until the client has closed."""
        while await self._reader.read(64):
            pass

    async def close(self):
        self._writer.close()
        await self._writer.wait_closed()


class Server:
    """`port`, the `requests` seen so far, all `connections` there were, and those `open`."""

    def __init__(self, talks):
        self.port = None
        self.requests = []
        self.connections = 0
        self.open = 0
        self._talks = talks
        self._server = None

    def url(self, path="/"):
        return "http://127.0.0.1:%d%s" % (self.port, path)

    async def until(self, name, value):
        """Let others run until the attribute `name` is `value`; a second is more than enough."""
        for _ in range(1000):
            if getattr(self, name) == value:
                return
            await asyncio.sleep(0.001)
        raise AssertionError("%s is %r, not %r" % (name, getattr(self, name), value))

    async def stop(self):
        """Stop listening, and see that no client has left a connection open."""
        self._server.close()
        if hasattr(self._server, "task"):  # MicroPython closes the socket only then
            await self._server.wait_closed()
        await self.until("open", 0)

    async def start(self):
        """Listen on a free port: MicroPython cannot say which one port 0 became."""
        for _ in range(_TRIES):
            self.port = 20_000 + int.from_bytes(os.urandom(2), "big") % 10_000
            try:
                self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
                return
            except OSError:
                pass
        raise OSError("no port is free")

    async def _serve(self, reader, writer):
        talk = self._talks[min(self.connections, len(self._talks) - 1)]
        self.connections += 1
        self.open += 1
        peer = Peer(self, reader, writer)
        try:
            await talk(peer)
        except (OSError, EOFError):
            pass  # the client went away, as clients may
        finally:
            self.open -= 1
            try:
                await peer.close()
            except OSError:
                pass


async def serve(*talks):
    """Start a server whose nth connection is handled by the nth of `talks`, later by the last."""
    server = Server(talks)
    await server.start()
    return server


def answers(*replies):
    """A talk that answers each request by the next of `replies` and then closes."""

    async def talk(peer):
        for reply in replies:
            await peer.request()
            await peer.send(reply)

    return talk


def stays(*replies):
    """A talk that answers each request by the next of `replies` and then waits for the client."""
    talk_first = answers(*replies)

    async def talk(peer):
        await talk_first(peer)
        await peer.gone()

    return talk
