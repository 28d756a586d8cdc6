"""Power lost at every flash operation of a board's life, in the real VM on real littlefs.

A cut costs a link only where there was none before it, and costs nobody's patience: the board
boots and goes on by itself.
"""

import json
import shutil
from collections import Counter
from dataclasses import dataclass
from typing import get_args

import pytest
from board_run import RUNTIMES, UNLINK_BY_BUTTON, board_files, run_board, stored_record

from keyfob_sim import sim
from keyfob_sim.hardware.power import How

HOWS = get_args(How)
SAMPLE = 12  # of so many operations, `make test` cuts each in one way
AUTO = ("--clock", "virtual", "--approve", "auto")

# A main.py that gives a link from before its boot back, and refreshes one of its own.
UNLINKING = b"""
from keyfob.compat import tidy_heap
tidy_heap()
from keyfob.app import App, run

class Unlinking(App):
    def notify(self, event, members):
        if event == "linked":
            self.is_old = members["stored"]
        super().notify(event, members)

    async def idle(self):
        await (self.link.unlink() if self.is_old else self.link.refresh())

run(Unlinking)
"""

# A main.py whose power goes one second after it has asked for new tokens, which is before it
# asks again, and comes back after a while.
CUT_OFF = """
from keyfob.compat import tidy_heap
tidy_heap()
import asyncio
import machine
from keyfob import AccountLink
from keyfob.app import App, print_event, run

class CutOff(App):
    async def run(self):
        async with AccountLink.from_config(notify=print_event) as link:
            await link.ensure_linked()
            if machine.reset_cause() == machine.PWRON_RESET:
                asked = asyncio.create_task(link.refresh())
                await asyncio.sleep(1)
                machine.deepsleep({ms})
            await link.refresh()

run(CutOff)
"""

# Twice, as a request on a connection that was kept is made again at once.
LOST = """
[[fault]]
on = "wifi"
do = "server"
endpoint = "token"
{how} = true
times = 2
"""


@pytest.fixture
def step(whole):
    return 1 if whole else SAMPLE


@dataclass
class Place:
    """Where a sweep begins: a state folder to copy, None for a blank board."""

    base: object
    work: object

    def fresh(self):
        shutil.rmtree(self.work, ignore_errors=True)
        if self.base is not None:
            shutil.copytree(self.base, self.work)
        return self.work


@pytest.fixture
def linked(tmp_path, capsys):
    """A board that was linked, and refreshed since: both of its slots are in use."""
    base = tmp_path / "linked"
    run = run_board(capsys, *AUTO, "--state-dir", base, "--until", "refreshed")
    assert run.exit_code == 0
    return Place(base, tmp_path / "work")


@pytest.fixture
def former(linked):
    """The same with the link as the first format kept it."""
    record = stored_record(linked.base)
    with board_files(linked.base) as files:
        for slot in ("/link-account.0", "/link-account.1"):
            files.remove(slot)
        with files.open("/link-account.json", "w", encoding="utf-8") as file:
            json.dump(record, file)
    return linked


class Sweep:
    """Runs a board once for each cut, and counts what became of it."""

    def __init__(self, capsys, place, step):
        self._capsys = capsys
        self._place = place
        self._step = step
        self.ends = Counter()

    def runs(self, *arguments, until="refreshed"):
        """Yield each run whose power went before an event `until`, and its events since."""
        for how in HOWS:
            op = 1 + self._step // len(HOWS) * HOWS.index(how)
            while True:
                run = run_board(
                    self._capsys, *AUTO, "--state-dir", self._place.fresh(), *arguments,
                    "--until", "refreshed", "--power-cut", f"{op}:{how}",
                )  # fmt: skip
                before, after = split(run)
                if until in [event["event"] for event in before]:
                    break
                yield run, after
                op += self._step

    def report(self, name):
        """Print what became of the board."""
        told = ", ".join(f"{count} {end}" for end, count in sorted(self.ends.items()))
        print(f"{name}: {sum(self.ends.values())} cuts, {told}")
        assert sum(self.ends.values()) >= len(HOWS)


def split(run):
    """The events before the cut, and those from it on."""
    at = [event["event"] for event in [*run.events, {"event": "power_cut"}]].index("power_cut")
    return run.events[:at], run.events[at:]


def new_codes(events):
    """The codes of these events that no reset had interrupted."""
    return [event for event in events if event["event"] == "user_code" and not event["resumed"]]


def goes_on(run, after):
    """See that a board boots after the cut and refreshes by itself."""
    assert run.exit_code == 0, run
    assert [event["cause"] for event in after if event["event"] == "boot"] == ["power_on"], run
    assert after[-2]["event"] == "refreshed", run
    assert not run.of("error"), run


@pytest.mark.sweep
def test_link(capsys, tmp_path, step):
    sweep = Sweep(capsys, Place(None, tmp_path / "work"), step)
    for run, after in sweep.runs(until="linked"):
        goes_on(run, after)
        resumed = run.of("user_code")[-1]["resumed"]
        codes = len(new_codes(after))
        assert codes <= 1, run
        sweep.ends["fresh codes" if codes else "codes resumed" if resumed else "links kept"] += 1
    sweep.report("link")
    assert len(sweep.ends) == 3 or step > 1


@pytest.mark.sweep
@pytest.mark.parametrize("base", ["linked", "former"])
def test_refresh(capsys, request, step, base):
    """From either format: the first refresh after an update migrates the link."""
    sweep = Sweep(capsys, request.getfixturevalue(base), step)
    for run, after in sweep.runs():
        goes_on(run, after)
        sweep.ends["re-links" if run.of("user_code") else "recovered"] += 1
    sweep.report({"linked": "refresh with rotation", "former": "migration"}[base])
    assert not sweep.ends["re-links"]


def test_unlink(capsys, linked, main):
    """The link is over at the server, and comes back by the owner's will alone."""
    main(UNLINKING)
    sweep = Sweep(capsys, linked, 1)
    for run, after in sweep.runs(until="unlinked"):
        assert not [event for event in run.of("error") if event["kind"] != "provider"], run
        if not new_codes(after):  # it still had its tokens, and the server knows them no more
            assert run.complaint[0].startswith("the provider has ended the link"), run
            again = run_board(capsys, *AUTO, "--state-dir", linked.work, "--until", "refreshed")
            assert new_codes(again.events), again
            assert again.exit_code == 0, again
            sweep.ends["ended at the next request"] += 1
        else:
            goes_on(run, after)
            sweep.ends["unlinked"] += 1
    sweep.report("unlink")
    assert len(sweep.ends) == 2


@pytest.mark.sweep
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_window_that_no_client_can_close(
    capsys, linked, main, monkeypatch, tmp_path, runtime, whole
):
    """The server has rotated, no byte of its reply has arrived, and the power goes.

    Only a server that grants the old token some grace can be come back to, and in time only.
    """
    scenario = tmp_path / "lost.toml"
    held = {}
    for rotation in ("off", "grace", "strict", "family"):
        for how in ("drop", "lost"):
            for seconds in (1, 30, 90) if whole or rotation == "grace" else (1,):
                main(CUT_OFF.format(ms=seconds * 1000).encode())
                scenario.write_text(LOST.format(how=how))
                monkeypatch.setattr(sim, "ROTATION", rotation)
                run = run_board(
                    capsys, *AUTO, "--state-dir", linked.fresh(), "--runtime", runtime,
                    "--until", "refreshed", "--faults", scenario,
                )  # fmt: skip
                assert [event["cause"] for event in run.of("boot")] == ["power_on", "deepsleep"], (
                    run.stdout[-900:]
                )
                assert run.of("user_code") == []
                held[rotation, how, seconds] = run.exit_code == 0
                if run.exit_code:
                    assert run.complaint[0].startswith("the provider has ended the link"), run
    print("rotation  reply              power off   link")
    for (rotation, how, seconds), kept in held.items():
        reply = "lost after commit" if how == "lost" else "never carried out"
        print(f"{rotation:9} {reply:18} {seconds:6} s   {'held' if kept else 'lost'}")
        assert kept == (
            how == "drop" or rotation == "off" or (rotation == "grace" and seconds < 60)
        )


# Once a code is up the power goes; once linked, a held press and a short one unlink, and the
# board is reset.
WITH_BUTTON = """
[[fault]]
on = "user_code"
after = 2
do = "power_cut"

[[fault]]
on = "unlinked"
after = 5
do = "reset"
"""


def test_a_board_with_a_button_waits_for_a_press_only_where_nothing_is_under_way(capsys, tmp_path):
    scenario = tmp_path / "faults.toml"
    scenario.write_text(UNLINK_BY_BUTTON + WITH_BUTTON)
    run = run_board(
        capsys, *AUTO, "--board", "esp32-ssd1306", "--faults", scenario, "--until", "refreshed"
    )
    assert run.exit_code == 0, run
    boots = [[]]
    for event in run.events:
        if event["event"] == "boot":
            boots.append([])
        elif event["event"] in ("screen", "user_code"):
            boots[-1].append(event.get("name") or event["user_code"])
    _, first, resumed, unlinked = boots
    assert "press" in first
    assert "press" not in resumed
    assert resumed[resumed.index("user_code") - 1] == first[first.index("user_code") - 1]
    assert unlinked.index("press") < unlinked.index("user_code")
    assert [code["resumed"] for code in run.of("user_code")] == [False, True, False]
