"""Questions: who is asked which board is meant, and that --yes, --json and pipes ask nobody."""

import io
import sys

import pytest

from keyfob_host import cli
from keyfob_host.board.ports import KNOWN, Port
from keyfob_host.verbs import dialogue
from keyfob_host.verbs.dialogue import Dialogue, Progress

PORTS = [Port(f"/dev/keyfob-{name}", "USB bridge", KNOWN, name) for name in ("one", "two")]
VERBS = {
    "status": [],
    "link": [],
    "unlink": [],
    "install": [],
    "configure": ["--wifi-ssid", "home"],
    "test": [],
    "monitor": ["--timeout", "0.1"],
    "doctor": [],
    "flash": [],
}


class Typed(io.StringIO):
    """What a person types; `was_read` tells whether anybody asked for it."""

    was_read = False

    def readline(self, *arguments):
        self.was_read = True
        return super().readline(*arguments)


@pytest.fixture
def keyfob(monkeypatch, capsys, tmp_path):
    """Run a verb where two boards are, which nobody can open: exit code, stderr, keyboard."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("keyfob_host.board.ports.candidates", lambda: PORTS)

    def run(typed, *words, terminal=True):
        monkeypatch.setattr(dialogue, "is_terminal", lambda: terminal)
        keyboard = Typed(typed)
        monkeypatch.setattr(sys, "stdin", keyboard)
        code = cli.main(words)
        return code, capsys.readouterr().err, keyboard

    return run


@pytest.mark.parametrize("verb", VERBS)
def test_a_person_says_which_of_several_boards_is_meant(keyfob, verb):
    code, err, _ = keyfob("2\n", verb, *VERBS[verb])
    assert "  1  /dev/keyfob-one (USB bridge)\n  2  /dev/keyfob-two (USB bridge)\n" in err
    assert "Which board? [1-2] " in err
    assert code == 1
    assert "/dev/keyfob-two" in err.splitlines()[-2]  # it could not be opened


@pytest.mark.parametrize("answer", ["", "\n", "3\n", "0\n", "two\n"])
def test_an_answer_that_names_none_is_none(keyfob, answer):
    code, err, _ = keyfob(answer, "status")
    assert code == 2
    assert err.splitlines()[-2].endswith("(USB bridge), /dev/keyfob-two (USB bridge)")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("words", "terminal"), [(["--yes"], True), (["--json"], True), ([], False)]
)
def test_nobody_is_asked_with_yes_or_json_or_when_piped(keyfob, verb, words, terminal):
    code, err, keyboard = keyfob("2\n", verb, *VERBS[verb], *words, terminal=terminal)
    assert code == (1 if verb == "doctor" else 2)  # a finding of the doctor's is no wrong usage
    assert err.startswith("keyfob: there are 2 boards: /dev/keyfob-one (USB bridge), ")
    assert not keyboard.was_read


def test_yes_agrees_to_what_would_be_asked(monkeypatch):
    monkeypatch.setattr(dialogue, "is_terminal", lambda: True)
    monkeypatch.setattr(sys, "stdin", Typed("n\n"))
    assert Dialogue(as_json=False, yes=True).agrees("Shall it?") is True
    assert not sys.stdin.was_read
    assert Dialogue(as_json=False).agrees("Shall it?") is False


def test_progress_is_the_last_line_of_a_terminal(capsys):
    progress = Progress(shown=True)
    progress.line("begun")
    progress.update("one", 10)
    progress.update("two", 5.9)
    progress.line("a word")
    progress.update("one", 100)
    progress.close()
    assert capsys.readouterr().out == (
        "begun\n"
        "\r\x1b[Kone 10 %"
        "\r\x1b[Kone 10 %  two 5 %"
        "\r\x1b[Ka word\n"
        "\r\x1b[Kone 10 %  two 5 %"
        "\r\x1b[Kone 100 %  two 5 %\n"
    )


def test_progress_is_silent_where_it_is_not_shown(capsys):
    progress = Progress(shown=False)
    progress.update("one", 10)
    progress.line("a word")
    progress.close()
    assert capsys.readouterr().out == "a word\n"
