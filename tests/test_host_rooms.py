"""Imports of the host packages look down only: firmware, host tools, simulator, in that order.

The floors are the tables in the READMEs of host_tools/ and simulator/. The sources are read and
not run, so that late imports count, too.
"""

import ast
import importlib.util
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"keyfob_host": "host_tools", "keyfob_sim": "simulator"}
# What runs on a board: MicroPython, which imports `keyfob` and modules of its own.
ON_BOARD = {"on_board", "on_flash"}


def modules(package: str) -> dict[str, Path]:
    """The files of a package by the name that imports them."""
    base = ROOT / PACKAGES[package]
    found = {}
    for path in sorted((base / package).rglob("*.py")):
        words = path.relative_to(base).with_suffix("").parts
        if not ON_BOARD & set(words):
            name = ".".join(words).removesuffix(".__init__")
            found[name] = path
    return found


MODULES = {package: modules(package) for package in PACKAGES}
EVERY = {name: path for found in MODULES.values() for name, path in found.items()}


def imports(name: str, path: Path) -> Iterator[tuple[str, int]]:
    """The modules of ours that a file imports, at its top or late, and the line of each."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            relative = "." * node.level + (node.module or "")
            origin = importlib.util.resolve_name(relative, package)
            names = [f"{origin}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call):
            names = names_in_call(node)
        else:
            continue
        for word in names:
            while word and word not in EVERY:
                word = word.rpartition(".")[0]
            if word and word != name:
                yield word, node.lineno


def names_in_call(call: ast.Call) -> list[str]:
    """The module that `import_module("...")` names, as far as it is written out."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    function = call.func.id if isinstance(call.func, ast.Name) else function
    if function not in ("import_module", "__import__"):
        return []
    texts = [one.value for one in call.args if isinstance(one, ast.Constant)]
    return [text for text in texts if isinstance(text, str)]


def room(name: str) -> str:
    """The folder or file right below its package that a module is in."""
    return ".".join(name.split(".")[:2])


def floors(package: str) -> dict[str, int]:
    """The floor of each room, from the README's table of floors."""
    text = (ROOT / PACKAGES[package] / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", text, re.MULTILINE)
    found = {}
    for floor, names in rows:
        for word in re.findall(r"`(\w+)[./]", names):
            found[f"{package}.{word}"] = int(floor)
    return found


FLOORS = {package: floors(package) for package in PACKAGES}


@pytest.mark.parametrize("package", PACKAGES)
def test_the_table_of_floors_has_every_room(package):
    rooms = {room(name) for name in MODULES[package]} - {package}
    assert set(FLOORS[package]) == rooms


@pytest.mark.parametrize("package", PACKAGES)
def test_no_import_looks_up_or_sideways(package):
    wrong = []
    for name, path in MODULES[package].items():
        for other, line in imports(name, path):
            here, there = room(name), room(other)
            if there == here or there not in FLOORS[package]:
                continue
            if FLOORS[package][there] >= FLOORS[package][here]:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {other}")
    assert wrong == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_files_import_each_other_in_a_circle(package):
    graph = {
        name: {other for other, _ in imports(name, path)}
        for name, path in MODULES[package].items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_the_host_tools_know_nothing_of_the_simulator():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {other}"
        for name, path in MODULES["keyfob_host"].items()
        for other, line in imports(name, path)
        if other.startswith("keyfob_sim")
    ]
    assert wrong == []


def test_the_firmware_knows_nothing_of_the_tools():
    pattern = re.compile(r"^\s*(?:from|import) keyfob_(?:host|sim)", re.MULTILINE)
    firmware = (ROOT / "firmware").rglob("*.py")
    assert [path for path in firmware if pattern.search(path.read_text("utf-8"))] == []


def test_what_this_counts_as_an_import(tmp_path):
    path = tmp_path / "x.py"
    path.write_text(
        "import keyfob_sim.sim\n"
        "from keyfob_host import errors, __version__\n"
        "from .access import trouble\n"
        "def late():\n"
        "    from keyfob_host.board.ports import choose\n"
        "    import_module('keyfob_sim.run.goal')\n"
    )
    assert list(imports("keyfob_host.board.x", path)) == [
        ("keyfob_sim.sim", 1),
        ("keyfob_host.errors", 2),
        ("keyfob_host", 2),
        ("keyfob_host.board.access", 3),
        ("keyfob_host.board.ports", 5),
        ("keyfob_sim.run.goal", 6),
    ]
