"""The window in real Chromium, over whole runs of `keyfob sim`."""

import contextlib
import io
import json
import queue
import re
import subprocess
import sysconfig
import threading
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from virtual_port import needs_vm

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

pytestmark = pytest.mark.browser

SCRIPTS = Path(sysconfig.get_path("scripts"))
expect.set_options(timeout=20_000)  # ms

SMALLEST_TARGET = 44  # CSS pixels, what a thumb hits
PATIENCE = 20  # s

# Runs on the board: tells each level of the button's pin, and lights the LED at the end.
WATCH = """
from machine import Pin
button, led = Pin(0, Pin.IN, Pin.PULL_UP), Pin(2, Pin.OUT)
while not button.value():
    pass  # the simulated person, who is asked to press it when the board boots
seen = [1]
led.value(0)
print("watching")
while len(seen) < 5:
    if button.value() != seen[-1]:
        seen.append(button.value())
led.value(1)
print("levels", seen)
"""


class Run:
    """A running `keyfob sim`, whose events come one after the other."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [SCRIPTS / "keyfob", "sim", "--json", "--until", "forever", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self._events = queue.Queue()
        self._seen = []
        threading.Thread(target=self._read, daemon=True).start()
        self.url = self.next("window")["url"]

    def _read(self):
        for line in self.process.stdout:
            self._events.put(json.loads(line))

    def next(self, name, /, **members):
        """The next event of that name and with these members; those before it are gone."""
        while True:
            try:
                event = self._events.get(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError(f"no {name} {members} after {self._seen}") from None
            self._seen.append(event)
            if event["event"] == name and members.items() <= event.items():
                return event

    def stop(self):
        self.process.terminate()
        return self.process.wait(PATIENCE)


@pytest.fixture
def sim():
    """Start a run that nobody approves."""
    runs = []

    def start(board, *arguments):
        runs.append(Run("--board", board, "--approve", "never", *arguments))
        return runs[-1]

    yield start
    for run in runs:
        run.process.kill()
        run.process.wait()
        run.process.stdout.close()


@pytest.fixture
def look(chromium):
    """Open a window; what its page complains of fails the test."""
    contexts, complaints = [], []

    def open_page(run, **options):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: m.type == "error" and complaints.append(m.text))
        page.goto(run.url)
        return page

    open_page.complaints = complaints
    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@contextlib.contextmanager
def killed(process):
    """See to it that a test that fails does not wait for `process`."""
    try:
        yield
    finally:
        process.kill()


def read_qr(page):
    """What a phone before the screen would read, or None."""
    picture = Image.open(io.BytesIO(page.locator("#picture").screenshot()))
    codes = zxingcpp.read_barcodes(picture)
    if not codes:
        return None
    scheme, host, path = re.fullmatch("(.*://)(.*?)(/.*)", codes[0].text).groups()
    return scheme.lower() + host.lower() + path  # these may be in capitals, which saves modules


@pytest.mark.parametrize(
    ("board", "runtime"),
    [
        pytest.param("esp32-ssd1306", "micropython", marks=needs_vm),
        ("lilygo-t-display", "cpython"),
        ("esp32-generic", "cpython"),
    ],
)
def test_a_phone_can_read_the_code_that_the_board_drew(sim, look, board, runtime):
    run = sim(board, "--runtime", runtime)
    page = look(run)
    code = run.next("user_code")
    run.next("screen", name="user_code")
    expect(page.locator("#screen")).to_have_text("user code")
    expect(page.get_by_label("Code", exact=True)).to_have_text(code["user_code"])
    picture = page.locator("#picture")
    expect(picture).to_be_visible()
    scale = picture.evaluate("e => e.clientWidth / e.naturalWidth")
    assert scale == int(scale) >= 1
    assert picture.evaluate("e => e.clientHeight / e.naturalHeight") == scale
    assert picture.evaluate("e => getComputedStyle(e).imageRendering") == "pixelated"
    assert read_qr(page) == code["verification_uri_complete"]
    link = page.get_by_role("link", name="Open the verification page")
    assert link.get_attribute("href") == code["verification_uri_complete"]
    if board == "esp32-generic":
        expect(page.locator("#console")).to_contain_text(code["user_code"])


@needs_vm
def test_a_button_reaches_the_firmware_and_its_led_the_page(sim, look, tmp_path):
    port = tmp_path / "tty"
    run = sim("esp32-ssd1306", "--serial", port)
    run.next("screen", name="starting")
    page = look(run)
    command = [SCRIPTS / "mpremote", "connect", f"port:{port}", "exec", WATCH]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as mpremote,
        killed(mpremote),
    ):
        log = page.get_by_role("log", name="Serial log")
        expect(log).to_contain_text("watching")
        expect(page.locator("#led")).to_have_text("off")
        button = page.get_by_role("button", name="BOOT")
        button.hover()
        page.mouse.down()
        expect(button).to_have_attribute("aria-pressed", "true")
        page.mouse.up()
        expect(button).to_have_attribute("aria-pressed", "false")
        button.press("Space", delay=50)
        assert "levels [1, 0, 1, 0, 1]" in mpremote.communicate(timeout=PATIENCE)[0]
    expect(page.locator("#led")).to_have_text("on")
    expect(page.locator("#lamp")).to_have_class("on")
    expect(log).to_contain_text("levels [1, 0, 1, 0, 1]")


def test_approving_on_the_page_links_the_board(sim, look):
    run = sim("esp32-ssd1306", "--runtime", "cpython")
    page = look(run)
    run.next("user_code")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("button", name="Approve")).to_be_hidden()
    run.next("linked", account="Ana Alves")
    requests = page.get_by_role("region", name="Requests to the mock server")
    expect(requests.get_by_role("row", name="approved by admin")).to_be_visible()
    for request in ("POST /oauth/device_authorization 200", "POST /oauth/token 200"):
        expect(requests.get_by_role("row", name=request)).to_be_visible()
    expect(page.locator("#no-code")).to_be_visible()
    machine = page.locator("#serial .machine", has_text='"linked"').first
    colours = [
        element.evaluate("e => getComputedStyle(e).color")
        for element in (machine, page.locator("#serial"))
    ]
    assert colours[0] != colours[1]


def test_trouble_made_on_the_page_reaches_the_board_and_so_does_the_end(sim, look):
    run = sim("lilygo-t-display", "--runtime", "cpython")
    page = look(run)
    run.next("user_code")
    page.get_by_role("button", name="Deny").click()
    run.next("screen", name="denied")
    page.get_by_role("button", name="Reset").click()  # the firmware itself has ended by now
    assert run.next("boot")["cause"] == "reset"
    expect(page.get_by_role("log")).to_contain_text("boot: reset")
    run.next("user_code")
    wifi = page.get_by_role("switch", name="Wi-Fi")
    wifi.click()
    run.next("fault", do="wifi_lost", over=False)
    expect(wifi).to_have_attribute("aria-checked", "false")
    wifi.click()
    run.next("fault", do="wifi_lost", over=True)
    expect(wifi).to_have_attribute("aria-checked", "true")
    run.stop()
    expect(page.get_by_role("status")).to_have_text("The run has ended: it was stopped.")
    expect(page.get_by_role("button", name="Reset")).to_be_disabled()
    look.complaints[:] = [c for c in look.complaints if "ERR_" not in c]  # Chromium's, of the end


def test_it_fits_a_phone_in_the_dark(sim, look):
    run = sim("m5stack-core", "--runtime", "cpython")
    run.next("user_code")
    page = look(
        run,
        viewport={"width": 360, "height": 740},
        device_scale_factor=3,
        is_mobile=True,
        has_touch=True,
        color_scheme="dark",
    )
    expect(page.locator("#picture")).to_be_visible()
    for width in (360, 320):
        page.set_viewport_size({"width": width, "height": 740})
        # The page scales the picture once it is told of the new size.
        page.wait_for_function("width => document.documentElement.scrollWidth == width", arg=width)
        glass = page.locator("#glass").bounding_box()
        for target in page.locator("button:visible, a:visible, #picture").all():
            box = target.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["height"] >= SMALLEST_TARGET, target.inner_text()
        picture = page.locator("#picture").bounding_box()
        assert glass["x"] < picture["x"]
        assert picture["x"] + picture["width"] < glass["x"] + glass["width"]
    background = page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor")
    assert max(int(part) for part in background[4:-1].split(",")) < 64
