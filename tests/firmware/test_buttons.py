"""The button: what counts as a press, and as a long one."""

import asyncio

from fakes import FakeClock

from keyfob.ui.buttons import Button


class Pin:
    """A pin with a button to ground and a pull-up."""

    def __init__(self, level=1):
        self._level = level
        self._handler = None

    def irq(self, handler):
        self._handler = handler

    def value(self):
        return self._level

    def move(self, level):
        if level != self._level:
            self._level = level
            self._handler(self)


async def presses(*moves, pressed=0, ms=10_000):
    """What Button makes of `moves`, pairs of a pause in ms and the level after it."""
    clock = FakeClock()
    pin = Pin(1 - pressed)
    button = Button(pin, pressed, "boot")
    found = []

    async def listen():
        while True:
            found.append(("long" if await button.press(clock.sleep) else "short", clock.now))

    task = asyncio.create_task(listen())
    for pause, level in moves:
        await clock.sleep(pause)
        pin.move(level)
    await clock.sleep(ms)
    task.cancel()
    return found


async def test_a_press_is_told_when_it_is_over():
    ((kind, at),) = await presses((100, 0), (120, 1))
    assert kind == "short" and 220 <= at <= 270


async def test_a_long_press_is_told_before_it_is_over_and_once():
    ((kind, at),) = await presses((100, 0), (4_000, 1))
    assert kind == "long" and 1_600 <= at <= 1_650


async def test_presses_follow_one_another():
    moves = (100, 0), (100, 1), (200, 0), (100, 1), (200, 0), (2_000, 1), (300, 0), (100, 1)
    found = await presses(*moves)
    assert [kind for kind, _ in found] == ["short", "short", "long", "short"]


async def test_bouncing_makes_no_more_presses_of_one():
    bounce = [(2, level) for level in (0, 1, 0, 1, 0)]
    release = [(2, level) for level in (1, 0, 1, 0, 1)]
    found = await presses((100, 1), *bounce, (150, 0), *release)
    assert [kind for kind, _ in found] == ["short"]
    found = await presses((100, 1), *bounce, (3_000, 0), *release)
    assert [kind for kind, _ in found] == ["long"]


async def test_a_worn_button_that_bounces_for_long_confirms_nothing_by_that():
    for period in (1, 7, 12, 24):
        bounce = [(period, level) for level in (0, 1) * (80 // period)]
        release = [(period, 1 - level) for _, level in bounce]
        found = await presses((100, 1), *bounce, (1, 0), (150, 0), *release, (1, 1))
        assert [kind for kind, _ in found] == ["short"]
        found = await presses((100, 1), *bounce, (1, 0), (3_000, 0), *release, (1, 1))
        assert [kind for kind, _ in found] == ["long"]


async def test_a_shaking_finger_does_not_part_a_long_press():
    shaking = [(80, 1), (3, 0)] * 25
    found = await presses((100, 0), *shaking, (50, 1))
    assert [kind for kind, _ in found] == ["long"]


async def test_a_spike_is_no_press():
    assert await presses((100, 0), (3, 1), (500, 0), (10, 1)) == []


async def test_a_button_may_go_high_when_it_is_pressed():
    found = await presses((100, 1), (120, 0), pressed=1)
    assert [kind for kind, _ in found] == ["short"]
