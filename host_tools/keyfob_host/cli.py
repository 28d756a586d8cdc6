"""The `keyfob` command: its verbs, their options, and how it ends.

Every way out is one of these: 0 done, 1 failed, 2 wrong usage, 130 Ctrl-C, 128 and its number
for another signal; what went wrong is two lines on stderr. A verb's own code is imported when
the verb runs.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.main import get_command

from keyfob_host import __version__
from keyfob_host.boards import DEFAULT_BOARD
from keyfob_host.errors import FAILED, INTERRUPTED, WRONG_USAGE, CliError
from keyfob_host.printable import printable
from keyfob_host.verbs import (
    boards,
    configure,
    devices,
    doctor,
    flash,
    install,
    link,
    monitor,
    parts,
    status,
)
from keyfob_host.verbs.providers import providers_app

TRACEBACK_VARIABLE = "KEYFOB_TRACEBACK"

# The base of every usage error, in typer's private copy of click.
_ClickError: Any = typer.BadParameter.__mro__[2]

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 99},
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    _open_streams()
    try:
        try:
            with _signals_leave():
                return _run(arguments)
        finally:
            sys.stdout.flush()
    except CliError as error:
        return _complain(error.message, error.hint, error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone, as with `| head -1`; nothing must be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # noqa: BLE001 - the last resort, see _internal
        return _internal(error)


def _open_streams() -> None:
    """Let a stream that was closed before the start (`<&-`) be one without content."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - open to the end


@contextlib.contextmanager
def _signals_leave() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a verb as Ctrl-C does: what it holds is let go on the way out."""
    before = {}
    if threading.current_thread() is threading.main_thread():  # no other may
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) == signal.SIG_DFL:  # or nohup's
                before[number] = signal.signal(number, _leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _: object) -> None:
    sys.exit(128 + number)  # as a shell reports it


def _run(arguments: Sequence[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else list(arguments)
    command: Any = get_command(app)
    try:
        code = command.main(words, prog_name="keyfob", standalone_mode=False)
    except _ClickError as error:
        verbs = list(command.commands)
        known = [word for word in words[:1] if word in verbs]
        hint = " ".join(["keyfob", *known, "--help"])
        if not known:
            hint += f", or one of the verbs: {', '.join(verbs)}"
        return _complain(error.format_message(), hint, WRONG_USAGE)
    return code if isinstance(code, int) else 0


def _complain(message: str, hint: str, code: int) -> int:
    """Print the two lines; whatever a message quotes cannot break out of its line."""
    for label, text in (("keyfob", message), ("try", hint)):
        print(f"{label}: {printable(' '.join(text.split()))}", file=sys.stderr)
    return code


def _internal(error: Exception) -> int:
    """A fault of keyfob's own: its kind and place, not its text, which might hold a secret."""
    if os.environ.get(TRACEBACK_VARIABLE):
        raise error
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = ""
    if frame is not None:
        place = f" at {Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}"
    reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
    return _complain(
        f"internal error: {type(error).__name__}{reason}{place}",
        f"the same command with {TRACEBACK_VARIABLE}=1, and report what it prints",
        FAILED,
    )


def _show_version(value: bool) -> None:
    if value:
        print(f"keyfob {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def keyfob(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Link a board without a keyboard to a person's account (OAuth 2.0 device flow).

    \b
    Example:
      keyfob sim        a virtual board on this PC, linked by you in a browser
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


def _option(name: str, metavar: str, text: str) -> Any:
    return typer.Option(name, metavar=metavar, help=text, show_default=False)


def _flag(name: str, text: str) -> Any:
    return typer.Option(name, help=text)


@app.command()
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
    given = locals()
    from keyfob_sim.run.options import Given, resolve

    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    from keyfob_sim.micropython.vm import executable

    options = resolve(
        Given(**given),
        terminal=terminal,
        environ=os.environ,
        has_vm=executable() is not None,
    )

    from keyfob_sim.sim import run

    return run(options)


@app.command()
def server(
    host: Annotated[
        str, _option("--host", "H", "Where to listen.  [default: 127.0.0.1]")
    ] = "127.0.0.1",
    port: Annotated[
        str | None, _option("--port", "P", "Port to listen on.  [default: a free one]")
    ] = None,
    https: Annotated[bool, _flag("--https", "Speak https, with a CA made for the run.")] = False,
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

    options = ServerOptions(
        host=host,
        port=parse_port(port),
        https=https,
        personality=personality,
        config=Path(config) if config else None,
        state=Path(state) if state else None,
    )
    return serve(options, json_output=json)


app.add_typer(providers_app, name="providers")
app.command()(boards.boards)
app.command()(devices.devices)
app.command()(flash.flash)
app.command()(install.install)
app.command()(configure.configure)
app.command()(status.status)
app.command()(link.link)
app.command()(link.unlink)
app.command("test")(parts.parts)
app.command()(monitor.monitor)
app.command()(doctor.doctor)


if __name__ == "__main__":
    sys.exit(main())
