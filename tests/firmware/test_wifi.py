"""Joining Wi-Fi, with a radio that behaves as the ESP32's does."""

from radio import HOME, OPEN, WORK, Radio

from keyfob.errors import TransportError
from keyfob.net import wifi


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
    assert not hasattr(error, "trouble")


async def test_why_not_is_told_where_the_driver_knows():
    for state, words in (
        (Radio.STAT_NO_AP_FOUND, "Home is out of reach"),
        (Radio.STAT_WRONG_PASSWORD, "Home has another password"),
        (Radio.STAT_HANDSHAKE_TIMEOUT, "Home seems to have another password"),
        (1001, "Home"),
        (2, "Home hears the board badly"),
        (5, "Home has no room for another device"),
        (15, "Home seems to have another password"),
        (200, "Home hears the board badly"),
        (203, "Home turned the board away"),
        (210, "Home has another kind of security"),
        (211, "Home has another kind of security"),
        (212, "Home is out of reach"),
        (99, "Home"),
    ):
        with Radio({"Home": "another"}, state=state):
            error = await fails([HOME], Clock())
        assert error.message == "no Wi-Fi network let the board in: " + words


async def test_a_screen_names_the_network_that_tells_most():
    for state, word in (
        (Radio.STAT_NO_AP_FOUND, "lost"),
        (Radio.STAT_WRONG_PASSWORD, "password"),
        (Radio.STAT_HANDSHAKE_TIMEOUT, "password"),
        (1001, "timeout"),
        (5, "timeout"),
        (2, "weak_signal"),
        (211, "wrong_security"),
    ):
        with Radio({"Home": "another"}, state=state):
            assert (await fails([HOME, WORK], Clock())).trouble == ("Home", word)

    for state, hint in (
        (1001, "name and password"),
        (2, "txpower of 8.5"),
        (210, "WPA2"),
    ):
        with Radio({"Home": "another"}, state=state):
            assert hint in (await fails([HOME], Clock())).hint

    class Mixed(Radio):
        def connect(self, ssid, password):
            self.state = self.states[ssid]
            super().connect(ssid, password)

    absent, password = Radio.STAT_NO_AP_FOUND, Radio.STAT_WRONG_PASSWORD
    for home, work, told in (
        (absent, password, ("Work", "password")),
        (password, absent, ("Home", "password")),
        (1001, password, ("Work", "password")),
        (absent, 1001, ("Work", "timeout")),
    ):
        with Mixed() as radio:
            radio.states = {"Home": home, "Work": work}
            assert (await fails([HOME, WORK], Clock())).trouble == told


async def test_a_reason_that_comes_and_goes_is_not_forgotten():
    class Trying(Radio):
        looks = 0

        def status(self):
            self.looks += 1
            return self.STAT_WRONG_PASSWORD if self.looks == 30 else 1001

    with Trying({"Home": "another"}):
        error = await fails([HOME], Clock())
    assert "another password" in error.message


async def test_a_platform_without_those_names():
    class Other(Radio):
        STAT_NO_AP_FOUND = STAT_WRONG_PASSWORD = STAT_HANDSHAKE_TIMEOUT = None

    with Other({"Home": "another"}, state=5):
        error = await fails([HOME], Clock())
    assert error.message == "no Wi-Fi network let the board in: Home"


async def test_a_driver_that_tells_nothing_is_made_to():
    class Mute(Radio):
        """Which tells a reason only where it does not try again."""

        def status(self):
            return 2 if self.tries == [0] else 1001

    clock = Clock()
    with Mute({"Home": "another"}) as radio:
        error = await fails([HOME], clock)
        assert radio.tries == [0, -1]
    assert error.trouble == ("Home", "weak_signal")
    assert clock.slept <= 16_000
    with Mute({"Home": "p4ssword"}, delay=120) as radio:  # it joins all the same
        assert await wifi.join([HOME], Clock()) == "Home"
        assert radio.tries == [0, -1]
    with Radio({"Home": "p4ssword"}) as radio:
        assert await wifi.join([HOME], Clock()) == "Home"
        assert radio.tries == []


# What a network may need

ADDRESS = ["192.168.1.50", "255.255.255.0", "192.168.1.1", "9.9.9.9"]


async def calls_to_join(networks, known):
    with Radio(known) as radio:
        assert await wifi.join(networks, Clock()) in known
        return radio.calls


async def test_the_radio_is_set_up_before_it_joins():
    known = {"Home": "p4ssword"}
    home = dict(HOME, txpower=8.5, address=ADDRESS, country="DE")
    assert await calls_to_join([home], known) == [
        "country DE",
        "active",
        "txpower 8.5",
        " ".join(ADDRESS),
        "connect Home",
    ]
    for none in (HOME, dict(HOME, txpower=None, address=None, country=None)):
        assert await calls_to_join([none], known) == ["active", "connect Home"]


async def test_a_network_without_a_setting_takes_that_of_the_last_one_back():
    calls = await calls_to_join(
        [dict(HOME, txpower=8.5, address=ADDRESS), WORK], {"Work": "s3cret"}
    )
    assert calls == [
        "active",
        "txpower 8.5",
        " ".join(ADDRESS),
        "connect Home",
        "disconnect",
        "txpower 20",
        "dhcp4 True",
        "connect Work",
    ]


async def test_it_is_set_up_anew_where_the_driver_was_busy():
    with Radio({"Home": "p4ssword"}, busy=1) as radio:
        await wifi.join([dict(HOME, txpower=8.5)], Clock())
        assert radio.calls[1:] == ["txpower 8.5", "disconnect", "txpower 8.5", "connect Home"]


async def test_what_a_port_cannot_set_is_passed_over():
    home = dict(HOME, txpower=8.5, address=ADDRESS, country="DE")

    def refuse(error):
        def call(*_, **__):
            raise error

        return call

    for error in (OSError(1), RuntimeError("0x0102"), ValueError("key"), TypeError("int")):
        with Radio({"Home": "p4ssword"}) as radio:
            radio.config = radio.ifconfig = radio.country = refuse(error)
            assert await wifi.join([home], Clock()) == "Home"

    class WholeNumbers(Radio):
        ifconfig = country = None  # a port without them

        def config(self, name=None, txpower=0):
            if txpower != int(txpower):
                raise TypeError("can't convert float to int")
            self.calls.append("txpower %d" % txpower)

    with WholeNumbers({"Home": "p4ssword"}) as radio:
        assert await wifi.join([home], Clock()) == "Home"
        assert radio.calls == ["active", "txpower 8", "connect Home"]
