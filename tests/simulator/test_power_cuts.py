"""Power lost at every flash operation of a board's life, in the real VM on real littlefs.

A cut costs a link only where there was none before it, and costs nobody's patience: the board
boots and goes on by itself. Each sweep records one run and boots from what a cut at any of its
operations leaves, which is what `--power-cut` leaves, as the first test proves.
"""

import json
import shutil
from collections import Counter
from dataclasses import dataclass
from typing import get_args

import pytest
from board_run import RUNTIMES, UNLINK_BY_BUTTON, board_files, run_board, stored_record
from power_record import record_run

from keyfob_sim import sim
from keyfob_sim.hardware.power import How

HOWS = get_args(How)
SAMPLE = 12  # of so many operations, `make test` cuts each in one way
AUTO = ("--clock", "virtual", "--approve", "auto")
GOAL = ("--until", "refreshed")

# A main.py that gives a link from before its boot back, and refreshes one of its own.
UNLINKING = b"""
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

    def blank(self):
        shutil.rmtree(self.work, ignore_errors=True)
        return self.work

    def fresh(self):
        self.blank()
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
    """Boots a board from what is left by each cut in a run, and counts what became of it."""

    def __init__(self, capsys, place, step):
        self._capsys = capsys
        self._place = place
        self._step = step
        self.ends = Counter()

    def cut(self, end_of, until="refreshed"):
        """Cut before an event `until`; `end_of(run)` checks and names what the next run came to.

        A cut before an operation leaves what one after the last does, unless the server has moved
        on between them: nothing is run from the same place twice.
        """
        run, record = record_run(self._capsys, self._place.fresh(), *AUTO, *GOAL)
        assert until in run.names, run
        assert not run.of("error"), run
        count = sum(until not in operation.events for operation in record.operations)
        ends = {}
        for how in HOWS:
            for op in range(1 + self._step // len(HOWS) * HOWS.index(how), count + 1, self._step):
                left = record.play(op, how, self._place.blank()), record.operations[op - 1].server
                if left not in ends:
                    ends[left] = end_of(self.boot())
                self.ends[ends[left]] += 1

    def boot(self):
        """Run a board from where it was left."""
        return run_board(self._capsys, *AUTO, "--state-dir", self._place.work, *GOAL)

    def report(self, name):
        """Print what became of the board."""
        told = ", ".join(f"{count} {end}" for end, count in sorted(self.ends.items()))
        print(f"{name}: {sum(self.ends.values())} cuts, {told}")
        assert sum(self.ends.values()) >= len(HOWS)


def new_codes(run):
    """The codes of a run that no reset had interrupted."""
    return [event for event in run.of("user_code") if not event["resumed"]]


def goes_on(run):
    """See that a board boots and refreshes by itself."""
    assert run.exit_code == 0, run
    assert [event["cause"] for event in run.of("boot")] == ["power_on"], run
    assert run.events[-2]["event"] == "refreshed", run
    assert not run.of("error"), run


@pytest.mark.parametrize("how", HOWS)
def test_what_a_cut_leaves_is_played_back_byte_for_byte(capsys, tmp_path, linked, how):
    """A real cut, its operations played back, and those of a run that nobody cut."""
    _, whole = record_run(capsys, linked.fresh(), *AUTO, *GOAL)
    op = 1 + len(whole.operations) // 2
    cut, record = record_run(capsys, linked.fresh(), *AUTO, *GOAL, "--power-cut", f"{op}:{how}")
    assert cut.only("power_cut")["op"] == op
    places = [[each.place for each in row.operations[:op]] for row in (record, whole)]
    assert places[0] == places[1]
    for row in (record, whole):
        left = row.play(op, how, linked.blank())
        assert left == record.left or row is whole  # whose tokens are others
        run = run_board(capsys, *AUTO, "--state-dir", linked.work, *GOAL)
        after = ["server", *cut.names[cut.names.index("power_cut") + 1 :]]
        assert _in_order(run.names) == _in_order(after)
        goes_on(run)


def _in_order(names):
    """The events but the call of the API, which runs beside the refresh and may end later."""
    return [name for name in names if name != "api"]


@pytest.mark.sweep
def test_link(capsys, tmp_path, step):
    def end_of(run):
        goes_on(run)
        codes = len(new_codes(run))
        assert codes <= 1, run
        return "fresh codes" if codes else "codes resumed" if run.of("user_code") else "links kept"

    sweep = Sweep(capsys, Place(None, tmp_path / "work"), step)
    sweep.cut(end_of, until="linked")
    sweep.report("link")
    assert len(sweep.ends) == 3 or step > 1


@pytest.mark.sweep
@pytest.mark.parametrize("base", ["linked", "former"])
def test_refresh(capsys, request, step, base):
    """From either format: the first refresh after an update migrates the link."""

    def end_of(run):
        goes_on(run)
        return "re-links" if run.of("user_code") else "recovered"

    sweep = Sweep(capsys, request.getfixturevalue(base), step)
    sweep.cut(end_of)
    sweep.report({"linked": "refresh with rotation", "former": "migration"}[base])
    assert not sweep.ends["re-links"]


def test_unlink(capsys, linked, main):
    """The link is over at the server, and comes back by the owner's will alone."""

    def end_of(run):
        assert not [event for event in run.of("error") if event["kind"] != "provider"], run
        if new_codes(run):
            goes_on(run)
            return "unlinked"
        # It still had its tokens, and the server knows them no more.
        assert run.complaint[0].startswith("the provider has ended the link"), run
        again = sweep.boot()
        assert new_codes(again), again
        assert again.exit_code == 0, again
        return "ended at the next request"

    main(UNLINKING)
    sweep = Sweep(capsys, linked, 1)
    sweep.cut(end_of, until="unlinked")
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
