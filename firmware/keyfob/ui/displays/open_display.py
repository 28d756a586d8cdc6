"""Opening the display of a board: which driver it needs, on which bus."""

from keyfob.compat import Loaded, const
from keyfob.errors import ConfigError

# Bytes that Python's heap gets beside its first area, by the size of the picture: with the screens
# it does not fit into that.
_SMALL = const(28_672)
_MEDIUM = const(34_816)
_LARGE = const(43_008)

# Controller: the module of its driver, the class there, and that area.
_DRIVERS = {
    "ssd1306": ("keyfob.ui.displays.ssd1306", "SSD1306", _SMALL),
    "sh1106": ("keyfob.ui.displays.sh1106", "SH1106", _SMALL),
    "st7789": ("keyfob.ui.displays.st7789", "ST7789", _MEDIUM),
    "ili9341": ("keyfob.ui.displays.ili9341", "ILI9341", _LARGE),
    "ili9342": ("keyfob.ui.displays.ili9341", "ILI9342", _LARGE),
    "gc9a01": ("keyfob.ui.displays.gc9a01", "GC9A01", _LARGE),
}

# How the glass is mounted on its controller; absent or 0 means the driver's default.
_GEOMETRY = ("rotation", "column_offset", "row_offset", "inverted", "bgr")


def open_display(board):
    """Return the display of `board`, the content of /board.json; None where it has none.

    Imports the one driver that is needed, and `machine`. Raises OSError where nothing
    answers on I2C, and ConfigError for an invalid description.
    """
    about = board.get("display")
    if about is None:
        return None
    try:
        module, name, area = _DRIVERS[about["controller"]]
        options = {option: about[option] for option in _GEOMETRY if about.get(option)}
        driver = getattr(__import__(module, None, None, (name,)), name)  # stays: the display does
        if "power" in about:
            with Loaded("keyfob.ui.displays.power") as power:
                power.power_up(about["power"])
        if "i2c" in about:
            from keyfob.ui.displays.i2c import open_bus  # stays: the bus does

            bus = open_bus(about["i2c"])
        else:
            from keyfob.ui.displays.spi import open_bus, output  # stays: the bus does

            bus = open_bus(about["spi"])
            backlight = output(about["spi"]["backlight"])
            if backlight is not None:
                options["backlight"] = backlight
        with Loaded("keyfob.heap_area") as code:
            code.add_small_area(area)
        return driver(bus, about["width"], about["height"], **options)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        # People edit that file.
        raise ConfigError(
            "/board.json does not describe the display: %s" % error,
            "write it anew with the host tools",
        )
