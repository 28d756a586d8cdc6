from collections.abc import Sequence
from typing import Final

from keyfob.net.clock import Clock
from keyfob.oauth.messages import Reply, Request

TIMEOUT: Final = 10_000

class HttpClient:
    def __init__(
        self,
        roots: Sequence[bytes] = (),
        allow_http: bool = False,
        timeout_ms: int = 10_000,
        clock: Clock | None = None,
    ) -> None: ...
    async def send(
        self, request: Request, timeout_ms: int | None = None, max_body: int = 16_384
    ) -> Reply: ...
    async def close(self) -> None: ...
