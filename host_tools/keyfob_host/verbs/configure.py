"""`keyfob configure`: Wi-Fi, provider and board, as the board's /keyfob.json has them."""

from __future__ import annotations

import os
import ssl
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from keyfob_host.verbs import options
from keyfob_host.verbs.dialogue import Dialogue, secret

if TYPE_CHECKING:
    from keyfob_host.errors import CliError
    from keyfob_host.verbs.questions import Told

T = TypeVar("T")

_TIMEOUT = 60.0  # s at the board
_WIFI_VARIABLE = "KEYFOB_WIFI_PASSWORD"
_SECRET_VARIABLE = "KEYFOB_CLIENT_SECRET"  # noqa: S105 - a variable's name
_CLIENT = ("client_id", "client_secret", "client_auth")
_NOTHING = (
    "nothing to configure: a board needs --wifi-ssid, --provider or --issuer, --client-id and "
    "--board, and nobody can be asked for them"
)
_NO_ROOT = (
    "no root certificate was looked up; before it can link: --ca FILE, or the same without "
    "--no-check"
)
_NO_BOARD = (
    "no board is named: its code is shown on the serial console alone, without --board NAME"
)
# What mends a provider's refusal, by its OAuth error.
_MENDS = {
    "invalid_client": "--client-id ID, --client-auth and KEYFOB_CLIENT_SECRET as they are there",
    "invalid_scope": '--scope "..." with scopes that the provider knows',
}


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
        str | None,
        options.option("--language", "en|de|es|fr|it|nl|pl|pt", "Language of the screens."),
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
    no_check: Annotated[
        bool, options.flag("--no-check", "Ask no provider; it works without a network.")
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

    On a terminal it asks for what is needed and not named; without any option, for all of it.
    The provider is asked first whether it can do this, and for a code, which nobody uses, to see
    that it knows the client. Secrets are typed unseen, or come from the environment, and are
    never shown.

    \b
    Examples:
      keyfob configure
      keyfob configure --wifi-ssid home --provider google --client-id ID --board esp32-ssd1306
      keyfob configure --issuer https://login.example.com --client-id ID --dry-run
      keyfob configure --wifi-ssid workshop
    """
    from keyfob.oauth.messages import CLIENT_AUTH
    from keyfob.ui.texts import languages
    from keyfob_host import chips
    from keyfob_host.board import configuration as conf
    from keyfob_host.board.ports import choose
    from keyfob_host.board.repl import Board
    from keyfob_host.boards import load_board
    from keyfob_host.errors import CliError, UsageError
    from keyfob_host.providers.roots import read_roots, stored_roots
    from keyfob_host.verbs.questions import (
        Refused,
        Told,
        ask_again,
        ask_board,
        ask_client,
        ask_provider,
        ask_wifi,
    )

    radio = (wifi_txpower, wifi_address)
    given = (wifi_ssid, provider, issuer, client_id, client_auth, scope, ca, board, language, api)
    named = (*given, *radio, country)
    is_bare = all(value is None for value in named) and not (allow_http or erase_ended)
    dialogue = Dialogue(as_json=json, yes=yes)
    if is_bare and not dialogue.can_ask:
        raise UsageError(_NOTHING, "keyfob configure --help, or a terminal, where it asks")
    if wifi_ssid is None and radio != (None, None):
        raise UsageError("--wifi-ssid is missing", "the network that it is for")
    if provider is not None and issuer is not None:
        raise UsageError("--issuer and --provider both name the provider", "one of them")
    if provider and client_id is None and not dialogue.can_ask:
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
    try:
        chosen = choose(port, dialogue.choice)
    except CliError as error:
        if issuer and client_id is None and not isinstance(error, UsageError):
            raise _no_client() from None  # and no board that has one
        raise
    until = time.monotonic() + limit
    told = Told(wifi_ssid, provider, issuer, client_id, board, scope)
    with Board.connected(chosen, limit) as found:
        document = conf.read_document(found.read(conf.CONFIG_FILE))
        is_known = bool(board or document.get("board")) or found.read(conf.BOARD_FILE) is not None
        chip = None
        if dialogue.can_ask and not is_known:
            chip = chips.of_machine(found.ask("facts")["machine"])
        asked = time.monotonic()
        if dialogue.can_ask:
            told = (ask_provider if is_bare else ask_client)(told, document, dialogue)
        fields, also = _provider(document, told, client_auth, asks=not yes, is_bare=is_bare)
        if is_bare:
            told = ask_wifi(told, document, dialogue)
        password = _wifi_password(document, told.wifi_ssid, dialogue, asks=not yes)
        if dialogue.can_ask and not is_known:
            told = ask_board(told, chip, dialogue)
            about = load_board(told.board) if told.board else None
        until += time.monotonic() - asked  # what people take is not counted
        had_http = bool(document.get("allow_http"))
        may_ask_again = dialogue.can_ask and (is_bare or client_id != told.client_id)
        while True:
            new_address = told.provider or told.issuer or api
            http = allow_http or had_http
            if had_http and not allow_http and new_address:
                http = _needs_http(document, fields, api)
            changes = conf.Changes(
                ssid=told.wifi_ssid,
                password=password,
                txpower=power,
                address=address,
                country=country.upper() if country and country.isascii() else country,
                provider=fields,
                scope=told.scope if told.scope is not None else _preset_scope(told.provider),
                roots=roots,
                allow_http=None if http == had_http else http,
                board=about.name if about else None,
                api=api,
                language=language,
                erase_ended=erase_ended or None,
            )
            result = conf.merged(document, changes)
            conf.check(result, may_lack_provider=True)
            target = result.get("provider")
            if no_check or not target or (fields is None and told.scope is None):
                break
            trusted = roots or ([] if new_address else conf.roots_on(found, document))
            try:
                sure = _in_time(until, lambda: _ask_provider(result, trusted))  # noqa: B023
            except Refused as refused:
                if not may_ask_again or (refused.what != "client" and not is_bare):
                    raise
                asked = time.monotonic()
                told = ask_again(told, refused, dialogue)
                if refused.what != "scope":
                    stays = fields if refused.what == "provider" else None
                    fields, also = _provider(
                        document, told, client_auth, asks=not yes, is_bare=is_bare, stays=stays
                    )
                until += time.monotonic() - asked
            else:
                dialogue.say(f"the provider offers the device grant, and knows this client{sure}")
                break
        if roots is None and new_address:
            if no_check:
                roots = stored_roots(also) or None
            else:
                roots = _in_time(
                    until, lambda: conf.roots_of(target or {}, result.get("api"), also)
                )
            result = conf.merged(result, conf.Changes(roots=roots))
        files = conf.files_for(result, roots, about)
        shown = conf.without_secrets(result)
        if dry_run:
            dialogue.say(f"{conf.CONFIG_FILE} would hold\n{_pretty(shown)}")
            dialogue.report({"port": chosen.device, "written": [], "config": shown})
            return 0
        found.renew(until - time.monotonic())
        written = _write(found, files, conf.CA_FOLDER)
    for path in written:
        dialogue.say(f"wrote {path}")
    if not written:
        dialogue.say("the board is configured like this already")
    if new_address and roots is None and conf.has_https(result):
        dialogue.say(_NO_ROOT)
    if not is_known and about is None:
        dialogue.say(_NO_BOARD)
    dialogue.say(f"Next: {_next(result)}")
    dialogue.report({"port": chosen.device, "written": written, "config": shown})
    return 0


def _next(document: dict[str, Any]) -> str:
    """What a board with this configuration needs next."""
    if not document.get("provider"):
        return "keyfob configure --provider NAME --client-id ID"
    return "keyfob link" if document.get("wifi") else "keyfob configure --wifi-ssid NAME"


def _write(board: Any, files: dict[str, bytes], ca_folder: str) -> list[str]:
    """Write what is not there already, then remove roots that nothing names any more."""
    board.run_file("copies", {"FOLDERS": [ca_folder], "COPIES": [], "MOVES": False})
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
    told: Told,
    client_auth: str | None,
    *,
    asks: bool,
    is_bare: bool,
    stays: dict[str, Any] | None = None,
) -> tuple[dict[str, Any] | None, list[str]]:
    """The new `provider` object, None where it stays as it is; roots that a preset announces.

    The secret is asked for, unless that of the object `stays`.
    """
    if (told.provider, told.issuer, told.client_id, client_auth) == (None,) * 4:
        return None, []
    from keyfob.oauth.messages import BASIC, NONE, POST
    from keyfob_host.providers.presets import check_fields, named, provider_object

    preset, variables = named(told.provider) if told.provider else (None, {})
    kept = {} if told.provider else dict(document.get("provider") or {})
    if told.issuer:  # the client that is not named stays, and nothing else of a provider does
        kept = {} if told.client_id else {name: kept[name] for name in _CLIENT if name in kept}
        if told.client_id is None and "client_id" not in kept:
            raise _no_client()
    wants = (preset is not None and preset.client == "secret") or client_auth in (BASIC, POST)
    may_have = is_bare and preset is not None and preset.client == "either"
    otherwise = "" if not wants else kept.get("client_secret")
    value: str | None = None
    if stays is not None:
        value = stays.get("client_secret")
    elif client_auth != NONE:
        asks = asks and (wants or may_have)
        what = "the client secret" + (" (empty: none)" if may_have else "")
        value = secret(_SECRET_VARIABLE, what, otherwise, asks=asks) or None
    if preset is not None:
        fields = provider_object(preset, variables, told.client_id, value, client_auth)
    else:
        fields = kept | ({"issuer": told.issuer} if told.issuer else {})
        if client_auth == NONE:
            fields.pop("client_secret", None)
        new = {"client_id": told.client_id, "client_secret": value, "client_auth": client_auth}
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
    from keyfob_host.board.configuration import addresses

    provider = provider or document.get("provider") or {}
    api = api or document.get("api")
    return any(address.lower().startswith("http:") for address in addresses(provider, api))


def _preset_scope(provider: str | None) -> str | None:
    if provider is None:
        return None
    from keyfob_host.providers.presets import named

    return named(provider)[0].scope


def _ask_provider(document: dict[str, Any], roots: list[bytes]) -> str:
    """Raise Refused unless the provider answers, is trusted, has the grant and knows the client.

    Returns what there is to say about how sure that is. `roots` (DER) are trusted, or what this
    computer trusts where there are none. It is asked for a code, which nobody uses: there is no
    other way to ask a provider for a client.
    """
    from keyfob_host.boards import known_boards
    from keyfob_host.providers.check import Wanted, check
    from keyfob_host.providers.roots import RootError
    from keyfob_host.verbs.questions import Refused

    board = document.get("board")
    with tempfile.TemporaryDirectory() as folder:
        ca = Path(folder) / "ca.pem"
        ca.write_text("".join(map(ssl.DER_cert_to_PEM_cert, roots)), "ascii")
        wanted = Wanted(
            fields=document["provider"],
            scope=document.get("scope") or "",
            ca=ca if roots else None,
            allow_http=bool(document.get("allow_http")),
            api=document.get("api"),
            board=board if board in known_boards() else None,
        )
        try:
            report, trouble = check(wanted)
        except RootError as error:
            if error.kind == "network":
                error.hint += "; --no-check does without"
            raise Refused(error.message, error.hint, "provider") from None
    if trouble is not None:
        _, is_refusal, code = trouble.message.partition("the provider refused: ")
        code = code.partition(" ")[0]
        what: Literal["provider", "client", "scope"] = "client" if is_refusal else "provider"
        if code == "invalid_scope":
            what = "scope"
        raise Refused(trouble.message, _MENDS.get(code, trouble.hint), what)
    is_sure = report["checked_by"] == "board"
    return "" if is_sure else " (a guess: the MicroPython VM, which could tell, is not installed)"


def _in_time(until: float, ask: Callable[[], T]) -> T:
    """What `ask()` returns, who asks a provider. Raises CliError at `until` (time.monotonic())."""
    from keyfob_host.deadlines import within
    from keyfob_host.errors import CliError

    late = CliError(
        "the provider's answers do not come to an end in time",
        "a longer --timeout, or --no-check, which does without",
    )
    return within(until - time.monotonic(), ask, late)


def _wifi_password(
    document: dict[str, Any], ssid: str | None, dialogue: Dialogue, *, asks: bool
) -> str | None:
    """The password of the network `ssid`; the one that is stored where nobody types another."""
    if ssid is None:
        return None
    from keyfob_host.board.configuration import check_network
    from keyfob_host.errors import UsageError

    known = [n for n in document.get("wifi") or [] if n.get("ssid") == ssid]
    stored = known[0].get("password") or "" if known else None
    check_network(ssid, "")
    while True:
        password = secret(_WIFI_VARIABLE, f"the Wi-Fi password of {ssid}", stored, asks=asks)
        try:
            check_network(ssid, password)
        except UsageError as error:
            was_typed = dialogue.can_ask and _WIFI_VARIABLE not in os.environ
            if not was_typed or password == stored:
                raise
            dialogue.say(error.message)
        else:
            return password


def _pretty(document: dict[str, Any]) -> str:
    import json as json_module

    return json_module.dumps(document, indent=2)
