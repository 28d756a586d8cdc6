"""`keyfob link` and `keyfob unlink`: the account a board acts for, found and given up."""

from typing import Any

from keyfob_host.errors import CliError
from keyfob_host.verbs import options

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
    from keyfob_sim.goal import Progress
    from keyfob_sim.options import Goal

    progress = Progress(Goal("linked"), also="ready")
    _run("link", port, board, json, options.seconds("--timeout", timeout, _LINK_TIMEOUT), progress)
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
    from keyfob_host.verbs.dialogue import Dialogue

    given_up = _GivenUp()
    limit = options.seconds("--timeout", timeout, _UNLINK_TIMEOUT)
    _run("unlink", port, board, json, limit, given_up)
    confirmed = (
        "the provider confirmed it"
        if given_up.revoked
        else "the provider did not confirm it: end the link on its own page, too"
    )
    Dialogue(as_json=json).say(f"nothing of the link is left on the board; {confirmed}")
    return 0


class _GivenUp:
    """Follows `unlink`; see `keyfob_sim.goal.Progress`."""

    def __init__(self) -> None:
        self.reached = False
        self.revoked = False
        self.failure: str | None = None
        self.hint = "keyfob doctor"

    def see(self, event: str, members: dict[str, Any]) -> None:
        if event == "unlinked":
            self.reached, self.revoked = True, members["revoked"]
        elif event == "error" and members["fatal"] and not self.reached:
            self.failure, self.hint = members["message"], members["hint"] or self.hint


def _run(
    program: str, port: str | None, board: str | None, json: bool, limit: float, progress: Any
) -> None:
    """Run a program of on_board/ and tell its events until it ends. Raises CliError."""
    from keyfob_host.board_link import Board
    from keyfob_host.ports import choose
    from keyfob_host.serial_events import SerialEvents
    from keyfob_sim.report import Report

    events = SerialEvents(Report(as_json=json))
    events.seen = progress.see
    try:
        with Board.connected(choose(port), limit) as found:
            standing = found.ask("status")
            options.check_board(board, standing["board"])
            if "trouble" in standing and standing["provider"] is None:
                raise CliError(*standing["trouble"])
            found.forget()
            found.run_file(program, heard=events.hear)
        if not progress.reached:
            raise CliError(progress.failure or "the board stopped without a word", progress.hint)
    finally:
        events.end(reached=progress.reached)
