"""Whether the wire scripts notice: each small error of mutations.toml must make one of them fail.

Prints what kills what; one that survives fails the bench.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TESTS = Path(__file__).resolve().parents[1]
FIRMWARE = TESTS.parent / "firmware"
LIST = Path(__file__).parent / "mutations.toml"
MUTATIONS = tomllib.loads(LIST.read_text("utf-8"))["mutation"]
SECONDS = 120  # of wall time for one play of the scripts; a client that hangs has failed too


def play(firmware: Path) -> str | None:
    """Play the wire scripts against a firmware tree: the first failure, or None."""
    try:
        done = subprocess.run(
            [sys.executable, TESTS / "firmware" / "replay.py", "--first"],
            env=os.environ | {"PYTHONPATH": str(firmware), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"still running after {SECONDS} s"
    if done.returncode == 0:
        return None
    return (done.stdout or done.stderr).strip().splitlines()[-1]


def killer_of(mutation: dict[str, str], folder: Path) -> str | None:
    shutil.copytree(FIRMWARE / "keyfob", folder / "keyfob")
    file = folder / "keyfob" / mutation["file"]
    source = file.read_text("utf-8")
    assert source.count(mutation["was"]) == 1, f"{mutation['name']}: not once in {file.name}"
    changed = source.replace(mutation["was"], mutation["now"])
    compile(changed, file, "exec")
    file.write_text(changed, "utf-8")
    return play(folder)


def test_every_mutation_is_noticed(tmp_path: Path) -> None:
    assert play(FIRMWARE) is None, "the scripts fail against the firmware as it is"
    folders = [tmp_path / str(number) for number in range(len(MUTATIONS))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        killers = list(pool.map(killer_of, MUTATIONS, folders))
    print()
    for mutation, killer in zip(MUTATIONS, killers, strict=True):
        print(f"{mutation['name']:<66.66}  {killer or 'SURVIVED':.90}")
    survivors = [m["name"] for m, killer in zip(MUTATIONS, killers, strict=True) if not killer]
    print(f"{len(MUTATIONS)} mutations, {len(survivors)} survived")
    assert len(MUTATIONS) >= 25
    assert not survivors
