"""ILI9341, 240 x 320 pixels, and ILI9342, which lies on its side: 320 x 240."""

from __future__ import annotations

from typing import ClassVar

from keyfob_sim.hardware.panels.dcs import COMMANDS, parsed
from keyfob_sim.hardware.panels.tft import Command, TftPanel

# 0xB6, second argument.
_GS = 0x40
_SS = 0x20

# 0xF6: bits of MADCTL that are turned round, what becomes of too many pixels, byte order.
_FLIPS = 0xE8
_WRAPS = 0x01
_LITTLE_ENDIAN = 0x20


def _set_display_function(panel: TftPanel, code: int, arguments: bytes) -> None:
    panel.registers.update(shifts_left=arguments[1] & _SS, scans_up=arguments[1] & _GS)


def _set_interface(panel: TftPanel, code: int, arguments: bytes) -> None:
    panel.registers.update(
        madctl_flips=arguments[0] & _FLIPS,
        stops_when_full=not arguments[0] & _WRAPS,
        little_endian=arguments[2] & _LITTLE_ENDIAN,
    )


_COMMANDS = {
    **COMMANDS,
    0xB6: Command(3, 4, _set_display_function),  # the fourth serves an external clock only
    0xF6: Command(3, 3, _set_interface),
    **parsed(
        {
            0x2D: 128,  # colour look-up table
            0xB0: 1,  # RGB interface
            0xB1: 2,  # frame rate, normal
            0xB2: 2,  # frame rate, idle
            0xB3: 2,  # frame rate, partial
            0xB4: 1,  # inversion of the drive
            0xB5: 4,  # porch
            0xB7: 1,  # entry mode
            0xB8: 1,  # backlight
            0xB9: 1,
            0xBA: 1,
            0xBB: 1,
            0xBC: 1,
            0xBE: 1,
            0xBF: 1,
            0xC1: 1,  # power control 2
            0xD0: 2,  # fuses
            0xD1: 3,
            0xE0: 15,  # gamma, positive
            0xE1: 15,  # gamma, negative
            0xE2: 16,  # digital gamma
            0xE3: 64,
        }
    ),
}


class Ili9341(TftPanel):
    """Its first source output is at the right of the glass: modules want MADCTL's MX."""

    columns = 240
    rows = 320
    mirrored = True
    commands: ClassVar = {
        **_COMMANDS,
        **parsed(
            {
                0xC0: 1,  # power control 1
                0xC5: 2,  # VCOM 1
                0xC7: 1,  # VCOM 2
                0xCB: 5,  # power control A
                0xCF: 3,  # power control B
                0xE8: 3,  # driver timing A
                0xE9: 3,
                0xEA: 2,  # driver timing B
                0xED: 4,  # power-on sequence
                0xF2: 1,  # three gamma curves
                0xF7: 1,  # pump ratio
            }
        ),
    }


class Ili9342(TftPanel):
    """As ILI9342C: its extended commands come after 0xC8."""

    columns = 320
    rows = 240
    commands: ClassVar = {
        **_COMMANDS,
        **parsed(
            {
                0xC0: 2,  # power control 1
                0xC2: 1,  # power control 3
                0xC5: 1,  # VCOM
                0xC8: 3,  # extended commands on
            }
        ),
    }
