"""Putting keyfob on a board so that a cable pulled at any moment leaves a version that runs.

Every version has a folder of its own, `/lib/keyfob-HASH`, named for what is in it, and
`/lib/keyfob.py` says which one is in use: it is the module `keyfob`, whose `__path__` is that
folder. To change versions is to let one file take the place of another, which littlefs does
whole or not at all. A folder that is not in use can be half full; the next install fills it.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from keyfob_host.board.repl import Board
from keyfob_host.errors import CliError
from keyfob_host.firmware.compiler import compiled_firmware, data_files, sources
from keyfob_host.resources import firmware_dir

POINTER = "/lib/keyfob.py"
MAIN = "/main.py"
OLDEST = (1, 24)  # MicroPython that keyfob runs on
_MPY = 6  # version of .mpy that our compiler makes, and the sub-version of its machine code
_MPY_SUB = 3
_PLAIN = "/lib/keyfob"  # the package as mip or a hand put it there: a folder wins over a file
_RETIRED = "/lib/keyfob-retired"
_SPARE = 32 * 1024  # bytes of flash to leave for tokens and for littlefs itself

# Architectures by their number in `sys.implementation._mpy`, as mpy-cross names them.
_ARCHES = (
    None, "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp",
    "xtensa", "xtensawin", "rv32imc", "rv64imc",
)  # fmt: skip


@dataclass(frozen=True)
class Firmware:
    """One version of keyfob for one board: content by path below its folder."""

    files: Mapping[str, bytes]

    @cached_property
    def folder(self) -> str:
        """Where it lives on the board, named for what is in it."""
        whole = hashlib.sha256()
        for name, content in sorted(self.files.items()):
            whole.update(f"{name} {_sha256(content)}\n".encode())
        return f"{_PLAIN}-{whole.hexdigest()[:8]}"

    @property
    def pointer(self) -> bytes:
        """The content of POINTER that puts this version in use."""
        return (
            "# Written by `keyfob install`: which of the versions beside it is in use.\n"
            f'__path__ = "{self.folder}"\n'
            "from keyfob.__init__ import __getattr__, __version__\n"
        ).encode()


@dataclass(frozen=True)
class Plan:
    """What an install has to do: files to send, files to copy on the board, files to remove."""

    firmware: Firmware
    send: Mapping[str, bytes]
    copy: tuple[tuple[str, str], ...]
    remove: tuple[str, ...]
    retire: bool  # a plain /lib/keyfob, which would win
    switch: bool
    main: str  # what becomes of main.py: "same", "new", "ours" (an older one of ours), "theirs"

    @property
    def size(self) -> int:
        """Bytes to send."""
        return sum(map(len, self.send.values()))


def firmware_for(facts: Mapping[str, Any], *, from_source: bool) -> Firmware:
    """keyfob as the board with these facts can load it. Raises CliError for one that cannot."""
    version = tuple(facts["version"])
    words = ".".join(map(str, version))
    if facts["name"] != "micropython":
        raise CliError(f"the board runs {facts['name']}, not MicroPython", "keyfob flash")
    if version[:2] < OLDEST:
        raise CliError(
            f"MicroPython {words} is too old: keyfob needs {OLDEST[0]}.{OLDEST[1]} or later",
            "keyfob flash, which brings the newest",
        )
    if from_source:
        paths = sources(firmware_dir())
        files = {p.relative_to(firmware_dir()).as_posix(): p.read_bytes() for p in paths}
        files |= data_files(firmware_dir())
        return Firmware({name.removeprefix("keyfob/"): data for name, data in files.items()})
    if facts["mpy"] & 0xFF != _MPY:
        raise CliError(
            f"MicroPython {words} loads another kind of .mpy than our compiler makes",
            "--from-source, or a newer keyfob",
        )
    files = compiled_firmware(_arch(facts["mpy"]))
    return Firmware({name.removeprefix(_PLAIN + "/"): data for name, data in files.items()})


def contents(board: Board) -> dict[str, str | None]:
    """What of keyfob is on the board: SHA-256 by path, None for a folder, whose path ends in /."""
    found: dict[str, str | None] = {}
    for line in board.run_file("hashes").splitlines():
        digest, _, path = line.partition(" ")
        found[path] = None if digest == "-" else digest
    return found


def plan(firmware: Firmware, there: Mapping[str, str | None], facts: Mapping[str, Any]) -> Plan:
    """What is to be done where `there` is on the board (SHA-256 by path, None for a folder).

    Raises CliError where its flash has no room for it.
    """
    folder = firmware.folder
    elsewhere = {
        digest: path
        for path, digest in there.items()
        if digest is not None and not path.startswith(f"{folder}/")
    }
    send, copy = {}, []
    for name, content in firmware.files.items():
        path, digest = f"{folder}/{name}", _sha256(content)
        if there.get(path) == digest:
            continue
        if digest in elsewhere:
            copy.append((elsewhere[digest], path))
        else:
            send[path] = content
    wanted = {f"{folder}/{name}" for name in firmware.files}
    stray = [
        path
        for path, digest in there.items()
        if path.startswith(f"{folder}/") and digest is not None and path not in wanted
    ]
    others = [
        path.rstrip("/")
        for path in there
        if path.endswith("/") and path.count("/") == 3 and path.rstrip("/") not in (folder, _PLAIN)
    ]
    retire = _PLAIN + "/" in there
    main = (firmware_dir() / "main.py").read_bytes()
    result = Plan(
        firmware=firmware,
        send=send,
        copy=tuple(copy),
        remove=(*stray, *others, *([_RETIRED] if retire else ())),
        retire=retire,
        switch=retire or there.get(POINTER) != _sha256(firmware.pointer),
        main={None: "new", _sha256(main): "same"}.get(there.get(MAIN), "theirs"),
    )
    _check_room(result, facts)
    return result


def carry_out(board: Board, todo: Plan, progress: Callable[[int], object]) -> None:
    """Do it, and see that it is so. `progress` gets how many bytes have been sent so far."""
    firmware = todo.firmware
    missing = [*todo.send, *(target for _, target in todo.copy)]
    if missing:
        board.run_file("copies", {"FOLDERS": _folders(missing), "COPIES": list(todo.copy)})
        sent = 0
        for path, content in todo.send.items():
            board.write(path, content)
            sent += len(content)
            progress(sent)
        there = contents(board)
        for name, content in firmware.files.items():
            if there.get(f"{firmware.folder}/{name}") != _sha256(content):
                raise CliError(
                    f"{name} did not arrive as it was sent; the board goes on with what it had",
                    "the same again, over a shorter cable; then keyfob doctor",
                )
    if todo.switch:
        board.put(POINTER, firmware.pointer)
    if todo.retire:
        board.run_file("remove", {"PATHS": [_RETIRED]})
        board.run(f"import os\nos.rename({_PLAIN!r}, {_RETIRED!r})")
    if todo.remove:
        board.run_file("remove", {"PATHS": list(todo.remove)})


def put_main(board: Board) -> None:
    """Let keyfob be what the board runs at power-up."""
    board.put(MAIN, (firmware_dir() / "main.py").read_bytes())


def check_in_use(board: Board, firmware: Firmware) -> None:
    """Raise CliError where `import keyfob` finds another one, as one that is frozen in."""
    found = board.run("import keyfob\nprint(keyfob.__path__)").strip()
    if found != firmware.folder:
        raise CliError(
            f"the board goes on using the keyfob in {found}",
            "remove that one, or flash a MicroPython without it: keyfob flash",
        )


def _arch(mpy: int) -> str | None:
    """The architecture of the board's machine code, None where ours would not fit it."""
    number = mpy >> 10 & 0x0F
    if mpy >> 8 & 3 != _MPY_SUB or number >= len(_ARCHES):
        return None
    return _ARCHES[number]


def _folders(paths: list[str]) -> list[str]:
    """The folders of `paths` and those they are in, the outermost first."""
    found = set()
    for path in paths:
        parts = path.split("/")[1:-1]
        found |= {"/" + "/".join(parts[: end + 1]) for end in range(len(parts))}
    return sorted(found)


def _check_room(todo: Plan, facts: Mapping[str, Any]) -> None:
    sizes = {
        f"{todo.firmware.folder}/{name}": len(data) for name, data in todo.firmware.files.items()
    }
    block = facts["block"] or 4096
    writes = [*todo.send, *(target for _, target in todo.copy)]
    needed = sum(-(-sizes[path] // block) * block for path in writes)
    if writes and facts["free"] < needed + _SPARE:
        raise CliError(
            f"the board has {facts['free'] // 1024} KB of room, and keyfob needs "
            f"{(needed + _SPARE) // 1024} KB",
            "remove files that you do not need: mpremote fs rm PATH",
        )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
