"""Compiled firmware without what only its readers need: long names, and `const`.

A board keeps every name of the code that it has ever loaded, once: some 30 bytes of RAM for each.
So what nobody outside of the firmware says is called `_0`, `_1` and so on, and names that no file
says together share one of these. What programs may say stays as it is, and so does what
MicroPython has in its ROM, and what is also said in a string, by which a member may be looked up.
The compiler folds every `const(...)`, so the function itself is imported for CPython only.
"""

import ast
import functools
import io
import itertools
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from keyfob_host.firmware.module_paths import path_of

_CONSTANT = re.compile(r"^(_\w+) = const\(", re.MULTILINE)  # those vanish in compiling
# Those would if their names began with an underscore.
_KNOWN = re.compile(r"^([A-Za-z]\w*) = const\(", re.MULTILINE)
_IMPORT = re.compile(r"^from keyfob\.compat import const(?:, (\w+))?$", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_]\w*")
_SAID = re.compile(r"(?<![\w:-])[A-Za-z_]\w*(?![\w:-])")  # words of texts, but of URNs and headers
# A sentence names nothing. A table has more than one line, or columns.
_SENTENCE = re.compile(r"(?:[^\n|{]* )?(?:a|an|the|it|to|for|or|again|before) [^\n|{]*$")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# Calls whose keywords become the members of a dict, that is, data.
_MAKE_DICTS = ("notify", "dict", "update")
ROOT = "keyfob/__init__.py"
_DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# Names of MicroPython's modules and their members, which are in ROM.
ROM_NAMES = Path(__file__).with_name("rom_names.txt")


def shortened(sources: dict[str, str], spoken: Iterable[str] = ()) -> dict[str, str]:
    """Return the `sources` (text by file name) with shorter names and without `const`.

    `spoken` are texts of programs and stubs, whose names stay.
    """
    short = short_names(sources, spoken)
    result = {}
    for name, text in sources.items():
        mine = {word: short[word] for word in short.keys() - set(_CONSTANT.findall(text))}
        result[name] = _IMPORT.sub(_rest_of_import, _replaced(text, mine))
    return result


def short_names(sources: dict[str, str], spoken: Iterable[str] = ()) -> dict[str, str]:
    """The short name of each name that `shortened` replaces; several may have the same."""
    words = {name: names_of(text) for name, text in sources.items()}
    trees = {name: ast.parse(text) for name, text in sources.items()}
    free = _free(sources, trees) - _kept(sources, trees, spoken)
    modules = {path.stem for path in map(Path, sources)}
    taken = set().union(*words.values()) - modules
    if ROOT in words:
        words[ROOT] |= modules  # they become its members
    return _colored(free, _families(words, trees), taken)


def _colored(free: set[str], families: list[set[str]], taken: set[str]) -> dict[str, str]:
    """A short name, none of those `taken`, for each free word.

    Two words that one family says get different ones.
    """
    places: dict[str, list[int]] = {word: [] for word in free}
    for number, family in enumerate(families):
        for word in family & free:
            places[word].append(number)
    names = itertools.islice(supply(), len(free) + len(taken))
    unused = [name for name in names if name not in taken]
    used = [family - free for family in families]
    result = {}
    for word in sorted(free, key=lambda word: (-len(places[word]), word)):
        name = next(name for name in unused if not any(name in used[n] for n in places[word]))
        result[word] = name
        for number in places[word]:
            used[number].add(name)
    return result


def _families(words: dict[str, set[str]], trees: dict[str, ast.Module]) -> list[set[str]]:
    """Words of which no two may become the same: those of a file, and members of one class.

    A class has members in the files of the classes that inherit from it, too, and in those that
    lend it methods.
    """
    homes = {
        node.name: name
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    family = {name: name for name in words}

    def first(name: str) -> str:
        while family[name] != name:
            name = family[name]
        return name

    lending = set()
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                for base in map(_last, node.bases):
                    if base in homes:
                        family[first(name)] = first(homes[base])
            match node:  # methods that are fetched from another file (see lending)
                case ast.Call(func=ast.Name("lent"), args=[_, _, ast.Constant(str(lenders))]):
                    for lender in map(path_of, lenders.split()):
                        lending.add(lender)
                        family[first(name)] = first(lender)
    members: defaultdict[str, set[str]] = defaultdict(set)
    shared = {first(name) for name in words if first(name) != name}
    for name, tree in trees.items():
        if first(name) not in shared:
            continue
        members[first(name)] |= _members(tree) | (_defined(tree) if name in lending else set())
    return [*words.values(), *members.values()]


def _members(tree: ast.Module) -> set[str]:
    """The names of members that a file says or defines, and of functions, for tracebacks."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= _defined(node)
    return found


def _defined(place: ast.Module | ast.ClassDef) -> set[str]:
    """The names that a file or a class defines, imported ones among them."""
    found = {node.id for node in _globals(place)}
    for node in place.body:
        if isinstance(node, _DEFINITIONS):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def _free(sources: dict[str, str], trees: dict[str, ast.Module]) -> set[str]:
    """The names that the files give to something of their own which a board keeps by name."""
    found: set[str] = set()
    for path, tree in trees.items():
        constants = _CONSTANT.findall(sources[path])
        found |= {node.id for node in _globals(tree)}.difference(constants)
        imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        found |= {alias.asname for node in imports for alias in node.names if alias.asname}
        for node in ast.walk(tree):
            match node:
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                    found.add(name)
                case ast.AsyncFunctionDef(name=name) | ast.arg(arg=name):
                    found.add(name)
                case ast.Attribute(attr=name, ctx=ast.Store()):
                    found.add(name)
    return found


def _globals(tree: ast.AST) -> Iterator[ast.Name]:
    """Names that are assigned outside of functions, members of classes among them."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(node))


def names_of(text: str) -> set[str]:
    """What a text calls something, keywords among it."""
    return {word for word, _, _ in _names(text)}


def _kept(
    sources: dict[str, str], trees: dict[str, ast.Module], spoken: Iterable[str]
) -> set[str]:
    """The names that others know, or that are data."""
    kept = {"_", "self", *ROM_NAMES.read_text(encoding="utf-8").split()}
    for text in spoken:
        kept |= names_of(text)
    for name, text in sources.items():
        kept.update(_WORD.findall(name), _KNOWN.findall(text))
        tree = trees[name]
        said_to_people = set()
        for node in ast.walk(tree):  # a parent comes before its children
            match node:
                case ast.Expr(value=ast.Constant() as constant):
                    said_to_people.add(id(constant))
                case ast.Raise():
                    said_to_people.update(map(id, filter(_is_prose, ast.walk(node))))
                case ast.Constant(value=str(said)) if _SENTENCE.match(said):
                    pass
                case ast.Constant(value=str(said)) if id(node) not in said_to_people:
                    kept.update(_SAID.findall(said))
                case ast.Call(func=called, keywords=keywords) if _last(called) in _MAKE_DICTS:
                    kept.update(keyword.arg for keyword in keywords if keyword.arg)
        kept.update(word for word in _WORD.findall(text) if word.startswith("__"))
    return kept


def _is_prose(node: ast.AST) -> bool:
    """Whether a text in a `raise` says something, and names nothing."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value


def _last(called: ast.expr) -> str:
    match called:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _rest_of_import(found: re.Match[str]) -> str:
    return f"from keyfob.compat import {found[1]}" if found[1] else ""


@functools.lru_cache(maxsize=512)  # those of a file are asked for again to be replaced
def _names(text: str) -> list[tuple[str, int, int]]:
    """Each name in a text, its line from 0 and its column; keywords are among them."""
    return [
        (token.string, token.start[0] - 1, token.start[1])
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.NAME
    ]


def supply() -> Iterator[str]:
    """Short names: `_0`, `_1` and so on."""
    for length in itertools.count(1):
        for digits in itertools.product(_DIGITS, repeat=length):
            yield "_" + "".join(digits)


def _replaced(text: str, short: dict[str, str]) -> str:
    lines = text.splitlines(keepends=True)
    for word, line, column in reversed(_names(text)):
        if word in short:
            before = lines[line]
            lines[line] = before[:column] + short[word] + before[column + len(word) :]
    return "".join(lines)
