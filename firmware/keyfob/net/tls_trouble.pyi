from keyfob.errors import ConfigError, TransportError
from keyfob.net.clock import Clock

async def explain(
    failure: TransportError,
    error: BaseException,
    origin: tuple[str, str, int],
    clock: Clock,
    source: str | None,
) -> TransportError: ...
def unreadable(number: int, root: bytes) -> ConfigError: ...
def names(der: bytes) -> tuple[bytes, bytes]: ...
