"""Putting keyfob on a board so that a cable pulled at any moment leaves a version that runs.

Every version has a folder of its own, `/lib/keyfob-HASH`, named for what is in it, and
`/lib/keyfob.py` says which one is in use: it is the module `keyfob`, whose `__path__` is that
folder. To change versions is to let one file take the place of another, which littlefs does
whole or not at all. A folder that is not in use can be half full; the next install fills it.

Where there is no room for two versions, the old one makes it: then the board has none until the
install has come to its end, or the next one has.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

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
_DIGITS = 12  # of a file's size, and no more
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


class Held(NamedTuple):
    """A file on the board."""

    digest: str  # SHA-256
    size: int  # bytes


@dataclass(frozen=True)
class Plan:
    """What an install has to do: files to send, files to copy on the board, files to remove.

    Where it `moves`, there is no room for two versions: files are moved, not copied, and what
    is to be removed is so before anything is sent.
    """

    firmware: Firmware
    send: Mapping[str, bytes]
    copy: tuple[tuple[str, str], ...]
    remove: tuple[str, ...]
    retire: bool  # a plain /lib/keyfob, which would win
    switch: bool
    main: str  # what becomes of main.py: "same", "new", "ours" (an older one of ours), "theirs"
    moves: bool = False

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


def contents(board: Board) -> dict[str, Held | None]:
    """What of keyfob is on the board, by path; None for a folder, whose path ends in /."""
    found: dict[str, Held | None] = {}
    for line in board.run_file("hashes").splitlines():
        digest, _, rest = line.partition(" ")
        size, _, path = rest.partition(" ")
        is_size = size.isdecimal() and size.isascii() and len(size) < _DIGITS
        found[path] = None if digest == "-" else Held(digest, int(size) if is_size else 0)
    return found


def plan(firmware: Firmware, there: Mapping[str, Held | None], facts: Mapping[str, Any]) -> Plan:
    """What is to be done where `there` is on the board (see `contents`).

    Raises CliError where its flash has no room for it.
    """
    folder = firmware.folder
    digests = {path: held and held.digest for path, held in there.items()}
    elsewhere = {
        digest: path
        for path, digest in digests.items()
        if digest is not None and not path.startswith(f"{folder}/")
    }
    send, copy = {}, []
    for name, content in firmware.files.items():
        path, digest = f"{folder}/{name}", _sha256(content)
        if digests.get(path) == digest:
            continue
        if digest in elsewhere:
            copy.append((elsewhere[digest], path))
        else:
            send[path] = content
    wanted = {f"{folder}/{name}" for name in firmware.files}
    stray = [
        path
        for path, held in there.items()
        if path.startswith(f"{folder}/") and held is not None and path not in wanted
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
        switch=retire or digests.get(POINTER) != _sha256(firmware.pointer),
        main={None: "new", _sha256(main): "same"}.get(digests.get(MAIN), "theirs"),
    )
    return _with_room(result, there, facts)


def carry_out(board: Board, todo: Plan, progress: Callable[[int], object]) -> None:
    """Do it, and see that it is so. `progress` gets how many bytes have been sent so far."""
    firmware = todo.firmware
    missing = [*todo.send, *(target for _, target in todo.copy)]
    if todo.moves:
        board.run_file("remove", {"PATHS": [POINTER]})  # or half a version would be in use
    if missing:
        copies = {"FOLDERS": _folders(missing), "COPIES": list(todo.copy), "MOVES": todo.moves}
        board.run_file("copies", copies)
        if todo.moves:
            board.run_file("remove", {"PATHS": list(todo.remove)})
        sent = 0
        for path, content in todo.send.items():
            board.write(path, content)
            sent += len(content)
            progress(sent)
        there = contents(board)
        for name, content in firmware.files.items():
            held = there.get(f"{firmware.folder}/{name}")
            if held is None or held.digest != _sha256(content):
                rest = (
                    "has none until the next install" if todo.moves else "goes on with what it had"
                )
                raise CliError(
                    f"{name} did not arrive as it was sent; the board {rest}",
                    "the same again, over a shorter cable; then keyfob doctor",
                )
    if todo.switch:
        board.put(POINTER, firmware.pointer)
    if todo.retire:
        board.run_file("remove", {"PATHS": [_RETIRED]})
        board.run(f"import os\nos.rename({_PLAIN!r}, {_RETIRED!r})")
    if todo.remove and not todo.moves:
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


def _with_room(todo: Plan, there: Mapping[str, Held | None], facts: Mapping[str, Any]) -> Plan:
    """The plan, or the one that moves where only that has room. Raises CliError without any."""
    block = facts["block"] or 4096

    def blocks(sizes: Iterable[int]) -> int:
        return sum(-(-size // block) * block for size in sizes)

    contents = {f"{todo.firmware.folder}/{name}": it for name, it in todo.firmware.files.items()}
    to_write = [*todo.send.values(), *(contents[target] for _, target in todo.copy)]
    needed = blocks(map(len, to_write)) + _SPARE
    if facts["free"] >= needed or not to_write:
        return todo
    old = (*todo.remove, *([_PLAIN] if todo.retire else ()))
    moved = {
        source: target
        for source, target in reversed(todo.copy)
        if any(source.startswith(f"{one}/") for one in old)
    }
    send = {path: it for path, it in contents.items() if path in todo.send} | {
        target: contents[target] for source, target in todo.copy if moved.get(source) != target
    }
    goes = blocks(
        held.size
        for path, held in there.items()
        if held is not None
        and path not in moved
        and any(path == one or path.startswith(f"{one}/") for one in old)
    )
    # A move that was begun had room, and it took the pointer first. What littlefs tells of room
    # meanwhile is less: the folder that is moved has its entries twice.
    is_begun = POINTER not in there and any(
        path.startswith(f"{todo.firmware.folder}/") for path in there
    )
    if is_begun or facts["free"] + goes >= blocks(map(len, send.values())) + _SPARE:
        copy = tuple(moved.items())
        return replace(
            todo, send=send, copy=copy, remove=old, retire=False, switch=True, moves=True
        )
    raise CliError(
        f"the board has {facts['free'] // 1024} KB of room, and keyfob needs {needed // 1024} KB",
        "remove files that you do not need: mpremote fs rm PATH",
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
