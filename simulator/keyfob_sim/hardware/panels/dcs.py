"""The commands that all TFT controllers share: those of MIPI's display command set."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from keyfob_sim.hardware.panels.pixel_formats import FORMATS
from keyfob_sim.hardware.panels.tft import RAMWR, RAMWRC, Act, Command, TftPanel

_ANY = sys.maxsize
_MADCTL_UNUSED = 0x03


def big_endian(arguments: bytes) -> list[int]:
    """Arguments of two bytes each, the upper one first."""
    return [high << 8 | low for high, low in zip(arguments[::2], arguments[1::2], strict=True)]


def setting(**values: int) -> Act:
    """Set registers, whatever the arguments."""

    def act(panel: TftPanel, code: int, arguments: bytes) -> None:
        panel.registers.update(values)

    return act


def _software_reset(panel: TftPanel, code: int, arguments: bytes) -> None:
    panel.soft_reset()


def _set_columns(panel: TftPanel, code: int, arguments: bytes) -> None:
    panel.set_window("column", *big_endian(arguments))


def _set_rows(panel: TftPanel, code: int, arguments: bytes) -> None:
    panel.set_window("row", *big_endian(arguments))


def _write_memory(panel: TftPanel, code: int, arguments: bytes) -> None:
    panel.start_writing()


def _write_memory_on(panel: TftPanel, code: int, arguments: bytes) -> None:
    if not panel.pointer_is_set:
        panel.fault("memory write continued from nowhere")
        panel.start_writing()


def _set_madctl(panel: TftPanel, code: int, arguments: bytes) -> None:
    if arguments[0] & _MADCTL_UNUSED:
        panel.fault(f"MADCTL {arguments[0]:#04x}")
    panel.registers["madctl"] = arguments[0]
    panel.pointer_is_set = False


def _set_colmod(panel: TftPanel, code: int, arguments: bytes) -> None:
    if arguments[0] & 0x07 in FORMATS:
        panel.registers["colmod"] = arguments[0]
    else:
        panel.fault(f"COLMOD {arguments[0]:#04x} is neither 16 nor 18 bits")


def _set_partial_area(panel: TftPanel, code: int, arguments: bytes) -> None:
    start, end = big_endian(arguments)
    if max(start, end) < panel.rows:
        panel.registers.update(partial_start=start, partial_end=end)
    else:
        panel.fault(f"a partial area from {start} to {end} of {panel.rows} rows")


def _set_scroll_area(panel: TftPanel, code: int, arguments: bytes) -> None:
    top, height, bottom = big_endian(arguments)
    if height and top + height + bottom == panel.rows:
        panel.registers.update(scroll_top=top, scroll_rows=height, scroll_start=top)
    else:
        panel.fault(f"a scroll area of {top} + {height} + {bottom} of {panel.rows} rows")


def _scroll(panel: TftPanel, code: int, arguments: bytes) -> None:
    (start,) = big_endian(arguments)
    top, height = panel.registers["scroll_top"], panel.registers["scroll_rows"]
    if top <= start < top + height:
        panel.registers.update(scroll_start=start, scrolling=1)
    else:
        panel.fault(f"a scroll to {start}, outside {top} to {top + height - 1}")


def parsed(counts: Mapping[int, int]) -> dict[int, Command]:
    """Commands that change nothing one can see here, with the arguments each must have."""
    return {code: Command(count, count) for code, count in counts.items()}


# Commands that answer: what is clocked in meanwhile means nothing.
_READS = (0x04, *range(0x09, 0x10), 0x2E, 0x3E, 0x45, 0x52, 0x54, 0x56, 0x5F, 0xDA, 0xDB, 0xDC)

COMMANDS: dict[int, Command] = {
    **dict.fromkeys(_READS, Command(0, _ANY)),
    **parsed(
        {
            0x00: 0,  # NOP
            0x26: 1,  # GAMSET
            0x34: 0,  # TEOFF
            0x35: 1,  # TEON
            0x44: 2,  # line of the tearing signal
            0x51: 1,  # brightness, on a pin that leads nowhere
            0x53: 1,
            0x55: 1,
            0x5E: 1,
        }
    ),
    0x01: Command(0, 0, _software_reset),
    0x10: Command(0, 0, setting(asleep=1)),
    0x11: Command(0, 0, setting(asleep=0)),
    0x12: Command(0, 0, setting(partial=1)),
    0x13: Command(0, 0, setting(partial=0, scrolling=0)),
    0x20: Command(0, 0, setting(inverted=0)),
    0x21: Command(0, 0, setting(inverted=1)),
    0x28: Command(0, 0, setting(on=0)),
    0x29: Command(0, 0, setting(on=1)),
    0x2A: Command(4, 4, _set_columns),
    0x2B: Command(4, 4, _set_rows),
    RAMWR: Command(0, _ANY, _write_memory),
    0x30: Command(4, 4, _set_partial_area),
    0x33: Command(6, 6, _set_scroll_area),
    0x36: Command(1, 1, _set_madctl),
    0x37: Command(2, 2, _scroll),
    0x38: Command(0, 0, setting(idle=0)),
    0x39: Command(0, 0, setting(idle=1)),
    0x3A: Command(1, 1, _set_colmod),
    RAMWRC: Command(0, _ANY, _write_memory_on),
}
