"""`socket` whose names are looked up through the board's Wi-Fi."""

import _board
import usocket


class _Address(bytearray):
    """What the VM's sockets take for an address; to the program it is a tuple, as on an ESP32."""

    def __init__(self, address):
        super().__init__(usocket.getaddrinfo(*address)[0][-1])
        self._address = tuple(address)

    def __getitem__(self, index):
        return self._address[index]

    def __iter__(self):
        return iter(self._address)

    def __len__(self):
        return len(self._address)


def getaddrinfo(host, port, *rest):
    """Look a name up through the board's Wi-Fi: a loopback address for each of its addresses.

    Raises OSError without Wi-Fi or for an unknown name. A connection follows, which needs RAM.
    """
    _board.look()
    kind = rest[1] if rest[1:] and rest[1] else usocket.SOCK_STREAM
    return [
        (usocket.AF_INET, kind, 0, host, _Address(address))
        for address in _board.ask("uplink.addresses", host, port)
    ]


def __getattr__(name):
    return getattr(usocket, name)
