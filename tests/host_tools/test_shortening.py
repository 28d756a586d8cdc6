"""Shorter private names: which become shorter, and that nothing else changes."""

import ast
import re

from keyfob_host.firmware.compiler import sources
from keyfob_host.firmware.shortening import shortened
from keyfob_host.resources import firmware_dir

FIRMWARE = {
    path.relative_to(firmware_dir()).as_posix(): path.read_text(encoding="utf-8")
    for path in sources(firmware_dir())
}


def test_names_of_one_file_become_short_and_those_of_several_stay():
    found = shortened(
        {
            "keyfob/a.py": "def _helper(x):\n    return x._shared + _helper(x._own)\n",
            "keyfob/b.py": "def _other():\n    return _other._shared\n",
        }
    )
    assert found == {
        "keyfob/a.py": "def _0(x):\n    return x._shared + _0(x._1)\n",
        "keyfob/b.py": "def _0():\n    return _0._shared\n",
    }


def test_what_is_no_private_name_stays():
    for text in (
        "public = __name__\n",
        "_ = 1\n",
        "_x = 1\n",
        "_PAGE = const(5)\nprint(_PAGE)\n",
        'getattr(thing, "_hidden")\nthing._hidden\n',
        "# _comment\n",
        "class Thing:\n    def __init__(self):\n        pass\n",
    ):
        assert shortened({"keyfob/a.py": text, "keyfob/b.py": "_x = 2\n"})["keyfob/a.py"] == text


def test_a_short_name_that_is_taken_is_not_given():
    assert shortened({"keyfob/a.py": "_0 = _long\n"}) == {"keyfob/a.py": "_0 = _1\n"}


def test_files_of_a_folder_that_may_inherit_get_different_ones():
    found = shortened(
        {
            "keyfob/ui/displays/a.py": "class A:\n    _first = 1\n",
            "keyfob/ui/displays/b.py": "class B(A):\n    _second = 2\n",
        }
    )
    assert sorted(re.findall(r"_\w", "".join(found.values()))) == ["_0", "_1"]


def test_const_is_imported_for_cpython_only():
    line = "from keyfob.compat import const"
    for imported, left in ((line, ""), (line + ", drop", "from keyfob.compat import drop")):
        text = "import io\n%s\n\nPAGE = const(5)\n"
        assert shortened({"keyfob/a.py": text % imported}) == {"keyfob/a.py": text % left}


def test_lines_stay_where_they_are_and_mean_the_same():
    for name, text in shortened(FIRMWARE).items():
        before, after = _nodes(FIRMWARE[name]), _nodes(text)
        assert [type(node) for node in before] == [type(node) for node in after]
        for old, new in zip(before, after, strict=True):
            assert getattr(old, "lineno", 0) == getattr(new, "lineno", 0)


def _nodes(text):
    """What a file consists of, apart from what it imports for `const`."""
    return [
        node
        for node in ast.walk(ast.parse(text))
        if not (isinstance(node, ast.ImportFrom) and node.module == "keyfob.compat")
        and not isinstance(node, ast.alias)
    ]


def test_every_use_of_const_is_one_that_the_compiler_folds():
    for name, text in FIRMWARE.items():
        tree = ast.parse(text)
        folded = {
            id(node.value.func)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id == "const":
                assert id(node) in folded, (name, node.lineno)


def test_no_class_inherits_from_another_folder_or_file_where_short_names_could_meet():
    """But for errors, which have no private names, and the drivers, which share a supply."""
    for name, text in FIRMWARE.items():
        folder = name.rpartition("/")[0]
        imported = {}
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("keyfob"):
                for alias in node.names:
                    imported[alias.name] = node.module
        for node in ast.walk(ast.parse(text)):
            for base in node.bases if isinstance(node, ast.ClassDef) else ():
                origin = imported.get(ast.unparse(base), "")
                if origin and origin != "keyfob.errors":
                    assert folder.count("/") > 1, (name, origin)
                    assert origin.replace(".", "/").startswith(folder), (name, origin)
