"""What the device verbs say and ask: lines and questions for a person, JSON for a program."""

import contextlib
import getpass
import json as json_module
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

from keyfob_host.errors import UsageError
from keyfob_host.printable import is_typed, one_line, say


def is_terminal() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def say_columns(rows: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


class Dialogue:
    """Says what happens as lines, or nothing but one JSON object where `as_json`."""

    def __init__(self, *, as_json: bool, yes: bool = False) -> None:
        self.as_json = as_json
        self._yes = yes

    def say(self, text: str) -> None:
        """One line for a person."""
        if not self.as_json:
            say(text)

    def report(self, members: dict[str, Any]) -> None:
        """The object for a program."""
        if self.as_json:
            say(json_module.dumps(members))

    @property
    def can_ask(self) -> bool:
        """Whether somebody can be asked, and wants to be."""
        return not (self._yes or self.as_json) and is_terminal()

    def agrees(self, question: str) -> bool | None:
        """Whether the person says yes; None where nobody can be asked."""
        if self._yes:
            return True
        if not self.can_ask:
            return None
        return _typed(f"{question} [y/N] ").lower() in ("y", "yes")

    def choice(self, question: str, choices: list[str]) -> int | None:
        """The index of what the person picks; None where nobody can be asked, or none is named."""
        if not self.can_ask:
            return None
        _list(choices)
        return _index(_typed(_of_choices(question, choices)), choices)

    def pick(self, question: str, choices: list[str]) -> int:
        """The same, asked until one is named, by its number or its first word.

        Ask only somebody who can be (`can_ask`). Raises UsageError where the input ends.
        """
        _list(choices)
        while True:
            index = _index(_typed(_of_choices(question, choices), needed=True), choices)
            if index is not None:
                return index

    def ask(self, question: str, otherwise: str | None = None) -> str:
        """What the person types, and `otherwise` for an empty line; asked until there is one.

        Ask only somebody who can be (`can_ask`). Raises UsageError where the input ends.
        """
        shown = f" [{one_line(otherwise)}]" if otherwise else ""
        while True:
            answer = _typed(f"{question}{shown}: ", needed=True) or otherwise
            if answer is not None and answer.isprintable():
                return answer

    def progress(self) -> "Progress":
        """A line on a terminal that follows what takes long."""
        return Progress(shown=not self.as_json and sys.stdout.isatty())


def _typed(prompt: str, *, needed: bool = False) -> str:
    """The line that a person types, "" where the input ends, unless an answer is `needed`."""
    say(prompt, end="", to=sys.stderr)
    line = sys.stdin.readline()
    if needed and not line:
        say(to=sys.stderr)
        raise UsageError("the answers ended too soon", "the same again, or options: --help")
    return line.strip()


def _of_choices(question: str, choices: Sequence[str]) -> str:
    return f"{question} [1-{len(choices)}] "


def _list(choices: Sequence[str]) -> None:
    width = len(str(len(choices)))
    for number, words in enumerate(choices, 1):
        say(f"  {number:>{width}}  {one_line(words)}", to=sys.stderr)


def _index(answer: str, choices: Sequence[str]) -> int | None:
    """Which of `choices` an answer names, by its number or its first word."""
    names = [words.split()[0] for words in choices]
    if answer in names and names.count(answer) == 1:
        return names.index(answer)
    numbers = [str(number) for number in range(1, len(choices) + 1)]
    return numbers.index(answer) if answer in numbers else None


class Progress:
    """The last line of a terminal: how far each of several jobs is. Threads may share it.

    Where it is not `shown`, it prints no more than the lines it is given.
    """

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown
        self._percents: dict[str, int] = {}
        self._lock = threading.Lock()

    def update(self, job: str, percent: float) -> None:
        """Say how far a job is."""
        with self._lock:
            self._percents[job] = int(percent)
            self._draw()

    def line(self, text: str) -> None:
        """Print a line above it."""
        with self._lock:
            self._clear()
            say(text)
            self._draw()

    def close(self) -> None:
        """Go on below it."""
        with self._lock:
            if self._shown and self._percents:
                say()
            self._percents.clear()

    def _clear(self) -> None:
        if self._shown and self._percents:
            self._rewrite("")

    def _draw(self) -> None:
        if self._shown and self._percents:
            jobs = (f"{job} {percent} %" for job, percent in self._percents.items())
            self._rewrite("  ".join(jobs))

    def _rewrite(self, text: str) -> None:
        print("\r\x1b[K" + one_line(text), end="", flush=True)  # noqa: T201


def secret(variable: str, what: str, otherwise: str | None, *, asks: bool) -> str:
    """A secret from the environment, else from a person who is not shown what they type.

    Where there is neither, or nobody is to be asked, `otherwise`. Raises UsageError where that
    is None, or the secret has what nobody types, such as the line end of a file it came from.
    """
    value = os.environ.get(variable)
    if value is None and asks and is_terminal():
        with contextlib.suppress(EOFError):  # Ctrl-D: nothing was typed
            value = getpass.getpass(f"{one_line(what)}: ")
    if value is None:
        value = otherwise
    if value is None:
        raise UsageError(f"nobody has typed {what}", f"set {variable} in the environment")
    if not is_typed(value):
        raise UsageError(
            f"{what} holds a character that does not print", f"look at what sets {variable}"
        )
    return value
