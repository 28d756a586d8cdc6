"""What makes one provider differ from another, as data.

A profile is the `provider` object of `/keyfob.json`: endpoints by the names they have in
discovery documents (RFC 8414 section 2), and the few fields in which dialects of the
device grant differ. No provider's name appears in this package.
"""

from keyfob.oauth import url

DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
CLIENT_CREDENTIALS = "client_credentials"

ENDPOINTS = (
    "device_authorization_endpoint",
    "token_endpoint",
    "revocation_endpoint",
    "userinfo_endpoint",
)


class Profile:
    """One provider: `issuer`, the endpoints and the common differences, each as an attribute.

    `dialect` holds what only unusual providers need (see `keyfob.oauth.dialect`), or None.
    """

    def __init__(self, fields=None, allow_http=False):
        """Take `fields` (the provider object). Raises ConfigError naming a bad one."""
        from keyfob.oauth.profile_fields import fill

        self.allow_http = allow_http
        fill(self, {} if fields is None else fields)
        self._open = [name for name in ENDPOINTS if getattr(self, name) is None]
        self.is_configured = self.is_complete  # there is nothing to look up

    @property
    def needs_person(self):
        """Whether somebody has to approve: not where the board has an account of its own."""
        return self.grant_type != CLIENT_CREDENTIALS

    @property
    def is_complete(self):
        """Whether the grant can start without discovery."""
        if self.needs_person and self.device_authorization_endpoint is None:
            return False
        return self.token_endpoint is not None

    @property
    def identity(self):
        """What a stored token belongs to: it is never sent anywhere else."""
        where = self.issuer or self.token_endpoint
        return where if self.needs_person else "%s at %s" % (self.grant_type, where)

    def learn(self, metadata):
        """Set the endpoints that the configuration left open from a discovery document.

        Raises ConfigError, and sets none, where one of them is not safe.
        """
        found = [name for name in self._open if isinstance(metadata.get(name), str)]
        for name in found:
            url.check(metadata[name], "the provider's " + name, self.allow_http)
        for name in found:
            setattr(self, name, metadata[name])

    def learned(self, address):
        """Whether `address` is an endpoint that a discovery document named."""
        return any(getattr(self, name) == address for name in self._open)
