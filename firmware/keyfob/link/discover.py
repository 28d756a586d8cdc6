"""Looking up a provider's endpoints (discovery), with retries."""

from keyfob.compat import const
from keyfob.errors import TransportError
from keyfob.oauth.metadata import Discovery

_FIRST_PAUSE = const(1_000)  # ms between two tries, doubled each time


async def look_up(provider, clock, tries):
    """Look up the endpoints of `provider` at its issuer.

    Raises TransportError once `tries` have failed, and what `Discovery` raises.
    """
    pause = _FIRST_PAUSE
    for left in range(tries - 1, -1, -1):
        try:
            search = Discovery(provider.profile)
            while not search.receive(await provider.send(search.request()), provider.client):
                pass
            return
        except TransportError as error:
            if error.kind == "tls" or error.interval or not left:
                raise
        await clock.sleep(pause)
        pause *= 2
