"""The boards keyfob knows: one folder each, described by its board.toml (boards/README.md)."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keyfob_host.errors import CliError, UsageError
from keyfob_host.resources import boards_dir

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_BOARD = "esp32-generic"


@dataclass(frozen=True)
class Board:
    """One board; sizes and offsets in bytes."""

    name: str
    title: str
    chip: str
    flash_size: int
    flash_offset: int
    heap_initial: int
    heap_limit: int


# board.toml's path of each field; there is no other.
_FIELDS: dict[str, tuple[str, type]] = {
    "title": ("title", str),
    "chip": ("chip", str),
    "flash.size": ("flash_size", int),
    "flash.offset": ("flash_offset", int),
    "heap.initial": ("heap_initial", int),
    "heap.limit": ("heap_limit", int),
}


def known_boards() -> list[str]:
    """Names of the boards, sorted."""
    return sorted(path.parent.name for path in boards_dir().glob("*/board.toml"))


def load_board(name: str) -> Board:
    """The board of that name.

    Raises UsageError for a name that is not known, and CliError for a damaged board.toml.
    """
    names = known_boards()
    if name not in names:
        raise UsageError(f"there is no board {name!r}", f"--board {' or '.join(names)}")
    return read_board(boards_dir() / name / "board.toml")


def read_board(path: Path) -> Board:
    """Read one board.toml; the board is named after its folder.

    Raises CliError naming the field that is missing, unknown or of the wrong type.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CliError(f"{path} cannot be read: {error}", "see boards/README.md") from None
    found = _flatten(document)
    for field in found.keys() - _FIELDS.keys():
        raise CliError(f"{path} has an unknown field {field!r}", "see boards/README.md")
    values: dict[str, Any] = {}
    for field, (attribute, kind) in _FIELDS.items():
        if type(found.get(field)) is not kind:
            raise CliError(
                f"{path} needs {field!r}, of type {kind.__name__}", "see boards/README.md"
            )
        values[attribute] = found[field]
    return Board(name=path.parent.name, **values)


def _flatten(document: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            flat.update({f"{key}.{inner}": item for inner, item in value.items()})
        else:
            flat[key] = value
    return flat
