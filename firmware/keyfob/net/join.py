"""Joining the network, at power-up and after it was lost; loaded only then."""

from keyfob.compat import Loaded, const
from keyfob.errors import TransportError

_PAUSE = const(2_000)  # ms between two rounds, doubled each time
_MAX_PAUSE = const(60_000)
_SECOND = const(1_000)
_DRIVER = const(30)  # s in which the driver itself may reconnect


async def join(connection, is_patient):
    """Join the first network that accepts the board; see `Online.join`."""
    clock, events = connection.clock, connection.events
    if connection.station is not None and await _is_back(connection):
        return
    pause = _PAUSE
    trouble = None
    while True:
        try:
            return await _join_once(connection)
        except TransportError as error:
            connection.is_away = True
            if error.message == trouble:  # notify of the same reason once
                events.notify("wifi", state="failed")
            else:
                trouble = error.message
                events.notify("wifi", state="failed", trouble=_shown(error))
                if not is_patient:
                    raise
                events.notify_error(error)
        await clock.sleep(pause + clock.jitter(pause // 4))
        pause = min(2 * pause, _MAX_PAUSE)


def _shown(error):
    """The members of the screen that says why there is no Wi-Fi."""
    trouble = getattr(error, "trouble", None)
    if trouble is None:
        return {"message": error.message}
    return {"ssid": trouble[0], "kind": trouble[1]}


async def _is_back(connection):
    """Whether the driver has reconnected to a network that was lost."""
    connection.is_away = True
    connection.events.notify("wifi", state="lost")
    for _ in range(_DRIVER):
        if connection.station.isconnected():
            _arrived(connection)
            return True
        await connection.clock.sleep(_SECOND)
    return False


async def _join_once(connection):
    with Loaded("keyfob.net.wifi") as wifi:
        if await wifi.join(connection.networks, connection.clock) is not None:
            connection.station = wifi.station()
            _arrived(connection)


def _arrived(connection):
    connection.is_away = False
    connection.events.notify("wifi", state="joined")
