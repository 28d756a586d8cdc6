"""What a provider says of itself, and whether a board can work with it.

The board's own code judges the discovery document and chooses the QR: what is said here is
what a board will do. Where there is a MicroPython VM, that code runs in it and asks the provider
itself (`as_board`); elsewhere this computer's HTTP and TLS do, which is a guess.
"""

from __future__ import annotations

import contextlib
import http.client
import ssl
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from keyfob.errors import KeyfobError
from keyfob.oauth import DEVICE_CODE_GRANT, metadata
from keyfob.oauth.device_grant import DeviceGrant
from keyfob.oauth.messages import Client, Reply, Request, members
from keyfob.oauth.outcome_hints import refusal
from keyfob.oauth.profile import Profile
from keyfob.oauth.profile_schema import ADDRESSES, client_from
from keyfob.ui.qr_fit import largest_symbol, symbol_for
from keyfob_host import vm
from keyfob_host.boards import ROUND_CONTROLLERS, all_boards, load_board
from keyfob_host.errors import CliError, UsageError
from keyfob_host.providers import as_board
from keyfob_host.providers.presets import (
    Preset,
    check_fields,
    discovery_issuer,
    named,
    provider_object,
)
from keyfob_host.providers.roots import (
    TIMEOUT,
    RootError,
    connection_error,
    fingerprint,
    host_trust,
    likely_roots,
    read_roots,
    roots_for,
)

_MOST = 64 * 1024  # bytes of a reply
# Bytes that a QR code of level L holds, by version from 1 (ISO/IEC 18004 table 7).
_CAPACITY = (0, 17, 32, 53, 78, 106, 134, 154, 192, 230, 271)


# Sends a request and returns the reply; raises RootError where there is none.
Send = Callable[[Request], Reply]

_HINT = "switch it on at the provider, or choose another one: keyfob providers"


@dataclass(frozen=True)
class Wanted:
    """What to check, and how to reach it: a preset by name, an issuer, or a board's `fields`.

    A name may have variables, and `fields` are the `provider` object of a board, with its client.
    With a client the provider is asked for a code, which nobody uses, to see its addresses.
    `api` is one more address that a board has to trust, and `board` whose heap it has.
    """

    name: str | None = None
    issuer: str | None = None
    fields: Mapping[str, Any] | None = None
    scope: str | None = None  # to ask for; None for the preset's
    ca: Path | None = None
    allow_http: bool = False
    client_id: str | None = None
    client_secret: str | None = None
    api: str | None = None
    board: str | None = None

    def client(self) -> Client | None:
        """The client that asks for a code, None without one, or where it needs no person."""
        if self.fields is not None:
            needs_person = Profile(dict(self.fields), self.allow_http).needs_person
            return client_from(self.fields) if needs_person else None
        return None if self.client_id is None else Client(self.client_id, self.client_secret)


@dataclass
class _Panel:
    width: int
    height: int
    round: bool = False


def check(wanted: Wanted) -> tuple[dict[str, Any], CliError | None]:
    """Ask the provider; return what `keyfob providers check --json` prints, and what is wrong.

    Raises CliError where nothing can be said at all: no such preset, no answer, no trust.
    """
    preset, fields, more = _whom(wanted)
    profile = Profile(fields, wanted.allow_http)
    trust = _trust(wanted.ca)
    client, scope = wanted.client(), _scope(wanted, preset)
    by_host = partial(_send, trust=trust)
    board = _Board(wanted, fields, scope, trust) if vm.executable() else None
    send: Send = by_host if board is None else board.send
    trouble: KeyfobError | CliError | None
    if board is not None and profile.issuer is not None:
        board.ask(["discover"], [profile.issuer])
    document, source, trouble = _metadata(profile, send, client)
    if board is not None and source is not None:  # of which a board keeps what it needs
        with contextlib.suppress(RootError):
            document = members(by_host(Request("GET", source, {}))) or document
    if more is not None:  # tells people something, and nothing to a board
        document, source, _ = _metadata(Profile({"issuer": more}, wanted.allow_http), by_host)
    is_offered, by = _grant(preset, profile, document)
    endpoints = [
        {"name": name, "url": address, "length": len(address)}
        for name in ADDRESSES[1:]
        if (address := getattr(profile, name)) is not None
    ]
    addresses = [profile.issuer, *(endpoint["url"] for endpoint in endpoints)]
    known = [address for address in addresses if address is not None]
    if board is not None and trouble is None:
        trouble = board.judge([*known, wanted.api] if wanted.api else known)
    roots = _roots(known, trust, is_judged=board is not None)
    shows: dict[str, str | None] = _example(preset)
    if client is not None and trouble is None:
        if board is not None:
            board.ask(["discover", "code"], known)
        shows, trouble = _ask_for_code(client, scope, preset, profile, send)
    report = {
        "provider": preset.name if preset else None,
        "issuer": profile.issuer,
        "checked_by": "host" if board is None else "board",
        "metadata": source,
        "grant": is_offered,
        "grant_by": by,
        "auth_methods": _listed(
            document, "token_endpoint_auth_methods_supported", ["client_secret_basic"]
        ),
        "refresh": _includes(document, "grant_types_supported", "refresh_token"),
        "endpoints": endpoints,
        "roots": roots,
        "shows": shows,
        "panels": [_panel(board.name, shows) for board in all_boards() if board.display],
    }
    if trouble is not None:
        return report, CliError(trouble.message, trouble.hint or _HINT)
    if is_offered is False:
        return report, CliError(f"{profile.issuer} does not offer the device grant", _HINT)
    return report, None


class _Board:
    """A board's part: what it asks, with the roots that it would get, and what it hears."""

    def __init__(
        self, wanted: Wanted, fields: Mapping[str, Any], scope: str | None, trust: ssl.SSLContext
    ) -> None:
        client = {"client_id": wanted.client_id, "client_secret": wanted.client_secret}
        given = {name: value for name, value in client.items() if value}
        provider = {"client_id": "any", **fields, **given}
        self._document = {"provider": provider, "allow_http": wanted.allow_http, "scope": scope}
        self._wanted = wanted
        self._trust = trust
        self._heard = as_board.Heard()

    def ask(self, tasks: Sequence[str], addresses: Sequence[str]) -> None:
        """Do `tasks` (see `on_vm/ask.py`), which lead to `addresses`."""
        if self._wanted.ca is not None:
            roots = read_roots(self._wanted.ca)
        else:
            found = (likely_roots(address, self._trust) for address in addresses)
            roots = list(dict.fromkeys(root for some in found for root in some))
            # A board has some root, if not the one that it needs.
            roots = roots or self._trust.get_ca_certs(binary_form=True)[:1]
        heard = as_board.ask(tasks, self._document, roots, self._wanted.board)
        self._heard.replies.update(heard.replies)
        self._heard.troubles.update(heard.troubles)

    def send(self, request: Request) -> Reply:
        """The reply that the board got. Raises RootError with what went wrong instead."""
        reply = self._heard.replies.get(request.url)
        if reply is None:
            for trouble in self._heard.troubles.values():
                raise trouble
            raise connection_error(urlsplit(request.url).netloc, OSError("it was not asked"))
        return reply

    def judge(self, addresses: Sequence[str]) -> RootError | None:
        """What is wrong with the TLS of a host among `addresses`, if something is."""
        heard = {urlsplit(address).netloc for address in self._heard.replies}
        hosts = {urlsplit(address).netloc: address for address in reversed(addresses)}
        new = [
            f"https://{host}/"
            for host, address in hosts.items()
            if host not in heard and urlsplit(address).scheme.lower() == "https"
        ]
        if new:
            self.ask(new, new)
        # Whether a host answers, and how, is not asked here.
        troubles = [
            self._heard.troubles[address] for address in new if address in self._heard.troubles
        ]
        return next((one for one in troubles if one.kind not in ("network", "timeout")), None)


def _whom(wanted: Wanted) -> tuple[Preset | None, dict[str, Any], str | None]:
    """Whom to check: the preset, what a board gets of it, and an issuer that a board needs not."""
    if wanted.fields is not None:
        check_fields(wanted.fields, wanted.allow_http)
        return None, dict(wanted.fields), None
    if (wanted.name is None) == (wanted.issuer is None):
        raise UsageError(
            "check takes either the name of a preset or --issuer",
            "keyfob providers check --issuer https://login.example.com",
        )
    preset, more = None, None
    fields: dict[str, Any] = {"issuer": wanted.issuer}
    if wanted.name is not None:
        preset, variables = named(wanted.name)
        fields = provider_object(preset, variables)
        more = discovery_issuer(preset, variables)
    check_fields({**fields, "client_id": "any"}, wanted.allow_http)
    return preset, fields, more


def _scope(wanted: Wanted, preset: Preset | None) -> str | None:
    """What a board asks for."""
    if wanted.scope is not None:
        return wanted.scope or None
    return (preset.scope if preset is not None else "openid") or None


def _trust(ca: Path | None) -> ssl.SSLContext:
    if ca is None:
        return host_trust()
    try:
        own = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        own.load_verify_locations(cadata=_cadata(ca.read_bytes()))
    except OSError as error:
        reason = error.strerror if not isinstance(error, ssl.SSLError) else "no certificate in it"
        raise CliError(f"the CA {ca} cannot be read: {reason}", "--ca FILE, PEM or DER") from None
    return own


def _cadata(data: bytes) -> str | bytes:
    return data.decode("ascii", "replace") if b"-----BEGIN" in data else data


def _metadata(
    profile: Profile, send: Send, client: Client | None = None
) -> tuple[dict[str, Any] | None, str | None, KeyfobError | None]:
    """The discovery document, where it was, and what a board finds wrong with it."""
    if profile.issuer is None:
        return None, None, None
    search = metadata.Discovery(profile)
    document = source = None
    try:
        while True:
            request = search.request()
            reply = send(request)
            found = members(copy(reply)) if reply.status == 200 else None
            if found is not None:
                document, source = found, request.url
            if search.receive(reply, client):
                return document, source, None
    except KeyfobError as error:
        return document, source, error


def _grant(
    preset: Preset | None, profile: Profile, document: Mapping[str, Any] | None
) -> tuple[bool | None, str | None]:
    """Whether the grant is offered, and what says so."""
    if document is not None:
        is_there = isinstance(document.get("device_authorization_endpoint"), str)
        is_listed = _includes(document, "grant_types_supported", DEVICE_CODE_GRANT)
        is_offered = is_there and is_listed is not False
        if is_offered or profile.issuer is not None:
            return is_offered, "metadata"
    return (True, "preset") if preset is not None else (None, None)


def _listed(
    document: Mapping[str, Any] | None, name: str, default: list[str] | None = None
) -> list[str] | None:
    """The texts of a list in the document, `default` where it has none; None without one."""
    if document is None:
        return None
    value = document.get(name)
    if not isinstance(value, list):
        return default
    return [item for item in value if item and isinstance(item, str)]


def _includes(document: Mapping[str, Any] | None, name: str, item: str) -> bool | None:
    values = _listed(document, name)
    return None if values is None else item in values


def _roots(
    addresses: list[str], trust: ssl.SSLContext, *, is_judged: bool
) -> list[dict[str, str]]:
    """The root of each https host among `addresses`.

    One that this host does not trust is left out where a board has judged it.
    """
    from cryptography import x509  # slow to import

    hosts = {urlsplit(address).netloc: address for address in reversed(addresses)}
    found = []
    for host, address in sorted(hosts.items()):
        try:
            ders = roots_for(address, trust=trust)
        except RootError as error:
            if error.kind != "tls" or not is_judged:
                raise
            continue
        for der in ders:
            root = x509.load_der_x509_certificate(der)
            found.append(
                {
                    "host": host,
                    "subject": root.subject.rfc4514_string(),
                    "sha256": fingerprint(der),
                    "not_after": root.not_valid_after_utc.date().isoformat(),
                }
            )
    return found


def _example(preset: Preset | None) -> dict[str, str | None]:
    known: Mapping[str, Any] = preset.shows if preset is not None else {}
    names = ("verification_uri", "verification_uri_complete")
    shows = {name: known.get(name) for name in names}
    return {"source": "example" if any(shows.values()) else None, **shows}


def _ask_for_code(
    client: Client,
    scope: str | None,
    preset: Preset | None,
    profile: Profile,
    send: Send,
) -> tuple[dict[str, str | None], KeyfobError | None]:
    """The addresses of a code that the provider is asked for."""
    try:
        grant = DeviceGrant(profile, client, scope)
        grant.receive(send(grant.authorize(0)), 0)
    except KeyfobError as error:
        return _example(preset), error
    if grant.user_code is None:
        return _example(preset), grant.error or refusal(grant.outcome)  # type: ignore[no-untyped-call]  # no stub
    shows = {
        "source": "provider",
        "verification_uri": grant.verification_uri,
        "verification_uri_complete": grant.verification_uri_complete,
    }
    return shows, None


def _panel(name: str, shows: Mapping[str, str | None]) -> dict[str, Any]:
    display = load_board(name).display
    assert display is not None
    panel = _Panel(display.width, display.height, display.controller in ROUND_CONTROLLERS)
    found: str | None = None
    for kind, address in (
        ("complete", shows["verification_uri_complete"]),
        ("plain", shows["verification_uri"]),
    ):
        if address is not None and found in (None, "none"):
            fits = symbol_for(panel, {"verification_uri": address}) is not None
            found = kind if fits else "none"
    return {
        "board": name,
        "width": panel.width,
        "height": panel.height,
        "longest": _CAPACITY[min(largest_symbol(panel), len(_CAPACITY) - 1)],
        "qr": found,
    }


def _send(request: Request, trust: ssl.SSLContext) -> Reply:
    """Send as a board does: verified, without following redirects, reading so much and no more."""
    parts = urlsplit(request.url)
    connection = (
        http.client.HTTPSConnection(parts.netloc, timeout=TIMEOUT, context=trust)
        if parts.scheme.lower() == "https"
        else http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT)
    )
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    try:
        connection.request(request.method, target, request.body, request.headers)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, headers, response.read(_MOST))
    except http.client.HTTPException:
        raise connection_error(parts.netloc, OSError("its answer is no HTTP")) from None
    except OSError as error:
        raise connection_error(parts.netloc, error) from None
    finally:
        connection.close()
