"""`keyfob providers`: what is known of them, as text for people or as JSON."""

from __future__ import annotations

import json as json_module
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from keyfob_host.deadlines import within
from keyfob_host.errors import CliError
from keyfob_host.printable import say
from keyfob_host.verbs import options
from keyfob_host.verbs.dialogue import say_columns

providers_app = typer.Typer(
    add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


def _option(name: str, metavar: str, text: str) -> Any:
    return typer.Option(name, metavar=metavar, help=text, show_default=False)


_TIMEOUT = 120.0  # s for all that is asked
_Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
_QR = {
    "complete": "QR of the address with the code in it",
    "plain": "QR of the address, the code as text",
    "none": "text alone",
}


@providers_app.callback(invoke_without_command=True)
def providers(context: typer.Context, json: _Json = False) -> None:
    """The providers keyfob has a preset for, with the evidence and its date.

    \b
    Example:
      keyfob providers
    """
    if context.invoked_subcommand is not None:
        return
    from keyfob_host.providers.presets import known_providers, load

    presets = [load(name) for name in known_providers()]
    if json:
        say(json_module.dumps({"providers": [preset.as_json() for preset in presets]}))
        return
    rows = [["NAME", "PROVIDER", "CLIENT", "REFRESH TOKEN", "GRADE", "CHECKED", "UNVERIFIED"]]
    for preset in presets:
        rows.append(
            [
                preset.name,
                preset.title,
                preset.client or "no grant",
                preset.refresh or "",
                preset.grade,
                preset.checked.isoformat(),
                ", ".join(text for text in preset.unverified if " " not in text),  # fields
            ]
        )
    say_columns(rows)
    say()
    say("GRADE  S: seen in its source code, D: in its documentation, X: with third parties.")
    say("keyfob providers show NAME prints its page, with all that is unverified;")
    say("keyfob providers check NAME asks the provider itself.")


@providers_app.command()
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A preset of `keyfob providers`, or NAME:variable=value,..."
        ),
    ],
    json: _Json = False,
) -> None:
    """A provider's page: how to register there, the line to configure a board, errors mended.

    \b
    Examples:
      keyfob providers show github
      keyfob providers show keycloak:domain=id.example.com,realm=home
    """
    from keyfob_host.providers.page import page
    from keyfob_host.providers.presets import named

    preset, variables = named(name)
    if json:
        say(json_module.dumps(preset.as_json()))
        return
    say(page(preset, variables), end="")


@providers_app.command()
def check(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="A preset, with its variables: NAME:variable=value,..."
        ),
    ] = None,
    issuer: Annotated[
        str | None,
        typer.Option(
            "--issuer", metavar="URL", help="Any provider with discovery.", show_default=False
        ),
    ] = None,
    client_id: Annotated[
        str | None,
        _option(
            "--client-id",
            "ID",
            "Ask for a code as this client, to see the addresses that a board would show; "
            "KEYFOB_CLIENT_SECRET holds its secret.",
        ),
    ] = None,
    ca: Annotated[
        str | None,
        _option("--ca", "FILE", "Trust this CA, PEM or DER, and no other."),
    ] = None,
    allow_http: Annotated[
        bool, typer.Option("--allow-http", help="Permit http to a host that is not this one.")
    ] = False,
    timeout: Annotated[
        str | None, options.option("--timeout", "S", "Give up after this long.  [default: 120]")
    ] = None,
    json: _Json = False,
) -> None:
    """Ask a provider: is the grant there, for whom, under which CA, and on which panels?

    Exit code 0 means that a board can work with it.

    \b
    Examples:
      keyfob providers check --issuer https://login.example.com
      keyfob providers check keycloak:domain=id.example.com,realm=home
    """
    from keyfob_host.providers import check as provider_check

    wanted = provider_check.Wanted(
        name=name,
        issuer=issuer,
        ca=Path(ca) if ca else None,
        allow_http=allow_http,
        client_id=client_id,
        client_secret=os.environ.get("KEYFOB_CLIENT_SECRET") if client_id else None,
    )
    limit = options.seconds("--timeout", timeout, _TIMEOUT)
    late = CliError(
        f"the provider's answers do not come to an end in {limit:g} s",
        "try again later, or a longer --timeout",
    )
    report, trouble = within(limit, lambda: provider_check.check(wanted), late)
    if json:
        say(json_module.dumps(report))
    else:
        say_columns(_lines(report))
    if trouble is not None:
        raise trouble


_CHECKED_BY = {
    "board": "the board's own code, in the MicroPython VM",
    "host": "this computer, which guesses: the MicroPython VM is not installed",
}


def _lines(report: dict[str, Any]) -> list[Sequence[str]]:
    """A report of `check` for people."""
    said = {True: "offered", False: "not offered", None: "unknown"}[report["grant"]]
    by = {"metadata": " by its metadata", "preset": " by the evidence of its preset"}
    lines: list[Sequence[str]] = [
        ("checked by", _CHECKED_BY[report["checked_by"]]),
        ("metadata", report["metadata"] or "none"),
        ("grant", said + by.get(report["grant_by"], "")),
        ("clients", ", ".join(report["auth_methods"] or ["unknown"])),
        ("refresh", {True: "offered", False: "not offered", None: "unknown"}[report["refresh"]]),
    ]
    lines += [
        ("CA", f"{root['host']}: {root['subject']}, until {root['not_after']}")
        for root in report["roots"]
    ] or [("CA", "none: http")]
    lines += [("address", f"{e['length']:3}  {e['url']}") for e in report["endpoints"]]
    shows = report["shows"]
    for key in ("verification_uri", "verification_uri_complete"):
        if shows[key]:
            like = "such as " if shows["source"] == "example" else ""
            lines.append(("shows", f"{len(shows[key]):3}  {like}{shows[key]}"))
    for panel in report["panels"]:
        size = f"{panel['width']} x {panel['height']}"
        longest = panel["longest"]
        unknown = f"QR of addresses up to {longest} bytes" if longest else _QR["none"]
        can = _QR.get(panel["qr"], unknown)
        lines.append(("panel", f"{panel['board']}, {size}: {can}"))
    return lines
