"""An end to what waits for others, whose every single byte may come in time."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from keyfob_host.errors import CliError

T = TypeVar("T")


def within(seconds: float, work: Callable[[], T], late: CliError) -> T:
    """What `work()` returns or raises; `late` is raised once `seconds` are over.

    What is late goes on by itself and is forgotten: it does not keep the program from ending.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    wait([future], max(0.0, seconds))
    if not future.done():
        raise late
    return future.result()
