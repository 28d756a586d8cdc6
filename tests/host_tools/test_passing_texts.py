"""Short texts of modules that are unloaded: bytes, so that MicroPython makes no name of them."""

import pytest

from keyfob_host.firmware.passing_texts import with_passing_texts


def passing(text: str, **others: str) -> str:
    return with_passing_texts({"passing.py": text, **others}, {"passing.py"})["passing.py"]


@pytest.mark.parametrize("text", ["slow_down", "~", "ä" * 5])
def test_a_short_text_becomes_bytes(text: str):
    found = passing(f"def f():\n    return {text!r}\n")
    assert found == f"def f():\n    return {text.encode()!r}.decode()\n"
    assert eval(found.partition("return ")[2]) == text


@pytest.mark.parametrize(
    "value",
    [
        "'a text of more than ten bytes'",
        "'äääääa'",
        "''",
        "'\\n'",  # in MicroPython's ROM, as the next ones
        "'/'",
        "'append'",
        "b'bytes'",
        "f'is {value}'",
    ],
)
def test_what_is_no_new_name_stays(value: str):
    text = f"def f(value):\n    return {value}\n"
    assert passing(text) == text


def test_what_stays_loaded_says_is_a_name_already():
    text = "def f():\n    return 'saved'\n"
    assert passing(text, **{"stays.py": "told = 'saved'\n"}) == text


def test_what_a_file_calls_something_is_a_name_already():
    text = "def f(state):\n    return state.saved == 'saved'\n"
    assert passing(text) == text
    text = "x = 'saved'\n"
    assert passing(text, **{"stays.py": "def f(saved=1):\n    pass\n"}) == text


def test_a_file_that_stays_keeps_its_texts():
    files = {"stays.py": "told = 'saved'\n"}
    assert with_passing_texts(files, set()) == files
