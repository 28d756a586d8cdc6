"""The device grant by hand: no screen, no store, nothing in the background.

DeviceGrant does no input or output. It hands out requests, takes replies and says how
long to wait; this file decides how they travel and what the person sees. It reads
/keyfob.json for the provider, and expects the network to be up (boot.py is a good
place for that).
"""

import asyncio

from keyfob import DeviceGrant
from keyfob.config import load
from keyfob.errors import TransportError
from keyfob.net.clock import Clock
from keyfob.net.http import HttpClient
from keyfob.oauth.device_grant import PENDING
from keyfob.oauth.metadata import Discovery


async def approve(config, http, clock):
    """Show a code and poll until somebody approves; return the TokenSet."""
    if not config.profile.is_complete:
        search = Discovery(config.profile)
        while not search.receive(await http.send(search.request()), config.client):
            pass
    grant = DeviceGrant(config.profile, config.client, config.scope)
    request = grant.authorize(clock.ticks())
    while request is not None:
        is_first = grant.state != PENDING
        try:
            grant.receive(await http.send(request), clock.ticks(), clock.unix())
        except TransportError as error:
            grant.failed(error, clock.ticks())
        if is_first and grant.state == PENDING:
            print("Open", grant.verification_uri, "and enter", grant.user_code)
        request = await next_request(grant, clock)
    if grant.error is not None:
        raise grant.error
    return grant.tokens


async def next_request(grant, clock):
    """Wait until the next request is due; None once the grant has ended."""
    while True:
        wait = grant.wait(clock.ticks())
        if wait is None:
            return None
        if wait == 0:
            now = clock.ticks()
            return grant.poll(now) if grant.state == PENDING else grant.authorize(now)
        await clock.sleep(wait)


async def main():
    config = load("/keyfob.json")
    http = HttpClient(config.roots(), config.allow_http)
    clock = Clock()
    await clock.synchronise()  # certificates have dates
    try:
        tokens = await approve(config, http, clock)
    finally:
        await http.close()
    print("approved:", tokens.scope)
    # tokens.access_token is yours to use; keep tokens.record() somewhere safe.


asyncio.run(main())
