"""What makes one provider differ from another, as data.

A profile is the `provider` object of `/keyfob.json`: endpoints by the names they have in
discovery documents (RFC 8414 section 2), and the few fields in which dialects of the
device grant differ. No provider's name appears in this package.
"""

from keyfob.errors import ConfigError
from keyfob.oauth import url
from keyfob.oauth.messages import Client

DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

ENDPOINTS = (
    "device_authorization_endpoint",
    "token_endpoint",
    "revocation_endpoint",
    "userinfo_endpoint",
)

# field: (type, default). A default of None means the field may be absent. What is in a
# dict is text, and a number is above 0.
_DIALECT = {
    "scope_param": (str, "scope"),
    "scope_sep": (str, " "),
    "extra_da_params": (dict, {}),
    "extra_token_params": (dict, {}),
    "grant_type": (str, DEVICE_CODE_GRANT),
    "pending_map": (dict, {}),  # what the provider says: the OAuth error it means
    "da_aliases": (dict, {}),  # member as the provider spells it: its RFC 8628 name
    "default_expires": (int, 300),  # s, where expires_in is missing
    "min_interval": (int, 1),  # s
    "accept": (str, "application/json"),
    "qr_template": (str, None),  # with {user_code}, only where the vendor documents one
}
_CLIENT = {"client_id": str, "client_secret": str, "client_auth": str}
_NOUNS = {str: "a text", int: "a whole number above 0", dict: "an object of texts"}
# Parameters that are keyfob's to send: setting one would send it twice.
_OURS = ("client_id", "client_secret", "grant_type", "device_code")


class Profile:
    """One provider: `issuer`, the endpoints and the dialect, each as an attribute."""

    def __init__(self, fields=None, allow_http=False):
        """Take `fields` (the provider object). Raises ConfigError naming a bad one."""
        fields = {} if fields is None else fields
        self.allow_http = allow_http
        self.issuer = _typed(fields, "issuer", str, None)
        if self.issuer is not None:
            url.check(self.issuer, "provider.issuer", allow_http)
        for name in ENDPOINTS:
            self._set_endpoint(name, _typed(fields, name, str, None), "provider." + name)
        for name in _DIALECT:
            expected, default = _DIALECT[name]
            setattr(self, name, _typed(fields, name, expected, default))
        for name in ("extra_da_params", "extra_token_params"):
            for param in getattr(self, name):
                if param in _OURS:
                    raise ConfigError(
                        "provider.%s must not set %s" % (name, param),
                        "remove it; keyfob sends it where it belongs",
                    )
        for name in fields:
            if not (name == "issuer" or name in ENDPOINTS or name in _DIALECT or name in _CLIENT):
                raise ConfigError(
                    "provider.%s is not a field that keyfob knows" % name,
                    "check its spelling, or remove it",
                )
        if self.issuer is None:
            for name in ENDPOINTS[:2]:
                if getattr(self, name) is None:
                    raise ConfigError(
                        "provider.%s is missing" % name,
                        "enter the provider's address for it, or its issuer",
                    )

    def _set_endpoint(self, name, value, label):
        if value is not None:
            url.check(value, label, self.allow_http)
        setattr(self, name, value)

    @property
    def is_complete(self):
        """Whether the device grant can start without discovery."""
        return self.device_authorization_endpoint is not None and self.token_endpoint is not None

    @property
    def identity(self):
        """What a stored token belongs to: it is never sent anywhere else."""
        return self.issuer or self.token_endpoint

    def learn(self, metadata):
        """Fill endpoints that the configuration left open from a discovery document."""
        for name in ENDPOINTS:
            value = metadata.get(name)
            if getattr(self, name) is None and isinstance(value, str):
                self._set_endpoint(name, value, "the provider's " + name)


def client_from(fields):
    """Return the Client that the provider object describes. Raises ConfigError."""
    for name in _CLIENT:
        _typed(fields, name, _CLIENT[name], None)
    return Client(fields.get("client_id"), fields.get("client_secret"), fields.get("client_auth"))


def _typed(fields, name, expected, default):
    value = fields.get(name)
    if value is None:
        return default
    right = isinstance(value, expected) and not isinstance(value, bool)
    if right and expected is int:
        right = value > 0
    if right and expected is dict:
        right = all(isinstance(text, str) for text in value.values())
    if not right:
        raise ConfigError(
            "provider.%s is of the wrong type" % name, "make it %s" % _NOUNS[expected]
        )
    return value
