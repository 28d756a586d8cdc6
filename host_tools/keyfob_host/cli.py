"""The `keyfob` command: the verbs of the host tools, and how any verb ends.

`keyfob_sim.cli` puts the simulator's verbs before these; what is installed as `keyfob` is that.
Every way out is one of these: 0 done, 1 failed, 2 wrong usage, 130 Ctrl-C, 128 and its number
for another signal; what went wrong is two lines on stderr. A verb's own code is imported when
the verb runs.
"""

import contextlib
import functools
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.main import get_command

from keyfob_host import __version__
from keyfob_host.errors import FAILED, INTERRUPTED, WRONG_USAGE, CliError
from keyfob_host.printable import say
from keyfob_host.verbs import (
    boards,
    configure,
    devices,
    doctor,
    flash,
    install,
    link,
    monitor,
    status,
    test,
)
from keyfob_host.verbs.providers import providers_app

TRACEBACK_VARIABLE = "KEYFOB_TRACEBACK"

Verb = Callable[..., int]

# In the order in which the help shows them.
VERBS: Mapping[str, Verb] = {
    "boards": boards.boards,
    "devices": devices.devices,
    "flash": flash.flash,
    "install": install.install,
    "configure": configure.configure,
    "status": status.status,
    "link": link.link,
    "unlink": link.unlink,
    "test": test.hardware_test,
    "monitor": monitor.monitor,
    "doctor": doctor.doctor,
}


def main(arguments: Sequence[str] | None = None, verbs: Mapping[str, Verb] = VERBS) -> int:
    """Run the command with these verbs and `providers`; return its exit code."""
    _open_streams()
    try:
        try:
            with _signals_end_verbs():
                return _run(arguments, verbs)
        finally:
            sys.stdout.flush()
    except CliError as error:
        return _print_error(error.message, error.hint, error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone, as with `| head -1`; nothing must be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # noqa: BLE001 - the last resort, see _print_internal_error
        return _print_internal_error(error)


def _open_streams() -> None:
    """Let a stream that was closed before the start (`<&-`) be one without content.

    What the encoding of stdout lacks is spelt out, as on stderr: others wrote it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - open to the end
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def _signals_end_verbs() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a verb as Ctrl-C does, so that it releases what it holds."""
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


@functools.cache  # reading options from signatures takes longer than many a verb
def _command(verbs: tuple[tuple[str, Verb], ...]) -> Any:
    """The command with these verbs, by their names."""
    app = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 99},
    )
    app.callback(invoke_without_command=True)(keyfob)
    for name, verb in verbs:
        app.command(name)(verb)
    app.add_typer(providers_app, name="providers")
    return get_command(app)


def _run(arguments: Sequence[str] | None, verbs: Mapping[str, Verb]) -> int:
    words = sys.argv[1:] if arguments is None else list(arguments)
    # One verb's options are soon read; those of all take longer than many a verb.
    asked = {word: verbs[word] for word in words[:1] if word in verbs}
    command = _command(tuple((asked or verbs).items()))
    try:
        code = command.main(words, prog_name="keyfob", standalone_mode=False)
    except typer.TyperException as error:
        known = [word for word in words[:1] if word in command.commands]
        hint = " ".join(["keyfob", *known, "--help"])
        if not known:
            hint += f", or one of the verbs: {', '.join(command.commands)}"
        return _print_error(error.format_message(), hint, WRONG_USAGE)
    return code if isinstance(code, int) else 0


def _print_error(message: str, hint: str, code: int) -> int:
    """Print the two lines; whatever a message quotes cannot break out of its line."""
    for label, text in (("keyfob", message), ("try", hint)):
        say(f"{label}: {' '.join(text.split())}", to=sys.stderr)
    return code


def _print_internal_error(error: Exception) -> int:
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
    return _print_error(
        f"internal error: {type(error).__name__}{reason}{place}",
        f"the same command with {TRACEBACK_VARIABLE}=1, and report what it prints",
        FAILED,
    )


def _show_version(value: bool) -> None:
    if value:
        say(f"keyfob {__version__}")
        raise typer.Exit


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
        say(context.get_help())


if __name__ == "__main__":
    sys.exit(main())
