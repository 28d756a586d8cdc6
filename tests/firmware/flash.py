"""Homes of a record whose power fails at a chosen operation, or that are full or read-only.

Each world has `blank()`, `boot()`, which returns a TokenStore on what flash holds, and
`put_former(text)`. Littlefs and FAT are MicroPython's own, on a disk in RAM.
"""

import sys

from keyfob.storage import files
from keyfob.storage.files import FileHome
from keyfob.storage.token_store import TokenStore, _parts

try:
    import vfs
except ImportError:
    vfs = None  # CPython has none

HOWS = ("none", "torn", "done")
ENOENT, EIO, ENOSPC, EROFS = 2, 5, 28, 30
NVS_NOT_FOUND, NVS_FULL = -0x1102, -0x1105


def slot(store, body, number):
    """The bytes of a slot of `store`."""
    return b"".join(_parts(*store._pack(body, number)))


class PowerLost(BaseException):
    """Nothing on the board runs on after this."""


class Power:
    """Counts the operations on flash; the one numbered `cut_at` is the last."""

    def __init__(self):
        self.ops = 0
        self.cut_at = None
        self.how = None
        self.is_on = True

    def cut(self, at, how):
        self.ops = 0
        self.cut_at, self.how = at, how

    def perform(self, whole, torn=None):
        """Call `whole`, the operation, unless power fails; `torn` is the half of it."""
        self.ops += 1
        if self.ops != self.cut_at:
            whole()
            return
        self.is_on = False
        if self.how == "done":
            whole()
        elif self.how == "torn" and torn is not None:
            torn()
        raise PowerLost()


class World:
    """One kind of home. `error` is what every write raises, if not None."""

    def __init__(self, name):
        self.name = name
        self.error = None
        self.power = Power()

    def _perform(self, whole, torn=None):
        if self.error is not None:
            raise self.error
        self.power.perform(whole, torn)

    def boot(self, seal=None):
        """Power off and on; return the store on what flash holds."""
        self.power.is_on = False
        self.power = Power()
        return TokenStore(self.home(), seal)


class Memory(World):
    """A home that is a dict of bytes, each written whole or not at all."""

    hint = "try a better flash"

    def blank(self):
        self.places = {}

    def home(self):
        return self

    def put_former(self, text):
        self.places[2] = text.encode()

    def read(self, place):
        return self.places.get(place)

    def pieces(self, place):
        data = self.read(place) or b""
        for at in range(0, len(data), 20):
            yield data[at : at + 20]

    def holds(self, place, parts):
        return self.read(place) == b"".join(parts)

    def write(self, place, parts):
        data = b"".join(parts)
        self._perform(lambda: self.places.update({place: data}))

    def remove(self, place):
        if place in self.places:
            self._perform(lambda: self.places.pop(place))


class ModelFiles(World):
    """A FileHome on a file system that is careless in every way the store has to bear.

    Opening a file to write empties it at once, and what is written is there once it is
    closed. It stands in for `os` and `open` of keyfob.storage.files.
    """

    def blank(self):
        self.files = {}

    def home(self):
        files.os, files.open = self, self.open
        return FileHome("")

    def gone(self):
        import os

        files.os = os
        if hasattr(files, "open"):
            del files.open

    def put_former(self, text):
        self.files["/link-account.json"] = text.encode()

    def open(self, path, mode):
        if mode == "wb":
            self._perform(lambda: self.files.update({path: b""}))
        elif path not in self.files:
            raise OSError(ENOENT)
        return _ModelFile(self, path, mode == "wb")

    def remove(self, path):
        if path not in self.files:
            raise OSError(ENOENT)
        self._perform(lambda: self.files.pop(path))


class _ModelFile:
    def __init__(self, world, path, is_written):
        self._world = world
        self._path = path
        self._at = 0
        self._written = b"" if is_written else None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self._written and kind is None:
            self._world._perform(lambda: self._world.files.update({self._path: self._written}))

    def seek(self, at, whence=0):
        self._at = at if whence == 0 else len(self._world.files[self._path])
        return self._at

    def read(self, size):
        data = self._world.files[self._path][self._at : self._at + size]
        self._at += len(data)
        return data

    def readinto(self, buffer):
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data):
        self._written += data


class Disk(World):
    """A FileHome on a real file system of MicroPython: `kind` is vfs.VfsLfs2 or vfs.VfsFat."""

    path = "/cuts"
    read_only = False

    def __init__(self, name, kind, block_size, blocks):
        super().__init__(name)
        self._kind = kind
        self._block_size = block_size
        self._blocks = blocks
        self._image = None
        self._mounted = False

    def blank(self):
        self.gone()
        self.power.is_on = False
        self._image = bytearray(b"\xff" * (self._block_size * self._blocks))
        self.power = Power()
        self._kind.mkfs(_BlockDevice(self))

    def home(self):
        self.gone()
        vfs.mount(self._kind(_BlockDevice(self)), self.path, readonly=self.read_only)
        self._mounted = True
        return FileHome(self.path)

    def gone(self):
        if self._mounted:
            vfs.umount(self.path)
            self._mounted = False

    def put_former(self, text):
        self.home()
        with open(self.path + "/link-account.json", "w") as file:
            file.write(text)

    def fill(self):
        """Leave no room at all."""
        with open(self.path + "/ballast", "wb") as file:
            for size in (512, 32, 1):
                try:
                    while True:
                        file.write(bytes(size))
                        file.flush()
                except OSError as error:
                    assert error.args[0] == ENOSPC, error


class _BlockDevice:
    """Lives for one boot: what an earlier one still has to write comes to nothing."""

    def __init__(self, world):
        self._world = world
        self._power = world.power
        self._size = world._block_size
        self._image = world._image

    def readblocks(self, block, buffer, offset=0):
        if not self._power.is_on:  # the collector called, and nothing can be allocated
            return
        start = block * self._size + offset
        buffer[:] = memoryview(self._image)[start : start + len(buffer)]

    def writeblocks(self, block, data, offset=0):
        if self._power.is_on:
            self._put(block * self._size + offset, data)

    def ioctl(self, op, argument):
        if op == 4:
            return self._world._blocks
        if op == 5:
            return self._size
        if op == 6 and self._power.is_on:
            self._put(argument * self._size, b"\xff" * self._size)
        return 0

    def _put(self, start, data):
        if self._world.error is not None:
            raise self._world.error
        half = len(data) // 2

        def whole():
            self._image[start : start + len(data)] = data

        def torn():
            self._image[start : start + half] = data[:half]

        self._power.perform(whole, torn)


class NvsWorld(World):
    """An NvsHome on a model of NVS. `room` is in bytes, and an old blob counts until the new
    one is there; without its partition no namespace can be opened."""

    has_partition = True

    def blank(self):
        self.room = 24 * 1024
        self.kept = {}

    def put_former(self, text):
        """NVS never held the former format; as a plain blob it is read all the same."""
        self.kept["account.2"] = text.encode()

    def home(self):
        from keyfob.storage.nvs import NvsHome

        self.seen = dict(self.kept)
        before = sys.modules.get("esp32")
        sys.modules["esp32"] = self
        try:
            return NvsHome()
        finally:
            del sys.modules["esp32"]
            if before is not None:
                sys.modules["esp32"] = before

    def NVS(self, namespace):  # noqa: N802 - its name on a board
        assert len(namespace) <= 15
        if not self.has_partition:
            raise OSError(-0x110F, "ESP_ERR_NVS_PART_NOT_FOUND")
        return _Nvs(self)


class _Nvs:
    def __init__(self, world):
        self._world = world
        self._changed = []

    def get_blob(self, key, buffer):
        value = self._world.seen.get(key)
        if value is None:
            raise OSError(NVS_NOT_FOUND, "ESP_ERR_NVS_NOT_FOUND")
        if len(value) > len(buffer):
            raise OSError(-0x110C, "ESP_ERR_NVS_INVALID_LENGTH")
        buffer[: len(value)] = value
        return len(value)

    def set_blob(self, key, value):
        assert len(key) <= 15
        used = sum(len(other) for other in self._world.seen.values())
        if used + len(value) > self._world.room:
            raise OSError(NVS_FULL, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")
        self._world.seen[key] = bytes(value)
        self._changed.append(key)

    def erase_key(self, key):
        if key not in self._world.seen:
            raise OSError(NVS_NOT_FOUND, "ESP_ERR_NVS_NOT_FOUND")
        del self._world.seen[key]
        self._changed.append(key)

    def commit(self):
        world = self._world
        while self._changed:
            key = self._changed.pop(0)
            if key in world.seen:
                value = world.seen[key]
                world._perform(lambda key=key, value=value: world.kept.update({key: value}))
            else:
                world._perform(lambda key=key: world.kept.pop(key, None))


def worlds():
    """Every kind of home that this runtime has."""
    found = [Memory("memory"), ModelFiles("model files"), NvsWorld("NVS")]
    if vfs is not None:
        found += [Disk("littlefs", vfs.VfsLfs2, 4096, 16), Disk("FAT", vfs.VfsFat, 512, 128)]
    return found


def leave(world):
    """Give back what a world has taken hold of."""
    if hasattr(world, "gone"):
        world.gone()
