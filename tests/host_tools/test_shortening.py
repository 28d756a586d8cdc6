"""Short names: which names become short, and that nothing else changes."""

import ast

import pytest

from keyfob_host.firmware import compiler
from keyfob_host.firmware.shortening import short_names, shortened
from keyfob_host.resources import firmware_dir

FIRMWARE = compiler.texts(firmware_dir())


def test_what_nobody_else_says_becomes_short():
    found = shortened(
        {
            "keyfob/a.py": "def helper(given):\n    return given.kept + helper(given.own)\n",
            "keyfob/b.py": "class Other:\n    kept = 1\n    own = 2\n",
        },
        ["thing.kept"],
    )
    assert found == {
        "keyfob/a.py": "def _2(_1):\n    return _1.kept + _2(_1._0)\n",
        "keyfob/b.py": "class _1:\n    kept = 1\n    _0 = 2\n",
    }


@pytest.mark.parametrize(
    "text",
    [
        "value = __name__\nprint(value)\n",
        "_ = 1\n",
        "_PAGE = const(5)\nprint(_PAGE)\n",
        "PAGE = const(5)\nprint(PAGE)\n",  # with an underscore it would vanish in compiling
        'thing.hidden = getattr(thing, "hidden")\n',
        'SHOWN = "one two"\nthing.two = 1\n',
        "def f():\n    notify(event=1)\n    event = 2\n",
        "def f(self):\n    self.append = 1\n",  # in MicroPython's ROM
        "# _comment\n",
        "class Thing:\n    def __init__(self):\n        pass\n",
        "def f():\n    local = 1\n",  # no name in a board's RAM
    ],
)
def test_what_is_said_elsewhere_or_costs_nothing_stays(text: str):
    spoken = ["value, f, Thing, SHOWN"]
    assert shortened({"keyfob/a.py": text}, spoken)["keyfob/a.py"] == text


def test_what_a_docstring_says_is_not_said():
    text = 'def helper():\n    """Tell of helper."""\n'
    assert short_names({"keyfob/a.py": text}) == {"helper": "_0"}


def test_a_short_name_that_is_taken_is_not_given():
    text = "_0 = thing\n_0.other = 1\n"
    assert shortened({"keyfob/a.py": text}, ["_0"]) == {"keyfob/a.py": "_0 = thing\n_0._1 = 1\n"}


def test_files_whose_classes_inherit_get_different_ones():
    found = short_names(
        {
            "keyfob/a.py": "class A:\n    first = 1\n",
            "keyfob/b.py": "class B(A):\n    second = 2\n",
            "keyfob/c.py": "class C(B):\n    third = 3\n",
            "keyfob/d.py": "class D:\n    fourth = 4\n",
        },
        ["A, B, C, D"],
    )
    assert len({found["first"], found["second"], found["third"]}) == 3
    assert found["fourth"] == "_0"


def test_members_of_a_class_differ_wherever_they_are_and_other_names_by_file_only():
    found = short_names(
        {
            "keyfob/a.py": "class A:\n first = 1\n def f(self, own):\n  self.g = own\n",
            "keyfob/b.py": "class B(A):\n second = 2\n def f(self, other):\n  pass\n",
        },
        ["A, B, f"],
    )
    assert len({found["first"], found["second"], found["g"]}) == 3
    assert found["other"] in (found["first"], found["g"], found["own"])


def test_what_a_file_lends_to_a_class_differs_from_the_class_s_members():
    found = short_names(
        {
            "keyfob/a.py": (
                "class A:\n"
                "    first = 1\n"
                "    def __getattr__(self, name):\n"
                "        return lent(self, name, 'keyfob.b')\n"
            ),
            "keyfob/b.py": "from keyfob.c import second\ndef third(self):\n    return second\n",
            "keyfob/c.py": "def second():\n    pass\n",
        },
        ["A"],
    )
    assert len({found["first"], found["second"], found["third"]}) == 3


def test_a_module_s_short_name_may_mean_another_thing_but_in_its_package():
    found = shortened(
        {
            "keyfob/__init__.py": "helper = 1\n",
            "keyfob/_0.py": "def helper():\n    from keyfob import _1 as part\n",
            "keyfob/_1.py": "def other():\n    pass\n",
        }
    )
    assert found["keyfob/__init__.py"] == "_2 = 1\n"
    assert found["keyfob/_1.py"] == "def _0():\n    pass\n"
    assert found["keyfob/_0.py"] == "def _2():\n    from keyfob import _1 as part\n"


@pytest.mark.parametrize(
    ("imported", "left"),
    [
        ("from keyfob.compat import const", ""),
        ("from keyfob.compat import const, drop", "from keyfob.compat import drop"),
    ],
)
def test_const_is_imported_for_cpython_only(imported: str, left: str):
    text = "import io\n%s\n\nPAGE = const(5)\n"
    assert shortened({"keyfob/a.py": text % imported}) == {"keyfob/a.py": text % left}


def test_two_names_of_one_file_never_become_the_same():
    packed = compiler.packed_texts(FIRMWARE)
    short = short_names(packed, compiler.outside())
    assert len(short) > 400
    for text in packed.values():
        words = {
            node.id if isinstance(node, ast.Name) else node.attr
            for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.Name, ast.Attribute))
        }
        assert len({short.get(word, word) for word in words}) == len(words)


def test_a_text_means_the_same_afterwards():
    packed = compiler.packed_texts(FIRMWARE)
    for name, text in shortened(packed, compiler.outside()).items():
        before, after = _nodes(packed[name]), _nodes(text)
        assert [type(node) for node in before] == [type(node) for node in after]


def _nodes(text: str) -> list[ast.AST]:
    return list(ast.walk(ast.parse(text)))
