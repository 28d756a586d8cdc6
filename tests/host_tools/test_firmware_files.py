"""The firmware as files: each compiles for a board, and the rooms keep to their floors."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import keyfob_host
from keyfob_host.errors import CliError
from keyfob_host.firmware import shortening
from keyfob_host.firmware.compiler import (
    compile_file,
    compile_firmware,
    compiled_firmware,
    size_table,
)
from keyfob_host.resources import firmware_dir

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGE = firmware_dir() / "keyfob"
FILES = sorted(PACKAGE.rglob("*.py"))
NAMES = [path.relative_to(PACKAGE).as_posix() for path in FILES]

# The table of DESIGN: a room imports from lower floors and from itself.
ROOMS = {
    "errors": (0, "ground"),
    "config_text": (0, "ground"),
    "compat": (0, "ground"),
    "oauth": (1, "oauth"),
    "net": (2, "net"),
    "storage": (2, "storage"),
    "config": (2, "config"),
    "heap_area": (2, "heap_area"),
    "stored": (1, "stored"),
    "account": (2, "account"),
    "events": (2, "events"),
    "ui": (3, "ui"),
    "provider": (3, "provider"),
    "connection": (4, "connection"),
    "joining": (3, "joining"),
    "approval": (4, "approval"),
    "linking": (5, "linking"),
    "assembly": (4, "assembly"),
    "api": (4, "api"),
    "identity": (4, "identity"),
    "service": (4, "service"),
    "discovery": (2, "discovery"),
    "upkeep": (4, "upkeep"),
    "link": (6, "roof"),
    "app": (7, "attic"),
    "requests_adapter": (7, "attic"),
    "__init__": (8, "door"),
}

INPUT_AND_OUTPUT = {
    "socket", "ssl", "tls", "machine", "network", "esp32", "time", "asyncio", "os", "io",
    "select", "vfs", "_thread", "ntptime", "requests",
}  # fmt: skip
NOT_ON_A_BOARD = {
    "typing", "dataclasses", "enum", "re", "contextlib", "functools", "abc", "pathlib",
    "logging", "datetime", "urllib", "base64", "traceback",
}  # fmt: skip

each_file = pytest.mark.parametrize("path", FILES, ids=NAMES)


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of whatever is imported, relative imports included as they stand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def faults(tree: ast.AST, room: str) -> list[str]:
    """What a firmware file of that room does and must not."""
    found = []
    floor, name = ROOMS[room]
    for line, imported in imports(tree):
        parts = imported.split(".")
        if parts[0] == "":
            found.append(f"{line}: a relative import hides the room it reaches")
        elif parts[0] == "keyfob" and len(parts) > 1:
            target_floor, target = ROOMS.get(parts[1], (9, "nowhere"))
            if target_floor >= floor and target != name:
                found.append(f"{line}: {room} (floor {floor}) imports {imported}")
        if parts[0] in NOT_ON_A_BOARD:
            found.append(f"{line}: {parts[0]} is not on a board")
        if room == "oauth" and parts[0] in INPUT_AND_OUTPUT:
            found.append(f"{line}: oauth is sans-I/O, and imports {parts[0]}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.cause is not None:
            found.append(f"{node.lineno}: MicroPython has no exception chaining")
        if isinstance(node, ast.ExceptHandler):
            found += handler_faults(node)
    return found


def handler_faults(node: ast.ExceptHandler) -> list[str]:
    if node.type is None:
        return [f"{node.lineno}: a bare except"]
    caught = {part.id for part in ast.walk(node.type) if isinstance(part, ast.Name)}
    raises = any(isinstance(part, ast.Raise) and part.exc is None for part in ast.walk(node))
    if caught & {"BaseException", "KeyboardInterrupt"} and not raises:
        return [f"{node.lineno}: swallows Ctrl-C"]
    return []


@each_file
def test_a_file_keeps_to_its_floor_and_to_micropython(path):
    assert faults(ast.parse(path.read_text(encoding="utf-8")), room_of(path)) == []


@pytest.mark.parametrize(
    ("room", "source", "fault"),
    [
        ("oauth", "from keyfob.net import http", "1: oauth (floor 1) imports keyfob.net.http"),
        ("net", "import keyfob.storage", "1: net (floor 2) imports keyfob.storage"),
        ("ui", "from keyfob import link", "1: ui (floor 3) imports keyfob.link"),
        ("net", "from keyfob import attic", "1: net (floor 2) imports keyfob.attic"),
        ("oauth", "def f():\n import time", "2: oauth is sans-I/O, and imports time"),
        ("net", "from . import http", "1: a relative import hides the room it reaches"),
        ("link", "from typing import Any", "1: typing is not on a board"),
        ("net", "raise A from b", "1: MicroPython has no exception chaining"),
        ("net", "try:\n pass\nexcept:\n pass", "3: a bare except"),
        ("net", "try:\n pass\nexcept BaseException:\n pass", "3: swallows Ctrl-C"),
        ("net", "try:\n pass\nexcept (OSError, KeyboardInterrupt):\n pass", "3: swallows Ctrl-C"),
    ],
)
def test_the_check_finds_what_it_is_for(room, source, fault):
    assert faults(ast.parse(source), room) == [fault]


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("net", "from keyfob.oauth import url"),
        ("oauth", "from keyfob.oauth import url"),
        ("app", "from keyfob.link import AccountLink"),
        ("net", "try:\n pass\nexcept BaseException:\n raise"),
    ],
)
def test_the_check_lets_good_code_be(room, source):
    assert faults(ast.parse(source), room) == []


def test_every_file_compiles_for_a_board(tmp_path):
    compiled = compile_firmware(tmp_path)
    print(size_table(compiled))
    assert {c.name for c in compiled} >= {"keyfob/__init__.py", "keyfob/app.py", "keyfob/_qr.py"}
    assert all((tmp_path / c.path).with_suffix(".mpy").is_file() for c in compiled)


@pytest.mark.parametrize("arch", ["xtensawin", "rv32imc", "x64"])
def test_machine_code_compiles_for_every_kind_of_chip(arch):
    assert compiled_firmware(arch).keys() - compiled_firmware().keys() == {
        "/lib/keyfob/_qr_viper.mpy"
    }


def test_without_a_kind_of_chip_there_is_no_machine_code():
    assert not [path for path in compiled_firmware() if path.endswith("_viper.mpy")]


def test_machine_code_changes_no_other_file():
    plain = compiled_firmware()
    assert {path: compiled_firmware("xtensawin")[path] for path in plain} == plain


def test_files_of_another_version_do_not_stay(tmp_path):
    old = tmp_path / "keyfob" / "oauth" / "ticks.mpy"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    compile_firmware(tmp_path)
    assert not old.exists()


def test_what_was_compiled_with_other_names_is_compiled_again(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    before = compiled_firmware()
    names = tmp_path / "names.txt"
    names.write_text(shortening.ROM_NAMES.read_text() + "get_approval\n")
    monkeypatch.setattr(shortening, "ROM_NAMES", names)
    assert compiled_firmware() != before


def test_main_and_the_examples_compile_too(tmp_path):
    others = [firmware_dir() / "main.py", *(firmware_dir() / "examples").rglob("*.py")]
    for path in others:
        compile_file(path, path.name, tmp_path / "out.mpy")


def test_what_micropython_cannot_parse_is_named(tmp_path):
    bad = tmp_path / "keyfob" / "bad.py"
    bad.parent.mkdir()
    for text in ("match 1:\n    case 1: pass\n", "never python\n"):
        bad.write_text(text)
        with pytest.raises(CliError) as caught:
            compile_firmware(tmp_path / "out", source=tmp_path)
        assert caught.value.message.startswith("keyfob/bad.py does not compile: ")
        assert "SyntaxError" in caught.value.message


def test_firmware_and_tools_are_of_one_version():
    import keyfob

    assert keyfob.__version__ == keyfob_host.__version__


def test_the_mutations_of_the_benchmark_follow_the_code():
    listed = Path(__file__).parents[1] / "benchmarks" / "mutations.toml"
    for mutation in tomllib.loads(listed.read_text("utf-8"))["mutation"]:
        source = (PACKAGE / mutation["file"]).read_text("utf-8")
        assert source.count(mutation["was"]) == 1, mutation["name"]
