"""What the VM may ask of the host, and which part of the virtual board answers.

A request is a letter, two integers and perhaps data; the reply is an integer:

P offset, data     program flash
E block            erase a block of flash
W ms sockets       let virtual time pass; the ms that did, -1 where the wait must be real
T                  seconds since 2000-01-01, by the RTC
L pin              level of a pin
H pin level        set a pin
I bus address data write to an I2C device; -1 where none answers
S bus, data        write to SPI
F                  feed the watchdog
C interface        whether Wi-Fi has joined a network
M what c data      the table of the heap's blocks, with 1 while it shows no more than the stand-ins
                   for what a board has in ROM; bytes that Python has free (2) or in use (3); -1
                   where garbage is to be collected first, as c says that it has been
B                  the file system is mounted, and a program begins or the REPL does
J, text            anything else: a JSON list of a service's name and its arguments
"""

import binascii
import contextlib
import json
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any

from keyfob_sim.hardware import heap_table
from keyfob_sim.hardware.board import VirtualBoard
from keyfob_sim.hardware.chip_memory import REPL
from keyfob_sim.hardware.nvs import NvsError
from keyfob_sim.hardware.uplink import LookupFailed
from keyfob_sim.hardware.wifi import NETWORK_CONSTANTS, WifiError
from keyfob_sim.micropython.vm import PACKET

_REQUEST = struct.Struct("<BBii")
_HEADER = struct.Struct("<BBHi")
_PAYLOAD = PACKET - _HEADER.size
_REPLY, _INTERRUPT, _ERROR = range(3)
_TIMER = 1000  # interrupts from here on are those of timers
_AT_START, _FREE, _USED = 1, 2, 3  # what M may ask
_COLLECT = -1  # what it may answer
_PLENTY = (1 << 22,) * 4  # the region of a board whose RAM is not limited
NUDGE = -1  # an interrupt that nothing in the VM handles
# Causes of a reset, as `machine` names them.
_RESETS = {
    "PWRON_RESET": 1,
    "HARD_RESET": 2,
    "WDT_RESET": 3,
    "DEEPSLEEP_RESET": 4,
    "SOFT_RESET": 5,
}
_NAME_UNKNOWN = -202  # as lwIP says it


class VmError(Exception):
    """What a request raises inside the VM: a built-in exception by name, and its arguments."""

    def __init__(self, name: str, *arguments: object) -> None:
        super().__init__(name, *arguments)
        self.name = name
        self.arguments = arguments


class Services:
    """Answers requests. `system` has what is the runtime's to do, by the names of services.

    `wait(ms, sockets)` lets virtual time pass, see W.
    """

    def __init__(
        self,
        board: VirtualBoard,
        wait: Callable[[int, bool], int],
        system: dict[str, Callable[..., Any]],
    ) -> None:
        self._board = board
        self._buses: list[tuple[int, int]] = []
        self._timers: dict[int, Any] = {}
        self._watchdog: Any = None
        self._patience = 0.0
        self._stand_ins = heap_table.Use(0, 0)  # what those take that a board has in ROM
        self.send: Callable[[bytes, int], object] = lambda packet, flags: None
        self.bite: Callable[[], None] = lambda: None  # what the watchdog does
        self._letters: dict[str, Callable[[int, int, bytes], Any]] = {
            "P": lambda offset, _, data: board.flash.program(offset, data),
            "E": lambda block, _, __: board.flash.erase(block),
            "W": lambda ms, sockets, _: wait(ms, bool(sockets)),
            "T": lambda *_: int(board.rtc.seconds()),
            "L": lambda pin, _, __: board.pins.level(pin),
            "H": lambda pin, level, _: board.pins.write(pin, level),
            "I": self._i2c_write,
            "S": lambda bus, _, data: board.spi_write(*self._buses[bus], data),
            "F": lambda *_: self._feed(),
            "C": lambda interface, _, __: self._wlan("isconnected", interface, (), {}),
            "M": lambda what, is_tidy, table: self._look(what, bool(is_tidy), table),
            "B": lambda *_: None,
        }
        # Names of more than ten characters: shorter ones the VM would keep for good.
        self._names: dict[str, Callable[..., Any]] = {
            "machine.pin.init": board.pins.configure,
            "machine.pin.irq": board.pins.watch,
            "machine.bitstream": lambda pin, timing, text: board.bitstream(
                pin, timing, binascii.unhexlify(text)
            ),
            "machine.i2c.open": lambda scl, sda, frequency: self._open(scl, sda),
            "machine.i2c.scan": lambda bus: board.i2c_scan(*self._buses[bus]),
            "machine.i2c.read": self._i2c_read,
            "machine.spi.open": self._open,
            "machine.rtc.datetime": board.rtc.datetime,
            "machine.rtc.set_datetime": board.rtc.set_datetime,
            "machine.rtc.set": board.rtc.set,
            "machine.rtc.memory": lambda: board.rtc.memory.hex(),
            "machine.rtc.set_memory": lambda text: board.rtc.set_memory(binascii.unhexlify(text)),
            "machine.wdt.start": self._start_watchdog,
            "machine.timer.start": self._start_timer,
            "machine.timer.stop": self._stop_timer,
            "memory.regions": lambda capabilities: self._regions(),
            "machine.constant": _machine_constant,
            "thread.start": self._start_thread,
            "thread.end": board.end_thread,
            "machine.unique_id": lambda: board.unique_id.hex(),
            "machine.uname": lambda: _uname(board),
            "uplink.addresses": self._addresses,
            "network.constant": _network_constant,
            "esp32.nvs.open": lambda namespace: board.nvs.open(namespace),
            "esp32.nvs.set_i32": board.nvs.set_i32,
            "esp32.nvs.get_i32": board.nvs.get_i32,
            "esp32.nvs.set_blob": lambda space, key, text: board.nvs.set_blob(
                space, key, binascii.unhexlify(text)
            ),
            "esp32.nvs.get_blob": lambda space, key, size: board.nvs.get_blob(
                space, key, size
            ).hex(),
            "esp32.nvs.erase_key": board.nvs.erase_key,
            "esp32.nvs.commit": board.nvs.commit,
            **system,
        }

    def boot(self) -> None:
        """Forget what the last boot opened."""
        self._buses.clear()
        for number in list(self._timers):
            self._stop_timer(number)
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None

    def answer(self, request: bytes) -> None:
        """Serve one packet from the VM. Raises PowerLost, and what `system` raises."""
        number, code, first, second = _REQUEST.unpack_from(request)
        letter = chr(code)
        try:
            if letter == "J":
                self._call(number, request[_REQUEST.size :])
            else:
                data = request[_REQUEST.size :]
                self._reply(number, _REPLY, self._letters[letter](first, second, data) or 0)
        except VmError as error:
            text = json.dumps([error.name, error.arguments]).encode()
            self._reply(number, _ERROR, 0, text[:_PAYLOAD])

    def interrupt(self, what: int) -> None:
        """Tell the VM that something happened: a pin's edge, or a timer. It may be too busy."""
        with contextlib.suppress(OSError):
            self._reply(0, _INTERRUPT, what, flags=socket.MSG_DONTWAIT)

    def _reply(
        self, number: int, kind: int, value: int, payload: bytes = b"", flags: int = 0
    ) -> None:
        head = _HEADER.pack(number, kind, len(payload), value)
        self.send((head + payload).ljust(PACKET, b"\0"), flags)

    def _call(self, number: int, text: bytes) -> None:
        name, arguments = json.loads(text)
        if name.startswith("network.wlan."):
            found = self._wlan(name.rpartition(".")[2], *arguments)
        else:
            found = self._named(name, arguments)
        # Not escaped: MicroPython makes two characters of an emoji that is escaped as a pair.
        answer = json.dumps(found, ensure_ascii=False).encode("utf-8", "surrogatepass")
        for start in range(0, max(1, len(answer)), _PAYLOAD):
            self._reply(number, _REPLY, len(answer), answer[start : start + _PAYLOAD])

    def _named(self, name: str, arguments: list[Any]) -> Any:
        try:
            return self._names[name](*arguments)
        except NvsError as error:
            raise VmError("OSError", error.number, error.name) from None
        except (OverflowError, ValueError) as error:
            raise VmError(type(error).__name__, str(error)) from None

    # Memory

    def _look(self, what: int, is_tidy: bool, table: bytes) -> int:
        """Have the chip's memory know what Python has in use; see M."""
        memory = self._board.memory
        if memory is None:
            return 0
        found = heap_table.use(table)
        if what == _AT_START:
            self._stand_ins = found
        used, end = found.beyond(self._stand_ins)
        if not is_tidy and memory.would_grow(REPL + end):
            return _COLLECT
        self._board.use_memory(REPL + used, REPL + end)
        return {_FREE: memory.python_free, _USED: memory.used}.get(what, 0)

    def _regions(self) -> list[tuple[int, ...]]:
        memory = self._board.memory
        return [_PLENTY] if memory is None else [tuple(region) for region in memory.regions]

    def _start_thread(self, stack: int) -> int:
        try:
            return self._board.start_thread(stack)
        except OSError as error:
            raise VmError("OSError", str(error)) from None

    # Time

    def _start_watchdog(self, timeout_ms: int) -> None:
        self._patience = timeout_ms / 1000
        self._feed()

    def _feed(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._watchdog = self._board.clock.after(self._patience, lambda: self.bite())

    def _start_timer(self, number: int, period_ms: int, is_periodic: int) -> None:
        self._stop_timer(number)

        def ring() -> None:
            self.interrupt(_TIMER + number)
            if is_periodic:
                self._timers[number] = self._board.clock.after(period_ms / 1000, ring)

        self._timers[number] = self._board.clock.after(period_ms / 1000, ring)

    def _stop_timer(self, number: int) -> None:
        timer = self._timers.pop(number, None)
        if timer is not None:
            timer.cancel()

    # Buses

    def _open(self, *pins: int) -> int:
        if pins not in self._buses:
            self._buses.append(pins)  # type: ignore[arg-type]
        return self._buses.index(pins)  # type: ignore[arg-type]

    def _i2c_write(self, bus: int, address: int, data: bytes) -> int:
        return 0 if self._board.i2c_write(*self._buses[bus], address, data) else -1

    def _i2c_read(self, bus: int, address: int, count: int) -> str:
        found = self._board.i2c_read(*self._buses[bus], address, count)
        if found is None:
            raise VmError("OSError", 19)  # ENODEV
        return found.hex()

    # Network

    def _wlan(self, name: str, *call: Any) -> Any:
        try:
            return _plain(self._board.wlan(name, *call))
        except WifiError as error:
            raise VmError("OSError", str(error)) from None
        except AttributeError:
            raise VmError("AttributeError", f"'WLAN' object has no attribute '{name}'") from None
        except (TypeError, ValueError) as error:
            raise VmError(type(error).__name__, str(error)) from None

    def _addresses(self, host: str, port: int) -> list[tuple[str, int]]:
        try:
            return self._board.addresses(host, port)
        except LookupFailed:
            raise VmError("OSError", _NAME_UNKNOWN) from None
        except OSError as error:
            raise VmError("OSError", error.errno) from None


def _network_constant(name: str) -> int:
    return _constant(NETWORK_CONSTANTS, name)


def _machine_constant(name: str) -> int | None:
    return None if name == "bitstream" else _constant(_RESETS, name)


def _constant(known: Mapping[str, int], name: str) -> int:
    if name not in known:
        raise VmError("AttributeError", f"'module' object has no attribute '{name}'")
    return known[name]


def _plain(value: Any) -> Any:
    """`value` with its bytes as hexadecimal text, since JSON has none."""
    if isinstance(value, bytes):
        return value.hex()
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _uname(board: VirtualBoard) -> list[str]:
    machine = f"{board.about.title} (simulated) with {board.about.chip.upper()}"
    return ["esp32", "esp32", "1.29.0", "v1.29.0 keyfob virtual board", machine]
