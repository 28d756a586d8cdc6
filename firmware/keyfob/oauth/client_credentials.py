"""The client credentials grant (RFC 6749 section 4.4): a board with an account of its own.

Nobody approves, and there is no refresh token: new tokens are asked for in the same way.
"""

from keyfob.oauth.messages import form_request
from keyfob.oauth.profile import CLIENT_CREDENTIALS
from keyfob.oauth.token_set import TokenSet


def token_request(profile, client, scope=None):
    """Return the token request (section 4.4.2)."""
    params = [("grant_type", CLIENT_CREDENTIALS), ("scope", scope)]
    extra = profile.extra_token_params
    return form_request(profile.token_endpoint, params, client, profile, extra)


def before_tokens(scope):
    """Return a TokenSet that holds nothing yet but the way to get some for `scope`."""
    return TokenSet({"grant": CLIENT_CREDENTIALS, "scope": scope, "expires_in": 0})
