"""What others wrote, such as a board or a provider, made safe to show on a terminal."""

import sys
import unicodedata
from typing import TextIO


def printable(text: str) -> str:
    """`text` with what does not print spelt out, line ends and tabs apart."""
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def one_line(text: str) -> str:
    """`text` with all that does not print spelt out, so that it cannot end its line."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def is_typed(text: str) -> bool:
    """Whether people type such text: no control characters, no line ends, no broken UTF-8.

    What joins the parts of an emoji does not print, and is part of names of networks.
    """
    return not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text)


def say(text: str = "", *, end: str = "\n", to: TextIO | None = None) -> None:
    """Print `text`, to stdout unless told. Nothing else in the tools prints (ruff's T201)."""
    print(printable(text), end=end, file=to or sys.stdout, flush=True)
