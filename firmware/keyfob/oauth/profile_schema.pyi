from collections.abc import Mapping
from typing import Any

from keyfob.oauth.messages import Client
from keyfob.oauth.profile import Profile

ENDPOINTS: tuple[str, ...]
ADDRESSES: tuple[str, ...]

def fill(profile: Profile, fields: Mapping[str, Any]) -> None: ...
def client_from(fields: Mapping[str, Any]) -> Client: ...
