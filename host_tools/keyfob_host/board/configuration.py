"""What `keyfob configure` puts on a board: /keyfob.json, the roots it names and /board.json."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from keyfob_host.boards import Board, board_file
from keyfob_host.errors import CliError, UsageError
from keyfob_host.providers.roots import is_certificate, roots_for

if TYPE_CHECKING:
    from keyfob.errors import ConfigError

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


def check(document: Mapping[str, Any], *, may_lack_provider: bool = False) -> None:
    """Judge the document as the board will. Raises CliError that names the field.

    With `may_lack_provider` it may be one that gets its provider later.
    """
    fields = json.loads(json.dumps(document))
    if may_lack_provider and fields.get("provider") is None:
        fields["provider"] = {"issuer": "https://later.example", "client_id": "later"}
    error = _trouble(fields)
    if error is None:
        return
    hint = error.hint or "keyfob configure --help"
    if not fields.get("allow_http") and _trouble(fields | {"allow_http": True}) is None:
        hint = "--allow-http, on a test network alone; else an https address"
    elif not fields.get("provider"):
        hint = "--provider NAME --client-id ID"
    raise UsageError(error.message, hint)


def _trouble(fields: dict[str, Any]) -> ConfigError | None:
    """What the board finds wrong with a document."""
    from keyfob import errors
    from keyfob.config import Config

    try:
        Config(fields)
    except errors.ConfigError as error:
        return error
    return None


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


def addresses(provider: Mapping[str, Any], api: str | None) -> list[str]:
    """The addresses of a `provider` object and of the API."""
    found = [provider.get("issuer"), api]
    found += [value for name, value in provider.items() if name.endswith("_endpoint")]
    return [str(address) for address in found if address]


def has_https(document: Mapping[str, Any]) -> bool:
    """Whether the board has to trust a server, and wants its root for that."""
    found = addresses(document.get("provider") or {}, document.get("api"))
    return any(address.lower().startswith("https:") for address in found)


def roots_of(provider: Mapping[str, Any], api: str | None, also: list[str]) -> list[bytes]:
    """The roots by which this computer trusts the provider's addresses and the API's."""
    found: list[bytes] = []
    for address in addresses(provider, api):
        found += [root for root in roots_for(address, also) if root not in found]
    return found


def roots_on(board: Any, document: Mapping[str, Any]) -> list[bytes]:
    """The roots that a board (see repl.Board) trusts by its configuration, as DER."""
    files = (board.read(path) for path in document.get("ca") or ())
    return [data for data in files if data is not None and is_certificate(data)]


def _json(document: Mapping[str, Any]) -> bytes:
    # Not escaped: MicroPython makes two characters of an emoji that is escaped as a pair.
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"
