"""Getting a person's approval: a code to show, and polls until the person has decided."""

import os

from keyfob.errors import AS_FATAL, TransportError
from keyfob.oauth import device_grant, ticks
from keyfob.oauth import outcome as meaning

# What the end of an attempt is called among the events; any other is an error.
_ENDS = {device_grant.DENIED: "denied", device_grant.EXPIRED: "expired"}


async def get_approval(provider, clock, events, scope):
    """Show a code and poll until it is approved; return the tokens.

    Raises LinkDenied, LinkExpired and what else `DeviceGrant.error` may be.
    """
    grant = device_grant.DeviceGrant(provider.profile, provider.client, scope, _spread)
    request = grant.authorize(clock.ticks())
    while request is not None:
        is_poll = grant.state == device_grant.PENDING
        sent = clock.ticks()
        try:
            reply = await provider.send(request)
            grant.receive(reply, clock.ticks(), clock.unix())
        except TransportError as error:
            grant.failed(error, clock.ticks())
        wait = grant.wait(clock.ticks())
        if is_poll:
            _tell_poll(events, grant.outcome, wait, ticks.diff(clock.ticks(), sent))
        elif grant.state == device_grant.PENDING:
            _tell_code(events, grant)
        request = await _next_request(grant, clock)
    if grant.state == device_grant.GRANTED:
        return grant.tokens
    if grant.state in _ENDS:
        events.tell(_ENDS[grant.state])
        grant.error.told = AS_FATAL  # by that event
    raise grant.error


async def _next_request(grant, clock):
    """Wait until the grant's next request is due; None once there is none."""
    while True:
        now = clock.ticks()
        wait = grant.wait(now)
        if wait is None:
            return None
        if wait == 0:
            is_first = grant.state == device_grant.IDLE
            return grant.authorize(now) if is_first else grant.poll(now)
        await clock.sleep(wait)


def _tell_code(events, grant):
    events.tell(
        "user_code",
        user_code=grant.user_code,
        verification_uri=grant.verification_uri,
        verification_uri_complete=grant.verification_uri_complete,
        expires_in=grant.expires_in,
        interval=grant.interval,
        resumed=False,
    )


def _tell_poll(events, outcome, wait, took):
    events.tell(
        "poll",
        result=meaning.NAMES[outcome.kind],
        error=outcome.error,
        interval=None if wait is None else wait / 1000,
        took=took,
        trouble=str(outcome) if outcome.kind >= meaning.RETRY else None,
    )


def _spread(limit):
    """A random number of ms below `limit`."""
    return int.from_bytes(os.urandom(2), "big") * limit // 65536
