"""Functions that a board needs rarely, out of the modules that stay in its RAM.

A function whose `def` line ends with `# rare` or `# rare: NAME` goes into a module of such
functions, `keyfob.rare_NAME` (the file's own name, where none is given):

- A method or a property is fetched from there for each use, by its class (`keyfob.compat.lent`).
  Where a class has rare ones in several modules, they are looked for in each in turn.
- A function of a module is imported from there by the files that use it, and
  `with Loaded("its module") as code:` loads only those that its block uses. Where its own file
  calls it, from what stays loaded or from other rare functions, it is fetched for each call. So it
  is where a file says `module.function(...)` of a module that it imports.

A subclass overrides a rare method as any other, but `super()` does not find it on a board.
So a class has one file that tells the whole of it. What only rare functions use of a file's
imports and tables moves along with them. A table that other files use, too, does so where its
first line ends with `# rare`.
"""

import ast
import copy
import re
from collections import defaultdict
from collections.abc import Iterable

from keyfob_host.firmware.module_paths import module_of, path_of

_WORD = re.compile(r"\w+")
_MARK = re.compile(r"^ *(?:async )?def \w+\(.*# rare(?:: (\w+))?$")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Moved = dict[str, dict[str, str]]  # by module and name: the module that has it


def lent(sources: dict[str, str]) -> tuple[dict[str, str], Moved]:
    """Return the `sources` (text by name) with rare functions in files of their own.

    Beside them, what is no longer where its importers look for it. Raises ValueError for a
    function that cannot be lent.
    """
    result: dict[str, str] = {}
    moved: Moved = {}
    words = {path: set(_WORD.findall(text)) for path, text in sources.items()}
    for path, text in sources.items():
        if not any(map(_MARK.match, text.splitlines())):
            result[path] = text
            continue
        others = {word for name in sources if name != path for word in words[name]}
        file = _File(path, text, others)
        for name, content in file.divided().items():
            if name in result or (name in sources and name != path):
                raise ValueError(f"{path}: there is a {name} already")
            result[name] = content
        moved[file.module] = file.moved
    return {name: _redirected(name, text, moved) for name, text in result.items()}, moved


def lender(path: str, sources: dict[str, str]) -> str:
    """The file among `sources` whose rare functions are in the file `path`, else `path`."""
    for name, text in sources.items():
        for line in text.splitlines():
            mark = _MARK.match(line)
            if mark and path_of(_rare_module(module_of(name), mark)) == path:
                return name
    return path


def _rare_module(module: str, mark: re.Match[str]) -> str:
    return "keyfob.rare_" + (mark[1] or module.rpartition(".")[2])


class _File:
    """A file with rare functions, and the words that `others` say.

    `moved` is what importers find in another module, by name, once it is `divided`.
    """

    def __init__(self, path: str, text: str, others: set[str]) -> None:
        self._path = path
        self._others = others
        self.module = module_of(path)
        self._lines = text.splitlines()
        self._stays = ast.parse(text).body
        self._groups: defaultdict[str, list[Function]] = defaultdict(list)  # by new module
        self.moved: dict[str, str] = {}

    def divided(self) -> dict[str, str]:
        """What stays of the file, and the files of its rare functions."""
        needed = self._take_methods() | self._take_functions()
        tables = {module: self._tables(module) for module in self._groups}
        for module, some in tables.items():
            self.moved |= {_table(node): module for node in some if _table(node)[0] != "_"}
        files = {}
        for module, group in self._groups.items():
            own = [*tables[module], *group]
            parts = [*self._imports(own), *own, *map(_marked, filter(_is_property, group))]
            if "Loaded" in _said(parts):
                _import_from_compat(parts, {"Loaded"})
            files[path_of(module)] = _text(parts)
        gone = [table for some in tables.values() for table in some]
        self._stays = [node for node in self._stays if node not in gone]
        self._drop_imports()
        _import_from_compat(self._stays, needed)
        return {self._path: _text(self._stays), **files}

    def _take_methods(self) -> set[str]:
        """Take the rare methods; return what their classes need of `keyfob.compat` for that."""
        needed = set()
        for kind in self._stays:
            if not isinstance(kind, ast.ClassDef):
                continue
            rare = {
                node: home
                for node in kind.body
                if isinstance(node, Function) and (home := self._home(node))
            }
            if rare and any(_defined(node) == "__getattr__" for node in kind.body):
                raise self._refusal(f"{kind.name} has a __getattr__ of its own")
            if rare:
                homes = list(dict.fromkeys(rare.values()))
                for home in homes:
                    group = [node for node in rare if rare[node] == home]
                    self._refuse_double_meaning(group)
                    _Direct(group)
                    self._groups[home] += group
                homes.sort(key=lambda home: -len(self._groups[home]))  # the likeliest first
                words = " ".join(homes)
                fetch = f"def __getattr__(self, name):\n    return lent(self, name, {words!r})"
                kind.body = [node for node in kind.body if node not in rare]
                kind.body += ast.parse(fetch).body
                needed.add("lent")
        return needed

    def _refuse_double_meaning(self, group: list[Function]) -> None:
        """Raise ValueError where what functions mean by a name would be one of them."""
        meant = set().union(*map(_from_outside, group))
        for node in group:
            if node.name in meant:
                raise self._refusal(f"{node.name} means two things to rare functions")

    def _take_functions(self) -> set[str]:
        """Take the rare functions; return what the file needs of `keyfob.compat` for that."""
        rare = {node: home for node in self._stays if (home := self._home(node))}
        said = _said([node for node in self._stays if node not in rare])
        needed = set()
        for node, home in rare.items():
            assert isinstance(node, Function)
            self._groups[home].append(node)
            place = self._stays.index(node)
            if node.name in said:
                self._stays[place : place + 1] = _fetching(node.name, home)
                needed.add("Loaded")
            else:
                del self._stays[place]
                self.moved[node.name] = home
        for group in self._groups.values():
            names = [node.name for node in group]
            if len(set(names)) < len(names):
                raise self._refusal("two rare functions have one name")
        return needed

    def _home(self, node: ast.stmt) -> str | None:
        """The new module of a rare function, None for anything else."""
        if not isinstance(node, Function):
            return None
        mark = _MARK.match(self._lines[node.lineno - 1])
        if mark is None:
            return None
        decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
        is_plain = decorators in ([], ["property"]) and "super()" not in ast.unparse(node)
        if node.name.startswith("__") or not is_plain:
            raise self._refusal(f"{node.name} cannot be rare")
        return _rare_module(self.module, mark)

    def _refusal(self, words: str) -> ValueError:
        return ValueError(f"{self._path}: {words}")

    def _tables(self, module: str) -> list[ast.stmt]:
        """The tables that, of this file, the rare functions of one module alone use."""
        others = [node for home, group in self._groups.items() if home != module for node in group]
        group = self._groups[module]
        said = {node: _said([node]) for node in [*group, *others, *self._stays]}
        found: list[ast.stmt] = []
        while True:
            own = set().union(*(said[node] for node in [*group, *found]))
            rest = [node for node in self._stays if node not in found]
            for node in rest:
                name = _table(node)
                if name not in own or self._is_known(node):
                    continue
                if not any(name in said[user] for user in [*others, *rest] if user is not node):
                    found.insert(0, node)
                    break
            else:
                return found

    def _is_known(self, node: ast.stmt) -> bool:
        """Whether others may use a table: by its name, or as a constant in place of it."""
        match node:
            case ast.Assign(targets=[ast.Name(name)], value=value) if name[0] != "_":
                if self._lines[node.lineno - 1].endswith("# rare"):
                    return False
                return name in self._others or isinstance(value, ast.Constant | ast.Call)
        return False

    def _imports(self, own: list[ast.stmt]) -> list[ast.stmt]:
        """What the statements of a new module need of other files, and of this one."""
        defined = {_defined(node) for node in own}
        needed = _said(own) - defined
        found: list[ast.stmt] = []
        for node in self._stays:
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias for alias in node.names if _bound(alias) in needed]
                if names:
                    part = copy.copy(node)
                    part.names = names
                    found.append(part)
            elif _defined(node) in needed:
                found.append(ast.ImportFrom(self.module, [ast.alias(_defined(node))], 0))
        tables = {_table(node) for node in self._stays}
        for name, module in self.moved.items():
            if name in needed & tables:
                found.append(ast.ImportFrom(module, [ast.alias(name)], 0))
            elif name in needed:
                found += _fetching(name, module)
        return found

    def _drop_imports(self) -> None:
        """Drop the imports that rare functions alone have needed."""
        stays = _said(self._stays)
        rare = _said(node for group in self._groups.values() for node in group)
        for node in self._stays:
            if isinstance(node, ast.Import | ast.ImportFrom):
                node.names = [
                    alias
                    for alias in node.names
                    if _bound(alias) in stays or _bound(alias) not in rare
                ]
        self._stays = [node for node in self._stays if _says_something(node)]


def _import_from_compat(body: list[ast.stmt], names: set[str]) -> None:
    """Have the statements of a file import `names` from `keyfob.compat`."""
    for node in body:
        if isinstance(node, ast.ImportFrom) and node.module == "keyfob.compat":
            names = names - {alias.name for alias in node.names}
    if names:
        aliases = [ast.alias(name) for name in sorted(names)]
        body.insert(0, ast.ImportFrom("keyfob.compat", aliases, 0))


class _Direct(ast.NodeTransformer):
    """Calls of private methods by others of their group: as functions, which are at hand."""

    def __init__(self, group: list[Function]) -> None:
        self._names = {
            node.name for node in group if node.name.startswith("_") and not _is_property(node)
        }
        for node in group:
            self.visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node.func:
            case ast.Attribute(value=ast.Name(id="self") as owner, attr=name):
                if name in self._names:
                    function = ast.Name(name, ast.Load())
                    return ast.Call(function, [owner, *node.args], node.keywords)
        return node


def _fetching(name: str, home: str) -> list[ast.stmt]:
    """What stands for a function of the module `home`."""
    return ast.parse(f"""
def {name}(*arguments, **named):
    with Loaded({home!r}) as code:
        return code.{name}(*arguments, **named)
""").body


def _is_property(function: Function) -> bool:
    return bool(function.decorator_list)


def _marked(function: Function) -> ast.stmt:
    """Make a property a function, and return the statement that marks it for `compat.lent`."""
    function.decorator_list = []
    return ast.parse(f"{function.name} = ({function.name},)").body[0]


def _redirected(path: str, text: str, moved: Moved) -> str:
    """A file whose imports find functions that have moved.

    Raises ValueError for one that is used by its old module's name in another way than a call.
    """
    tree = ast.parse(text)
    changed = _redirect_blocks(tree, moved) | _fetch_members(path, tree, moved)
    gone_from = {name: moved[module] for name, module in _modules(tree) if module in moved}
    for parent in ast.walk(tree):
        match parent:
            case ast.Attribute(value=ast.Name(id=name), attr=function):
                if function in gone_from.get(name, ()):
                    raise ValueError(f"{path}: import {function} by its name, since it is rare")
        body: list[ast.stmt] = getattr(parent, "body", [])
        for node in list(body) if isinstance(body, list) else ():
            if isinstance(node, ast.ImportFrom) and node.module in moved:
                homes = moved[node.module]
                gone = [alias for alias in node.names if alias.name in homes]
                node.names = [alias for alias in node.names if alias not in gone]
                new = [ast.ImportFrom(homes[alias.name], [alias], 0) for alias in gone]
                place = body.index(node)
                body[place : place + 1] = [node, *new] if node.names else new
                changed |= bool(gone)
    return _text(tree.body) if changed else text


def _fetch_members(path: str, tree: ast.Module, moved: Moved) -> bool:
    """Have calls by the name of an imported module fetch the function; whether there are any."""
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    known = dict(_modules(ast.Module(list(imports), [])))
    fetched: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(name), attr=function)):
                home = moved.get(known.get(name, ""), {}).get(function)
                if home is not None:
                    fetched[function] = home
                    node.func = ast.Name(function, ast.Load())
    if not fetched:
        return False
    clash = fetched.keys() & (set(map(_defined, tree.body)) | _bound_in(tree))
    if clash:
        raise ValueError(f"{path}: {min(clash)} means two things")
    place = max(map(tree.body.index, imports)) + 1
    tree.body[place:place] = [node for found in fetched.items() for node in _fetching(*found)]
    _import_from_compat(tree.body, {"Loaded"})
    return True


def _bound_in(tree: ast.AST) -> set[str]:
    """The names that functions in a tree bind, and those that it imports."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.alias():
                found.add(_bound(node))
    return found


def _redirect_blocks(tree: ast.Module, moved: Moved) -> bool:
    """Have blocks that load a module for its rare functions alone load theirs; whether any did."""
    changed = False
    for block in ast.walk(tree):
        for item in getattr(block, "items", ()):
            match item:
                case ast.withitem(
                    ast.Call(ast.Name("Loaded"), [ast.Constant(str(module)) as asked]),
                    ast.Name(code),
                ) if module in moved:
                    homes = {moved[module].get(name) for name in _members_used(block, code)}
                    home = homes.pop() if len(homes) == 1 else None
                    if home is not None:
                        asked.value = home
                        changed = True
    return changed


def _members_used(block: ast.AST, code: str) -> set[str]:
    """The members of `code` that a block uses."""
    return {
        inner.attr
        for inner in ast.walk(block)
        if isinstance(inner, ast.Attribute)
        and isinstance(inner.value, ast.Name)
        and inner.value.id == code
    }


def _modules(tree: ast.Module) -> Iterable[tuple[str, str]]:
    """Names that mean modules, perhaps, and those modules."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=module, names=names):
                for alias in names:
                    yield _bound(alias), f"{module}.{alias.name}"
            case ast.withitem(
                ast.Call(ast.Name("Loaded"), [ast.Constant(str(module))]), ast.Name(name)
            ):
                yield name, module


def _bound(alias: ast.alias) -> str:
    return alias.asname or alias.name


def _table(node: ast.stmt) -> str:
    """The name that an assignment gives to something, "" for any other statement."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
    return ""


def _defined(node: ast.stmt) -> str:
    """The name that a statement defines, "" for none."""
    return node.name if isinstance(node, Function | ast.ClassDef) else _table(node)


def _said(nodes: Iterable[ast.stmt]) -> set[str]:
    """The names that statements use."""
    return {
        inner.id
        for node in nodes
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load)
    }


def _from_outside(function: Function) -> set[str]:
    """The names that a function uses and does not bind."""
    bound = {inner.arg for inner in ast.walk(function) if isinstance(inner, ast.arg)}
    for inner in ast.walk(function):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            bound.add(inner.id)
    return _said([function]) - bound


def _says_something(node: ast.stmt) -> bool:
    """Whether a statement is code: no text, and no import of nothing."""
    match node:
        case ast.Import(names=[]) | ast.ImportFrom(names=[]) | ast.Expr(value=ast.Constant()):
            return False
    return True


def _text(body: Iterable[ast.stmt]) -> str:
    return ast.unparse(ast.fix_missing_locations(ast.Module(list(body), []))) + "\n"
