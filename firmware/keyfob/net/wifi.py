"""Joining a Wi-Fi network, where the platform has one."""

from keyfob.compat import const
from keyfob.errors import TransportError

_PATIENCE = const(15_000)  # ms to join one network
_LOOK = const(100)  # ms between two looks at the state
_SETTLE = const(1_000)  # ms after a disconnect: the ESP32 refuses a connect before that
_TRIES = const(2)

# The meaning of a driver's states, by their names in `network` where the platform has them.
# States come and go while the driver retries, and a wrong password has several.
# Each has the word for the screen, and a sentence.
_REASONS = (
    ("STAT_NO_AP_FOUND", ("lost", "%s is out of reach")),
    ("STAT_HANDSHAKE_TIMEOUT", ("password", "%s seems to have another password")),
    ("STAT_WRONG_PASSWORD", ("password", "%s has another password")),
)
_SILENT = ("timeout", "%s")
# A screen names one network. Who has two, at home and at work, finds one of them out of reach.
_TOLD_FIRST = ("password", "timeout", "lost")


def station():
    """The platform's Wi-Fi station, or None where it has no Wi-Fi."""
    try:
        import network
    except ImportError:
        return None
    return network.WLAN(network.STA_IF)


async def join(networks, clock):
    """Join the first of `networks` (dicts of ssid and password) that accepts the board.

    Returns its ssid; None where there is nothing to join, since the platform's network is up by
    other means. Raises TransportError with the reasons where none accepts the board. Its `trouble`
    is the ssid of one of them and why, in a word; it has none where Wi-Fi itself does not work.
    """
    radio = station() if networks else None
    if radio is None:
        return None
    names = [wanted["ssid"] for wanted in networks]
    reasons = []
    try:
        radio.active(True)
        if radio.isconnected():  # a soft reset leaves Wi-Fi as it was
            name = radio.config("ssid")
            if name in names:
                return name
            await _leave(radio, clock)
        for wanted in networks:
            reason = await _join_one(radio, wanted, clock)
            if reason is None:
                return wanted["ssid"]
            reasons.append(reason)
    except OSError as error:
        raise TransportError("Wi-Fi does not work: %s" % error, "switch the board off and on")
    raise _error(names, reasons)


async def _join_one(radio, wanted, clock):
    """Try one network; return None once it is joined, else the reason why not."""
    import network

    reason = _SILENT
    for _ in range(_TRIES):
        try:
            radio.connect(wanted["ssid"], wanted.get("password"))
            break
        except OSError:  # the driver is still busy with another attempt
            await _leave(radio, clock)
    else:
        return reason
    for _ in range(_PATIENCE // _LOOK):
        if radio.isconnected():
            return None
        state = radio.status()
        for name, told in _REASONS:
            if state == getattr(network, name, None):
                reason = told
        await clock.sleep(_LOOK)
    await _leave(radio, clock)
    return reason


async def _leave(radio, clock):
    radio.disconnect()
    await clock.sleep(_SETTLE)


def _error(names, reasons):
    """The error for networks, by their names, and why none of them accepts the board."""
    told = [words % name for name, (_, words) in zip(names, reasons)]
    error = TransportError(
        "no Wi-Fi network let the board in: " + ", ".join(told), "check its name and password"
    )
    kinds = [kind for kind, _ in reasons]
    kind = next(kind for kind in _TOLD_FIRST if kind in kinds)
    error.trouble = (names[kinds.index(kind)], kind)
    return error
