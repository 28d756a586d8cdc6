"""The `provider` object of `/keyfob.json`, judged: what a Profile and a Client are made of.

Needed once, when the configuration is read; a board lets go of it then.
"""

from keyfob.errors import ConfigError
from keyfob.oauth import url
from keyfob.oauth.messages import Client
from keyfob.oauth.profile import DEVICE_CODE_GRANT, ENDPOINTS

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


def fill(profile, fields):
    """Set the attributes of `profile` from `fields`. Raises ConfigError naming a bad one."""
    profile.issuer = _typed(fields, "issuer", str, None)
    if profile.issuer is not None:
        url.check(profile.issuer, "provider.issuer", profile.allow_http)
    for name in ENDPOINTS:
        profile.set_endpoint(name, _typed(fields, name, str, None), "provider." + name)
    for name in _DIALECT:
        expected, default = _DIALECT[name]
        setattr(profile, name, _typed(fields, name, expected, default))
    for name in ("extra_da_params", "extra_token_params"):
        for param in getattr(profile, name):
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
    if profile.issuer is None:
        for name in ENDPOINTS[:2]:
            if getattr(profile, name) is None:
                raise ConfigError(
                    "provider.%s is missing" % name,
                    "enter the provider's address for it, or its issuer",
                )


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
