"""The firmware's files as a board has them: fewer and larger, with constants in their places.

Each module that a board loads costs it RAM for its name, path, globals and imports. So modules
that are needed together become one, `GROUPS`; every other one moves up beside them. What programs
import by its own name is still there under that name: a file that fetches it from the new place.
A constant of one module is written into the others that use it.
"""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import cast

from keyfob_host.firmware.lending import Moved
from keyfob_host.firmware.module_paths import module_of, path_of

# New module: the modules that are joined in it, from the lowest floor up. A name that begins with
# an underscore is unloaded by whoever loaded it (see keyfob.compat).
GROUPS = {
    "keyfob.base": (
        "keyfob.errors",
        "keyfob.events",
        "keyfob.oauth",
        "keyfob.oauth.ticks",
        "keyfob.oauth.messages",
        "keyfob.oauth.outcome",
        "keyfob.net.clock",
        "keyfob.net.http",
    ),
    "keyfob.link": (
        "keyfob.oauth.profile",
        "keyfob.storage.on_demand",
        "keyfob.link.account",
        "keyfob.link.provider",
        "keyfob.net.online",
        "keyfob.link",
    ),
    "keyfob.app": ("keyfob.ui.screens", "keyfob.app"),
    "keyfob._approve": ("keyfob.oauth.device_grant", "keyfob.link.approve"),
    "keyfob._rare_replies": ("keyfob.rare_replies", "keyfob.rare_outcome"),
    "keyfob._rare_octets": (
        "keyfob.rare_octets",
        "keyfob.oauth.notice",
        "keyfob.rare_http_reply",
    ),
    "keyfob._rare_account": ("keyfob.rare_account", "keyfob.link.record"),
    "keyfob._tls": (
        "keyfob.net.tls",
        "keyfob.net.platform_errors",
        "keyfob.net.addresses",
        "keyfob.rare_tls",
    ),
    "keyfob._config": (
        "keyfob.config_text",
        "keyfob.oauth.profile_schema",
        "keyfob.config",
        "keyfob.link.from_config",
    ),
    "keyfob._refresh": ("keyfob.oauth.token_set", "keyfob.link.refresh"),
    "keyfob._oled": ("keyfob.ui.displays.i2c", "keyfob.ui.displays.oled"),
    "keyfob._tft": (
        "keyfob.ui.displays.spi",
        "keyfob.ui.displays.tft",
        "keyfob.ui.displays.st7789",
        "keyfob.ui.displays.ili9341",
        "keyfob.ui.time_bar",
    ),
    "keyfob._round": ("keyfob.ui.displays.gc9a01", "keyfob.ui.time_ring"),
    "keyfob._texts": ("keyfob.ui.texts", "keyfob.ui.screen_table"),
    "keyfob._pages": ("keyfob.ui.fonts", "keyfob.ui.pages"),
    "keyfob._face": ("keyfob.ui.colours", "keyfob.ui.typeface", "keyfob.ui.face"),
    "keyfob._store": (
        "keyfob.storage.files",
        "keyfob.storage.token_store",
        "keyfob.storage.open_store",
    ),
    "keyfob._establish": ("keyfob.link.identity", "keyfob.link.establish"),
    "keyfob._call": ("keyfob.oauth.bearer", "keyfob.link.call"),
    "keyfob._keys": ("keyfob.ui.buttons", "keyfob.ui.led"),
    "keyfob._board": (
        "keyfob.heap_area",
        "keyfob.ui.displays.open_display",
        "keyfob.ui.board",
    ),
    "keyfob._join": ("keyfob.net.wifi", "keyfob.net.join"),
    "keyfob._discover": ("keyfob.oauth.excerpt", "keyfob.oauth.metadata", "keyfob.link.discover"),
}

# These keep their names: programs begin with them.
_ROOTS = ("keyfob", "keyfob.compat")

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class _Module:
    """One file: its tree, what it defines outside of functions, and what of that is constant."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.name = module_of(path)
        self.tree = ast.parse(text)
        self.defined: dict[str, None] = {}
        self.constants: dict[str, int | str] = {}
        for node in self.tree.body:
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    self.defined[name] = None
                case ast.ClassDef(name=name):
                    self.defined[name] = None
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self.defined[name] = None
                    if name.lstrip("_").isupper() and (known := _literal(value)) is not None:
                        self.constants[name] = known
        for name in _rebound(self.tree):
            self.constants.pop(name, None)
        self.new_names = dict(zip(self.defined, self.defined, strict=True))
        self.home = _home(self.name)


def packed(
    sources: dict[str, str], outside: Iterable[str], moved: Moved | None = None
) -> dict[str, str]:
    """Return the files of a board (text by name) made of the `sources`.

    `outside` are texts of programs: the modules that they import keep a file of that name, which
    finds in their new modules the functions that have `moved` (see `lending`).
    """
    modules = {module.name: module for module in (_Module(*item) for item in sources.items())}
    members: defaultdict[str, list[_Module]] = defaultdict(list)
    for module in sorted(modules.values(), key=_floor):
        if not all(map(_is_text, module.tree.body)):
            members[module.home].append(module)
    for group in members.values():
        if len(group) > 1:
            for module in group:
                _refuse_loose(module)
        taken = Counter(name for module in group for name in module.defined)
        for number, module in enumerate(group):
            for name in module.defined:
                if taken[name] > 1:
                    module.new_names[name] = f"{name}_{number}"
    result = {path_of(home): _joined(group, modules) for home, group in members.items()}
    asked_for = _imports(outside, modules)
    for module in modules.values():
        if module.home != module.name and module.name in asked_for:
            result[module.path] = _forwarding(module, (moved or {}).get(module.name, {}))
    for path in list(result):
        package = path.rpartition("/")[0]
        while package:
            alone = result.pop(package + ".py", "")
            result.setdefault(package + "/__init__.py", alone)
            package = package.rpartition("/")[0]
    return dict(sorted(result.items()))


def _bound(tree: ast.Module) -> list[str]:
    """The names that are bound outside of functions and classes, as often as they are."""
    found = []
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                found.append(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.append(name)
            case ast.ClassDef(name=name):
                found.append(name)
            case ast.Lambda():
                pass
            case _:
                waiting.extend(ast.iter_child_nodes(node))
    return found


def _rebound(tree: ast.Module) -> set[str]:
    """The names that are bound more than once, so that none of them is constant."""
    found = {name for name, times in Counter(_bound(tree)).items() if times > 1}
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            found.update(node.names)
    return found


def _refuse_loose(module: _Module) -> None:
    """Raise ValueError for names that may clash unseen with those of another file of the group."""
    loose = set(_bound(module.tree)) - module.defined.keys()
    for node in module.tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = {alias.asname or alias.name for alias in node.names}
            loose |= names & module.defined.keys()
    if loose:
        raise ValueError(f"{module.path}: a file that is joined cannot bind {min(loose)} that way")


def _floor(module: _Module) -> int:
    """Where a module stands in its group."""
    names = GROUPS.get(module.home, ())
    return names.index(module.name) if module.name in names else 0


def sources_of(module: str, sources: Iterable[str]) -> list[str]:
    """The files among `sources` that are part of a board's `module`."""
    return [path for path in sources if _home(module_of(path)) == module]


def _home(name: str) -> str:
    """The module of a board that the module `name` of the sources is part of."""
    if name in _ROOTS:
        return name
    for home, names in GROUPS.items():
        if name in names:
            return home
    return "keyfob._" + name.rpartition(".")[2]


def _literal(value: ast.expr) -> int | str | None:
    """The number or text that an expression is, None for any other."""
    match value:
        case ast.Call(func=ast.Name(id="const"), args=[inner]):
            return _literal(inner)
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int(found) | str(found)):
            return found
    return None


def _imports(texts: Iterable[str], modules: dict[str, _Module]) -> set[str]:
    """The modules that programs import."""
    found = set()
    for text in texts:
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.ImportFrom(module=str(module), names=names):
                    found.add(module)
                    found |= {f"{module}.{alias.name}" for alias in names}
                case ast.Import(names=names):
                    found |= {alias.name for alias in names}
    return found & modules.keys()


def _forwarding(module: _Module, moved: dict[str, str]) -> str:
    """A file that has the public names of a module that is part of another one."""
    lines = [
        f"from {_home(home)} import {name}"
        for name, home in moved.items()
        if not name.startswith("_")
    ]
    for name, new in module.new_names.items():
        if name in module.constants and not name.startswith("_"):
            lines.append(f"{name} = {module.constants[name]!r}")
        elif not name.startswith("_"):
            lines.append(f"from {module.home} import {new} as {name}")
    return "\n".join(lines) + "\n"


def _joined(group: list[_Module], modules: dict[str, _Module]) -> str:
    """The text of one module made of several."""
    body: list[ast.stmt] = []
    imports: dict[str, ast.stmt] = {}
    for module in group:
        tree = _Rewriter(module, modules).visit(module.tree)
        for node in tree.body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                imports.setdefault(ast.unparse(node), node)
            elif not _is_text(node):
                body.append(node)
    whole = ast.Module([*imports.values(), *body], [])
    return ast.unparse(ast.fix_missing_locations(whole)) + "\n"


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


class _Rewriter(ast.NodeTransformer):
    """Puts a module's own names, imports and constants in terms of the board's modules."""

    def __init__(self, module: _Module, modules: dict[str, _Module]) -> None:
        self._module = module
        self._modules = modules
        # What names mean, by scope: a module, or a module and one of its names, or None for a
        # name of the function's own.
        self._scopes: list[dict[str, tuple[_Module, str | None] | None]] = [
            {name: (module, name) for name in module.defined}
        ]
        self._loaded: list[set[str]] = [set()]  # by function: see _loaded
        self._note_imports(module.tree.body)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self._defaults(node.args)
        self._scopes.append(dict.fromkeys(_arguments(node.args)))
        node.body = self.visit(node.body)
        self._scopes.pop()
        return node

    def _defaults(self, arguments: ast.arguments) -> None:
        arguments.defaults = [self.visit(item) for item in arguments.defaults]
        arguments.kw_defaults = [item and self.visit(item) for item in arguments.kw_defaults]

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        if len(self._scopes) == 1:
            node.name = self._module.new_names.get(node.name, node.name)
        node.bases = [self.visit(base) for base in node.bases]
        # The members of a class are no names of its functions'.
        node.body = [self._member(member) for member in node.body if not _is_text(member)]
        node.body = node.body or [ast.Pass()]
        return node

    def _member(self, node: ast.stmt) -> ast.stmt:
        if isinstance(node, ast.Assign):
            node.value = self.visit(node.value)
            return node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return self._function(node, is_member=True)
        return cast(ast.stmt, self.visit(node))

    def _function(
        self, node: "ast.FunctionDef | ast.AsyncFunctionDef", is_member: bool = False
    ) -> "ast.FunctionDef | ast.AsyncFunctionDef":
        if len(self._scopes) == 1 and not is_member:
            node.name = self._module.new_names.get(node.name, node.name)
        node.decorator_list = [self.visit(item) for item in node.decorator_list]
        self._defaults(node.args)
        scope: dict[str, tuple[_Module, str | None] | None]
        scope = dict.fromkeys(_arguments(node.args))
        shared = set()
        for inner in _own_nodes(node):
            match inner:
                case ast.Name(id=name, ctx=ast.Store()):
                    scope[name] = None
                case ast.ExceptHandler(name=str(name)):
                    scope[name] = None
                case ast.Global(names=names) | ast.Nonlocal(names=names):
                    shared.update(names)
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    scope[name] = None
        for name in shared:
            scope.pop(name, None)
        self._scopes.append(scope)
        self._note_imports(list(_own_nodes(node)))
        loaded = [found for inner in _own_nodes(node) if (found := _loaded(inner))]
        for name in {name for name, _ in loaded}:
            meant = {module for other, module in loaded if other == name}
            if len(meant) == 1 and meant <= self._modules.keys():  # after the block, too
                scope[name] = (self._modules[meant.pop()], None)
        self._loaded.append({name for name, _ in loaded})
        node.body = [
            new for inner in node.body if not _is_text(inner) for new in _listed(self.visit(inner))
        ] or [ast.Pass()]
        self._loaded.pop()
        self._scopes.pop()
        return node

    def visit_With(self, node: ast.With) -> ast.AST:
        """In `with Loaded("module") as name:` the name means that module."""
        found = _loaded(node)
        if found is None or found[1] not in self._modules:
            return self.generic_visit(node)
        name, module = found
        self._scopes.append({name: (self._modules[module], None)})
        self.generic_visit(node)
        self._scopes.pop()
        return node

    def visit_Global(self, node: ast.Global) -> ast.AST:
        node.names = [self._module.new_names.get(name, name) for name in node.names]
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        found = self._look_up(node.id)
        if found is None:
            return node
        module, name = found
        if name is None:
            if module.home == self._module.home and node.id not in self._loaded[-1]:
                raise self._refusal(f"cannot use the module {node.id} as a value")
            return node
        is_known = isinstance(node.ctx, ast.Load) and name in module.constants
        if is_known and (module is not self._module or not name.startswith("_")):
            return ast.Constant(module.constants[name])
        if module.home == self._module.home:
            return self._own_name(module.new_names[name], node.ctx)
        return node

    def _own_name(self, name: str, context: ast.expr_context) -> ast.Name:
        """A name of the joined module. Raises ValueError where one of the function hides it."""
        if any(name in scope and scope[name] is None for scope in self._scopes[1:]):
            raise self._refusal(f"cannot call something {name} and use the {name} of its group")
        return ast.Name(name, context)

    def _refusal(self, words: str) -> ValueError:
        return ValueError(f"{self._module.path}: a file that is joined {words}")

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name):
            found = self._look_up(node.value.id)
            if found is not None and found[1] is None:
                module = found[0]
                if node.attr in module.constants:
                    return ast.Constant(module.constants[node.attr])
                new = module.new_names.get(node.attr, node.attr)
                if module.home == self._module.home and node.value.id not in self._loaded[-1]:
                    return self._own_name(new, node.ctx)
                return ast.Attribute(node.value, new, node.ctx)
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        match node.targets:
            case [ast.Name(id=name)] if len(self._scopes) == 1:
                if name in self._module.constants and not name.startswith("_"):
                    return None  # it is written where it is used
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        words = node.value.split(" ") if isinstance(node.value, str) else []
        modules = [self._modules[word] for word in words if word in self._modules and "." in word]
        if not words or len(modules) < len(words):
            return node
        return ast.Constant(" ".join(module.home for module in modules))

    def visit_Import(self, node: ast.Import) -> ast.AST | None:
        for alias in node.names:
            if alias.name in self._modules:
                if self._modules[alias.name].home == self._module.home:
                    return None
                alias.name = self._modules[alias.name].home
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.stmt] | ast.AST | None:
        source = self._modules.get(node.module or "")
        if source is None:
            return node
        kept: list[ast.stmt] = []
        for alias in node.names:
            part = self._modules.get(f"{source.name}.{alias.name}")
            shown = alias.asname or alias.name
            if part is not None:
                if part.home != self._module.home:
                    parent, _, name = part.home.rpartition(".")
                    kept.append(ast.ImportFrom(parent, [ast.alias(name, shown)], 0))
            elif alias.name in source.constants or alias.name == "const":
                continue
            elif alias.name not in source.new_names:
                raise ValueError(
                    f"{self._module.path}: {source.name} has no {alias.name} on a board, where "
                    "what is rare has moved away"
                )
            elif source.home != self._module.home:
                new = source.new_names[alias.name]
                renamed = ast.alias(new, None if new == shown else shown)
                kept.append(ast.ImportFrom(source.home, [renamed], 0))
        return kept or (None if len(self._scopes) == 1 else [])

    def _note_imports(self, nodes: list[ast.AST] | list[ast.stmt]) -> None:
        for node in nodes:
            if not isinstance(node, ast.ImportFrom) or node.module not in self._modules:
                if isinstance(node, (ast.Import, ast.ImportFrom)) and len(self._scopes) > 1:
                    names = [alias.asname or alias.name for alias in node.names]
                    self._scopes[-1].update(dict.fromkeys(names))
                continue
            source = self._modules[node.module]
            for alias in node.names:
                part = self._modules.get(f"{source.name}.{alias.name}")
                shown = alias.asname or alias.name
                self._scopes[-1][shown] = (part, None) if part else (source, alias.name)

    def _look_up(self, name: str) -> tuple[_Module, str | None] | None:
        for scope in reversed(self._scopes):
            if name in scope:
                found = scope[name]
                if found is not None and found[1] is not None and found[1] not in found[0].defined:
                    return None
                return found
        return None


def _loaded(node: ast.AST) -> tuple[str, str] | None:
    """The name and the module of `with Loaded("module") as name:`, None for anything else."""
    match node:
        case ast.With(
            items=[
                ast.withitem(
                    context_expr=ast.Call(
                        func=ast.Name(id="Loaded"), args=[ast.Constant(value=str(module))]
                    ),
                    optional_vars=ast.Name(id=name),
                )
            ]
        ):
            return name, module
    return None


def _arguments(arguments: ast.arguments) -> list[str]:
    """The names of a function's arguments."""
    found = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    found += [extra for extra in (arguments.vararg, arguments.kwarg) if extra]
    return [argument.arg for argument in found]


def _own_nodes(function: ast.AST) -> Iterable[ast.AST]:
    """The nodes of a function, without those of functions in it."""
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))


def _listed(found: ast.stmt | list[ast.stmt] | None) -> list[ast.stmt]:
    if found is None:
        return []
    return found if isinstance(found, list) else [found]
