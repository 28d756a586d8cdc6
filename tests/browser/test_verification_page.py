"""The verification page as a person with a phone sees it, in real Chromium without JavaScript."""

import json
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

pytestmark = pytest.mark.browser

DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SMALLEST_TARGET = 44  # CSS pixels, what a thumb hits


@pytest.fixture
def codes(server):
    form = {"client_id": "keyfob-public", "scope": "openid profile email offline_access"}
    request = Request(
        server.description["device_authorization_endpoint"], urlencode(form).encode()
    )
    with urlopen(request, timeout=10) as answer:
        return json.load(answer)


def decisions(server):
    with urlopen(server.description["admin"] + "/requests", timeout=10) as answer:
        log = json.load(answer)["requests"]
    return [(e["decision"], e["by"], e["user"]) for e in log if e["kind"] == "decision"]


def grant_state(server):
    with urlopen(server.description["admin"] + "/grants", timeout=10) as answer:
        return json.load(answer)["grants"][-1]["state"]


def headed(page, text):
    """Wait until the page with this heading is there."""
    expect(page.get_by_role("heading")).to_have_text(text)


def fits(page):
    """Say whether nothing sticks out sideways and everything that is tapped is big enough."""
    width = page.viewport_size["width"]
    for element in page.locator("button, .button, input[type=text], h1, p, li, footer").all():
        box = element.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width, element.inner_text()
    for element in page.locator("button, a, input[type=text]").all():
        assert element.bounding_box()["height"] >= SMALLEST_TARGET, element.inner_text()
    return True


def test_approve_from_the_complete_address(server, codes, page, shoot):
    page.goto(codes["verification_uri_complete"])
    assert page.get_by_label("Code").inner_text() == codes["user_code"]
    assert fits(page)
    shoot("verification-1-compare")
    page.get_by_role("button", name="Yes, it is the same").tap()
    headed(page, "Who are you?")
    assert fits(page)
    shoot("verification-2-sign-in")
    page.get_by_role("button", name="Ana Alves").tap()
    headed(page, "Link “keyfob board”?")
    assert "Ana Alves" in page.inner_text("main")
    assert page.get_by_role("listitem").all_inner_texts() == [
        "know which account is yours",
        "see your name and user name",
        "see your e-mail address",
        "stay linked until you unlink it",
    ]
    assert page.get_by_label("Code").inner_text() == codes["user_code"]
    assert "Compare the code with the one on your device" in page.inner_text("main")
    assert fits(page)
    shoot("verification-3-consent")
    assert decisions(server) == []
    page.get_by_role("button", name="Approve").tap()
    headed(page, "Approved")
    assert fits(page)
    shoot("verification-4-approved")
    assert decisions(server) == [("approved", "page", "user-ana")]
    form = {
        "client_id": "keyfob-public",
        "grant_type": DEVICE_CODE_GRANT,
        "device_code": codes["device_code"],
    }
    request = Request(server.description["token_endpoint"], urlencode(form).encode())
    with urlopen(request, timeout=10) as answer:
        assert json.load(answer)["token_type"] == "Bearer"
    page.reload()
    headed(page, "Approved")
    assert len(decisions(server)) == 1


def test_deny_after_typing_the_code(server, codes, page, shoot):
    page.goto(codes["verification_uri"])
    assert fits(page)
    shoot("verification-0-enter")
    page.get_by_label("Code on your device").fill(codes["user_code"].lower().replace("-", " "))
    page.get_by_role("button", name="Continue").tap()
    headed(page, "Who are you?")
    page.get_by_role("button", name="Ben Müller").tap()
    page.get_by_role("button", name="Deny").tap()
    headed(page, "Denied")
    shoot("verification-4-denied")
    assert decisions(server) == [("denied", "page", None)]


def test_wrong_code_and_another_try(server, codes, page, shoot):
    page.goto(codes["verification_uri"])
    page.get_by_label("Code on your device").fill("WRNG-CDXX")
    page.get_by_role("button", name="Continue").tap()
    expect(page.get_by_role("alert")).to_contain_text("That code is not known")
    assert page.get_by_label("Code on your device").input_value() == "WRNG-CDXX"
    assert fits(page)
    shoot("verification-0-wrong-code")
    page.get_by_label("Code on your device").fill(codes["user_code"])
    page.get_by_role("button", name="Continue").tap()
    headed(page, "Who are you?")
    assert grant_state(server) == "pending"


def test_switching_accounts_and_going_back(server, codes, page):
    page.goto(codes["verification_uri_complete"])
    page.get_by_role("button", name="Yes, it is the same").tap()
    page.get_by_role("button", name="Ana Alves").tap()
    headed(page, "Link “keyfob board”?")
    page.get_by_role("link", name="Switch").tap()
    headed(page, "Who are you?")
    page.get_by_role("button", name="Chris").tap()
    headed(page, "Link “keyfob board”?")
    page.go_back()
    headed(page, "Who are you?")
    page.go_forward()
    page.get_by_role("button", name="Approve").tap()
    headed(page, "Approved")
    assert decisions(server) == [("approved", "page", "user-chris")]


def test_dark_mode(codes, page, shoot):
    page.emulate_media(color_scheme="dark")
    page.goto(codes["verification_uri_complete"])
    page.get_by_role("button", name="Yes, it is the same").tap()
    page.get_by_role("button", name="Ana Alves").tap()
    headed(page, "Link “keyfob board”?")
    shoot("verification-3-consent-dark")
    background = page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor")
    assert max(int(part) for part in background[4:-1].split(",")) < 64


def test_code_is_big_enough_to_compare(codes, page):
    page.goto(codes["verification_uri_complete"])
    size = page.get_by_label("Code").evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
    assert size >= 28


def test_another_site_cannot_frame_the_page(server, page):
    page.route(
        "http://other.example/",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f'<iframe src="{server.description["verification_uri"]}"></iframe>',
        ),
    )
    page.goto("http://other.example/")
    # Chromium puts its own error page into the frame instead of ours.
    assert page.frames[1].url.startswith("chrome-error:")
    page.complaints.clear()
