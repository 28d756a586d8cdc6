from collections.abc import Mapping
from typing import Any

def items(
    screen: str, members: Mapping[str, Any], language: str, with_labels: bool = True
) -> list[tuple[str, str]]: ...
def languages() -> list[str]: ...
