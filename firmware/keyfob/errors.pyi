from typing import Final, TypedDict

class _Members(TypedDict):
    kind: str
    message: str
    hint: str | None
    fatal: bool

NEVER: Final = 0  # internal
AS_PASSING: Final = 1  # internal
AS_FATAL: Final = 2  # internal

class KeyfobError(Exception):
    message: str
    hint: str | None
    kind: str
    notified: int  # internal
    interval: int | None  # internal
    def __init__(self, message: str, hint: str | None = None, kind: str | None = None) -> None: ...
    def members(self, fatal: bool) -> _Members: ...

class UsageError(KeyfobError): ...
class ConfigError(KeyfobError): ...

class TransportError(KeyfobError):
    lost: bool  # internal
    is_final: bool  # internal

class ProviderError(KeyfobError):
    error: str | None
    def __init__(
        self,
        message: str,
        hint: str | None = None,
        error: str | None = None,
        kind: str | None = None,
    ) -> None: ...

class StorageError(KeyfobError):
    reason: str | None

class LinkDenied(ProviderError): ...

class LinkExpired(ProviderError):
    lost: str | None

class NotLinked(UsageError): ...

def ours(error: Exception) -> KeyfobError: ...  # internal
def no_memory(what: str, hint: str = ...) -> TransportError: ...  # internal
