"""What RAM a board has left and what it has loaded, step by step, beside figures of November 2026.

Those are of the firmware of commit aa4023c. RAM was measured on an emulated ESP32 with MicroPython
1.24 and an EC chain. The virtual board counts in a chip's bytes, too
(`keyfob_sim/hardware/chip_memory.py`); its ms are those of this machine, and say nothing about a
board's. A board's follow from the files that it loads: reading and linking them took that ESP32
most of its time.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import micropython_vm
import pytest
from virtual_port import VirtualPort, needs_vm

from keyfob_host.board.steps import Step, step_table
from keyfob_host.firmware.compiler import compile_firmware, compile_text
from keyfob_host.resources import firmware_dir
from keyfob_sim.server.chains import CHAINS

pytestmark = needs_vm

RECORDED = (
    Step("start", 0, 110_080, 3_264, 95_704, 57_344),
    Step("application imported", 1_958, 75_760, 37_584, 95_704, 57_344),
    Step("screen: starting", 3_954, 101_664, 47_136, 38_356, 36_864),
    Step("wifi", 6_133, 88_256, 60_544, 38_356, 36_864),
    Step("user_code", 10_425, 45_056, 77_632, 13_036, 10_752),
    Step("screen: user_code", 11_593, 40_096, 82_592, 13_036, 10_752),
    Step("linked", 13_176, 54_192, 82_320, 36_844, 24_576),
    Step("api", 15_209, 42_432, 80_256, 13_024, 10_752),
    Step("refreshed, collected", 17_221, 61_104, 75_408, 36_844, 24_576),
)


class Loads(NamedTuple):
    """Files that were loaded, their bytes, and the time that took."""

    files: int
    size: int
    time: float


# Up to each step: how many of keyfob's files were loaded, again or not, their bytes, and the time
# that takes, in times of REFERENCE: by COUNTING and LOADING in that commit's checkout.
LOADED = {
    "application imported": Loads(15, 19_137, 15.4),
    "screen: starting": Loads(28, 32_824, 25.0),
    "screen: wifi": Loads(43, 53_140, 39.3),
    "wifi": Loads(45, 54_744, 40.7),
    "screen: clock": Loads(50, 63_099, 45.0),
    "clock": Loads(51, 64_374, 46.0),
    "screen: press": Loads(56, 72_729, 50.3),
    "user_code": Loads(74, 98_192, 69.3),
    "screen: user_code": Loads(81, 107_997, 76.1),
    "linked": Loads(92, 125_150, 88.8),
    "screen: linked": Loads(97, 133_505, 93.0),
    "api": Loads(103, 142_262, 99.3),
    "refreshed": Loads(115, 159_060, 112.5),
}
# The time of IMPORTING, there.
IMPORTED = 14.1

PROGRAM = firmware_dir().parent / "host_tools" / "keyfob_host" / "on_board" / "steps.py"

# What makes that program of `keyfob test` go on until the tokens have been refreshed.
CHANGES = {
    'if name == "user_code":': 'if name == "error":',
    'if event == "ready":': "if self.error:",
    "    def came_up(self, name):": """
    async def idle(self):
        await self.link.refresh()
        gc.collect()
        _note("refreshed, collected")
        self.over.set()

    def came_up(self, name):""",
}


def to_the_refresh() -> str:
    text = PROGRAM.read_text("utf-8")
    for old, new in CHANGES.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def ratios(new: dict[str, Step]) -> str:
    """Today's figures over the recorded ones."""
    lines = [f"{'step':<24}{'Python free':>12}{'in use':>12}{'IDF free':>12}{'largest':>12}"]
    for old in RECORDED:
        now = new[old.step]
        shares = (
            now.python_free / old.python_free,
            now.python_used / old.python_used,
            (now.idf_free or 0) / (old.idf_free or 1),
            (now.idf_largest or 0) / (old.idf_largest or 1),
        )
        lines.append(f"{old.step:<24}" + "".join(f"{share:>12.2f}" for share in shares))
    return "\n".join(lines)


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("board", ["esp32-ssd1306", "lilygo-t-display"])
def test_ram_at_each_step(tmp_path: Path, board: str, chain: str) -> None:
    options = ("--https", "--chain", chain, "--approve", "auto", "--clock", "virtual")
    port = VirtualPort(tmp_path, *options, "--board", board)
    try:
        rows, error = json.loads(port.run(to_the_refresh()).splitlines()[-1])
    finally:
        port.stop()
    steps = [Step(*row) for row in rows]
    print(f"\n{board}, chain {chain}: RAM at each step (bytes)\n{step_table(steps)}")
    assert error is None, error
    new = {step.step: step for step in steps}
    print(f"\nthe ESP32 of November 2026, with an EC chain\n{step_table(RECORDED)}")
    print(f"\ntoday's over those\n{ratios(new)}")


# Prints the files that were loaded up to each event and screen. Machine code is no part of it.
COUNTING = """
import builtins, json, os, sys
real, rows = builtins.__import__, [[]]
def counted(name, *rest):
    parts = name.split(".")
    packages = [".".join(parts[:end + 1]) for end in range(len(parts))]
    new = [package for package in packages if package not in sys.modules]
    module = real(name, *rest)
    for one in new:
        if parts[0] == "keyfob" and not one.endswith("_viper"):
            rows[-1].append((one, os.stat(sys.modules[one].__file__)[6]))
    return module
builtins.__import__ = counted
from keyfob.app import App, run
from keyfob.link import AccountLink
def note(step):
    rows[-1].insert(0, step)
    rows.append([])
note("application imported")
class Counted(App):
    def notify(self, event, members):
        note(event)
        App.notify(self, event, members)
    def came_up(self, name):
        note("screen: " + name)
    async def idle(self):
        await self.link.refresh()
run(Counted)
builtins.__import__ = real
print(json.dumps(rows[:-1]))
"""

# Loads the modules that it is told over and over, and prints the shortest time of each.
LOADING = """
import gc, sys
from time import ticks_diff, ticks_us
import keyfob.app, keyfob.link
gc.disable()
times = {}
for _ in range(40):
    for name in sys.argv[1:]:
        sys.modules.pop(name, None)
        gc.collect()
        begin = ticks_us()
        __import__(name)
        took = ticks_diff(ticks_us(), begin)
        times[name] = min(times.get(name, took), took)
for name in times:
    print(name, times[name])
"""
# Prints the time of an import that takes what is new to the VM: names, and garbage collected.
IMPORTING = """
import asyncio, asyncio.event, asyncio.lock, binascii, gc, json, os
from time import ticks_diff, ticks_us
gc.collect()
gc.threshold(4096)
begin = ticks_us()
import reference
middle = ticks_us()
from keyfob.app import App
from keyfob.link import AccountLink
print("reference", ticks_diff(middle, begin))
print("application", ticks_diff(ticks_us(), middle))
"""
_PROCESSES = 25

# A file to compare with, whatever the machine.
REFERENCE = "".join(
    f"def function_{n}(a, b=None):\n    return [a, b, 'a text, and not a short one', {n}]\n"
    for n in range(40)
)


def load_times(code: Path, program: str, *names: str) -> dict[str, int]:
    """The us that a program prints, REFERENCE's among them; the compiled firmware is in `code`."""
    (code / "reference.mpy").write_bytes(compile_text(REFERENCE, "reference.py"))
    (code / "loading.py").write_text(program)
    vm = micropython_vm.executable()
    assert vm is not None
    done = subprocess.run(
        [vm, code / "loading.py", "reference", *names],
        env=os.environ | {"MICROPYPATH": os.pathsep.join([str(code), ".frozen"])},
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split() for line in done.stdout.splitlines()]
    return {name: int(time) for name, time in rows}


def test_files_loaded_up_to_each_step(tmp_path: Path) -> None:
    options = ("--https", "--chain", "ec", "--approve", "auto", "--clock", "virtual")
    port = VirtualPort(tmp_path, *options)
    try:
        rows = json.loads(port.run(COUNTING).splitlines()[-1])
    finally:
        port.stop()
    code = tmp_path / "code"
    compile_firmware(code)
    names = sorted({name for _, *files in rows for name, _ in files})
    times = load_times(code, LOADING, *names)
    unit = times["reference"]
    print("\nesp32-ssd1306: keyfob's files loaded, their bytes, and the time; over those of then")
    total = Loads(0, 0, 0)
    for step, *files in rows:
        total = Loads(
            total.files + len(files),
            total.size + sum(size for _, size in files),
            total.time + sum(times[name] for name, _ in files) / unit,
        )
        then = LOADED.get(step, ())
        shares = "".join(f"{now / was:>8.2f}" for now, was in zip(total, then, strict=False))
        print(f"{step:<24}{total.files:>6}{total.size:>10,}{total.time:>10.1f}{shares}")


def test_time_of_the_imports(tmp_path: Path) -> None:
    compile_firmware(tmp_path)
    runs = [load_times(tmp_path, IMPORTING) for _ in range(_PROCESSES)]
    least = {name: min(run[name] for run in runs) for name in runs[0]}
    time = least["application"] / least["reference"]
    print(f"\nimport of App and AccountLink: {time:.1f}, {time / IMPORTED:.2f} of then")
