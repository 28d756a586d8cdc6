"""esptool, run as the program that it is, and its errors in keyfob's two lines."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from keyfob_host import chips
from keyfob_host.board.ports import Port
from keyfob_host.errors import CliError

_GRACE = 0.5  # s that esptool has to end before it is killed
_AGAIN = "the same command again; what is half written does no harm to the chip's own loader"


class Rate(NamedTuple):
    """How fast bytes are sent, and whether to esptool's stub or to the slower loader in ROM."""

    baud: int
    stub: bool


# What is tried in turn where bytes get lost on the way.
_RATES = (Rate(921600, True), Rate(460800, True), Rate(115200, True), Rate(115200, False))


class Chip(NamedTuple):
    """What esptool found behind a port; `flash_size` as it words it, such as 4MB."""

    name: str
    mac: str | None
    flash_size: str | None


class Failure(NamedTuple):
    """What a kind of error of esptool's is to a person; `again` if another try may succeed."""

    message: str
    hint: str
    again: bool = False


# The first that is found in what esptool printed; {port} is the port and {0} the first group.
_FAILURES: tuple[tuple[str, Failure], ...] = (
    (
        r"This chip is ([\w-]+), not",
        Failure("the chip at {port} is an {0}", "--board NAME of a board with that chip"),
    ),
    (
        r"(?i)secure (?:boot|download)|flash encryption",
        Failure(
            "the chip at {port} is locked (secure boot, download or flash encryption)",
            "its maker's own way to update it",
        ),
    ),
    (
        r"(?i)(?:do(?:es)?n't|does not|will not) fit|not enough (?:flash|space)|exceeds flash",
        Failure("the image is larger than the flash at {port}", "an image for that flash size"),
    ),
    (
        r"(?i)permission denied|errno 13",
        Failure(
            "no permission to open {port}",
            "sudo usermod -a -G dialout $USER, then log out and in again",
        ),
    ),
    (
        r"(?i)exclusively lock|resource busy|errno 16|errno 11\b|access is denied",
        Failure(
            "{port} is in use by another program",
            "close the monitor or editor that has it open, then the same command again",
        ),
    ),
    (
        r"(?i)no such file|filenotfound|connection refused|cannot find the file",
        Failure("{port} is not there", "plug the board in again, then keyfob devices"),
    ),
    (
        (
            r"(?i)serial exception|input/output error|not configured|socket disconnected"
            r"|broken pipe|connection reset|returned no data|bad file descriptor|clearcommerror"
            r"|no such device"
        ),
        Failure("{port} went away", f"check cable and plug, then {_AGAIN}"),
    ),
    (
        (
            r"(?i)wrong boot mode|no serial data|failed to connect|could not connect"
            r"|sync reply|packet header"
        ),
        Failure("the board at {port} does not enter download mode", "{recipe}", again=True),
    ),
    (
        (
            r"MD5 of file does not match|Invalid head of packet|stream stopped|packet content"
            r"|stopped responding|stub flasher|flash chip connection|SLIP"
        ),
        Failure(
            "what was sent to {port} did not arrive whole",
            f"another, shorter cable without a hub, then {_AGAIN}",
            again=True,
        ),
    ),
)


class EsptoolError(CliError):
    """esptool failed; `again` says whether a slower try may succeed."""

    again = False


class Esptool:
    """Runs esptool; several threads may, each for a port of its own.

    `deadline` is the time.monotonic() at which every run is ended.
    """

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def identify(self, port: Port, recipe: str) -> Chip:
        """What chip is behind `port`; it is left in download mode.

        Raises EsptoolError, its hint being `recipe` where download mode is what is missing.
        """
        printed = self.run(port, ["--after", "no-reset", "flash-id"], recipe=recipe)
        chip = _chip_in(printed)
        if chip is None:
            raise EsptoolError(f"esptool does not say what chip is at {port.device}", _AGAIN)
        mac = re.search(r"MAC: +([\da-fA-F:]{17})", printed)
        size = re.search(r"Detected flash size: (\w+)", printed)
        return Chip(
            chips.name_of(chip),
            mac[1].lower() if mac else None,
            size[1] if size else None,
        )

    def write(
        self,
        port: Port,
        chip: str,
        words: Sequence[str | Path],
        *,
        recipe: str,
        progress: Callable[[float], None],
        on_retry: Callable[[str], None],
    ) -> Rate:
        """Write and verify what the `words` of write-flash say; return the rate that did it.

        Where bytes get lost it is tried again more slowly, and `on_retry` gets the reason.
        Raises EsptoolError, and CliError where esptool did not verify what it wrote.
        """
        for rate in _RATES:
            options = ["--chip", chip, "--baud", str(rate.baud)]
            if not rate.stub:
                options.append("--no-stub")
            try:
                printed = self.run(
                    port,
                    [*options, "write-flash", *map(str, words)],
                    recipe=recipe,
                    progress=progress,
                )
                break
            except EsptoolError as error:
                if not error.again or rate == _RATES[-1]:
                    raise
                on_retry(f"{error.message}; trying again, more slowly")
        if "Hash of data verified" not in printed:
            raise CliError(
                f"what was written to {port.device} was not verified", "the same command again"
            )
        return rate

    def run(
        self,
        port: Port,
        words: list[str],
        *,
        recipe: str = _AGAIN,
        progress: Callable[[float], None] = lambda percent: None,
    ) -> str:
        """Run esptool for `port` and return what it printed; `progress` gets percentages.

        Raises EsptoolError.
        """
        command = [sys.executable, "-m", "esptool", "--port", port.device, *words]
        with self._lock:
            if self._closed:
                raise EsptoolError(f"{port.device} was left alone", _AGAIN)
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=os.environ | {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "COLUMNS": "500"},
            )
            self._running.add(process)
        watchdog = threading.Timer(max(0.0, self._deadline - time.monotonic()), process.kill)
        watchdog.start()
        printed = []
        try:
            assert process.stdout is not None
            for line in process.stdout:
                printed.append(line)
                percent = re.search(r"(\d+(?:\.\d+)?)%", line)
                if percent:
                    progress(float(percent[1]))
            code = process.wait()
        finally:
            watchdog.cancel()
            _end(process)
            with self._lock:
                self._running.discard(process)
        text = "".join(printed)
        if code != 0:
            if time.monotonic() >= self._deadline:
                raise EsptoolError(f"{port.device} took too long", f"--timeout, or {_AGAIN}")
            raise _error(text, port, recipe)
        return text

    def close(self) -> None:
        """End every run; none begins after this."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for process in running:
            _end(process)


def _chip_in(printed: str) -> str | None:
    """The chip that esptool names last; where a look at it fails, other words stand there."""
    found = re.findall(r"(?:Connected to|Detecting chip type\.*) *(ESP[\w-]+)", printed)
    return str(found[-1]) if found else None


def _end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _error(printed: str, port: Port, recipe: str) -> EsptoolError:
    for pattern, failure in _FAILURES:
        found = re.search(pattern, printed)
        if found:
            words = {"port": port.device, "recipe": recipe}
            error = EsptoolError(
                failure.message.format(*found.groups(), **words),
                failure.hint.format(*found.groups(), **words),
            )
            error.again = failure.again
            return error
    last = re.findall(r"(?:fatal error occurred|ERROR|Error): *(.+)", printed)
    reason = last[-1] if last else "it ended without a reason"
    error = EsptoolError(f"esptool failed at {port.device}: {reason}", _AGAIN)
    error.again = True
    return error
