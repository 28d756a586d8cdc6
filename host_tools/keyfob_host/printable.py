"""What others wrote, such as a board or a provider, made safe to show on a terminal."""

from collections.abc import Mapping
from typing import Any


def printable(text: str) -> str:
    """`text` with what does not print spelt out, line ends and tabs apart."""
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def printable_members(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members of an event, their texts printable."""
    return {
        name: printable(value) if isinstance(value, str) else value
        for name, value in members.items()
    }
