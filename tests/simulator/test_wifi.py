"""The Wi-Fi station of a virtual board, with the manners of an ESP32's."""

import pytest

from keyfob_sim.hardware.wifi import AccessPoint, Station, WifiError

IDLE, CONNECTING, GOT_IP = 1000, 1001, 1010
AUTH_EXPIRE = 2
KEY_HANDSHAKE, BEACON_TIMEOUT, NO_AP_FOUND, AUTH_FAIL, HANDSHAKE = 15, 200, 201, 202, 204


@pytest.fixture
def home():
    return AccessPoint("home", "correct horse")


@pytest.fixture
def cafe():
    return AccessPoint("cafe", rssi=-80, channel=11)


@pytest.fixture
def station(home, cafe, clock):
    station = Station([cafe, home], clock)
    station.active(True)
    return station


@pytest.fixture
def joined(station, clock):
    station.connect("home", "correct horse")
    clock.advance(2)
    assert station.isconnected()
    return station


def refusal(call, *arguments):
    with pytest.raises(WifiError) as refused:
        call(*arguments)
    return str(refused.value)


def wait(station, clock):
    """Wait until something happens by itself."""
    seconds = station.next_change()
    assert seconds > 0
    clock.advance(seconds)


# Joining


def test_joining_takes_board_time(station, clock):
    assert station.status() == IDLE
    station.connect("home", "correct horse")
    assert station.status() == CONNECTING
    assert 0.2 < station.next_change() < 3
    clock.advance(station.next_change() - 0.1)
    assert not station.isconnected()
    assert station.status() == CONNECTING
    clock.advance(0.2)
    assert station.isconnected()
    assert station.status() == GOT_IP
    assert station.next_change() is None
    assert station.config("ssid") == "home"


def test_an_open_network_needs_no_password(station, clock):
    station.connect("cafe", None)
    clock.advance(2)
    assert station.status() == GOT_IP


def test_connect_without_a_name_takes_the_last(joined, clock):
    joined.disconnect()
    clock.advance(1)
    joined.connect()
    clock.advance(2)
    assert joined.isconnected()


def test_there_is_an_address_while_it_is_joined(joined, clock):
    assert joined.ifconfig() == ("192.0.2.2", "255.255.255.0", "192.0.2.1", "192.0.2.1")
    joined.disconnect()
    assert joined.ifconfig() == ("0.0.0.0",) * 4


def test_the_radio_must_be_on(home, clock):
    station = Station([home], clock)
    assert station.active() is False
    assert refusal(station.connect, "home", "correct horse") == "Wifi Not Started"
    assert refusal(station.disconnect) == "Wifi Not Started"
    assert refusal(station.scan) == "STA must be active"
    assert station.status() == IDLE
    assert station.active(True) is True
    station.connect("home", "correct horse")


def test_connect_is_refused_while_connecting_and_while_connected(station, clock):
    station.connect("home", "correct horse")
    assert refusal(station.connect, "cafe") == "Wifi Internal Error"
    clock.advance(2)
    assert refusal(station.connect, "cafe") == "Wifi Internal Error"
    assert station.config("ssid") == "home"
    assert station.isconnected()


def test_a_disconnect_must_settle_before_the_next_connect(joined, clock):
    joined.disconnect()
    assert not joined.isconnected()
    assert joined.status() == IDLE
    assert refusal(joined.connect, "cafe") == "Wifi Internal Error"
    clock.advance(1)
    joined.connect("cafe")
    clock.advance(2)
    assert joined.isconnected()


def test_a_disconnect_ends_an_attempt(station, clock):
    station.connect("home", "wrong password")
    clock.advance(60)
    station.disconnect()
    assert station.next_change() is None
    clock.advance(1)
    station.connect("home", "correct horse")
    clock.advance(2)
    assert station.isconnected()


def test_a_disconnect_of_nothing_is_fine(station):
    station.disconnect()
    station.connect("cafe")
    assert station.status() == CONNECTING


def test_switching_the_radio_off_leaves_the_network_for_good(joined, clock):
    joined.active(False)
    assert not joined.isconnected()
    joined.active(True)
    clock.advance(60)
    assert joined.status() == IDLE


# Failing


def statuses(station, clock, count):
    """The status right after each of the next things that happen."""
    found = []
    for _ in range(count):
        wait(station, clock)
        found.append(station.status())
    return found


def test_a_wrong_password_is_tried_for_ever_and_looks_different_each_time(station, clock):
    station.connect("home", "wrong password")
    found = statuses(station, clock, 12)
    assert set(found) == {CONNECTING, AUTH_FAIL}
    assert found[0] == CONNECTING
    clock.advance(86_400)
    assert not station.isconnected()
    assert refusal(station.connect, "cafe") == "Wifi Internal Error"
    assert station.next_change() < 10


def test_a_network_that_is_not_there_is_looked_for_until_it_comes(station, home, clock):
    home.up = False
    station.connect("home", "correct horse")
    assert statuses(station, clock, 3) == [NO_AP_FOUND] * 3
    home.up = True
    clock.advance(5)
    assert station.status() == GOT_IP


@pytest.mark.parametrize(
    ("ssid", "password", "reason"),
    [("cafe", "secret", 211), ("home", "", 210), ("none", "x", 201)],
)
def test_networks_that_do_not_suit_are_not_found(station, clock, ssid, password, reason):
    station.connect(ssid, password)
    wait(station, clock)
    assert station.status() == reason


@pytest.mark.parametrize(
    ("retries", "last"), [(0, KEY_HANDSHAKE), (1, HANDSHAKE), (2, AUTH_FAIL), (4, HANDSHAKE)]
)
def test_reconnects_bounds_the_attempts(station, clock, retries, last):
    station.config(reconnects=retries)
    for _ in range(2):
        station.connect("home", "wrong password")
        attempts = 0
        while station.next_change() is not None:
            wait(station, clock)
            attempts += 1
        assert attempts == retries + 1
        assert station.status() == last
    station.connect("home", "correct horse")  # not busy any more
    clock.advance(2)
    assert station.isconnected()


def test_after_a_disconnect_nothing_is_wanted(station, clock):
    station.config(reconnects=0)
    station.connect("home", "wrong password")
    wait(station, clock)
    station.disconnect()
    station.config(reconnects=-1)
    assert station.status() == KEY_HANDSHAKE


def test_an_old_failure_is_shown_until_the_next_success(station, home, clock):
    station.config(reconnects=0)
    station.connect("none", "x")
    wait(station, clock)
    station.connect("home", "correct horse")
    assert station.status() == NO_AP_FOUND
    clock.advance(2)
    assert station.status() == GOT_IP


# Losing


def test_a_lost_network_is_noticed_after_a_while_and_joined_when_it_is_back(joined, home, clock):
    clock.advance(100)
    home.up = False
    clock.advance(2)
    assert joined.isconnected()
    wait(joined, clock)
    assert not joined.isconnected()
    assert joined.status() == CONNECTING
    clock.advance(60)
    assert joined.status() == NO_AP_FOUND
    home.up = True
    clock.advance(5)
    assert joined.isconnected()


def test_nobody_needs_to_look_for_time_to_pass(joined, home, clock):
    clock.advance(100)
    home.up = False
    clock.advance(3_600)
    home.up = True
    clock.advance(0.5)
    assert not joined.isconnected()
    clock.advance(5)
    assert joined.isconnected()


def test_a_short_silence_is_not_noticed(joined, home, clock):
    for _ in range(5):
        home.up = False
        clock.advance(3)
        home.up = True
        clock.advance(3)
        assert joined.isconnected()
    assert joined.next_change() is None


def test_without_reconnects_a_lost_network_stays_lost(joined, home, clock):
    joined.config(reconnects=0)
    home.up = False
    clock.advance(10)
    assert joined.status() == BEACON_TIMEOUT
    home.up = True
    clock.advance(60)
    assert joined.status() == BEACON_TIMEOUT


def test_a_network_that_goes_during_an_attempt_is_not_joined(station, home, clock):
    station.connect("home", "correct horse")
    clock.advance(0.2)
    home.up = False
    clock.advance(1)
    assert station.status() == NO_AP_FOUND


def test_a_changed_password_keeps_it_out_until_it_is_changed_back(joined, home, clock):
    home.password = "changed"
    clock.advance(60)
    assert joined.isconnected()
    home.up = False
    clock.advance(60)
    home.up = True
    clock.advance(60)
    assert not joined.isconnected()
    home.password = "correct horse"
    clock.advance(10)
    assert joined.isconnected()


def test_power_off_forgets_everything(joined, clock):
    joined.config(reconnects=3, hostname="board", pm=0)
    joined.power_off()
    assert joined.active() is False
    assert joined.isconnected() is False
    assert joined.status() == IDLE
    assert joined.config("ssid") == ""
    assert joined.config("reconnects") == -1
    assert joined.config("pm") == 1
    assert joined.config("hostname") == "mpy-esp32"
    clock.advance(60)
    assert joined.next_change() is None


# Asking


def test_a_scan_finds_what_is_up_strongest_first(station, home, cafe):
    assert station.scan() == [
        (b"home", home.bssid, 6, -55, 3, False),
        (b"cafe", cafe.bssid, 11, -80, 0, False),
    ]
    assert len(home.bssid) == 6 != home.bssid != cafe.bssid
    home.up = False
    assert [found[0] for found in station.scan()] == [b"cafe"]


def test_a_scan_finds_nothing_while_it_is_connecting(station, clock):
    station.connect("home", "correct horse")
    assert station.scan() == []
    clock.advance(2)
    assert len(station.scan()) == 2


def test_the_strongest_of_equal_names_is_joined(clock):
    weak, strong = AccessPoint("home", rssi=-80), AccessPoint("home", rssi=-40)
    station = Station([weak, strong], clock)
    station.active(True)
    station.connect("home")
    clock.advance(2)
    assert station.status("rssi") == -40
    strong.up = False
    clock.advance(20)
    assert station.status("rssi") == -80


def test_what_status_tells(station):
    assert refusal(station.status, "rssi") == "Wifi Not Connected"
    with pytest.raises(ValueError, match="unknown status param"):
        station.status("color")


def test_settings_come_back(station):
    assert station.config("reconnects") == -1
    assert len(station.config("mac")) == 6
    station.config(reconnects=0, pm=2, mac=b"\x02keyfo", dhcp_hostname="board")
    assert station.config("reconnects") == 0
    assert station.config("pm") == 2
    assert station.config("mac") == b"\x02keyfo"
    assert station.config("hostname") == station.config("dhcp_hostname") == "board"
    assert station.config("essid") == ""


def test_settings_that_are_refused(station):
    assert refusal(lambda: station.config(ssid="mine")) == "AP required"
    with pytest.raises(ValueError, match="invalid buffer length"):
        station.config(mac=b"short")
    with pytest.raises(ValueError, match="unknown config param"):
        station.config(color=1)
    with pytest.raises(ValueError, match="unknown config param"):
        station.config("color")
    with pytest.raises(TypeError):
        station.config()
    with pytest.raises(TypeError):
        station.config("pm", mac=b"\x02keyfo")


# What a network or a board may need


def test_a_hidden_network_is_joined_by_its_name_alone(clock):
    station = Station([AccessPoint("secret", hidden=True)], clock)
    station.active(True)
    assert [found[0] for found in station.scan()] == [b""]
    station.connect("", None)
    clock.advance(10)
    assert station.status() == NO_AP_FOUND
    station.disconnect()
    clock.advance(1)
    station.connect("secret", None)
    clock.advance(2)
    assert station.isconnected()


def test_a_board_that_sends_too_loud_is_not_heard(home, clock):
    station = Station([home], clock, most_power=8.5)
    station.active(True)
    assert station.config("txpower") == 20
    station.config(reconnects=0)
    station.connect("home", "correct horse")
    clock.advance(2)
    assert station.status() == CONNECTING
    clock.advance(2)
    assert station.status() == AUTH_EXPIRE
    station.config(txpower=8.5)
    assert station.config("txpower") == 8.5
    station.connect()
    clock.advance(2)
    assert station.isconnected()
    station.power_off()
    station.active(True)
    assert station.config("txpower") == 20


def test_the_power_has_bounds_and_the_radio_must_be_on(station, home, clock):
    for power in (1.9, 21.5):
        with pytest.raises(WifiError, match="0x0102"):
            station.config(txpower=power)
    with pytest.raises(TypeError):
        station.config(txpower="8.5")
    with pytest.raises(WifiError, match="Not Started"):
        Station([home], clock).config(txpower=8)


def test_without_dhcp_a_static_address_has_to_be_there_first(clock):
    station = Station([AccessPoint("lab", has_dhcp=False)], clock)
    station.active(True)
    station.connect("lab")
    clock.advance(60)
    assert station.status() == CONNECTING
    assert station.next_change() is None
    station.disconnect()
    clock.advance(1)
    fixed = ("10.0.0.5", "255.255.255.0", "10.0.0.1", "9.9.9.9")
    station.ifconfig(fixed)
    assert station.ipconfig("dhcp4") is False
    station.connect("lab")
    clock.advance(2)
    assert station.isconnected()
    assert station.ifconfig() == fixed
    station.disconnect()
    station.ipconfig(dhcp4=True)
    assert station.ifconfig() == ("0.0.0.0",) * 4
    assert station.ipconfig("dhcp4") is True
    station.ifconfig(fixed)
    station.ifconfig("dhcp")
    assert station.ipconfig("dhcp4") is True


def test_an_address_that_is_none_is_refused(station):
    for wrong in ("static", ("10.0.0.5",), ("10.0.0.5", "255.255.255.0", "10.0.0.1", "dns")):
        with pytest.raises(ValueError):  # noqa: PT011 - the driver has several words for it
            station.ifconfig(wrong)
    with pytest.raises(ValueError, match="unexpected key"):
        station.ipconfig(gw6="::1")


def test_the_country_is_two_letters(station):
    assert station.country() == "XX"
    station.country("DE")
    assert station.country() == "DE"
    with pytest.raises(ValueError):  # noqa: PT011 - the driver has no words for it
        station.country("DEU")
