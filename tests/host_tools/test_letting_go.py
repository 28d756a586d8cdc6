"""Names of modules that were loaded for a block: cleared at its end, where a function goes on."""

import pytest

from keyfob_host.firmware.letting_go import with_names_cleared


def test_a_function_that_goes_on_lets_go_of_the_module():
    text = """\
def f():
    with Loaded('keyfob._7') as code:
        found = code.look_up()
    return g(found)
"""
    lines = text.splitlines()
    expected = "\n".join([*lines[:3], "        code = None", *lines[3:]]) + "\n"
    assert with_names_cleared(text) == expected
    assert with_names_cleared("async " + text) == "async " + expected


@pytest.mark.parametrize(
    "body",
    [
        "with Loaded('m') as code:\n        code.do()",  # nothing follows
        "with Loaded('m') as code:\n        return code.do()\n    g()",
        "with Loaded('m') as code:\n        raise code.Error\n    g()",
        "with Loaded('m') as code:\n        code.do()\n    return code",
        "with Loaded('m') as code:\n        later = lambda: code.do()\n    later()",
        "with Loaded('m') as code:\n\n        def later():\n            code.do()\n    later()",
        "with Other('m') as code:\n        code.do()\n    g()",
        "with Loaded('m'):\n        do()\n    g()",
    ],
)
def test_a_name_that_is_needed_or_gone_stays(body: str):
    text = f"def f():\n    {body}\n"
    assert with_names_cleared(text) == text


def test_each_of_two_blocks_lets_go():
    text = """\
def f():
    with Loaded('a') as code:
        code.first()
    if code_is_needed:
        with Loaded('b') as code:
            code.second()
    g()
"""
    assert with_names_cleared(text).count("code = None") == 2
