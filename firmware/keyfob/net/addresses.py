"""The addresses of a host, of which the first that answers will do."""

import asyncio
import socket
import ssl

from keyfob.compat import const

_HUNG_UP = const(-29312)  # mbedTLS's number for a connection that ended in the handshake


def look_up(origin):
    """Return each address of `origin` with its port, IPv4 first; OSError for an unknown name.

    Where the platform keeps them in a form of its own, the name of the host stands for them.
    """
    _, host, port = origin
    found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    if not found or not isinstance(found[0][-1][0], str):  # no tuple that begins with a text
        return [(host, port)]
    first = [one[-1][:2] for one in found if one[0] == socket.AF_INET]
    return first + [one[-1][:2] for one in found if one[0] != socket.AF_INET]


def is_absent(error):
    """Whether `error` says that nobody answers at an address, and nothing of TLS."""
    if isinstance(error, asyncio.TimeoutError):
        return True
    number = error.args[0] if error.args else 0
    is_number = isinstance(number, int) and (number > 0 or number == _HUNG_UP)
    return is_number and not isinstance(error, getattr(ssl, "SSLError", ()))
