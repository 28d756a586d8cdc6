"""The README's moving picture: a board goes from its code to its link, beside the phone's page.

`make readme-picture` draws it anew, by headless Chromium. A test holds it against the firmware and
the page: the board's screens are compared pixel by pixel, the page by a digest of its sources,
which is in the picture's comment, because each Chromium has letters of its own.
"""

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from PIL import Image, ImageChops, ImageDraw, ImageFont

from keyfob_sim.server import MockServer, ServerOptions, pages
from keyfob_sim.server.grants import DeviceAuthorization

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "simulator" / "images" / "link.gif"
BOARD = "m5stack-core"
CODE = "WDJB-MJHT"

SCALE = 2  # pixels of the picture for each of the panel
GLASS = (56, 56)  # where the panel begins
PANEL = (320, 240)

_ADDRESS = "https://example.com/device"
_DEVICE_CODE = "not-a-secret"
_SIZE = (1128, 696)
_PHONE = (760, 24, 1104, 672)
_PAGE = (770, 70)  # where the page begins on the phone
_PAGE_SIZE = (324, 592)
_VIEWPORT = {"width": 360, "height": 658}
_QR = (8, 38, 136, 166)  # where the panel has its QR, with some of what is around it
_DARK = (24, 28, 35)
_GROUND, _CASE, _EDGE = (226, 231, 238), (38, 43, 51), (66, 73, 84)
_KEY, _PRESSED, _INK, _SOFT = (78, 86, 98), (63, 150, 255), (214, 220, 228), (86, 96, 110)


# What is seen: a screen of the board, what the phone shows, whether a button is pressed, and for
# how many ms. The first is what is seen where pictures do not move.
SCENES = (
    ("user_code", "dark", False, 1600),
    ("user_code", "scan", False, 1600),
    ("user_code", "compare", False, 2600),
    ("user_code", "sign_in", False, 1500),
    ("user_code", "consent", False, 2600),
    ("user_code", "done", False, 1000),
    ("linked", "done", False, 3500),
    ("starting", "dark", False, 700),
    ("wifi", "dark", False, 700),
    ("press", "dark", False, 1100),
    ("press", "dark", True, 500),
)
_SOURCES = ("style.css", "base.html", "compare.html", "sign_in.html", "consent.html", "done.html")


def digest() -> str:
    """What changes with each change of the pages."""
    folder = Path(pages.__file__).with_name("templates")
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in _SOURCES)).hexdigest()


def screens() -> dict[str, Image.Image]:
    """The board's screens by name, as the simulator draws them on the way to a link."""
    with _server() as base, tempfile.TemporaryDirectory() as folder:
        provider = {
            "device_authorization_endpoint": f"{base}/code",
            "token_endpoint": f"{base}/token",
            "userinfo_endpoint": f"{base}/userinfo",
        }
        path = Path(folder, "provider.json")
        path.write_text(json.dumps(provider), encoding="utf-8")
        command = [sys.executable, "-m", "keyfob_sim.cli", "sim", "--json", "--until", "linked"]
        command += ["--board", BOARD, "--runtime", "cpython", "--clock", "virtual"]
        command += ["--provider", str(path), "--client-id", "board", "--approve", "never"]
        command += ["--scope", "openid profile"]
        command += ["--screens", str(Path(folder, "screens"))]
        subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=60)
        found = {}
        for file in sorted(Path(folder, "screens").iterdir()):
            with Image.open(file) as picture:
                found[file.stem.partition("-")[2]] = picture.convert("RGB")
        return found


class _Provider(BaseHTTPRequestHandler):
    """Gives out one code always, and tokens at the second request for them."""

    polls = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/code":
            self._answer(
                200,
                device_code=_DEVICE_CODE,
                user_code=CODE,
                verification_uri=_ADDRESS,
                verification_uri_complete=f"{_ADDRESS}?user_code={CODE}",
                expires_in=900,
                interval=5,
            )
            return
        type(self).polls += 1
        if self.polls == 1:
            self._answer(400, error="authorization_pending")
        else:
            self._answer(200, access_token="a", token_type="Bearer", refresh_token="r")

    def do_GET(self) -> None:
        self._answer(200, sub="user-ana", name="Ana Alves")

    def _answer(self, status: int, **members: Any) -> None:
        body = json.dumps(members).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _server() -> Iterator[str]:
    handler = type("Once", (_Provider,), {})  # its polls are counted from 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def kept() -> list[Image.Image]:
    """The panel in each scene of the picture, as the README has it."""
    left, top = GLASS
    box = (left, top, left + PANEL[0] * SCALE, top + PANEL[1] * SCALE)
    glasses = []
    with Image.open(PICTURE) as picture:
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            glass = picture.convert("RGB").crop(box)
            glasses.append(glass.resize(PANEL, Image.Resampling.NEAREST))
    return glasses


def comment() -> str:
    """The digest that the picture was drawn for."""
    with Image.open(PICTURE) as picture:
        return bytes(picture.info["comment"]).decode()


def _phone_pages() -> dict[str, Image.Image]:
    """The pages of the mock server by the names of their templates, on a phone."""
    from playwright.sync_api import sync_playwright

    found = {}
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    patch = mock.patch.object(DeviceAuthorization, "generate_user_code", return_value=CODE)
    with patch, MockServer(ServerOptions()) as server, sync_playwright() as playwright:
        form = {"client_id": "keyfob-public", "scope": "openid profile offline_access"}
        address = server.description["device_authorization_endpoint"]
        with urlopen(Request(address, urlencode(form).encode()), timeout=10) as answer:
            code = json.load(answer)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=_VIEWPORT, device_scale_factor=2, color_scheme="light")
        page.goto(code["verification_uri_complete"])
        for name, button in (
            ("compare", "Yes, it is the same"),
            ("sign_in", "Ana Alves"),
            ("consent", "Approve"),
            ("done", None),
        ):
            if name == "consent":
                page.get_by_role("button", name="Deny").scroll_into_view_if_needed()
            shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            found[name] = shot.resize(_PAGE_SIZE, Image.Resampling.LANCZOS)
            if button:
                page.get_by_role("button", name=button).click()
        browser.close()
    return found


def _scenery() -> Image.Image:
    """What never moves: the case of the board and its buttons, the phone."""
    fine = 4  # drawn larger, for smooth edges
    picture = Image.new("RGB", tuple(side * fine for side in _SIZE), _GROUND)
    draw = ImageDraw.Draw(picture)

    def rounded(box: tuple[int, ...], radius: int, fill: tuple[int, ...], edge: int = 0) -> None:
        draw.rounded_rectangle(
            [side * fine for side in box], radius * fine, fill, outline=_EDGE, width=edge * fine
        )

    left, top = GLASS
    right, bottom = left + PANEL[0] * SCALE, top + PANEL[1] * SCALE
    rounded((24, 24, right + 32, _SIZE[1] - 24), 36, _CASE, 3)
    rounded((left - 10, top - 10, right + 10, bottom + 10), 8, (5, 7, 12))
    for at in range(3):
        rounded(_key(at), 15, _KEY)
    rounded(_PHONE, 40, (17, 20, 25), 3)
    return picture.resize(_SIZE, Image.Resampling.LANCZOS)


def _key(at: int) -> tuple[int, int, int, int]:
    """Where the button is that has this number."""
    middle = GLASS[0] + PANEL[0] * SCALE // 2 + (at - 1) * 200
    return middle - 50, 580, middle + 50, 610


def _scene(
    base: Image.Image, glass: Image.Image, phone: dict[str, Image.Image], page: str, pressed: bool
) -> Image.Image:
    picture = base.copy()
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(20)
    for at, name in enumerate("ABC"):
        left, _, right, bottom = _key(at)
        colour = _PRESSED if pressed and at == 0 else _INK
        if pressed and at == 0:
            draw.rounded_rectangle(_key(at), 15, _PRESSED)
        draw.text(((left + right) // 2, bottom + 20), name, colour, font, anchor="mm")
    scaled = (PANEL[0] * SCALE, PANEL[1] * SCALE)
    picture.paste(glass.resize(scaled, Image.Resampling.NEAREST), GLASS)
    if page == "scan":
        shown = _viewfinder(glass)
    else:
        shown = phone.get(page) or Image.new("RGB", _PAGE_SIZE, _DARK)
    box = (*_PAGE, _PAGE[0] + _PAGE_SIZE[0], _PAGE[1] + _PAGE_SIZE[1])
    mask = Image.new("L", tuple(side * 4 for side in _PAGE_SIZE))
    ImageDraw.Draw(mask).rounded_rectangle((0, -200, mask.width - 1, mask.height - 1), 120, 255)
    picture.paste(shown, box, mask.resize(_PAGE_SIZE, Image.Resampling.LANCZOS))
    if page in phone:
        middle = (_PHONE[0] + _PHONE[2]) // 2
        draw.text((middle, 50), _ADDRESS.partition("//")[2], _INK, font, anchor="mm")
    return picture


def _viewfinder(glass: Image.Image) -> Image.Image:
    """What a phone shows that reads the panel's QR."""
    picture = Image.new("RGB", _PAGE_SIZE, _DARK)
    seen = glass.crop(_QR)
    side = seen.width * SCALE
    left, top = (_PAGE_SIZE[0] - side) // 2, 110
    picture.paste(seen.resize((side, side), Image.Resampling.NEAREST), (left, top))
    draw = ImageDraw.Draw(picture)
    for x, inwards in ((left - 8, 40), (left + side + 7, -40)):
        for y, down in ((top - 8, 40), (top + side + 7, -40)):
            draw.line((x, y, x + inwards, y), _INK, 4)
            draw.line((x, y, x, y + down), _INK, 4)
    middle, below = _PAGE_SIZE[0] // 2, top + side + 60
    draw.rounded_rectangle((middle - 118, below - 20, middle + 118, below + 20), 20, _INK)
    text, font = _ADDRESS.partition("//")[2], ImageFont.load_default(18)
    draw.text((middle, below), text, _CASE, font, anchor="mm")
    return picture


def _indexed(scenes: list[Image.Image], glasses: list[Image.Image]) -> list[Image.Image]:
    """The scenes in 256 colours: the panel's as they are, and the best for all else."""
    exact = sorted({colour for glass in glasses for _, colour in glass.getcolors(256) or []})
    tall = Image.new("RGB", (_SIZE[0], _SIZE[1] * len(scenes)))
    for at, scene in enumerate(scenes):
        tall.paste(scene, (0, at * _SIZE[1]))
    rest = tall.quantize(256 - len(exact), Image.Quantize.MEDIANCUT, kmeans=2)
    levels = [level for colour in exact for level in colour] + (rest.getpalette() or [])
    shifted = rest.point([min(at + len(exact), 255) for at in range(256)])
    shifted.putpalette(levels[:768])
    found = []
    for at, glass in enumerate(glasses):
        top = at * _SIZE[1]
        scene = shifted.crop((0, top, _SIZE[0], top + _SIZE[1]))
        dots = glass.tobytes()
        numbered = {bytes(colour): number for number, colour in enumerate(exact)}
        numbers = Image.frombytes(
            "P", glass.size, bytes(numbered[dots[i : i + 3]] for i in range(0, len(dots), 3))
        )
        large = numbers.resize((PANEL[0] * SCALE, PANEL[1] * SCALE), Image.Resampling.NEAREST)
        scene.paste(large, GLASS)
        found.append(scene)
    return found


def draw() -> None:
    """Draw the picture anew."""
    shown, phone, base = screens(), _phone_pages(), _scenery()
    glasses = [shown[screen] for screen, *_ in SCENES]
    scenes = [_scene(base, shown[screen], phone, *rest) for screen, *rest, _ in SCENES]
    first, *others = _indexed(scenes, glasses)
    first.save(
        PICTURE,
        save_all=True,
        append_images=others,
        duration=[ms for *_, ms in SCENES],
        loop=0,
        optimize=False,
        disposal=1,
        comment=digest().encode(),
    )


def same(one: Image.Image, other: Image.Image) -> bool:
    """Whether two pictures are the same, pixel by pixel."""
    return one.size == other.size and ImageChops.difference(one, other).getbbox() is None


if __name__ == "__main__":
    draw()
