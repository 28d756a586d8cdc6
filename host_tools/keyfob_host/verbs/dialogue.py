"""What the device verbs say and ask: lines and questions for a person, JSON for a program."""

import contextlib
import getpass
import json as json_module
import os
import sys
from collections.abc import Callable
from typing import Any

from keyfob_host.errors import UsageError
from keyfob_host.printable import printable


def is_terminal() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


class Dialogue:
    """Says what happens as lines, or nothing but one JSON object where `as_json`."""

    def __init__(self, *, as_json: bool, yes: bool = False) -> None:
        self._as_json = as_json
        self._yes = yes

    def say(self, text: str) -> None:
        """One line for a person."""
        if not self._as_json:
            print(printable(text), flush=True)

    def report(self, members: dict[str, Any]) -> None:
        """The object for a program."""
        if self._as_json:
            print(json_module.dumps(members), flush=True)

    def agrees(self, question: str) -> bool | None:
        """Whether the person says yes; None where nobody can be asked."""
        if self._yes:
            return True
        if self._as_json or not is_terminal():
            return None
        print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def progress(self, title: str, total: int) -> Callable[[int], None]:
        """A line on a terminal that follows how many of `total` bytes are done."""
        done = 0
        shown = not self._as_json and sys.stdout.isatty()

        def advance(count: int) -> None:
            nonlocal done
            done += count
            if shown:
                end = "\n" if done >= total else ""
                print(f"\r\x1b[K{title} {done * 100 // max(1, total)} %", end=end, flush=True)

        return advance


def secret(variable: str, what: str, otherwise: str | None, *, asks: bool) -> str:
    """A secret from the environment, else from a person who is not shown what they type.

    Where there is neither, or nobody is to be asked, `otherwise`. Raises UsageError where that
    is None, or the secret has what nobody types, such as the line end of a file it came from.
    """
    value = os.environ.get(variable)
    if value is None and asks and is_terminal():
        with contextlib.suppress(EOFError):  # Ctrl-D: nothing was typed
            value = getpass.getpass(f"{what}: ")
    if value is None:
        value = otherwise
    if value is None:
        raise UsageError(f"nobody has typed {what}", f"set {variable} in the environment")
    if not value.isprintable():
        raise UsageError(
            f"{what} holds a character that does not print", f"look at what sets {variable}"
        )
    return value
