"""Modules in /lib that take the place of built-in ones, as micropython-lib's do by `mip install`.

MicroPython looks for a module that can be extended in sys.path first: "", .frozen, /lib. asyncio
and ssl are frozen on a board, so /lib cannot replace those. The stand-ins here are ours; each does
no more than the module of that name in micropython-lib as of 2026.
"""

import pytest
from board_run import board_files, run_board

AUTO = ("--runtime", "micropython", "--clock", "virtual", "--approve", "auto")
SCOPE = ("--scope", "openid offline_access profile")

# It decodes bytes alone, and complains of the padding with no ValueError.
BINASCII = """
from ubinascii import b2a_base64, crc32, hexlify, unhexlify
import ubinascii

def a2b_base64(data):
    found = ubinascii.a2b_base64(bytes([octet for octet in data]))
    if len(data) % 4:
        raise Exception("Incorrect padding")
    return found
"""

BASE64 = """
import binascii

def b64decode(text):
    return binascii.a2b_base64(text)
"""

# Numbers of Linux; those of an ESP32 differ, as the last one here does from the host's.
ERRNO = """
EPERM = 1
ENOENT = 2
EIO = 5
EAGAIN = 11
ENOSPC = 28
EROFS = 30
ECONNRESET = 104
ENOTCONN = 107
ETIMEDOUT = 110
EINPROGRESS = 119
"""

STRUCT = """
from ustruct import *

class Struct:
    def __init__(self, layout):
        self.size = calcsize(layout)
"""

HASHLIB = """
from uhashlib import *

def new(name, data=b""):
    return globals()[name](data)
"""

# The built-in one, found by its other name, and something of CPython's.
EXTENDED = """
from u{name} import *
{more} = None
"""

SHADOWS = {
    "base64": BASE64,
    "binascii": BINASCII,
    "collections": EXTENDED.format(name="collections", more="MutableMapping"),
    "errno": ERRNO,
    "hashlib": HASHLIB,
    "heapq": EXTENDED.format(name="heapq", more="merge"),
    "io": EXTENDED.format(name="io", more="SEEK_SET"),
    "json": EXTENDED.format(name="json", more="JSONDecodeError"),
    "os": EXTENDED.format(name="os", more="path"),
    "random": EXTENDED.format(name="random", more="shuffle"),
    "struct": STRUCT,
    "time": EXTENDED.format(name="time", more="strftime"),
}

# The simulator has its own of these, which are loaded before.
HELD = {"os", "time"}

# A main.py with a sealed link, that tells which of them were imported.
MAIN = """
import sys
import base64, hashlib, heapq, io, random, collections
from keyfob import app
from keyfob.storage.seal import Seal

class Sealed(app.AccountLink):
    @classmethod
    def from_config(cls, **named):
        return super().from_config(seal=Seal(bytes(range(32))), **named)

app.AccountLink = Sealed

class Telling(app.App):
    def notify(self, event, members):
        if event == "refreshed":
            files = [getattr(sys.modules.get(name), "__file__", "") for name in {names}]
            self.emit("shadowed", {{"files": files}})
        super().notify(event, members)

app.run(Telling)
"""


@pytest.fixture
def state(capsys, tmp_path):
    """The flash of a board that has run once."""
    folder = tmp_path / "state"
    assert run_board(capsys, *AUTO, "--state-dir", folder, "--until", "refreshed").exit_code == 0
    with board_files(folder) as files:
        for slot in ("/link-account.0", "/link-account.1"):
            files.remove(slot)
    return folder


def _install(state, names):
    with board_files(state) as files:
        for name in names:
            with files.open(f"/lib/{name}.py", "wb") as file:
                file.write(SHADOWS[name].encode())


def _linked(capsys, state):
    run = run_board(capsys, *AUTO, *SCOPE, "--state-dir", state, "--until", "refreshed")
    assert run.exit_code == 0, run
    assert not run.of("error"), run
    linked = run.only("linked")
    assert linked["account"] == "Ana Alves"
    assert linked["stored"] is False
    return run


def test_a_board_with_base64_installed_links_and_refreshes(capsys, state):
    _install(state, ("base64", "binascii"))
    _linked(capsys, state)


def test_a_board_with_every_module_that_can_shadow_one_links_and_refreshes(capsys, state, main):
    main(MAIN.format(names=sorted(SHADOWS)).encode())
    _install(state, SHADOWS)
    run = _linked(capsys, state)
    files = {f"/lib/{name}.py" for name in SHADOWS if name not in HELD}
    assert files <= set(run.only("shadowed")["files"])
    again = run_board(capsys, *AUTO, "--state-dir", state, "--until", "linked")
    assert again.only("linked")["stored"] is True
