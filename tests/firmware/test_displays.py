"""What the drivers send makes the picture that was drawn, whichever way the glass is turned.

The panels here are written from the controllers' datasheets, as far as a driver needs them, and
begin with noise in their memory.
"""

import sys

from keyfob.errors import ConfigError
from keyfob.ui.displays import open_display as opening
from keyfob.ui.displays import spi, tft
from keyfob.ui.displays.i2c import I2cBus
from keyfob.ui.displays.ili9341 import ILI9341, ILI9342
from keyfob.ui.displays.sh1106 import SH1106
from keyfob.ui.displays.spi import SpiBus
from keyfob.ui.displays.ssd1306 import SSD1306
from keyfob.ui.displays.st7789 import ST7789

try:
    from micropython import heap_lock, heap_unlock

    def allocated_by(action):
        """Bytes: 0 or a MemoryError, which any allocation under the lock raises."""
        heap_lock()
        try:
            action()
        finally:
            heap_unlock()
        return 0

except ImportError:
    import tracemalloc

    def allocated_by(action):
        """Bytes that drivers allocate and keep: what they free again, CPython does not count.

        The least of three runs, since CPython 3.10 has a cache for each function from its 1024th
        call on.
        """
        return min(_kept_by(action) for _ in range(3))

    def _kept_by(action):
        tracemalloc.start()
        try:
            action()
            snapshot = tracemalloc.take_snapshot()
        finally:
            tracemalloc.stop()
        # Other threads and CPython's framebuf, which is Python here, are left out.
        drivers = tracemalloc.Filter(True, "*keyfob?ui?displays?*")
        return sum(trace.size for trace in snapshot.filter_traces([drivers]).traces)


ADDRESS = 0x3C

# Commands of the monochrome controllers that have arguments, and how many.
OLED_ARGUMENTS = {
    0x20: 1,
    0x21: 2,
    0x22: 2,
    0x81: 1,
    0x8D: 1,
    0xA8: 1,
    0xAD: 1,
    0xD3: 1,
    0xD5: 1,
    0xD9: 1,
    0xDA: 1,
    0xDB: 1,
}


class OledPanel:
    """An SSD1306 with 128 columns or an SH1106 with 132, as a device on I2C."""

    def __init__(self, columns=128):
        self.columns = columns
        self.memory = [bytearray(b"\xa5" * columns) for _ in range(8)]
        self.set = {}  # the last argument, or arguments, of each command
        self.column = self.page = 0
        self.on = []  # what was told about on and off, and the number of lit pixels then

    def writevto(self, address, parts):
        assert address == ADDRESS
        control, data = [bytes(part) for part in parts]
        if control == b"\x40":
            self.take_data(data)
        else:
            assert control == b"\x00"
            self.take_commands(data)

    def take_commands(self, data):
        while data:
            code, count = data[0], OLED_ARGUMENTS.get(data[0], 0)
            arguments = data[1 : 1 + count]
            assert len(arguments) == count
            data = data[1 + count :]
            self.set[code] = arguments
            if code in (0xA0, 0xA1, 0xC0, 0xC8, 0xA6, 0xA7):
                self.set[code & 0xFE if code < 0xC0 else 0xC0] = code
            elif code in (0xAE, 0xAF):
                self.on.append((code & 1, sum(map(sum, self.memory))))
            elif code == 0x21:
                self.column = arguments[0]
            elif code == 0x22:
                self.page = arguments[0]
            elif self.columns == 132 and code < 0x10:
                self.column = self.column & 0xF0 | code
            elif self.columns == 132 and code < 0x20:
                self.column = self.column & 0x0F | (code & 0x0F) << 4
            elif 0xB0 <= code < 0xB8:
                self.page = code & 7

    def take_data(self, data):
        for byte in data:
            if self.column < self.columns:
                self.memory[self.page][self.column] = byte
            if self.columns == 132:
                self.column += 1
            elif self.set[0x20] == b"\x01":
                self._step_down() and self._step_right()
            else:
                self._step_right() and self._step_down()

    def _step_right(self):
        first, last = self.set[0x21]
        self.column = first if self.column == last else self.column + 1
        return self.column == first

    def _step_down(self):
        first, last = self.set[0x22]
        self.page = first if self.page == last else self.page + 1
        return self.page == first

    def lit(self, columns, rows, column_offset, row_offset):
        """Lit pixels of a glass that stands upright: COM0 is below, the last SEG at the left."""
        points = []
        driven = self.set[0xA8][0] + 1
        shift = self.set[0xD3][0]
        inverse = 0xFF if self.set[0xA6] == 0xA7 else 0
        for page in range(8):
            for column in range(self.columns):
                segment = self.columns - 1 - column if self.set[0xA0] == 0xA1 else column
                x = self.columns - 1 - segment - column_offset
                for bit in range(8):
                    row = 8 * page + bit
                    if row >= driven or not (self.memory[page][column] ^ inverse) >> bit & 1:
                        continue
                    flipped = self.set[0xC0] == 0xC8
                    common = (driven - 1 - row + shift if flipped else row - shift) % 64
                    y = row_offset + rows - 1 - common
                    if 0 <= x < columns and 0 <= y < rows:
                        points.append((x, y))
        return points


class TftPanel:
    """A colour panel on SPI; `mirrored` if its glass has column 0 at the right."""

    def __init__(self, dc, cs, columns, rows, mirrored=False):
        self._dc, self._cs = dc, cs
        self.size = (columns, rows)
        self._mirrored = mirrored
        self.memory = bytearray(b"\xa5" * (2 * columns * rows))
        self.log = []  # (command, arguments)
        self._rest = b""

    def write(self, data):
        assert self._cs is None or self._cs.level == 0
        data = bytes(data)
        if not self._dc.level:
            assert len(data) == 1
            self.log.append((data[0], b""))
            self._rest = b""
            if data == b"\x2c":
                self.taken = 0  # pixels of this picture
        elif self.log[-1][0] == 0x2C:
            self._take(self._rest + data)
        else:
            self.log[-1] = (self.log[-1][0], self.log[-1][1] + data)

    def arguments(self, code):
        return [arguments for command, arguments in self.log if command == code][-1]

    def _take(self, data):
        x1, x2 = self.ends(0x2A)
        y1, y2 = self.ends(0x2B)
        width = x2 - x1 + 1
        self.room = width * (y2 - y1 + 1)  # pixels that the window holds
        columns, rows = self.size
        madctl = self.arguments(0x36)[0]
        for i in range(0, len(data) - 1, 2):
            column, row = x1 + self.taken % width, y1 + self.taken // width
            if madctl & 0x20:
                column, row = row, column
            assert column < columns and row < rows
            if madctl & 0x40:
                column = columns - 1 - column
            if madctl & 0x80:
                row = rows - 1 - row
            place = 2 * (row * columns + column)
            self.memory[place] = data[i]
            self.memory[place + 1] = data[i + 1]
            self.taken += 1
        assert self.taken <= self.room
        self._rest = data[len(data) // 2 * 2 :]

    def ends(self, code):
        ends = self.arguments(code)
        return ends[0] << 8 | ends[1], ends[2] << 8 | ends[3]

    def lit(self, columns, rows, column_offset, row_offset, color=0xFFFF):
        """Pixels of that colour on the glass, which begins at the offsets."""
        points = []
        upper, lower = color >> 8, color & 0xFF
        for y in range(rows):
            for x in range(columns):
                column = x + column_offset
                if self._mirrored:
                    column = self.size[0] - 1 - column
                place = 2 * ((y + row_offset) * self.size[0] + column)
                if self.memory[place] == upper and self.memory[place + 1] == lower:
                    points.append((x, y))
        return points


class Pin:
    def __init__(self):
        self.level = None
        self.history = []

    def value(self, level):
        self.level = level
        self.history.append(level)


class Pauses:
    """Nobody waits inside the `with` block; `seconds` says how long it would have been."""

    def __enter__(self):
        self.seconds = 0
        self._before = spi.time, tft.time
        spi.time = tft.time = self
        return self

    def __exit__(self, *_):
        spi.time, tft.time = self._before

    def sleep(self, seconds):
        self.seconds += seconds


def turned_back(points, columns, rows, rotation):
    """Where the person sees points of a glass, whose picture was turned clockwise."""
    if rotation == 1:
        points = [(y, columns - 1 - x) for x, y in points]
    elif rotation == 2:
        points = [(columns - 1 - x, rows - 1 - y) for x, y in points]
    elif rotation == 3:
        points = [(rows - 1 - y, x) for x, y in points]
    return sorted(points)


def drawing(width, height):
    """Points all over a picture: its corners, an edge, and a crooked line."""
    points = {(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1), (1, 0), (0, 2)}
    return sorted(points | {(i * 7 % width, i * 5 % height) for i in range(20)})


def draw(display, points):
    for x, y in points:
        display.pixel(x, y, 1)
    display.show()


def upright(width, height, rotation):
    return (height, width) if rotation & 1 else (width, height)


def tft_display(kind, width, height, **options):
    """A driver of that class, and its panel with everything around it."""
    memory = {ILI9342: (320, 240)}.get(kind, (240, 320))
    dc, cs, reset = Pin(), Pin(), Pin()
    panel = TftPanel(dc, cs, memory[0], memory[1], mirrored=kind is ILI9341)
    panel.reset, panel.cs = reset, cs
    with Pauses() as pauses:
        display = kind(SpiBus(panel, dc, cs, reset), width, height, **options)
    panel.waited = pauses.seconds
    return display, panel


def test_a_monochrome_picture_is_seen_as_drawn_however_the_glass_is_turned():
    for kind, columns, width, height, column_offset, row_offset in (
        (SSD1306, 128, 128, 64, 0, 0),
        (SSD1306, 128, 128, 32, 0, 0),
        (SSD1306, 128, 72, 40, 28, 0),
        (SSD1306, 128, 64, 48, 30, 7),
        (SH1106, 132, 128, 64, 2, 0),
        (SH1106, 132, 72, 40, 11, 5),
    ):
        for rotation in range(4):
            panel = OledPanel(columns)
            size = upright(width, height, rotation)
            display = kind(
                panel,
                *size,
                rotation=rotation,
                column_offset=column_offset,
                row_offset=row_offset,
            )
            assert (display.width, display.height) == size
            glass = (width, height, column_offset, row_offset)
            assert panel.lit(*glass) == []
            points = drawing(*size)
            draw(display, points)
            seen = turned_back(panel.lit(*glass), width, height, rotation)
            assert seen == points, (kind, width, height, rotation)


def test_a_coloured_picture_is_seen_as_drawn_however_the_glass_is_turned():
    for kind, width, height, column_offset, row_offset in (
        (ST7789, 100, 77, 52, 40),
        (ST7789, 128, 16, 0, 0),  # a whole number of strips
        (ILI9341, 100, 77, 13, 200),
        (ILI9342, 33, 21, 280, 3),
    ):
        for rotation in range(4):
            size = upright(width, height, rotation)
            display, panel = tft_display(
                kind,
                *size,
                rotation=rotation,
                column_offset=column_offset,
                row_offset=row_offset,
            )
            assert (display.width, display.height) == size
            glass = (width, height, column_offset, row_offset)
            assert panel.taken == panel.room == width * height
            assert len(panel.lit(*glass, color=0)) == width * height
            points = drawing(*size)
            draw(display, points)
            seen = turned_back(panel.lit(*glass), width, height, rotation)
            assert seen == points, (kind, width, height, rotation)


def test_the_offsets_of_a_t_display_are_those_its_maker_publishes():
    expected = ((0x00, 52, 40), (0x60, 40, 53), (0xC0, 53, 40), (0xA0, 40, 52))
    for rotation, (madctl, x, y) in enumerate(expected):
        size = upright(135, 240, rotation)
        _, panel = tft_display(ST7789, *size, rotation=rotation, column_offset=52, row_offset=40)
        assert panel.arguments(0x36) == bytes((madctl,))
        assert panel.ends(0x2A) == (x, x + size[0] - 1)
        assert panel.ends(0x2B) == (y, y + size[1] - 1)


def test_an_oled_is_dark_until_its_memory_is_clean():
    for kind, columns in ((SSD1306, 128), (SH1106, 132)):
        panel = OledPanel(columns)
        kind(panel, 128, 64, column_offset=(columns - 128) // 2)
        noise = 0xA5 * 8 * (columns - 128)
        assert panel.on == [(0, 0xA5 * 8 * columns), (1, noise)]


def test_flat_glasses_have_their_row_drivers_in_sequence():
    for width, height, pins in (
        (128, 64, 0x12),
        (128, 32, 0x02),
        (96, 16, 0x02),
        (64, 32, 0x12),
        (72, 40, 0x12),
    ):
        panel = OledPanel()
        SSD1306(panel, width, height)
        assert panel.set[0xDA][0] == pins
        assert panel.set[0xA8][0] == height - 1
        panel = OledPanel()
        SSD1306(panel, height, width, rotation=1)
        assert panel.set[0xDA][0] == pins
        assert panel.set[0xA8][0] == height - 1


def test_the_supply_of_the_glass_is_switched_on():
    panel = OledPanel()
    SSD1306(panel, 128, 64)
    assert panel.set[0x8D] == b"\x14"
    assert 0xAD not in panel.set
    panel = OledPanel()
    SSD1306(panel, 72, 40, column_offset=28)
    assert panel.set[0xAD] == b"\x30"
    panel = OledPanel(132)
    SH1106(panel, 128, 64, column_offset=2)
    assert panel.set[0xAD] == b"\x8b"


def test_an_inverted_oled_shows_its_zeros_lit():
    panel = OledPanel()
    SSD1306(panel, 128, 32, inverted=True)
    assert len(panel.lit(128, 32, 0, 0)) == 128 * 32


def test_power_contrast_and_steadiness_of_an_oled():
    for kind, columns, oscillators in (
        (SSD1306, 128, (b"\x80", b"\xf0", b"\x80")),
        (SH1106, 132, (b"\x80", b"\x80", b"\x80")),
    ):
        panel = OledPanel(columns)
        display = kind(panel, 128, 64)
        assert panel.set[0xD5] == oscillators[0]
        display.steady(True)
        assert panel.set[0xD5] == oscillators[1]
        display.steady(False)
        assert panel.set[0xD5] == oscillators[2]
        for level in (0, 1, 255):
            display.contrast(level)
            assert panel.set[0x81][0] == level
        display.power(False)
        display.power(True)
        assert [on for on, _ in panel.on] == [0, 1, 0, 1]


def test_a_picture_that_broke_off_does_not_shift_the_next():
    for kind, columns in ((SSD1306, 128), (SH1106, 132)):
        panel = OledPanel(columns)
        display = kind(panel, 128, 64, column_offset=(columns - 128) // 2)
        panel.take_data(b"\xff" * 5)
        draw(display, [(3, 4)])
        assert panel.lit(128, 64, (columns - 128) // 2, 0) == [(3, 4)]


def test_an_oled_works_on_spi_too():
    dc, reset = Pin(), Pin()
    panel = OledPanel()

    class Spi:
        def write(self, data):
            (panel.take_data if dc.level else panel.take_commands)(bytes(data))

    with Pauses():
        display = SSD1306(SpiBus(Spi(), dc, None, reset), 128, 64)
    assert reset.history == [0, 1]
    draw(display, {(3, 4), (127, 63)})
    assert panel.lit(128, 64, 0, 0) == [(3, 4), (127, 63)]


def test_an_i2c_bus_may_have_another_address():
    seen = []

    class I2c:
        def writevto(self, address, parts):
            seen.append(address)

    SSD1306(I2c(), 128, 64, 0x3D)
    SSD1306(I2cBus(I2c(), 0x3D), 128, 64)
    assert set(seen) == {0x3D}


def test_a_panel_that_does_not_answer_is_an_oserror():
    class I2c:
        def writevto(self, address, parts):
            raise OSError(19)

    for kind in (SSD1306, SH1106):
        try:
            kind(I2c(), 128, 64)
        except OSError as error:
            assert error.args[0] == 19
        else:
            raise AssertionError("nobody noticed")


def test_a_tft_wakes_up_before_it_is_lit():
    light = Pin()
    dc, cs, reset = Pin(), Pin(), Pin()
    seen = []

    class Panel(TftPanel):
        def write(self, data):
            TftPanel.write(self, data)
            seen.append((self.log[-1][0], light.level, pauses.seconds))

    with Pauses() as pauses:
        panel = Panel(dc, cs, 240, 320)
        ST7789(SpiBus(panel, dc, cs, reset), 16, 8, backlight=light)
    assert reset.history == [0, 1]
    assert light.history == [0, 1]
    assert cs.level == 1
    codes = [code for code, _ in panel.log]
    assert codes == [0x01, 0x11, 0x3A, 0x36, 0x20, 0x13, 0x2A, 0x2B, 0x2C, 0x29]
    assert panel.arguments(0x3A) == b"\x55"
    assert all(level == 0 for _, level, _ in seen)
    moments = {code: moment for code, _, moment in seen}
    assert moments[0x11] - moments[0x01] >= 0.12  # s, of the datasheets
    assert moments[0x3A] - moments[0x11] >= 0.005


def test_glasses_that_are_inverted_or_have_blue_for_red_are_told_so():
    for options, inversion, madctl in (
        ({}, 0x20, 0x00),
        ({"inverted": True}, 0x21, 0x00),
        ({"bgr": True}, 0x20, 0x08),
        ({"rotation": 1, "bgr": True}, 0x20, 0x68),
    ):
        _, panel = tft_display(ST7789, 8, 8, **options)
        assert panel.arguments(inversion) == b""
        assert panel.arguments(0x36) == bytes((madctl,))
        assert inversion ^ 1 not in [code for code, _ in panel.log]


def test_the_colours_of_a_tft_are_a_palette():
    display, panel = tft_display(ST7789, 24, 10)
    display.palette(0x1234, 0xF81F)
    draw(display, {(5, 6)})
    assert panel.lit(24, 10, 0, 0, color=0xF81F) == [(5, 6)]
    assert len(panel.lit(24, 10, 0, 0, color=0x1234)) == 24 * 10 - 1


def test_power_and_backlight_of_a_tft():
    light = Pin()
    display, panel = tft_display(ST7789, 8, 8, backlight=light)
    display.steady(True)
    del panel.log[:]
    del light.history[:]
    display.power(False)
    assert (panel.log, light.level) == ([(0x28, b"")], 0)
    display.power(True)
    assert (panel.log, light.level) == ([(0x28, b""), (0x29, b"")], 1)
    for level, lit in ((0, 0), (1, 1), (0, 0), (255, 1)):
        display.contrast(level)
        assert light.level == lit
    without, _ = tft_display(ST7789, 8, 8)
    assert display.can_dim and not without.can_dim
    without.contrast(0)
    without.power(False)


class Sink:
    """All of a bus and its pins, without an ear."""

    def writevto(self, address, parts):
        pass

    def write(self, data):
        pass

    def value(self, level):
        pass


def test_showing_a_picture_allocates_nothing():
    sink = Sink()
    with Pauses():
        shown = [
            SSD1306(sink, 128, 64),
            SSD1306(sink, 64, 128, rotation=1),
            SH1106(sink, 128, 64, column_offset=2),
            SH1106(sink, 64, 128, rotation=3, column_offset=2),
            ST7789(SpiBus(sink, sink, sink), 135, 240, column_offset=52, row_offset=40),
            ILI9342(SpiBus(sink, sink), 320, 240, backlight=sink),
        ]

    def show():
        for display in shown:
            display.show()
            display.contrast(200)
            display.steady(True)

    assert allocated_by(show) == 0


class Machine:
    """`machine` of a board, in place inside the `with` block; `made` says what was asked for."""

    IN, OUT = "in", "out"

    def __init__(self, missing=False):
        self.made = []
        self.missing = missing
        self.pins = {}

    def __enter__(self):
        self._before = sys.modules.get("machine")
        sys.modules["machine"] = self
        self._pauses = Pauses()
        self._pauses.__enter__()
        return self

    def __exit__(self, *_):
        self._pauses.__exit__()
        del sys.modules["machine"]
        if self._before is not None:
            sys.modules["machine"] = self._before

    @property
    def Pin(self):  # noqa: N802 - as machine spells it
        machine = self

        class MachinePin(Pin):
            IN, OUT = machine.IN, machine.OUT

            def __init__(self, number, *mode, value=None):
                Pin.__init__(self)
                self.number, self.mode, self.level = number, mode, value
                machine.pins[number] = self

        return MachinePin

    def I2C(self, id, scl, sda, freq):  # noqa: N802
        self.made.append(("i2c", id, scl.number, sda.number, freq))
        return self

    def SPI(self, id, baudrate, polarity, phase, sck, mosi, miso):  # noqa: N802
        self.made.append(("spi", id, sck.number, mosi.number, miso, baudrate, polarity, phase))
        return self

    def writevto(self, address, parts):
        self.made.append(("to", address))
        if self.missing:
            raise OSError(19)

    def write(self, data):
        self.made.append("written")


def board(**changes):
    about = {
        "controller": "ssd1306",
        "width": 72,
        "height": 40,
        "rotation": 0,
        "column_offset": 28,
        "row_offset": 0,
        "inverted": False,
        "bgr": False,
        "i2c": {"id": 0, "scl": 6, "sda": 5, "address": 0x3D, "frequency": 400000},
    }
    about.update(changes)
    present = {name: about[name] for name in about if about[name] is not None}
    return {"name": "my-board", "display": present}


SPI = {
    "id": 1,
    "sck": 18,
    "mosi": 19,
    "cs": 5,
    "dc": 16,
    "reset": 23,
    "backlight": 4,
    "frequency": 40000000,
}


def test_a_board_without_a_display_has_none():
    assert opening.open_display({"name": "my-board"}) is None
    assert opening.open_display({"display": None}) is None


def test_an_oled_is_opened_as_the_board_describes_it():
    with Machine() as machine:
        display = opening.open_display(board())
    assert machine.made[0] == ("i2c", 0, 6, 5, 400000)
    assert set(machine.made[1:]) == {("to", 0x3D)}
    assert type(display).__name__ == "SSD1306"
    assert (display.width, display.height) == (72, 40)
    assert display._window == bytes((0x20, 0, 0x21, 28, 99, 0x22, 0, 4))


def test_a_tft_is_opened_as_the_board_describes_it():
    about = board(controller="st7789", width=135, height=240, rotation=2, i2c=None, spi=SPI)
    about["display"].update(column_offset=52, row_offset=40, inverted=True, bgr=True)
    with Machine() as machine:
        display = opening.open_display(about)
    assert machine.made[0] == ("spi", 1, 18, 19, None, 40000000, 0, 0)
    assert type(display).__name__ == "ST7789"
    assert display._across == bytes((0, 53, 0, 187))
    for number in (5, 16, 23, 4):
        assert machine.pins[number].mode == ("out",)
    assert machine.pins[4].history == [0, 1]  # the backlight
    assert machine.pins[23].history == [0, 1]  # reset
    assert machine.pins[5].level == 1


def test_pins_that_are_not_wired_are_left_alone():
    wires = dict(SPI, cs=-1, reset=-1, backlight=-1)
    with Machine() as machine:
        opening.open_display(board(controller="ili9342", column_offset=0, i2c=None, spi=wires))
    assert machine.made[0] == ("spi", 1, 18, 19, None, 40000000, 1, 1)
    assert sorted(machine.pins) == [16, 18, 19]


def test_every_controller_has_its_driver_and_no_other_is_imported():
    known = {
        "ssd1306": "SSD1306",
        "sh1106": "SH1106",
        "st7789": "ST7789",
        "ili9341": "ILI9341",
        "ili9342": "ILI9342",
        "gc9a01": "GC9A01",
        "ssd1680": "SSD1680",
    }
    assert sorted(known) == sorted(opening._CONTROLLERS.split())
    for controller, name in known.items():
        kept = {
            module: sys.modules.pop(module)
            for module in list(sys.modules)
            if module.startswith("keyfob.ui.displays.") and module != opening.__name__
        }
        try:
            with_spi = controller not in ("ssd1306", "sh1106")
            is_paper = controller == "ssd1680"
            on_spi = dict(SPI, backlight=-1) if is_paper else SPI
            wires = {"i2c": None, "spi": on_spi} if with_spi else {}
            with Machine():
                about = board(controller=controller, column_offset=0, **wires)
                # What is imported here waits for real; a board that has no reset pin does not.
                if with_spi:
                    for name_of_it in ("spi", "ssd1680" if is_paper else "tft"):
                        module = "keyfob.ui.displays." + name_of_it
                        __import__(module, None, None, ("time",)).time = spi.time
                display = opening.open_display(about)
            loaded = {
                module.split(".")[-1]
                for module in sys.modules
                if module.startswith("keyfob.ui.displays.") and module != opening.__name__
            }
        finally:
            sys.modules.update(kept)
        assert type(display).__name__ == name
        driver = {"ili9342": "ili9341"}.get(controller, controller)
        expected = {driver, "tft" if with_spi else "oled", "spi" if with_spi else "i2c"}
        assert loaded == (expected - {"tft"} if is_paper else expected)


class OwnPanel:
    """A driver of one's own: a board's description names it in place of a controller."""

    def __init__(self, bus, width, height, rotation=0, backlight=None):
        self.made = bus, width, height, rotation, backlight


def test_a_driver_of_one_s_own_is_a_class_that_the_board_names():
    about = board(controller=__name__ + ".OwnPanel", column_offset=0, i2c=None, spi=SPI)
    about["display"]["rotation"] = 3
    with Machine() as machine:
        display = opening.open_display(about)
    bus, width, height, rotation, backlight = display.made
    assert (width, height, rotation) == (72, 40, 3)
    assert hasattr(bus, "command") and backlight is machine.pins[4]
    for name in ("nowhere.Panel", __name__ + ".NoSuchPanel"):
        with Machine():
            try:
                opening.open_display(board(controller=name, i2c=None, spi=SPI, column_offset=0))
            except ConfigError as error:
                assert "Panel" in str(error) or "nowhere" in str(error), str(error)
            else:
                raise AssertionError(name)


def test_a_busy_pin_is_an_input_of_the_bus():
    with Machine() as machine:
        display = opening.open_display(
            board(controller="ssd1680", i2c=None, spi=dict(SPI, backlight=-1, busy=34))
        )
    assert machine.pins[34].mode == ("in",)
    assert display._bus.busy is machine.pins[34]


def test_a_panel_that_is_not_there_is_for_the_caller_to_handle():
    with Machine(missing=True):
        try:
            opening.open_display(board())
        except OSError as error:
            assert error.args[0] == 19
        else:
            raise AssertionError("nobody noticed")


def test_a_display_that_cannot_be_made_out_is_a_config_error():
    for changes, told in (
        ({"controller": "vt100"}, "vt100"),
        ({"controller": None}, "controller"),
        ({"width": None}, "width"),
        ({"i2c": None}, "spi"),
        ({"i2c": {"id": 0}}, "scl"),
        ({"i2c": 22}, ""),
        ({"width": "72"}, ""),
        ({"width": 0}, ""),
        ({"rotation": 4}, ""),
        ({"bgr": True}, "bgr"),
        ({"power": [21]}, "get"),
    ):
        with Machine():
            try:
                opening.open_display(board(**changes))
            except ConfigError as error:
                assert told in str(error), (told, str(error))
            else:
                raise AssertionError(told)
