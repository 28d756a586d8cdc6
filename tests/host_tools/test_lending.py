"""Rare functions: out of the modules that stay on a board, and at hand for each use."""

import sys
from types import ModuleType
from typing import Any

import pytest

from keyfob_host.firmware import compiler
from keyfob_host.firmware.lending import lender, lent
from keyfob_host.firmware.traceback_source import source_of
from keyfob_host.resources import firmware_dir

LINK = "keyfob/link/__init__.py"
RARE = "keyfob/rare_link.py"
OTHER = "keyfob/app.py"

CLASS = """
import json
import os

_TABLE = (1, 2)
_SHARED = (3, 4)

class Link:
    def often(self):
        return os.sep, _SHARED

    def seldom(self, more=0):  # rare
        return json.dumps(self._sum(more))

    def _sum(self, more):  # rare
        return sum(_TABLE) + more + len(_SHARED)

    @property
    def size(self):  # rare
        return len(_TABLE)
"""


def test_a_class_finds_its_rare_methods(monkeypatch):
    files, moved = lent({LINK: CLASS})
    assert list(files) == [LINK, RARE]
    assert moved == {"keyfob.link": {}}
    modules = {}
    monkeypatch.setitem(sys.modules, "keyfob.link", ModuleType("keyfob.link"))
    monkeypatch.setitem(sys.modules, "keyfob.rare_link", ModuleType("keyfob.rare_link"))
    for path, name in ((LINK, "keyfob.link"), (RARE, "keyfob.rare_link")):
        modules[path] = sys.modules[name]
        exec(files[path], modules[path].__dict__)  # the test's own text
    link = modules[LINK].Link()
    seldom = link.seldom
    assert [seldom(more=4), seldom(1)] == ["9", "6"]
    assert link.size == 2
    with pytest.raises(AttributeError, match="nothing"):
        _ = link.nothing


def test_what_only_rare_functions_use_goes_along():
    files, _ = lent({LINK: CLASS})
    assert "_TABLE" not in files[LINK]
    assert "json" not in files[LINK]
    assert "_TABLE = (1, 2)\n" in files[RARE]
    assert "from keyfob.link import _SHARED\n" in files[RARE]
    assert "return json.dumps(_sum(self, more))" in files[RARE]  # it is at hand


def test_rare_methods_in_several_modules_are_looked_for_in_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = """
class Link:
    def a(self):  # rare: few
        return self.b()

    def b(self):  # rare: many
        return self._c(1)

    def _c(self, more):  # rare: many
        return 1 + more
"""
    files, _ = lent({LINK: text})
    assert "return lent(self, name, 'keyfob.rare_many keyfob.rare_few')" in files[LINK]
    assert files.keys() == {LINK, "keyfob/rare_few.py", "keyfob/rare_many.py"}
    for name in ("few", "many"):
        module = ModuleType(f"keyfob.rare_{name}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(files[f"keyfob/rare_{name}.py"], module.__dict__)  # the test's own text
    namespace: dict[str, Any] = {}
    exec(files[LINK], namespace)
    assert namespace["Link"]().a() == 2
    with pytest.raises(AttributeError, match="nothing"):
        _ = namespace["Link"]().nothing


def test_a_table_that_others_use_goes_along_where_it_is_rare():
    text = "TABLE = (  # rare\n    1,\n)\ndef seldom():  # rare\n    return TABLE\n"
    user = "from keyfob.link import TABLE\ndef run():\n    return TABLE\n"
    files, moved = lent({LINK: text, OTHER: user})
    assert moved == {"keyfob.link": {"seldom": "keyfob.rare_link", "TABLE": "keyfob.rare_link"}}
    assert "TABLE" not in files[LINK]
    assert "from keyfob.rare_link import TABLE" in files[OTHER]


def test_a_function_is_imported_from_its_new_module():
    files, moved = lent(
        {
            LINK: "def seldom():  # rare: once\n    return 1\n",
            OTHER: "def run():\n    from keyfob.link import seldom\n    return seldom()\n",
        }
    )
    assert moved == {"keyfob.link": {"seldom": "keyfob.rare_once"}}
    assert "from keyfob.rare_once import seldom" in files[OTHER]
    assert "seldom" not in files[LINK]


def test_a_function_that_its_own_file_calls_is_fetched_for_each_call():
    text = (
        "def seldom(a, b=0):  # rare\n    return a - b\ndef often():\n    return seldom(3, b=1)\n"
    )
    files, moved = lent({LINK: text})
    assert moved == {"keyfob.link": {}}
    assert "with Loaded('keyfob.rare_link') as code:" in files[LINK]
    assert "return a - b" not in files[LINK]


def test_a_block_loads_the_rare_functions_that_it_uses():
    files, _ = lent(
        {
            LINK: "def seldom():  # rare: once\n    return 1\ndef often():\n    return 2\n",
            OTHER: """
def run():
    with Loaded("keyfob.link") as code:
        return code.seldom()

def walk():
    with Loaded("keyfob.link") as link:
        return link.often()
""",
        }
    )
    assert "with Loaded('keyfob.rare_once') as code:" in files[OTHER]
    assert "with Loaded('keyfob.link') as link:" in files[OTHER]


def test_what_a_function_needs_of_other_rare_ones_is_fetched_for_each_call():
    text = "def a():  # rare: x\n    return b()\ndef b():  # rare: y\n    return 1\n"
    files, _ = lent({LINK: text})
    assert "with Loaded('keyfob.rare_y') as code:" in files["keyfob/rare_x.py"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("class A:\n    def __len__(self):  # rare\n        return 1\n", "__len__ cannot be rare"),
        (
            "class A:\n    @classmethod\n    def make(cls):  # rare\n        return cls()\n",
            "make cannot be rare",
        ),
        (
            "class A(dict):\n    def get(self):  # rare\n        return super().get(1)\n",
            "get cannot be rare",
        ),
        (
            "import json\nclass A:\n    def json(self):  # rare\n        return json.dumps(1)\n",
            "json means two things",
        ),
        (
            "class A:\n    def a(self): pass  # rare\nclass B:\n    def a(self): pass  # rare\n",
            "two rare functions have one name",
        ),
    ],
)
def test_what_cannot_be_lent_is_refused(text, words):
    with pytest.raises(ValueError, match=words):
        lent({LINK: text})


def test_a_moved_function_is_not_asked_of_its_old_module():
    sources = {
        LINK: "def seldom():  # rare\n    return 1\n",
        OTHER: "from keyfob import link\ndef run():\n    return link.seldom\n",
    }
    with pytest.raises(ValueError, match="import seldom by its name"):
        lent(sources)


def test_a_call_by_the_name_of_a_module_fetches_the_function():
    sources = {
        LINK: "def seldom(x):  # rare\n    return x\n",
        OTHER: "from keyfob import link\ndef run():\n    return link.seldom(2)\n",
    }
    files, _ = lent(sources)
    assert (
        files[OTHER]
        == """\
from keyfob.compat import Loaded
from keyfob import link

def seldom(*arguments, **named):
    with Loaded('keyfob.rare_link') as code:
        return code.seldom(*arguments, **named)

def run():
    return seldom(2)
"""
    )


@pytest.mark.parametrize(
    "inside", ["seldom = 1\n    return link.seldom()", "return link.seldom(seldom)"]
)
def test_a_call_by_the_name_of_a_module_is_refused_where_that_is_taken(inside):
    sources = {
        LINK: "def seldom(*x):  # rare\n    return x\n",
        OTHER: f"from keyfob import link\ndef run(seldom=0):\n    {inside}\n",
    }
    with pytest.raises(ValueError, match="seldom means two things"):
        lent(sources)


def test_a_block_uses_what_is_rare_or_what_is_not():
    block = """
def run():
    with Loaded("keyfob.link") as code:
        return code.seldom() + code.often()
"""
    sources = {
        LINK: "def seldom():  # rare\n    return 1\ndef often():\n    return 2\n",
        OTHER: block,
    }
    with pytest.raises(ValueError, match="import seldom by its name"):
        lent(sources)


def test_new_files_replace_none():
    with pytest.raises(ValueError, match="there is a keyfob/rare_link"):
        lent({LINK: CLASS, RARE: ""})


def test_the_lender_of_a_file_is_known():
    sources = compiler.texts(firmware_dir())
    files, _ = lent(sources)
    new = files.keys() - sources.keys()
    assert new, "no function is rare"
    assert {lender(path, sources) for path in new} <= sources.keys()
    assert lender(OTHER, sources) == OTHER


def test_a_rare_function_s_place_is_told():
    place = source_of('  File "keyfob._rare_link", line 1, in unlink')
    assert place is not None
    assert "firmware/keyfob/link/__init__.py" in place
    assert "async def unlink(self)" in place
