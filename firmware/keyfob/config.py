"""`/keyfob.json`: the configuration, read and validated.

People edit the file by hand, so every error names the field.
"""

import json

from keyfob.compat import Loaded
from keyfob.errors import ConfigError
from keyfob.oauth import url
from keyfob.oauth.profile import Profile
from keyfob.oauth.profile_schema import client_from

_FIELDS = {
    "wifi": list,
    "provider": dict,
    "scope": str,
    "ca": list,
    "allow_http": bool,
    "board": str,
    "api": str,
    "language": str,
    "erase_ended": bool,
}
_HINTS = {
    list: "make it a list",
    dict: "make it an object",
    str: "make it a text",
    bool: "make it true or false",
}
_WIFI = ("ssid", "password")
_BOM = b"\xef\xbb\xbf"  # byte order mark that some editors write


class Config:
    """The fields of `/keyfob.json` as attributes, with `profile` and `client` made of them."""

    def __init__(self, fields, root=""):
        """Validate `fields`; paths in `ca` are looked up under `root`. Raises ConfigError."""
        if not isinstance(fields, dict):
            raise ConfigError("the configuration is not a JSON object")
        for name in sorted(fields):  # the same first one on both Pythons
            if name not in _FIELDS:
                with Loaded("keyfob.config_text") as code:
                    raise code.unknown("", name, _FIELDS)
        for name in _FIELDS:
            value, kind = fields.get(name), _FIELDS[name]
            right = isinstance(value, kind) and isinstance(value, bool) == (kind is bool)
            if value is not None and not right:
                raise ConfigError("%s is of the wrong type" % name, _HINTS[kind])
            setattr(self, name, value)
        if self.provider is None:
            raise ConfigError("provider is missing", "name an issuer and a client_id there")
        self.wifi = self.wifi or []
        for index, network in enumerate(self.wifi):
            _check_wifi(network, "wifi[%d]" % index)
        self.allow_http = bool(self.allow_http)
        self.erase_ended = bool(self.erase_ended)
        self.profile = Profile(self.provider, self.allow_http)
        self.client = client_from(self.provider)
        self.provider = None  # the client has the secret; keep it once
        if self.api is not None:
            url.check(self.api, "api", self.allow_http)
        self._root = root

    def roots(self):
        """The CA certificates, each DER bytes. Raises ConfigError naming a missing file."""
        found = []
        for path in self.ca or ():
            try:
                with open(self._root + path, "rb") as file:
                    found.append(file.read())
            except (OSError, TypeError):
                raise ConfigError(
                    "ca names %s, which cannot be read" % path, "copy the certificate there"
                )
        return found


def load(path="/keyfob.json", root=""):
    """Return the Config in the file `path` under `root`. Raises ConfigError."""
    try:
        with open(root + path, "rb") as file:
            return Config(parse(file.read(), path), root)
    except OSError:
        raise ConfigError("there is no %s" % path, "configure the board first")


def parse(text, path):
    """Return what the JSON `text` (bytes) of the file `path` holds.

    Raises ConfigError, with the line where it is wrong.
    """
    if text[:3] == _BOM:
        text = text[3:]
    with Loaded("keyfob.config_text") as code:
        line = code.wrong_line(text)
        if line is not None:
            raise ConfigError(
                "%s is not valid JSON at line %d" % (path, line),
                "look for a comma or quote there, or a name that is there twice",
            )
        try:
            return json.loads(str(code.joined(text), "utf-8"))
        except ValueError:
            raise ConfigError("%s is not UTF-8" % path, "save it as UTF-8 in the editor")


def _check_wifi(network, label):
    if not isinstance(network, dict):
        raise ConfigError("%s is not an object" % label, "give it an ssid and a password")
    for name in sorted(network):
        if name not in _WIFI:
            with Loaded("keyfob.config_text") as code:
                raise code.unknown(label + ".", name, _WIFI)
        if network[name] is not None and not isinstance(network[name], str):
            raise ConfigError("%s.%s is not a text" % (label, name))
    if not network.get("ssid"):
        raise ConfigError("%s.ssid is missing" % label, "enter the network's name")
