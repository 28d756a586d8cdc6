"""The .pyi beside the firmware's public modules say what the code says.

mypy's stubtest compares signatures, defaults and constants with the imported modules. It does
not see what a method sets on `self`; that is read from the sources here.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mypy import api

from keyfob import config
from keyfob.oauth import device_grant, profile_schema, token_set
from keyfob.ui.displays import open_display

ROOT = Path(__file__).parents[1]
FIRMWARE = ROOT / "firmware"
STUBS = sorted((FIRMWARE / "keyfob").rglob("*.pyi"))
# In an interpreter of its own, whose modules no other test has changed.
STUBTEST = """
import sys
from keyfob_sim.cpython import framebuf
from mypy import stubtest
sys.modules["framebuf"] = framebuf  # the displays subclass it
sys.exit(stubtest.main())
"""


def test_stubs_match_the_code(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    absent.write_text("keyfob.ui.qr_viper  # machine code: CPython cannot import it\n")
    options = ["keyfob", "--concise", "--allowlist", str(absent)]
    options += ["--mypy-config-file", str(ROOT / "pyproject.toml")]
    command = [sys.executable, "-c", STUBTEST, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_documented_modules_have_stubs() -> None:
    documents = [FIRMWARE / "README.md", *(FIRMWARE / "examples").glob("*.py")]
    named = {
        FIRMWARE / word.replace(".", "/")
        for document in documents
        for word in re.findall(r"\bkeyfob(?:\.\w+)+", document.read_text("utf-8"))
    }
    modules = {path for path in named if path.with_suffix(".py").is_file()}
    assert len(modules) >= 10
    assert [path for path in modules if path.with_suffix(".pyi") not in STUBS] == []


@pytest.mark.parametrize("module", sorted(set(open_display._MODULES.split())))
def test_drivers_have_stubs(module: str) -> None:
    name = module.rpartition(".")[2]
    assert FIRMWARE / "keyfob" / "ui" / "displays" / f"{name}.pyi" in STUBS


def test_examples_are_well_typed(tmp_path: Path) -> None:
    examples = [str(path) for path in sorted((FIRMWARE / "examples").glob("*.py"))]
    flags = ["--check-untyped-defs", "--ignore-missing-imports", "--follow-imports=silent"]
    config = ["--config-file=", f"--cache-dir={tmp_path}"]
    found, trouble, status = api.run([*config, *flags, *examples])
    assert status == 0, found + trouble


def attributes(path: Path) -> dict[str, set[str]]:
    """The public names that each class annotates, or sets on `self`."""
    found = {}
    for cls in ast.parse(path.read_text("utf-8")).body:
        if isinstance(cls, ast.ClassDef):
            names = {
                ast.unparse(node.target) for node in cls.body if isinstance(node, ast.AnnAssign)
            }
            names |= {name for owner, name in stored(cls) if owner == "self"}
            found[cls.name] = {name for name in names if not name.startswith("_")}
    return found


def stored(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Owner and name of each attribute that is set, in whatever way."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield ast.unparse(node.value), node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield "", node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield "", node.value  # it may be one for setattr()


@pytest.mark.parametrize("stub", STUBS, ids=lambda path: str(path.relative_to(FIRMWARE)))
def test_a_stub_has_every_attribute(stub: Path) -> None:
    declared = attributes(stub)
    for name, names in attributes(stub.with_suffix(".py")).items():
        assert names - declared[name] == set(), name


@pytest.mark.parametrize(
    ("stub", "name", "fields"),
    [
        ("config.pyi", "Config", config._FIELDS),
        ("oauth/device_grant.pyi", "DeviceGrant", device_grant.SHOWN),
        ("oauth/profile.pyi", "Profile", {*profile_schema.ADDRESSES, *profile_schema._COMMON}),
        ("oauth/token_set.pyi", "TokenSet", token_set.TOKENS),
    ],
)
def test_a_stub_has_every_attribute_that_a_table_names(stub, name, fields):
    declared = attributes(FIRMWARE / "keyfob" / stub)[name]
    assert set(fields) - declared == set(), f"{stub}: {name}"


def test_no_stub_has_an_attribute_that_is_never_set() -> None:
    sources = [ast.parse(path.read_text("utf-8")) for path in (FIRMWARE / "keyfob").rglob("*.py")]
    known = {name for source in sources for _, name in stored(source)}
    for stub in STUBS:
        for name, names in attributes(stub).items():
            if not name.startswith("_"):
                assert names - known == set(), f"{stub.relative_to(FIRMWARE)}: {name}"
