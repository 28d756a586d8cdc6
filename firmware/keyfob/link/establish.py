"""Making a new link: tokens, made durable, and whose they are."""

from keyfob.compat import Loaded
from keyfob.errors import ProviderError


async def establish(link, provider, clock, events, scope, account):
    """Get tokens for `account`; return whether it is another person's than before.

    They are made durable before anything else is done with them. Raises what
    `approve.get_approval` or `own_account.get_tokens` raise.
    """
    if provider.profile.needs_person:
        with Loaded("keyfob.link.approve") as code:
            issued = await code.get_approval(provider, clock, events, scope, account)
    else:
        with Loaded("keyfob.link.own_account") as code:
            issued = await code.get_tokens(provider, clock, scope)
    del code  # the tokens need its room
    from keyfob.oauth.token_set import TokenSet  # stays: the tokens do

    tokens = TokenSet(issued)
    del issued
    former = account.subject or account.former
    is_known = _identify(account, tokens, provider, clock, events)
    account.is_stored = False
    events.attempt(account.keep, tokens)  # the link goes on in memory
    if is_known and account.name == account.subject:
        await _ask_for_name(link, provider.profile, account, events)
    return None not in (former, account.subject) and former != account.subject


def _identify(account, tokens, provider, clock, events):
    """Take whose account it is from the ID token; False where that does not hold."""
    with Loaded("keyfob.link.identity") as identity:
        try:
            claims = identity.claims(tokens, provider, clock.unix())
        except ProviderError as error:
            events.notify_error(error)  # the link holds; whose it is stays unknown
            claims = None
        identity.note(account, claims or {})
    return claims is not None


async def _ask_for_name(link, profile, account, events):
    with Loaded("keyfob.link.identity") as identity:
        claims = await identity.ask(link, profile, account)
        if claims is not None:
            identity.note(account, claims)
            events.attempt(account.keep, account.tokens)
