from collections.abc import Mapping
from typing import Any

CONSOLE: int
PLAIN: int
COLOURED: int

def items(
    screen: str, members: Mapping[str, Any], language: str, signs: int = 1
) -> list[tuple[str, str]]: ...
def languages() -> list[str]: ...
