"""Names that are said outside of the firmware: those of its stubs, and what programs say."""

import ast

_INTERNAL = "# internal"  # at the end of a line of a stub: what begins there is promised to nobody


def promised(stub: str) -> set[str]:
    """The names that a stub defines, and those by which its parameters may be given.

    What it only imports or annotates with is another module's business.
    """
    lines = stub.splitlines()
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(stub)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.stmt, ast.arg)) and lines[node.lineno - 1].endswith(_INTERNAL):
            continue
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                found.add(name)
            case ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.arguments(args=args, kwonlyargs=more):
                waiting.extend(arg for arg in [*args, *more] if arg.arg != "cls")
                continue
            case ast.arg(arg=name):
                found.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
        waiting.extend(ast.iter_child_nodes(node))
    return found


def said(program: str) -> set[str]:
    """The names by which a program may mean something of the firmware's.

    Those of its own variables and functions are not among them, but members of classes are: the
    firmware may call them.
    """
    tree = ast.parse(program)
    found: set[str] = set()
    bound: set[str] = set()
    loaded: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                found.add(name)
            case ast.alias(name=name):
                found.update(name.split("."))
            case ast.ImportFrom(module=str(name)):
                found.update(name.split("."))
            case ast.Name(id=name, ctx=ast.Load()):
                loaded.add(name)
            case ast.Name(id=name):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                bound.add(name)
            case ast.ClassDef(name=name, body=body):
                bound.add(name)
                found |= _members(body)
    return found | (loaded - bound)


def _members(body: list[ast.stmt]) -> set[str]:
    found = set()
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.Assign(targets=targets):
                found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found
