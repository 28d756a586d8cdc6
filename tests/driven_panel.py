"""A board's real display driver on the simulator's model of its controller."""

import sys
from typing import Any

import pytest

from keyfob.ui.displays.open_display import open_display
from keyfob_host.boards import OLED_CONTROLLERS, PAPER_CONTROLLERS, Board, board_file
from keyfob_sim.cpython import framebuf
from keyfob_sim.hardware.panels import Panel, make_panel


def is_coloured(board: Board) -> bool:
    """Whether its panel shows colours, and so the larger typeface."""
    display = board.display
    return display is not None and display.controller not in OLED_CONTROLLERS


def is_printed(board: Board) -> bool:
    """Whether its panel is paper, dark on light."""
    return board.display is not None and board.display.controller in PAPER_CONTROLLERS


class I2c:
    def __init__(self, panel):
        self._panel = panel

    def writevto(self, address, parts):
        self._panel.write(b"".join(bytes(part) for part in parts))

    def writeto(self, address, data):
        """Another device on the bus, such as a power chip."""


class Pin:
    level = 0

    def value(self, level):
        self.level = level


class Spi:
    def __init__(self, panel, dc):
        self._panel, self._dc = panel, dc

    def write(self, data):
        self._panel.transfer(bytes(data), bool(self._dc.level))


def open_panel(board: Board, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Panel, dict[int, Pin]]:
    """The board's display as the firmware opens it, the panel behind it, and its pins."""
    assert board.display is not None
    panel = make_panel(board.display)
    spi = board.display.spi
    pins: dict[int, Pin] = {}

    class BoardPin(Pin):
        IN, OUT = 1, 3

        def __init__(self, number: int, mode: int = -1, value: int = 0) -> None:
            self.level = value
            self._is_busy = spi is not None and number == spi.busy
            pins[number] = self

        def value(self, level=None):
            if level is not None:
                self.level = level
            elif self._is_busy and panel.refreshing:
                panel.finish()  # by the next look
                return 1
            return self.level

    class DataCommand:
        @property
        def level(self) -> int:
            assert spi is not None
            return pins[spi.dc].level

    class Machine:
        Pin = BoardPin

        @staticmethod
        def I2C(id: int, **_: Any) -> I2c:  # noqa: N802
            return I2c(panel)

        @staticmethod
        def SPI(id: int, **_: Any) -> Spi:  # noqa: N802
            return Spi(panel, DataCommand())

    monkeypatch.setitem(sys.modules, "framebuf", framebuf)
    monkeypatch.setitem(sys.modules, "machine", Machine)
    for module in ("spi", "tft", "ssd1680"):
        monkeypatch.setattr(f"keyfob.ui.displays.{module}.time.sleep", lambda seconds: None)
    return open_display(board_file(board)), panel, pins
