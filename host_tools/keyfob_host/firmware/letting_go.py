"""Names of loaded modules, cleared where the block that they were loaded for ends.

`with Loaded("module") as code:` unloads the module, and yet a function that goes on keeps it by
the name `code`. So `code = None` becomes the last line of the block.
"""

import ast

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LATER = (*_FUNCTIONS, ast.Lambda)  # they may run when the block is over
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def with_names_cleared(text: str) -> str:
    """Return the `text` of a file with those lines.

    They are left out where nothing follows the block, or the name is used outside of it.
    """
    tree = ast.parse(text)
    found = [_clear(function) for function in ast.walk(tree) if isinstance(function, _FUNCTIONS)]
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n" if any(found) else text


def _clear(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Add the lines to the blocks of a function; return whether there are any."""
    blocks = [node for node in ast.walk(function) if isinstance(node, ast.With)]
    inner = [node for node in ast.walk(function) if isinstance(node, _LATER)][1:]
    found = False
    for block in blocks:
        name = _loaded_as(block)
        if name is None or block is function.body[-1] or isinstance(block.body[-1], _ENDS):
            continue
        mine = [other for other in blocks if _loaded_as(other) == name]
        within = set().union(*(_uses(other, name) for other in mine))
        later = set().union(*(_uses(other, name) for other in inner))
        if _uses(function, name) == within and not later:
            block.body.append(ast.Assign([ast.Name(name, ast.Store())], ast.Constant(None)))
            found = True
    return found


def _loaded_as(node: ast.AST) -> str | None:
    match node:
        case ast.With(items=[ast.withitem(ast.Call(ast.Name("Loaded")), ast.Name(name))]):
            return name
    return None


def _uses(tree: ast.AST, name: str) -> set[ast.AST]:
    """Where `name` is read."""
    return {
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
    }
