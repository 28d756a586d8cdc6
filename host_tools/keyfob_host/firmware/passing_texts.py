"""Short texts of modules that a board unloads, so that they go with their modules.

MicroPython makes a name of each text of up to ten bytes as it loads the file, and forgets no name.
Where nothing that stays says it, `"slow_down"` becomes `b"slow_down".decode()`: its bytes are part
of the module, and the text is garbage once it was used.
"""

import ast

from keyfob_host.firmware.shortening import ROM_NAMES, names_of

_LONGEST_NAME = 10  # bytes: MICROPY_ALLOC_PARSE_INTERN_STRING_LEN
# Of MicroPython's own names those that are no words.
_SIGNS = ("", " ", "\n", "*", "/", "+", "-", ":", "?", "@", "utf-8")


def with_passing_texts(texts: dict[str, str], passing: set[str]) -> dict[str, str]:
    """Return the `texts` (by file name) with short texts as bytes in the files that are `passing`.

    What a file that stays says, and what any file calls something, is a name already.
    """
    known = {*_SIGNS, *ROM_NAMES.read_text(encoding="utf-8").split()}
    for name, text in texts.items():
        known.update(names_of(text))
        if name not in passing:
            known.update(_said(text))
    return {
        name: ast.unparse(_Passing(known).visit(ast.parse(text))) + "\n"
        if name in passing
        else text
        for name, text in texts.items()
    }


def _said(text: str) -> set[str]:
    return {
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


class _Passing(ast.NodeTransformer):
    def __init__(self, known: set[str]) -> None:
        self._known = known

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if not isinstance(node.value, str) or node.value in self._known:
            return node
        content = node.value.encode()
        if len(content) > _LONGEST_NAME:
            return node
        decode = ast.Attribute(ast.Constant(content), "decode", ast.Load())
        return ast.Call(decode, [], [])

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node  # MicroPython joins its texts to a longer one
