"""Opening the display of a board: which driver it needs, on which bus."""

from keyfob.compat import Loaded, const
from keyfob.errors import ConfigError

# Bytes that Python's heap gets beside its first area, by the size of the picture: with the screens
# it does not fit into that.
_SMALL = const(28_672)
_MEDIUM = const(36_864)
_LARGE = const(43_008)

# In the same order the controllers, their drivers, the modules of these, and that area. As long
# texts: MicroPython keeps short ones as names.
_CONTROLLERS = "ssd1306 sh1106 st7789 ili9341 ili9342 gc9a01 ssd1680"
_CLASSES = "SSD1306 SH1106 ST7789 ILI9341 ILI9342 GC9A01 SSD1680"
_MODULES = (
    "keyfob.ui.displays.ssd1306 keyfob.ui.displays.sh1106 keyfob.ui.displays.st7789 "
    "keyfob.ui.displays.ili9341 keyfob.ui.displays.ili9341 keyfob.ui.displays.gc9a01 "
    "keyfob.ui.displays.ssd1680"
)
_AREAS = (_SMALL, _SMALL, _MEDIUM, _LARGE, _LARGE, _LARGE, _MEDIUM)

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
        module, name, area = _driver_of(about["controller"])
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
    except (AttributeError, ImportError, KeyError, TypeError, ValueError, IndexError) as error:
        # People edit that file.
        raise ConfigError(
            "/board.json does not describe the display: %s" % error,
            "write it anew with the host tools",
        )


def _driver_of(controller):
    """Return the module of a controller's driver, the class there, and the bytes of that area.

    A controller with a dot is itself a class in a module: a driver of one's own. Raises ValueError
    for an unknown one.
    """
    module, dot, name = controller.rpartition(".")
    if dot:
        return module, name, _LARGE
    known = _CONTROLLERS.split()
    if controller not in known:
        raise ValueError("there is no driver for %s" % controller)
    number = known.index(controller)
    return _MODULES.split()[number], _CLASSES.split()[number], _AREAS[number]
