"""Joining a Wi-Fi network, where the platform has one."""

from keyfob.compat import const
from keyfob.errors import TransportError

_PATIENCE = const(15_000)  # ms to join one network
_LOOK = const(100)  # ms between two looks at the state
_SETTLE = const(1_000)  # ms after a disconnect: the ESP32 refuses a connect before that
_TRIES = const(2)


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
    names = [wanted["ssid"] for wanted in networks]
    try:
        station.active(True)
        if station.isconnected():  # a soft reset leaves Wi-Fi as it was
            name = station.config("ssid")
            if name in names:
                return name
            await _leave(station, clock)
        for wanted in networks:
            if await _join_one(station, wanted, clock):
                return wanted["ssid"]
    except OSError as error:
        raise TransportError("Wi-Fi does not work: %s" % error, "switch the board off and on")
    raise TransportError(
        "no Wi-Fi network let the board in: " + ", ".join(names), "check its name and password"
    )


async def _join_one(station, wanted, clock):
    for _ in range(_TRIES):
        try:
            station.connect(wanted["ssid"], wanted.get("password"))
            break
        except OSError:  # the driver is still busy with another attempt
            await _leave(station, clock)
    else:
        return False
    for _ in range(_PATIENCE // _LOOK):
        if station.isconnected():
            return True
        await clock.sleep(_LOOK)
    await _leave(station, clock)
    return False


async def _leave(station, clock):
    station.disconnect()
    await clock.sleep(_SETTLE)
