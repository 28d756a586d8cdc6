"""Classes that a board makes when they are first asked for, and keeps from then on.

A class takes a board's RAM from the import of its module on. One whose `class` line ends with
`# late` is left out of its module: it is made by a function of `keyfob.late_NAME`, which is loaded
for that alone. Who uses it asks its old module each time, so that all get the same class.
"""

import ast
import re

from keyfob_host.firmware.module_paths import module_of, path_of

_MARK = re.compile(r"^class (\w+).*# late$", re.MULTILINE)

Late = dict[str, list[str]]  # by file: the names of its late classes


def late_classes(sources: dict[str, str]) -> Late:
    """The late classes of the `sources` (text by name)."""
    return {path: found for path, text in sources.items() if (found := _MARK.findall(text))}


def late_file(path: str) -> str:
    """The file of the functions that make the late classes of the file `path`."""
    return path_of("keyfob.late_" + module_of(path).rpartition(".")[2])


def made_late(sources: dict[str, str], late: Late) -> dict[str, str]:
    """Return the `sources` with late classes in files of their own.

    Raises ValueError where one is not asked for as `from module import name` has it.
    """
    result = dict(sources)
    for path, names in late.items():
        for name, text in result.items():
            result[name] = _asking(name, text, module_of(path), names)
        result |= _divided(path, result[path], names)
    return result


def _divided(path: str, text: str, names: list[str]) -> dict[str, str]:
    """The file without late classes, and the one that makes them."""
    module, home = module_of(path), module_of(late_file(path))
    stays: list[ast.stmt] = []
    makers: list[ast.stmt] = []
    needed: set[str] = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef) and node.name in names:
            needed |= {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
            makers.append(_maker(_Asking(_short(module), names).visit(node)))
        else:
            stays.append(node)
    stays += ast.parse(f"""
def __getattr__(name):
    from keyfob.compat import Loaded
    with Loaded({home!r}) as code:
        make = getattr(code, name, None)
        if make is None:
            raise AttributeError(name)
        globals()[name] = made = make()
        return made
""").body
    defined = {node.name for node in stays if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    imports = [_import_of(module), *_import_from(module, sorted(needed & defined))]
    return {path: _text(stays), path_of(home): _text([*imports, *makers])}


def _maker(kind: ast.ClassDef) -> ast.stmt:
    """A function that makes a class and returns it."""
    function = ast.parse(f"def {kind.name}():\n    return {kind.name}").body[0]
    assert isinstance(function, ast.FunctionDef)
    function.body.insert(0, kind)
    return function


def _asking(path: str, text: str, module: str, names: list[str]) -> str:
    """A file that asks `module` for those late classes which it has imported from there."""
    tree = ast.parse(text)
    asked: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == module:
            late = [alias for alias in node.names if alias.name in names]
            if any(alias.asname for alias in late):
                raise ValueError(f"{path}: {late[0].name} is late and keeps its name")
            node.names = [alias for alias in node.names if alias not in late]
            asked += [alias.name for alias in late]
    if not asked:
        return text
    name = _short(module)
    if any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree)):
        raise ValueError(f"{path}: nothing can be called {name}, since late classes are used")
    tree = _Asking(name, asked).visit(tree)
    body = [node for node in tree.body if not isinstance(node, ast.ImportFrom) or node.names]
    return _text([_import_of(module), *body])


class _Asking(ast.NodeTransformer):
    """Asks a module, which is called `module`, for the late classes `names`."""

    def __init__(self, module: str, names: list[str]) -> None:
        self._module = module
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in self._names:
            return node
        return ast.Attribute(ast.Name(self._module, ast.Load()), node.id, node.ctx)


def _short(module: str) -> str:
    return module.rpartition(".")[2]


def _import_of(module: str) -> ast.stmt:
    package, _, name = module.rpartition(".")
    return ast.ImportFrom(package, [ast.alias(name)], 0)


def _import_from(module: str, names: list[str]) -> list[ast.stmt]:
    return [ast.ImportFrom(module, [ast.alias(name) for name in names], 0)] if names else []


def _text(body: list[ast.stmt]) -> str:
    return ast.unparse(ast.fix_missing_locations(ast.Module(body, []))) + "\n"
