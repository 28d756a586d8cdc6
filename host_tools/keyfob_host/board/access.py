"""Why a serial port cannot be opened: it is gone, not permitted, or in use, and by whom."""

import os
from collections.abc import Iterator
from pathlib import Path

from keyfob_host.board.ports import Port
from keyfob_host.errors import CliError

_PROC = Path("/proc")


class PortError(CliError):
    """A port that cannot be opened; `kind` is port, permission or busy."""

    def __init__(self, kind: str, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.kind = kind


def trouble(port: Port) -> PortError:
    """What keeps `port`, which could not be opened, from being opened."""
    device = port.device
    if port.is_address:
        return PortError("port", f"nothing answers at {device}", "check the address")
    if is_gone(port):
        return PortError("port", f"there is no port {device}", "keyfob devices")
    if os.name != "nt" and not os.access(device, os.R_OK | os.W_OK):
        return PortError("permission", f"no permission to use {device}", _permission(port))
    user = user_of(device)
    if user is not None:
        return PortError(
            "busy",
            f"{device} is in use by {user[1]} (process {user[0]})",
            f"close that program, or kill {user[0]}",
        )
    return PortError(
        "busy",
        f"{device} cannot be opened; another program may be using it",
        "close every other terminal, IDE or monitor, or plug the board in anew",
    )


def is_gone(port: Port) -> bool:
    """Whether there is no such port any more, as far as its name tells."""
    return os.name != "nt" and not port.is_address and not os.path.exists(port.device)


def user_of(device: str) -> tuple[int, str] | None:
    """The process that holds `device`, and its name; None where nobody does or can tell.

    On Linux alone. Of a pseudo-terminal both ends are open all the time, so only a lock counts.
    """
    try:
        found = os.stat(device)
    except OSError:
        return None
    pids = [*_lockers(found)]
    if not os.path.realpath(device).startswith("/dev/pts/"):
        pids += _openers(os.path.realpath(device))
    for pid in pids:
        if pid != os.getpid():
            return pid, _name(pid)
    return None


def _lockers(found: os.stat_result) -> Iterator[int]:
    """Processes with a lock on that file: lines of `1: FLOCK ADVISORY WRITE PID MAJ:MIN:INODE`."""
    try:
        lines = (_PROC / "locks").read_text().splitlines()
    except OSError:
        return
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    for line in lines:
        words = line.split()
        if place in words:
            pid = words[words.index(place) - 1]
            if pid.isdigit():
                yield int(pid)


def _openers(device: str) -> Iterator[int]:
    for link in _PROC.glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) == device:
                yield int(link.parts[2])
        except OSError:
            continue  # it has ended, or is another user's


def _name(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return "a program"


def _permission(port: Port) -> str:
    """The one line that gives the right to use it."""
    try:
        import grp

        group = grp.getgrgid(os.stat(port.device).st_gid).gr_name
    except (ImportError, KeyError, OSError):
        group = "dialout"
    if group != "root":
        return f"sudo usermod -aG {group} $USER, then log out and in again"
    ids = f'ATTRS{{idVendor}}=="{port.vid or 0x303A:04x}"'
    if port.pid is not None:
        ids += f', ATTRS{{idProduct}}=="{port.pid:04x}"'
    rule = f'SUBSYSTEM=="tty", {ids}, MODE="0660", TAG+="uaccess"'
    return f"echo '{rule}' | sudo tee /etc/udev/rules.d/70-keyfob.rules, then plug it in again"
