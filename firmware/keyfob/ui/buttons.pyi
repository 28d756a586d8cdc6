from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from machine import Pin

class Button:
    name: str
    def __init__(self, pin: Pin, pressed: int = 0, name: str = "") -> None: ...
    async def press(self, sleep_ms: Callable[[int], Awaitable[object]] | None = None) -> bool: ...

def open_button(buttons: Sequence[Mapping[str, Any]]) -> Button: ...
