"""Joining a Wi-Fi network, where the platform has one."""

from keyfob.compat import const
from keyfob.errors import TransportError

_PATIENCE = const(15_000)  # ms to join one network
_LOOK = const(100)  # ms between two looks at the state
_SETTLE = const(1_000)  # ms after a disconnect: the ESP32 refuses a connect before that


async def join(networks, clock):
    """Join the first of `networks` (dicts of ssid and password) that lets us in.

    Returns its ssid; None where there is nothing to join, since the platform's network
    is up by other means. Raises TransportError where none lets us in.
    """
    if not networks:
        return None
    try:
        import network
    except ImportError:
        return None
    station = network.WLAN(network.STA_IF)
    station.active(True)
    if station.isconnected():
        return networks[0]["ssid"]  # a soft reset leaves Wi-Fi as it was
    for wanted in networks:
        if await _join_one(station, wanted, clock):
            return wanted["ssid"]
    raise TransportError("no Wi-Fi network let the board in", "check its name and password")


async def _join_one(station, wanted, clock):
    try:
        station.connect(wanted["ssid"], wanted.get("password"))
    except OSError:
        station.disconnect()
        await clock.sleep(_SETTLE)
        station.connect(wanted["ssid"], wanted.get("password"))
    for _ in range(_PATIENCE // _LOOK):
        if station.isconnected():
            return True
        await clock.sleep(_LOOK)
    station.disconnect()
    return False
