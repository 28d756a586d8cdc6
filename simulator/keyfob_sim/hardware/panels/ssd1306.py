"""SSD1306: 128 x 64 dots, three ways of addressing, remapped as it is written."""

from __future__ import annotations

from keyfob_sim.hardware.panels.oled import (
    COMMANDS,
    DEFAULTS,
    LINES,
    PAGES,
    Command,
    OledPanel,
    ignore,
    masked,
    of_argument,
    of_code,
    same,
)

_COLUMNS = 128
_VERTICAL = 1
_PAGE = 2

# Argument of 0x8D: whether the pump runs. The last two, of later chips, are higher voltages.
_PUMP = {0x10: 0, 0x14: 1, 0x94: 1, 0x95: 1}


def _left(at: int, end: int, limit: int) -> int:
    """Steps until a pointer wraps: past its window's end it first runs through the rest."""
    return (end if at <= end else limit - 1) - at + 1


def _set_window(axis: str, limit: int) -> Command:
    def act(panel: OledPanel, code: int, arguments: bytes) -> None:
        start, end = (masked(panel, code, argument, limit - 1) for argument in arguments)
        if panel.registers["mode"] == _PAGE:
            panel.fault(f"command {code:#04x} in page addressing mode")
        elif start > end:
            panel.fault(f"command {code:#04x} from {start} back to {end}")
        else:
            panel.registers.update({axis: start, axis + "_start": start, axis + "_end": end})

    return Command(2, act)


def _only_by_pages(panel: OledPanel, code: int) -> bool:
    if panel.registers["mode"] != _PAGE:
        panel.fault(f"command {code:#04x} outside page addressing mode")
    return panel.registers["mode"] == _PAGE


def _set_column_nibble(panel: OledPanel, code: int, arguments: bytes) -> None:
    if _only_by_pages(panel, code):
        column = panel.registers["page_column"]
        if code & 0x10:
            column = column & 0x0F | (masked(panel, code, code & 0x0F, 0x07)) << 4
        else:
            column = column & 0x70 | code & 0x0F
        panel.registers.update(column=column, page_column=column)


def _set_page(panel: OledPanel, code: int, arguments: bytes) -> None:
    if _only_by_pages(panel, code):
        panel.registers["page"] = code & (PAGES - 1)


def _set_pump(panel: OledPanel, code: int, arguments: bytes) -> None:
    if arguments[0] in _PUMP:
        panel.registers["pump"] = _PUMP[arguments[0]]
    else:
        panel.fault(f"command {code:#04x} with reserved value {arguments[0]:#04x}")


_COMMANDS = {
    **COMMANDS,
    **same(range(0x20), Command(0, _set_column_nibble)),
    0x20: Command(1, of_argument("mode", 0x03, range(_PAGE + 1))),
    0x21: _set_window("column", _COLUMNS),
    0x22: _set_window("page", PAGES),
    **same((0x26, 0x27), Command(6, ignore)),  # scroll sideways
    **same((0x29, 0x2A), Command(5, ignore)),  # scroll sideways and up
    **same((0x2E, 0x2F), Command(0, of_code("scrolling"))),
    0x8D: Command(1, _set_pump),
    0xA3: Command(2, ignore),  # area of the vertical scroll
    0xA8: Command(1, of_argument("multiplex", LINES - 1, range(15, LINES))),
    0xAD: Command(1, of_argument("current_reference", allowed=(0x00, 0x10, 0x20, 0x30))),
    **same(range(0xB0, 0xB8), Command(0, _set_page)),
    0xDA: Command(1, of_argument("com_pins", allowed=(0x02, 0x12, 0x22, 0x32))),
    0xDB: Command(1, of_argument("deselect_level", allowed=(0x00, 0x20, 0x30))),
}

_DEFAULTS = {
    **DEFAULTS,
    "contrast": 0x7F,
    "oscillator": 0x80,
    "deselect_level": 0x20,
    "current_reference": 0x00,
    "pump": 0,
    "mode": _PAGE,
    "scrolling": 0,
    "column_start": 0,
    "column_end": _COLUMNS - 1,
    "page_start": 0,
    "page_end": PAGES - 1,
    "page_column": 0,
}


class Ssd1306(OledPanel):
    """Dark until its charge pump runs: modules have no other source of the glass's voltage."""

    columns = _COLUMNS
    commands = _COMMANDS
    defaults = _DEFAULTS

    def _store(self, data: bytes) -> None:
        registers = self.registers
        if registers["scrolling"]:
            self.fault("data while scrolling")
        while data:
            column, page = registers["column"], registers["page"]
            if registers["mode"] == _VERTICAL:
                run = data[: _left(page, registers["page_end"], PAGES)]
                for step, byte in enumerate(run):
                    self._put_columns(column, page + step, bytes([byte]))
                if self._advance("page", len(run), PAGES):
                    self._advance("column", 1, _COLUMNS)
            elif registers["mode"] == _PAGE:
                run = data[: _COLUMNS - column]
                self._put_columns(column, page, run)
                column += len(run)
                registers["column"] = column if column < _COLUMNS else registers["page_column"]
            else:
                run = data[: _left(column, registers["column_end"], _COLUMNS)]
                self._put_columns(column, page, run)
                if self._advance("column", len(run), _COLUMNS):
                    self._advance("page", 1, PAGES)
            data = data[len(run) :]

    def _advance(self, axis: str, steps: int, limit: int) -> bool:
        """Move one pointer on within its window; True when it went back to the start."""
        registers = self.registers
        left = _left(registers[axis], registers[axis + "_end"], limit)
        registers[axis] += steps
        if steps >= left:
            registers[axis] = registers[axis + "_start"]
        return steps >= left

    def _put_columns(self, column: int, page: int, run: bytes) -> None:
        """Memory is kept by segment: the remap is applied to what is written, and stays."""
        if self.registers["remapped"]:
            self._put(_COLUMNS - column - len(run), page, run[::-1])
        else:
            self._put(column, page, run)

    def _runs_backwards(self) -> bool:
        return True
