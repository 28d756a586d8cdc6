"""The boards keyfob knows: one folder each, described by its board.toml (boards/README.md)."""

import sys
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from keyfob_host.chips import CHIPS
from keyfob_host.errors import CliError, UsageError
from keyfob_host.resources import boards_dir

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_BOARD = "esp32-generic"

Controller = Literal["ssd1306", "sh1106", "st7789", "ili9341", "ili9342"]

# Columns and rows of each controller's memory, in its own orientation.
MEMORY: dict[Controller, tuple[int, int]] = {
    "ssd1306": (128, 64),
    "sh1106": (132, 64),
    "st7789": (240, 320),
    "ili9341": (240, 320),
    "ili9342": (320, 240),
}
OLED_CONTROLLERS = ("ssd1306", "sh1106")


@dataclass(frozen=True)
class I2cBus:
    """The I2C bus of a display: pins, the display's 7-bit address, frequency in Hz."""

    id: int
    scl: int
    sda: int
    address: int
    frequency: int


@dataclass(frozen=True)
class SpiBus:
    """The SPI bus of a display: pins, -1 for one that is not wired; frequency in Hz."""

    id: int
    sck: int
    mosi: int
    cs: int
    dc: int
    reset: int
    backlight: int
    frequency: int


@dataclass(frozen=True)
class Level:
    """A pin and the level that it is set to."""

    pin: int
    level: Literal[0, 1]


@dataclass(frozen=True)
class Register:
    """A register of a chip on I2C and the byte it is set to."""

    register: int
    value: int


@dataclass(frozen=True)
class PowerChip:
    """The chip on I2C that switches a display's power, and what to tell it, in this order."""

    id: int
    scl: int
    sda: int
    address: int
    frequency: int
    registers: tuple[Register, ...]


@dataclass(frozen=True)
class Power:
    """What a display needs before it can be spoken to: power chip, then pins, in this order."""

    chip: PowerChip | None
    pins: tuple[Level, ...]


@dataclass(frozen=True)
class Display:
    """A display and how its glass sits on the controller; sizes and offsets in pixels."""

    controller: Controller
    width: int
    height: int
    rotation: Literal[0, 1, 2, 3]
    column_offset: int
    row_offset: int
    inverted: bool
    bgr: bool
    i2c: I2cBus | None
    spi: SpiBus | None
    power: Power | None = None


@dataclass(frozen=True)
class Button:
    """A button; `pressed` is the level of its pin while it is pressed."""

    name: str
    pin: int
    pressed: Literal[0, 1]
    pull: Literal["up", "down", "none"]


@dataclass(frozen=True)
class Led:
    """A status LED; `on` is the level of its pin that lights it."""

    pin: int
    on: Literal[0, 1]


@dataclass(frozen=True)
class Board:
    """One board; sizes and offsets in bytes. `display` and `led` are None where absent.

    `download` is the board's name at micropython.org, `flash_recipe` how a person puts it into
    download mode, `verified` what was seen on hardware, `sources` where its facts come from.
    """

    name: str
    title: str
    chip: str
    flash_size: int
    flash_offset: int
    flash_files: int
    flash_recipe: str
    download: str
    verified: str
    sources: tuple[str, ...]
    heap_initial: int
    heap_limit: int
    display: Display | None = None
    buttons: tuple[Button, ...] = ()
    led: Led | None = None


@dataclass(frozen=True)
class _Flash:
    size: int
    offset: int
    files: int
    recipe: str


@dataclass(frozen=True)
class _Heap:
    initial: int
    limit: int


@dataclass(frozen=True)
class _Document:
    """board.toml as it is written: these types are its schema, and there is nothing else."""

    title: str
    chip: str
    download: str
    verified: str
    sources: tuple[str, ...]
    flash: _Flash
    heap: _Heap
    display: Display | None
    buttons: tuple[Button, ...]
    led: Led | None


def known_boards() -> list[str]:
    """Names of the boards, sorted."""
    return sorted(path.parent.name for path in boards_dir().glob("*/board.toml"))


def load_board(name: str) -> Board:
    """The board of that name.

    Raises UsageError for a name that is not known, and CliError for a damaged board.toml.
    """
    names = known_boards()
    if name not in names:
        raise UsageError(f"there is no board {name!r}", f"--board {' or '.join(names)}")
    return read_board(boards_dir() / name / "board.toml")


def read_board(path: Path) -> Board:
    """Read one board.toml; the board is named after its folder.

    Raises CliError naming the field that is missing, unknown or of the wrong type.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        document: _Document = _read(_Document, table, "")
        if document.chip not in CHIPS:
            raise _FieldError(f"needs 'chip', one of {', '.join(CHIPS)}")
        if document.display is not None:
            _check_display(document.display)
    except _FieldError as error:
        raise CliError(f"{path} {error}", "see boards/README.md") from None
    except (OSError, ValueError) as error:
        raise CliError(f"{path} cannot be read: {error}", "see boards/README.md") from None
    return Board(
        name=path.parent.name,
        title=document.title,
        chip=document.chip,
        flash_size=document.flash.size,
        flash_offset=document.flash.offset,
        flash_files=document.flash.files,
        flash_recipe=document.flash.recipe,
        download=document.download,
        verified=document.verified,
        sources=document.sources,
        heap_initial=document.heap.initial,
        heap_limit=document.heap.limit,
        display=document.display,
        buttons=document.buttons,
        led=document.led,
    )


def board_file(board: Board) -> dict[str, Any]:
    """The content of /board.json: what the firmware has to know of its board."""
    parts = {"display": board.display, "led": board.led}
    document: dict[str, Any] = {"name": board.name}
    document |= {name: _present(asdict(part)) for name, part in parts.items() if part is not None}
    if board.buttons:
        document["buttons"] = [asdict(button) for button in board.buttons]
    return document


def _present(value: Any) -> Any:
    """`value` without the members that are None, and its tuples as lists."""
    if isinstance(value, dict):
        return {name: _present(item) for name, item in value.items() if item is not None}
    return [_present(item) for item in value] if isinstance(value, (list, tuple)) else value


class _FieldError(Exception):
    """What is wrong with a field, which the message names."""


def _read(kind: Any, value: Any, name: str) -> Any:
    """`value` of the field `name` as the type `kind`; an absent one is None."""
    origin, choices = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return None if value is None else _read(choices[0], value, name)
    if origin is Literal:
        if type(value) is not type(choices[0]) or value not in choices:
            known = ", ".join(str(choice) for choice in choices)
            raise _FieldError(f"needs {name!r}, one of {known}")
        return value
    if origin is tuple:
        if not isinstance(value, list | None):
            what = "texts" if choices[0] is str else "tables"
            raise _FieldError(f"needs {name!r} as a list of {what}")
        return tuple(
            _read(choices[0], item, f"{name}[{index}]") for index, item in enumerate(value or ())
        )
    if is_dataclass(kind):
        return _read_table(kind, value, name)
    if type(value) is not kind:
        raise _FieldError(f"needs {name!r}, of type {kind.__name__}")
    return value


def _read_table(kind: Any, value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        raise _FieldError(f"needs {name!r} as a table")
    prefix = name and f"{name}."
    kinds = {field.name: field.type for field in fields(kind)}
    for key in value:
        if key not in kinds:
            raise _FieldError(f"has an unknown field {prefix + key!r}")
    return kind(**{key: _read(kinds[key], value.get(key), prefix + key) for key in kinds})


def _check_display(display: Display) -> None:
    """Raise _FieldError unless the glass fits the controller, which is on a bus it can have."""
    if (display.i2c is None) == (display.spi is None):
        raise _FieldError("needs either 'display.i2c' or 'display.spi'")
    is_oled = display.controller in OLED_CONTROLLERS
    if display.spi is None and not is_oled:
        raise _FieldError(f"needs 'display.spi': a {display.controller} has no I2C")
    if display.bgr and is_oled:
        raise _FieldError(f"needs 'display.bgr' false: a {display.controller} has no colours")
    glass = (display.width, display.height)
    columns, rows = glass if display.rotation % 2 == 0 else glass[::-1]
    memory_columns, memory_rows = MEMORY[display.controller]
    for side, size, offset, limit in (
        ("column", columns, display.column_offset, memory_columns),
        ("row", rows, display.row_offset, memory_rows),
    ):
        if size <= 0 or offset < 0 or offset + size > limit:
            raise _FieldError(
                f"needs 'display.{side}_offset' and a size within the {limit} {side}s"
                f" of the {display.controller}"
            )
