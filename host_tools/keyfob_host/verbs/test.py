"""`keyfob test`: each part of the board tried by itself, as a table and as JUnit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any
from xml.etree import ElementTree

from keyfob_host.board.steps import Step, run_steps, step_table
from keyfob_host.errors import CliError
from keyfob_host.printable import printable
from keyfob_host.verbs import options
from keyfob_host.verbs.dialogue import Dialogue, is_terminal

_TIMEOUT = 180.0  # s for all of it
_PRESS = 10_000  # ms for a person to press the button

# What is tried, in this order: the name in reports, and the function of on_board/hardware.py.
PARTS = (
    ("heap", "heap"),
    ("flash", "flash"),
    ("I2C", "i2c_scan"),
    ("panel", "panel"),
    ("button", "button"),
    ("Wi-Fi", "wifi"),
    ("TLS", "tls"),
)


@dataclass(frozen=True)
class Result:
    """How one part did: passed, failed or skipped; `seconds` that it took."""

    part: str
    outcome: str
    detail: str
    seconds: float


def hardware_test(
    port: options.Port = None,
    board: options.BoardName = None,
    junit: Annotated[
        str | None, options.option("--junit", "FILE", "Write the results as JUnit XML, too.")
    ] = None,
    yes: options.Yes = False,
    json: options.Json = False,
    timeout: Annotated[
        str | None, options.option("--timeout", "S", "Give up after this long.  [default: 180]")
    ] = None,
) -> int:
    """Try the parts of a board: heap, flash, I2C, panel, button, Wi-Fi, TLS to the provider.

    TLS is tried by itself, and with the application in use up to a code that nobody approves. A
    table shows what RAM was left at each step.

    On a terminal it asks for the button to be pressed and whether the panel shows its picture;
    otherwise the button has to read as released, and the panel to take the picture.

    \b
    Examples:
      keyfob test
      keyfob test --junit results.xml --json
    """
    from keyfob_host.board.ports import choose
    from keyfob_host.board.repl import Board

    limit = options.seconds("--timeout", timeout, _TIMEOUT)
    dialogue = Dialogue(as_json=json, yes=yes)
    asks = is_terminal() and not json and not yes
    results = []
    steps: list[Step] = []
    with Board.connected(choose(port, dialogue.choice), limit) as found:
        standing = found.ask("status")
        if found.ask("facts")["keyfob"] is None:
            raise CliError("keyfob is not on the board", "keyfob install")
        options.check_board(board, standing["board"])
        for part, function in PARTS:
            results.append(_try(found, part, function, dialogue, asks))
            if (part, results[-1].outcome) == ("TLS", "passed"):
                results[-1], steps = _with_application(found, results[-1])
            _show(results[-1], dialogue)
    failed = [result.part for result in results if result.outcome == "failed"]
    if steps:
        dialogue.say(step_table(steps))
    dialogue.report(
        {
            "port": found.port.device,
            "parts": [asdict(result) for result in results],
            "steps": [asdict(step) for step in steps],
        }
    )
    if junit is not None:
        _write_junit(Path(junit), results)
    if failed:
        raise CliError(f"failed: {', '.join(failed)}", "keyfob doctor")
    return 0


def _try(board: Any, part: str, function: str, dialogue: Any, asks: bool) -> Result:
    begun = time.monotonic()
    board.soft_reset()
    arguments = ""
    if function == "button":
        arguments = f", {_PRESS if asks else 0}"
        if asks:
            dialogue.say("Press the button now")
    outcome, detail, _ = board.ask("hardware", f"attempt({function}{arguments})")
    is_shown = function == "panel" and outcome == "passed"
    if is_shown and asks and not dialogue.agrees("Does the panel show a frame and diagonals?"):
        outcome, detail = "failed", "the person does not see the picture"
    return Result(part, outcome, detail, round(time.monotonic() - begun, 2))


def _with_application(board: Any, alone: Result) -> tuple[Result, list[Step]]:
    """How TLS does beside the application, which leaves it less RAM, and the RAM at each step."""
    begun = time.monotonic()
    board.soft_reset()
    steps, error = run_steps(board)
    seconds = round(alone.seconds + time.monotonic() - begun, 2)
    if error is None:
        return replace(alone, seconds=seconds), steps
    detail = f"with the application in use: {error.message}"
    return replace(alone, outcome="failed", detail=detail, seconds=seconds), steps


def _show(result: Result, dialogue: Any) -> None:
    dialogue.say(f"{result.part:<8}{result.outcome:<9}{result.seconds:>6.2f} s  {result.detail}")


def _write_junit(path: Path, results: Sequence[Result]) -> None:
    suite = ElementTree.Element(
        "testsuite",
        name="keyfob test",
        tests=str(len(results)),
        failures=str(sum(result.outcome == "failed" for result in results)),
        skipped=str(sum(result.outcome == "skipped" for result in results)),
        time=str(round(sum(result.seconds for result in results), 2)),
    )
    for result in results:
        case = ElementTree.SubElement(
            suite, "testcase", classname="board", name=result.part, time=str(result.seconds)
        )
        if result.outcome == "passed":
            ElementTree.SubElement(case, "system-out").text = printable(result.detail)
        else:
            kind = {"failed": "failure", "skipped": "skipped"}[result.outcome]
            ElementTree.SubElement(case, kind, message=printable(result.detail))
    try:
        ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}", "--junit FILE") from None
