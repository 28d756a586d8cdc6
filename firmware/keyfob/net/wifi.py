"""Joining a Wi-Fi network, where the platform has one."""

from keyfob.compat import const
from keyfob.errors import TransportError

_PATIENCE = const(15_000)  # ms to join one network
_LOOK = const(100)  # ms between two looks at the state
_SETTLE = const(1_000)  # ms after a disconnect: the ESP32 refuses a connect before that
_TRIES = const(2)
_SILENCE = const(110)  # looks without a reason, after which the driver is to tell one
_POWER = const(20)  # dBm of a radio that nobody told another
_SETTINGS = ("country", "txpower", "address")  # what few networks have
# A port of MicroPython lacks some settings, and a radio does not take every value.
_REFUSALS = (OSError, RuntimeError, ValueError, TypeError, AttributeError)

# The meaning of a driver's states, by their names in `network` where the platform has them.
# States come and go while the driver retries, and a wrong password has several.
# Each has the word for the screen, and a sentence.
_REASONS = (
    ("STAT_NO_AP_FOUND", ("lost", "%s is out of reach")),
    ("STAT_HANDSHAKE_TIMEOUT", ("password", "%s seems to have another password")),
    ("STAT_WRONG_PASSWORD", ("password", "%s has another password")),
)
# Others by the numbers of ESP-IDF, which are in use where the first of those names is _NO_AP.
_NO_AP = const(201)
_NUMBERS = (
    ((2, 4, 34, 39, 200), ("weak_signal", "%s hears the board badly")),
    ((5,), ("timeout", "%s has no room for another device")),
    ((15, 16), ("password", "%s seems to have another password")),
    ((18, 19, 20, 23, 24, 210, 211), ("wrong_security", "%s has another kind of security")),
    ((203,), ("timeout", "%s turned the board away")),
    ((212,), ("lost", "%s is out of reach")),
)
_SILENT = ("timeout", "%s")
_HINT = "check its name and password"
_HINTS = {
    "weak_signal": "bring the board closer, or try a txpower of 8.5",
    "wrong_security": "check whether it has a password, and is WPA2",
}
# A screen names one network. Who has two, at home and at work, finds one of them out of reach.
_TOLD_FIRST = ("password", "wrong_security", "weak_signal", "timeout", "lost")


def station():
    """The platform's Wi-Fi station, or None where it has no Wi-Fi."""
    try:
        import network
    except ImportError:
        return None
    return network.WLAN(network.STA_IF)


async def join(networks, clock):
    """Join the first of `networks` (see Config.networks) that accepts the board.

    Returns its ssid; None where there is nothing to join, since the platform's network is up by
    other means. Raises TransportError with the reasons where none accepts the board. Its `trouble`
    is the ssid of one of them and why, in a word; it has none where Wi-Fi itself does not work.
    """
    radio = station() if networks else None
    if radio is None:
        return None
    names = [wanted["ssid"] for wanted in networks]
    reasons = []
    has_settings = any(name in wanted for wanted in networks for name in _SETTINGS)
    try:
        if has_settings:
            _set_country(networks)
        radio.active(True)
        if radio.isconnected():  # a soft reset leaves Wi-Fi as it was
            name = radio.config("ssid")
            if name in names:
                return name
            await _leave(radio, clock)
        for wanted in networks:
            reason = await _join_one(radio, wanted, clock, networks if has_settings else ())
            if reason is None:
                return wanted["ssid"]
            reasons.append(reason)
    except OSError as error:
        raise TransportError("Wi-Fi does not work: %s" % error, "switch the board off and on")
    raise _error(names, reasons)


async def _join_one(radio, wanted, clock, networks):
    """Try one network; return None once it is joined, else the reason why not.

    `networks` are all of them, where one has a setting of the radio's.
    """
    reason = _SILENT
    for _ in range(_TRIES):
        try:
            if networks:
                _set_up(radio, wanted, networks)
            radio.connect(wanted["ssid"], wanted.get("password"))
            break
        except OSError:  # the driver is still busy with another attempt
            await _leave(radio, clock)
    else:
        return reason
    has_given_up = False
    try:
        for look in range(_PATIENCE // _LOOK):
            if radio.isconnected():
                return None
            reason = _reason(radio.status()) or reason
            if look == _SILENCE and reason is _SILENT:
                has_given_up = True
                _set_tries(radio, 0)
            await clock.sleep(_LOOK)
    finally:
        if has_given_up:
            _set_tries(radio, -1)
    await _leave(radio, clock)
    return reason


def _reason(state):
    """What the driver's state tells of the last attempt, None where that is nothing."""
    import network

    for name, told in _REASONS:
        if state == getattr(network, name, None):
            return told
    if getattr(network, _REASONS[0][0], None) == _NO_AP:
        for numbers, told in _NUMBERS:
            if state in numbers:
                return told
    return None


def _set_tries(radio, count):  # rare
    """Set how often the driver tries again by itself, -1 for ever.

    It tells some reasons only once it has given up.
    """
    try:
        radio.config(reconnects=count)
    except _REFUSALS:
        pass


def _set_country(networks):  # rare
    """Set the country, which some radios want to know before they are switched on."""
    import network

    for wanted in networks:
        if wanted.get("country"):
            try:
                network.country(wanted["country"])
            except _REFUSALS:
                pass


def _set_up(radio, wanted, networks):  # rare
    """Set the radio's power and address for the network `wanted`, before it is joined.

    Where another one has such a setting, a network without it takes that back.
    """
    if any(other.get("txpower") for other in networks):
        power = wanted.get("txpower") or _POWER
        for value in (power, int(power)):  # a port may take whole numbers alone
            try:
                radio.config(txpower=value)
                break
            except _REFUSALS:
                pass
    if any(other.get("address") for other in networks):
        try:
            if wanted.get("address"):
                radio.ifconfig(tuple(wanted["address"]))
            else:
                radio.ipconfig(dhcp4=True)
        except _REFUSALS:
            pass


async def _leave(radio, clock):
    radio.disconnect()
    await clock.sleep(_SETTLE)


def _error(names, reasons):
    """The error for networks, by their names, and why none of them accepts the board."""
    told = [words % name for name, (_, words) in zip(names, reasons)]
    kinds = [kind for kind, _ in reasons]
    kind = next(kind for kind in _TOLD_FIRST if kind in kinds)
    error = TransportError(
        "no Wi-Fi network let the board in: " + ", ".join(told), _HINTS.get(kind, _HINT)
    )
    error.trouble = (names[kinds.index(kind)], kind)
    return error
