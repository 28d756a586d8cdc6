"""Every screen in every language on panels of every size, read back from its pixels alone."""

import textwrap

import pytest
from screen_reader import (
    LANGUAGES,
    MEMBERS,
    SCREENS,
    TROUBLED,
    Panel,
    lines_of,
    members_of,
    pages_of,
    same_address,
    squeezed,
    symbol_text,
)

from keyfob.ui import fonts, texts
from keyfob.ui.screens import Screens

PANELS = [(72, 40), (128, 32), (96, 64), (128, 64), (135, 240), (240, 240), (320, 240)]

CODES = {
    "usual": ("WDJB-MJHT", "https://github.com/login/device", None),
    "complete": (
        "RSIK-KRAM",
        "https://example.okta.com/activate",
        "https://example.okta.com/activate?user_code=RSIK-KRAM",
    ),
    "short": ("7", "http://a.b", None),
    "digits": ("019-450-730", "https://www.google.com/device", None),
    "longest": ("W" * 15, "https://login.example.com/oauth/device/x", None),
    "look-alikes": ("0O1Il5S8B2ZG6uv", "https://as.example/0OoIl1|5Ss8B?rn=m&vv=w", None),
    "case": ("fH7k-Qp0O", "https://as.example/Device?x=%7Bid%7D&y={z}", None),
    "braces": ("{user_code}", "https://a.example/{left}", None),
    "umlauts": ("äÖ-ß", "https://as.example/device", None),
    "too long": (
        "WDJB-MJHT",
        "https://auth.example-company.com/device",
        "https://auth.example-company.com/oauth2/default/v1/activate?user_code=WDJB-MJHT&lang=en-GB",
    ),
}

# What each panel can show of a symbol: its largest version at level L, in bytes of any text.
CAPACITY = {(96, 64): 53, (128, 64): 53, (135, 240): 134, (240, 240): 271, (320, 240): 271}


def code_pages(
    size: tuple[int, int], name: str, language: str = "en", screen: str = "user_code"
) -> list[list[bytes]]:
    code, address, complete = CODES[name]
    panel = Panel(*size)
    screens = Screens(panel, None, language, "boot")
    screens.notify(
        "user_code",
        {
            "user_code": code,
            "verification_uri": address,
            "verification_uri_complete": complete,
            "expires_in": 900,
        },
    )
    if screen == "offline":
        screens.notify("poll", {"result": "retry", "trouble": MEMBERS["trouble"]})
    return pages_of(panel, screens)


# The tests


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", PANELS, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_screen_says_all_it_has_to_say(size, language):
    for name in SCREENS:
        if name in ("user_code", "offline"):
            continue
        for button, given in ((None, MEMBERS), ("boot", MEMBERS), ("boot", TROUBLED)):
            members = members_of(name, given)
            panel = Panel(*size)
            screens = Screens(panel, None, language, button)
            screens.show(name, members)
            limit = screens._stay() if name in ("linked", "unlink") else 60_000
            pages = pages_of(panel, screens, limit)
            read = [line for page in pages for line in lines_of(page)]
            wanted = texts.items(name, dict(members, button=button), language, texts.PLAIN)
            for text, sign in wanted:
                if sign != "?":
                    assert squeezed(text) in squeezed("".join(read)), (name, read)
            assert sum(map(len, read)) <= len(" ".join(text for text, _ in wanted)), (name, read)


def rows_of(language: str) -> dict[str, str]:
    """The texts of a language by their names, but for those that somebody else says."""
    if language == "en":
        written = texts._TEXTS
    else:
        with texts._open(language) as file:
            written = file.read()
    rows = [row.partition("|") for row in written.strip().splitlines()]
    return {name: text for name, _, text in rows if not text.startswith("{")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_is_no_longer_than_a_page_of_the_smallest_panel(language):
    for name, row in rows_of(language).items():
        columns = 72 // fonts.WIDTH
        text = row.replace("{button}", "boot").partition("{")[0].partition("/")[0]
        lines = textwrap.wrap(text, columns, break_on_hyphens=False)
        assert len(lines) <= 40 // fonts.HEIGHT, f"firmware/keyfob/ui: {language} {name}: {lines}"
        if name in ("only", "offline", "code_False", "check"):
            columns = 10  # a line beside a symbol has no more
        parted = [word for word in text.encode().split() if len(word.decode()) > columns]
        assert not parted, f"firmware/keyfob/ui: {language} {name}: {parted}"


@pytest.mark.parametrize(
    ("language", "name"),
    [
        (language, name)
        for language in LANGUAGES
        for name in (CODES if language in ("en", "de") else ("usual", "complete", "longest"))
    ],
)
@pytest.mark.parametrize("screen", ["user_code", "offline"])
@pytest.mark.parametrize("size", PANELS, ids=lambda size: f"{size[0]}x{size[1]}")
def test_code_and_address_can_be_read_off_every_panel(size, name, screen, language):
    pages = code_pages(size, name, language, screen)
    code, address, complete = CODES[name]
    read = ["".join(lines_of(page)) for page in pages]
    assert any(code in page for page in read), read
    assert any(address in page for page in read), read
    members = {"button": "boot"}
    for text, sign in texts.items(screen, members, language, texts.PLAIN):
        if sign == "":
            assert squeezed(text) in squeezed("".join(read)), read
    expected = None
    for candidate in (complete, address):
        if candidate and len(candidate) <= CAPACITY.get(size, 0) and expected is None:
            expected = candidate
    symbols = [symbol_text(page) for page in pages]
    if expected is None:
        assert symbols == [None] * len(pages)
    elif size == (96, 64):
        assert same_address(symbols[0], expected)
        assert symbols[1:] == [None] * (len(pages) - 1)
    else:
        assert all(same_address(symbol, expected) for symbol in symbols), symbols
        assert any(code in page and address in page for page in read), "not seen together"
