"""The board's serial port as other programs see it: a pseudo-terminal with a name of its own."""

import array
import contextlib
import fcntl
import os
import pty
import termios
import time
from pathlib import Path

from keyfob_host.errors import UsageError
from keyfob_sim.micropython.vm import make_raw

_FULL = 1 << 12  # bytes that may wait for a listener before the board has to
_GAP = 0.01  # s between two writes: whoever reads until nothing comes must find an end
_PATIENCE = 2.0  # s without a byte taken, after which nobody is listening


class SerialPort:
    """Links `path` to a pseudo-terminal. What is sent while nobody listens is lost, as on boards.

    A pseudo-terminal does not tell whether anybody has opened it, so that is gathered from
    whether anybody reads.
    """

    def __init__(self, path: Path) -> None:
        """Open it. Raises UsageError where `path` is taken or cannot be made."""
        self.fd, self._theirs = pty.openpty()  # theirs stays open, so that programs come and go
        make_raw(self._theirs)
        os.set_blocking(self.fd, False)
        self._path = path
        self._waiting = b""  # for a listener that is slower than the board
        self._is_heard = False
        self._heard_at = 0.0
        self._sent_at = 0.0
        try:
            if path.is_symlink() and os.readlink(path).startswith("/dev/"):
                path.unlink()  # of a run that was killed
            path.symlink_to(os.ttyname(self._theirs))
        except OSError as error:
            self._close_ends()
            raise UsageError(
                f"{path} cannot be made: {error.strerror}", "another path for --serial"
            ) from None

    @property
    def is_behind(self) -> bool:
        """Whether `write` has more to send once the listener has read some."""
        return bool(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether so much waits for the listener that the board has to wait, too."""
        return len(self._waiting) >= _FULL

    def read(self) -> bytes:
        """What a program has sent."""
        self._hear()
        with contextlib.suppress(OSError):
            return os.read(self.fd, 4096)
        return b""

    def write(self, data: bytes = b"") -> None:
        """Send `data`, after what still waits."""
        if not self._is_heard:
            if self._unread():
                termios.tcflush(self._theirs, termios.TCIFLUSH)
            else:
                self._hear()
        self._waiting += data
        while self._waiting:
            if time.monotonic() - self._sent_at < _GAP:
                return
            try:
                sent = os.write(self.fd, self._waiting)
            except BlockingIOError:
                if time.monotonic() - self._heard_at > _PATIENCE:
                    self._is_heard = False
                    self._waiting = b""
                return
            self._waiting = self._waiting[sent:]
            self._heard_at = self._sent_at = time.monotonic()

    def close(self) -> None:
        """Take the port and its name away."""
        with contextlib.suppress(OSError):
            self._path.unlink()
        self._close_ends()

    def _hear(self) -> None:
        self._is_heard = True
        self._heard_at = time.monotonic()

    def _unread(self) -> int:
        """Bytes that wait for a listener."""
        count = array.array("i", [0])
        fcntl.ioctl(self._theirs, termios.FIONREAD, count)
        return count[0]

    def _close_ends(self) -> None:
        os.close(self._theirs)
        os.close(self.fd)
