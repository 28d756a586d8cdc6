"""Compiled firmware without what only its readers need: long private names, and `const`.

A board keeps every name of the code that it has loaded, once: some 30 bytes of RAM for each that
no other file uses. Names that begin with one underscore are nobody's business outside of their
file, so there they become `_0`, `_1` and so on, which all files share. Tracebacks then show those
for functions; their files and lines stay right. The compiler folds every `const(...)`, so the
function itself is imported for CPython only.
"""

import io
import itertools
import re
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator

_PRIVATE = re.compile(r"_[A-Za-z]\w+")
_CONSTANT = re.compile(r"^(_\w+) = const\(", re.MULTILINE)  # those vanish in compiling
_IMPORT = re.compile(r"^from keyfob\.compat import const(?:, (\w+))?$", re.MULTILINE)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def shortened(sources: dict[str, str]) -> dict[str, str]:
    """Return the `sources` (text by file name) with shorter private names and without `const`.

    What one file inherits from another of its folder shares the names of an object, so files of
    a folder below the package's own never get the same ones.
    """
    tokens = {}
    spoken = ""  # all that is said in strings, where a name may be looked up by
    for name, text in sources.items():
        found = list(tokenize.generate_tokens(io.StringIO(text).readline))
        tokens[name] = [_place(token) for token in found if token.type == tokenize.NAME]
        spoken += "\n".join(token.string for token in found if token.type == tokenize.STRING)
    files = Counter(word for found in tokens.values() for word in {word for word, _, _ in found})
    supplies: defaultdict[str, Iterator[str]] = defaultdict(lambda: _supply(files))
    result = {}
    for name, text in sources.items():
        constants = set(_CONSTANT.findall(text))
        folder = name.rpartition("/")[0]
        supply = supplies[folder if folder.count("/") > 1 else name]
        words = dict.fromkeys(word for word, _, _ in tokens[name] if _PRIVATE.fullmatch(word))
        short = {
            word: next(supply)
            for word in words
            if files[word] == 1 and word not in constants and word not in spoken
        }
        result[name] = _IMPORT.sub(_rest_of_import, _replaced(text, tokens[name], short))
    return result


def _rest_of_import(found: re.Match[str]) -> str:
    return f"from keyfob.compat import {found[1]}" if found[1] else ""


def _place(token: tokenize.TokenInfo) -> tuple[str, int, int]:
    """A name, its line from 0 and its column."""
    return token.string, token.start[0] - 1, token.start[1]


def _supply(taken: Counter[str]) -> Iterator[str]:
    """Short names that no file uses itself."""
    for length in itertools.count(1):
        for digits in itertools.product(_DIGITS, repeat=length):
            word = "_" + "".join(digits)
            if word not in taken:
                yield word


def _replaced(text: str, tokens: list[tuple[str, int, int]], short: dict[str, str]) -> str:
    lines = text.splitlines(keepends=True)
    for word, line, column in reversed(tokens):
        if word in short:
            before = lines[line]
            lines[line] = before[:column] + short[word] + before[column + len(word) :]
    return "".join(lines)
