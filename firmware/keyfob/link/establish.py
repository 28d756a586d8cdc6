"""Making a link of new tokens: store them, and find out whose account it is."""

from keyfob.compat import Loaded, settle


async def establish(issued, link, provider, clock, events, account):
    """Give `account` the tokens that were `issued`; return whether it is another than before.

    `issued` is what a TokenSet is made of. The tokens are stored before they are used.
    """
    from keyfob.oauth.token_set import TokenSet  # stays: the tokens do

    tokens = TokenSet(issued)
    former = account.subject or account.former
    is_known = _identify(account, tokens, provider, clock, events)
    try:
        await settle()  # storing them wants the RAM
    finally:  # a cancellation must not cost the tokens
        events.attempt(account.keep, tokens)  # where that fails, the link stays in RAM
    if is_known:
        await _ask_for_name(link, provider.profile, account, events)
    return None not in (former, account.subject) and former != account.subject


def _identify(account, tokens, provider, clock, events):
    """Learn from the ID token whose account it is; False where the token is not valid."""
    account.subject = account.name = None
    try:
        with Loaded("keyfob.link.identity") as identity:
            identity.note(account, identity.claims(tokens, provider, clock.unix()))
    except Exception as error:  # noqa: BLE001 - it is told
        events.notify_error(error)  # the link works; whose it is stays unknown
        return False
    return True


async def _ask_for_name(link, profile, account, events):
    try:
        with Loaded("keyfob.link.identity") as identity:
            claims = await identity.ask(link, profile, account)
            if claims is not None:
                identity.note(account, claims)
                events.attempt(account.keep, account.tokens)
    except Exception as error:  # noqa: BLE001 - it is told
        events.notify_error(error)  # a name is not needed
