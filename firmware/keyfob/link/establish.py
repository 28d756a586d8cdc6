"""Making a new link: get tokens, store them, and find out whose account it is."""

from keyfob.compat import Loaded
from keyfob.errors import ProviderError


async def establish(link, provider, clock, events, scope, account):
    """Get tokens for `account`; return whether it is another account than before.

    They are stored before they are used. Raises what
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
    events.attempt(account.keep, tokens)  # where that fails, the link stays in RAM
    if is_known and account.name == account.subject:
        await _ask_for_name(link, provider.profile, account, events)
    return None not in (former, account.subject) and former != account.subject


def _identify(account, tokens, provider, clock, events):
    """Learn from the ID token whose account it is; False where the token is not valid."""
    with Loaded("keyfob.link.identity") as identity:
        try:
            claims = identity.claims(tokens, provider, clock.unix())
        except ProviderError as error:
            events.notify_error(error)  # the link works; whose it is stays unknown
            claims = None
        identity.note(account, claims or {})
    return claims is not None


async def _ask_for_name(link, profile, account, events):
    with Loaded("keyfob.link.identity") as identity:
        claims = await identity.ask(link, profile, account)
        if claims is not None:
            identity.note(account, claims)
            events.attempt(account.keep, account.tokens)
