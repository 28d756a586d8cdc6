"""What is fuzzed of the host tools, on CPython alone: see targets.py."""

import contextlib
import io
import json

from keyfob_host.board.answers import ANSWERS
from keyfob_host.board.serial_events import SerialEvents
from keyfob_host.report.events import Report
from keyfob_host.verbs.monitor import _Printer


def board_line(data: bytes) -> str:
    """What `monitor` prints of a line of a board: no line moves the cursor or ends it."""
    line = data.decode("utf-8", "replace")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        for as_json in (True, False):
            printer = _Printer(as_json=as_json, timestamps=False)
            events = SerialEvents(Report(as_json=as_json), printer.line)
            events.notify = printer.seen
            events.feed(line)
            events.feed('@{"event": "screen", "name": "user_code"}')
    shown = out.getvalue()
    assert shown.replace("\n", "").replace("\t", "").isprintable(), shown
    return shown


def board_answer(data: bytes) -> list[bool]:
    """Which of the answers that are asked of a board a JSON text may be."""
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return []
    return [shape(answer) for shape in ANSWERS.values()]


TARGETS = {"board_line": board_line, "board_answer": board_answer}
