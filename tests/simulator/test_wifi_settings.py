"""The firmware sets the radio up as network and board need it, and tells why it does not join."""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from virtual_port import VirtualPort, needs_vm

from keyfob import AccountLink
from keyfob.errors import TransportError
from keyfob.net import wifi
from keyfob.net.clock import Clock
from keyfob_host.board import checkup
from keyfob_host.boards import known_boards, load_board
from keyfob_sim.hardware.board import PASSWORD, SSID
from keyfob_sim.hardware.wifi import NETWORK_CONSTANTS, AccessPoint, Station, WifiError

ON_BOARD = Path(checkup.__file__).parents[1] / "on_board"
HOME = {"ssid": "home", "password": "correct horse"}
FIXED = ["10.0.0.5", "255.255.255.0", "10.0.0.1", "9.9.9.9"]


class Radio:
    """`network.WLAN`: a Station whose errors are OSErrors."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **settings: Any) -> Any:
            try:
                return getattr(self._station, name)(*arguments, **settings)
            except WifiError as error:
                raise OSError(str(error)) from None

        return call


@pytest.fixture
def joins(clock, monkeypatch):
    """Have the firmware join `networks` with the radio of a station."""

    def join(station: Station, networks: list[dict[str, Any]]) -> str | None:
        network = SimpleNamespace(
            WLAN=lambda _: Radio(station), country=station.country, **NETWORK_CONSTANTS
        )
        monkeypatch.setitem(sys.modules, "network", network)

        async def sleep(ms: int) -> None:
            clock.advance(ms / 1000)

        return asyncio.run(wifi.join(networks, SimpleNamespace(sleep=sleep)))

    return join


def why(joins: Callable[..., Any], station: Station, network: dict[str, Any]) -> TransportError:
    with pytest.raises(TransportError) as refused:
        joins(station, [network])
    return refused.value


def test_a_board_with_a_bad_antenna_joins_with_little_power(joins, clock):
    station = Station([AccessPoint("home", "correct horse")], clock, most_power=8.5)
    error = why(joins, station, HOME)
    assert error.message == "no Wi-Fi network let the board in: home hears the board badly"
    assert "8.5" in error.hint
    assert error.trouble == ("home", "weak_signal")
    assert station.config("reconnects") == -1
    assert joins(station, [dict(HOME, txpower=8.5)]) == "home"
    assert station.config("txpower") == 8.5


def test_a_hidden_network_is_joined(joins, clock):
    home = AccessPoint("home", "correct horse", hidden=True)
    assert joins(Station([home], clock), [HOME]) == "home"


def test_where_nobody_gives_out_addresses_the_board_brings_its_own(joins, clock):
    station = Station([AccessPoint("home", "correct horse", has_dhcp=False)], clock)
    assert why(joins, station, HOME).trouble == ("home", "timeout")
    assert joins(station, [dict(HOME, address=FIXED)]) == "home"
    assert station.ifconfig() == tuple(FIXED)


def test_the_next_network_has_its_address_by_dhcp_and_its_full_power(joins, clock):
    station = Station([AccessPoint("cafe")], clock)
    networks = [dict(HOME, address=FIXED, txpower=8.5), {"ssid": "cafe"}]
    assert joins(station, networks) == "cafe"
    assert station.ipconfig("dhcp4") is True
    assert station.config("txpower") == 20


def test_the_country_is_told(joins, clock):
    station = Station([AccessPoint("home", "correct horse")], clock)
    joins(station, [dict(HOME, country="DE")])
    assert station.country() == "DE"


@pytest.mark.parametrize(
    ("password", "network", "kind"),
    [
        (None, HOME, "wrong_security"),
        ("correct horse", {"ssid": "home"}, "wrong_security"),
        ("another", HOME, "password"),
    ],
)
def test_what_keeps_the_board_out_is_told(joins, clock, password, network, kind):
    station = Station([AccessPoint("home", password)], clock)
    assert why(joins, station, network).trouble == ("home", kind)


def test_the_boards_with_the_small_panel_are_known_for_it():
    needs = {name: load_board(name).txpower for name in known_boards()}
    assert {name: power for name, power in needs.items() if power} == {"esp32c3-oled": 8.5}


@pytest.mark.parametrize(
    ("access_point", "found"),
    [
        (AccessPoint("home", "another", hidden=True), [["home"], ["home"]]),
        (AccessPoint("home", "another"), [["home"], ["home"]]),
        (AccessPoint("elsewhere", hidden=True), [["home"], []]),
        (AccessPoint("home", "correct horse", hidden=True), None),
    ],
    ids=["hidden", "told", "absent", "joined"],
)
def test_doctor_hears_a_hidden_network_by_its_refusal(
    clock, monkeypatch, capsys, access_point, found
):
    station = Station([access_point], clock)
    radio = Radio(station)
    network = SimpleNamespace(WLAN=lambda _: radio, **NETWORK_CONSTANTS)
    monkeypatch.setitem(sys.modules, "network", network)
    link = SimpleNamespace(wifi=[HOME])
    monkeypatch.setattr(AccountLink, "from_config", lambda notify: link)

    async def sleep(_: Clock, ms: int) -> None:
        clock.advance(ms / 1000)

    monkeypatch.setattr(Clock, "sleep", sleep)
    monkeypatch.setattr(time, "sleep", clock.advance)
    exec(compile((ON_BOARD / "wifi.py").read_text("utf-8"), "wifi.py", "exec"), {})
    assert json.loads(capsys.readouterr().out) == found


PROGRAM = """
import asyncio, network
from keyfob.errors import TransportError
from keyfob.net.clock import Clock
from keyfob.net.wifi import join
radio = network.WLAN(network.STA_IF)
home = {{"ssid": {ssid!r}, "password": {password!r}}}
try:
    asyncio.run(join([home], Clock()))
except TransportError as error:
    print(error.trouble[1])
home.update(txpower=8.5, address={fixed!r}, country="DE")
print(asyncio.run(join([home], Clock())))
print(radio.config("txpower"), network.country(), radio.ifconfig() == {told!r})
"""


@needs_vm
def test_a_board_in_the_vm_is_set_up_alike(tmp_path: Path) -> None:
    port = VirtualPort(tmp_path, "--board", "esp32c3-oled", "--clock", "virtual")
    try:
        program = PROGRAM.format(ssid=SSID, password=PASSWORD, fixed=FIXED, told=FIXED)
        told = port.run(program)
    finally:
        port.stop()
    assert told.splitlines() == ["weak_signal", SSID, "8.5 DE True"]
