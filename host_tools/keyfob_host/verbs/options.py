"""The options that the device verbs share, spelt once."""

from typing import Annotated, Any

import typer

from keyfob_host.errors import UsageError
from keyfob_host.printable import is_typed


def option(name: str, metavar: str, text: str, *, may_be_empty: bool = False) -> Any:
    """An option that takes a value; its help says the default where there is one.

    An empty one is refused, since it mostly is a script's variable that was not set.
    """

    def check(value: str | None) -> str | None:
        if value == "" and not may_be_empty:
            raise UsageError(f"{name} is empty", f"{name} {metavar}, or leave it out")
        if value is not None and not is_typed(value):
            raise UsageError(f"{name} holds a character that does not print", f"{name} {metavar}")
        return value

    return typer.Option(name, metavar=metavar, help=text, show_default=False, callback=check)


def flag(name: str, text: str) -> Any:
    """An option that is there or not."""
    return typer.Option(name, help=text)


Port = Annotated[
    str | None,
    option(
        "--port",
        "DEVICE",
        "auto, id:SERIAL, a path or an address.  [default: the only board]",
    ),
]
Yes = Annotated[bool, flag("--yes", "Ask no questions.")]
Json = Annotated[bool, flag("--json", "One JSON object a line on stdout.")]


def seconds(name: str, value: str | None, default: float) -> float:
    """The number of seconds that `value` of the option `name` is. Raises UsageError."""
    if value is None:
        return default
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:
        raise UsageError(f"{name} takes a number of seconds above 0", f"{name} {default:g}")
    return number


def whole_number(name: str, value: str | None) -> int | None:
    """The whole number that `value` of the option `name` is, None without one.

    Raises UsageError. Whoever takes the number judges its size.
    """
    try:
        return None if value is None else int(value)
    except ValueError:
        raise UsageError(f"{name} takes a whole number, not {value!r}", f"{name} 30") from None


Timeout = Annotated[str | None, option("--timeout", "S", "Give up after this long.")]
BoardName = Annotated[
    str | None, option("--board", "NAME", "Go on only if the board is configured as this one.")
]


def check_board(wanted: str | None, configured: str | None) -> None:
    """Raise UsageError where the board is configured as another one than `wanted`."""
    if wanted is not None and wanted != configured:
        raise UsageError(
            f"this board is configured as {configured or 'none in particular'}, not {wanted}",
            "another --port, or keyfob configure --board NAME",
        )
