"""The button that links and unlinks: short and long presses, debounced."""

import asyncio

from keyfob.compat import const, flag

_LOOK = const(25)  # ms without a change before a state counts
_LONG = const(1_500)  # ms


class Button:
    """A button called `name` on `pin`, a machine.Pin that reads `pressed` while it is down."""

    def __init__(self, pin, pressed=0, name=""):
        self.name = name
        self._pin = pin
        self._pressed = pressed
        self._edge = flag()
        self._is_still = True
        self._is_held = False  # a long press was returned, and is still down
        pin.irq(self._moved)

    async def press(self, sleep_ms=None):
        """Wait for a press and return whether it is a long one; a long one returns before it ends.

        Only one task may wait. `sleep_ms(ms)` waits in place of asyncio's.
        """
        sleep_ms = sleep_ms or _sleep
        while True:
            await self._edge.wait()
            self._edge.clear()
            held = await self._debounce(sleep_ms)
            if not self._is_down():
                self._is_held = False  # it was released, or only a spike
            elif not self._is_held:
                while held < _LONG and self._is_down():
                    held += await self._debounce(sleep_ms)
                self._is_held = self._is_down()
                return self._is_held

    async def _debounce(self, sleep_ms):
        """Wait until the state stays; a worn button bounces long. Return the ms that took."""
        took = 0
        self._is_still = False
        while not self._is_still:
            self._is_still = True
            await sleep_ms(_LOOK)
            took += _LOOK
        return took

    def _is_down(self):
        return self._pin.value() == self._pressed

    def _moved(self, _):
        self._is_still = False
        self._edge.set()


async def _sleep(ms):
    await asyncio.sleep(ms / 1000)
