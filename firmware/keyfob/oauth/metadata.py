"""Discovery: from an issuer to its endpoints (RFC 8414, OpenID Connect Discovery 1.0)."""

from keyfob.errors import ConfigError, ProviderError, TransportError
from keyfob.oauth.messages import clean, get_request, members

_OIDC = "/.well-known/openid-configuration"
_OAUTH = "/.well-known/oauth-authorization-server"


def well_known(issuer):
    """The addresses to try in turn: OIDC appends to the path, RFC 8414 goes before it."""
    base = issuer[:-1] if issuer.endswith("/") else issuer
    scheme, _, rest = base.partition("://")
    host, slash, path = rest.partition("/")
    return (base + _OIDC, "%s://%s%s%s%s" % (scheme, host, _OAUTH, slash, path))


class Discovery:
    """Looks an issuer up. Send `request()`s to `receive` until that returns True."""

    def __init__(self, profile):
        self._profile = profile
        self._left = list(well_known(profile.issuer))
        self._trouble = None

    def request(self):
        """Return the next request to send."""
        return get_request(self._left[0])

    def receive(self, reply, client=None):
        """Take an answer: True once profile and client know all they need.

        Raises ConfigError where the provider calls itself otherwise (RFC 8414 section
        3.3: byte for byte), ProviderError where it offers no device grant or no document,
        TransportError where it is in passing trouble.
        """
        self._left.pop(0)
        values = members(reply) if reply.status == 200 else None
        if values is None or "issuer" not in values:
            if reply.status >= 500 or reply.status in (408, 425, 429):
                self._trouble = reply.status
            if self._left:
                return False
            self._give_up()
        profile = self._profile
        if values["issuer"] != profile.issuer:
            raise ConfigError(
                "the issuer %s calls itself otherwise" % profile.issuer,
                "use its own spelling: %s" % clean(values["issuer"]),
            )
        profile.learn(values)
        if not profile.is_complete:
            raise ProviderError(
                "%s does not offer the device grant" % profile.issuer,
                "switch it on at the provider, or choose another issuer",
            )
        if client is not None:
            client.settle(values.get("token_endpoint_auth_methods_supported"))
        return True

    def _give_up(self):
        if self._trouble:
            raise TransportError(
                "%s answers HTTP %d" % (self._profile.issuer, self._trouble), "try again later"
            )
        raise ProviderError(
            "%s has no discovery document" % self._profile.issuer,
            "check the issuer, or enter the provider's endpoints instead",
        )
