"""What `keyfob flash` is tested with: images of the smallest size, and a chip to write them to."""

import hashlib
import os
import socket
import struct
import subprocess
import sys
import sysconfig
import time
from functools import reduce
from operator import xor
from pathlib import Path

from esp32_mock_bootloader import protocol_client, transport

SCRIPTS = Path(sysconfig.get_path("scripts"))

CHIP_IDS = {"esp32": 0, "esp32s2": 2, "esp32c3": 5, "esp32s3": 9}
OFFSETS = {"esp32": 0x1000, "esp32s2": 0x1000, "esp32c3": 0, "esp32s3": 0}

# esp32-mock-bootloader. It would write a file about itself at each packet, most of its time.
_MOCK = """
import sys
from esp32_mock_bootloader import cli, daemon
daemon.set_detected_chip = lambda *_: None
sys.exit(cli.main())
"""


def part(chip: str, payload: bytes) -> bytes:
    """A boot loader or a program: header, one segment, checksum, SHA-256."""
    payload += b"\0" * (-len(payload) % 4)
    data = struct.pack("<BBBBI", 0xE9, 1, 2, 0x20, 0x40080000)
    data += struct.pack("<B3xHBHH4xB", 0xEE, CHIP_IDS[chip], 0, 0, 0xFFFF, 1)
    data += struct.pack("<II", 0x40080000, len(payload)) + payload
    data += b"\0" * (15 - len(data) % 16) + bytes([reduce(xor, payload, 0xEF)])
    return data + hashlib.sha256(data).digest()


def image(chip: str, program: bytes = b"a program" * 500) -> bytes:
    """A whole image: boot loader, partition table, program; 0xFF between them."""
    offset = OFFSETS[chip]

    def entry(kind: int, subtype: int, place: int, size: int, name: bytes) -> bytes:
        return struct.pack("<HBBII16sI", 0x50AA, kind, subtype, place, size, name, 0)

    table = entry(1, 2, 0x9000, 0x6000, b"nvs") + entry(0, 0, 0x10000, 0x1F0000, b"factory")
    data = part(chip, b"a boot loader").ljust(0x8000 - offset, b"\xff") + table
    return data.ljust(0x10000 - offset, b"\xff") + part(chip, program)


class MockChip:
    """A chip in download mode, as esptool sees it, behind a socket or a pseudo-terminal."""

    def __init__(self, chip: str, folder: Path, *, pty: bool = False) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._number = probe.getsockname()[1]
        words = ["--pty"] if pty else ["--port", str(self._number)]
        home = {name: str(folder) for name in ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")}
        self._said = folder / "mock.log"
        with self._said.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _MOCK, "run", "--chip", chip, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | home | {"PYTHONUNBUFFERED": "1"},
            )
        self.port = self._pty() if pty else f"socket://127.0.0.1:{self._number}"
        self._wait(lambda: pty or "listening" in self._said.read_text())

    def _pty(self) -> str:
        self._wait(lambda: "/dev/" in self._said.read_text())
        return next(w for w in self._said.read_text().split() if w.startswith("/dev/")).strip(
            ".,)"
        )

    def _wait(self, done) -> None:
        deadline = time.monotonic() + 120
        while not done():
            assert time.monotonic() < deadline, self._said.read_text()
            assert self.process.poll() is None, self._said.read_text()
            time.sleep(0.02)

    def read(self, start: int, size: int) -> bytes:
        """What is in its flash, by its own client; over its socket alone."""
        with transport.connect(self._number) as line:
            protocol_client.send_sync(line)
            protocol_client.activate_stub(line)
            found, _ = protocol_client.stub_read_flash(line, start, size)
        return found

    def verify(self, chip: str, start: int, path: Path) -> None:
        """Have esptool compare a file with its flash, by their MD5."""
        self._esptool(chip, "verify-flash", hex(start), str(path))

    def _esptool(self, chip: str, *words: str) -> None:
        command = [SCRIPTS / "esptool", "--port", self.port, "--chip", chip, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
