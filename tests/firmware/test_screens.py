"""What the person sees, and when it goes away again."""

import io
import sys

import framebuf

from keyfob.compat import unload
from keyfob.oauth import ticks
from keyfob.storage import token_store
from keyfob.ui import fonts, screen_table, screens, texts, typeface
from keyfob.ui.displays.console import Console
from keyfob.ui.displays.ssd1306 import SSD1306
from keyfob.ui.screens import Screens

CODE = {
    "user_code": "fH7k-Qp0O",
    "verification_uri": "https://as.example/Device?x=%7Bid%7D&y={z}",
    "verification_uri_complete": None,
    "expires_in": 900,
}
SCREENS = screen_table.names()


class Lines:
    """A display of text that remembers what stands on it, and all it ever showed."""

    def __init__(self):
        self.lines = []
        self.names = []

    def show(self, lines):
        self.lines = lines


class Panel:
    """A panel of pixels in memory."""

    def __init__(self, width, height):
        self.width = width
        self.height = height
        self.shown = 0  # how often
        self.is_steady = False
        self.level = None  # of contrast
        self.trouble = None
        self.memory_error_in = 0  # drawing calls
        self._pixels = bytearray(width * height)

    def fill(self, colour):
        assert colour == 0
        self._pixels = bytearray(len(self._pixels))

    def fill_rect(self, x, y, width, height, colour):
        assert 0 <= x <= x + width <= self.width
        assert 0 <= y <= y + height <= self.height
        self.memory_error_in -= 1
        if self.memory_error_in == 0:
            raise MemoryError
        row = bytes([colour]) * width
        for start in range(y * self.width + x, (y + height) * self.width + x, self.width):
            self._pixels[start : start + width] = row

    def blit(self, canvas, x, y):
        for row in range(self.height):
            for column in range(self.width):
                colour = canvas.pixel(column - x, row - y)
                if colour is not None:
                    self._pixels[row * self.width + column] = colour

    def show(self):
        if self.trouble:
            raise self.trouble
        self.shown += 1

    def steady(self, on):
        self.is_steady = on

    def contrast(self, level):
        if self.trouble:
            raise self.trouble
        self.level = level

    def picture(self):
        return bytes(self._pixels)


def at_code():
    """A panel with a living code on it."""
    panel = Lines()
    view = Screens(panel, panel.names.append)
    view.notify("user_code", CODE)
    return panel, view


def poll(result, trouble=None):
    return {"result": result, "trouble": trouble}


def error(fatal, **members):
    return dict(members, fatal=fatal, message="it broke", hint=members.get("hint"))


def text(panel):
    return "\n".join(panel.lines)


def test_code_and_address_are_shown_exactly_as_they_were_sent():
    for code in ("fH7k-Qp0O", "123456789", "WWWWWWWWWWWWWWW", "a b_c", "äÖ-ß", "{user_code}"):
        panel = Lines()
        Screens(panel).notify("user_code", dict(CODE, user_code=code))
        assert "Code  " + code in panel.lines
        assert "Open  " + CODE["verification_uri"] in panel.lines


def test_a_complete_address_replaces_neither_of_them():
    panel = Lines()
    complete = "https://as.example/device?user_code=fH7k-Qp0O"
    Screens(panel).notify("user_code", dict(CODE, verification_uri_complete=complete))
    assert "Code  " + CODE["user_code"] in panel.lines
    assert "Open  " + CODE["verification_uri"] in panel.lines


def shown_and_printed(panel, code, happen=lambda view: None):
    """The texts on the panel with that code, and the lines printed on the serial console."""
    printed = []
    show, Console.show = Console.show, lambda self, lines: printed.append(lines)
    try:
        view = Screens(panel)
        view.notify("user_code", dict(CODE, user_code=code))
        happen(view)
    finally:
        Console.show = show
    return [line for line, _ in view._items], printed


def test_a_code_that_no_font_has_is_on_the_serial_console():
    shown, printed = shown_and_printed(Panel(128, 64), "ЖШ-1234")
    assert "ЖШ-1234" not in str(shown)
    assert "The code is on the serial console" in shown
    assert CODE["verification_uri"] in shown
    (lines,) = printed
    assert "Code  ЖШ-1234" in lines and "Open  " + CODE["verification_uri"] in lines
    assert "{" not in str(lines).replace(CODE["verification_uri"], "")
    for code in ("fH7k-Qp0O", "äÖ-ß"):
        shown, printed = shown_and_printed(Panel(128, 64), code)
        assert code in shown and printed == []
        assert "serial" not in str(shown)
    shown, printed = shown_and_printed(Lines(), "ЖШ-1234")
    assert "Code  ЖШ-1234" in shown and "serial" not in str(shown)


def test_a_press_prints_such_a_code_again():
    for code, times in (("ЖШ-1234", 2), ("fH7k-Qp0O", 0)):
        _, printed = shown_and_printed(Panel(128, 64), code, Screens.show_again)
        assert len(printed) == times
        assert all(lines == printed[0] for lines in printed)


def test_such_a_code_stays_there_while_the_provider_is_away():
    def go_away(view):
        view.notify("poll", poll("retry", "no connection"))

    shown, printed = shown_and_printed(Panel(320, 240), "ЖШ-1234", go_away)
    assert "The code is on the serial console" in shown and "no connection" in shown
    assert "Code  ЖШ-1234" in printed[-1]


def test_an_account_is_shown_as_the_panel_can():
    for account, shown in (
        ("Łukasz Żak", ["Linked", "Account  Łukasz Żak"]),
        ("İpek Şahin", ["Linked", "Account  Ipek Sahin"]),
        ("李小龙 <li@example.cn>", ["Linked", "Account  li@example.cn"]),
        ("李小龙", ["Linked"]),
        (None, ["Linked"]),
    ):
        view = Screens(Panel(128, 64))
        view.notify("linked", {"account": account})
        assert [line for line, _ in view._items] == shown
        console = Lines()
        Screens(console).notify("linked", {"account": account})
        assert account is None or console.lines == ["Linked", "Account  " + account]


def test_the_person_is_told_what_to_check():
    panel, _ = at_code()
    assert "Only continue if you hold this device" in text(panel)
    assert "Check that the page shows this code" in text(panel)


def test_the_code_is_gone_once_the_attempt_has_ended():
    for event, members, name in (
        ("linked", {"account": "Ana", "scope": None, "stored": False}, "linked"),
        ("denied", {}, "denied"),
        ("expired", {}, "expired"),
        ("error", error(True), "error"),
        ("unlinked", {"revoked": True}, "unlinked"),
        ("signed_out", {}, "sign_in_again"),
    ):
        for is_offline in (False, True):
            panel, view = at_code()
            if is_offline:
                view.notify("poll", poll("retry", "no connection"))
            view.notify(event, members)
            assert panel.names[-1] == name
            assert CODE["user_code"] not in text(panel), event
            assert view._code is None
            for late in ("retry", "pending"):  # nothing brings it back
                view.notify("poll", poll(late, "no connection"))
            assert CODE["user_code"] not in text(panel), event


def test_while_the_provider_is_away_the_code_stays_and_the_trouble_is_told():
    panel, view = at_code()
    view.notify("poll", poll("pending"))
    assert panel.names == ["user_code"]
    view.notify("poll", poll("retry", "no connection to as.example"))
    view.notify("poll", poll("retry", "no connection to as.example"))
    assert panel.names == ["user_code", "offline"]
    assert "no connection to as.example" in panel.lines
    assert "Code  " + CODE["user_code"] in panel.lines
    assert "Open  " + CODE["verification_uri"] in panel.lines
    for result in ("pending", "slow_down"):
        view.notify("poll", poll(result))
        assert panel.names[-1] == "user_code"
        view.notify("poll", poll("retry", "again"))
        assert panel.names[-1] == "offline"


def test_the_account_is_named_if_it_is_known():
    panel = Lines()
    view = Screens(panel)
    view.notify("linked", {"account": "Ana"})
    assert panel.lines == ["Linked", "Account  Ana"]
    for nobody in (None, ""):
        view.notify("linked", {"account": nobody})
        assert panel.lines == ["Linked"]


def test_an_error_is_shown_if_it_ends_something():
    panel = Lines()
    view = Screens(panel, panel.names.append)
    view.notify("error", error(False))
    assert panel.names == []
    view.notify("error", error(True, hint="try this"))
    assert panel.lines == ["Something is wrong", "it broke", "try this"]


def test_an_ended_link_is_a_screen_that_an_error_does_not_cover():
    panel = Lines()
    view = Screens(panel, panel.names.append)
    view.notify("signed_out", {})
    view.notify("error", error(True))
    assert panel.names == ["sign_in_again"]
    view.notify("user_code", CODE)
    view.notify("error", error(True))
    assert panel.names == ["sign_in_again", "user_code", "error"]


def test_other_events_leave_the_screen_alone():
    panel, view = at_code()
    for event in ("wifi", "clock", "refreshed", "api", "nobody-knows-this"):
        view.notify(event, {})
    assert panel.names == ["user_code"]


def test_every_screen_has_words_without_its_members():
    for name in SCREENS:
        for language in texts.languages():
            shown = texts.items(name, {}, language)
            assert shown and all(text for text, _ in shown), name
            assert "{" not in "".join([text for text, _ in shown]), name


def rows_of(language):
    """The texts of a language by their names, as they are written."""
    if language == "en":
        rows = texts._TEXTS.strip().split("\n")
    else:
        with texts._open(language) as file:
            title, *rows = file.read().strip().split("\n")
        assert title and "|" not in title, language
    assert len({row.split("|")[0] for row in rows}) == len(rows), language
    return dict([row.split("|") for row in rows])


def test_every_text_is_there_in_every_language_with_its_glyphs():
    box = fonts.glyph("\u4e2d")
    english = {name: text for name, text in rows_of("en").items() if text != "{%s}" % name}
    for language in texts.languages():
        rows = rows_of(language)
        if language != "en":
            assert sorted(rows) == sorted(english), language
        for name, text in rows.items():
            shorter = english.get(name, text)
            assert text and text.count("/") == shorter.count("/"), (language, name)
            for part, other in zip(text.split("/"), shorter.split("/")):
                member = part.partition("{")[2].partition("}")[0]
                assert member == other.partition("{")[2].partition("}")[0], (language, name)
            assert all(fonts.glyph(char) != box for char in text), (language, name)
            assert not typeface.lacks(text), (language, name)


def test_a_button_is_named_as_it_is_on_the_board_in_quotation_marks():
    for language, marks in (
        ("en", "“”"), ("de", "„“"), ("es", "«»"), ("fr", "«»"),
        ("it", "«»"), ("nl", "“”"), ("pl", "„”"), ("pt", "“”"),
    ):  # fmt: skip
        for name in ("press", "hold", "again", "confirm"):
            text = rows_of(language)[name].replace("\xa0", "")
            assert marks[0] + "{button}" + marks[1] in text, (language, name)


def test_every_name_in_the_screens_is_a_text():
    for screen in SCREENS:
        for name in screen_table.row(screen)[4].replace("/", " ").split():
            name = name.rstrip(texts._SIGNS).replace("{kind}", "memory")
            name = name.replace("{unsaved}", "the flash is full").replace("{revoked}", "False")
            name = name.replace("{shown}", "False")
            assert "\n%s|" % name in texts._TEXTS, name


def test_every_screen_that_another_place_names_is_in_the_table():
    assert all(name in SCREENS for name in screens._SCREEN_OF.values())
    for name in SCREENS:
        press, rests, then, look, _ = screen_table.row(name)
        then = then.split()
        assert not then or (int(then[0]) > 0 and then[1] in SCREENS), name
        assert press in ("", "link", "show", "tell", "unlink"), name
        assert rests in ("", "yes"), name
        tone, _, icon = look.partition(" ")
        assert tone in ("wait", "good", "trouble"), name
        assert icon in ("", "tick", "warning", "clock", "wifi", "link"), name
    assert screen_table.row("no such screen") == ["", "", "", "", ""]


def test_every_reason_of_a_failed_save_that_flash_gives_has_a_text():
    for reason in token_store._WORDS.values():
        assert reason == "there is no NVS" or "\nunsaved_%s|" % reason in texts._TEXTS, reason


def test_every_kind_of_error_has_its_reason():
    for kind in ("usage", "config", "network", "tls", "provider", "storage", "memory", "timeout"):
        told = texts.items("error", {"kind": kind}, "de")
        assert len(told) == 2, kind
    assert len(texts.items("error", {"kind": "nobody-knows-this"}, "de")) == 1


def test_it_speaks_the_language_of_its_owner():
    for language, words in (("en", "Linked"), ("de", "Verbunden"), ("tlh", "Linked")):
        panel = Lines()
        Screens(panel, language=language).notify("linked", {"account": None})
        assert panel.lines == [words]
    panel = Lines()
    view = Screens(panel)
    view.show("starting", {})
    view.language = "de"
    view.show("starting", {})
    assert panel.lines == ["Startet"]


def test_a_text_without_translation_appears_in_english():
    complete = texts._open
    try:
        texts._open = lambda language: io.StringIO("Deutsch\nstarting|Startet\nlinkedin|X\n")
        assert texts.items("starting", {}, "de") == [("Startet", "")]
        assert texts.items("linked", {}, "de") == [("Linked", "")]
    finally:
        texts._open = complete
    known = texts.languages
    try:
        texts.languages = lambda: ["en", "tlh"]  # whose file is not there
        assert texts.items("linked", {}, "tlh") == [("Linked", "")]
    finally:
        texts.languages = known


def test_it_says_what_to_press_or_how_a_code_comes_where_there_is_nothing_to_press():
    by_itself = ("A new code comes by itself", "Ein neuer Code kommt von selbst")
    restart = ("Restart the device for a new code", "Gerät neu starten für einen neuen Code")
    for name, english, german in (
        ("denied",) + by_itself,
        ("expired",) + by_itself,
        ("sign_in_again",) + by_itself,
        ("unlinked",) + restart,
    ):
        panel = Lines()
        Screens(panel, button="A").show(name, {})
        assert panel.lines[-1] == "Press “A” for a new code"
        Screens(panel).show(name, {})
        assert panel.lines[-1] == english
        Screens(panel, language="de").show(name, {})
        assert panel.lines[-1] == german


def test_setting_the_clock_follows_joining_the_network():
    panel, view = at_code()
    view.notify("wifi", {"state": "joined"})
    assert panel.names == ["user_code"]
    view.show("wifi", {})
    view.notify("wifi", {"state": "failed"})
    assert panel.names[-1] == "wifi"
    view.notify("wifi", {"state": "joined"})
    assert panel.names[-1] == "clock"


def test_the_first_round_without_wifi_names_the_network_and_why():
    for why, english, german in (
        ("password", "The password does not fit", "Das Passwort passt nicht"),
        ("lost", "It is out of reach (2.4 GHz only)", "Außer Reichweite (nur 2,4 GHz)"),
        ("timeout", "No answer in time", "Keine Antwort"),
    ):
        for language, words in (("en", english), ("de", german)):
            panel = Lines()
            view = Screens(panel, panel.names.append, language)
            view.show("wifi", {})
            trouble = {"ssid": "Home", "kind": why}
            view.notify("wifi", {"state": "failed", "trouble": trouble})
            assert panel.names[-1] == "no_wifi"
            assert words in panel.lines and "Home" in text(panel)
            view.notify("error", error(False))
            view.notify("wifi", {"state": "failed"})  # for the same reason
            assert panel.names == ["wifi", "no_wifi"]
            view.notify("wifi", {"state": "joined"})
            assert panel.names[-1] == "clock"


def test_a_radio_that_does_not_work_shows_what_it_says():
    panel = Lines()
    view = Screens(panel)
    view.show("wifi", {})
    view.notify("wifi", {"state": "failed", "trouble": {"message": "Wi-Fi does not work: 12"}})
    assert panel.lines == ["No Wi-Fi", "Wi-Fi does not work: 12", "It goes on trying"]


def test_a_network_lost_later_leaves_the_screen_alone():
    panel, view = at_code()
    trouble = {"ssid": "Home", "kind": "lost"}
    view.notify("wifi", {"state": "failed", "trouble": trouble})
    assert panel.names == ["user_code"]


def test_a_linked_board_says_why_it_has_no_wifi_until_it_is_back():
    for name in ("linked", "idle"):
        panel = Lines()
        view = Screens(panel, panel.names.append)
        view.notify("linked", {"account": "Ana"})
        view.show(name, view.link)
        view.notify("wifi", {"state": "lost"})
        assert panel.names[-1] == name
        view.notify("wifi", {"state": "failed", "trouble": {"ssid": "Home", "kind": "password"}})
        view.notify("wifi", {"state": "failed"})
        assert panel.names[-1] == "no_wifi" and "Home" in text(panel)
        view.notify("wifi", {"state": "joined"})
        assert panel.names[-1] == "linked" and "Ana" in text(panel)
        before = list(panel.names)
        view.notify("wifi", {"state": "joined"})
        assert panel.names == before


def test_a_code_that_ran_out_without_answers_says_so():
    panel, view = at_code()
    view.notify("expired", {"lost": None})
    assert panel.lines == ["The code ran out", "A new code comes by itself"]
    panel, view = at_code()
    view.notify("expired", {"lost": "HTTP 502"})
    assert "No usable answer: HTTP 502" in panel.lines


def test_the_console_is_never_drawn_again_by_itself():
    panel, view = at_code()
    assert "15 min left" in panel.lines
    del panel.lines[:]
    assert view.update(0) is None
    assert view.update(600_000) is None
    assert panel.lines == []
    view.notify("linked", {"account": "Ana"})
    assert view.update(700_000) is None
    assert panel.names[-1] == "linked"


def test_the_time_left_is_told_in_coarse_steps():
    panel = Panel(320, 240)
    view = Screens(panel)
    view.notify("user_code", dict(CODE, expires_in=150))
    drawn = []
    now = 5
    wait = view.update(now)
    while wait is not None:
        count = panel.shown
        now = (now + wait) & (ticks.PERIOD - 1)
        wait = view.update(now)
        assert panel.shown == count + 1  # never called in vain
        drawn.append((now - 5, view._filled()[-1][0]))
    assert drawn == [
        (30_001, "1 min left"),
        (90_001, "50 s left"),
        (100_001, "40 s left"),
        (110_001, "30 s left"),
        (120_001, "20 s left"),
        (130_001, "10 s left"),
    ]
    view.update(now + 60_000)
    assert view._time == 10


def test_drawing_a_screen_again_allocates_nothing():
    if sys.implementation.name != "micropython":
        return

    class Bus:
        def command(self, data):
            pass

        data = command

    complete = CODE["verification_uri"] + "&user_code=fH7k-Qp0O"
    for width, height in ((128, 64), (72, 40), (96, 64)):
        for language in texts.languages():
            view = Screens(SSD1306(Bus(), width, height), None, language)
            view.notify("user_code", dict(CODE, verification_uri_complete=complete))
            # Every page, at 14 to 1 minutes and 50 to 10 seconds.
            assert len(_drawn_again(view, 0, 900_000)) >= 2 * 19
            view.button = "boot"
            view.show("idle", {"account": "a" * 40, "unsaved": "the flash is full"})
            assert len(_drawn_again(view, 900_000, 990_000)) == view._pages


def _drawn_again(view, now, end):
    """Every page and time left that updates until `end` show, none of which takes memory."""
    import gc

    seen = set()
    wait = view.update(now)
    while now < end and wait is not None:
        now += wait
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        wait = view.update(now)
        after = gc.mem_alloc()
        gc.enable()
        assert after == before, (now, after - before)
        seen.add((view._page, view._time))
    return seen


def test_the_time_left_of_a_new_code_is_all_of_it():
    for seconds, told in ((900, 900), (119, 60), (60, 60), (59, 50), (5, 10)):
        view = Screens(Panel(320, 240))
        view.notify("user_code", dict(CODE, expires_in=seconds))
        assert view._time == told
    view.notify("user_code", dict(CODE, expires_in=None))
    assert view._time is None
    assert "left" not in str(view._items)


def test_the_time_left_goes_on_while_the_provider_is_away():
    panel = Panel(320, 240)
    view = Screens(panel)
    view.notify("user_code", dict(CODE, expires_in=900))
    view.update(ticks.PERIOD - 30_000)  # the counter wraps
    view.update(30_000)
    view.notify("poll", poll("retry", "no connection"))
    view.update(90_000)
    assert view._time == 13 * 60
    view.notify("poll", poll("pending"))
    view.update(150_000)
    assert view._time == 12 * 60
    view.notify("user_code", dict(CODE, expires_in=900))
    view.update(9_000_000)  # whatever happened before the new code
    assert view._time == 15 * 60


def test_pages_take_turns():
    panel = Panel(72, 40)
    view = Screens(panel)
    view.notify("user_code", dict(CODE, user_code="W" * 15, expires_in=None))
    first = panel.picture()
    assert view._pages == 3
    seen = []
    wait = view.update(0)
    for _ in range(3):
        assert wait == 5_000
        wait = view.update((len(seen) + 1) * 5_000)
        seen.append(panel.picture())
    assert seen[2] == first
    assert len({first, seen[0], seen[1]}) == 3
    view.update(25_000)
    view.notify("user_code", dict(CODE, user_code="W" * 15, expires_in=None))
    assert view.update(26_000) == 5_000
    assert panel.picture() == first


def test_a_panel_is_drawn_once_a_second_at_most():
    panel = Panel(72, 40)
    view = Screens(panel)
    view.notify("user_code", dict(CODE, expires_in=905))  # 15 min until 5.001 s
    now = shown = 0
    last = -1_000
    wait = view.update(0)
    while now < 100_000:
        now += min(wait, 300)  # called more often than it asked for
        wait = view.update(now)
        assert wait > 0
        if panel.shown != shown:
            assert now - last >= 1_000, now
            last = now
            shown = panel.shown


def test_a_new_link_becomes_an_idle_one():
    panel = Panel(128, 64)
    names = []
    view = Screens(panel, names.append, button="boot")
    view.notify("linked", {"account": "Ana", "stored": False})
    assert view.update(7_000) == 10_000
    assert view.update(16_999) == 1
    assert names == ["linked"]
    assert view.update(17_000) == 60_000
    assert names == ["linked", "idle"]
    assert [text for text, _ in view._items] == [
        "Linked",
        "Account  Ana",
        "Hold “boot” to unlink",
    ]


def test_what_is_not_saved_is_said_until_it_is():
    for language, unsaved, words in (
        ("en", "the flash is full", "Not saved: flash is full"),
        ("en", "error 5", "Not saved: error 5"),
        ("de", "the flash is full", "Nicht gesichert: Flash voll"),
        ("de", "the flash is read-only", "Nicht gesichert: Flash nur lesbar"),
        ("de", "NVS is full", "Nicht gesichert: NVS voll"),
        ("de", "error 5", "Nicht gesichert: error 5"),
    ):
        lines = []
        view = Screens(Console(lines.append), language=language)
        view.notify("linked", {"account": "Ana", "unsaved": unsaved})
        assert lines[2:] == [words]
        view.notify("refreshed", {"rotated": True, "unsaved": unsaved})
        assert len(lines) == 3  # as it was
        view.notify("refreshed", {"rotated": True, "unsaved": None})
        assert lines[3:] == lines[:2]
        view.notify("refreshed", {"rotated": True, "unsaved": unsaved})
        assert lines[5:] == lines[:3]


def test_an_end_that_nobody_confirmed_is_to_be_made_at_the_provider_too():
    for language, words in (
        ("en", "The provider did not confirm: end it there, too"),
        ("de", "Anbieter hat nicht bestätigt: auch dort trennen"),
    ):
        panel = Lines()
        view = Screens(panel, language=language, button="A")
        view.notify("unlinked", {"revoked": False})
        assert panel.lines[1] == words and len(panel.lines) == 3
        view.notify("unlinked", {"revoked": True})
        assert len(panel.lines) == 2


def test_what_is_not_saved_shows_where_the_link_does():
    panel = Panel(128, 64)
    names = []
    view = Screens(panel, names.append, button="boot")
    view.notify("linked", {"account": "Ana", "unsaved": None})
    view.update(0)
    view.update(10_000)
    saved = panel.picture()
    view.update(10_000)
    view.update(80_000)
    assert panel.level == 0
    view.notify("refreshed", {"unsaved": "the flash is full"})
    assert names == ["linked", "idle", "idle"] and panel.level > 0
    assert ("Account  Ana", "") in view._items
    assert ("Not saved: flash is full", "") in view._items
    view.show("unlink", {})
    view.notify("refreshed", {"unsaved": None})
    assert view.name == "unlink"  # the person is being asked
    view.update(100_000)
    view.update(115_000)
    view.update(115_000)
    view.update(125_000)
    assert names[-2:] == ["linked", "idle"]
    assert panel.picture() == saved


def test_a_small_panel_shows_every_page_of_a_new_link_before_it_idles():
    panel = Panel(72, 40)
    names = []
    view = Screens(panel, names.append)
    view.notify("linked", {"account": "a" * 40, "unsaved": "the flash is full"})
    assert view._pages == 3
    assert [view.update(now) for now in (0, 5_000, 10_000)] == [5_000] * 3
    assert names == ["linked"]
    view.update(15_000)
    assert names == ["linked", "idle"]


def test_nothing_of_a_code_is_left_on_a_panel():
    for name, event, members in (
        ("linked", "linked", {"account": "Ana"}),
        ("denied", "denied", {}),
        ("expired", "expired", {}),
        ("sign_in_again", "signed_out", {}),
        ("error", "error", error(True)),
    ):
        clean = Panel(128, 64)
        Screens(clean).show(name, members)
        panel = Panel(128, 64)
        view = Screens(panel)
        view.notify("user_code", CODE)
        assert panel.picture() != clean.picture()
        symbol = view._symbol[0]
        assert any(symbol)
        view.notify(event, members)
        assert panel.picture() == clean.picture(), name
        assert not any(symbol)
        assert view._symbol is None and view._code is None
        assert CODE["user_code"] not in str(view._items) + str(view.members)


def test_an_approved_code_is_not_drawn_again():
    panel = Panel(128, 64)
    view = Screens(panel)
    view.notify("user_code", CODE)
    view.update(0)
    view.update(5000)  # its second page
    bitmap = view._symbol[0]
    shown = panel.shown
    view.notify("poll", poll("approved"))
    assert view.update(11_000) is None
    assert panel.shown == shown and not any(bitmap), "tokens need the room"


def test_a_panel_is_steady_while_it_shows_a_symbol():
    panel = Panel(128, 64)
    view = Screens(panel)
    view.notify("user_code", CODE)
    assert panel.is_steady
    view.notify("linked", {"account": None})
    assert not panel.is_steady


def test_a_panel_that_came_loose_costs_nothing_but_the_picture():
    panel = Panel(128, 64)
    panel.trouble = OSError(19)
    names = []
    view = Screens(panel, names.append)
    view.notify("user_code", CODE)
    assert view.update(0) > 0
    panel.trouble = None
    view.notify("linked", {"account": None})
    assert names == ["user_code", "linked"]
    assert panel.shown == 1


def test_a_panel_that_missed_the_end_of_a_code_is_sent_it_again():
    for button in (None, "boot"):
        panel = Panel(128, 64)
        view = Screens(panel, button=button)
        view.notify("user_code", CODE)
        panel.trouble = OSError(110)
        view.notify("denied", {})
        assert view.update(0) == 5_000
        assert view.update(2_000) == 3_000  # somebody else wanted to be drawn
        assert view.update(5_000) == 5_000
        panel.trouble = None
        shown = panel.shown
        assert view.update(10_000) == (None if button is None else 50_000)
        assert panel.shown == shown + 1
        assert not panel.is_steady


def test_without_memory_for_drawing_the_old_code_goes_away_all_the_same():
    panel = Panel(128, 64)
    view = Screens(panel)
    view.notify("user_code", CODE)
    panel.memory_error_in = 30
    view.notify("denied", {})
    assert not any(panel.picture())
    assert panel.shown == 2


def test_without_memory_for_a_symbol_there_is_the_code_to_type():
    panel = Panel(128, 64)
    view = Screens(panel)
    panel.memory_error_in = 30
    view.notify("user_code", CODE)
    assert view._symbol is None and not any(panel.picture())
    assert view.update(0) == 1_000
    view.update(1_000)
    assert any(panel.picture()) and not panel.is_steady
    panel.memory_error_in = 30  # again: not every second from now on
    assert view.update(61_000) > 5_000


def test_without_memory_for_words_too():
    class NoMemory:
        def __getattr__(self, name):
            raise MemoryError

    panel = Panel(128, 64)
    view = Screens(panel)
    view.notify("user_code", CODE)
    real = sys.modules.get("keyfob.ui.texts")
    sys.modules["keyfob.ui.texts"] = NoMemory()
    try:
        view.notify("denied", {})
    finally:
        sys.modules.pop("keyfob.ui.texts", None)
        if real is not None:
            sys.modules["keyfob.ui.texts"] = real
    assert not any(panel.picture())
    assert panel.shown == 2


def test_without_memory_for_its_code_a_screen_is_empty_and_nothing_of_the_last_one_stays():
    def no_memory(*_):
        raise MemoryError

    shown = []
    panel = Panel(128, 64)
    view = Screens(panel, shown.append, button="boot")
    view.notify("user_code", CODE)
    bitmap = view._symbol[0]
    assert any(bitmap) and view.press == "show"
    view._show = no_memory  # as where a board finds no room for that method
    view.notify("error", {"fatal": True, "kind": "memory", "message": "m", "hint": None})
    assert not any(panel.picture()) and not any(bitmap)
    assert view.press == "" and view.name == "error"
    assert shown == ["user_code", "error"]
    assert view.update(0) is None


def test_without_memory_a_press_does_not_do_what_it_did_on_the_last_screen():
    class NoMemory:
        def __getattr__(self, name):
            raise MemoryError

    view = Screens(Panel(128, 64), button="boot")
    view.show("unlink", {})
    assert view.press == "unlink"
    sys.modules["keyfob.ui.screen_table"] = NoMemory()
    try:
        view.show("error", {})
    finally:
        sys.modules["keyfob.ui.screen_table"] = screen_table
    assert view.press == "" and view.name == "error"


def test_a_board_keeps_in_memory_only_what_it_will_draw_with():
    if sys.implementation.name != "micropython":
        return
    panel = Panel(128, 64)
    view = Screens(panel)

    def loaded(*names):
        return [name for name in names if "keyfob.ui." + name in sys.modules]

    names = ("screen_table", "texts", "qr_fit", "qr", "qr_bytecode", "layout", "pages", "fonts")
    for name in names:
        unload("keyfob.ui." + name)  # which this file has imported
    view.notify("user_code", CODE)
    machine_code = sys.modules.get("keyfob.ui.qr_viper")
    assert loaded(*names) == []
    assert view._picture is not None  # which holds the code for the time left
    view.notify("denied", {})
    assert loaded(*names) == [] and view._picture is None
    panel.memory_error_in = 30  # what could not be drawn needs no code either
    view.notify("expired", {})
    assert loaded(*names) == [] and view._picture is None
    view.notify("user_code", CODE)
    assert sys.modules.get("keyfob.ui.qr_viper") is machine_code, "an ESP32 frees no earlier copy"


def test_it_draws_on_any_frame_buffer():
    class Display(framebuf.FrameBuffer):
        width = 128
        height = 64

        def __init__(self):
            self.buffer = bytearray(1024)
            super().__init__(self.buffer, 128, 64, framebuf.MONO_VLSB)

        def show(self):
            pass

    display = Display()
    panel = Panel(128, 64)
    for view in (Screens(display), Screens(panel)):
        view.notify("user_code", CODE)
    drawn = bytes([display.pixel(x, y) for y in range(64) for x in range(128)])
    assert drawn == panel.picture()


def test_the_console_shows_one_line_each():
    written = []
    Console(written.append).show(["Linked", "Account  Ana"])
    assert written == ["Linked", "Account  Ana"]


def test_a_resting_panel_is_dimmed_until_it_is_woken():
    for name in ("idle", "press", "denied", "expired", "unlinked", "sign_in_again", "error"):
        panel = Panel(128, 64)
        view = Screens(panel, button="boot")
        view.show(name, {"kind": "tls", "message": "no", "hint": None})
        assert view.update(5) == 60_000
        assert view.wake() is False
        assert view.update(60_004) == 1
        assert view.update(60_005) is None
        assert panel.level == 0
        assert view.wake() is True
        assert panel.level > 100
        assert view.update(9_000_000) == 60_000  # its time begins anew, however long it slept
        assert panel.level > 100
        view.update(9_060_000)
        assert panel.level == 0
        view.show("linked", {})  # a new screen is bright
        assert panel.level > 100


def test_a_panel_is_woken_to_the_contrast_that_its_owner_wants():
    panel = Panel(128, 64)
    view = Screens(panel, button="boot")
    view.bright = 0x10
    view.show("idle", {})
    view.update(5)
    view.update(60_005)
    assert panel.level == 0
    view.wake()
    assert panel.level == 0x10


def test_a_code_is_shown_again_from_its_first_page_on():
    panel = Panel(72, 40)
    view = Screens(panel, button="boot")
    view.notify("user_code", dict(CODE, expires_in=None))
    first = panel.picture()
    view.update(0)
    assert view.update(7_000) == 3_000
    assert panel.picture() != first
    view.show_again()
    assert panel.picture() == first
    assert view.update(7_001) == 4_999  # and has its time anew
    view.notify("poll", {"result": "approved"})
    panel.fill(0)
    view.show_again()
    assert not any(panel.picture())  # it is over


def test_the_pages_of_a_woken_panel_take_turns_again():
    panel = Panel(72, 40)
    view = Screens(panel, language="de", button="boot")
    view.show("expired", {})
    now = 0
    while now < 400_000:
        now += view.update(now)
    assert panel.level == 0
    view.wake()
    seen = []
    for _ in range(12):
        view.update(now)
        seen.append(panel.picture())
        now += 1_000
    assert seen[5] != seen[10]


def test_nothing_is_dimmed_that_no_button_could_wake():
    for name, button in (("idle", None), ("error", None), ("wifi", "boot"), ("user_code", "boot")):
        panel = Panel(128, 64)
        view = Screens(panel, button=button)
        view.show(name, dict(CODE, kind="tls", message="no", hint=None))
        now = 0
        wait = view.update(now)
        while wait is not None and now < 600_000:
            now += wait
            wait = view.update(now)
        assert panel.level is None


def test_a_panel_that_cannot_be_dimmed_takes_every_press():
    class Plain:
        """What framebuf's caller may do with it, and no more."""

        width = 128
        height = 64

        def fill(self, colour):
            pass

        fill_rect = blit = show = lambda self, *_: None

    without_backlight = Panel(128, 64)
    without_backlight.can_dim = False
    for panel in (Plain(), without_backlight):
        view = Screens(panel, button="boot")
        view.show("expired", {})
        assert view.update(0) is None
        view.update(60_000)
        assert view.wake() is False


def test_a_panel_that_came_loose_does_not_mind_being_dimmed():
    panel = Panel(128, 64)
    view = Screens(panel, button="boot")
    view.show("idle", {})
    view.update(0)
    panel.trouble = OSError(19)
    view.update(60_000)
    assert view.wake() is True


def test_a_question_that_nobody_answers_goes_away():
    for panel in (Panel(128, 64), Lines()):
        names = []
        view = Screens(panel, names.append, button="boot")
        view.notify("linked", {"account": "Ana", "stored": True})
        view.show("unlink", {})
        assert view.update(0) == 15_000
        view.update(15_000)
        assert names == ["linked", "unlink", "linked"]
        assert "Account  Ana" in [text for text, _ in view._items]
