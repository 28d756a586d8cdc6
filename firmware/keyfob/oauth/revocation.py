"""Token revocation (RFC 7009)."""

from keyfob.oauth.messages import form_request


def revocation_request(tokens, profile, client):
    """Return the request that ends a link at the provider (section 2.1), or None.

    It revokes the refresh token where there is one, which revokes the access tokens of the same
    grant, too. None where the provider has no such endpoint.
    """
    if profile.revocation_endpoint is None:
        return None
    hint = "access_token" if tokens.refresh_token is None else "refresh_token"
    params = [("token", getattr(tokens, hint)), ("token_type_hint", hint)]
    return form_request(profile.revocation_endpoint, params, client, profile)


def is_confirmed(reply):
    """Whether the provider confirmed that the token is gone (section 2.2).

    200 is the answer for unknown tokens, too; after a 503 the token still lives.
    """
    return reply.status == 200
