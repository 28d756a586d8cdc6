"""ST7789: 240 x 320 pixels."""

from __future__ import annotations

from typing import ClassVar

from keyfob_sim.hardware.panels.dcs import COMMANDS, parsed
from keyfob_sim.hardware.panels.tft import Command, TftPanel

_LITTLE_ENDIAN = 0x08


def _set_ram_control(panel: TftPanel, code: int, arguments: bytes) -> None:
    panel.registers["little_endian"] = arguments[1] & _LITTLE_ENDIAN


class St7789(TftPanel):
    """Its second command table is parsed, byte order apart."""

    columns = 240
    rows = 320
    commands: ClassVar = {
        **COMMANDS,
        0xB0: Command(2, 2, _set_ram_control),
        **parsed(
            {
                0xB1: 3,  # RGB interface
                0xB2: 5,  # porch
                0xB3: 3,  # frame rate, partial and idle
                0xB5: 1,  # partial mode
                0xB7: 1,  # gate voltages
                0xB8: 4,  # gate timing
                0xBA: 1,  # digital gamma on
                0xBB: 1,  # VCOM
                0xBC: 1,  # power saving
                0xBD: 1,  # display off, power saving
                0xC0: 1,  # LCM control
                0xC1: 3,  # ID
                0xC2: 2,  # VDV and VRH on
                0xC3: 1,  # VRH
                0xC4: 1,  # VDV
                0xC5: 1,  # VCOM offset
                0xC6: 1,  # frame rate, normal
                0xC7: 1,  # CABC
                0xC8: 1,
                0xCA: 1,
                0xCC: 1,  # PWM frequency
                0xD0: 2,  # power control 1
                0xD2: 1,  # VAP and VAN on
                0xDF: 4,  # command table 2 on
                0xE0: 14,  # gamma, positive
                0xE1: 14,  # gamma, negative
                0xE2: 64,  # digital gamma, red
                0xE3: 64,  # digital gamma, blue
                0xE4: 3,  # gates
                0xE7: 1,  # two data lanes
                0xE8: 1,  # power control 2
                0xE9: 3,  # equalising
                0xEC: 1,  # programming the fuses
                0xFA: 4,
                0xFC: 2,
                0xFE: 2,
            }
        ),
    }
