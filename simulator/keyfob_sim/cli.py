"""The `keyfob` command whole: `sim` and `server`, and after them the verbs of the host tools.

A verb's own code is imported when the verb runs.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from keyfob_host import cli
from keyfob_host.boards import DEFAULT_BOARD
from keyfob_host.errors import UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    verbs: dict[str, cli.Verb] = {"sim": sim, "server": server, **cli.VERBS}
    return cli.main(arguments, verbs)


def _option(name: str, metavar: str, text: str) -> Any:
    return typer.Option(name, metavar=metavar, help=text, show_default=False)


def _flag(name: str, text: str) -> Any:
    return typer.Option(name, help=text)


_Chain = Annotated[
    str | None,
    _option(
        "--chain",
        "ec|rsa2048|rsa4096|long",
        "Its certificates; long needs most of a board's RAM. Or a trouble with TLS, such as "
        "expired: see simulator/README.md.  [default: long]",
    ),
]


def sim(
    board: Annotated[
        str, _option("--board", "NAME", f"Board to assemble.  [default: {DEFAULT_BOARD}]")
    ] = DEFAULT_BOARD,
    runtime: Annotated[
        str | None,
        _option(
            "--runtime",
            "micropython|cpython",
            "What runs the firmware.  [default: micropython where its VM is installed]",
        ),
    ] = None,
    heap: Annotated[
        str | None,
        _option(
            "--heap", "SIZE", "Heap left to the firmware, such as 112k.  [default: the board's]"
        ),
    ] = None,
    serial: Annotated[
        str | None,
        _option("--serial", "PATH", "Link PATH to the board's serial port, for mpremote."),
    ] = None,
    program: Annotated[
        str | None,
        _option("--program", "FILE", "The board's main.py.  [default: keyfob's own]"),
    ] = None,
    clock: Annotated[
        str | None,
        _option(
            "--clock", "real|virtual", "With virtual, waiting takes no time.  [default: real]"
        ),
    ] = None,
    issuer: Annotated[
        str | None,
        _option("--issuer", "URL", "Use this server, by discovery, not the embedded mock."),
    ] = None,
    provider: Annotated[
        str | None,
        _option("--provider", "NAME|FILE", "Use this preset, or a file (JSON or TOML) of one."),
    ] = None,
    client_id: Annotated[
        str | None, _option("--client-id", "ID", "Who the board is to that server.")
    ] = None,
    client_secret: Annotated[
        str | None,
        _option("--client-secret", "S", "A test secret; KEYFOB_CLIENT_SECRET wins over it."),
    ] = None,
    client_auth: Annotated[
        str | None,
        _option(
            "--client-auth",
            "none|basic|post",
            "How the client authenticates.  [default: none without a secret, "
            "else basic or what the server lists]",
        ),
    ] = None,
    scope: Annotated[
        str | None, _option("--scope", '"..."', "Scopes to ask for, separated by spaces.")
    ] = None,
    ca: Annotated[
        str | None,
        _option("--ca", "FILE", "Root certificates to trust, PEM or DER, and no others."),
    ] = None,
    allow_http: Annotated[
        bool, _flag("--allow-http", "Permit http to a host that is not this one.")
    ] = False,
    api: Annotated[
        str | None,
        _option("--api", "URL", "Protected address to call.  [default: userinfo]"),
    ] = None,
    language: Annotated[
        str | None,
        _option(
            "--language", "en|de|es|fr|it|nl|pl|pt", "Language of the screens.  [default: en]"
        ),
    ] = None,
    host: Annotated[
        str | None,
        _option(
            "--host",
            "ADDRESS",
            "Where the embedded server listens; a LAN address lets a phone open the page.  "
            "[default: 127.0.0.1]",
        ),
    ] = None,
    port: Annotated[str | None, _option("--port", "P", "Its port.  [default: a free one]")] = None,
    https: Annotated[
        bool, _flag("--https", "Let it speak https, with a CA made for the run.")
    ] = False,
    chain: _Chain = None,
    approve: Annotated[
        str | None,
        _option(
            "--approve",
            "auto|deny|never|browser",
            "Who decides: the embedded server itself (auto, deny), or whoever opens the page.  "
            "[default: browser on a terminal, else auto, or never with another server]",
        ),
    ] = None,
    until: Annotated[
        str | None,
        _option(
            "--until",
            "linked|refreshed|refreshed:N|denied|expired|forever",
            "When the run is done.  [default: forever on a terminal, else linked]",
        ),
    ] = None,
    timeout: Annotated[
        str | None,
        _option(
            "--timeout", "SECONDS", "Give up after this long.  [default: 300, none with forever]"
        ),
    ] = None,
    state_dir: Annotated[
        str | None,
        _option("--state-dir", "DIR", "Keep the board's flash and the server; resume them."),
    ] = None,
    screens: Annotated[
        str | None, _option("--screens", "DIR", "Save each screen as a PNG.")
    ] = None,
    faults: Annotated[
        str | None, _option("--faults", "FILE", "Scenario of faults, as TOML.")
    ] = None,
    power_cut: Annotated[
        str | None,
        _option(
            "--power-cut",
            "N[:none|torn|done]",
            "Cut power at flash operation N.  [default how: torn]",
        ),
    ] = None,
    json: Annotated[bool, _flag("--json", "One JSON object a line on stdout.")] = False,
) -> int:
    """Run the firmware on a virtual board, against an embedded mock server or a real one.

    \b
    Examples:
      keyfob sim
      keyfob sim --json --approve auto --clock virtual --until refreshed:3
      keyfob sim --issuer https://login.example.com --client-id my-board
    """
    from keyfob_host.vm import executable
    from keyfob_sim.run.options import Given, resolve

    given = Given(
        board=board,
        runtime=runtime,
        heap=heap,
        serial=serial,
        program=program,
        clock=clock,
        issuer=issuer,
        provider=provider,
        client_id=client_id,
        client_secret=client_secret,
        client_auth=client_auth,
        scope=scope,
        ca=ca,
        allow_http=allow_http,
        api=api,
        language=language,
        host=host,
        port=port,
        https=https,
        chain=chain,
        approve=approve,
        until=until,
        timeout=timeout,
        state_dir=state_dir,
        screens=screens,
        faults=faults,
        power_cut=power_cut,
        json=json,
    )
    options = resolve(
        given,
        terminal=sys.stdin.isatty() and sys.stdout.isatty(),
        environ=os.environ,
        has_vm=executable() is not None,
    )

    from keyfob_sim.sim import run

    return run(options)


def server(
    host: Annotated[
        str, _option("--host", "H", "Where to listen.  [default: 127.0.0.1]")
    ] = "127.0.0.1",
    port: Annotated[
        str | None, _option("--port", "P", "Port to listen on.  [default: a free one]")
    ] = None,
    https: Annotated[bool, _flag("--https", "Speak https, with a CA made for the run.")] = False,
    chain: _Chain = None,
    personality: Annotated[
        str,
        _option(
            "--personality",
            "NAME",
            "Whose dialect to speak, by a name of `keyfob providers`.  [default: rfc8628]",
        ),
    ] = "rfc8628",
    config: Annotated[
        str | None, _option("--config", "FILE", "Clients, users and lifetimes, as TOML.")
    ] = None,
    state: Annotated[
        str | None, _option("--state", "FILE", "Keep grants and keys here; resume them.")
    ] = None,
    json: Annotated[bool, _flag("--json", "Nothing but JSON on stdout.")] = False,
) -> int:
    """Run the mock authorization server alone, until Ctrl-C.

    The first line on stdout is one JSON object: issuer, endpoints and ready-made clients.

    \b
    Example:
      keyfob server --host 192.168.1.20 --port 8080
    """
    from keyfob_sim.run.options import parse_port
    from keyfob_sim.server import ServerOptions, serve
    from keyfob_sim.server.chains import DEFAULT_CHAIN

    if chain is not None and not https:
        raise UsageError("--chain picks the certificates of --https", "--https")
    options = ServerOptions(
        host=host,
        port=parse_port(port),
        https=https,
        chain=chain or DEFAULT_CHAIN,
        personality=personality,
        config=Path(config) if config else None,
        state=Path(state) if state else None,
    )
    return serve(options, json_output=json)


if __name__ == "__main__":
    sys.exit(main())
