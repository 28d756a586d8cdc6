"""Run the application as at power-up until a code is on the screen, or the stored link was used.

Prints what RAM there was at each step, and the error that ended it or null: [rows, error]. A row
is a step, ms since the start, bytes free and in use of Python's heap, and bytes free and of the
largest free block outside it, None where no ESP32 tells. An error is [kind, message, hint].
"""

import gc
import json
import time

_LIMIT = 90  # s
_start = time.ticks_ms()
_rows = []


def _note(step):
    free = largest = None
    try:
        from esp32 import HEAP_DATA, idf_heap_info

        regions = idf_heap_info(HEAP_DATA)
        free = sum([region[1] for region in regions])
        largest = max([region[2] for region in regions])
    except ImportError:
        pass
    passed = time.ticks_diff(time.ticks_ms(), _start)
    _rows.append((step, passed, gc.mem_free(), gc.mem_alloc(), free, largest))


gc.collect()
_note("start")

import asyncio

from keyfob.app import App

_note("application imported")


class Trial(App):
    asks_first = False  # nobody presses the button
    error = None
    over = None

    def notify(self, event, members):
        _note(event)
        if event == "error" and (members["fatal"] or members["kind"] == "memory"):
            self.error = [members["kind"], members["message"], members["hint"]]
        App.notify(self, event, members)
        if event == "ready":
            self.over.set()

    def came_up(self, name):
        _note("screen: " + name)
        if name == "user_code":
            self.over.set()


async def _run(trial):
    try:
        await trial.run()
    finally:
        trial.over.set()


async def _try():
    trial = Trial(emit=lambda event, members: None)
    trial.over = asyncio.Event()
    task = asyncio.create_task(_run(trial))
    try:
        await asyncio.wait_for(trial.over.wait(), _LIMIT)
    except asyncio.TimeoutError:
        trial.error = ["timeout", "the application shows no code within %d s" % _LIMIT, None]
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    return trial.error


print(json.dumps([_rows, asyncio.run(_try())]))
