from collections.abc import Callable
from typing import Any, TypeAlias

from typing_extensions import TypeVarTuple, Unpack

from keyfob.errors import KeyfobError

_Arguments = TypeVarTuple("_Arguments")

# What is in the members depends on the event; all of it is JSON.
_Notify: TypeAlias = Callable[[str, dict[str, Any]], object]

class Events:
    unsaved: str | None
    def __init__(self, notify: _Notify | None = None) -> None: ...
    def notify(self, event: str, **members: object) -> None: ...
    def attempt(
        self, action: Callable[[Unpack[_Arguments]], object], *arguments: Unpack[_Arguments]
    ) -> None: ...
    def attempt_again(  # internal
        self, action: Callable[[Unpack[_Arguments]], object], *arguments: Unpack[_Arguments]
    ) -> None: ...
    def call(  # internal
        self, listener: Callable[[Unpack[_Arguments]], object], *arguments: Unpack[_Arguments]
    ) -> None: ...
    def notify_error(self, error: Exception, fatal: bool = False) -> KeyfobError: ...
