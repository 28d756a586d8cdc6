"""GC9A01: 240 x 240 pixels behind a round glass."""

from __future__ import annotations

from typing import ClassVar

from PIL import Image, ImageDraw

from keyfob_sim.hardware.panels.dcs import COMMANDS, parsed, setting
from keyfob_sim.hardware.panels.tft import Command, TftPanel


def _of_maker(counts: dict[int, int]) -> dict[int, Command]:
    """Commands for which both enabling ones must have come first."""

    def act(panel: TftPanel, code: int, arguments: bytes) -> None:
        if not (panel.registers["enabled_1"] and panel.registers["enabled_2"]):
            panel.fault(f"command {code:#04x} before 0xfe and 0xef")

    return {code: Command(count, count, act) for code, count in counts.items()}


class Gc9a01(TftPanel):
    """Its maker's commands are parsed; what lies outside the circle is not seen."""

    columns = 240
    rows = 240
    commands: ClassVar = {
        **COMMANDS,
        0xFE: Command(0, 0, setting(enabled_1=1)),
        0xEF: Command(0, 0, setting(enabled_2=1)),
        **parsed(
            {
                0xB0: 1,  # RGB interface
                0xB5: 4,  # porch
                0xB6: 2,  # display function
                0xBA: 1,  # tearing signal
                0xF6: 1,  # interface
            }
        ),
        **_of_maker(
            {
                0x62: 12,
                0x63: 12,
                0x64: 7,
                0x66: 10,
                0x67: 10,
                0x70: 9,
                0x74: 7,
                **dict.fromkeys(range(0x84, 0x90), 1),
                0x90: 4,
                0x98: 2,
                0xA7: 1,  # power control 7
                0xAE: 1,
                0xBC: 1,
                0xBD: 1,
                0xBE: 1,
                0xC1: 1,  # power control 1
                0xC3: 1,  # power control 2
                0xC4: 1,  # power control 3
                0xC9: 1,  # power control 4
                0xCD: 1,
                0xDF: 3,
                0xE1: 2,
                0xE8: 1,  # frame rate
                0xE9: 1,  # data lanes
                0xEB: 1,
                0xEC: 1,  # charge pump
                0xED: 2,
                0xF0: 6,  # gamma
                0xF1: 6,
                0xF2: 6,
                0xF3: 6,
                0xFF: 3,
            }
        ),
    }

    def _reset_registers(self) -> None:
        super()._reset_registers()
        self.registers.update(enabled_1=0, enabled_2=0)

    def _glass(self) -> Image.Image:
        picture = super()._glass()
        scale = 4
        circle = Image.new("L", (self.columns * scale, self.rows * scale))
        ImageDraw.Draw(circle).ellipse((0, 0, circle.width - 1, circle.height - 1), fill=255)
        edge = circle.resize((self.columns, self.rows)).point([0] * 128 + [255] * 128)
        seen = Image.new("RGB", picture.size)
        seen.paste(picture, mask=edge.crop(self._box))
        return seen
