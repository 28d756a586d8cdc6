"""`keyfob devices`: which ports there are, and what is behind each."""

import json as json_module
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated

from keyfob_host.printable import say
from keyfob_host.verbs import options
from keyfob_host.verbs.dialogue import say_columns

if TYPE_CHECKING:
    from keyfob_host.board.ports import Port
    from keyfob_host.board.probe import Found

_TIMEOUT = 5.0  # s for each port; all are asked at once

_COLUMNS = ("port", "what", "chip", "board", "MicroPython", "keyfob", "linked")


def devices(
    port: options.Port = None,
    no_probe: Annotated[
        bool, options.flag("--no-probe", "Only list the ports; interrupt no board.")
    ] = False,
    json: options.Json = False,
    timeout: Annotated[
        str | None, options.option("--timeout", "S", "For each board to answer.  [default: 5]")
    ] = None,
) -> int:
    """List the ports, those that boards are likely behind first, and ask each board what it is.

    A board that is asked is interrupted, and starts its program again afterwards.

    \b
    Examples:
      keyfob devices
      keyfob devices --no-probe --json
    """
    from keyfob_host.board.ports import NO_USB, candidates, choose, remember

    limit = options.seconds("--timeout", timeout, _TIMEOUT)
    if port is None or port == "auto":
        ports = [one for one in candidates() if one.rank < NO_USB]
    else:
        ports = [choose(port)]
    found = [None] * len(ports) if no_probe else _probe(ports, limit)
    good = [
        one
        for one, answer in zip(ports, found, strict=True)
        if answer is not None and answer.state == "micropython"
    ]
    if len(good) == 1:
        remember(good[0])
    if json:
        for one, answer in zip(ports, found, strict=True):
            say(json_module.dumps(_members(one, answer)))
    elif ports:
        _show(list(zip(ports, found, strict=True)))
    else:
        say("no board is connected; it takes a USB cable that carries data")
    return 0


def _probe(ports: "list[Port]", timeout: float) -> "list[Found | None]":
    from keyfob_host.board.probe import probe

    cancelled = threading.Event()
    with ThreadPoolExecutor(max(1, len(ports))) as pool:
        try:
            return list(pool.map(lambda one: probe(one, timeout, cancelled), ports))
        finally:
            cancelled.set()


def _members(port: "Port", found: "Found | None") -> dict[str, object]:
    members: dict[str, object] = {
        "port": port.device,
        "kind": port.kind,
        "serial_number": port.serial_number,
        "vid": port.vid,
        "pid": port.pid,
    }
    return members | (found._asdict() if found is not None else {})


def _show(rows: "list[tuple[Port, Found | None]]") -> None:
    cells: list[tuple[str, ...]] = [_COLUMNS]
    for port, found in rows:
        if found is None or found.state != "micropython":
            cells.append((port.device, port.kind, found.state if found else "", "", "", "", ""))
            continue
        linked = "yes" if found.linked else "no"
        answers = (found.chip, found.board, found.micropython, found.keyfob)
        said = (answer or "-" for answer in answers)
        cells.append((port.device, port.kind, *said, linked))
    say_columns(cells)
