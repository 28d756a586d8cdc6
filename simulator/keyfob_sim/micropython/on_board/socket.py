"""`socket` whose names are looked up through the board's Wi-Fi."""

import _board
import usocket


def getaddrinfo(host, port, *rest):
    return usocket.getaddrinfo(*_board.ask("uplink.resolve", host, port), *rest)


def __getattr__(name):
    return getattr(usocket, name)
