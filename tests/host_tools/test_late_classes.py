"""Late classes: made when they are first asked for, and the same for all who ask."""

import sys
from types import ModuleType

import pytest

from keyfob_host.firmware import compiler
from keyfob_host.firmware.lending import lender, lent
from keyfob_host.firmware.packing import packed
from keyfob_host.resources import firmware_dir

ERRORS = "keyfob/errors.py"
LATE = "keyfob/late_errors.py"
USER = "keyfob/user.py"

CLASSES = """
class Base(Exception):
    kind = "base"

class Middle(Base):  # late
    kind = "middle"

class Last(Middle):  # late
    def __init__(self, words):
        super().__init__(words)
        self.words = words
"""

USING = """
from keyfob.errors import Base, Last

def work(words):
    try:
        raise Last(words)
    except Last as error:
        return error
"""


def test_a_late_class_is_made_once_and_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    files, _ = lent({ERRORS: CLASSES, USER: USING})
    assert files.keys() == {ERRORS, LATE, USER}
    assert "Middle" not in files[ERRORS]
    modules = {}
    for path in (ERRORS, LATE, USER):
        name = "keyfob." + path[7:-3]
        modules[path] = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, modules[path])
    monkeypatch.setattr("keyfob.errors", modules[ERRORS], raising=False)
    for path, module in modules.items():
        exec(files[path], module.__dict__)  # the test's own text
    assert "Last" not in vars(modules[ERRORS])
    error = modules[USER].work("so it is")
    assert (error.words, error.kind) == ("so it is", "middle")
    assert type(error) is modules[ERRORS].Last
    assert isinstance(error, modules[ERRORS].Middle)
    assert modules[ERRORS].Last is modules[ERRORS].Last
    with pytest.raises(AttributeError, match="nothing"):
        _ = modules[ERRORS].nothing


def test_who_imports_one_asks_each_time() -> None:
    files, _ = lent({ERRORS: CLASSES, USER: USING})
    assert "from keyfob import errors\nfrom keyfob.errors import Base\n" in files[USER]
    assert "raise errors.Last(words)" in files[USER]
    assert "except errors.Last as error:" in files[USER]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("from keyfob.errors import Last as L\n", "Last is late and keeps its name"),
        ("from keyfob.errors import Last\nerrors = [Last]\n", "nothing can be called errors"),
    ],
)
def test_what_cannot_ask_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        lent({ERRORS: CLASSES, USER: text})


def test_a_program_finds_it_by_its_old_name() -> None:
    files, moved = lent({ERRORS: CLASSES, "keyfob/events.py": "one = 1\n"})
    board = packed(files, ["from keyfob.errors import Last"], moved)
    assert "Last" not in board[ERRORS]
    assert "def __getattr__(name):\n    return getattr(_home, name)\n" in board[ERRORS]


def test_the_file_of_a_late_class_is_known() -> None:
    sources = compiler.texts(firmware_dir())
    files, _ = lent(sources)
    assert LATE in files
    assert lender(LATE, sources) == ERRORS
