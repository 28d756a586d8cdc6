"""Whatever others wrote stays text: on the terminal, and in answers of boards."""

import json

import pytest

from keyfob_host import shapes
from keyfob_host.board.answers import ANSWERS
from keyfob_host.printable import is_typed, one_line, say
from keyfob_host.report.terminal import Terminal
from keyfob_host.resources import firmware_dir
from keyfob_host.verbs.dialogue import say_columns

HOSTILE = "\x1b]0;title\x07\x1b[2J\x9b1m\u202e\r\nkeyfob: all is well"


def controls(text: str) -> set[str]:
    return {c for c in text if not c.isprintable() and c != "\n"}


def test_what_is_said_moves_no_cursor(capsys) -> None:
    say(HOSTILE)
    say_columns([["CA", HOSTILE], ["address", "x"]])
    out = capsys.readouterr().out
    assert controls(out) == set()
    assert len(out.splitlines()) == 4  # two of the text's own, one for each row


def test_a_screen_and_a_state_stay_in_their_lines(capsys) -> None:
    terminal = Terminal()
    terminal.screen([HOSTILE, "two"], None, None)
    terminal.event("linked", 1.0, {"account": HOSTILE, "scope": HOSTILE, "stored": False})
    terminal.event("error", 1.0, {"message": HOSTILE, "fatal": False})
    out = capsys.readouterr().out
    assert controls(out) == set()
    assert "\nkeyfob: all is well" not in out


def test_one_line_is_one_line() -> None:
    assert one_line("a\tb\nc") == "a\\tb\\nc"


def test_every_program_that_answers_has_a_shape() -> None:
    folder = firmware_dir().parent / "host_tools" / "keyfob_host" / "on_board"
    asked = {path.stem for path in folder.glob("*.py") if "print(json.dumps" in path.read_text()}
    asked |= {"facts"}  # over several lines
    assert set(ANSWERS) == asked


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_of_another_shape_are_refused(name: str) -> None:
    for odd in (True, "x", [], {}, [None], [1, 2], {"linked": 1}, 2**70, [[], [], []]):
        assert not ANSWERS[name](odd), odd


@pytest.mark.parametrize(
    ("shape", "good", "bad"),
    [
        (shapes.text, ["", "é"], [None, 1, b"", "x" * 8193]),
        (shapes.word, ["user_code", "x1"], ["", "1x", "a-b", "../x", "é", "x" * 41, None]),
        (shapes.ascii_text(3), ["", "abc"], ["abcd", "é", "a\n", " a", None]),
        (shapes.flag, [True, False], [0, 1, None]),
        (shapes.whole(0, 9), [0, 9], [-1, 10, 1.0, True, "1", None]),
        (shapes.number(0, 9), [0, 0.5], [float("nan"), float("inf"), True, None]),
        (shapes.maybe(shapes.flag), [None, True], [0]),
        (shapes.one_of("a"), ["a"], ["b", None, ["a"]]),
        (shapes.each(shapes.flag), [[], [True]], [[1], {}, [True] * 1001]),
        (shapes.row(shapes.flag, shapes.text), [[True, ""]], [[True], [True, "", ""], None]),
        (
            shapes.record({"a": shapes.flag}, {"b": shapes.flag}),
            [{"a": True}, {"a": True, "b": False, "c": [1]}],
            [{}, {"a": 1}, {"a": True, "b": 1}, {"a": True, "c": float("nan")}, []],
        ),
    ],
)
def test_shapes(shape: shapes.Shape, good: list[object], bad: list[object]) -> None:
    assert [value for value in good if not shape(value)] == []
    assert [value for value in bad if shape(value)] == []


def test_what_nobody_reads_may_not_be_nested_deeply() -> None:
    assert shapes.anything(json.loads("[" * 8 + "]" * 8))
    assert not shapes.anything(json.loads("[" * 100 + "]" * 100))


@pytest.mark.parametrize(
    "text", ["", "home", "Ana\u2019s é", "\u00a0", "\U0001f468\u200d\U0001f469", "漢"]
)
def test_what_people_type(text: str) -> None:
    assert is_typed(text)


@pytest.mark.parametrize("text", ["a\n", "\x00", "\x1b[2J", "\x7f", "\x9b", "\udcff", "\u2028"])
def test_what_nobody_types(text: str) -> None:
    assert not is_typed(text)
