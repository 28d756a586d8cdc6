from collections.abc import Awaitable, Callable

from machine import Pin

class Button:
    name: str
    def __init__(self, pin: Pin, pressed: int = 0, name: str = "") -> None: ...
    async def press(self, sleep_ms: Callable[[int], Awaitable[object]] | None = None) -> bool: ...
