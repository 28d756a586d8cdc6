"""Getting tokens for an account of the board's own, without a person."""

from keyfob.compat import Loaded, const
from keyfob.errors import TransportError
from keyfob.oauth import CLIENT_CREDENTIALS

_TRIES = const(3)
_PATIENCE = const(60_000)  # ms to wait between them at most


async def get_tokens(provider, clock, scope):
    """Return the members of a TokenSet for the client's own account (RFC 6749 section 4.4).

    Raises ProviderError where the provider refuses, and TransportError once several
    tries have failed.
    """
    from keyfob.oauth.token_set import TokenSet  # stays: the tokens do

    # It is empty, but it can request tokens.
    tokens = TokenSet({"grant": CLIENT_CREDENTIALS, "scope": scope, "expires_in": 0})
    for left in range(_TRIES - 1, -1, -1):
        try:
            request = tokens.refresh_request(provider.profile, provider.client)
            reply = await provider.send(request)
            now = clock.ticks(), clock.unix()
            granted = tokens.receive(reply, provider.profile, provider.client, *now)
            if granted is not None:
                return dict(granted.record(), issued_at=now[0])
            with Loaded("keyfob.oauth.outcome_hints") as hints:
                error = hints.refusal(tokens.outcome)
        except TransportError as failure:
            tokens.failed(failure, clock.ticks())
            error = failure
        pause = tokens.pause(clock.ticks())
        passes = isinstance(error, TransportError) and error.kind != "tls"
        if not passes or not left or pause > _PATIENCE:
            raise error
        await clock.sleep(pause)
