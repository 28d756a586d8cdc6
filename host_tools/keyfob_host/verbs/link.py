"""`keyfob link` and `keyfob unlink`: the account a board acts for, found and given up."""

from typing import Any

from keyfob_host.errors import CliError
from keyfob_host.verbs import options
from keyfob_host.verbs.dialogue import Dialogue

_LINK_TIMEOUT = 1800.0  # s: a person has to come
_UNLINK_TIMEOUT = 120.0  # s


def link(
    port: options.Port = None,
    board: options.BoardName = None,
    yes: options.Yes = False,
    json: options.Json = False,
    timeout: options.Timeout = None,
) -> int:
    """Link a board to an account: its code appears here, too, until the owner approves.

    With --json the events are those of `keyfob sim --json`.

    \b
    Examples:
      keyfob link
      keyfob link --json --timeout 300
    """
    limit = options.seconds("--timeout", timeout, _LINK_TIMEOUT)
    dialogue = Dialogue(as_json=json, yes=yes)
    _run("link", dialogue, port, board, limit, _Outcome("linked"))
    return 0


def unlink(
    port: options.Port = None,
    board: options.BoardName = None,
    yes: options.Yes = False,
    json: options.Json = False,
    timeout: options.Timeout = None,
) -> int:
    """Give a board's tokens back to the provider and erase them from the board.

    \b
    Examples:
      keyfob unlink
      keyfob unlink --port /dev/ttyUSB0 --json
    """
    outcome = _Outcome("unlinked")
    limit = options.seconds("--timeout", timeout, _UNLINK_TIMEOUT)
    dialogue = Dialogue(as_json=json, yes=yes)
    _run("unlink", dialogue, port, board, limit, outcome)
    confirmed = (
        "the provider confirmed it"
        if outcome.members["revoked"]
        else "the provider did not confirm it: end the link on its own page, too"
    )
    dialogue.say(f"nothing of the link is left on the board; {confirmed}")
    return 0


# Events that end an attempt, and what they mean.
_ENDS = {
    "denied": ("the request was refused", "keyfob link, for a new code, and approve that"),
    "expired": ("the code ran out before anybody approved it", "keyfob link, for a new code"),
    "signed_out": ("the provider has ended the link", "keyfob link, to link anew"),
}


class _Outcome:
    """Follows a board's events up to the one that is wanted, whose members it keeps."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._failure = CliError("the board stopped without a word", "keyfob doctor")
        self.reached = False
        self.members: dict[str, Any] = {}

    def see(self, event: str, members: dict[str, Any]) -> None:
        """Take the next event."""
        if event == self._wanted:
            self.reached, self.members = True, members
        elif event in _ENDS:
            what, hint = _ENDS[event]
            if members.get("lost"):
                what = f"the code ran out, and the last answers were of no use: {members['lost']}"
            self._failure = CliError(what, hint)
        elif event == "error" and members["fatal"]:
            self.reached = False  # unlinked it may be, but not erased
            self._failure = CliError(members["message"], members["hint"] or "keyfob doctor")

    def check(self) -> None:
        """Raise the CliError that says why it was not reached."""
        if not self.reached:
            raise self._failure


def _run(
    program: str,
    dialogue: Dialogue,
    port: str | None,
    board: str | None,
    limit: float,
    outcome: _Outcome,
) -> None:
    """Run a program of on_board/ and report its events until it ends. Raises CliError."""
    from keyfob_host.board.ports import choose
    from keyfob_host.board.repl import Board
    from keyfob_host.board.serial_events import SerialEvents
    from keyfob_host.report.events import Report

    events = SerialEvents(Report(as_json=dialogue.as_json))
    events.notify = outcome.see
    try:
        with Board.connected(choose(port, dialogue.choice), limit) as found:
            standing = found.ask("status")
            options.check_board(board, standing["board"])
            if "trouble" in standing and standing["provider"] is None:
                raise CliError(*standing["trouble"])
            found.soft_reset()
            found.run_file(program, on_line=events.feed)
        outcome.check()
    finally:
        events.end(reached=outcome.reached)
