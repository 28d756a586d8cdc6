"""Imports look down only: simulator, host tools, firmware, and within each from floor to floor.

The floors are the tables in the README of each. The sources are read and not run, so that late
imports count, too.
"""

import ast
import importlib.util
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"keyfob": "firmware", "keyfob_host": "host_tools", "keyfob_sim": "simulator"}
# What runs on a board: MicroPython, which imports `keyfob` and modules of its own.
ON_BOARD = {"on_board", "on_vm"}


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
    """The module that `import_module("...")` or the firmware's `Loaded("...")` names."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    function = call.func.id if isinstance(call.func, ast.Name) else function
    if function not in ("import_module", "__import__", "Loaded"):
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
def test_no_import_looks_up(package):
    wrong = []
    for name, path in MODULES[package].items():
        for other, line in imports(name, path):
            here, there = room(name), room(other)
            if there == here or here == package or there not in FLOORS[package]:
                continue  # a package's own __init__ stands for all of it
            if FLOORS[package][there] > FLOORS[package][here]:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {other}")
    assert wrong == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_files_import_each_other_in_a_circle(package):
    graph = {
        name: {other for other, _ in imports(name, path)}
        for name, path in MODULES[package].items()
    }
    _has_no_circle(graph)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_rooms_import_each_other_in_a_circle(package):
    graph: dict[str, set[str]] = {}
    for name, path in MODULES[package].items():
        others = {room(other) for other, _ in imports(name, path) if other.startswith(package)}
        graph.setdefault(room(name), set()).update(others - {room(name), package})
    _has_no_circle(graph)


def _has_no_circle(graph):
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


def late_imports(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of each line below the top of a firmware file that imports from keyfob."""
    text = path.read_text(encoding="utf-8")
    for function in ast.walk(ast.parse(text)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                names = []
                if isinstance(node, ast.ImportFrom):
                    names = [node.module or ""]
                elif isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.Call) and "__import__" in ast.unparse(node.func):
                    names = ["keyfob"]  # which one it is shows when it runs
                if any(name.split(".")[0] == "keyfob" for name in names):
                    yield node.lineno, text.splitlines()[node.lineno - 1]


def test_whoever_imports_late_unloads_on_the_next_line():
    """By `with Loaded("...")`; what is to stay loaded says why in a comment."""
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in MODULES["keyfob"].values()
        for number, line in late_imports(path)
        if "stays: " not in line and path.name != "compat.py"  # which has Loaded itself
    ]
    assert wrong == [], 'write `with Loaded("...") as code:`, or say `# stays: ` and why'


def test_what_is_loaded_for_a_block_is_named_in_it():
    for name, path in MODULES["keyfob"].items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        blocks = [
            item.context_expr
            for node in ast.walk(tree)
            if isinstance(node, ast.With | ast.AsyncWith)
            for item in node.items
        ]
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Loaded":
                assert node in blocks, f"{name}:{node.lineno}: Loaded is for a `with` block"
                if name == "keyfob.compat":  # the module that `lent` is asked for
                    continue
                assert names_in_call(node)[0] in MODULES["keyfob"], f"{name}:{node.lineno}"


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
