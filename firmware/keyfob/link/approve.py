"""Getting a person's approval: show a code, and poll until it is approved or refused."""

from keyfob.compat import const, settle
from keyfob.errors import AS_FATAL, TransportError, no_memory
from keyfob.oauth import device_grant, ticks
from keyfob.oauth import outcome as meaning

_AGAIN = const(55_000)  # ms, and a poll's gap, until a code that could not be stored is again
_NAP = const(60_000)  # ms between two looks whether an earlier link is back


async def get_approval(provider, clock, events, scope, account, is_last=False):
    """Show a code and poll until it is approved; return the members of a TokenSet.

    None where an earlier link, which the provider had ended, came back meanwhile.
    A code that is pending from before a reset is used again while it lives. A new code is stored
    as pending in `account`. Unless it `is_last`, an endpoint that is not found is looked up and
    asked once more. Raises `DeviceGrant.error`: LinkDenied, LinkExpired or another.
    """
    grant = device_grant.DeviceGrant(provider.profile, provider.client, scope, clock.jitter)
    is_old = account.pending is not None and grant.resume(
        account.pending, clock.ticks(), clock.unix()
    )
    if is_old:
        events.notify("user_code", resumed=True, **grant.shown())
        request = await _next_request(grant, clock, account)
    else:
        request = grant.authorize(clock.ticks())
    interval = grant.interval
    stored = clock.ticks()  # when that was tried last
    while request is not None:
        is_poll = grant.state == device_grant.PENDING
        sent = clock.ticks()
        try:
            _receive(grant, await provider.send(request), clock)  # no name keeps the reply
        except (TransportError, MemoryError) as error:
            if isinstance(error, MemoryError):
                error = no_memory("for the provider's reply", "free some RAM")
                await settle()
            grant.failed(error, clock.ticks())
        wait = grant.wait(clock.ticks())
        if grant.state == device_grant.PENDING:
            store = None
            if not is_poll or grant.interval != interval:
                interval = grant.interval
                store = events.attempt
            elif events.unsaved is not None and ticks.diff(sent, stored) >= _AGAIN:
                store = events.attempt_again
            if store is not None:
                stored = clock.ticks()
                store(account.keep_pending, grant.record(stored, clock.unix()))
        if is_poll:
            _notify_poll(events, grant.outcome, wait, ticks.diff(clock.ticks(), sent))
        elif grant.state == device_grant.PENDING:
            await settle()  # a screen wants the RAM
            events.notify("user_code", resumed=False, **grant.shown())
        if is_old and is_poll and grant.state in (device_grant.EXPIRED, device_grant.FAILED):
            # While the power was off the code expired, or its tokens were issued and lost.
            events.attempt(account.drop_pending)
            return await get_approval(provider, clock, events, scope, account)
        if is_poll and grant.outcome.kind != meaning.RETRY:
            is_old = False
        request = await _next_request(grant, clock, account)
    if grant.state == device_grant.GRANTED:
        return grant.issued
    if grant.user_code is None and not is_last:
        address = provider.profile.device_authorization_endpoint
        await provider.discover()
        if provider.profile.device_authorization_endpoint != address:
            return await get_approval(provider, clock, events, scope, account, True)
    events.attempt(account.drop_pending)
    if account.is_usable(clock.ticks(), clock.unix()):
        return None
    end = grant.error
    if grant.state == device_grant.DENIED:
        events.notify("denied")
        end.notified = AS_FATAL  # the event did that
    elif grant.state == device_grant.EXPIRED:
        if end.lost is not None:
            events.notify_error(end)
        events.notify("expired", lost=end.lost)
        end.notified = AS_FATAL
    raise end


def _receive(grant, reply, clock):
    grant.receive(reply, clock.ticks(), clock.unix())


async def _next_request(grant, clock, account):
    """Wait until the grant's next request is due and return it.

    None once it has ended, or an earlier link that the provider had ended is back.
    """
    while True:
        now = clock.ticks()
        wait = grant.wait(now)
        if wait is None or account.is_usable(now, clock.unix()):
            return None
        if wait == 0:
            is_first = grant.state == device_grant.IDLE
            return grant.authorize(now) if is_first else grant.poll(now)
        await clock.sleep(min(wait, _NAP))


def _notify_poll(events, outcome, wait, took):
    events.notify(
        "poll",
        result=meaning.NAMES[outcome.kind],
        error=outcome.error,
        interval=None if wait is None else wait / 1000,
        took=took,
        trouble=str(outcome) if outcome.kind >= meaning.RETRY else None,
    )
