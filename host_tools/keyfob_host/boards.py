"""The boards keyfob knows: one folder each, described by its board.toml (boards/README.md)."""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from keyfob_host.chips import CHIPS
from keyfob_host.errors import CliError, UsageError
from keyfob_host.resources import boards_dir
from keyfob_host.typed_toml import FieldError, Rule, read_toml

DEFAULT_BOARD = "esp32-generic"

Controller = Literal["ssd1306", "sh1106", "st7789", "ili9341", "ili9342", "gc9a01", "ssd1680"]

# Columns and rows of each controller's memory, in its own orientation.
MEMORY: dict[Controller, tuple[int, int]] = {
    "ssd1306": (128, 64),
    "sh1106": (132, 64),
    "st7789": (240, 320),
    "ili9341": (240, 320),
    "ili9342": (320, 240),
    "gc9a01": (240, 240),
    "ssd1680": (176, 296),
}
OLED_CONTROLLERS = ("ssd1306", "sh1106")
PAPER_CONTROLLERS = ("ssd1680",)
ROUND_CONTROLLERS = ("gc9a01",)

_HINT = "see boards/README.md"

Text = Annotated[str, Rule(least=1)]
Size = Annotated[int, Rule(minimum=0)]  # bytes or pixels
Pin = Annotated[int, Rule(minimum=0)]
MaybePin = Annotated[int, Rule(minimum=-1)]  # -1 for one that is not wired
Address = Annotated[int, Rule(minimum=0x08, maximum=0x77)]  # 7 bits, without the reserved ones
Frequency = Annotated[int, Rule(minimum=1)]
Byte = Annotated[int, Rule(minimum=0, maximum=255)]
Number = Annotated[int, Rule(minimum=0)]


@dataclass(frozen=True)
class I2cBus:
    """The I2C bus of a display: pins, the display's 7-bit address, frequency in Hz."""

    id: Number
    scl: Pin
    sda: Pin
    address: Address
    frequency: Frequency


@dataclass(frozen=True)
class SpiBus:
    """The SPI bus of a display: pins, -1 for one that is not wired; frequency in Hz.

    `busy` is e-paper's: high during a refresh.
    """

    id: Number
    sck: Pin
    mosi: Pin
    cs: MaybePin
    dc: Pin
    reset: MaybePin
    backlight: MaybePin
    frequency: Frequency
    busy: MaybePin | None = None


@dataclass(frozen=True)
class Level:
    """A pin and the level that it is set to."""

    pin: Pin
    level: Literal[0, 1]


@dataclass(frozen=True)
class Register:
    """A register of a chip on I2C and the byte it is set to."""

    register: Byte
    value: Byte


@dataclass(frozen=True)
class PowerChip:
    """The chip on I2C that switches a display's power, and what to tell it, in this order."""

    id: Number
    scl: Pin
    sda: Pin
    address: Address
    frequency: Frequency
    registers: Annotated[tuple[Register, ...], Rule(least=1)]


@dataclass(frozen=True)
class Power:
    """What a display needs before it can be spoken to: power chip, then pins, in this order."""

    chip: PowerChip | None = None
    pins: Annotated[tuple[Level, ...], Rule(least=1)] = ()


@dataclass(frozen=True)
class Display:
    """A display and how its glass sits on the controller; sizes and offsets in pixels.

    `driver` is a class of one's own, as module.Class on the board. A controller that none of the
    others is needs one; what such a display shows, the simulator does not know.
    """

    controller: Controller | Literal["other"]
    width: Size
    height: Size
    rotation: Literal[0, 1, 2, 3]
    column_offset: Size
    row_offset: Size
    inverted: bool
    bgr: bool
    i2c: I2cBus | None = None
    spi: SpiBus | None = None
    power: Power | None = None
    driver: Annotated[str, Rule(pattern=r"^(\w+\.)+\w+$")] | None = None

    schema_rules: ClassVar[dict[str, Any]] = {
        "oneOf": [{"required": ["i2c"]}, {"required": ["spi"]}]
    }


@dataclass(frozen=True)
class Button:
    """A button; `pressed` is the level of its pin while it is pressed."""

    name: Text
    pin: Pin
    pressed: Literal[0, 1]
    pull: Literal["up", "down", "none"]


@dataclass(frozen=True)
class Led:
    """A status LED; `on` is the level of its pin that lights it, unless it has another `kind`.

    A neopixel is a WS2812 or its like, by itself on its pin.
    """

    pin: Pin
    on: Literal[0, 1] | None = None
    kind: Literal["neopixel"] | None = None

    schema_rules: ClassVar[dict[str, Any]] = {
        "oneOf": [{"required": ["on"]}, {"required": ["kind"]}]
    }


@dataclass(frozen=True)
class Wifi:
    """What a board's radio needs: the power in dBm above which it does not join."""

    txpower: Annotated[float, Rule(minimum=2, maximum=20)]


@dataclass(frozen=True)
class Board:
    """One board; sizes and offsets in bytes. `display`, `led`, `txpower` are None where absent.

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
    has_psram: bool
    display: Display | None = None
    buttons: tuple[Button, ...] = ()
    led: Led | None = None
    txpower: float | None = None


@dataclass(frozen=True)
class _Flash:
    size: Size
    offset: Size
    files: Size
    recipe: Text


@dataclass(frozen=True)
class _Heap:
    initial: Size
    limit: Size
    psram: bool = False


@dataclass(frozen=True)
class BoardFile:
    """board.toml as it is written: these types are its schema, and there is nothing else."""

    title: Text
    chip: Annotated[str, Rule(choices=tuple(CHIPS))]
    download: Text
    verified: Text
    sources: Annotated[tuple[Text, ...], Rule(least=1)]
    flash: _Flash
    heap: _Heap
    display: Display | None = None
    buttons: Annotated[tuple[Button, ...], Rule(least=1)] = ()
    led: Led | None = None
    wifi: Wifi | None = None


def known_boards() -> list[str]:
    """Names of the boards, sorted."""
    return sorted(path.parent.name for path in boards_dir().glob("*/board.toml"))


def all_boards(tell: Callable[[CliError], None] = lambda trouble: None) -> list[Board]:
    """All boards, sorted by name, but those with a damaged board.toml, which `tell` is told."""
    boards = []
    for name in known_boards():
        try:
            boards.append(load_board(name))
        except CliError as error:
            tell(error)
    return boards


def load_board(name: str) -> Board:
    """The board of that name, or of a file whose name ends in .toml.

    Raises UsageError for a name or a file that is not there, and CliError for a damaged one.
    """
    if name.endswith(".toml"):
        return _load_file(Path(name))
    names = known_boards()
    if name not in names:
        raise UsageError(f"there is no board {name!r}", f"--board {' or '.join(names)}")
    return read_board(boards_dir() / name / "board.toml")


def _load_file(path: Path) -> Board:
    if not path.is_file():
        raise UsageError(f"there is no file {path}", "--board FILE, or a name: keyfob boards")
    return read_board(path.resolve())


def read_board(path: Path) -> Board:
    """Read one board.toml; the board is named after its folder, or after a file of another name.

    Raises CliError naming the field that is missing, unknown or of the wrong type.
    """
    document = read_toml(BoardFile, path, _HINT)
    try:
        if document.display is not None:
            _check_display(document.display)
        if document.led is not None and (document.led.on is None) == (document.led.kind is None):
            raise FieldError("needs either 'led.on' or 'led.kind'")
    except FieldError as error:
        raise CliError(f"{path} {error}", _HINT) from None
    return Board(
        name=path.parent.name if path.name == "board.toml" else path.stem,
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
        has_psram=document.heap.psram,
        display=document.display,
        buttons=document.buttons,
        led=document.led,
        txpower=document.wifi.txpower if document.wifi else None,
    )


def board_file(board: Board) -> dict[str, Any]:
    """The content of /board.json: what the firmware has to know of its board."""
    parts = {"display": board.display, "led": board.led}
    document: dict[str, Any] = {"name": board.name}
    document |= {name: _present(asdict(part)) for name, part in parts.items() if part is not None}
    if board.display is not None and board.display.driver is not None:
        document["display"]["controller"] = document["display"].pop("driver")
    if board.txpower is not None:
        document["wifi"] = {"txpower": board.txpower}
    if board.buttons:
        document["buttons"] = [asdict(button) for button in board.buttons]
    return document


def _present(value: Any) -> Any:
    """`value` without the members that are None, and its tuples as lists."""
    if isinstance(value, dict):
        return {name: _present(item) for name, item in value.items() if item is not None}
    return [_present(item) for item in value] if isinstance(value, (list, tuple)) else value


def _check_display(display: Display) -> None:
    """Raise FieldError unless the glass fits the controller, which is on a bus it can have."""
    if (display.i2c is None) == (display.spi is None):
        raise FieldError("needs either 'display.i2c' or 'display.spi'")
    if display.driver is not None and not re.fullmatch(r"(\w+\.)+\w+", display.driver):
        raise FieldError("needs 'display.driver' as module.Class")
    if display.controller == "other":
        if display.driver is None:
            raise FieldError("needs 'display.driver': keyfob has none for another controller")
        return
    is_oled = display.controller in OLED_CONTROLLERS
    if display.spi is None and not is_oled:
        raise FieldError(f"needs 'display.spi': a {display.controller} has no I2C")
    if display.bgr and (is_oled or display.controller in PAPER_CONTROLLERS):
        raise FieldError(f"needs 'display.bgr' false: a {display.controller} has no colours")
    glass = (display.width, display.height)
    columns, rows = glass if display.rotation % 2 == 0 else glass[::-1]
    memory_columns, memory_rows = MEMORY[display.controller]
    for side, size, offset, limit in (
        ("column", columns, display.column_offset, memory_columns),
        ("row", rows, display.row_offset, memory_rows),
    ):
        if size <= 0 or offset < 0 or offset + size > limit:
            raise FieldError(
                f"needs 'display.{side}_offset' and a size within the {limit} {side}s"
                f" of the {display.controller}"
            )
