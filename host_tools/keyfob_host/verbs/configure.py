"""`keyfob configure`: Wi-Fi, provider and board, as the board's /keyfob.json has them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from keyfob_host.verbs import options
from keyfob_host.verbs.dialogue import Dialogue, secret

if TYPE_CHECKING:
    from keyfob_host.errors import CliError

_TIMEOUT = 60.0  # s at the board
_WIFI_VARIABLE = "KEYFOB_WIFI_PASSWORD"
_SECRET_VARIABLE = "KEYFOB_CLIENT_SECRET"  # noqa: S105 - a variable's name
_CLIENT = ("client_id", "client_secret", "client_auth")


def configure(
    port: options.Port = None,
    wifi_ssid: Annotated[
        str | None,
        options.option(
            "--wifi-ssid",
            "S",
            "Network; its password is asked for, or in KEYFOB_WIFI_PASSWORD (empty: open).",
        ),
    ] = None,
    wifi_txpower: Annotated[
        str | None,
        options.option("--wifi-txpower", "DBM", "Power of the radio for that network, 2 to 20."),
    ] = None,
    wifi_address: Annotated[
        str | None,
        options.option(
            "--wifi-address",
            "ADDRESS",
            "Fixed one there, as ADDRESS/BITS,GATEWAY[,DNS]; dhcp for none.",
        ),
    ] = None,
    country: Annotated[
        str | None,
        options.option("--country", "CC", "Where the board is, in two letters, such as DE."),
    ] = None,
    provider: Annotated[
        str | None, options.option("--provider", "NAME", "Preset of `keyfob providers`.")
    ] = None,
    issuer: Annotated[
        str | None, options.option("--issuer", "URL", "Any other server that has discovery.")
    ] = None,
    client_id: Annotated[
        str | None,
        options.option(
            "--client-id",
            "ID",
            "Who the board is there; a secret is in KEYFOB_CLIENT_SECRET, or asked for.",
        ),
    ] = None,
    client_auth: Annotated[
        str | None,
        options.option("--client-auth", "none|basic|post", "How the client authenticates."),
    ] = None,
    scope: Annotated[
        str | None,
        options.option(
            "--scope", '"..."', "Scopes to ask for, separated by spaces.", may_be_empty=True
        ),
    ] = None,
    ca: Annotated[
        str | None,
        options.option(
            "--ca",
            "FILE",
            "Root certificates to trust.  [default: those this computer trusts the provider by]",
        ),
    ] = None,
    board: Annotated[
        str | None,
        options.option("--board", "NAME", "Board; its wiring goes to /board.json."),
    ] = None,
    language: Annotated[
        str | None, options.option("--language", "en|de", "Language of the screens.")
    ] = None,
    api: Annotated[
        str | None, options.option("--api", "URL", "Protected address to call once linked.")
    ] = None,
    allow_http: Annotated[
        bool, options.flag("--allow-http", "Permit http, on a test network.")
    ] = False,
    erase_ended: Annotated[
        bool,
        options.flag(
            "--erase-ended", "Erase a link that the provider ends; else it is tried again."
        ),
    ] = False,
    dry_run: Annotated[
        bool, options.flag("--dry-run", "Show what would be written, and write nothing.")
    ] = False,
    yes: options.Yes = False,
    json: options.Json = False,
    timeout: Annotated[
        str | None, options.option("--timeout", "S", "Give up after this long.  [default: 60]")
    ] = None,
) -> int:
    """Give a board its Wi-Fi, its provider and its wiring; what is not named stays as it was.

    The provider is asked first whether it can do this. Secrets are typed unseen, or come from
    the environment, and are never shown.

    \b
    Examples:
      keyfob configure --wifi-ssid home --provider google --client-id ID --board esp32-ssd1306
      keyfob configure --issuer https://login.example.com --client-id ID --dry-run
      keyfob configure --wifi-ssid workshop
    """
    from keyfob.oauth.messages import CLIENT_AUTH
    from keyfob.ui.texts import languages
    from keyfob_host.board import configuration as conf
    from keyfob_host.board.ports import choose
    from keyfob_host.board.repl import Board
    from keyfob_host.boards import load_board
    from keyfob_host.errors import CliError, UsageError
    from keyfob_host.providers.roots import read_roots

    radio = (wifi_txpower, wifi_address)
    given = (wifi_ssid, provider, issuer, client_id, client_auth, scope, ca, board, language, api)
    if not any(value is not None for value in (*given, *radio, country)) and not (
        allow_http or erase_ended
    ):
        raise UsageError("nothing to configure", "keyfob configure --help")
    if wifi_ssid is None and radio != (None, None):
        raise UsageError("--wifi-ssid is missing", "the network that it is for")
    if provider is not None and issuer is not None:
        raise UsageError("--issuer and --provider both name the provider", "one of them")
    if provider and client_id is None:
        raise _no_client()
    for name, value, choices in (
        ("--language", language, languages()),
        ("--client-auth", client_auth, CLIENT_AUTH),
    ):
        if value not in (None, *choices):
            raise UsageError(
                f"{name} takes {' or '.join(choices)}, not {value!r}", f"{name} {choices[0]}"
            )
    power = _number("--wifi-txpower", wifi_txpower)
    address = None if wifi_address is None else conf.static_address(wifi_address)
    limit = options.seconds("--timeout", timeout, _TIMEOUT)
    about = load_board(board) if board else None
    roots = read_roots(Path(ca)) if ca else None
    dialogue = Dialogue(as_json=json, yes=yes)
    try:
        chosen = choose(port, dialogue.choice)
    except CliError as error:
        if issuer and client_id is None and not isinstance(error, UsageError):
            raise _no_client() from None  # and no board that has one
        raise
    with Board.connected(chosen, limit) as found:
        document = conf.read_document(found.read(conf.CONFIG_FILE))
        fields, also = _provider(document, provider, issuer, client_id, client_auth, asks=not yes)
        had_http = bool(document.get("allow_http"))
        http = allow_http or had_http
        if had_http and not allow_http and (provider or issuer or api):
            http = _needs_http(document, fields, api)
        if provider or issuer:
            aim = api or document.get("api"), board or document.get("board")
            dialogue.say(
                f"{provider or issuer} offers the device grant"
                f"{_ask_provider(provider, issuer, ca, http, *aim)}"
            )
            scope = scope if scope is not None else _preset_scope(provider)
        if roots is None and (provider or issuer or api):
            target = fields or document.get("provider") or {}
            roots = conf.roots_of(target, api or document.get("api"), also)
        changes = conf.Changes(
            ssid=wifi_ssid,
            password=_wifi_password(document, wifi_ssid, asks=not yes),
            txpower=power,
            address=address,
            country=country,
            provider=fields,
            scope=scope,
            roots=roots,
            allow_http=None if http == had_http else http,
            board=board,
            api=api,
            language=language,
            erase_ended=erase_ended or None,
        )
        result = conf.merged(document, changes)
        conf.check(result)
        files = conf.files_for(result, roots, about)
        shown = conf.without_secrets(result)
        if dry_run:
            dialogue.say(f"{conf.CONFIG_FILE} would hold\n{_pretty(shown)}")
            dialogue.report({"port": chosen.device, "written": [], "config": shown})
            return 0
        found.renew(limit)  # people may have typed, and a provider has answered
        written = _write(found, files, conf.CA_FOLDER)
    for path in written:
        dialogue.say(f"wrote {path}")
    if not written:
        dialogue.say("the board is configured like this already")
    has_wifi = bool(result.get("wifi"))
    dialogue.say("Next: keyfob link" if has_wifi else "Next: keyfob configure --wifi-ssid NAME")
    dialogue.report({"port": chosen.device, "written": written, "config": shown})
    return 0


def _write(board: Any, files: dict[str, bytes], ca_folder: str) -> list[str]:
    """Write what is not there already, then remove roots that nothing names any more."""
    board.run_file("copies", {"FOLDERS": [ca_folder], "COPIES": []})
    written = [path for path, content in files.items() if board.read(path) != content]
    for path in written:
        board.put(path, files[path])
    board.run_file("tidy_roots", {"FOLDER": ca_folder})
    return written


def _number(option: str, text: str | None) -> float | None:
    """The number of an option, None without one. Raises UsageError for any other text."""
    from keyfob_host.errors import UsageError

    try:
        found = None if text is None else float(text)
    except ValueError:
        raise UsageError(f"{option} takes a number, not {text!r}", f"{option} 8.5") from None
    return int(found) if found is not None and found.is_integer() else found


def _provider(
    document: dict[str, Any],
    provider: str | None,
    issuer: str | None,
    client_id: str | None,
    client_auth: str | None,
    *,
    asks: bool,
) -> tuple[dict[str, Any] | None, list[str]]:
    """The new `provider` object, None where it stays as it is; roots that a preset announces."""
    if (provider, issuer, client_id, client_auth) == (None,) * 4:
        return None, []
    from keyfob.oauth.messages import BASIC, NONE, POST
    from keyfob_host.providers.presets import check_fields, named, provider_object

    preset, variables = named(provider) if provider else (None, {})
    kept = {} if provider else dict(document.get("provider") or {})
    if issuer:  # the client that is not named stays, and nothing else of a provider does
        kept = {} if client_id else {name: kept[name] for name in _CLIENT if name in kept}
        if client_id is None and "client_id" not in kept:
            raise _no_client()
    wants = (preset is not None and preset.client == "secret") or client_auth in (BASIC, POST)
    otherwise = "" if not wants else kept.get("client_secret")
    value: str | None = None
    if client_auth != NONE:
        asks = asks and wants
        value = secret(_SECRET_VARIABLE, "the client secret", otherwise, asks=asks) or None
    if preset is not None:
        fields = provider_object(preset, variables, client_id, value, client_auth)
    else:
        fields = kept | ({"issuer": issuer} if issuer else {})
        if client_auth == NONE:
            fields.pop("client_secret", None)
        new = {"client_id": client_id, "client_secret": value, "client_auth": client_auth}
        fields |= {name: item for name, item in new.items() if item}
    check_fields(fields, allow_http=True)  # whether http is allowed, the whole document says
    return fields, list(preset.roots) if preset else []


def _no_client() -> CliError:
    from keyfob_host.errors import UsageError

    return UsageError("--client-id is missing", "the ID that the provider issued")


def _needs_http(
    document: dict[str, Any], provider: dict[str, Any] | None, api: str | None
) -> bool:
    """Whether an address is http, once `provider` and `api` have replaced the document's."""
    provider = provider or document.get("provider") or {}
    addresses = (api or document.get("api"), *provider.values())
    return any(str(address).lower().startswith("http:") for address in addresses)


def _preset_scope(provider: str | None) -> str | None:
    if provider is None:
        return None
    from keyfob_host.providers.presets import named

    return named(provider)[0].scope


def _ask_provider(
    provider: str | None,
    issuer: str | None,
    ca: str | None,
    allow_http: bool,
    api: str | None,
    board: str | None,
) -> str:
    """Raise CliError unless the provider answers, is trusted and offers the grant.

    Returns what there is to say about how sure that is.
    """
    from keyfob_host.providers.check import Wanted, check

    wanted = Wanted(
        name=provider,
        issuer=issuer,
        ca=Path(ca) if ca else None,
        allow_http=allow_http,
        api=api,
        board=board,
    )
    report, trouble = check(wanted)
    if trouble is not None:
        raise trouble
    is_sure = report["checked_by"] == "board"
    return "" if is_sure else " (a guess: the MicroPython VM, which could tell, is not installed)"


def _wifi_password(document: dict[str, Any], ssid: str | None, *, asks: bool) -> str | None:
    """The password of the network `ssid`; the one that is stored where nobody types another."""
    if ssid is None:
        return None
    from keyfob_host.board.configuration import check_network

    known = [n for n in document.get("wifi") or [] if n.get("ssid") == ssid]
    stored = known[0].get("password") or "" if known else None
    password = secret(_WIFI_VARIABLE, f"the Wi-Fi password of {ssid}", stored, asks=asks)
    check_network(ssid, password)
    return password


def _pretty(document: dict[str, Any]) -> str:
    import json as json_module

    return json_module.dumps(document, indent=2)
