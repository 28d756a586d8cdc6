"""Images from micropython.org (a local server stands in): the newest, whole, once."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request

import pytest
from flash_target import image

from keyfob_host.errors import CliError
from keyfob_host.flashing import downloads
from keyfob_host.flashing.image import read_image, version_of

NAMES = (
    "ESP32_GENERIC_C3-20241129-v1.24.1.bin",
    "ESP32_GENERIC_C3-20260406-v1.28.0.bin",
    "ESP32_GENERIC_C3-20250911-v1.9.9.bin",
    "ESP32_GENERIC_C3-20260901-v1.29.0-preview.4.gabc.bin",
    "ESP32_GENERIC_C3-SPIRAM-20270101-v1.30.0.bin",
    "ESP32_GENERIC_C3-20260406-v1.28.0.app-bin",
)
NEWEST = NAMES[1]


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    page = "".join(f'<a href="/resources/firmware/{name}">{name}</a>' for name in NAMES)

    class Handler(BaseHTTPRequestHandler):
        cut = 0

        def do_GET(self):
            self.asked.append(self.path)
            data = self.files.get(self.path)
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write((data or b"")[: len(data or b"") - self.cut])

        def log_message(self, *_):
            pass

    Handler.asked = []
    Handler.files = {
        "/download/ESP32_GENERIC_C3/": page.encode(),
        f"/resources/firmware/{NEWEST}": image("esp32c3"),
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(downloads.SITE_VARIABLE, f"http://127.0.0.1:{server.server_port}")
    yield Handler
    server.shutdown()
    server.server_close()


def test_the_newest_release_is_taken_and_kept_with_its_checksum(site):
    told = []
    path = downloads.newest_image("ESP32_GENERIC_C3", told.append)
    assert path.name == NEWEST
    assert told == [f"downloading {NEWEST}"]
    found = read_image(path)
    assert (found.chip, found.version) == ("esp32c3", "1.28.0")
    assert path.with_suffix(".sha256").read_text() == found.sha256
    assert found.sha256 == hashlib.sha256(image("esp32c3")).hexdigest()


def test_it_is_downloaded_once_and_again_where_the_cache_is_damaged(site):
    path = downloads.newest_image("ESP32_GENERIC_C3", lambda line: None)
    downloads.newest_image("ESP32_GENERIC_C3", lambda line: None)
    assert site.asked.count(f"/resources/firmware/{NEWEST}") == 1
    path.write_bytes(b"damaged")
    downloads.newest_image("ESP32_GENERIC_C3", lambda line: None)
    assert read_image(path).chip == "esp32c3"


def test_a_download_that_breaks_off_is_not_kept(site):
    site.files["/download/ESP32_GENERIC_C3/"] += b" "  # the page is whole without its last byte
    site.cut = 1
    with pytest.raises(CliError, match="cannot be read"):
        downloads.newest_image("ESP32_GENERIC_C3", lambda line: None)
    site.cut = 0
    assert read_image(downloads.newest_image("ESP32_GENERIC_C3", lambda line: None))


def test_without_the_network_it_is_the_newest_in_the_cache(site, monkeypatch):
    downloads.newest_image("ESP32_GENERIC_C3", lambda line: None)
    monkeypatch.setenv(downloads.SITE_VARIABLE, "http://127.0.0.1:1")
    told = []
    assert downloads.newest_image("ESP32_GENERIC_C3", told.append).name == NEWEST
    assert f"{NEWEST} is in the cache" in told[0]
    with pytest.raises(CliError, match=r"http://127.0.0.1:1/download/ESP32_GENERIC_S3/ cannot"):
        downloads.newest_image("ESP32_GENERIC_S3", told.append)


def test_a_page_without_a_release_is_told(site):
    site.files["/download/ESP32_GENERIC_C3/"] = b"<html>nothing</html>"
    with pytest.raises(CliError, match="offers no release"):
        downloads.newest_image("ESP32_GENERIC_C3", lambda line: None)


def test_a_cache_that_cannot_be_written_is_told(site, tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    with pytest.raises(CliError, match=r"cannot be kept in .*: Not a directory") as caught:
        downloads.newest_image("ESP32_GENERIC_C3", lambda line: None)
    assert "--image FILE" in caught.value.hint


@pytest.mark.parametrize("address", ["micropython.example", "http://[::1", "http://a b/"])
def test_a_mirror_that_is_no_address_is_told(site, monkeypatch, address):
    monkeypatch.setenv(downloads.SITE_VARIABLE, address)
    with pytest.raises(CliError, match="cannot be read: no answer from"):
        downloads.newest_image("ESP32_GENERIC_C3", lambda line: None)


@pytest.mark.parametrize(
    ("name", "version"),
    [(NEWEST, "1.28.0"), ("X-20230101-v1.20.bin", "1.20"), ("firmware.bin", None)],
)
def test_the_version_is_in_the_name(name, version):
    assert version_of(name) == version


@pytest.mark.parametrize("target", ["http://a.example/x", "ftp://a.example/x"])
def test_a_redirect_away_from_https_is_not_followed(target):
    handler = downloads._SameSecurity()
    request = Request("https://a.example/download")
    with pytest.raises(downloads._UnreachableError, match="not https"):
        handler.redirect_request(request, None, 302, "Found", {}, target)
    followed = handler.redirect_request(request, None, 302, "Found", {}, "https://b.example/x")
    assert followed.full_url == "https://b.example/x"
