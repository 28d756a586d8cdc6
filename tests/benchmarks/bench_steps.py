"""What RAM a board has left, step by step: today's virtual board beside an ESP32 in November 2026.

That was the firmware of commit aa4023c on an emulated ESP32 with MicroPython 1.24 and an EC chain.
The virtual board counts in a chip's bytes, too (`keyfob_sim/hardware/chip_memory.py`); its ms are
those of this machine, and say nothing about a board's.
"""

import json
from pathlib import Path

import pytest
from virtual_port import VirtualPort, needs_vm

from keyfob_host.board.steps import Step, step_table
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
