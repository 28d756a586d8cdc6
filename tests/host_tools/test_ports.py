"""Ports: ranked by what they are, named as in mpremote, and never guessed among several."""

import json
import os
from types import SimpleNamespace

import pytest
import serial.tools.list_ports

from keyfob_host.board import ports
from keyfob_host.errors import CliError, UsageError


def usb(device, vid, pid, serial_number=None, product=None):
    return SimpleNamespace(
        device=device, vid=vid, pid=pid, serial_number=serial_number, product=product
    )


BLUETOOTH = SimpleNamespace(
    device="/dev/cu.Bluetooth-Incoming-Port", vid=None, pid=None, description="n/a"
)
CONSOLE = SimpleNamespace(device="/dev/ttyS0", vid=None, pid=None, description="ttyS0")
STRIP = usb("/dev/ttyACM0", 0x1D50, 0x6150, "led-1", "LED strip")
CP210X = usb("/dev/ttyUSB0", 0x10C4, 0xEA60, "0001")
CH9102 = usb("/dev/ttyACM1", 0x1A86, 0x55D4, "5345")
PICO = usb("/dev/ttyACM2", 0x2E8A, 0x0005, "e660")
C3 = usb("/dev/ttyACM3", 0x303A, 0x1001, "40:4C:CA:00:00:01")


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "keyfob" / "last_board.json"


@pytest.fixture
def plug(monkeypatch):
    def plug(*infos):
        monkeypatch.setattr(serial.tools.list_ports, "comports", lambda: list(infos))

    return plug


def test_boards_come_first_and_bluetooth_last(plug):
    plug(BLUETOOTH, STRIP, CONSOLE, PICO, CP210X)
    found = ports.candidates()
    assert [port.device for port in found] == [
        PICO.device,
        CP210X.device,
        STRIP.device,
        BLUETOOTH.device,
        CONSOLE.device,
    ]
    assert [port.kind for port in found[:3]] == [
        "MicroPython on a Pico",
        "CP210x USB bridge",
        "LED strip",
    ]


def test_every_other_product_of_a_board_s_maker_is_known_too(plug):
    plug(usb("/dev/ttyACM0", 0x303A, 0x80D1))
    (port,) = ports.candidates()
    assert (port.rank, port.kind) == (ports.KNOWN, "Espressif USB")


@pytest.mark.parametrize("spec", [None, "auto"])
def test_the_only_board_is_taken(plug, spec):
    plug(BLUETOOTH, STRIP, CONSOLE, CH9102)
    assert ports.choose(spec).device == CH9102.device


def test_a_usb_device_nobody_knows_is_taken_where_it_is_the_only_one(plug):
    plug(BLUETOOTH, STRIP)
    assert ports.choose(None).device == STRIP.device


@pytest.mark.parametrize("infos", [(), (BLUETOOTH, CONSOLE)])
def test_without_a_usb_device_there_is_no_board(plug, infos):
    plug(*infos)
    with pytest.raises(CliError, match="no board is connected"):
        ports.choose(None)


def test_among_several_none_is_guessed(plug):
    plug(CP210X, C3)
    with pytest.raises(UsageError) as caught:
        ports.choose(None)
    assert f"{CP210X.device} (CP210x USB bridge)" in caught.value.message
    assert caught.value.hint == f"--port id:{C3.serial_number} or id:0001"


def test_among_several_it_is_the_last_one_that_answered(plug, state):
    plug(CP210X, C3)
    ports.remember(ports.choose(C3.device))
    assert json.loads(state.read_text()) == {"serial_number": C3.serial_number}
    assert ports.choose(None).device == C3.device
    with pytest.raises(UsageError, match="there are 2 boards"):
        ports.choose(None, last=False)
    plug(CP210X, CH9102)
    with pytest.raises(UsageError):
        ports.choose(None)


@pytest.mark.parametrize("damage", ["", "[]", "{}", "\xff", '"x"'])
def test_a_damaged_note_is_no_note(plug, state, damage):
    plug(CP210X, C3)
    state.parent.mkdir()
    state.write_bytes(damage.encode("latin-1"))
    with pytest.raises(UsageError):
        ports.choose(None)


def test_a_note_that_cannot_be_written_is_no_error(plug, state):
    state.parent.write_text("a file where the folder would be")
    plug(C3)
    ports.remember(ports.choose(None))


@pytest.mark.parametrize("spec", ["id:0001", "/dev/ttyUSB0", "port:/dev/ttyUSB0", "u0"])
def test_spellings_of_one_port(plug, spec):
    plug(C3, CP210X)
    port = ports.choose(spec)
    assert (port.device, port.serial_number) == (CP210X.device, "0001")


def test_a_link_is_the_port_it_points_to(plug, tmp_path):
    real = tmp_path / "ttyUSB7"
    real.touch()
    link = tmp_path / "by-id"
    link.symlink_to(real)
    plug(usb(str(real), 0x10C4, 0xEA60, "0007"))
    assert ports.choose(str(link)).serial_number == "0007"


needs_terminals = pytest.mark.skipif(os.name == "nt", reason="ports are no files there")


@needs_terminals
def test_a_pseudo_terminal_may_be_named(plug, tmp_path):
    ours, theirs = os.openpty()
    path = tmp_path / "tty"
    path.symlink_to(os.ttyname(theirs))
    plug(C3)
    try:
        assert ports.choose(f"port:{path}") == ports.Port(str(path), "serial port", ports.NO_USB)
    finally:
        os.close(theirs)
        os.close(ours)


@needs_terminals
@pytest.mark.parametrize("spec", ["file", "port:file", ".", "/dev/null"])
def test_what_is_no_serial_port_is_told_as_such(plug, tmp_path, monkeypatch, spec):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    plug(C3)
    with pytest.raises(UsageError, match="is no serial port") as caught:
        ports.choose(spec)
    assert caught.value.hint == f"--port id:{C3.serial_number}"


@pytest.mark.parametrize("spec", ["socket://127.0.0.1:9876", "rfc2217://pi.local:4000"])
def test_an_address_is_taken_as_it_is(plug, spec):
    plug(C3)
    port = ports.choose(spec)
    assert (port.device, port.is_address) == (spec, True)


@pytest.mark.parametrize("spec", ["id:0002", "/dev/ttyUSB9", "port:/dev/ttyUSB9", "u9", ""])
def test_a_port_that_is_not_there_is_answered_with_those_that_are(plug, spec):
    plug(BLUETOOTH, C3)
    with pytest.raises(CliError) as caught:
        ports.choose(spec)
    assert caught.value.exit_code == 1
    assert caught.value.hint == f"--port id:{C3.serial_number}"
    plug(BLUETOOTH)
    with pytest.raises(CliError) as caught:
        ports.choose(spec)
    assert "keyfob devices" in caught.value.hint
