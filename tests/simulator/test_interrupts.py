"""Ctrl-C at a virtual board's serial port: one ends whatever program runs, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import serial
from virtual_port import PATIENCE, VirtualPort, needs_vm

pytestmark = needs_vm

BOARD_IS_WELL = (
    b"import os, gc; gc.collect(); f = open('/well', 'w'); f.write('w' * 500); f.close(); "
    b"print(len(open('/well').read()), 'keyfob' in os.listdir('/lib'))\r"
)

PROGRAMS = {
    "computes": "while True: pass",
    "prints": "while True: print('.' * 60)",
    "allocates": "while True: [bytearray(50) for _ in range(99)]",
    "collects garbage": "import gc\nwhile True: gc.collect()",
    "sorts": "while True: sorted(range(300), key=lambda x: -x)",
    "writes files": "while True:\n with open('/f', 'w') as f: f.write('y' * 3000)",
    "leaves files open": "while True: open('/f', 'w').write('y' * 300)",
    "renames files": "import os\nopen('/f', 'w').close()\nwhile True:\n"
    " os.rename('/f', '/g')\n os.rename('/g', '/f')",
    "lists files": "import os\nwhile True: os.listdir('/lib')",
    "imports": "import sys\nwhile True:\n import keyfob.errors\n"
    " for name in list(sys.modules):\n  if 'keyfob' in name: del sys.modules[name]",
    "sleeps": "import time\ntime.sleep(100000)",
    "sleeps little": "import time\nwhile True: time.sleep_ms(1)",
    "waits in asyncio": "import asyncio\nasync def main():\n await asyncio.sleep(100000)\n"
    "asyncio.run(main())",
    "never waits in asyncio": "import asyncio\nasync def main():\n while True:\n"
    "  print('tick')\n  await asyncio.sleep(0)\nasyncio.run(main())",
    "reads its input": "import sys\nwhile True: sys.stdin.read(1)",
    "waits for a connection": "import usocket\ns = usocket.socket()\n"
    "s.bind(usocket.getaddrinfo('127.0.0.1', 0)[0][-1])\ns.listen(1)\ns.accept()",
    "asks the hardware": "import machine\nwhile True: machine.unique_id()",
    "is called by a timer": "import machine, time\ndef work(timer):\n for i in range(2000): pass\n"
    "timer = machine.Timer(0)\n"
    "timer.init(period=1, mode=machine.Timer.PERIODIC, callback=work)\n"
    "try:\n while True: time.sleep_ms(1)\nfinally: timer.deinit()",
}


class Line:
    """The other end of a board's serial port."""

    def __init__(self, port: VirtualPort) -> None:
        self.port = port
        self.serial = serial.Serial(str(port.path), timeout=PATIENCE)

    def type(self, keys: bytes, until: bytes) -> bytes:
        """Type `keys`, and return what comes up to `until`."""
        self.serial.write(keys)
        heard = self.serial.read_until(until)
        assert heard.endswith(until), heard[-300:]
        return heard

    def assert_well(self) -> None:
        assert b"\r\n500 True\r\n" in self.type(BOARD_IS_WELL, b"True\r\n>>> ")
        assert self.port.boots() == ["power_on"]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualPort]:
    port = VirtualPort(tmp_path_factory.mktemp("interrupts"))
    yield port
    port.stop()


@pytest.fixture
def line(port: VirtualPort) -> Iterator[Line]:
    line = Line(port)
    try:
        line.type(b"\r\x03\x02", b">>> ")
        line.type(b"print('lis' + 'tening')\r", b"\r\nlistening\r\n>>> ")
        yield line
    finally:
        line.serial.close()


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_one_ends_a_program_that(line: Line, program: str) -> None:
    text = f"print('be' + 'gun')\n{program}".replace("\n", "\r").encode()
    line.type(b"\x05", b"=== ")
    line.type(text + b"\x04", b"begun\r\n")
    line.type(b"\x03", b"KeyboardInterrupt: \r\n>>> ")
    line.assert_well()


@pytest.mark.parametrize("program", ["computes", "sleeps", "writes files"])
def test_one_ends_a_program_in_the_raw_repl(line: Line, program: str) -> None:
    text = f"print('be' + 'gun')\n{PROGRAMS[program]}".encode()
    line.type(b"\x01", b"raw REPL; CTRL-B to exit\r\n>")
    line.type(text + b"\x04", b"begun\r\n")
    line.type(b"\x03", b"KeyboardInterrupt: \r\n\x04>")
    line.type(b"\x05A\x01", b"R\x01\x80\x00\x01")  # raw paste mode
    line.type(text + b"\x04", b"begun\r\n")
    line.type(b"\x03", b"KeyboardInterrupt: \r\n\x04>")
    line.type(b"\x02", b">>> ")
    line.assert_well()


@pytest.mark.parametrize("program", ["computes", "sleeps", "prints"])
def test_one_that_comes_with_the_program_ends_it(line: Line, program: str) -> None:
    text = PROGRAMS[program].replace("\n", "\r").encode()
    for _ in range(5):
        line.type(b"\x05", b"=== ")
        line.type(text + b"\x04\x03", b"KeyboardInterrupt: \r\n>>> ")
    line.assert_well()


def test_one_that_comes_as_a_program_ends_does_no_harm(line: Line) -> None:
    for _ in range(30):
        line.type(b"print('d' + 'one')\r\x03", b"one")
    line.type(b"print('li' + 'ves')\r", b"\r\nlives\r\n>>> ")
    line.assert_well()


def test_several_in_a_row_leave_a_prompt(line: Line) -> None:
    for _ in range(5):
        line.type(b"\x05", b"=== ")
        line.type(b"print('be' + 'gun')\rwhile True: pass\x04", b"begun\r\n")
        line.type(b"\x03\x03\x03", b"KeyboardInterrupt: \r\n")
        line.type(b"\rprint('ag' + 'ain')\r", b"\r\nagain\r\n>>> ")
    line.assert_well()


def test_a_program_may_take_it_as_a_byte(line: Line) -> None:
    line.type(b"import micropython, sys\r", b">>> ")
    line.type(b"\x05", b"=== ")
    line.type(
        b"micropython.kbd_intr(-1)\rprint('be' + 'gun')\r"
        b"print(sys.stdin.buffer.read(3))\rmicropython.kbd_intr(3)\x04",
        b"begun\r\n",
    )
    assert b"b'a\\x03b'\r\n" in line.type(b"a\x03b", b">>> ")
    line.assert_well()


@pytest.mark.parametrize("keys", [b"\x04\x03", b"\x04\r\x03\x03"])
def test_one_that_comes_with_a_soft_reset_ends_the_next_main(
    port: VirtualPort, keys: bytes
) -> None:
    line = Line(port)
    before = len(port.boots())
    try:
        line.type(b"\r\x03\x02", b">>> ")
        line.type(b"print('lis' + 'tening')\r", b"\r\nlistening\r\n>>> ")
        line.type(keys, b"soft reboot\r\n")
        assert b"KeyboardInterrupt" in line.serial.read_until(b">>> ")
        line.type(b"import sys; print('keyfob' in sys.modules)\r", b"\r\nFalse\r\n>>> ")
        assert port.boots()[before:] == ["soft_reset"]
    finally:
        line.serial.close()


def test_each_that_is_typed_during_a_start_ends_a_main(tmp_path: Path) -> None:
    port = VirtualPort(tmp_path)
    line = Line(port)
    try:
        # What `keyfob` leaves behind as it goes, and what mpremote begins with.
        heard = line.type(b"\r\x03\x02\x04\r\x03", b"soft reboot\r\n")
        assert b"KeyboardInterrupt" in heard
        assert b"KeyboardInterrupt" in line.serial.read_until(b">>> ")
        line.type(b"\r\x01", b"raw REPL; CTRL-B to exit\r\n>")
        assert port.boots() == ["power_on", "soft_reset"]
    finally:
        line.serial.close()
        port.stop()


def test_the_kind_of_repl_is_that_of_the_keys_that_were_read(tmp_path: Path) -> None:
    port = VirtualPort(tmp_path)
    line = Line(port)
    try:
        heard = line.type(b"\r\x03\x02\x04\r\x03\r\x01", b"raw REPL; CTRL-B to exit\r\n>")
        assert heard.count(b"KeyboardInterrupt") == 2  # main.py was run after the soft reset
        line.type(b"\x04", b"soft reboot\r\n")
        assert b"KeyboardInterrupt" not in line.serial.read_until(b"raw REPL; CTRL-B to exit\r\n>")
    finally:
        line.serial.close()
        port.stop()
