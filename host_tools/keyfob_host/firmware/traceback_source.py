"""Where a line of a board's traceback is in the source of keyfob.

A .mpy keeps line numbers, and the name of the module instead of a path.
"""

import re

from keyfob_host.resources import firmware_dir

_PLACE = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)')
_FOLDER = re.compile(r"^/lib/keyfob(-[0-9a-f]+)?/")


def source_of(line: str) -> str | None:
    """File, number and text of what a traceback's `line` names; None where it is not ours."""
    found = _PLACE.match(line)
    if found is None:
        return None
    name, number = found["file"], int(found["line"])
    if _FOLDER.match(name):  # installed from source
        name = "keyfob/" + _FOLDER.sub("", name)
    elif name.startswith("keyfob"):
        name = name.replace(".", "/") + ".py"
    folder = firmware_dir()
    for path in (folder / name, (folder / name).with_suffix("") / "__init__.py"):
        if path.is_relative_to(folder) and path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines()
            if 0 < number <= len(lines):
                shown = path.relative_to(folder.parent).as_posix()
                return f"{shown}:{number}: {lines[number - 1].strip()}"
    return None
