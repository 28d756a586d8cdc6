"""The status LED: a pattern for each screen."""

import sys

from keyfob.ui import led_patterns, screen_table
from keyfob.ui.led import StatusLed

SCREENS = screen_table.names()
PERIOD = 1 << 30


class Pin:
    def __init__(self):
        self.level = None

    def value(self, level):
        self.level = level


def played(name, ms=4_000, start=0, on=1):
    """The light over `ms` as (ms, lit), a pair for each change."""
    pin = Pin()
    light = StatusLed(pin, on)
    light.show(name)
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


def test_every_screen_has_a_pattern():
    assert led_patterns.screens() == SCREENS
    assert [name for name in SCREENS if not led_patterns.pattern(name)] == ["idle"]


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
    assert len({str(played(name)) for name in SCREENS}) == len(SCREENS)


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
