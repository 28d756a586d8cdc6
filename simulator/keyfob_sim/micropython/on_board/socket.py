"""`socket` whose names are looked up through the board's Wi-Fi."""

import _board
import usocket


def getaddrinfo(host, port, *rest):
    """Look a name up through the board's Wi-Fi: a loopback address that leads to the server.

    Raises OSError without Wi-Fi or for an unknown name. A connection follows, which needs RAM.
    """
    _board.look()
    return usocket.getaddrinfo(*_board.ask("uplink.resolve", host, port), *rest)


def __getattr__(name):
    return getattr(usocket, name)
