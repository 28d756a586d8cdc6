"""`network` of an ESP32: constants and every method of WLAN are the host's."""

import _board

_known = {}  # constants that have been asked for


class WLAN:
    """The station (IF_STA); methods are those of `hardware.wifi.Station`, errors OSErrors."""

    IF_STA = 0
    IF_AP = 1
    PM_NONE = 0
    PM_PERFORMANCE = 1
    PM_POWERSAVE = 2

    def __init__(self, id=0):
        self._interface = id

    def isconnected(self):
        """Whether it has joined a network. It is asked often, so this takes no JSON."""
        return bool(_board.call(67, self._interface))

    def __getattr__(self, name):
        def method(*arguments, **settings):
            if name in ("active", "connect"):
                _board.look()  # how much RAM there was before
            found = _board.ask("network.wlan." + name, self._interface, arguments, settings)
            return _bytes(found) if name == "scan" or "mac" in arguments else found

        return method


def _bytes(value):
    from binascii import unhexlify

    if isinstance(value, list):
        return [(unhexlify(row[0]), unhexlify(row[1])) + tuple(row[2:]) for row in value]
    return unhexlify(value)


def hostname(*name):
    """Return the name that DHCP tells the router, or set it."""
    station = WLAN()
    return station.config(hostname=name[0]) if name else station.config("hostname")


def country(*name):
    """Return the two letters of the radio's country, or set them."""
    return WLAN().country(*name)


def __getattr__(name):
    if name not in _known:
        _known[name] = _board.ask("network.constant", name)
    return _known[name]
