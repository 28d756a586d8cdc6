"""Each field of /keyfob.json is used: some test of the firmware fails without its value."""

import ast
import asyncio
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from keyfob import config
from keyfob_sim.cpython import cryptolib, framebuf

sys.path.insert(0, str(Path(__file__).parent / "firmware"))

import test_app
import test_link

sys.modules.setdefault("cryptolib", cryptolib)
sys.modules.setdefault("framebuf", framebuf)

# Without a provider there is no Config at all; the board's name is for programs.
NAMES = [name for name in config._FIELDS if name not in ("provider", "board")]
PROVIDER = {"issuer": "https://login.example.com", "client_id": "lamp"}


def gives(function: ast.AST, name: str) -> bool:
    """Whether a function has `name` as a key of a dict, or gives it to a call."""
    for node in ast.walk(function):
        if isinstance(node, ast.keyword) and node.arg == name:
            return True
        if isinstance(node, ast.Dict):
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            if name in keys:
                return True
    return False


def giving(module: ModuleType, name: str) -> list[Callable[[], Any]]:
    """The tests of a module that may give a configuration the field of that name."""
    functions = [
        node
        for node in ast.parse(inspect.getsource(module)).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return [
        getattr(module, function.name)
        for function in functions
        if function.name.startswith("test_") and gives(function, name)
    ]


def passes(test: Callable[[], Any]) -> bool:
    """Whether a test of the firmware passes on CPython."""
    try:
        result = test()
        if inspect.iscoroutine(result):
            asyncio.run(result)
    except Exception:  # noqa: BLE001 - a test may fail in any way
        return False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_a_test_fails_where_the_field_is_not_used(name, monkeypatch):
    tests = [test for module in (test_link, test_app) for test in giving(module, name)]
    assert [test.__name__ for test in tests if not passes(test)] == []
    absent = getattr(config.Config({"provider": PROVIDER}), name)
    check = config.Config.__init__

    def without_it(self: config.Config, *fields: Any) -> None:
        check(self, *fields)
        setattr(self, name, absent)

    monkeypatch.setattr(config.Config, "__init__", without_it)
    noticed = any(not passes(test) for test in tests)
    assert noticed, f"no test in tests/firmware/test_link.py or test_app.py fails without {name}"
