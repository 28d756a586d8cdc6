"""The status LED: a pattern for each screen."""

import sys

from keyfob.ui import led_patterns, pixel, screen_table
from keyfob.ui.led import StatusLed

SCREENS = screen_table.names()
PERIOD = 1 << 30


class Pin:
    def __init__(self):
        self.level = None

    def value(self, level):
        self.level = level


def played(name, ms=4_000, start=0, on=1, members=None):
    """The light over `ms` as (ms, lit), a pair for each change."""
    pin = Pin()
    light = StatusLed(pin, on)
    light.show(name, members)
    found = [(0, pin.level == on)]
    now = 0
    wait = light.update(start)
    while wait is not None and now + wait < ms:
        now += wait
        wait = light.update((start + now) % PERIOD)
        lit = pin.level == on
        if lit != found[-1][1]:
            found.append((now, lit))
    return found


def troubles():
    """Of each row that is a screen's trouble the screen, and what names it there."""
    for name in led_patterns.names():
        screen = [screen for screen in SCREENS if name.startswith(screen + "_")]
        if name not in SCREENS:
            trouble = name[len(screen[0]) + 1 :]
            members = {"unsaved": "NVS is full"} if trouble == "unsaved" else {"kind": trouble}
            yield screen[0], members


def test_every_screen_has_a_pattern():
    assert [name for name in led_patterns.names() if name in SCREENS] == SCREENS
    assert [name for name in SCREENS if not led_patterns.pattern(name)] == ["idle"]


def test_every_trouble_has_a_pattern():
    kinds = {"no_wifi": [], "error": [], "linked": [], "idle": []}
    for screen, members in troubles():
        kinds[screen].append(members.get("kind"))
        assert led_patterns.pattern(screen, members) != led_patterns.pattern(screen)
    assert sorted(kinds["no_wifi"]) == ["lost", "password", "weak_signal", "wrong_security"]
    assert sorted(kinds["error"]) == [
        "config", "memory", "network", "provider", "storage", "timeout", "tls",
    ]  # fmt: skip
    assert kinds["linked"] == kinds["idle"] == [None]
    for members in ({"kind": "internal"}, {"kind": None}, {"unsaved": None}, {}, None):
        assert led_patterns.pattern("error", members) == led_patterns.pattern("error")
    for members in ({"unsaved": None}, {"unsaved": ""}):
        assert led_patterns.pattern("linked", members) == [100, 100, 50]


def test_without_memory_it_is_dark():
    class NoMemory:
        def __getattr__(self, name):
            raise MemoryError

    sys.modules["keyfob.ui.led_patterns"] = NoMemory()
    try:
        assert played("user_code") == [(0, False)]
    finally:
        sys.modules["keyfob.ui.led_patterns"] = led_patterns


def test_every_state_looks_different():
    seen = [str(played(name)) for name in SCREENS]
    for screen, members in troubles():
        if members.get("unsaved") is None or screen == "idle":  # the same before the link rests
            seen.append(str(played(screen, members=members)))
    assert len(set(seen)) == len(seen)


def test_a_pattern_goes_round():
    assert played("denied")[:6] == [
        (0, True), (100, False), (300, True), (400, False), (2_000, True), (2_100, False),
    ]  # fmt: skip


def test_it_stays_on_for_a_code_and_off_for_a_link_at_rest():
    assert played("user_code") == [(0, True)]
    assert played("idle") == [(0, False)]
    assert played("no such screen") == [(0, False)]


def test_a_new_link_is_told_for_10_s_even_where_no_panel_goes_on_to_rest():
    found = played("linked", ms=60_000)
    assert len(found) == 100
    assert found[:2] == [(0, True), (100, False)]
    assert found[-1] == (9_900, False)


def test_an_led_may_be_lit_by_0():
    assert played("press", on=0) == played("press", on=1)


def test_ticks_may_wrap():
    assert played("wifi", start=PERIOD - 300) == played("wifi")


def test_a_call_too_early_changes_nothing():
    pin = Pin()
    light = StatusLed(pin)
    light.show("press")
    assert light.update(0) == 100
    assert light.update(40) == 60
    assert pin.level == 1
    assert light.update(100) == 1_900
    assert pin.level == 0


class Machine:
    """`machine` of a board, in place inside the `with` block, and the waves that it sent."""

    def __enter__(self):
        self.sent = []
        self._before = sys.modules.get("machine")
        sys.modules["machine"] = self
        return self

    def __exit__(self, *_):
        del sys.modules["machine"]
        if self._before is not None:
            sys.modules["machine"] = self._before

    def bitstream(self, pin, encoding, timing, data):
        self.sent.append((pin, encoding, timing, bytes(data)))


def test_a_pixel_shows_the_tone_of_the_screen_in_the_same_rhythm():
    with Machine() as machine:
        light = pixel.StatusLed("pin", "neopixel")
        # Of green, red and blue the strongest.
        for name, strongest in (("press", 2), ("linked", 0), ("denied", 1), ("no_wifi", 1)):
            light.show(name)
            pin, encoding, timing, colour = machine.sent[-1]
            assert (pin, encoding, timing) == ("pin", 0, (400, 850, 800, 450))
            assert colour[strongest] == max(colour) and sorted(colour)[1] < max(colour), name
            assert 0 < max(colour) < 64, "it glares"
        light.show("linked", {"unsaved": "NVS is full"})
        assert machine.sent[-1][3] == colour  # that of a trouble
        light.show("press")
        light.update(0)
        sent = len(machine.sent)
        assert light.update(100) == 1_900
        assert [wave[3] for wave in machine.sent[sent:]] == [bytes(3)]
        for name in ("idle", "no such screen"):
            light.show("press")
            light.show(name)
            assert machine.sent[-1][3] == bytes(3)


def test_a_pixel_does_without_memory():
    class NoMemory:
        def __getattr__(self, name):
            raise MemoryError

    with Machine() as machine:
        light = pixel.StatusLed("pin", "neopixel")
        light.show("denied")
        amber = machine.sent[-1]
        sys.modules["keyfob.ui.screen_table"] = NoMemory()
        try:
            light.show("press")
            assert machine.sent[-1] == amber  # in the rhythm of the new screen
            assert light.update(0) == 100
        finally:
            sys.modules["keyfob.ui.screen_table"] = screen_table


def test_an_led_of_an_unknown_kind_is_refused():
    try:
        pixel.StatusLed("pin", "dotstar")
    except ValueError as error:
        assert "dotstar" in str(error)
    else:
        raise AssertionError("it was not")
