"""Runs a virtual board's firmware in the MicroPython VM, from boot to boot."""

import collections
import functools
import os
import re
import selectors
import threading
import time
from collections.abc import Callable
from pathlib import Path

from keyfob_sim.hardware.board import VirtualBoard
from keyfob_sim.hardware.power import PowerLost
from keyfob_sim.micropython.serial_port import SerialPort
from keyfob_sim.micropython.services import NUDGE, Services
from keyfob_sim.micropython.vm import CALLED, Boot, Vm
from keyfob_sim.run.runtime_interface import RESET_CAUSES, Runtime, Watcher

_REQUEST = 1 << 16  # bytes of the longest request
_RAW, _FRIENDLY = b"\x01", b"\x02"  # keys that choose the kind of REPL
_LONE_LF = re.compile(rb"(?<!\r)\n")
_PLACE = re.compile(r'  File "([^"]+)", line (\d+), in (\S+)')
_PAUSE = 0.002  # s between two tries to write to a terminal that is full
_CRASHES = 3  # in a row without a word from the firmware: it would go on for ever
_TAIL = 80  # lines of output kept to explain an end


class _Reset(Exception):
    """The firmware asked for a reset. `sleep_ms` is how long it stays off, -1 for ever."""

    def __init__(self, cause: str, sleep_ms: int = 0) -> None:
        super().__init__(cause)
        self.cause = cause
        self.sleep_ms = sleep_ms


class MicroPythonRuntime(Runtime):
    """Boots the VM, serves it, and boots it again whatever ended it."""

    def __init__(
        self,
        board: VirtualBoard,
        watcher: Watcher,
        heap: int,
        rom: Path,
        serial: SerialPort | None = None,
    ) -> None:
        """`heap` is in bytes; `rom` is the folder with the compiled modules of on_board/."""
        self._board = board
        self._clock = board.clock
        self._watcher = watcher
        self._heap = heap
        self._rom = rom
        self._serial = serial
        self._vm: Vm | None = None
        self._cause = "power_on"
        self._next: str | None = "power_on"  # why to boot next, None while there is no reason
        self._is_raw = False  # the kind of REPL that the last keys read have chosen
        self._modes = b""  # keys typed since then that choose one
        self._is_mounted = False
        self._typed = b""  # what the next boot finds typed
        self._crashes = 0
        self._tail: collections.deque[str] = collections.deque(maxlen=_TAIL)
        self._line = b""
        self._calls: collections.deque[Callable[[], object]] = collections.deque()
        self._selector = selectors.DefaultSelector()
        self._wake_up, self._waker = os.pipe()
        self._ended = threading.Event()
        self._services = Services(
            board,
            self._wait,
            {
                "program.ended": self._program_ended,
                "machine.reset_cause": lambda: RESET_CAUSES[self._cause],
                "machine.reset": lambda: self._reset("reset"),
                "machine.bootloader": lambda: self._reset("bootloader", -1),
                "machine.deepsleep": lambda ms: self._reset("deepsleep", ms),
            },
        )
        self._services.bite = lambda: self.reboot("watchdog")
        board.interrupt = self._services.interrupt
        self._clock.fell_asleep = self._look_again

    def run(self) -> None:
        """Power the board on and serve it until the watcher has seen enough."""
        self._selector.register(self._wake_up, selectors.EVENT_READ, self._run_calls)
        if self._serial is not None:
            self._selector.register(self._serial.fd, selectors.EVENT_READ, self._type)
        try:
            while not self._watcher.ended:
                self._turn()
        finally:
            self._clock.fell_asleep = lambda: None
            self._stop_vm()
            self._selector.close()
            os.close(self._waker)
            os.close(self._wake_up)

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Have `callback` called in the thread that runs the board. For any thread."""
        self._calls.append(callback)
        os.write(self._waker, b"!")

    def reboot(self, cause: str) -> None:
        """Stop the VM wherever it is, and boot it again."""
        self._stop_vm()
        self._next = cause

    def type(self, data: bytes) -> None:
        """Send `data` to the board's serial port, as a program on the PC would."""
        if self._vm is not None:  # else nobody hears it
            self._modes += _modes(data)
            self._vm.type(data)

    # One turn

    def _turn(self) -> None:
        cause, self._next = self._next, None
        if cause is not None:
            self._boot(cause)
        due = self._clock.until_due()
        if self._vm is None and self._clock.virtual and due is not None:
            self._clock.skip(due)
            due = 0.0
        vm = self._vm
        if vm is not None and vm.is_behind:
            due = _PAUSE if due is None else min(due, _PAUSE)
            vm.type()
        if self._serial is not None and self._serial.is_behind:
            due = _PAUSE if due is None else min(due, _PAUSE)
            self._serial.write()
        ready = self._selector.select(due)
        for key, _ in ready:
            if self._watcher.ended:
                return
            if self._vm is vm or key.fd == self._wake_up:  # else it is of a VM that has gone
                key.data()
        if not self._watcher.ended and self._clock.run_due():
            self._nudge()

    def _run_calls(self) -> None:
        os.read(self._wake_up, 1024)
        while self._calls:
            self._calls.popleft()()
        self._nudge()

    def _look_again(self) -> None:
        self.call_soon(lambda: None)

    def _nudge(self) -> None:
        """Have the VM ask again how long to wait, for what it waits for may have changed."""
        if self._clock.virtual:
            self._services.interrupt(NUDGE)

    def _type(self) -> None:
        assert self._serial is not None
        self.type(self._serial.read())

    def _serve(self) -> None:
        """Answer one request, after whatever was printed before it."""
        vm = self._vm
        self._print()
        if vm is None or vm is not self._vm or self._watcher.ended:
            return
        try:
            request = vm.link.recv(_REQUEST)
        except OSError:
            request = b""
        if not request:
            self._selector.unregister(vm.link)  # the end of its output will tell more
            return
        try:
            self._services.answer(request)
            if request[1:2] == b"B":
                self._is_mounted = True
                vm.listen()
        except PowerLost as lost:
            self._stop_vm()
            self._watcher.say("power_cut", {"op": lost.op})
            self.reboot("power_on")
        except _Reset as reset:
            self._go_to_sleep(reset)

    def _hear(self) -> None:
        """Take what the VM has printed, unless whoever listens is far behind."""
        if self._serial is not None and self._serial.is_full:
            time.sleep(_PAUSE)  # the VM waits in its write, as for a UART
        else:
            self._print()

    def _print(self) -> None:
        """Take what the VM has printed; its end is the end of the VM."""
        vm = self._vm
        while vm is not None and vm is self._vm and (data := vm.read()) is not None:
            if not data:
                self._vm_ended(vm)
                return
            if not vm.is_binary:
                data = _LONE_LF.sub(b"\r\n", data)
            if self._serial is not None:
                self._serial.write(data)
            *lines, self._line = (self._line + data).split(b"\n")
            for line in lines:
                text = line.rstrip(b"\r").decode("utf-8", "replace")
                self._tail.append(text)
                self._watcher.hear(text)
                self._clock.run_due()  # what this brings about comes before what is printed next
                if self._watcher.ended or self._vm is not vm:
                    return

    # Boots and ends

    def _boot(self, cause: str) -> None:
        if cause == "power_on":
            self._board.power_off()
        elif cause == "soft_reset":
            self._board.soft_reset()
        else:
            self._board.reset()
        self._cause = cause
        self._services.boot()
        self._board.boot()
        self._watcher.booted(cause)
        self._is_mounted = False
        self._line = b""
        if cause != "soft_reset":
            self._is_raw = False
            self._modes = b""
        boot = Boot(
            heap=self._heap,
            rom=self._rom,
            flash=self._board.flash.path,
            blocks=self._board.flash.block_count,
            virtual=self._clock.virtual,
            limited=self._board.memory is not None,
            main=not (cause == "soft_reset" and self._is_raw),
        )
        self._vm = vm = Vm(boot)
        self._services.send = vm.send
        vm.nudge = lambda: self._services.interrupt(NUDGE)
        self._selector.register(vm.link, selectors.EVENT_READ, self._serve)
        self._selector.register(vm.output, selectors.EVENT_READ, self._hear)
        self._board.power.start()
        if cause == "soft_reset" and self._is_raw:
            vm.type(_RAW)
        vm.type(self._typed)
        self._typed = b""

    def _stop_vm(self) -> int:
        """End the VM; return its exit code."""
        vm, self._vm = self._vm, None
        if vm is None:
            return 0
        for end in (vm.link, vm.output):
            if end in self._selector.get_map():
                self._selector.unregister(end)
        self._services.send = lambda packet, flags: None
        return vm.kill()

    def _vm_ended(self, vm: Vm) -> None:
        """The VM has gone by itself: a soft reset, a crash, or a heap too small to start in."""
        vm.wait()
        typed = vm.take_back()
        read = len(self._modes) - len(_modes(typed))
        if read > 0:
            self._is_raw = self._modes[read - 1 : read] == _RAW
        self._modes = self._modes[read:]
        code = self._stop_vm()
        if self._is_mounted and code >= 0:
            self._typed = typed
            if self._serial is not None:
                self._serial.write(b"MPY: soft reboot\r\n")
            self.reboot("soft_reset")
            return
        self._crashes += 1
        if not self._is_mounted and code >= 0:
            self._explain("MemoryError" if self._ran_out() else "the start")
        elif self._crashes >= _CRASHES:
            self._watcher.fail(
                "internal",
                f"the MicroPython VM ended {_CRASHES} times, with exit code {code}",
                "the serial log says how far it came",
            )
        else:
            self.reboot("reset")

    def _go_to_sleep(self, reset: _Reset) -> None:
        self._stop_vm()
        if reset.cause == "bootloader":
            if self._serial is not None:
                self._serial.write(b"waiting for download\r\n")
            return  # until somebody resets it
        if not reset.sleep_ms:
            self.reboot(reset.cause)
            return
        self._board.reset()
        if reset.sleep_ms > 0:
            self._clock.after(reset.sleep_ms / 1000, lambda: self.reboot(reset.cause))

    def _reset(self, cause: str, sleep_ms: int = 0) -> None:
        raise _Reset(cause, sleep_ms)

    def _program_ended(self, name: str, error: str | None) -> None:
        """boot.py or main.py is over; `error` is the exception that nobody caught."""
        if error is None or error == "KeyboardInterrupt":
            self._crashes = 0
            if name == "main.py" and error is None:
                self._watcher.stopped()
        else:
            self._explain(error)

    def _explain(self, error: str) -> None:
        """Say what ended the firmware, and where."""
        is_limited = self._board.memory is not None
        heap = "the chip's RAM does" if is_limited else f"{self._heap} bytes of heap do"
        place = self._place()
        if error == "MemoryError":
            self._watcher.fail(
                "memory",
                f"{heap} not suffice: MemoryError {place}",
                "a larger --heap, or a board with more memory",
            )
        else:
            self._watcher.fail(
                "internal", f"{error} ended the firmware {place}", "the serial log has the rest"
            )

    def _place(self) -> str:
        """Where the last traceback ended, in words."""
        for line in reversed(self._tail):
            found = _PLACE.match(line)
            if found:
                return f"in {found[3]}, {found[1]}:{found[2]}"
        return "before the firmware began"

    def _ran_out(self) -> bool:
        return not self._tail or any("emory" in line for line in self._tail)

    # Time

    def _wait(self, ms: int, sockets: bool) -> int:
        """Let virtual time pass while the VM waits `ms` (-1: for ever), or until something is due.

        Returns the ms that have passed, or -1 where the wait has to be a real one.
        """
        clock = self._clock
        limits = [] if ms < 0 else [ms / 1000]
        due, wake = clock.until_due(), clock.until_wake()
        limits += [limit for limit in (due, wake) if limit is not None]
        # What a socket waits for is on its way, unless it is known that nothing can come.
        hopeless = self._board.uplink.is_silent or clock.holds_up()
        if not limits or (sockets and not hopeless):
            return -1
        step = int(min(limits) * 1000 + 0.999)
        clock.skip(step / 1000)
        clock.run_due()
        return step


def _modes(keys: bytes) -> bytes:
    """Those of `keys` that choose the kind of REPL."""
    return bytes(key for key in keys if key in _RAW + _FRIENDLY)


def compile_rom(target: Path) -> Path:
    """Put on_board/, compiled, into `target`, as a board has these modules in ROM; return it."""
    for name, content in _rom().items():
        (target / name).with_suffix(".mpy").write_bytes(content)
    return target


@functools.cache
def _rom() -> dict[str, bytes]:
    """The compiled modules by the names of their files."""
    from keyfob_host.firmware.compiler import compiled_modules
    from keyfob_sim.run.board_files import vm_arch

    return compiled_modules(Path(__file__).parent / "on_board", CALLED, vm_arch())
