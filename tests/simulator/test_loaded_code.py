"""What of keyfob is in a board's RAM while it waits: code that is done with is let go."""

from pathlib import Path

from virtual_port import VirtualPort, needs_vm

from keyfob_sim.run.board_files import vm_arch

PROGRAM = """
import sys
from keyfob.compat import tidy_heap
tidy_heap()
from keyfob.app import App, run
class Listing(App):
    def notify(self, event, members):
        if event in ("user_code", "linked", "refreshed"):
            loaded = [name[7:] for name in sys.modules if name.startswith("keyfob.")]
            print("LOADED", event, " ".join(sorted(loaded)))
        App.notify(self, event, members)
    async def idle(self):
        await self.link.refresh()
run(Listing)
"""

ALWAYS = """
app compat errors events link link.account link.provider net net.clock net.http net.online oauth
oauth.messages oauth.profile oauth.ticks storage storage.on_demand ui ui.buttons ui.displays
ui.displays.i2c ui.displays.oled ui.displays.ssd1306 ui.led ui.screens
"""
# While the screen of the code is drawn, which takes the most.
FOR_A_CODE = " link.approve oauth.device_grant oauth.outcome"
# Machine code stays: an ESP32 would not free it.
SINCE_A_CODE = " ui.qr_viper" if vm_arch() else ""
FOR_A_LINK = SINCE_A_CODE + " oauth.token_set"

pytestmark = needs_vm


def test_code_that_is_done_with_is_let_go(tmp_path: Path) -> None:
    port = VirtualPort(
        tmp_path, "--https", "--chain", "ec", "--approve", "auto", "--clock", "virtual"
    )
    try:
        told = port.run(PROGRAM)
    finally:
        port.stop()
    lines = [line.split() for line in told.splitlines() if line.startswith("LOADED")]
    loaded = {event: sorted(names) for _, event, *names in lines}
    assert loaded["user_code"] == sorted((ALWAYS + FOR_A_CODE).split())
    assert loaded["linked"] == sorted((ALWAYS + FOR_A_LINK).split())
    assert loaded["refreshed"] == sorted((ALWAYS + FOR_A_LINK + " link.refresh").split())
