from typing import Any

from keyfob.net.wifi import _Network
from keyfob.oauth.messages import Client
from keyfob.oauth.profile import Profile

class Config:
    wifi: list[_Network]
    country: str | None
    provider: None
    scope: str | None
    ca: list[str] | None
    allow_http: bool
    board: str | None
    api: str | None
    language: str | None
    erase_ended: bool
    profile: Profile
    client: Client
    def __init__(self, fields: dict[str, Any], root: str = "") -> None: ...
    def networks(self) -> list[_Network]: ...  # internal
    def roots(self) -> list[bytes]: ...

def load(path: str = "/keyfob.json", root: str = "") -> Config: ...
def parse(text: bytes, path: str) -> Any: ...  # internal
