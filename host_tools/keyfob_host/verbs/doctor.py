"""`keyfob doctor`: why a board does not do what it should."""

import contextlib

from keyfob_host.verbs import options
from keyfob_host.verbs.dialogue import Dialogue

_TIMEOUT = 180.0  # s


def doctor(
    port: options.Port = None,
    board: options.BoardName = None,
    yes: options.Yes = False,
    json: options.Json = False,
    timeout: options.Timeout = None,
) -> int:
    """Find out what is wrong with a board: one cause, and one thing to do about it.

    Port, prompt, version, files, configuration, panel, link, Wi-Fi, clock, TLS and provider are
    looked at in that order. A board links without its panel, and anew where a link is over, so
    trouble with these is told beside another cause. The provider is asked for a code, which nobody
    uses. Exit code 1 where something is wrong.

    \b
    Examples:
      keyfob doctor
      keyfob doctor --port /dev/ttyUSB0 --json
    """
    from keyfob_host.board.checkup import Case, Finding, linked_to, look
    from keyfob_host.errors import CliError

    dialogue = Dialogue(as_json=json, yes=yes)
    limit = options.seconds("--timeout", timeout, _TIMEOUT)
    names: list[str] = []
    findings: list[Finding] = []
    with contextlib.ExitStack() as stack:
        case = Case(port, limit, stack, dialogue.choice)
        for name, finding in look(case):
            names.append(name)
            well = case.notes.get(name, "ok")
            dialogue.say(f"{name:<14}{well if finding is None else 'NOT WELL'}")
            if finding is not None:
                findings.append(finding)
            if name == "configuration" and finding is None:
                options.check_board(board, case.config.get("board"))
    finding = findings.pop() if findings else None
    for other in findings:
        dialogue.say(f"{other.message}\n  try: {other.action}")
    dialogue.report(
        {
            "port": case.port.device if case.port else None,
            "checked": names,
            "prompt_by": case.step,
            "cause": finding.cause if finding else None,
            "message": finding.message if finding else None,
            "action": finding.action if finding else None,
            "also": [other._asdict() for other in findings],
            "linked": bool(case.link and case.link["linked"]),
            "account": case.link["account"] if case.link else None,
        }
    )
    if finding is not None:
        raise CliError(finding.message, finding.action)
    if case.link and case.link["linked"]:
        dialogue.say(f"Nothing is wrong with this board. It is {linked_to(case.link)}.")
        dialogue.say("Next: keyfob monitor")
    else:
        dialogue.say("Nothing is wrong with this board. Next: keyfob link")
    return 0
