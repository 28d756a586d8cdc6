"""Where the folders that travel with the tools are, in a checkout and in an installed wheel."""

import os
from pathlib import Path

from keyfob_host.errors import CliError

_PACKAGE = Path(__file__).resolve().parent
_WHEEL = _PACKAGE / "data"
_CHECKOUT = _PACKAGE.parents[1]


def firmware_dir() -> Path:
    """The folder that holds `keyfob/` and `main.py`, as they go on a board."""
    return _folder("firmware")


def boards_dir() -> Path:
    """The folder with one folder a board."""
    return _folder("boards")


def cache_dir() -> Path:
    """Where what can be made again is kept for this user; it need not exist."""
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path.home() / ".cache") / "keyfob"


def state_dir() -> Path:
    """Where what this user's runs remember is kept; it need not exist."""
    base = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path.home() / ".local" / "state") / "keyfob"


def _folder(name: str) -> Path:
    for base in (_WHEEL, _CHECKOUT):
        if (base / name).is_dir():
            return base / name
    raise CliError(
        f"this installation of keyfob lacks its {name} folder",
        "install it again: pip install --force-reinstall keyfob",
    )
