from collections.abc import Sequence
from typing import TypedDict

from network import WLAN
from typing_extensions import NotRequired

from keyfob.net.clock import Clock

class _Network(TypedDict):
    ssid: str
    password: NotRequired[str | None]
    txpower: NotRequired[float | None]
    address: NotRequired[list[str] | None]
    country: NotRequired[str]

def station() -> WLAN | None: ...
async def join(networks: Sequence[_Network], clock: Clock) -> str | None: ...
