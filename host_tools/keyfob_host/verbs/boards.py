"""`keyfob boards`: what is known of boards."""

import json as json_module
import sys
from dataclasses import asdict

from keyfob_host.errors import FAILED, CliError
from keyfob_host.printable import say
from keyfob_host.verbs import options


def boards(json: options.Json = False) -> int:
    """List the boards that --board takes.

    \b
    Examples:
      keyfob boards
      keyfob boards --json
    """
    from keyfob_host.boards import all_boards

    troubles: list[CliError] = []
    known = all_boards(troubles.append)
    if json:
        for board in known:
            say(json_module.dumps(asdict(board)))
    else:
        width = max((len(board.name) for board in known), default=0)
        for board in known:
            say(f"{board.name:<{width}}  {board.title}")
    for trouble in troubles:
        say(f"keyfob: {trouble.message}; try: {trouble.hint}", to=sys.stderr)
    return FAILED if troubles else 0
