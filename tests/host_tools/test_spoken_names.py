"""What says names of the firmware from outside: stubs that promise them, and programs."""

import pytest

from keyfob_host.firmware.spoken_names import promised, said


@pytest.mark.parametrize(
    ("stub", "names"),
    [
        ("LIMIT: Final = 5\n", "LIMIT"),
        ("class A(B):\n    first: C\n    def f(self, x: D = E) -> F: ...\n", "A first f self x"),
        ("@classmethod\nasync def f(cls, *args: A, k: B, **more: C) -> D: ...\n", "f k"),
        ("from keyfob.other import A, B as C\n", ""),
        ("def f(x: int) -> None: ...  # internal\ny: int\n", "y"),
        ("def f(  # internal\n    x: int,\n) -> None: ...\n", ""),
        ("class A:\n    x: int  # internal\n    y: int\n", "A y"),
    ],
)
def test_a_stub_promises_what_it_defines(stub: str, names: str) -> None:
    assert promised(stub) == set(names.split())


@pytest.mark.parametrize(
    ("program", "names"),
    [
        ("from keyfob.app import App as A, run\n", "keyfob app App run"),
        ("import keyfob.net.clock\n", "keyfob net clock"),
        ("thing.member.other(key=1)\n", "thing member other key"),
        ("row = make()\nfor cell in row:\n    print(cell)\n", "make print"),
        ("def helper(x):\n    y = x\n    return y\nhelper(1)\n", "x"),
        (
            "class Mine(App):\n    asks = 1\n    def idle(self):\n        pass\n",
            "App asks idle self",
        ),
    ],
)
def test_a_program_says_what_may_be_another_s(program: str, names: str) -> None:
    found = said(program)
    assert found >= set(names.split())
    assert not found & {"row", "cell", "y", "helper", "Mine"}
