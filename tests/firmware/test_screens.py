"""What the person sees, and when it goes away again."""

from keyfob.ui import screens
from keyfob.ui.displays.console import Console
from keyfob.ui.screens import Screens

CODE = {
    "user_code": "fH7k-Qp0O",
    "verification_uri": "https://as.example/Device?x=%7Bid%7D&y={z}",
    "verification_uri_complete": None,
}


class Panel:
    """A display that remembers what stands on it, and all it ever showed."""

    def __init__(self):
        self.lines = []
        self.names = []

    def show(self, lines):
        self.lines = lines


def at_code():
    """A panel with a living code on it."""
    panel = Panel()
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
        panel = Panel()
        Screens(panel).notify("user_code", dict(CODE, user_code=code))
        assert "Code  " + code in panel.lines
        assert "Open  " + CODE["verification_uri"] in panel.lines


def test_a_complete_address_replaces_neither_of_them():
    panel = Panel()
    complete = "https://as.example/device?user_code=fH7k-Qp0O"
    Screens(panel).notify("user_code", dict(CODE, verification_uri_complete=complete))
    assert "Code  " + CODE["user_code"] in panel.lines
    assert "Open  " + CODE["verification_uri"] in panel.lines


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
    panel = Panel()
    view = Screens(panel)
    view.notify("linked", {"account": "Ana"})
    assert panel.lines == ["Linked", "Account  Ana"]
    view.notify("linked", {"account": None})
    assert panel.lines == ["Linked"]


def test_an_error_is_shown_if_it_ends_something():
    panel = Panel()
    view = Screens(panel, panel.names.append)
    view.notify("error", error(False))
    assert panel.names == []
    view.notify("error", error(True, hint="try this"))
    assert panel.lines == ["Something is wrong", "it broke", "try this"]


def test_an_ended_link_is_a_screen_that_an_error_does_not_cover():
    panel = Panel()
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
    for name in screens._SCREENS:
        shown = screens.lines(name, {})
        assert shown and all(shown), name
        assert "{" not in "".join(shown), name


def test_the_console_shows_one_line_each():
    written = []
    Console(written.append).show(["Linked", "Account  Ana"])
    assert written == ["Linked", "Account  Ana"]
