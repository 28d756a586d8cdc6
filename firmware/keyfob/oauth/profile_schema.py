"""Validating the `provider` object of `/keyfob.json`, and filling a Profile and a Client from it.

Needed once, when the configuration is read; a board unloads it then.
"""

from keyfob.compat import Loaded
from keyfob.errors import ConfigError
from keyfob.oauth import CLIENT_CREDENTIALS, DEVICE_CODE_GRANT, url

ENDPOINTS = (
    "device_authorization_endpoint",
    "token_endpoint",
    "revocation_endpoint",
    "userinfo_endpoint",
)
# Discovery has no refresh_endpoint: it is set where refreshes do not go to the token endpoint.
ADDRESSES = ("issuer",) + ENDPOINTS + ("refresh_endpoint",)
# field: (type, default). A default of None means that the field may be absent. Dicts and lists
# contain strings, and numbers are above 0.
_COMMON = {
    "extra_da_params": (dict, {}),
    "extra_token_params": (dict, {}),
    "grant_type": (str, DEVICE_CODE_GRANT),  # "" where none is sent
    "pending_map": (dict, {}),  # the provider's error or status: the OAuth error it means
    "default_expires": (int, 300),  # s, where expires_in is missing
    "default_interval": (int, 5),  # s, where interval is missing: RFC 8628 section 3.2
    "min_interval": (int, 1),  # s
    "accept": (str, "application/json"),
    "qr_template": (str, None),  # with {user_code}, only where the vendor documents one
    "userinfo_aliases": (dict, None),  # member as the provider spells it: its OpenID Connect name
}
# Rare fields. `Profile.dialect` is a dict of them all where any is set.
_DIALECT = {
    "body_format": (str, "form"),
    "scope_sep": (str, " "),
    "scope_param": (str, "scope"),
    "client_id_param": (str, "client_id"),
    "client_secret_param": (str, "client_secret"),
    "grant_type_param": (str, "grant_type"),
    "device_code_param": (str, "device_code"),
    "refresh_token_param": (str, "refresh_token"),
    "extra_refresh_params": (dict, {}),
    "send_user_code": (bool, False),  # along with the device code
    "da_aliases": (dict, {}),  # member as the provider spells it: its RFC 8628 name
    "token_aliases": (dict, {}),  # the same for RFC 6749; a.b is b within a
    "error_paths": (list, []),  # members that an error may be in besides `error`
    "default_token_type": (str, None),  # where token_type is missing
}
_BODY_FORMATS = ("form", "json")
_MAY_BE_EMPTY = ("grant_type", "client_secret")
_CLIENT = {"client_id": str, "client_secret": str, "client_auth": str}
_HINTS = {
    str: "make it a text, and not an empty one",
    int: "make it a whole number above 0",
    bool: "make it true or false",
    dict: "make it an object of texts",
    list: "make it a list of texts",
}
# Parameters that keyfob sends itself, by any name: a configured one would be sent twice.
_OURS = ("client_id", "client_secret", "grant_type", "device_code", "refresh_token")


def fill(profile, fields):
    """Set the attributes of `profile` from `fields`. Raises ConfigError naming a bad one."""
    for name in ADDRESSES:
        address = _typed(fields, name, str, None)
        if address is not None:
            url.check(address, "provider." + name, profile.allow_http)
            if "{" in address:
                raise ConfigError(
                    "provider.%s has a placeholder in it: %s" % (name, address),
                    "enter your own in place of the braces: the id of your tenant, say",
                )
        setattr(profile, name, address)
    for name in _COMMON:
        expected, default = _COMMON[name]
        setattr(profile, name, _typed(fields, name, expected, default))
    template = profile.qr_template
    if template is not None:
        url.check(template, "provider.qr_template", profile.allow_http)
        if "{user_code}" not in template:
            raise ConfigError(
                "provider.qr_template has no {user_code} in it", "put it where the code belongs"
            )
    profile.dialect = _dialect(fields)
    profile.needs_person = profile.grant_type != CLIENT_CREDENTIALS
    ours = [fields.get(name + "_param") or name for name in _OURS]
    known = list(ADDRESSES) + list(_COMMON) + list(_DIALECT) + list(_CLIENT)
    for name in sorted(fields):
        if name[:6] == "extra_":
            for param in sorted(fields[name] or ()):
                if param in ours:
                    raise ConfigError(
                        "provider.%s must not set %s" % (name, param),
                        "remove it; keyfob sends it where it belongs",
                    )
        if name not in known:
            with Loaded("keyfob.config_text") as code:
                raise code.unknown("provider.", name, known)
    missing = [
        name
        for name in (ENDPOINTS[:2] if profile.needs_person else ENDPOINTS[1:2])
        if getattr(profile, name) is None
    ]
    if missing and profile.issuer is None:
        raise ConfigError(
            "provider.%s is missing" % missing[0],
            "enter the provider's address for it, or its issuer",
        )
    profile.is_complete = not missing
    profile.open = [name for name in ENDPOINTS if missing and getattr(profile, name) is None]
    profile.identity = profile.issuer or profile.token_endpoint
    if not profile.needs_person:  # an account of another kind
        profile.identity = profile.grant_type + " at " + profile.identity


def client_from(fields):
    """Return the Client that the provider object describes. Raises ConfigError."""
    from keyfob.oauth.messages import Client  # stays: the client does

    for name in _CLIENT:
        _typed(fields, name, _CLIENT[name], None)
    if fields.get("grant_type") == CLIENT_CREDENTIALS and not fields.get("client_secret"):
        raise ConfigError(
            "provider.client_secret is missing, and nobody else vouches for the client",
            "enter the secret that the provider issued with client_id",
        )
    return Client(fields.get("client_id"), fields.get("client_secret"), fields.get("client_auth"))


def _dialect(fields):
    """The rare fields with their defaults, or None where none is set."""
    if not any(fields.get(name) is not None for name in _DIALECT):
        return None
    found = {name: _typed(fields, name, *_DIALECT[name]) for name in _DIALECT}
    if found["body_format"] not in _BODY_FORMATS:
        raise ConfigError("provider.body_format is unknown", "choose one of form, json")
    if found["scope_sep"] == "array" and found["body_format"] != "json":
        raise ConfigError(
            "provider.scope_sep is array, which a form cannot hold",
            "set provider.body_format to json, or name a separator",
        )
    return found


def _typed(fields, name, expected, default):
    value = fields.get(name)
    if value is None:
        return default
    right = isinstance(value, expected) and isinstance(value, bool) == (expected is bool)
    if right and expected is str:
        right = value != "" or name in _MAY_BE_EMPTY
    if right and expected is int:
        right = value > 0
    if right and expected is dict:
        right = all(isinstance(text, str) for text in value.values())
    if right and expected is list:
        right = all(isinstance(text, str) for text in value)
    if not right:
        raise ConfigError("provider.%s is of the wrong type" % name, _HINTS[expected])
    return value
