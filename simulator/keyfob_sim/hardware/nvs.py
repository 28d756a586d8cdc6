"""The key-value store of an ESP32's NVS partition, as `esp32.NVS` reaches it."""

import base64
import json
import os
from pathlib import Path
from typing import TypeAlias

from keyfob_sim.hardware.power import PowerGate, PowerLost

Value: TypeAlias = int | bytes

# As in nvs.h of ESP-IDF, negative as MicroPython raises them.
NOT_FOUND = -0x1102
NOT_ENOUGH_SPACE = -0x1105
KEY_TOO_LONG = -0x1109
INVALID_LENGTH = -0x110C
VALUE_TOO_LONG = -0x110E
_NAMES = {
    NOT_FOUND: "ESP_ERR_NVS_NOT_FOUND",
    NOT_ENOUGH_SPACE: "ESP_ERR_NVS_NOT_ENOUGH_SPACE",
    KEY_TOO_LONG: "ESP_ERR_NVS_KEY_TOO_LONG",
    INVALID_LENGTH: "ESP_ERR_NVS_INVALID_LENGTH",
    VALUE_TOO_LONG: "ESP_ERR_NVS_VALUE_TOO_LONG",
}

_LONGEST_NAME = 15  # bytes of a key or a namespace
_PAGE = 4096  # bytes
_ENTRY = 32  # bytes
_ENTRIES_PER_PAGE = 126
_CHUNK = (_ENTRIES_PER_PAGE - 1) * _ENTRY  # bytes of a blob that one page can hold


class NvsError(Exception):
    """An error of ESP-IDF's NVS: its number, as the OSError has it on a board, and its name."""

    def __init__(self, number: int):
        self.number = number
        self.name = _NAMES[number]
        super().__init__(number, self.name)


class Nvs:
    """Namespaces of 32-bit integers and blobs. What is set is seen at once, and kept by commit.

    Methods raise NvsError, and `commit` PowerLost. An entry is written whole or not at all.
    """

    def __init__(self, path: Path, gate: PowerGate, size: int = 0x6000):
        """Open the store in `path`, empty if that is missing or no store; `size` in bytes."""
        self._path = path
        self._gate = gate
        self._chunks = size // _PAGE - 1  # one page stays free, to move entries to
        self._kept = _load(path)
        self.power_off()

    def power_off(self) -> None:
        """Forget what was not committed."""
        self._seen = {namespace: dict(values) for namespace, values in self._kept.items()}
        self._changed: dict[tuple[str, str], None] = {}  # places in the order of their changes

    def open(self, namespace: str) -> None:
        """Make a namespace if it is new."""
        if namespace not in self._seen:
            self._check(namespace, 1)
            self._seen[namespace] = {}

    def get_i32(self, namespace: str, key: str) -> int:
        """Return an integer."""
        value = self._find(namespace, key)
        if not isinstance(value, int):
            raise NvsError(NOT_FOUND)
        return value

    def set_i32(self, namespace: str, key: str, value: int) -> None:
        """Set a key to an integer. Raises OverflowError for more than 32 bits."""
        if not -(2**31) <= value < 2**31:
            raise OverflowError("overflow converting long int to machine word")
        self._set(namespace, key, value)

    def get_blob(self, namespace: str, key: str, size: int) -> bytes:
        """Return a blob for a buffer of `size` bytes, which must be large enough."""
        value = self._find(namespace, key)
        if not isinstance(value, bytes):
            raise NvsError(NOT_FOUND)
        if len(value) > size:
            raise NvsError(INVALID_LENGTH)
        return value

    def set_blob(self, namespace: str, key: str, value: bytes | bytearray | memoryview) -> None:
        """Set a key to bytes."""
        if len(value) > self._chunks * _CHUNK:
            raise NvsError(VALUE_TOO_LONG)
        self._set(namespace, key, bytes(value))

    def erase_key(self, namespace: str, key: str) -> None:
        """Remove a key."""
        self._find(namespace, key)
        self._change(namespace, key, None)

    def commit(self, namespace: str) -> None:
        """Keep what was set and erased there, entry by entry."""
        for place in [place for place in self._changed if place[0] == namespace]:
            del self._changed[place]
            self._keep(*place)

    def _keep(self, namespace: str, key: str) -> None:
        value = self._seen[namespace].get(key)
        kept = self._kept.setdefault(namespace, {})
        if value == kept.get(key):
            return
        how = self._gate.operation()
        if how in (None, "done"):
            _put(kept, key, value)
            self._save()
        if how:
            raise PowerLost(self._gate.ops)

    def _change(self, namespace: str, key: str, value: Value | None) -> None:
        _put(self._seen[namespace], key, value)
        self._changed.pop((namespace, key), None)
        self._changed[namespace, key] = None

    def _find(self, namespace: str, key: str) -> Value:
        try:
            return self._seen[namespace][key]
        except KeyError:
            raise NvsError(NOT_FOUND) from None

    def _set(self, namespace: str, key: str, value: Value) -> None:
        self.open(namespace)
        if self._seen[namespace].get(key) != value:
            self._check(key, _entries(value))
            self._change(namespace, key, value)

    def _check(self, name: str, entries: int) -> None:
        """Raise unless `entries` more may be written under `name`, beside what they replace."""
        if len(name.encode()) > _LONGEST_NAME:
            raise NvsError(KEY_TOO_LONG)
        used = sum(1 + sum(map(_entries, values.values())) for values in self._seen.values())
        if used + entries > self._chunks * _ENTRIES_PER_PAGE:
            raise NvsError(NOT_ENOUGH_SPACE)

    def _save(self) -> None:
        stored = {
            namespace: {
                key: base64.b64encode(value).decode() if isinstance(value, bytes) else value
                for key, value in values.items()
            }
            for namespace, values in self._kept.items()
        }
        new = self._path.with_name(self._path.name + ".new")
        new.write_text(json.dumps(stored) + "\n", encoding="utf-8")
        os.replace(new, self._path)


def _entries(value: Value) -> int:
    """Entries that a value fills: of a blob its index, and a head and the bytes of each chunk."""
    if isinstance(value, int):
        return 1
    chunks = max(1, -(-len(value) // _CHUNK))
    return 1 + chunks + -(-len(value) // _ENTRY)


def _load(path: Path) -> dict[str, dict[str, Value]]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return {
            namespace: {
                key: value if isinstance(value, int) else base64.b64decode(value, validate=True)
                for key, value in values.items()
            }
            for namespace, values in stored.items()
        }
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError):  # no store: a boot erases what it cannot read
        return {}


def _put(values: dict[str, Value], key: str, value: Value | None) -> None:
    if value is None:
        values.pop(key, None)
    else:
        values[key] = value
