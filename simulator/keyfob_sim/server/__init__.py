"""The mock authorization server of keyfob: RFC 8628 and what belongs to it, on Authlib and Flask.

Strict where devices get things wrong, with a verification page for people, an admin API and a
request log for tests, and a clock that may be virtual.

    with MockServer(ServerOptions()) as server:
        server.description["issuer"]
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .command import serve
    from .mock_server import MockServer
    from .options import ServerOptions

__all__ = ["MockServer", "ServerOptions", "serve"]

_HOMES = {"MockServer": ".mock_server", "ServerOptions": ".options", "serve": ".command"}


def __getattr__(name: str) -> Any:
    """Import what is asked for: who needs one module here must not wait for Flask and Authlib."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
