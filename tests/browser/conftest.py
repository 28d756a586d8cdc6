"""Chromium, headless and the size of a phone, over a mock server on the real clock."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from keyfob_sim.server import MockServer, ServerOptions

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")  # Playwright's event loop must be gone before others run theirs
def chromium() -> Iterator[Any]:
    """The system's browser, driven by Playwright."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer(ServerOptions()) as running:
        yield running


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A phone without JavaScript; a refused style or asset fails the test."""
    context = chromium.new_context(
        viewport={"width": 390, "height": 844},
        device_scale_factor=2,
        is_mobile=True,
        has_touch=True,
        java_script_enabled=False,
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on(
        "console",
        # A code that leads nowhere is answered with 4xx, which Chromium reports.
        lambda message: (
            message.type == "error"
            and "status of 4" not in message.text
            and page.complaints.append(message.text)
        ),
    )
    yield page
    assert page.complaints == []
    context.close()


@pytest.fixture
def shoot(page: Any) -> Callable[[str], None]:
    """Keep a picture of the page in build/screenshots."""

    def shoot(name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    return shoot
