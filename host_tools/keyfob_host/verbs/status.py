"""`keyfob status`: what runs on a board, and to whom it is linked."""

from typing import Any

from keyfob_host.verbs import options
from keyfob_host.verbs.dialogue import Dialogue

_TIMEOUT = 30.0  # s


def status(
    port: options.Port = None,
    board: options.BoardName = None,
    yes: options.Yes = False,
    json: options.Json = False,
    timeout: options.Timeout = None,
) -> int:
    """Say what a board runs and to whom it is linked. The program on it starts anew.

    \b
    Examples:
      keyfob status
      keyfob status --port id:0123456789 --json
    """
    from keyfob_host.board.checkup import ENDS, linked_to
    from keyfob_host.board.ports import choose
    from keyfob_host.board.repl import Board

    dialogue = Dialogue(as_json=json, yes=yes)
    limit = options.seconds("--timeout", timeout, _TIMEOUT)
    with Board.connected(choose(port, dialogue.choice), limit) as found:
        facts = found.ask("facts")
        link: dict[str, Any] = found.ask("status")
    options.check_board(board, link["board"])
    trouble = link.pop("trouble", None)
    end = ENDS.get(str(link.setdefault("end", None)))
    report = {
        "port": found.port.device,
        **link,
        "firmware": ".".join(map(str, facts["version"])),
        "keyfob": facts["keyfob"],
    }
    dialogue.say(f"{facts['machine']}, on {found.port.device}")
    dialogue.say(f"MicroPython {report['firmware']}, keyfob {facts['keyfob'] or 'not installed'}")
    if trouble is not None:
        dialogue.say(f"{trouble[0]}; {trouble[1]}")
    elif end is not None:
        dialogue.say(end.message)
        dialogue.say(f"Next: {end.action}")
    else:
        dialogue.say(linked_to(link) if link["linked"] else f"not linked to {link['provider']}")
        if link["linked"]:
            dialogue.say(f"scope {link['scope'] or 'not named'}")
        dialogue.say("Next: keyfob monitor" if link["linked"] else "Next: keyfob link")
    dialogue.report(report)
    return 0
