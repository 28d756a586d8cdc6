"""One provider as this board reaches it."""

from keyfob.compat import const, drop
from keyfob.errors import TransportError
from keyfob.net.http_reply import MAX_BODY

_TRIES = const(3)  # of a discovery request
_FIRST_PAUSE = const(1_000)  # ms between them, doubled each time


class Provider:
    """A `profile`, the `client` that is known there, and an HTTP client to ask with."""

    def __init__(self, profile, client, http, clock):
        self.profile = profile
        self.client = client
        self._http = http
        self._clock = clock

    async def send(self, request, timeout_ms=None, max_body=MAX_BODY):
        """Return the reply to `request`; see `HttpClient.send`."""
        reply = await self._http.send(request, timeout_ms, max_body)
        # Nothing between here and there may answer such a request from a cache.
        if request.url == self.profile.token_endpoint and request.url.startswith("https:"):
            self._clock.witness(reply.headers.get("date"))
        return reply

    async def hang_up(self):
        """Close the connection: its TLS buffers are large, and idle from now on."""
        await self._http.close()

    async def discover(self, tries=_TRIES):
        """Learn the endpoints that the configuration left to the issuer.

        Raises TransportError once `tries` have failed, and what `Discovery` raises.
        """
        if self.profile.is_complete:
            return
        try:
            await self._look_up(tries)
        finally:
            drop("keyfob.oauth.metadata")

    async def _look_up(self, tries):
        from keyfob.oauth import metadata

        pause = _FIRST_PAUSE
        for left in range(tries - 1, -1, -1):
            try:
                search = metadata.Discovery(self.profile)
                while not search.receive(await self.send(search.request()), self.client):
                    pass
                return
            except TransportError as error:
                if error.kind == "tls" or not left:
                    raise
            await self._clock.sleep(pause)
            pause *= 2
