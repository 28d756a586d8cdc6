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
    "country": str,
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
_WIFI = ("ssid", "password", "txpower", "address")
_LEAST_POWER = 2  # dBm
_MOST_POWER = 20
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
        if self.country is not None and not _is_country(self.country):
            raise ConfigError("country is not two capital letters", "write it as in DE or US")
        self.allow_http = bool(self.allow_http)
        self.erase_ended = bool(self.erase_ended)
        self.profile = Profile(self.provider, self.allow_http)
        self.client = client_from(self.provider)
        self.provider = None  # the client has the secret; keep it once
        if self.api is not None:
            url.check(self.api, "api", self.allow_http)
        self._root = root

    def networks(self):
        """The networks to join: `wifi`, each with the country, and with the board's power.

        That is `wifi.txpower` in /board.json, for a network that has none of its own.
        """
        power = _board_power(self._root)
        for network in self.wifi:
            if self.country is not None:
                network["country"] = self.country
            if power is not None and network.get("txpower") is None:
                network["txpower"] = power
        return self.wifi

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
    if not text.strip():
        raise ConfigError("%s is empty" % path, "configure the board first")
    with Loaded("keyfob.config_text") as code:
        is_utf16 = text[:1] in (b"\xfe", b"\xff") or text[1:2] == b"\0"  # as of an old editor
        line = None if is_utf16 else code.wrong_line(text)
        if line is not None:
            raise ConfigError(
                "%s is not valid JSON at line %d" % (path, line),
                "look for a comma or quote there, or a name that is there twice",
            )
        try:
            if is_utf16:
                raise ValueError
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
        if network[name] is None:
            pass
        elif name == "txpower":
            _check_power(network[name], label)
        elif name == "address":
            _check_address(network[name], label)
        elif not isinstance(network[name], str):
            raise ConfigError("%s.%s is not a text" % (label, name))
    if not network.get("ssid"):
        raise ConfigError("%s.ssid is missing" % label, "enter the network's name")


def _check_power(value, label):
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not _LEAST_POWER <= value <= _MOST_POWER:
        raise ConfigError(
            "%s.txpower is not a number from %d to %d" % (label, _LEAST_POWER, _MOST_POWER),
            "it is in dBm; the radio's own is 20",
        )


def _check_address(value, label):
    if not isinstance(value, list) or len(value) != 4 or not all(map(_is_ipv4, value)):
        raise ConfigError(
            "%s.address is not a list of four IPv4 addresses" % label,
            "the board's own, the netmask, the gateway and the DNS server",
        )


def _is_ipv4(text):
    # As bytes: other scripts have digits, too.
    parts = text.encode().split(b".") if isinstance(text, str) else ()
    return len(parts) == 4 and all(
        part.isdigit() and len(part) <= 3 and int(part) < 256 for part in parts
    )


def _is_country(text):
    return len(text) == 2 and all(0x41 <= byte <= 0x5A for byte in text.encode())


def _board_power(root):
    """The power in dBm at which the board's radio joins; None where /board.json has none."""
    try:
        with open(root + "/board.json", "rb") as file:
            return json.load(file)["wifi"]["txpower"]
    except (OSError, ValueError, TypeError, KeyError, RuntimeError):  # RuntimeError: too deep
        return None
