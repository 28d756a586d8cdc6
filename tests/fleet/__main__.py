"""Runs one board of a fleet alone, and prints all that happened to it:

PYTHONPATH=tests .venv/bin/python -m fleet NUMBER [DAYS]
"""

import sys
import tempfile
from pathlib import Path

from .results import Shared, run_one


def main() -> None:
    """Run it."""
    number, days, *_ = [*map(int, sys.argv[1:]), 90]
    with tempfile.TemporaryDirectory() as folder:
        result = run_one(Shared.make(Path(folder)), number, days, shown=None)
    print(*result.log, sep="\n")
    print(result.about)


main()
