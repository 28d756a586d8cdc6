"""SH1106: 132 x 64 dots, addressed by pages only, remapped on the way to the glass."""

from __future__ import annotations

from keyfob_sim.hardware.panels.oled import (
    COMMANDS,
    DEFAULTS,
    LINES,
    PAGES,
    Command,
    OledPanel,
    ignore,
    of_argument,
    of_code,
    same,
)

_COLUMNS = 132

# Argument of 0xAD: whether the DC-DC converter runs with the display.
_CONVERTER = {0x8A: 0, 0x8B: 1}


def _set_low_nibble(panel: OledPanel, code: int, arguments: bytes) -> None:
    panel.registers["column"] = panel.registers["column"] & 0xF0 | code & 0x0F


def _set_high_nibble(panel: OledPanel, code: int, arguments: bytes) -> None:
    panel.registers["column"] = panel.registers["column"] & 0x0F | (code & 0x0F) << 4


def _set_converter(panel: OledPanel, code: int, arguments: bytes) -> None:
    if arguments[0] in _CONVERTER:
        panel.registers["pump"] = _CONVERTER[arguments[0]]
    else:
        panel.fault(f"command {code:#04x} with reserved value {arguments[0]:#04x}")


def _begin_modifying(panel: OledPanel, code: int, arguments: bytes) -> None:
    panel.registers["column_to_return"] = panel.registers["column"]


def _end_modifying(panel: OledPanel, code: int, arguments: bytes) -> None:
    if panel.registers["column_to_return"] < 0:
        panel.fault("command 0xee without 0xe0")
    else:
        panel.registers.update(column=panel.registers["column_to_return"], column_to_return=-1)


_COMMANDS = {
    **COMMANDS,
    **same(range(0x10), Command(0, _set_low_nibble)),
    **same(range(0x10, 0x20), Command(0, _set_high_nibble)),
    **same(range(0x30, 0x34), Command(0, ignore)),  # voltage of the pump
    0xA8: Command(1, of_argument("multiplex", LINES - 1)),
    0xAD: Command(1, _set_converter),
    **same(range(0xB0, 0xB8), Command(0, of_code("page", PAGES - 1))),
    **same(range(0xC0, 0xD0), Command(0, of_code("reversed_scan", 0x08))),
    0xDA: Command(1, of_argument("com_pins", allowed=(0x02, 0x12))),
    0xDB: Command(1, of_argument("deselect_level")),
    0xE0: Command(0, _begin_modifying),
    0xEE: Command(0, _end_modifying),
}

_DEFAULTS = {
    **DEFAULTS,
    "contrast": 0x80,
    "oscillator": 0x50,
    "deselect_level": 0x35,
    "pump": 1,
    "column_to_return": -1,
}


class Sh1106(OledPanel):
    """The column counter stops after the last column: further data is lost."""

    columns = _COLUMNS
    commands = _COMMANDS
    defaults = _DEFAULTS

    def _store(self, data: bytes) -> None:
        registers = self.registers
        column = registers["column"]
        run = data[: max(0, _COLUMNS - column)]
        self._put(column, registers["page"], run)
        registers["column"] = column + len(run)
        if len(run) < len(data):
            self.fault(f"data past column {_COLUMNS - 1}")

    def _runs_backwards(self) -> bool:
        return not self.registers["remapped"]
