"""The client credentials grant (RFC 6749 section 4.4): a board with an account of its own.

No person approves, and there is no refresh token: new tokens are requested in the same way.
"""

from keyfob.oauth import CLIENT_CREDENTIALS
from keyfob.oauth.messages import form_request


def token_request(profile, client, scope=None):
    """Return the token request (section 4.4.2)."""
    params = [("grant_type", CLIENT_CREDENTIALS), ("scope", scope)]
    extra = profile.extra_token_params
    return form_request(profile.token_endpoint, params, client, profile, extra)
