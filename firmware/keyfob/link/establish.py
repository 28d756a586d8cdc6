"""Making a new link: tokens, made durable, and whose they are."""

from keyfob.compat import drop
from keyfob.errors import ProviderError

# What getting them takes.
_FOR_TOKENS = (
    "keyfob.link.approve",
    "keyfob.link.own_account",
    "keyfob.oauth.device_grant",
    "keyfob.oauth.token_response",
    "keyfob.oauth.outcome",
    "keyfob.oauth.outcome_odd",
    "keyfob.oauth.outcome_hints",
)


async def establish(link, provider, clock, events, scope, account):
    """Get tokens for `account`; return whether it is another person's than before.

    They are made durable before anything else is done with them. Raises what
    `approval.get_approval` or `service.get_tokens` raise.
    """
    if provider.profile.needs_person:
        from keyfob.link.approve import get_approval as get_tokens
    else:
        from keyfob.link.own_account import get_tokens

    try:
        issue = await get_tokens(provider, clock, events, scope, account)
    finally:
        del get_tokens
        drop(*_FOR_TOKENS)
    from keyfob.link import identity
    from keyfob.oauth.token_set import TokenSet

    tokens = TokenSet.issued(issue)
    former = account.subject or account.former
    try:
        claims = identity.claims(tokens, provider, clock.unix())
    except ProviderError as error:
        events.tell_error(error)  # the link holds; whose it is stays unknown
        claims = None
    identity.note(account, claims or {})
    account.is_stored = False
    is_known = claims is not None
    del issue, claims, identity
    drop("keyfob.link.identity", "keyfob.oauth.id_token")  # the store takes some RAM, too
    events.attempt(account.keep, tokens)  # the link goes on in memory
    if is_known and account.name == account.subject:
        from keyfob.link import identity

        claims = await identity.ask(link, provider.profile, account)
        if claims is not None:
            identity.note(account, claims)
            events.attempt(account.keep, account.tokens)
    return None not in (former, account.subject) and former != account.subject
