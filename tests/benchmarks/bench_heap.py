"""Where a board's heap goes: import by import while it links over TLS, and how little will do.

Measured in the MicroPython VM on a 64-bit host, on the virtual board esp32-ssd1306. The heap
is what is left to the firmware: the simulator's stand-ins for what a board has in ROM come on top.
"""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from virtual_port import SCRIPTS, VirtualPort, needs_vm

from keyfob_sim.micropython.vm import ROM_SHARE
from keyfob_sim.server import MockServer, ServerOptions
from keyfob_sim.server.discovery import metadata
from keyfob_sim.server.faults import Fault

BOARDS = ("esp32-generic", "esp32-ssd1306", "lilygo-t-display", "m5stack-core")
STEP = 1024  # bytes
DOCUMENTS = (2_000, 20_000)  # bytes

TRACE = """
import builtins, gc, sys
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
        print(f"{board:<20}  {_smallest(board, '--https', '--approve', 'auto'):>4}k")


def test_the_smallest_heap_for_a_discovery_document_of_any_length(tmp_path: Path) -> None:
    board = "esp32-ssd1306"
    options = ServerOptions(https=True, approve="auto", ca_dir=tmp_path)
    with MockServer(options) as server:
        about = server.description
        words = ("--issuer", about["issuer"], "--client-id", "keyfob-public", "--ca", about["ca"])
        scope = ("--scope", "openid profile offline_access")
        found = []
        for size in DOCUMENTS:
            document = metadata(server.realm)
            missing = size - len(json.dumps(document))
            document["claims_supported"] = ["a_claim_0123" for _ in range(missing // 16)]
            server.realm.faults.clear()
            server.realm.faults.add(Fault("discovery", status=200, body=document, lasts=1e9))
            found.append(_smallest(board, *words, *scope))
            print(f"{board}, discovery of {len(json.dumps(document))} bytes  {found[-1]:>4}k")
    assert abs(found[0] - found[1]) <= STEP // 1024  # which keys and tokens are of random lengths


def _smallest(board: str, *words: str) -> int:
    """The smallest heap in KB with which a board links and refreshes three times."""
    low, high = 64 * 1024, 256 * 1024
    while high - low > STEP:
        middle = (low + high) // 2 // STEP * STEP
        if _links(board, middle, words):
            high = middle
        else:
            low = middle
    assert high < 256 * 1024
    return high // 1024


def _links(board: str, heap: int, more: Sequence[str]) -> bool:
    words = "sim --json --clock virtual --until refreshed:3 --timeout 60"
    done = subprocess.run(
        [SCRIPTS / "keyfob", *words.split(), *more, "--board", board, "--heap", str(heap)],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0 and b'"event": "error"' not in done.stdout
