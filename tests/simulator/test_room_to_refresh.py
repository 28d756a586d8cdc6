"""A board whose program leaves little RAM: it refreshes, or asks for nothing.

The server takes no refresh token twice. So tokens that it issued and the board lost are the end.
"""

import json
import re

from board_run import run_board

from keyfob_host.resources import firmware_dir
from keyfob_sim import sim

# `--heap` so that the Python heap does not grow, as it does on a chip.
OPTIONS = ("--runtime", "micropython", "--clock", "virtual", "--approve", "auto", "--https")
OPTIONS = (*OPTIONS, "--heap", "180k", "--scope", "openid offline_access profile")

# For each of LEVELS: hold all RAM but so many bytes, in blocks of 256, and refresh; then with that
# RAM free again.
MAIN = """
import asyncio, gc
from keyfob.app import App, run
from keyfob.errors import KeyfobError

def hold(level):
    gc.collect()
    held = []
    while gc.mem_free() > level:
        held.append(bytearray(256))
    return held

class Hoarder(App):
    async def _refresh(self):
        try:
            await self.link.refresh()
            return "refreshed"
        except KeyfobError as error:
            return error.kind
        except MemoryError:
            return "memory"

    async def idle(self):
        for level in LEVELS:
            held = hold(level)
            result = await self._refresh()
            del held
            gc.collect()
            await asyncio.sleep(self.link.pause / 1000 + 0.1)
            again = await self._refresh()
            self.emit("tried", {"level": level, "result": result, "again": again})

run(Hoarder)
"""


def _told_in_readme():
    """What the firmware's README says that a program has to leave, in bytes."""
    text = (firmware_dir() / "README.md").read_text(encoding="utf-8")
    found = re.search(r"Leave (\d+) KB of Python's heap free", text)
    assert found is not None
    return int(found[1]) * 1024


def test_tokens_that_there_is_no_room_for_are_not_asked_for(capsys, main, monkeypatch):
    monkeypatch.setattr(sim, "ROTATION", "strict")
    enough = _told_in_readme()
    levels = [enough, *range(enough - 1024, enough - 6 * 1024, -256), enough]
    main(MAIN.replace("LEVELS", json.dumps(levels)).encode())
    run = run_board(capsys, *OPTIONS, "--until", f"refreshed:{2 * len(levels)}")
    tried = run.of("tried")
    assert [event["level"] for event in tried] == levels, run
    assert {event["again"] for event in tried} == {"refreshed"}, tried
    assert {event["result"] for event in tried} == {"refreshed", "memory"}, tried
    results = {event["level"]: event["result"] for event in tried}
    assert results[enough] == tried[-1]["result"] == "refreshed"
    assert results[levels[-2]] == "memory"
    for level, result in results.items():
        print(f"{level:>7} bytes free: {result}")
