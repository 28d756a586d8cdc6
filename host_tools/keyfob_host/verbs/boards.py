"""`keyfob boards`: what is known of boards."""

import json as json_module
from dataclasses import asdict

from keyfob_host.printable import say
from keyfob_host.verbs import options


def boards(json: options.Json = False) -> int:
    """List the boards that --board takes.

    \b
    Examples:
      keyfob boards
      keyfob boards --json
    """
    from keyfob_host.boards import known_boards, load_board

    known = [load_board(name) for name in known_boards()]
    if json:
        for board in known:
            say(json_module.dumps(asdict(board)))
        return 0
    width = max(len(board.name) for board in known)
    for board in known:
        say(f"{board.name:<{width}}  {board.title}")
    return 0
