"""The Wi-Fi station of an ESP32, `network.WLAN`, and the access points around it.

It has no thread: each call first works out what has happened since the last one.
"""

import ipaddress
import math
import zlib
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

ScanResult: TypeAlias = tuple[bytes, bytes, int, int, int, bool]

# network.STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP; else why the driver's last attempt ended.
IDLE, CONNECTING, GOT_IP = 1000, 1001, 1010
AUTH_EXPIRE = 2
LEFT = 8
KEY_HANDSHAKE_TIMEOUT = 15
BEACON_TIMEOUT = 200
NO_AP_FOUND = 201
AUTH_FAIL = 202
HANDSHAKE_TIMEOUT = 204
NO_AP_COMPATIBLE = 210
NO_AP_THRESHOLD = 211

# `network`'s constants. In `WLAN` they have the same names, the interfaces in reverse: IF_STA.
NETWORK_CONSTANTS = {
    "STA_IF": 0,
    "AP_IF": 1,
    "STAT_IDLE": IDLE,
    "STAT_CONNECTING": CONNECTING,
    "STAT_GOT_IP": GOT_IP,
    "STAT_BEACON_TIMEOUT": BEACON_TIMEOUT,
    "STAT_NO_AP_FOUND": NO_AP_FOUND,
    "STAT_WRONG_PASSWORD": AUTH_FAIL,
    "STAT_ASSOC_FAIL": 203,
    "STAT_CONNECT_FAIL": 203,
    "STAT_HANDSHAKE_TIMEOUT": HANDSHAKE_TIMEOUT,
    "STAT_NO_AP_FOUND_W_COMPATIBLE_SECURITY": NO_AP_COMPATIBLE,
    "STAT_NO_AP_FOUND_IN_AUTHMODE_THRESHOLD": NO_AP_THRESHOLD,
    "STAT_NO_AP_FOUND_IN_RSSI_THRESHOLD": 212,
}

# The driver shows these at once; any other only when it has given up.
_SHOWN = {
    NO_AP_FOUND: NO_AP_FOUND,
    NO_AP_COMPATIBLE: NO_AP_COMPATIBLE,
    NO_AP_THRESHOLD: NO_AP_THRESHOLD,
    AUTH_FAIL: AUTH_FAIL,
    LEFT: IDLE,
}

# A wrong password looks different from one attempt to the next.
_WRONG_PASSWORD = (KEY_HANDSHAKE_TIMEOUT, HANDSHAKE_TIMEOUT, AUTH_FAIL)

# Seconds of board time.
SCAN = 2.4  # of all channels, which is also how long an attempt looks for its network
_JOIN = 0.3  # association, keys and an address, where all goes well
_REFUSAL = 3.0  # keys that do not match
_UNANSWERED = 3.4  # a scan, and the wait for an answer that does not come
_SILENCE = 6.0  # without beacons until the driver reports its network as lost
_SETTLE = 0.1  # after a disconnect

_ALIASES = {"essid": "ssid", "dhcp_hostname": "hostname"}
_OPEN, _WPA2 = 0, 3
_PM_PERFORMANCE = 1
_ADDRESS = ("192.0.2.2", "255.255.255.0", "192.0.2.1", "192.0.2.1")
_NO_ADDRESS = ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")  # noqa: S104 - not bound to

# Quarters of a dBm that the driver takes, and what it begins with.
_LEAST_POWER, _MOST_POWER, _POWER = 8, 84, 80
_NO_COUNTRY = "XX"


class WifiError(Exception):
    """What the ESP32 raises as OSError with this text."""


class AccessPoint:
    """A network's router. `up` and `password` may change at any time; None or "" is open.

    A hidden one is joined by its name, which it does not tell. Without `has_dhcp` it gives out no
    addresses: who joins it needs one already.
    """

    def __init__(
        self,
        ssid: str,
        password: str | None = None,
        up: bool = True,
        *,
        channel: int = 6,
        rssi: int = -55,
        hidden: bool = False,
        has_dhcp: bool = True,
    ):
        """`rssi` is the strength in dBm that the board sees."""
        self._stations: list[Callable[[], None]] = []
        self.ssid = ssid
        self.password = password
        self.up = up
        self.channel = channel
        self.rssi = rssi
        self.hidden = hidden
        self.has_dhcp = has_dhcp
        self.bssid = b"\x02\x00" + zlib.crc32(ssid.encode()).to_bytes(4, "big")

    def __setattr__(self, name: str, value: object) -> None:
        """Have every station work out its state up to the change, and again after it."""
        stations = getattr(self, "_stations", ())
        for catch_up in stations:
            catch_up()
        super().__setattr__(name, value)
        for catch_up in stations:
            catch_up()

    @property
    def security(self) -> int:
        """The security type as a scan reports it: 0 open, 3 WPA2."""
        return _WPA2 if self.password else _OPEN

    def watch(self, catch_up: Callable[[], None]) -> None:
        """Call `catch_up` before and after each change."""
        self._stations.append(catch_up)


class Station:
    """One board's station. Methods raise WifiError, or ValueError as the ESP32 does.

    A soft reset leaves it as it is.
    """

    def __init__(
        self,
        access_points: Sequence[AccessPoint],
        now: Callable[[], float],
        mac: bytes = b"\x24\x0a\xc4\x00\x00\x01",
        most_power: float | None = None,
    ):
        """`now` returns the board's monotonic time in seconds.

        With more than `most_power` dBm the board's antenna sends nothing that is understood.
        """
        self._access_points = access_points
        self._now = now
        self._own_mac = mac
        self._most_power = most_power
        self.power_off()
        for access_point in access_points:
            access_point.watch(self._catch_up)

    def power_off(self) -> None:
        """Forget everything."""
        self._active = False
        self._ssid = ""
        self._password = ""
        self._requested = False  # by connect(), until disconnect()
        self._joined: AccessPoint | None = None
        self._reason = 0  # why the last connection or attempt ended; 0: not at all
        self._failures = 0  # since connect()
        self._most_failures = 0  # before the driver gives up; 0: never
        self._event: tuple[float, int] | None = None  # when an attempt or a loss ends, and how
        self._busy_until = 0.0
        self._power = _POWER
        self._country = _NO_COUNTRY
        self._static: tuple[str, ...] | None = None  # the address that DHCP is not asked for
        self._settings: dict[str, Any] = {
            "hostname": "mpy-esp32",
            "mac": self._own_mac,
            "pm": _PM_PERFORMANCE,
        }

    def active(self, on: bool | None = None) -> bool:
        """Switch the radio on or off; return whether it is on."""
        self._catch_up()
        if on is not None and on != self._active:
            self._leave()
            self._failures = 0
            self._active = on
        return self._active

    def connect(self, ssid: str | None = None, password: str | None = None) -> None:
        """Begin to join a network, by default the last one, and go on trying."""
        self._catch_up()
        self._need_radio()
        if self._joined or self._event or self._now() < self._busy_until:
            raise WifiError("Wifi Internal Error")
        if ssid is not None:
            self._ssid, self._password = ssid, password or ""
        self._requested = True
        self._failures = 0
        self._attempt(self._now())

    def disconnect(self) -> None:
        """Leave the network, or stop trying."""
        self._catch_up()
        self._need_radio()
        self._requested = False
        self._leave()

    def isconnected(self) -> bool:
        """Whether the station has joined and has an IP address."""
        self._catch_up()
        return self._joined is not None

    def status(self, what: str | None = None) -> int:
        """Return IDLE, CONNECTING, GOT_IP or the reason of a failure; "rssi" in dBm."""
        self._catch_up()
        if what == "rssi":
            if self._joined is None:
                raise WifiError("Wifi Not Connected")
            return self._joined.rssi
        if what is not None:
            raise ValueError("unknown status param")
        if self._joined:
            return GOT_IP
        if self._reason in _SHOWN:
            return _SHOWN[self._reason]
        return CONNECTING if self._goes_on() else self._reason or IDLE

    def scan(self) -> list[ScanResult]:
        """Return (ssid, bssid, channel, rssi, security, hidden) of each network, strongest first.

        Nothing is found while the station is trying to join. On a board it takes SCAN seconds.
        """
        self._catch_up()
        if not self._active:
            raise WifiError("STA must be active")
        if self._event and not self._joined:
            return []
        return [
            # The last one says False of a hidden network, too.
            (
                b"" if ap.hidden else ap.ssid.encode(),
                ap.bssid,
                ap.channel,
                ap.rssi,
                ap.security,
                False,
            )
            for ap in self._in_reach()
        ]

    def config(self, name: str | None = None, **settings: Any) -> Any:
        """Return a setting, or change some.

        These are ssid (reading only), reconnects, txpower, pm, hostname and mac.
        """
        if bool(name) == bool(settings):
            raise TypeError("either pos or kw args are allowed")
        if name:
            return self._setting(_ALIASES.get(name, name))
        for alias, value in settings.items():
            self._set(_ALIASES.get(alias, alias), value)
        return None

    def ifconfig(self, given: Sequence[str] | str | None = None) -> Any:
        """Return address, netmask, gateway and DNS server; or set them, or ask DHCP for them."""
        if given is None:
            return self._static or (_ADDRESS if self.isconnected() else _NO_ADDRESS)
        if given == "dhcp":
            self._static = None
        elif isinstance(given, str) or len(given) != len(_ADDRESS):
            raise ValueError("invalid arguments")
        else:
            self._static = tuple(str(ipaddress.IPv4Address(part)) for part in given)
        return None

    def ipconfig(self, *names: str, **settings: Any) -> Any:
        """Return whether DHCP is in use (`dhcp4`), or set that."""
        if names + tuple(settings) != ("dhcp4",):
            raise ValueError("unexpected key")
        if settings.get("dhcp4"):
            self._static = None
        return self._static is None if names else None

    def country(self, code: str | None = None) -> str | None:
        """Return the country of `network.country`, or set it."""
        if code is None:
            return self._country
        if len(code) != 2:
            raise ValueError
        self._country = code
        return None

    def next_change(self) -> float | None:
        """Seconds until an attempt or a connection ends by itself, None if none will."""
        self._catch_up()
        if self._event is None or self._event[0] == math.inf:
            return None
        return self._event[0] - self._now()

    def deauthenticate(self) -> None:
        """Lose the network now, as when its access point restarts; the driver tries again."""
        self._catch_up()
        if self._joined:
            self._event = (self._now(), BEACON_TIMEOUT)
            self._catch_up()

    def _setting(self, name: str) -> Any:
        if name == "ssid":
            return self._ssid
        if name == "reconnects":
            return self._most_failures - 1
        if name == "txpower":
            return self._power / 4
        try:
            return self._settings[name]
        except KeyError:
            raise ValueError("unknown config param") from None

    def _set(self, name: str, value: Any) -> None:
        if name == "ssid":
            raise WifiError("AP required")
        if name == "reconnects":
            self._most_failures = value + 1
            return
        if name == "txpower":
            self._set_power(value)
            return
        if name not in self._settings:
            raise ValueError("unknown config param")
        if name == "mac" and len(value) != 6:
            raise ValueError("invalid buffer length")
        self._settings[name] = value

    def _set_power(self, value: float) -> None:
        self._need_radio()
        if not isinstance(value, (int, float)):
            raise TypeError(f"can't convert {type(value).__name__} to float")
        quarters = int(value * 4)
        if not _LEAST_POWER <= quarters <= _MOST_POWER:
            raise WifiError("Wifi Unknown Error 0x0102")
        self._power = quarters

    def _need_radio(self) -> None:
        if not self._active:
            raise WifiError("Wifi Not Started")

    def _leave(self) -> None:
        if self._joined or self._event:
            self._joined = self._event = None
            self._reason = LEFT
            self._busy_until = self._now() + _SETTLE

    def _goes_on(self) -> bool:
        return self._requested and not 0 < self._most_failures <= self._failures

    def _in_reach(self) -> list[AccessPoint]:
        up = [ap for ap in self._access_points if ap.up]
        return sorted(up, key=lambda ap: ap.rssi, reverse=True)

    def _wanted(self) -> AccessPoint | None:
        return next((ap for ap in self._in_reach() if ap.ssid == self._ssid), None)

    def _attempt(self, start: float) -> None:
        reason, seconds = self._prospect()
        self._event = (start + seconds, reason)

    def _prospect(self) -> tuple[int, float]:
        """How an attempt that begins now will end, and after how many seconds."""
        ap = self._wanted()
        if ap is None:
            return NO_AP_FOUND, SCAN
        if self._most_power is not None and self._power / 4 > self._most_power:
            return AUTH_EXPIRE, _UNANSWERED
        if not ap.password and self._password:
            return NO_AP_THRESHOLD, SCAN
        if ap.password and not self._password:
            return NO_AP_COMPATIBLE, SCAN
        if ap.password and ap.password != self._password:
            return _WRONG_PASSWORD[self._failures % len(_WRONG_PASSWORD)], _REFUSAL
        if not ap.has_dhcp and self._static is None:
            return 0, math.inf
        return 0, _JOIN

    def _catch_up(self) -> None:
        """Work out what has happened since the last call."""
        now = self._now()
        while self._event and self._event[0] <= now:
            (at, reason), self._event = self._event, None
            self._joined = self._wanted() if reason == 0 else None
            self._reason = reason if self._joined or reason else NO_AP_FOUND
            if not self._joined:
                self._failures += 1
                if self._goes_on():
                    self._attempt(at)
        if self._joined and self._joined.up:
            self._event = None
        elif self._joined and not self._event:
            self._event = (now + _SILENCE, BEACON_TIMEOUT)
