"""Where in the source of keyfob a line of a board's traceback is.

What was installed from source has lines. A compiled module knows its functions alone, by their
short names, so the line is that of the function; where several have the name, there is none.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from keyfob_host.firmware import compiler
from keyfob_host.firmware.lending import lender
from keyfob_host.firmware.module_names import short_modules, with_short_modules
from keyfob_host.firmware.packing import sources_of
from keyfob_host.firmware.shortening import short_names
from keyfob_host.resources import firmware_dir

_PLACE = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d{1,6})(?:, in (?P<name>\w+))?')
_FOLDER = re.compile(r"^/lib/keyfob(-[0-9a-f]+)?/")


def source_of(line: str) -> str | None:
    """File, number and text of what a traceback's `line` names; None where it is not ours."""
    found = _PLACE.match(line)
    if found is None:
        return None
    name, number = found["file"], int(found["line"])
    if not _FOLDER.match(name):
        return _of_function(name, found["name"] or "")
    path = _FOLDER.sub("keyfob/", name)
    lines = compiler.texts(firmware_dir()).get(path, "").splitlines()
    return _place(path, number, lines) if 0 < number <= len(lines) else None


def _of_function(module: str, function: str) -> str | None:
    """Where the function of a compiled module is, by its name on a board."""
    places = [place for name, place in _functions(module) if name == function]
    return places[0] if len(places) == 1 else None


@cache
def _functions(module: str) -> tuple[tuple[str, str], ...]:
    """The functions of a compiled module: the name on a board, and file, number and text."""
    firmware = _firmware()
    texts, short = firmware.texts, firmware.short_names
    rare = sources_of(firmware.modules.get(module, module), firmware.divided)
    paths = {lender(path, texts) for path in rare}
    return tuple(found for path in paths for found in _defined(path, texts[path], short))


class _Firmware(NamedTuple):
    """The firmware's sources, and what things are called on a board."""

    texts: dict[str, str]  # by path
    divided: dict[str, str]  # the same with rare functions in files of their own
    modules: dict[str, str]  # names of modules by those on a board
    short_names: dict[str, str]  # names on a board by those of the sources


@cache
def _firmware() -> _Firmware:
    """Work it out once: it takes a second."""
    texts = compiler.texts(firmware_dir())
    files = compiler.packed_files(texts)
    modules = {short: name for name, short in short_modules(files).items()}
    short = short_names(with_short_modules(files), compiler.outside())
    return _Firmware(texts, compiler.divided_files(texts), modules, short)


def _defined(path: str, text: str, short: dict[str, str]) -> Iterator[tuple[str, str]]:
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield short.get(node.name, node.name), _place(path, node.lineno, lines)


def _place(path: str, number: int, lines: list[str]) -> str:
    return f"firmware/{path}:{number}: {lines[number - 1].strip()}"
