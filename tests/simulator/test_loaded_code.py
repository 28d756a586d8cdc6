"""What of keyfob is in a board's RAM while it waits: code that is done with is let go.

Names are not: their pools are only ever added, each as large as all before it and more.
"""

import re
from pathlib import Path

from virtual_port import VirtualPort, needs_vm

from keyfob_host.firmware import compiler
from keyfob_host.firmware.module_names import short_modules
from keyfob_host.resources import firmware_dir
from keyfob_sim.run.board_files import vm_arch

PROGRAM = """
import micropython, sys
from keyfob.app import App, run
class Listing(App):
    def notify(self, event, members):
        if event in ("user_code", "linked", "refreshed"):
            loaded = [name[7:] for name in sys.modules if name.startswith("keyfob.")]
            print("LOADED", event, " ".join(sorted(loaded)))
            micropython.qstr_info()
        App.notify(self, event, members)
    async def idle(self):
        await self.link.refresh()
run(Listing)
"""

ALWAYS = "_keys _oled _ssd1306 app base compat link"
# While the screen of the code is drawn, which takes the most.
FOR_A_CODE = " _approve"
# Machine code stays: an ESP32 would not free it.
SINCE_A_CODE = " _qr_viper" if vm_arch() else ""
FOR_A_LINK = SINCE_A_CODE + " _refresh"

pytestmark = needs_vm


# In MicroPython's pools but for the one of 640, without those of the user's own program.
# Some 160 are the simulator's, for what a chip has in ROM.
NAMES = 20 + 40 + 80 + 160 + 320 - 30


def test_code_that_is_done_with_is_let_go(tmp_path: Path) -> None:
    port = VirtualPort(
        tmp_path, "--https", "--chain", "ec", "--approve", "auto", "--clock", "virtual"
    )
    try:
        told = port.run(PROGRAM)
    finally:
        port.stop()
    lines = [line.split() for line in told.splitlines() if line.startswith("LOADED")]
    files = compiler.packed_files(compiler.texts(firmware_dir()))
    long = {short[7:]: name[7:] for name, short in short_modules(files).items()}
    loaded = {event: sorted(long.get(name, name) for name in names) for _, event, *names in lines}
    assert loaded["user_code"] == sorted((ALWAYS + FOR_A_CODE).split())
    assert loaded["linked"] == sorted((ALWAYS + FOR_A_LINK).split())
    assert loaded["refreshed"] == sorted((ALWAYS + FOR_A_LINK).split())
    names = [int(found) for found in re.findall(r"n_qstr=(\d+)", told)]
    assert len(names) == len(loaded)
    assert max(names) <= NAMES
