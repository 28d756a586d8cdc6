"""Ask the provider for a code and poll once: null, or what is wrong and what to try.

The first item is the step: clock, discovery, client, poll.
"""

import asyncio
import json

from keyfob import AccountLink

AccountLink.from_config(notify=print)  # as in the application, Python's heap leaves TLS room

from keyfob.config import load
from keyfob.errors import KeyfobError
from keyfob.link.provider import Provider
from keyfob.net.clock import Clock
from keyfob.net.http import HttpClient
from keyfob.oauth import device_grant, outcome

PATIENCE = 10_000  # ms until a poll that may be waited for


async def look():
    config = load()
    clock = Clock()
    await clock.synchronise()
    profile = config.profile
    address = profile.issuer or profile.token_endpoint
    if clock.unix() is None and address.lower().startswith("https:"):
        return ["clock", "clock", "the clock is not set, and no time server answers", None, None]
    http = HttpClient(config.roots(), config.allow_http)
    provider = Provider(profile, config.client, http, clock)
    step = "discovery"
    try:
        await provider.discover()
        step = "client"
        grant = device_grant.DeviceGrant(profile, config.client, config.scope)
        grant.receive(await provider.send(grant.authorize(0)), 0, clock.unix())
        wait = grant.wait(0)
        has_code = grant.state == device_grant.PENDING
        if has_code and wait < PATIENCE:
            step = "poll"
            await clock.sleep(wait)
            grant.receive(await provider.send(grant.poll(wait)), wait, clock.unix())
        answer = grant.outcome
        if answer.kind in (outcome.RETRY, outcome.REFUSED) or (
            answer.kind == outcome.SLOW_DOWN and grant.error is not None
        ):
            hint = None if grant.error is None else grant.error.hint
            return [step, "network", "the provider answers: %s" % answer, hint, None]
        if grant.error is not None:
            raise grant.error
    except KeyfobError as error:
        # What may pass is not the provider's own, such as a page for guests instead of discovery.
        kind = error.kind if error.kind != "provider" or error.interval is None else "network"
        return [step, kind, error.message, error.hint, getattr(error, "error", None)]
    finally:
        await http.close()


print(json.dumps(asyncio.run(look())))
