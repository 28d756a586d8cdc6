"""The table of rules has no gaps: each is proven, owned by a later issue, or out of scope."""

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TESTS = Path(__file__).parent
ROOT = TESTS.parent
RULES = tomllib.loads((TESTS / "rules.toml").read_text(encoding="utf-8"))
LATER_ISSUES = range(3, 8)
ANSWERS = ("tests", "issue", "out_of_scope")


@cache
def functions_of(file: Path) -> set[str]:
    """Names of the functions at the top of a test file, which is read and not run."""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_rule_is_there_in_order():
    assert list(RULES) == [f"R{number}" for number in range(1, 98)]


@pytest.mark.parametrize("number", RULES)
def test_a_rule_is_answered_once(number):
    rule = RULES[number]
    assert rule["title"].strip()
    assert rule.keys() <= {"title", *ANSWERS}
    given = [answer for answer in ANSWERS if rule.get(answer)]
    assert len(given) == 1, f"{number} ({rule['title']}) is " + (" and ".join(given) or "open")
    if "issue" in rule:
        assert rule["issue"] in LATER_ISSUES
    for name in rule.get("tests", []):
        file, _, function = name.partition("::")
        assert (ROOT / file).is_file(), f"{number}: there is no {file}"
        assert function.startswith("test_")
        assert function in functions_of(ROOT / file), f"{number}: {file} has no {function}"
