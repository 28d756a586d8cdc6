"""The mock authorization server of keyfob: RFC 8628 and what belongs to it, on Authlib and Flask.

Strict where devices get things wrong, with a verification page for people, an admin API and a
request log for tests, and a clock that may be virtual.

    with MockServer(ServerOptions()) as server:
        server.description["issuer"]
"""

from .command import serve
from .options import ServerOptions
from .server import MockServer

__all__ = ["MockServer", "ServerOptions", "serve"]
