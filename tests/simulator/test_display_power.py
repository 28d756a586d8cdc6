"""Displays that want a power chip or pins set first: dark until the firmware has done so."""

import pytest

from keyfob_host.boards import load_board
from keyfob_sim.hardware.board import VirtualBoard
from keyfob_sim.hardware.clock import SharedClock


@pytest.fixture
def assemble(tmp_path):
    boards = []

    def assemble(name):
        boards.append(VirtualBoard(load_board(name), tmp_path, SharedClock(virtual=True)))
        return boards[-1]

    yield assemble
    for board in boards:
        board.close()


def test_the_stick_is_dark_until_its_power_chip_is_told(assemble):
    board = assemble("m5stick-c-plus")
    chip = board.about.display.power.chip
    assert not board.panel.lit
    for entry in chip.registers:
        assert not board.panel.lit
        data = bytes((entry.register, entry.value))
        assert board.i2c_write(chip.scl, chip.sda, chip.address, data)
    assert board.panel.lit
    board.power_off()
    assert not board.panel.lit


def test_the_kit_s_display_does_not_answer_before_its_pins_are_set(assemble):
    board = assemble("heltec-wifi-kit-32")
    wires = board.about.display.i2c
    assert board.i2c_scan(wires.scl, wires.sda) == []
    for entry in board.about.display.power.pins:
        board.pins.configure(entry.pin, 3, -1)
        board.pins.write(entry.pin, entry.level)
    assert board.i2c_scan(wires.scl, wires.sda) == [wires.address]
