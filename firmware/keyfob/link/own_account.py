"""Getting tokens for an account of the board's own: nobody is asked."""

from keyfob.compat import const
from keyfob.errors import TransportError
from keyfob.oauth.client_credentials import before_tokens
from keyfob.oauth.outcome_hints import refusal

_TRIES = const(3)
_PATIENCE = const(60_000)  # ms to wait between them at most


async def get_tokens(provider, clock, _, scope, __):
    """Return what `TokenSet.issued` takes, for the client's own account (RFC 6749 section 4.4).

    Raises ProviderError where the provider refuses, and TransportError once several
    tries have failed.
    """
    tokens = before_tokens(scope)
    for left in range(_TRIES - 1, -1, -1):
        try:
            request = tokens.refresh_request(provider.profile, provider.client)
            reply = await provider.send(request)
            now = clock.ticks(), clock.unix()
            granted = tokens.receive(reply, provider.profile, provider.client, *now)
            if granted is not None:
                return granted.record(), now[0]
            error = refusal(tokens.outcome)
        except TransportError as failure:
            tokens.failed(failure, clock.ticks())
            error = failure
        pause = tokens.pause(clock.ticks())
        passes = isinstance(error, TransportError) and error.kind != "tls"
        if not passes or not left or pause > _PATIENCE:
            raise error
        await clock.sleep(pause)
