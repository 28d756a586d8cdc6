"""Serial ports: which of them may be a board, and which one a person means.

Device names are mpremote's: `auto`, `id:SERIAL`, `port:PATH`, a plain path, `a0` `u0` `c0`, and
pyserial's addresses (`socket://HOST:PORT`, `rfc2217://HOST:PORT`).
"""

import contextlib
import json
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keyfob_host.errors import CliError, UsageError
from keyfob_host.resources import state_dir

AUTO = "auto"

Ask = Callable[[str, list[str]], int | None]

# What USB says (vendor, product or None for any other of that vendor) and what that is.
KINDS: dict[tuple[int, int | None], str] = {
    (0x303A, 0x1001): "Espressif USB Serial/JTAG",
    (0x303A, 0x4001): "MicroPython on an ESP32-S2 or S3",
    (0x303A, None): "Espressif USB",
    (0x2E8A, 0x0005): "MicroPython on a Pico",
    (0x2E8A, None): "Raspberry Pi USB",
    (0x10C4, 0xEA60): "CP210x USB bridge",
    (0x1A86, 0x7523): "CH340 USB bridge",
    (0x1A86, 0x55D3): "CH343 USB bridge",
    (0x1A86, 0x55D4): "CH9102 USB bridge",
    (0x0403, 0x6001): "FT232R USB bridge",
    (0x0403, 0x6010): "FT2232 USB bridge",
    (0x0403, 0x6015): "FT231X USB bridge",
}

# Ranks: what a board is behind, any other USB device, and ports that no board is behind.
KNOWN, OTHER_USB, NO_USB = range(3)

_SHORT = {"a": "/dev/ttyACM", "u": "/dev/ttyUSB", "c": "COM"}


@dataclass(frozen=True)
class Port:
    """A serial port; `device` is what pyserial opens, `kind` what a person would call it."""

    device: str
    kind: str
    rank: int
    serial_number: str | None = None
    vid: int | None = None
    pid: int | None = None

    @property
    def is_address(self) -> bool:
        """Whether it is behind an address (`socket://` …), so that it has no modem lines."""
        return "://" in self.device


def candidates() -> list[Port]:
    """Every serial port of this computer, those that a board is likely behind first."""
    from serial.tools.list_ports import comports

    return sorted((_port(info) for info in comports()), key=lambda p: (p.rank, p.device))


def choose(spec: str | None, ask: Ask | None = None, *, last: bool = True) -> Port:
    """The port that `spec` names; without one the only board, or the last good one if `last`.

    Among several boards `ask(question, choices)` says which, by its index, or None where nobody
    answers. Raises UsageError where it could still be more than one or is none at all, CliError
    where there is none.
    """
    if spec is None or spec == AUTO:
        return _choose_only(ask, last)
    if spec.startswith("id:"):
        return _choose_by_id(spec.removeprefix("id:"))
    device = _path(spec)
    if "://" in device:
        return Port(device, "address", OTHER_USB)
    real = os.path.realpath(device)
    for port in candidates():
        if port.device in (device, real):
            return port
    if os.name == "nt" or not os.path.exists(device):
        raise CliError(f"there is no port {device}", _offer(candidates()))
    if not _is_serial(device):
        raise UsageError(f"{device} is no serial port", _offer(candidates()))
    return Port(device, "serial port", NO_USB)


def likely(ports: list[Port]) -> list[Port]:
    """Those of the best rank, but none that is not USB: a Bluetooth port, a modem, a console."""
    best = min((port.rank for port in ports), default=NO_USB)
    return [port for port in ports if port.rank == best < NO_USB]


def remember(port: Port) -> None:
    """Note a port that answered, by its serial number, for `choose` of a later run."""
    if port.serial_number:
        with contextlib.suppress(OSError):
            path = state_dir() / "last_board.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"serial_number": port.serial_number}), encoding="utf-8")


def last_serial_number() -> str | None:
    """The serial number that `remember` noted last."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        text = (state_dir() / "last_board.json").read_text(encoding="utf-8")
        return str(json.loads(text)["serial_number"])
    return None


def _choose_only(ask: Ask | None, last: bool) -> Port:
    ports = likely(candidates())
    if not ports:
        raise CliError(
            "no board is connected",
            "plug it in with a USB cable that carries data, or name its port: --port PATH",
        )
    if len(ports) > 1 and last:
        serial_number = last_serial_number()
        ports = [p for p in ports if p.serial_number == serial_number] or ports
    if len(ports) == 1:
        return ports[0]
    names = [f"{port.device} ({port.kind})" for port in ports]
    index = ask("Which board?", names) if ask is not None else None
    if index is None:
        raise UsageError(f"there are {len(ports)} boards: {', '.join(names)}", _offer(ports))
    return ports[index]


def _choose_by_id(serial_number: str) -> Port:
    ports = candidates()
    for port in ports:
        if port.serial_number == serial_number:
            return port
    raise CliError(f"there is no port with the serial number {serial_number}", _offer(ports))


def _offer(ports: list[Port]) -> str:
    """What to type to name one of those ports."""
    names = [f"id:{p.serial_number}" if p.serial_number else p.device for p in likely(ports)]
    return f"--port {' or '.join(names)}" if names else "keyfob devices, once it is plugged in"


def _is_serial(device: str) -> bool:
    """Whether an existing file is a terminal, as far as one can tell without the right to it."""
    if not stat.S_ISCHR(os.stat(device).st_mode):
        return False
    try:
        opened = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:  # no permission, or in use: port_access says which
        return True
    try:
        return os.isatty(opened)
    finally:
        os.close(opened)


def _path(spec: str) -> str:
    short = re.fullmatch(r"([auc])(\d+)", spec)
    return _SHORT[short[1]] + short[2] if short else spec.removeprefix("port:")


def _port(info: Any) -> Port:
    if info.vid is None:
        return Port(info.device, info.description or "serial port", NO_USB)
    kind = KINDS.get((info.vid, info.pid)) or KINDS.get((info.vid, None))
    return Port(
        device=info.device,
        kind=kind or info.product or "USB serial port",
        rank=OTHER_USB if kind is None else KNOWN,
        serial_number=info.serial_number,
        vid=info.vid,
        pid=info.pid,
    )
