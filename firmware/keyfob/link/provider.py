"""One provider as this board reaches it."""

import asyncio

from keyfob.compat import Loaded, const, settle
from keyfob.errors import KeyfobError
from keyfob.oauth.messages import MAX_BODY
from keyfob.oauth.ticks import Stopwatch

_TRIES = const(3)  # of discovery
_MAX_AGE = const(86_400_000)  # ms after which endpoints are looked up again


class Provider:
    """A `profile`, the `client` that is known there, and an HTTP client to ask with."""

    def __init__(self, profile, client, http, clock):
        self.profile = profile
        self.client = client
        self._http = http
        self._clock = clock
        self._age = None  # Stopwatch since the endpoints were looked up
        self._lock = asyncio.Lock()  # of tasks that want them together one looks them up

    async def send(self, request, timeout_ms=None, max_body=MAX_BODY):
        """Return the reply to `request`; see `HttpClient.send`."""
        reply = await self._http.send(request, timeout_ms, max_body)
        profile = self.profile
        if request.url in (profile.token_endpoint, profile.refresh_endpoint):
            # No cache may answer such a request, so its Date is the present time.
            if request.url.startswith("https:"):
                self._clock.note_date(reply.headers.get("date"))
        elif request.url != profile.device_authorization_endpoint:
            return reply
        if reply.status == 404:
            self._age = None  # it may have moved
        return reply

    async def hang_up(self):
        """Close the connection, since its TLS buffers are large."""
        await self._http.close()
        await settle()

    async def discover(self, tries=_TRIES):
        """Look up the endpoints that the configuration leaves open.

        That is done once a day, and again after an endpoint of the link answered 404. Raises
        TransportError once `tries` have failed, and what `Discovery` raises. Nothing is raised
        where earlier endpoints are known.
        """
        if not self.profile.open:
            return
        async with self._lock:
            age = self._age
            if age is not None and age.elapsed(self._clock.ticks()) < _MAX_AGE:
                return
            try:
                with Loaded("keyfob.link.discover") as code:
                    await code.look_up(self, self._clock, tries)
            except KeyfobError:
                if not self.profile.is_complete:
                    raise
            self._age = Stopwatch(self._clock.ticks())
            await settle()  # without what looked them up
