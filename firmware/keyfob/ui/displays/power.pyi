from collections.abc import Mapping
from typing import Any

def power_up(power: Mapping[str, Any]) -> None: ...
