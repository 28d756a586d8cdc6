"""The README's own code, as it is printed, on boards with a panel: over TLS, in their own heap."""

import io
import json
import re
import ssl
import threading
import time
import urllib.request
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from virtual_port import PATIENCE, VirtualPort, needs_vm

ROOT = Path(__file__).parents[2]
API = "https://api.example.com/v1/me"

pytestmark = needs_vm


def example(name: str) -> str:
    """The Python of a README that makes a link from a configuration."""
    text = (ROOT / name).read_text("utf-8")
    (found,) = [
        code
        for code in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        if "from_config" in code
    ]
    return found


class Board(VirtualPort):
    """A board that runs a program, and its server."""

    def __init__(self, folder: Path, board: str, *options: str) -> None:
        super().__init__(folder, "--board", board, "--https", "--clock", "virtual", *options)
        self.wait_for("window")
        told = {event["event"]: event for event in self.events}
        self.server = told["server"]
        self._window = str(told["window"]["url"])
        self.said = ""

    def begin(self, program: str) -> threading.Thread:
        def run() -> None:
            self.said = self.run(program)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def picture(self) -> Image.Image:
        with urllib.request.urlopen(self._window + "picture.png") as reply:
            return Image.open(io.BytesIO(reply.read()))

    def approve(self, code: str) -> None:
        request = urllib.request.Request(
            str(self.server["admin"]) + "/approve",
            json.dumps({"user_code": code}).encode(),
            {"Content-Type": "application/json"},
        )
        context = ssl.create_default_context(cafile=str(self.server["ca"]))
        urllib.request.urlopen(request, context=context).close()


def code_on(board: Board) -> str:
    """The address of the first symbol that can be read off the board's panel."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = zxingcpp.read_barcodes(board.picture())
        if found:
            return str(found[0].text)
        time.sleep(0.1)
    raise AssertionError("no symbol on the panel")


@pytest.mark.parametrize("board", ["esp32-ssd1306", "lilygo-t-display"])
@pytest.mark.parametrize("name", ["README.md", "firmware/README.md"])
def test_the_example_links_by_the_panel_and_calls_the_api(tmp_path, board, name):
    port = Board(tmp_path, board)
    try:
        program = example(name)
        assert API in program
        blank = port.picture().tobytes()
        running = port.begin(program.replace(API, str(port.server["api"])))
        address = code_on(port)
        assert address.upper().startswith(str(port.server["verification_uri"]).upper())
        with_code = port.picture().tobytes()
        port.approve(address.partition("=")[2])
        running.join(PATIENCE)
        assert not running.is_alive()
        assert "'" in port.said or "{" in port.said, port.said
        assert "Traceback" not in port.said
        assert port.picture().tobytes() not in (blank, with_code), "it says that it is linked"
        assert not zxingcpp.read_barcodes(port.picture())
    finally:
        port.stop()
