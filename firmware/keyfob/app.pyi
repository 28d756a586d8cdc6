from typing import Any

from keyfob.events import _Notify
from keyfob.link import AccountLink
from keyfob.ui.buttons import Button
from keyfob.ui.displays.oled import Oled
from keyfob.ui.displays.tft import Tft
from keyfob.ui.screens import _Display

class App:
    asks_first: bool
    emit: _Notify
    link: AccountLink  # None before the configuration has been read, never in `idle`
    display: Oled | Tft | Any  # a panel, or what else the screens are shown on; None before `run`
    def __init__(
        self,
        root: str = "",
        display: _Display | None = None,
        emit: _Notify | None = None,
        button: Button | None = None,
    ) -> None: ...
    async def run(self) -> bool: ...
    def notify(self, event: str, members: dict[str, Any]) -> None: ...
    async def last(self) -> None: ...  # internal
    def show(self, name: str, value: object = None, *lines: str) -> None: ...
    async def idle(self) -> None: ...
    def came_up(self, screen: str) -> None: ...

def print_event(event: str, members: dict[str, Any]) -> None: ...
def run(kind: type[App] | None = None) -> None: ...
