from collections.abc import Mapping
from typing import Any

from keyfob.oauth.messages import Client, Reply, Request
from keyfob.oauth.profile import Profile

def well_known(issuer: str) -> tuple[str, str]: ...  # internal
def learn(profile: Profile, metadata: Mapping[str, Any]) -> None: ...  # internal
def is_near(host: str) -> bool: ...  # internal

class Discovery:
    def __init__(self, profile: Profile) -> None: ...
    def request(self) -> Request: ...
    def receive(self, reply: Reply, client: Client | None = None) -> bool: ...
