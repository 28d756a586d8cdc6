from collections.abc import Mapping
from typing import Any

PLAIN: str
COLOURED: str

def items(
    screen: str, members: Mapping[str, Any], language: str, signs: str = "~"
) -> list[tuple[str, str]]: ...
def languages() -> list[str]: ...
