"""Where a board's heap goes: import by import while it links over TLS, and how little will do.

Measured in the MicroPython VM on a 64-bit host, on the virtual board esp32-ssd1306. The heap
is what is left to the firmware: the simulator's stand-ins for what a board has in ROM come on top.
"""

import subprocess
from pathlib import Path

from virtual_port import SCRIPTS, VirtualPort, needs_vm

from keyfob_sim.micropython.vm import ROM_SHARE

BOARDS = ("esp32-generic", "esp32-ssd1306", "lilygo-t-display", "m5stack-core")
STEP = 1024  # bytes

TRACE = """
import builtins, gc, sys
from keyfob.compat import tidy_heap
tidy_heap()
rows, inside, real = [], [0], __import__
def traced(name, *rest):
    if name in sys.modules:
        return real(name, *rest)
    gc.collect()
    before = gc.mem_alloc()
    inside.append(0)
    module = real(name, *rest)
    gc.collect()
    total = gc.mem_alloc() - before
    rows.append((total - inside.pop(), name))
    inside[-1] += total
    return module
builtins.__import__ = traced
from keyfob.app import App, run
class Traced(App):
    def notify(self, event, members):
        gc.collect()
        rows.append((gc.mem_alloc() - start, "= live at " + event))
        App.notify(self, event, members)
    async def idle(self):
        await self.link.refresh()
gc.collect()
start = gc.mem_alloc()
run(Traced)
builtins.__import__ = real
for size, name in rows:
    print("ROW", size, name)
"""

pytestmark = needs_vm


def test_where_the_heap_goes(tmp_path: Path) -> None:
    port = VirtualPort(
        tmp_path, "--https", "--approve", "auto", "--heap", "250k", "--clock", "virtual"
    )
    try:
        told = port.run(TRACE)
    finally:
        port.stop()
    rows = [line.split(" ", 2)[1:] for line in told.splitlines() if line.startswith("ROW ")]
    assert rows
    print("\nheap by import, in order (bytes; tracing itself takes some of what is live)")
    for size, name in rows:
        print(f"{int(size):>8}  {name}")


def test_the_smallest_heap_that_will_do() -> None:
    print(
        "\nsmallest heap to link over TLS and refresh three times without an error"
        f" (VM's share: {ROM_SHARE} bytes)"
    )
    for board in BOARDS:
        low, high = 64 * 1024, 256 * 1024
        while high - low > STEP:
            middle = (low + high) // 2 // STEP * STEP
            if _links(board, middle):
                high = middle
            else:
                low = middle
        print(f"{board:<20}  {high // 1024:>4}k")
        assert high < 256 * 1024


def _links(board: str, heap: int) -> bool:
    words = "sim --json --https --approve auto --clock virtual --until refreshed:3 --timeout 60"
    done = subprocess.run(
        [SCRIPTS / "keyfob", *words.split(), "--board", board, "--heap", str(heap)],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0 and b'"event": "error"' not in done.stdout
