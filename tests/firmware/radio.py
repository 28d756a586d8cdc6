"""A radio that behaves as the ESP32's does, in place of the `network` module."""

import sys

HOME = {"ssid": "Home", "password": "p4ssword"}
WORK = {"ssid": "Work", "password": "s3cret"}
OPEN = {"ssid": "Cafe"}


class Radio:
    """In place of the `network` module inside `with`.

    `known` maps an ssid to its password. The state becomes connected `delay` looks after
    a connect; `busy` connects fail first, as they do while the driver still tries.
    """

    STA_IF = 0
    STAT_NO_AP_FOUND = 201
    STAT_WRONG_PASSWORD = 202
    STAT_HANDSHAKE_TIMEOUT = 204

    def __init__(self, known=(), delay=2, busy=0, joined=None, state=1001):
        self.state = state
        self.calls = []
        self.tries = []  # how often to try again, as it was set
        self._known = dict(known)
        self._delay = delay
        self._busy = busy
        self._joined = joined
        self._wanted = None

    def __enter__(self):
        self._before = sys.modules.get("network")
        sys.modules["network"] = self
        return self

    def __exit__(self, *_):
        del sys.modules["network"]
        if self._before is not None:
            sys.modules["network"] = self._before

    def WLAN(self, interface):  # noqa: N802 - the platform's name
        assert interface == self.STA_IF
        return self

    def active(self, on):
        assert on is True
        self.calls.append("active")

    def isconnected(self):
        if self._wanted is not None:
            self._looks += 1
            if self._looks > self._delay:
                self._joined = self._wanted
        return self._joined is not None

    def config(self, name=None, txpower=None, reconnects=None):
        if txpower is not None:
            self.calls.append("txpower %s" % txpower)
        if reconnects is not None:
            self.tries.append(reconnects)
        if name is None:
            return None
        assert name == "ssid"
        return self._joined

    def country(self, code):
        self.calls.append("country " + code)

    def ifconfig(self, address):
        assert isinstance(address, tuple)
        self.calls.append(" ".join(address))

    def ipconfig(self, dhcp4):
        self.calls.append("dhcp4 %s" % dhcp4)

    def status(self):
        return self.state

    def connect(self, ssid, password):
        if self._busy:
            self._busy -= 1
            raise OSError("Wifi Internal Error")
        self.calls.append("connect " + ssid)
        self._looks = 0
        is_right = ssid in self._known and self._known[ssid] == password
        self._wanted = ssid if is_right else None

    def disconnect(self):
        self.calls.append("disconnect")
        self._wanted = self._joined = None
