"""Joining Wi-Fi, with a radio that behaves as the ESP32's does."""

import sys

from keyfob.errors import TransportError
from keyfob.net import wifi

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

    def config(self, name):
        assert name == "ssid"
        return self._joined

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


class Clock:
    def __init__(self):
        self.slept = 0

    async def sleep(self, ms):
        self.slept += ms


def on_a_board():
    try:
        import network
    except ImportError:
        return False
    return bool(network)


async def fails(networks, clock):
    try:
        await wifi.join(networks, clock)
    except TransportError as error:
        return error
    raise AssertionError("it joined")


async def test_a_board_without_networks_or_without_a_radio_has_nothing_to_join():
    with Radio() as radio:
        assert await wifi.join((), Clock()) is None
        assert await wifi.join(None, Clock()) is None
        assert radio.calls == []
    if not on_a_board():
        assert await wifi.join([HOME], Clock()) is None


async def test_the_first_network_that_lets_us_in():
    clock = Clock()
    with Radio({"Home": "p4ssword"}) as radio:
        assert await wifi.join([HOME, WORK], clock) == "Home"
        assert radio.calls == ["active", "connect Home"]
    assert clock.slept == 200
    with Radio({"Work": "s3cret"}) as radio:
        assert await wifi.join([HOME, WORK], Clock()) == "Work"
        assert radio.calls == ["active", "connect Home", "disconnect", "connect Work"]
    with Radio({"Cafe": None}):
        assert await wifi.join([OPEN], Clock()) == "Cafe"


async def test_a_network_that_a_soft_reset_left_is_kept():
    with Radio(joined="Work") as radio:
        assert await wifi.join([HOME, WORK], Clock()) == "Work"
        assert radio.calls == ["active"]


async def test_a_network_that_is_no_longer_wanted_is_left():
    clock = Clock()
    with Radio({"Home": "p4ssword"}, joined="Neighbour") as radio:
        assert await wifi.join([HOME], clock) == "Home"
        assert radio.calls == ["active", "disconnect", "connect Home"]
    assert clock.slept >= 1000  # the driver needs that after a disconnect


async def test_a_driver_that_is_busy_is_given_time():
    clock = Clock()
    with Radio({"Home": "p4ssword"}, busy=1) as radio:
        assert await wifi.join([HOME], clock) == "Home"
        assert radio.calls == ["active", "disconnect", "connect Home"]
    assert clock.slept >= 1000


async def test_a_network_that_cannot_be_tried_does_not_keep_from_the_next():
    with Radio({"Work": "s3cret"}, busy=2) as radio:
        assert await wifi.join([HOME, WORK], Clock()) == "Work"
        assert radio.calls == ["active", "disconnect", "disconnect", "connect Work"]


async def test_no_network_lets_us_in():
    clock = Clock()
    with Radio({"Home": "another"}) as radio:
        error = await fails([HOME, WORK], clock)
        assert radio.calls[-1] == "disconnect"  # and the driver does not try on
    assert error.kind == "network"
    assert error.message == "no Wi-Fi network let the board in: Home, Work"
    assert "p4ssword" not in error.message + error.hint
    assert 30_000 <= clock.slept <= 35_000


async def test_a_radio_that_does_not_start():
    class Broken(Radio):
        def active(self, on):
            raise OSError("WiFi Out of Memory")

    with Broken():
        error = await fails([HOME], Clock())
    assert error.kind == "network"
    assert error.message == "Wi-Fi does not work: WiFi Out of Memory"
