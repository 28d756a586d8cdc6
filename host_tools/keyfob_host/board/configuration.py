"""What `keyfob configure` puts on a board: /keyfob.json, the roots it names and /board.json."""

import hashlib
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from keyfob_host.boards import Board, board_file
from keyfob_host.errors import CliError, UsageError
from keyfob_host.providers.roots import roots_for

CONFIG_FILE = "/keyfob.json"
BOARD_FILE = "/board.json"
CA_FOLDER = "/ca"
HIDDEN = "***"
_LONGEST_SSID = 32  # bytes (IEEE 802.11)
_WPA_LEAST, _WPA_MOST = 8, 64  # characters of a passphrase, or the 64 digits of a key
_SECRETS = ("password", "client_secret")
# What has to be so for anything in the document to be changed: a field, its type, its items'.
_SHAPES: tuple[tuple[str, type, type | None], ...] = (
    ("wifi", list, dict),
    ("provider", dict, None),
    ("ca", list, str),
)


@dataclass(frozen=True)
class Changes:
    """What the person gave; None leaves what was there. `roots` are DER certificates.

    `txpower` and `address` are for the network `ssid`; no address at all stands for DHCP.
    `allow_http` is False where nothing needs it any more.
    """

    ssid: str | None = None
    password: str | None = field(default=None, repr=False)
    txpower: float | None = None
    address: list[str] | None = None
    country: str | None = None
    provider: Mapping[str, Any] | None = field(default=None, repr=False)
    scope: str | None = None
    roots: list[bytes] | None = None
    allow_http: bool | None = None
    board: str | None = None
    api: str | None = None
    language: str | None = None
    erase_ended: bool | None = None


def read_document(content: bytes | None) -> dict[str, Any]:
    """What the board's /keyfob.json holds, {} without one.

    Raises CliError where it is no JSON object, or its lists and objects are of other types.
    """
    if content is None:
        return {}
    start_anew = f"correct it, or start anew: mpremote fs rm :{CONFIG_FILE[1:]}"
    from keyfob.config import parse
    from keyfob.errors import ConfigError

    try:
        document = parse(content, CONFIG_FILE)
    except ConfigError as error:
        raise CliError(f"the board's {error.message}", start_anew) from None
    if not isinstance(document, dict):
        raise CliError(f"the board's {CONFIG_FILE} is not a JSON object", start_anew)
    for name, kind, item in _SHAPES:
        value = document.get(name)
        is_right = value is None or isinstance(value, kind)
        if is_right and item is not None:
            is_right = all(isinstance(one, item) for one in value or ())
        if not is_right:
            raise CliError(f"{name} in the board's {CONFIG_FILE} is of the wrong type", start_anew)
    return document


def check_network(ssid: str, password: str) -> None:
    """Raise UsageError for what no Wi-Fi network can have; "" is an open one's password."""
    if len(ssid.encode()) > _LONGEST_SSID:
        raise UsageError(
            f"no network has a name of more than {_LONGEST_SSID} bytes", "--wifi-ssid NAME"
        )
    if password and not _WPA_LEAST <= len(password.encode()) <= _WPA_MOST:
        raise UsageError(
            f"a Wi-Fi password has {_WPA_LEAST} to {_WPA_MOST} characters",
            "the network's own password, or an empty one where it is open",
        )


def static_address(text: str) -> list[str]:
    """Address, netmask, gateway and DNS server of "ADDRESS/BITS,GATEWAY[,DNS]".

    None of them for "dhcp". Raises UsageError for any other text.
    """
    if text == "dhcp":
        return []
    own, *others = text.split(",")
    try:
        board = ipaddress.IPv4Interface(own)
        gateway, dns = (others * 2)[:2] if len(others) == 1 else others
        servers = [str(ipaddress.IPv4Address(server.strip())) for server in (gateway, dns)]
    except ValueError:
        raise UsageError(
            f"--wifi-address takes ADDRESS/BITS,GATEWAY[,DNS] or dhcp, not {text!r}",
            "--wifi-address 192.168.1.50/24,192.168.1.1",
        ) from None
    return [str(board.ip), str(board.netmask), *servers]


def merged(document: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """`document` with what the person gave; the rest stays."""
    result = dict(document)
    if changes.ssid is not None:
        known = document.get("wifi") or []
        network = next((dict(n) for n in known if n.get("ssid") == changes.ssid), {})
        network |= {"ssid": changes.ssid, "password": changes.password or None}
        for name in ("txpower", "address"):
            value = getattr(changes, name)
            if value is not None:
                network[name] = value
        network = {name: value for name, value in network.items() if value not in (None, [])}
        result["wifi"] = [network, *(n for n in known if n.get("ssid") != changes.ssid)]
    if changes.roots is not None:
        result["ca"] = [root_path(root) for root in changes.roots]
    for name in (
        "provider",
        "scope",
        "country",
        "allow_http",
        "board",
        "api",
        "language",
        "erase_ended",
    ):
        value = getattr(changes, name)
        if value is not None:
            result[name] = value
    if changes.allow_http is False:
        result.pop("allow_http", None)
    return result


def check(document: Mapping[str, Any]) -> None:
    """Judge the document as the board will. Raises CliError that names the field."""
    from keyfob.config import Config
    from keyfob.errors import ConfigError

    try:
        Config(json.loads(json.dumps(document)))
    except ConfigError as error:
        raise UsageError(error.message, error.hint or "keyfob configure --help") from None


def files_for(
    document: Mapping[str, Any], roots: list[bytes] | None, board: Board | None
) -> dict[str, bytes]:
    """Content by path, in the order to write it: what the document names comes before it."""
    files = {root_path(root): root for root in roots or ()}
    if board is not None:
        files[BOARD_FILE] = board_document(board)
    files[CONFIG_FILE] = _json(document)
    return files


def board_document(board: Board) -> bytes:
    """The content of /board.json."""
    return _json(board_file(board))


def root_path(root: bytes) -> str:
    """Where a root lives; named for its content, so that it never changes under one in use."""
    return f"{CA_FOLDER}/{hashlib.sha256(root).hexdigest()[:8]}.der"


def without_secrets(value: Any) -> Any:
    """A copy that can be shown."""
    if isinstance(value, Mapping):
        return {
            name: HIDDEN if name in _SECRETS and item else without_secrets(item)
            for name, item in value.items()
        }
    return [without_secrets(item) for item in value] if isinstance(value, list) else value


def roots_of(provider: Mapping[str, Any], api: str | None, also: list[str]) -> list[bytes]:
    """The roots by which this computer trusts the provider's addresses and the API's."""
    addresses = [provider.get("issuer"), api]
    addresses += [value for name, value in provider.items() if name.endswith("_endpoint")]
    found: list[bytes] = []
    for address in filter(None, addresses):
        found += [root for root in roots_for(address, also) if root not in found]
    return found


def _json(document: Mapping[str, Any]) -> bytes:
    # Not escaped: MicroPython makes two characters of an emoji that is escaped as a pair.
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"
