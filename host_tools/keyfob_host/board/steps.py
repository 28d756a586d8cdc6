"""What RAM a board has left, step by step, as the application starts: on_board/steps.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Step:
    """The RAM at one step, in bytes; `ms` since the start. None where no ESP32 tells it.

    `python_free` includes the largest area that MicroPython could still add.
    """

    step: str
    ms: int
    python_free: int
    python_used: int
    idf_free: int | None
    idf_largest: int | None


class StepError(NamedTuple):
    """What ended the application: an event's kind, message and hint."""

    kind: str
    message: str
    hint: str | None


def run_steps(board: Any) -> tuple[list[Step], StepError | None]:
    """Run the application on a board that was just reset, until it shows a code or is linked."""
    rows, error = board.ask("steps")
    return [Step(*row) for row in rows], None if error is None else StepError(*error)


_TITLES = ("step", "ms", "Python free", "in use", "IDF free", "largest")


def step_table(steps: Sequence[Step]) -> str:
    """The steps as lines of text."""
    rows: list[tuple[str, ...]] = [_TITLES]
    for step in steps:
        figures = (step.ms, step.python_free, step.python_used, step.idf_free, step.idf_largest)
        rows.append((step.step, *("-" if value is None else f"{value:,}" for value in figures)))
    lines = []
    for name, *cells in rows:
        lines.append(f"{name:<24}" + "".join(f"{cell:>12}" for cell in cells))
    return "\n".join(lines)
