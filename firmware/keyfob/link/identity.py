"""Whose account it is: the claims of the ID token, and userinfo for a readable name."""

from keyfob.compat import Loaded
from keyfob.errors import ProviderError, TransportError


def claims(tokens, provider, unix):
    """The verified claims of the tokens' ID token; {} where there is none.

    Raises ProviderError for one that is not valid for this client; it is not stored then.
    """
    issuer = provider.profile.issuer
    if tokens.id_token is None or issuer is None:
        return {}
    text, tokens.id_token = tokens.id_token, None
    with Loaded("keyfob.oauth.id_token") as code:
        found = code.check(code.claims(text), issuer, provider.client.client_id, unix)
    tokens.id_token = text
    return found


async def ask(link, profile, account):
    """Ask userinfo who `account` is (OpenID Connect Core section 5.3).

    With `userinfo_aliases` it is an API of the provider's own, which needs no scope `openid`.
    Returns its claims, or None where there is no usable answer: the name is optional.
    """
    if account.name is not None:
        return None  # the ID token had a name
    url = profile.userinfo_endpoint
    aliases = profile.userinfo_aliases or {}
    if url is None or (not aliases and "openid" not in (link.scope or "").split()):
        return None
    try:
        reply = await link.get(url)
        if reply.status != 200:
            return None
        with Loaded("keyfob.oauth.messages") as code:
            found = code.members(reply) or {}
    except (TransportError, ProviderError, MemoryError):
        return None
    for alias in aliases:
        value = found.get(alias)
        if value is not None:
            found[aliases[alias]] = str(value)  # an ID may be a number
    subject = found.get("sub")
    if not isinstance(subject, str) or account.subject not in (None, subject):
        return None
    return found


def note(account, found):
    """Set whose `account` is from `found`, the claims."""
    account.subject = found.get("sub")
    with Loaded("keyfob.oauth.id_token") as code:
        account.name = code.account_name(found)
