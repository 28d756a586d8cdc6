"""The window without a browser: what it tells, what it does to a board, and whom it refuses."""

import io
import json
import re
import subprocess
import sys
import threading
import time
from importlib.machinery import PathFinder
from types import SimpleNamespace
from typing import Any
from urllib.request import urlopen

import pytest
import zxingcpp
from board_run import RUNTIMES, run_board
from PIL import Image

from keyfob_host.boards import load_board
from keyfob_sim import cli
from keyfob_sim.dashboard.controls import Controls
from keyfob_sim.dashboard.routes import make_app
from keyfob_sim.dashboard.view import View
from keyfob_sim.dashboard.window import Window
from keyfob_sim.hardware.board import VirtualBoard
from keyfob_sim.hardware.clock import SharedClock
from keyfob_sim.run.board_faults import Faults

PORT = 8123
ORIGIN = f"http://127.0.0.1:{PORT}"
RESET = {"do": "trigger", "name": "reset"}
ADDRESS = "http://127.0.0.1:8400/device?user_code=ABCD-EFGH"


class IdleRuntime:
    """Does at once what it is asked to do soon."""

    def __init__(self) -> None:
        self.reboots: list[str] = []
        self.has_ended = False

    def call_soon(self, callback: Any) -> None:
        if self.has_ended:
            raise RuntimeError("Event loop is closed")
        callback()

    def reboot(self, cause: str) -> None:
        self.reboots.append(cause)


class Desk:
    """A window over a board that nothing runs, asked without a socket."""

    def __init__(self, folder, board, runtime, clock, server):
        self.board = VirtualBoard(load_board(board), folder, SharedClock(virtual=clock))
        self.view = View(self.board)
        self.board.changed = self.view.bump
        self.runtime = IdleRuntime()
        self.said = []
        watcher = SimpleNamespace(ended=False, say=lambda *event: self.said.append(event))
        faults = Faults((), self.board, self.runtime, watcher)
        controls = Controls(self.board, self.runtime, runtime, faults, self.view.bump)
        options = SimpleNamespace(runtime=runtime, clock="virtual" if clock else "real")
        app = make_app(options, self.view, controls, server, PORT)
        self.http = app.test_client()

    def get(self, path, **headers):
        return self.http.get(path, base_url=ORIGIN, headers=headers)

    def post(self, path, **body):
        return self.http.post(path, base_url=ORIGIN, json=body)

    def do(self, action, name):
        return self.post("/do", do=action, name=name)

    def state(self, query=""):
        return self.get("/state" + query).json

    def picture(self):
        answer = self.get("/picture.png")
        assert answer.mimetype == "image/png"
        return Image.open(io.BytesIO(answer.data))

    def show_code(self, address=ADDRESS, user_code="ABCD-EFGH"):
        members = {"user_code": user_code, "verification_uri": "http://127.0.0.1:8400/device"}
        self.view.add_event("user_code", {**members, "verification_uri_complete": address})


@pytest.fixture
def make_desk(tmp_path):
    desks = []

    def make(board="esp32-ssd1306", runtime="micropython", virtual=False, server=None):
        desks.append(Desk(tmp_path, board, runtime, virtual, server))
        return desks[-1]

    yield make
    for desk in desks:
        desk.board.close()


@pytest.fixture
def desk(make_desk):
    return make_desk()


# The page


def test_the_page_names_the_board_and_what_it_has(make_desk):
    page = make_desk("m5stack-core").get("/").text
    assert "<h1>m5stack-core</h1>" in page
    assert load_board("m5stack-core").title in page
    assert re.findall('data-button="(.*?)"', page) == ["A", "B", "C"]
    assert 'id="led"' not in page
    assert 'id="console"' not in page
    assert 'id="requests"' not in page  # there is no embedded server
    assert "data-decision" not in page


@pytest.mark.parametrize(("runtime", "there"), [("micropython", True), ("cpython", False)])
def test_power_is_cut_only_where_the_runtime_survives_it(make_desk, runtime, there):
    desk = make_desk(runtime=runtime)
    assert ("power_cut" in desk.get("/").text) is there
    assert desk.do("trigger", "power_cut").status_code == (200 if there else 400)


def test_nothing_comes_from_elsewhere(desk):
    policy = desk.get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    for part in ("/", "/static/window.css", "/static/window.js"):
        answer = desk.get(part)
        assert answer.status_code == 200
        assert "://" not in answer.text


# Buttons and faults


def test_a_button_is_held_and_let_go(make_desk):
    desk = make_desk("lilygo-t-display")
    level = desk.board.pins.level
    assert desk.do("hold", "right").status_code == 200
    assert (level(0), level(35)) == (1, 0)
    assert desk.state()["held"] == {"left": False, "right": True}
    desk.do("release", "right")
    assert (level(0), level(35)) == (1, 1)
    assert desk.state()["held"] == {"left": False, "right": False}


def test_where_time_leaps_a_button_is_let_go_by_the_board_s_clock(make_desk):
    desk = make_desk(virtual=True)
    desk.do("hold", "BOOT")
    desk.do("release", "BOOT")
    assert desk.board.pins.level(0) == 0  # or the firmware would not have seen it
    desk.board.clock.skip(1)
    desk.board.clock.run_due()
    assert desk.board.pins.level(0) == 1


@pytest.mark.parametrize(
    ("name", "before", "after", "look"),
    [
        ("clock_unset", False, True, lambda desk: desk.board.rtc.seconds() < 60),
        ("reset", [], ["reset"], lambda desk: list(desk.runtime.reboots)),
        ("power_cycle", [], ["power_on"], lambda desk: list(desk.runtime.reboots)),
        ("power_cut", None, "torn", lambda desk: desk.board.power.operation()),
    ],
)
def test_a_fault_is_triggered(desk, name, before, after, look):
    desk.board.rtc.set(10**9)
    desk.board.power.start()
    assert look(desk) == before
    assert desk.do("trigger", name).json == {"done": True}
    assert look(desk) == after
    assert desk.said[0][0] == "fault"


@pytest.mark.parametrize(
    ("name", "fault", "works"),
    [
        ("wifi", "wifi_lost", lambda board: board.access_point.up and not board.uplink.is_silent),
        ("dns", "dns_fails", lambda board: board.uplink.dns),
        ("time_server", "time_server_fails", lambda board: board.has_time_server),
    ],
)
def test_a_switch_goes_off_and_on_again(desk, name, fault, works):
    assert desk.state()["switches"] == {"wifi": True, "dns": True, "time_server": True}
    for action, is_on in (("off", False), ("on", True)):
        version = desk.state()["version"]
        assert desk.do(action, name).json == {"done": True}
        assert works(desk.board) is is_on
        state = desk.state(f"?since={version}")
        assert [other for other, on in state["switches"].items() if not on] == (
            [] if is_on else [name]
        )
    assert [(members["do"], members["over"]) for _, members in desk.said] == [
        (fault, False),
        (fault, True),
    ]


def test_whoever_asks_for_what_there_is_not_is_told(desk):
    for path, body in (
        ("/do", {"do": "trigger", "name": "flood"}),
        ("/do", {"do": "off", "name": "reset"}),
        ("/do", {"do": "on", "name": "moon"}),
        ("/do", {"do": "hold", "name": "A"}),
        ("/do", {"do": "release", "name": "A"}),
        ("/do", {"do": "break", "name": "BOOT"}),
        ("/do", {"do": "trigger"}),
        ("/do", {"do": "trigger", "name": 1}),
        ("/do", {"do": "trigger", "name": "reset", "more": "x"}),
        ("/decision", {"user_code": "ABCD-EFGH", "decision": "approve"}),
    ):
        answer = desk.post(path, **body)
        assert answer.status_code == 400, body
        assert answer.json["error"]
    assert "release" in desk.do("break", "BOOT").json["error"]
    assert desk.runtime.reboots == desk.said == []


def test_nothing_can_be_done_to_a_board_that_nobody_runs(desk):
    desk.runtime.has_ended = True
    assert desk.do("trigger", "reset").status_code == 409
    assert desk.do("hold", "BOOT").status_code == 409


# Whom it refuses


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1:1", "[::1]"])
def test_another_name_is_refused(desk, host):
    for path in ("/", "/state", "/picture.png", "/static/window.js"):
        assert desk.http.get(path, base_url=f"http://{host}").status_code == 403
    answer = desk.http.post("/do", base_url=f"http://{host}", json=RESET)
    assert answer.status_code == 403
    assert desk.runtime.reboots == []


@pytest.mark.parametrize("origin", ["http://evil.example", "null", f"http://localhost:{PORT}"])
def test_another_origin_is_refused(desk, origin):
    headers = {"Origin": origin}
    assert desk.http.post("/do", base_url=ORIGIN, json=RESET, headers=headers).status_code == 403
    assert desk.get("/state", Origin=origin).status_code == 403
    assert desk.runtime.reboots == []
    headers = {"Origin": ORIGIN}
    assert desk.http.post("/do", base_url=ORIGIN, json=RESET, headers=headers).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_form_is_refused(desk, kind):
    body = json.dumps(RESET)
    answer = desk.http.post("/do", base_url=ORIGIN, data=body, content_type=kind)
    assert answer.status_code == 415
    assert desk.http.get("/do", base_url=ORIGIN).status_code == 405
    assert desk.runtime.reboots == []


# Pictures


def test_the_picture_is_what_the_panel_shows_and_is_drawn_once(make_desk, monkeypatch):
    desk = make_desk("esp32-ssd1306")
    drawn = []
    draw = desk.board.picture
    monkeypatch.setattr(desk.board, "picture", lambda: drawn.append(0) or draw())
    number = desk.state()["picture"]
    desk.board.i2c_write(22, 21, 0x3C, b"\x00\x8d\x14\xaf\xa5")  # pump and glass on, all dots lit
    assert desk.state()["picture"] > number
    assert drawn == []  # nobody has asked
    picture = desk.picture().convert("RGB")
    assert picture.size == (128, 64)
    assert picture.getcolors() == [(128 * 64, (255, 255, 255))]
    desk.picture()
    assert len(drawn) == 1
    desk.board.i2c_write(22, 21, 0x3C, b"\x00\xae")
    assert desk.picture().convert("L").getextrema() == (0, 0)
    assert len(drawn) == 2


def test_a_board_without_a_panel_shows_its_console_and_a_qr(make_desk):
    desk = make_desk("esp32-generic")
    assert desk.get("/picture.png").status_code == 404
    assert desk.state()["picture"] is None
    desk.view.set_screen(["Link this device", "Code  ABCD-EFGH"], ADDRESS)
    state = desk.state()
    assert state["console"] == ["Link this device", "Code  ABCD-EFGH"]
    assert state["picture"] is not None
    picture = desk.picture().convert("L")
    (code,) = zxingcpp.read_barcodes(picture.resize((picture.width * 4, picture.height * 4)))
    assert code.text == ADDRESS
    desk.view.set_screen(["Linked"], None)
    assert desk.state()["picture"] is None
    assert desk.get("/picture.png").status_code == 404


def test_a_panel_s_texts_are_not_shown_twice(desk):
    desk.view.set_screen(["x"], ADDRESS)
    assert desk.state()["console"] is None


def test_the_led_is_told(desk):
    desk.board.pins.configure(2, 3, -1)
    assert desk.state()["led"] is False
    version = desk.state()["version"]
    desk.board.pins.write(2, 1)
    state = desk.state(f"?since={version}")
    assert state["led"] is True
    assert state["colour"] is None


def test_the_colour_of_an_rgb_led_is_told(make_desk):
    desk = make_desk("esp32c3-generic")
    assert 'id="led"' in desk.get("/").text
    wave = (400, 850, 800, 450)
    desk.board.bitstream(8, wave, b"\x01\x02\x03")
    assert desk.state()["led"] is False  # its pin is an input
    desk.board.pins.configure(8, 3, -1)
    desk.board.bitstream(7, wave, b"\x01\x02\x03")
    assert desk.state()["led"] is False
    desk.board.bitstream(8, wave, b"\x01\x02\x03")
    assert (desk.state()["led"], desk.state()["colour"]) == (True, [2, 1, 3])
    desk.board.pins.write(8, 1)
    desk.board.reset()
    assert desk.state()["led"] is True  # it keeps its colour over a reset of the chip
    desk.board.power_off()
    assert (desk.state()["led"], desk.state()["colour"]) == (False, [0, 0, 0])


# News


def ask(desk, answers):
    """Ask for what comes next, and return once that question waits."""
    version = desk.state()["version"]
    before = desk.view._looked_at
    asking = threading.Thread(target=lambda: answers.append(desk.state(f"?since={version}")))
    asking.start()
    deadline = time.monotonic() + 5
    while desk.view._looked_at == before:
        assert time.monotonic() < deadline
    return asking


def test_an_answer_waits_for_news(desk):
    answers = []
    asking = ask(desk, answers)
    assert answers == []
    desk.view.add_line("hello")
    asking.join(5)
    assert [line["text"] for line in answers[0]["serial"]] == ["hello"]


def test_who_waits_is_told_of_the_end(desk):
    answers = []
    asking = ask(desk, answers)
    ending = threading.Thread(target=lambda: desk.view.end("its goal is reached"))
    ending.start()
    asking.join(5)
    assert answers[0]["ended"] == "its goal is reached"
    desk.state(f"?since={answers[0]['version']}")  # as the page does once it knows
    assert desk.view._page_has_ended.is_set()
    ending.join(5)
    assert not ending.is_alive()


def test_the_serial_log_goes_on_from_where_the_page_is(desk):
    desk.view.add_line('@{"event": "screen", "name": "starting"}')
    desk.view.add_line("Traceback")
    desk.view.add_event("boot", {"cause": "reset"})
    lines = desk.state()["serial"]
    assert [(line["kind"], line["text"]) for line in lines] == [
        ("machine", '@{"event": "screen", "name": "starting"}'),
        ("text", "Traceback"),
        ("note", "boot: reset"),
    ]
    assert desk.state(f"?serial={lines[1]['n']}")["serial"] == lines[2:]
    for number in range(600):
        desk.view.add_line(str(number))
    kept = desk.state()["serial"]
    assert len(kept) == 500
    assert kept[-1]["text"] == "599"
    desk.view.add_line("x" * 100_000)
    assert len(desk.state(f"?serial={kept[-1]['n']}")["serial"][0]["text"]) == 2000


def test_the_screen_s_name_and_the_code_come_and_go(desk):
    assert desk.state()["code"] is None
    desk.show_code()
    desk.view.add_event("screen", {"name": "user_code"})
    state = desk.state()
    assert state["screen"] == "user_code"
    assert state["code"] == {"user_code": "ABCD-EFGH", "address": ADDRESS, "pending": False}
    desk.view.add_event("error", {"fatal": False})
    assert desk.state()["code"] is not None
    for event, members in (
        ("linked", {}),
        ("denied", {}),
        ("expired", {}),
        ("boot", {"cause": "reset"}),
        ("error", {"fatal": True}),
    ):
        desk.show_code()
        desk.view.add_event(event, members)
        assert desk.state()["code"] is None, event


def test_a_server_cannot_make_the_page_link_to_a_script(desk):
    desk.show_code("javascript:alert(1)")
    assert desk.state()["code"]["address"] is None


# The embedded server beside it


@pytest.fixture
def served(make_desk, bench):
    desk = make_desk(server=SimpleNamespace(realm=bench.realm))
    bench.realm.log.added = desk.view.bump
    return desk


def test_a_code_is_approved_and_denied(served, bench):
    for decision, error in (("approve", None), ("deny", "access_denied")):
        codes = bench.authorize()
        served.show_code(user_code=codes["user_code"])
        assert served.state()["code"]["pending"] is True
        body = {"user_code": codes["user_code"], "decision": decision}
        assert served.post("/decision", **body).json == {"done": True}
        assert served.state()["code"]["pending"] is False
        assert served.post("/decision", **body).status_code == 409
        assert bench.poll(codes["device_code"]).json.get("error") == error
    body["decision"] = "perhaps"
    assert served.post("/decision", **body).status_code == 400


def test_requests_are_shown_without_a_secret(served, bench):
    version = served.state()["version"]
    codes = bench.authorize("post")
    bench.poll(codes["device_code"], "post")
    bench.realm.decide(codes["user_code"], bench.realm.user("ana"), "page")
    tokens = bench.poll(codes["device_code"], "post").json
    bench.refresh(tokens["refresh_token"], "post")
    bench.get("userinfo_endpoint", tokens["access_token"])
    state = served.state(f"?since={version}")
    requests = state["requests"]
    answers = [(r["method"], r["status"], r["error"]) for r in requests if r["kind"] == "request"]
    assert answers == [
        ("POST", 200, None),
        ("POST", 400, "authorization_pending"),
        ("POST", 200, None),
        ("POST", 200, None),
        ("GET", 200, None),
    ]
    (decision,) = [r for r in requests if r["kind"] == "decision"]
    assert (decision["decision"], decision["by"]) == ("approved", "page")
    told = json.dumps(state)
    for secret in (
        codes["device_code"],
        tokens["access_token"],
        tokens["refresh_token"],
        bench.secret("post"),
    ):
        assert secret not in told
    last = requests[-1]["n"]
    assert served.state(f"?requests={last}")["requests"] == []


# A whole run


def test_the_window_hears_of_everything(desk, bench):
    options = SimpleNamespace(runtime="micropython", clock="real")
    progress = SimpleNamespace(reached=True, failure=None)
    simulation, report = SimpleNamespace(progress=progress), SimpleNamespace()
    server = SimpleNamespace(realm=bench.realm)
    with Window(options, desk.board, desk.runtime, None, simulation, report, server) as window:

        def state(query=""):
            with urlopen(window.url + "state" + query, timeout=5) as answer:
                return json.load(answer)

        assert simulation.window == window.url
        desk.board.pins.configure(2, 3, -1)
        for happen, look, seen in (
            (lambda: desk.board.pins.write(2, 1), lambda now: now["led"], True),
            (lambda: simulation.on_line("hello"), lambda now: now["serial"][-1]["text"], "hello"),
            (lambda: report.notify("screen", {"name": "wifi"}), lambda now: now["screen"], "wifi"),
            (bench.authorize, lambda now: now["requests"][-1]["status"], 200),
        ):
            version = state()["version"]
            happen()
            now = state(f"?since={version}")
            assert now["version"] > version
            assert look(now) == seen
            assert "headers" not in str(now["requests"])
        simulation.on_screen([], None)  # nothing: it has a panel
    with pytest.raises(OSError, match="refused"):
        state()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_run_tells_of_its_window_once(capsys, runtime):
    run = run_board(capsys, "--runtime", runtime, "--clock", "virtual", "--approve", "auto")
    assert run.exit_code == 0, run
    names = [event["event"] for event in run.events]
    assert names[names.index("boot") + 1] == "window"
    assert run.only("window")["url"].startswith("http://127.0.0.1:")


def test_a_person_reads_where_the_window_is(capsys):
    assert cli.main(["sim", "--clock", "virtual", "--approve", "auto", "--until", "linked"]) == 0
    out = capsys.readouterr().out.splitlines()
    (at,) = [number for number, line in enumerate(out) if line.startswith("Window  http://127.")]
    assert out[at - 1].startswith("Virtual board")


def test_nothing_heavy_is_imported_before_somebody_looks():
    code = "import sys, keyfob_sim.sim; print({'flask', 'authlib'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_page_is_served_as_ever_while_the_firmware_starts(capsys, monkeypatch):
    names = ("time", "os", "asyncio")  # which the firmware's are not the host's
    real = {name: sys.modules[name] for name in names}
    loaded, disturbed = [], []

    find = PathFinder.find_spec

    def spy(name, *where):
        if name.startswith("keyfob."):
            loaded.append(name)
            disturbed.extend(name for name in names if sys.modules[name] is not real[name])
        return find(name, *where)

    monkeypatch.setattr(PathFinder, "find_spec", spy)
    run = run_board(capsys, "--runtime", "cpython", "--clock", "virtual", "--approve", "auto")
    assert run.exit_code == 0, run
    assert "keyfob.net.clock" in loaded
    assert disturbed == []
