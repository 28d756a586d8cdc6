"""`keyfob sim --faults` and `--power-cut`: what befalls a board on purpose."""

import contextlib
import itertools
import os
import re
import shlex
import signal
import socket
from pathlib import Path

import pytest
import zxingcpp
from board_run import RUNTIMES, UNLINK_BY_BUTTON, run_board
from PIL import Image

from keyfob_host.boards import load_board
from keyfob_host.report.events import Report
from keyfob_sim import sim as simulator
from keyfob_sim.hardware.board import PASSWORD, SSID, VirtualBoard
from keyfob_sim.hardware.clock import SharedClock
from keyfob_sim.micropython.runtime import compile_rom
from keyfob_sim.micropython.vm import PACKET, Boot, Vm
from keyfob_sim.run.board_faults import ACTIONS, EVENTS, Fault, Faults

SIMULATOR = Path(__file__).parents[2] / "simulator"
SCENARIOS = sorted(SIMULATOR.glob("scenarios/*.toml"))
README = SIMULATOR / "README.md"
AUTO = ("--clock", "virtual", "--approve", "auto")
SECRET = "not-for-any-log"

# A main.py that tells of every change of the button on pin 0, until it has been let go.
WATCHING = b"""
import asyncio
from machine import Pin
from keyfob.app import App, run

class Watching(App):
    async def run(self):
        button = Pin(0, Pin.IN, Pin.PULL_UP)
        for level in (0, 1):
            while button.value() != level:
                await asyncio.sleep(0.01)
            self.emit("button", {"level": level})
        self.emit("expired", {})
        self.emit("screen", {"name": "expired"})

run(Watching)
"""

# A main.py that tells of two things in one breath, which is where one of them is lost.
HASTY = b"""
import asyncio
from keyfob.app import App, run

class Hasty(App):
    async def run(self):
        for first, second in (("wifi", "clock"), ("expired", "screen")):
            self.emit(first, {"state": "joined"})
            self.emit(second, {"name": "expired", "state": "set"})
            await asyncio.sleep(1)

run(Hasty)
"""

# A main.py that waits for a server which says nothing.
PATIENT = """
from keyfob.compat import tidy_heap
tidy_heap()
from keyfob.app import App, run
from keyfob.errors import TransportError
from keyfob.net import wifi
from keyfob.net.clock import Clock
from keyfob.net.http import HttpClient
from keyfob.oauth.messages import get_request

class Patient(App):
    async def run(self):
        await wifi.join([{{"ssid": "{ssid}", "password": "{password}"}}], Clock())
        try:
            await HttpClient().send(get_request("http://127.0.0.1:{port}/"), 25000)
        except TransportError:
            self.emit("expired", {{}})
            self.emit("screen", {{"name": "expired"}})

run(Patient)
"""


@pytest.fixture
def scenario(tmp_path):
    """Write a scenario; return the options that name it."""

    def write(text):
        path = tmp_path / "faults.toml"
        path.write_text(text, "utf-8")
        return "--faults", str(path)

    return write


@pytest.fixture
def leaps(monkeypatch):
    """How many seconds have passed at once from a poll's leaving to its reply."""
    made = []
    skip = SharedClock.skip

    def note(clock, seconds):
        made.append((clock.t(), seconds))
        skip(clock, seconds)

    monkeypatch.setattr(SharedClock, "skip", note)
    return lambda poll: sum(by for t, by in made if poll["sent"] - 0.002 <= t <= poll["t"])


@pytest.fixture
def late_at(monkeypatch):
    """Have a run's time be over at the `count`-th event of a name, however busy the machine is."""

    def arrange(name, count):
        events = iter(range(count - 1))
        say = Report.say

        @contextlib.contextmanager
        def limit(seconds, late):
            def hear(report, event, members):
                say(report, event, members)
                if event == name and next(events, None) is None:
                    late()

            with monkeypatch.context() as patch:
                patch.setattr(Report, "say", hear)
                yield

        monkeypatch.setattr(simulator, "_wall_limit", limit)

    return arrange


@pytest.fixture(params=RUNTIMES)
def sim(request, capsys):
    return lambda *arguments: run_board(capsys, "--runtime", request.param, *arguments)


@pytest.fixture
def vm(capsys):
    return lambda *arguments: run_board(capsys, "--runtime", "micropython", *arguments)


def fault(do, when, **fields):
    """One [[fault]]; `when` is a time in seconds or the name of an event."""
    members = {"on" if isinstance(when, str) else "at": when, "do": do, **fields}
    lines = [f"{name} = {_toml(value)}" for name, value in members.items()]
    return "\n".join(["[[fault]]", *lines, ""])


def _toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(of)}" for name, of in value.items()) + " }"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def times(run, name):
    return [event["t"] for event in run.of(name)]


def causes(run):
    return [event["cause"] for event in run.of("boot")]


def told(run):
    """What happened to the board, and what it did then, without what only time decides."""
    members = ("event", "do", "over", "cause", "op", "name", "result", "state", "source", "status")
    return [[event.get(name) for name in members] for event in run.events]


# The network


def test_wifi_lost_while_polling_costs_neither_the_link_nor_time(sim, scenario, leaps, tmp_path):
    run = sim(
        *AUTO, *scenario(fault("wifi_lost", "poll", **{"for": 600})),
        "--board", "esp32-ssd1306", "--screens", tmp_path / "screens",
    )  # fmt: skip
    assert run.exit_code == 0
    lost, back = run.of("fault")
    assert (lost["do"], lost["over"], lost["for"]) == ("wifi_lost", False, 600)
    assert (back["do"], back["over"]) == ("wifi_lost", True)
    assert back["t"] - lost["t"] == pytest.approx(600, abs=1)
    during = [poll["result"] for poll in run.of("poll") if lost["t"] < poll["t"] < back["t"]]
    assert len(during) > 2
    assert set(during) == {"retry"}
    assert leaps(run.of("poll")[1]) > 5  # of the ten seconds that a board waits for an answer
    assert run.of("poll")[-1]["result"] == "approved"
    assert run.only("linked")["t"] > back["t"]
    # The code has stayed, and so has its screen.
    address = run.only("user_code")["verification_uri_complete"]
    (offline,) = [screen for screen in run.of("screen") if screen["name"] == "offline"]
    (code,) = zxingcpp.read_barcodes(_enlarged(offline["png"]))
    assert code.text.lower() == address.lower()


def _enlarged(path):
    picture = Image.open(path).convert("L")
    bordered = Image.new("L", (picture.width + 16, picture.height + 16), picture.getpixel((0, 0)))
    bordered.paste(picture, (8, 8))
    return bordered.resize((bordered.width * 6, bordered.height * 6), Image.Resampling.NEAREST)


def test_wifi_lost_ends_a_wait_that_was_a_real_one(sim, scenario, leaps, main):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        main(PATIENT.format(ssid=SSID, password=PASSWORD, port=port).encode())
        run = sim("--clock", "virtual", "--until", "expired", *scenario(fault("wifi_lost", 3)))
    assert run.exit_code == 0
    assert leaps({"sent": run.only("fault")["t"], "t": run.only("expired")["t"]}) > 15


def test_wifi_back_ends_a_loss_before_its_time(sim, scenario):
    run = sim(
        *AUTO,
        *scenario(
            fault("wifi_lost", "poll", **{"for": 1000}) + fault("wifi_back", "poll", after=30)
        ),
    )
    assert run.exit_code == 0
    assert [(each["do"], each["over"]) for each in run.of("fault")] == [
        ("wifi_lost", False),
        ("wifi_back", False),
    ]
    assert run.only("linked")["t"] < 100


def test_an_access_point_that_is_not_there_at_first(sim, scenario):
    run = sim(*AUTO, *scenario(fault("wifi_lost", 0, **{"for": 6})))
    assert run.exit_code == 0
    assert run.only("wifi")["state"] == "joined"
    assert run.only("wifi")["t"] > 6


@pytest.mark.parametrize("when", [0, "poll"])
def test_another_password_keeps_the_board_out_until_it_is_the_old_one(sim, scenario, when):
    run = sim(*AUTO, *scenario(fault("wrong_password", when, **{"for": 8})))
    assert run.exit_code == 0
    wrong, right = run.of("fault")
    assert (wrong["over"], right["over"]) == (False, True)
    if when == 0:
        assert run.only("wifi")["t"] > right["t"]
    else:
        assert [poll["result"] for poll in run.of("poll")] == ["pending", "retry", "approved"]


def test_another_password_for_good_is_told_once_and_tried_for_ever(sim, scenario, late_at):
    late_at("wifi", 12)
    run = sim(*AUTO, *scenario(fault("wrong_password", 0)))
    assert run.exit_code == 1
    assert {event["state"] for event in run.of("wifi")} == {"failed"}
    gaps = [after - before for before, after in itertools.pairwise(times(run, "wifi"))]
    assert len(gaps) > 5
    assert all(60 < gap < 100 for gap in gaps[5:])
    trouble, timeout = run.of("error")
    assert (trouble["kind"], trouble["fatal"]) == ("network", False)
    assert f"{SSID} has another password" in trouble["message"]
    assert timeout["kind"] == "timeout"
    assert len(run.of("fault")) == 1


@pytest.mark.parametrize("do", ["wifi_lost", "wrong_password"])
def test_a_router_that_is_slower_than_the_board(sim, scenario, do):
    run = sim(*AUTO, *scenario(fault(do, 0, **{"for": 300})))
    assert run.exit_code == 0
    *failed, joined = [event["state"] for event in run.of("wifi")]
    assert len(failed) > 2
    assert set(failed) == {"failed"}
    assert joined == "joined"
    assert 300 < times(run, "wifi")[-1] < 380
    assert [screen["name"] for screen in run.of("screen")][:5] == [
        "starting",
        "wifi",
        "no_wifi",
        "clock",
        "user_code",
    ]
    assert not any(error["fatal"] for error in run.of("error"))


def test_a_linked_board_that_boots_without_wifi_is_linked_and_comes_back(sim, scenario):
    run = sim(
        *AUTO, "--until", "refreshed:2",
        *scenario(fault("wifi_lost", "api", **{"for": 200}) + fault("reset", "api", after=30)),
    )  # fmt: skip
    assert run.exit_code == 0
    boot = times(run, "boot")[1]
    after = [event for event in run.of("wifi") if event["t"] > boot]
    assert after[0]["state"] == "failed"
    assert after[-1]["state"] == "joined"
    linked = run.of("linked")[-1]
    assert linked["stored"] is True
    assert boot < linked["t"] < after[-1]["t"]
    assert not any(error["fatal"] for error in run.of("error"))


@pytest.mark.parametrize("seconds", [40, 400])
def test_a_running_board_notices_that_wifi_went_and_that_it_is_back(sim, scenario, seconds):
    run = sim(
        *AUTO, "--until", "refreshed",
        *scenario(fault("wifi_lost", "api", **{"for": seconds})),
    )  # fmt: skip
    assert run.exit_code == 0
    states = [event["state"] for event in run.of("wifi")]
    assert states[:2] == ["joined", "lost"]
    assert states[-1] == "joined"
    assert ("failed" in states) == (seconds > 60)
    gone, back = times(run, "wifi")[1], times(run, "wifi")[-1]
    begun, over = times(run, "fault")
    assert begun < gone < begun + 20
    assert over < back < over + 80


def test_dns_that_fails_for_a_while(sim, scenario):
    # The connection of the linking is closed by then, so the refresh needs the name.
    run = sim(
        *AUTO, "--host", "localhost", "--until", "refreshed",
        *scenario(fault("dns_fails", "api", **{"for": 3400})),
    )  # fmt: skip
    assert run.exit_code == 0
    begun, over = run.of("fault")
    assert over["t"] - begun["t"] == pytest.approx(3400, abs=1)
    errors = run.of("error")
    assert {(error["kind"], error["fatal"]) for error in errors} == {("network", False)}
    assert all(begun["t"] < error["t"] < over["t"] for error in errors)
    assert run.only("refreshed")["t"] > over["t"]


@pytest.mark.parametrize(
    ("dead", "https"),
    [(["silent", "refused"], ()), (["refused", "refused"], ("--https", "--chain", "ec"))],
)
def test_each_address_of_a_name_is_tried(sim, scenario, dead, https):
    run = sim(
        *AUTO, *https, "--host", "localhost",
        *scenario(fault("addresses", 0, host="localhost", to=[*dead, "127.0.0.1"])),
    )  # fmt: skip
    assert run.exit_code == 0
    assert run.of("error") == []
    assert len(run.of("linked")) == 1


def test_a_name_whose_addresses_are_all_dead(sim, scenario):
    run = sim(
        *AUTO, "--host", "localhost", "--board", "xiao-esp32c3",  # which tries once
        *scenario(fault("addresses", 0, host="localhost", to=["refused", "refused"])),
    )  # fmt: skip
    assert run.exit_code == 1
    assert run.only("error")["kind"] == "network"


def test_without_dns_nobody_finds_a_time_server(sim, scenario):
    run = sim(*AUTO, *scenario(fault("dns_fails", 0)))
    assert run.exit_code == 0  # the embedded server has an address, no name
    assert run.only("clock")["state"] == "unknown"


def test_a_time_server_that_fails(sim, scenario):
    run = sim(
        *AUTO,
        *scenario(fault("time_server_fails", 0, **{"for": 10}) + fault("reset", "poll", after=4)),
    )
    assert run.exit_code == 0
    assert [(clock["state"], clock["source"]) for clock in run.of("clock")] == [
        ("unknown", None),
        ("set", "ntp"),
    ]


def test_over_tls_a_reply_tells_the_time_that_no_time_server_tells(sim, scenario):
    run = sim(
        *AUTO,
        "--https",
        "--chain",
        "ec",
        "--until",
        "refreshed",
        *scenario(fault("time_server_fails", 0)),
    )
    assert run.exit_code == 0
    assert [(clock["state"], clock["source"]) for clock in run.of("clock")] == [
        ("unknown", None),
        ("set", "http"),
    ]
    assert run.of("clock")[1]["t"] < 40


@pytest.mark.parametrize("days", [90, -90])
def test_over_tls_a_clock_that_jumps_is_put_right(sim, scenario, days):
    run = sim(
        *AUTO, "--https", "--chain", "ec", "--until", "refreshed:2",
        *scenario(fault("clock_jump", "refreshed", seconds=days * 86_400)),
    )  # fmt: skip
    assert run.exit_code == 0
    assert [clock["source"] for clock in run.of("clock")] == ["ntp", "http"]
    first, second = times(run, "refreshed")
    assert 3000 < second - first < 3400  # whose time the clock's jumps do not touch


def test_a_time_server_that_answers_late_is_asked_again(sim, scenario):
    run = sim(
        *AUTO, "--until", "refreshed",
        *scenario(fault("time_server_fails", 0, **{"for": 600})),
    )  # fmt: skip
    assert run.exit_code == 0
    unknown, known = run.of("clock")
    assert (unknown["state"], known["state"], known["source"]) == ("unknown", "set", "ntp")
    assert 600 < known["t"] < 1300


# The server


def test_an_answer_of_the_scenario_s(sim, scenario):
    run = sim(
        *AUTO,
        *scenario(
            fault("server", "user_code", endpoint="token", status=503, times=2,
                  headers={"Retry-After": "20", "X-Secret": SECRET}, body=SECRET)
        ),
    )  # fmt: skip
    assert run.exit_code == 0
    assert [poll["result"] for poll in run.of("poll")] == [
        "retry",
        "retry",
        "pending",
        "approved",
    ]
    assert all(poll["interval"] > 20 for poll in run.of("poll")[:2])
    assert run.only("fault").keys() == {
        "event",
        "t",
        "do",
        "over",
        "endpoint",
        "status",
        "times",
    }
    assert SECRET not in run.stdout + run.stderr


def test_an_answer_as_a_table_is_json(vm, scenario):
    answer = {"error": "slow_down"}
    run = vm(*AUTO, *scenario(fault("server", "user_code", endpoint="token", status=400,
                                    body=answer)))  # fmt: skip
    assert run.of("poll")[0]["result"] == "slow_down"
    assert run.of("poll")[0]["interval"] > 10


@pytest.mark.parametrize(
    ("way", "polls"), [("drop", ["retry", "pending", "approved"]), ("lost", ["retry", "approved"])]
)
def test_a_reply_that_does_not_come(sim, scenario, way, polls):
    run = sim(
        *AUTO,
        *("--until", "refreshed"),
        *scenario(
            fault("server", "user_code", endpoint="token", **{way: True})
            + fault("server", "linked", endpoint="userinfo", **{way: True})
        ),
    )
    assert run.exit_code == 0
    # The server may have read it, so the board asks again after the pause of a failed poll.
    first, *others = run.of("poll")
    assert [poll["result"] for poll in (first, *others)] == polls
    assert others[0]["sent"] - first["t"] > 9
    # A userinfo that is not answered costs nothing.
    assert (run.only("error")["kind"], run.only("error")["fatal"]) == ("network", False)
    assert run.of("api") == []
    assert run.only("refreshed")["rotated"] is True


def test_a_server_that_takes_its_time_costs_none(sim, scenario, leaps):
    run = sim(
        *AUTO,
        *scenario(
            fault("server", "user_code", endpoint="token", delay=9)
            + fault("server", "user_code", endpoint="token", delay=60, status=500)
        ),
    )
    assert run.exit_code == 0
    slow, given_up, *rest = run.of("poll")
    assert (slow["result"], round(slow["t"] - slow["sent"])) == ("pending", 9)
    assert leaps(slow) > 5
    # After ten seconds the board waits no longer; what still sleeps at the server holds up nobody.
    assert (given_up["result"], round(given_up["t"] - given_up["sent"])) == ("retry", 10)
    assert leaps(given_up) > 5
    assert [poll["result"] for poll in rest] == ["approved"]
    assert rest[0]["t"] - rest[0]["sent"] < 2


# Power, resets, time


@pytest.mark.parametrize("do", ["reset", "watchdog"])
def test_a_reset_boots_the_board_again(sim, scenario, do):
    run = sim(*AUTO, *scenario(fault(do, "user_code", after=2)))
    assert run.exit_code == 0
    assert causes(run) == ["power_on", do]
    assert [clock["source"] for clock in run.of("clock")] == ["ntp", "rtc"]  # it kept the time
    assert run.only("fault")["t"] == pytest.approx(times(run, "user_code")[0] + 2, abs=0.5)
    at = run.names.index("fault")
    assert run.names[at + 1] == "boot"
    assert run.only("linked")["stored"] is False


def test_a_reset_with_the_real_clock(sim, scenario):
    run = sim("--approve", "never", *scenario(fault("reset", 0.5)), "--timeout", "2")
    assert causes(run)[:2] == ["power_on", "reset"]
    assert times(run, "boot")[1] == pytest.approx(0.5, abs=0.5)


def test_a_board_that_is_being_reset_says_no_more(sim, scenario, main):
    main(HASTY)
    run = sim("--clock", "virtual", "--until", "expired", *scenario(fault("reset", "wifi")))
    assert run.exit_code == 0
    assert run.names == [
        "server",
        "boot",
        "wifi",
        "fault",
        "boot",
        "wifi",
        "clock",
        "expired",
        "end",
    ]


def test_a_power_cut_at_once(vm, scenario):
    run = vm(*AUTO, *scenario(fault("power_cut", "user_code")))
    assert run.exit_code == 0
    at = run.names.index("fault")
    assert run.names[at : at + 3] == ["fault", "power_cut", "boot"]
    assert run.only("power_cut")["op"] is None
    assert causes(run) == ["power_on", "power_on"]
    assert [clock["source"] for clock in run.of("clock")] == ["ntp", "ntp"]  # the RTC lost it


@pytest.mark.parametrize("how", ["none", "torn", "done"])
def test_a_power_cut_at_a_flash_operation_from_now(vm, scenario, how):
    run = vm(*AUTO, *scenario(fault("power_cut", "user_code", op=2, how=how)))
    assert run.exit_code == 0
    assert run.only("power_cut")["op"] > 2  # the code on the screen had been kept before
    assert causes(run) == ["power_on", "power_on"]
    assert len(run.of("linked")) == 1


def test_the_option_for_the_commonest(vm):
    run = vm(*AUTO, "--power-cut", "1:none")
    assert run.exit_code == 0
    assert run.only("power_cut")["op"] == 1
    assert causes(run) == ["power_on", "power_on"]
    again = vm(*AUTO, "--power-cut", "100000")
    assert (again.exit_code, again.of("power_cut"), causes(again)) == (0, [], ["power_on"])
    assert again.of("fault") == []


def test_a_brown_out_comes_with_the_next_start_of_the_radio(sim, scenario):
    run = sim(*AUTO, *scenario(fault("brown_out", 0) + fault("brown_out", "user_code")
                               + fault("reset", "user_code", after=3)))  # fmt: skip
    assert run.exit_code == 0
    assert causes(run) == ["power_on", "power_on", "reset", "power_on"]
    assert [each["do"] for each in run.of("fault")] == ["brown_out", "reset", "brown_out"]
    first = run.of("fault")[0]
    assert first["t"] < times(run, "wifi")[0]


@pytest.mark.parametrize(
    ("do", "fields", "source"),
    [
        ("clock_unset", {}, "ntp"),
        ("clock_jump", {"seconds": -90_000_000}, "ntp"),  # before any date that can be
        ("clock_jump", {"seconds": 7_776_000}, "rtc"),
        ("clock_jump", {"seconds": -0.5}, "rtc"),
    ],
)
def test_the_board_s_clock_is_changed(sim, scenario, do, fields, source):
    run = sim(*AUTO, *scenario(fault(do, "user_code", **fields)
                               + fault("reset", "user_code", after=1)))  # fmt: skip
    assert run.exit_code == 0
    assert [clock["source"] for clock in run.of("clock")] == ["ntp", source]


def test_a_clock_jumps_by_so_many_seconds(tmp_path):
    board, faults, _ = _bare(tmp_path)
    board.rtc.set(1000)
    faults.trigger("clock_jump", {"seconds": -250.5})
    assert board.rtc.seconds() == pytest.approx(749.5, abs=1)
    faults.trigger("clock_unset", {})
    assert board.rtc.seconds() == pytest.approx(0, abs=1)


def test_a_vm_that_dies_before_it_is_answered_takes_nobody_along(tmp_path):
    flash = tmp_path / "flash.img"
    flash.write_bytes(b"\xff" * 4096 * 16)
    vm = Vm(Boot(65536, compile_rom(tmp_path), flash, blocks=16, virtual=False, limited=False))
    assert vm.link.recv(65536)
    os.kill(vm.pid, signal.SIGKILL)
    vm.wait()
    vm.send(bytes(PACKET))
    assert vm.kill() == -signal.SIGKILL


# Buttons


def test_a_press_reaches_the_firmware(sim, scenario, main):
    main(WATCHING)
    run = sim(
        "--clock", "virtual", "--board", "esp32-ssd1306", "--until", "expired",
        *scenario(fault("press", 3, button="BOOT", **{"for": 1.5})),
    )  # fmt: skip
    assert run.exit_code == 0
    down, up = run.of("button")
    assert (down["level"], up["level"]) == (0, 1)
    assert down["t"] == pytest.approx(3, abs=0.3)
    assert up["t"] - down["t"] == pytest.approx(1.5, abs=0.3)


def test_the_first_button_is_pressed_unless_one_is_named(tmp_path):
    board, faults, _ = _bare(tmp_path, "m5stack-core")
    a, b, c = board.about.buttons
    faults.trigger("press", {"for": 60})
    assert [board.pins.level(each.pin) for each in (a, b, c)] == [0, 1, 1]
    faults.trigger("press", {"button": c.name, "for": 60})
    assert [board.pins.level(each.pin) for each in (a, b, c)] == [0, 1, 0]


# When


def test_faults_wait_for_their_time_or_their_event(tmp_path):
    scenario = (
        Fault("clock_unset", at=5),
        Fault("reset", on="poll", count=2, after=1.5),
        Fault("watchdog", on="poll"),
    )
    board, faults, run = _bare(tmp_path, scenario=scenario)
    for event in ("boot", "poll", "boot", "poll", "poll"):
        faults.see(event)
    board.clock.run_due()
    assert run.told == ["watchdog"]
    board.clock.skip(2)
    board.clock.run_due()
    assert run.told == ["watchdog", "reset"]
    board.clock.skip(2)
    board.clock.run_due()
    assert len(run.told) == 2
    board.clock.skip(2)
    board.clock.run_due()
    assert run.told == ["watchdog", "reset", "clock_unset"]
    board.clock.skip(100)
    board.clock.run_due()
    assert len(run.told) == 3


def test_a_lasting_fault_that_comes_again_lasts_from_then_on(tmp_path):
    board, faults, run = _bare(tmp_path)
    faults.trigger("dns_fails", {"for": 10})
    board.clock.skip(8)
    faults.trigger("dns_fails", {"for": 10})
    board.clock.skip(8)
    board.clock.run_due()
    assert (board.uplink.dns, run.told) == (False, ["dns_fails", "dns_fails"])
    board.clock.skip(3)
    board.clock.run_due()
    assert (board.uplink.dns, run.told[2:]) == (True, ["dns_fails over"])


def test_one_fault_of_the_network_does_not_end_another(tmp_path):
    board, faults, _ = _bare(tmp_path)
    faults.trigger("wifi_lost", {"for": 10})
    faults.trigger("wrong_password", {"for": 20})
    board.clock.skip(11)
    board.clock.run_due()
    assert (board.access_point.up, board.uplink.is_silent) == (True, True)
    board.clock.skip(11)
    board.clock.run_due()
    assert board.uplink.is_silent is False


def test_nothing_befalls_a_board_whose_run_is_over(tmp_path):
    board, faults, run = _bare(tmp_path)
    faults.trigger("wifi_lost", {"for": 10})
    run.ended = True
    board.clock.skip(11)
    board.clock.run_due()
    faults.trigger("reset", {})
    assert (run.told, run.boots) == (["wifi_lost"], [])


class _Run:
    """In place of both runtime and watcher: takes down what was told, and how it was booted."""

    def __init__(self):
        self.ended = False
        self.told = []
        self.boots = []

    def say(self, event, members):
        assert event == "fault"
        self.told.append(members["do"] + (" over" if members["over"] else ""))

    def reboot(self, cause):
        self.boots.append(cause)


def _bare(tmp_path, board="esp32-generic", scenario=()):
    """A board that runs nothing, its faults, and what they told."""
    board = VirtualBoard(load_board(board), tmp_path, SharedClock(virtual=True))
    run = _Run()
    return board, Faults(scenario, board, run, run), run


# Order


SEVERAL = (
    fault("wifi_lost", "poll", **{"for": 14})
    + fault("watchdog", "poll", count=3, after=0.25)
    + fault("brown_out", "user_code", count=2)
    + fault("server", "user_code", endpoint="token", delay=3)
    + fault("server", "user_code", endpoint="token", status=500)
    + fault("reset", "linked", after=2)
    + fault("clock_unset", "linked")
)


def test_the_same_scenario_gives_the_same_events_in_the_same_order(capsys, scenario):
    options = (*AUTO, "--until", "refreshed", *scenario(SEVERAL))
    runs = [
        run_board(capsys, "--runtime", runtime, *options) for runtime in RUNTIMES for _ in range(2)
    ]
    assert [run.exit_code for run in runs] == [0] * 4
    assert len(runs[0].of("fault")) == 8
    for run in runs[1:]:
        assert told(run) == told(runs[0])


# What there is to read


def test_a_person_reads_of_it(capsys, scenario):
    from keyfob_sim import cli

    text = fault("wifi_lost", "poll", **{"for": 30}) + fault("power_cut", "user_code")
    assert cli.main(["sim", "--runtime", "micropython", *AUTO, *scenario(text)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "fault: wifi lost (for 30)" in out
    assert "fault: wifi lost (over)" in out
    assert "fault: power cut" in out
    assert "the power went" in out


def _commands():
    """The command in each scenario's comment, for each runtime that it can be run on."""
    found = []
    for path in SCENARIOS:
        text = path.read_text("utf-8")
        (command,) = [line for line in text.splitlines() if line.startswith("#   keyfob sim ")]
        words = shlex.split(command[1:])[2:]
        for runtime in ("micropython",) if "power_cut" in text else RUNTIMES:
            found.append(pytest.param(runtime, words, id=f"{path.stem}-{runtime}"))
    return found


@pytest.mark.parametrize(("runtime", "words"), _commands())
def test_the_scenarios_that_come_with_it_end_well(capsys, monkeypatch, runtime, words):
    monkeypatch.chdir(SIMULATOR.parent)
    run = run_board(capsys, "--runtime", runtime, *words)
    assert run.exit_code == 0, run
    path = Path(words[words.index("--faults") + 1])
    dos = [line.split('"')[1] for line in path.read_text("utf-8").splitlines() if "do = " in line]
    happened = [each["do"] for each in run.of("fault") if not each["over"]]
    assert sorted(happened) == sorted(dos)


def test_between_them_they_show_every_fault():
    text = "".join(path.read_text("utf-8") for path in SCENARIOS)
    assert {do for do in ACTIONS if f'do = "{do}"' in text} == set(ACTIONS) - {"wifi_back"}


def test_the_readme_tells_of_every_fault_and_its_fields(vm, scenario):
    section = README.read_text("utf-8").partition("\n## Faults\n")[2].partition("\n## ")[0]
    table = section.partition("| `do` | its fields |")[2]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    written = {do.strip(" `"): set(re.findall(r"`(\w+)`", fields)) for _, do, fields, *_ in rows}
    assert written == {do: set(action.fields) for do, action in ACTIONS.items()}
    events = re.search(r"\| `on` \| .*: (.*) \|", section)
    assert re.findall(r"`(\w+)`", events[1]) == list(EVENTS)
    example = section.partition("```toml\n")[2].partition("```")[0]
    assert vm(*AUTO, *scenario(example)).exit_code == 0


# Refusals


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "[[fault]]"),
        ("fault = 5", "[[fault]]"),
        ("fault = []", "[[fault]]"),
        ("fault = [5]", "fault 1"),
        ("[[faults]]", "'faults'"),
        ("[[fault]]\nat = 1", "'do'"),
        ("[[fault]]\ndo = 'reset'", "'at' or 'on'"),
        ("[[fault]]\ndo = 'reset'\nat = 1\non = 'poll'", "'at' or 'on'"),
        ("[[fault]]\ndo = 'explode'\nat = 1", "'do'"),
        ("[[fault]]\ndo = ['reset']\nat = 1", "'do'"),
        (fault("reset", -1), "'at'"),
        (fault("reset", "breakfast"), "'on'"),
        ("[[fault]]\nat = 'soon'\ndo = 'reset'", "'at'"),
        ("[[fault]]\nat = inf\ndo = 'reset'", "'at'"),
        ("[[fault]]\nat = true\ndo = 'reset'", "'at'"),
        (fault("reset", 1, count=2), "'count'"),
        (fault("reset", 1, after=2), "'after'"),
        (fault("reset", "poll", count=0), "'count'"),
        (fault("reset", "poll", after=-1), "'after'"),
        (fault("reset", 1, **{"for": 2}), "'for'"),
        (fault("wifi_lost", 1, **{"for": "long"}), "'for'"),
        (fault("wifi_back", 1, **{"for": 1}), "'for'"),
        (fault("clock_jump", 1), "'seconds'"),
        (fault("clock_jump", 1, seconds="back"), "'seconds'"),
        (fault("clock_jump", 1, seconds=1e12), "'seconds'"),
        (fault("power_cut", 1, op=0), "'op'"),
        (fault("power_cut", 1, op=1, how="maybe"), "'how'"),
        (fault("power_cut", 1, how="done"), "'op'"),
        (fault("server", 1, status=500), "'endpoint'"),
        (fault("server", 1, endpoint="token"), "do nothing"),
        (fault("server", 1, endpoint="token", status=700), "'status'"),
        (fault("server", 1, endpoint="token", status=500, drop=True), "'drop'"),
        (fault("server", 1, endpoint="token", delay=1, frequency=2), "'frequency'"),
        (fault("press", 1, button=7), "'button'"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(vm, scenario, tmp_path, text, named):
    state = tmp_path / "state"
    run = vm("--state-dir", state, "--board", "esp32-ssd1306", *scenario(text))
    assert run.exit_code == 2
    assert named in run.complaint[0]
    assert "faults.toml" in run.complaint[0]
    assert run.complaint[1]
    assert run.names == ["error", "end"]
    assert run.only("error")["kind"] == "usage"
    assert not state.exists()


def test_the_fault_at_fault_is_numbered(vm, scenario):
    run = vm(*scenario(fault("reset", 1) + fault("press", 2, buton="a")))
    assert "fault 2 (press) has an unknown field 'buton'" in run.complaint[0]
    assert "button" in run.complaint[1]


def test_a_file_that_cannot_be_read(vm, tmp_path):
    for path in (tmp_path / "missing.toml", tmp_path):
        run = vm("--faults", path)
        assert (run.exit_code, str(path) in run.complaint[0]) == (2, True)


def test_a_file_that_is_no_toml(vm, scenario, tmp_path):
    assert "line 1" in vm(*scenario("[[fault]")).complaint[0]
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert vm("--faults", tmp_path / "binary").exit_code == 2


def test_a_power_cut_needs_the_vm(capsys, scenario):
    run = run_board(capsys, "--runtime", "cpython", *scenario(fault("power_cut", 1)))
    assert run.exit_code == 2
    assert "micropython runtime" in run.complaint[0]
    assert "--runtime" in run.complaint[1]


def test_another_server_goes_its_own_way(vm, scenario):
    text = fault("server", 1, endpoint="token", status=500)
    run = vm(*scenario(text), "--issuer", "http://127.0.0.1:1", "--client-id", "x")
    assert run.exit_code == 2
    assert "embedded server" in run.complaint[0]


def test_other_faults_go_with_any_server(vm, scenario, mock_server):
    run = vm(
        "--clock", "virtual", "--issuer", mock_server.description["issuer"],
        "--client-id", "keyfob-public", *scenario(fault("reset", "user_code")),
    )  # fmt: skip
    assert run.exit_code == 0
    assert causes(run) == ["power_on", "reset"]


def test_a_button_has_to_be_there(vm, scenario):
    run = vm("--board", "m5stack-core", *scenario(fault("press", 1, button="BOOT")))
    assert run.exit_code == 2
    assert "'BOOT'" in run.complaint[0]
    for name in ("a", "b", "c"):
        assert f"'{name}'" in run.complaint[1].lower()
    none = vm("--board", "esp32-generic", *scenario(fault("press", 1)))
    assert (none.exit_code, "has none" in none.complaint[0]) == (2, True)


BUTTONS = """
[[fault]]
on = "unlinked"
after = 70
do = "press"

[[fault]]
on = "unlinked"
after = 75
do = "press"
"""


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_button_unlinks_and_links_again(tmp_path, capsys, runtime):
    """Held and then pressed; a minute later one press wakes the panel, the next gets a code."""
    scenario = tmp_path / "buttons.toml"
    scenario.write_text(UNLINK_BY_BUTTON + BUTTONS)
    board = ("--board", "esp32-ssd1306", "--runtime", runtime, "--faults", scenario)
    done = run_board(capsys, *AUTO, *board, "--until", "refreshed")
    screens = [event["name"] for event in done.of("screen")]
    assert screens[screens.index("linked") :] == [
        "linked", "unlink", "unlinked", "user_code", "linked", "idle",
    ]  # fmt: skip
    assert done.only("unlinked")["revoked"] is True
    first, second = done.of("user_code")
    assert first["user_code"] != second["user_code"]
    assert second["t"] - done.only("unlinked")["t"] >= 75
    assert done.exit_code == 0


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_led_tells_of_each_state(tmp_path, capsys, runtime, monkeypatch):
    lit = []
    real = VirtualBoard._pin_changed

    def watched(board, pin, level):
        if pin == 2:
            lit.append(level)
        real(board, pin, level)

    monkeypatch.setattr(VirtualBoard, "_pin_changed", watched)
    board = ("--board", "esp32-ssd1306", "--runtime", runtime)
    assert run_board(capsys, *AUTO, *board, "--until", "refreshed").exit_code == 0
    assert lit.count(1) > 20  # it blinks for ten seconds once linked
    assert lit[-1] == 0


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_fault_may_last_longer_than_any_select(capsys, tmp_path, runtime):
    scenario = tmp_path / "faults.toml"
    scenario.write_text('[[fault]]\nat = 0\ndo = "time_server_fails"\nfor = 5_000_000\n')
    run = run_board(
        capsys, "--clock", "virtual", "--approve", "auto", "--runtime", runtime,
        "--faults", scenario, "--until", "linked",
    )  # fmt: skip
    assert run.exit_code == 0, run
    assert len(run.of("fault")) == 1


def test_an_hour_of_bare_400s_is_shown_and_rules_no_refresh_out(sim, scenario):
    page = {"endpoint": "token", "status": 400, "body": "<html>Bad Request"}
    hour = scenario(fault("server", "linked", lasts=3600, **page))
    run = sim(*AUTO, *hour, "--until", "refreshed:2")
    assert run.exit_code == 0
    assert [error["fatal"] for error in run.of("error")][:3] == [False, False, True]
    shown = [event["name"] for event in run.of("screen")]
    assert shown[-2:] == ["error", "linked"]


def test_the_end_of_a_link_rules_a_refresh_out_at_once(sim, scenario):
    end = {"endpoint": "token", "status": 400, "body": {"error": "invalid_grant"}}
    run = sim(*AUTO, *scenario(fault("server", "linked", **end)), "--until", "refreshed")
    assert run.exit_code == 1
    assert [event["name"] for event in run.of("screen")][-1] == "sign_in_again"
