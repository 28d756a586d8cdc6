"""Short names for the modules of a board that no program imports.

A board keeps a module's name with its package and without, and its path, and forgets none of them.
So `keyfob._http_reply` becomes `keyfob._7`, say: `_7` is a name that its code has anyway.
"""

import ast
from collections.abc import Iterable

from keyfob_host.firmware.module_paths import module_of, path_of
from keyfob_host.firmware.shortening import supply

# Said by code that is often loaded, and loaded itself only once a connection has failed, or by a
# program that uses it. As a text that is longer than ten characters such a name is none that
# MicroPython keeps.
_SELDOM = (
    "keyfob._rare_trouble",
    "keyfob._selection",
    "keyfob._tls_greeting",
    "keyfob._tls_texts",
    "keyfob._tls_trouble",
)


def short_modules(paths: Iterable[str]) -> dict[str, str]:
    """The short names of those modules that may have one, of all in the files `paths`.

    Machine code keeps its name, by which `keyfob.compat` knows it.
    """
    modules = [module_of(path) for path in sorted(paths)]
    private = [name for name in modules if name.startswith("keyfob._")]
    return {
        name: f"keyfob.{short}"
        for name, short in zip(private, supply(), strict=False)
        if not name.endswith("_viper") and name not in _SELDOM
    }


def with_short_modules(texts: dict[str, str]) -> dict[str, str]:
    """Return the `texts` (by file name) with short names of modules, in the same order."""
    short = short_modules(texts)
    result = {}
    for path, text in texts.items():
        module = module_of(path)
        name = path_of(short[module]) if module in short else path
        result[name] = ast.unparse(_Renamed(short).visit(ast.parse(text))) + "\n"
    return result


class _Renamed(ast.NodeTransformer):
    """Says modules by their short names: in imports, and in texts of nothing but such names."""

    def __init__(self, short: dict[str, str]) -> None:
        self._short = short

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        words = node.value.split(" ") if isinstance(node.value, str) else []
        if not words or any(word not in self._short for word in words):
            return node
        return ast.Constant(" ".join(self._short[word] for word in words))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        module = node.module or ""
        for alias in node.names:
            short = self._short.get(f"{module}.{alias.name}")
            if short is not None:
                alias.asname = alias.asname or alias.name
                alias.name = short.rpartition(".")[2]
        node.module = self._short.get(module, module)
        return node
