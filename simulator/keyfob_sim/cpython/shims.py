"""MicroPython's modules on CPython, with as much of each as the firmware uses.

`time`, `asyncio`, `os`, `gc`, `socket`, `open` and `print` are replaced for the firmware only,
through an `__import__` and builtins of its own. The rest of this process keeps the real ones.
"""

import asyncio
import builtins
import contextlib
import errno
import functools
import gc as host_gc
import os
import socket
import sys
import time as host_time
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from littlefs.errors import LittleFSError

from keyfob_host.resources import firmware_dir
from keyfob_sim.cpython import cryptolib, framebuf
from keyfob_sim.cpython.virtual_time import BoardLoop
from keyfob_sim.hardware.board import VirtualBoard
from keyfob_sim.hardware.filesystem import FileSystem
from keyfob_sim.hardware.rtc import EPOCH_2000
from keyfob_sim.hardware.uplink import LookupFailed
from keyfob_sim.hardware.wifi import NETWORK_CONSTANTS, WifiError

_TICKS_MASK = (1 << 30) - 1
_NUMBERS = {
    FileNotFoundError: errno.ENOENT,
    FileExistsError: errno.EEXIST,
    IsADirectoryError: errno.EISDIR,
    NotADirectoryError: errno.ENOTDIR,
}
_NAME_UNKNOWN = -202  # EAI_FAIL of lwIP


class _Reader:
    """A stream reader that marks the loop busy while it waits."""

    def __init__(self, reader: asyncio.StreamReader, loop: BoardLoop) -> None:
        self._reader = reader
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    async def read(self, size: int) -> bytes:
        with self._loop.busy():
            return await self._reader.read(size)


class _Asyncio(ModuleType):
    """asyncio whose connections go through the board's Wi-Fi, and mark the loop busy as they wait.

    `run` is the runtime's.
    """

    def __init__(self, board: VirtualBoard, run: Callable[[Any], Any]) -> None:
        super().__init__("asyncio")
        self._board = board
        self.run = run

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def open_connection(
        self, host: str, port: int, **kwargs: Any
    ) -> tuple[Any, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, BoardLoop)
        try:
            address = self._board.addresses(host, port)[0]
        except LookupFailed:
            raise OSError(_NAME_UNKNOWN, "the name is not known") from None
        with loop.busy():
            reader, writer = await asyncio.open_connection(*address, **kwargs)
        return _Reader(reader, loop), writer


class _Files:
    """`os` and `open` of a board, on its littlefs. Raises OSError as a board does.

    The firmware is not on it here, so what lies beside its modules is opened where they are.
    """

    def __init__(self, fs: FileSystem) -> None:
        self._fs = fs
        self._firmware = firmware_dir() / "keyfob"

    def open(self, path: str, mode: str = "r", encoding: str = "utf-8") -> Any:
        options: dict[str, Any] = {} if "b" in mode else {"encoding": encoding}
        if Path(path).is_relative_to(self._firmware):  # letters and texts
            return builtins.open(path, mode, **options)
        return _File(self._try(lambda: self._fs.open(path, mode, **options)), self._try)

    def rename(self, old: str, new: str) -> None:
        self._try(lambda: self._fs.rename(old, new))

    def remove(self, path: str) -> None:
        self._try(lambda: self._fs.remove(path))

    def stat(self, path: str) -> Any:
        return self._try(lambda: self._fs.stat(path))

    def listdir(self, path: str = "/") -> list[str]:
        return list(self._try(lambda: self._fs.listdir(path)))

    @staticmethod
    def urandom(count: int) -> bytes:
        return os.urandom(count)

    @staticmethod
    def _try(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except LittleFSError as error:
            raise OSError(-error.code, os.strerror(-error.code)) from None
        except OSError as error:  # littlefs-python's own, which have no errno
            number = _NUMBERS[type(error)]
            raise OSError(number, os.strerror(number)) from None


class _File:
    """A file that raises OSError, as a board's does, for any error of littlefs."""

    def __init__(self, file: Any, attempt: Callable[[Callable[[], Any]], Any]) -> None:
        self._file = file
        self._try = attempt

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self._try(lambda: getattr(self._file, name)(*arguments))


class _Station:
    """`network.WLAN`, whose errors are OSErrors."""

    def __init__(self, board: VirtualBoard) -> None:
        self._board = board

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **settings: Any) -> Any:
            try:
                return self._board.wlan(name, False, arguments, settings)
            except WifiError as error:
                raise OSError(str(error)) from None

        return call


@functools.cache
def _compiled(path: str, changed: int) -> CodeType:
    """The code of a file. The firmware loads and unloads it again and again."""
    return compile(Path(path).read_bytes(), path, "exec", dont_inherit=True)


class _Loader(SourceFileLoader):
    """Executes a module with `own` as its builtins."""

    def __init__(self, name: str, path: str, own: dict[str, Any]) -> None:
        super().__init__(name, path)
        self._own = own

    def get_code(self, fullname: str) -> CodeType:
        return _compiled(self.path, os.stat(self.path).st_mtime_ns)

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = self._own
        super().exec_module(module)


class _Finder(MetaPathFinder):
    """Finds the firmware's modules, to be executed with `own` as their builtins."""

    def __init__(self, own: dict[str, Any]) -> None:
        self._own = own

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path) if _is_firmware(name) else None
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(name, spec.origin, self._own)
        return spec


def _module(name: str, **members: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(members)
    return module


@contextlib.contextmanager
def firmware(
    board: VirtualBoard,
    fs: FileSystem,
    machine: ModuleType,
    run: Callable[[Any], Any],
    write_line: Callable[[str], None],
) -> Iterator[None]:
    """Have a fresh copy of the firmware in `sys.modules`, running on `board`.

    Its `asyncio.run` is `run`, and what it prints goes to `write_line`.
    """

    def getaddrinfo(host: str, port: int, *_: int) -> list[tuple[Any, ...]]:
        try:
            addresses = board.addresses(host, port)
        except LookupFailed:
            raise OSError(_NAME_UNKNOWN, "the name is not known") from None
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address) for address in addresses]

    def gmtime(seconds: float) -> host_time.struct_time:
        return host_time.gmtime(seconds + EPOCH_2000)

    files = _Files(fs)
    shared = {
        "network": _module(
            "network",
            **NETWORK_CONSTANTS,
            WLAN=lambda interface=0: _Station(board),
            country=lambda *code: _Station(board).country(*code),
        ),
        "machine": machine,
        "cryptolib": cryptolib,
        "framebuf": framebuf,
    }
    hidden = {
        "time": _module(
            "time",
            ticks_ms=lambda: int(board.uptime() * 1000) & _TICKS_MASK,
            time=lambda: int(board.rtc.seconds()),
            gmtime=gmtime,
            sleep=board.clock.let_pass,
        ),
        "asyncio": _Asyncio(board, run),
        # Young objects only: a full collection would walk the heap of the whole process.
        "gc": _module("gc", collect=lambda: host_gc.collect(0)),
        "os": files,
        "socket": _module(
            "socket",
            AF_INET=socket.AF_INET,
            SOCK_DGRAM=socket.SOCK_DGRAM,
            SOCK_STREAM=socket.SOCK_STREAM,
            socket=socket.socket,
            getaddrinfo=getaddrinfo,
        ),
    }

    def print_words(*words: object) -> None:
        for line in " ".join(map(str, words)).split("\n"):
            write_line(line)

    def import_name(
        name: str, scope: Any = None, local: Any = None, parts: Any = (), level: int = 0
    ) -> Any:
        if level == 0 and name in hidden:
            return hidden[name]
        return builtins.__import__(name, scope, local, parts, level)

    own = {"__import__": import_name, "open": files.open, "print": print_words}
    finder = _Finder({**vars(builtins), **own})
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_firmware(name)}
    sys.meta_path.insert(0, finder)
    try:
        with _in_place(shared):
            yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if _is_firmware(name)]:
            del sys.modules[name]
        sys.modules.update(before)


def _is_firmware(name: str) -> bool:
    return name == "keyfob" or name.startswith("keyfob.")


@contextlib.contextmanager
def _in_place(modules: dict[str, Any]) -> Iterator[None]:
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
