"""The firmware's files as a board has them: what is joined, and that names still meet."""

import ast

import pytest

from keyfob_host.firmware import compiler
from keyfob_host.firmware.lending import lent
from keyfob_host.firmware.module_paths import module_of
from keyfob_host.firmware.packing import GROUPS, packed, sources_of
from keyfob_host.resources import firmware_dir

FIRMWARE = compiler.texts(firmware_dir())
ROOT = "keyfob/__init__.py"
BASE = "keyfob/errors.py"  # two files of one group: see GROUPS
EVENTS = "keyfob/events.py"
APART = "keyfob/config.py"


def joined(*texts: str) -> str:
    """The text of the group that errors and events are part of."""
    sources = dict(zip((ROOT, BASE, EVENTS), ("", *texts), strict=True))
    return packed(sources, [])["keyfob/base.py"]


def test_names_of_a_group_are_each_other_s():
    text = joined(
        "class Trouble(Exception):\n    pass\n",
        "from keyfob.errors import Trouble as Bad\ndef f():\n    raise Bad\n",
    )
    assert text == ("class Trouble(Exception):\n    pass\n\ndef f():\n    raise Trouble\n")


def test_a_name_that_two_define_becomes_two():
    text = joined(
        "def _helper():\n    return 1\ndef one():\n    return _helper()\n",
        "def _helper():\n    return 2\ndef two(_helper=_helper):\n    return _helper()\n",
    )
    scope: dict[str, object] = {}
    exec(text, scope)  # the test's own text
    assert scope["one"]() == 1  # type: ignore[operator]
    assert scope["two"]() == 2  # type: ignore[operator]


def test_a_local_name_hides_one_of_the_module():
    text = joined(
        "def what():\n    return 1\n",
        "from keyfob import errors\n"
        "def what(errors):\n    return errors.what()\n"
        "def other():\n    return errors.what()\n",
    )
    assert "return errors.what()" in text  # the argument's
    assert text.endswith("def other():\n    return what_0()\n")


def test_constants_are_written_where_they_are_used():
    files = packed(
        {
            ROOT: "",
            BASE: "from keyfob.compat import const\nNEVER = const(0)\n_ALWAYS = const(9)\n"
            "def f():\n    return NEVER, _ALWAYS\n",
            EVENTS: "from keyfob import errors\nfrom keyfob.errors import NEVER\n"
            "def g():\n    return errors.NEVER + NEVER\n",
            APART: "from keyfob.errors import NEVER\ndef h(level=NEVER):\n    return level\n",
            "keyfob/compat.py": "def const(value):\n    return value\n",
        },
        ["import keyfob.errors"],
    )
    assert files["keyfob/base.py"] == (
        "_ALWAYS = const(9)\n\ndef f():\n    return (0, _ALWAYS)\n\ndef g():\n    return 0 + 0\n"
    )
    assert files["keyfob/_config.py"] == "def h(level=0):\n    return level\n"
    assert files["keyfob/errors.py"] == "NEVER = 0\nfrom keyfob.base import f as f\n"


def test_what_is_loaded_is_loaded_from_its_new_place():
    text = packed(
        {
            "keyfob/ui/face.py": "def _fit():\n    pass\ndef compose():\n    _fit()\n",
            "keyfob/ui/typeface.py": "def _fit():\n    pass\n",
            APART: "from keyfob.compat import Loaded\ndef f():\n"
            "    with Loaded('keyfob.ui.face') as code:\n        code.compose(code._fit)\n",
            "keyfob/compat.py": "class Loaded:\n    pass\n",
        },
        [],
    )["keyfob/_config.py"]
    assert "Loaded('keyfob._face') as code" in text
    assert "code.compose(code._fit_1)" in text


def test_a_module_that_programs_import_is_still_there():
    sources = {
        BASE: "class Trouble:\n    pass\n",
        "keyfob/net/http.py": "class Client:\n    pass\n",
    }
    files = packed(sources, ["from keyfob.net.http import Client"])
    assert files["keyfob/net/http.py"] == "from keyfob.base import Client as Client\n"
    assert files["keyfob/net/__init__.py"] == ""
    assert "keyfob/errors.py" not in files


def test_every_group_is_of_files_that_there_are():
    files, _ = lent(FIRMWARE)
    names = {module_of(path) for path in files}
    grouped = [name for names in GROUPS.values() for name in names]
    assert set(grouped) <= names
    assert len(grouped) == len(set(grouped))


def test_every_file_of_the_firmware_is_in_one_place_and_an_empty_one_in_none():
    homes = {module_of(path) for path in compiler.packed_files(FIRMWARE)}
    found = [source for home in homes for source in sources_of(home, FIRMWARE)]
    with_code = [path for path, text in FIRMWARE.items() if len(ast.parse(text).body) > 1]
    assert sorted(found) == sorted(with_code)


@pytest.mark.parametrize("is_short", [False, True])
def test_each_name_that_a_module_takes_from_another_is_there(is_short: bool):
    files = compiler.packed_texts(FIRMWARE)
    if is_short:
        files = compiler.shortened(files, compiler.outside())
    trees = {module_of(path): ast.parse(text) for path, text in files.items()}
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("keyfob"):
                source = trees[str(node.module)]
                for alias in node.names:
                    is_module = f"{node.module}.{alias.name}" in trees
                    assert is_module or alias.name in _defined(source), (
                        f"{name}: {ast.unparse(node)}"
                    )


def _defined(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "from keyfob import errors\ndef f():\n    what = errors.what()\n    return what\n",
        "from keyfob import errors\ndef f():\n    return g(errors)\n",
        "one, two = 1, 2\n",
        "try:\n    import json\n    there = True\nexcept ImportError:\n    there = False\n",
        "from os import what\ndef what():\n    pass\n",
    ],
)
def test_what_would_be_joined_wrongly_is_refused(text: str):
    with pytest.raises(ValueError, match=r"keyfob/events\.py: a file that is joined cannot"):
        joined("def what():\n    return 1\n", text)


@pytest.mark.parametrize("path", [EVENTS, APART])  # of the same group, and of another
def test_a_name_that_is_not_in_a_module_is_told(path: str):
    sources = {ROOT: "", BASE: "", path: "from keyfob.errors import _words\n"}
    with pytest.raises(ValueError, match=rf"{path}: keyfob\.errors has no _words on a board"):
        packed(sources, [])


def test_each_loaded_module_is_its_own_in_its_block():
    text = packed(
        {
            "keyfob/ui/face.py": "SIZE = 1\ndef _fit():\n    pass\n",
            "keyfob/ui/typeface.py": "SIZE = 2\ndef _fit():\n    pass\n",
            APART: "from keyfob.compat import Loaded\ndef f():\n"
            "    with Loaded('keyfob.ui.face') as code:\n        a = code._fit, code.SIZE\n"
            "    with Loaded('keyfob.ui.typeface') as code:\n        b = code._fit, code.SIZE\n"
            "def g(code):\n    if not code:\n        with Loaded('keyfob.ui.typeface') as code:\n"
            "            pass\n    return code._fit, code.SIZE\n",
            "keyfob/compat.py": "class Loaded:\n    pass\n",
        },
        [],
    )["keyfob/_config.py"]
    assert "a = (code._fit_1, 1)" in text
    assert "b = (code._fit_0, 2)" in text
    assert "return (code._fit_0, 2)" in text


def test_what_is_bound_twice_is_not_constant():
    text = joined(
        "MODE = 1\nMODE = MODE + 1\nLEVEL = 1\ndef f():\n    global LEVEL\n    LEVEL = 2\n",
        "from keyfob.errors import LEVEL, MODE\ndef g():\n    return LEVEL, MODE\n",
    )
    assert "return (LEVEL, MODE)" in text
    assert "MODE = MODE + 1" in text


def test_a_default_is_of_the_module_and_an_import_of_a_function_its_own():
    text = joined(
        "def what():\n    return 1\ndef f():\n    return lambda x=what: x()\n",
        "def what():\n    return 2\ndef g():\n    from os import what\n    return what()\n",
    )
    assert "lambda x=what_0: x()" in text
    assert text.endswith("from os import what\n    return what()\n")
