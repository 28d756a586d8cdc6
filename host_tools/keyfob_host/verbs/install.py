"""`keyfob install`: keyfob on a board that runs MicroPython."""

import contextlib
from typing import Annotated

from keyfob_host.verbs import options
from keyfob_host.verbs.dialogue import Dialogue

_TIMEOUT = 180.0  # s for all of it
_MAKES_ROOM = (
    "There is no room for two versions: the old one makes it. Should this be cut off, the same "
    "again mends it"
)


def install(
    port: options.Port = None,
    board: Annotated[
        str | None,
        options.option("--board", "NAME", "Board; its wiring goes to /board.json."),
    ] = None,
    from_source: Annotated[
        bool,
        options.flag("--from-source", "Copy the .py files as they are, to hack on the board."),
    ] = False,
    yes: options.Yes = False,
    json: options.Json = False,
    timeout: Annotated[
        str | None, options.option("--timeout", "S", "Give up after this long.  [default: 180]")
    ] = None,
) -> int:
    """Put keyfob on a board that runs MicroPython, or bring it up to date.

    Only what changed is copied, and a cable that is pulled leaves the old version running. A
    main.py of your own stays unless you agree, or say --yes.

    \b
    Examples:
      keyfob install
      keyfob install --port /dev/ttyUSB0 --board esp32-ssd1306 --yes
      keyfob install --from-source
    """
    from keyfob_host.board import installation
    from keyfob_host.board.configuration import BOARD_FILE, board_document
    from keyfob_host.board.ports import choose
    from keyfob_host.board.repl import Board
    from keyfob_host.boards import load_board

    limit = options.seconds("--timeout", timeout, _TIMEOUT)
    about = load_board(board) if board else None
    dialogue = Dialogue(as_json=json, yes=yes)
    with Board.connected(choose(port, dialogue.choice), limit) as found:
        facts = found.ask("facts")
        version = ".".join(map(str, facts["version"]))
        dialogue.say(f"{facts['machine']}, MicroPython {version}, on {found.port.device}")
        firmware = installation.firmware_for(facts, from_source=from_source)
        todo = installation.plan(firmware, installation.contents(found), facts)
        takes_main = todo.main != "same" and (
            todo.main == "new"
            or bool(dialogue.agrees("Another main.py is there. Shall keyfob's take its place?"))
        )
        if todo.moves:
            dialogue.say(_MAKES_ROOM)
        if todo.send:
            dialogue.say(f"Copying {len(todo.send)} files, {todo.size} bytes")
        with contextlib.closing(dialogue.progress()) as progress:
            installation.carry_out(
                found, todo, lambda sent: progress.update("Copying", 100 * sent / todo.size)
            )
        if about is not None:
            document = board_document(about)
            if found.read(BOARD_FILE) != document:
                found.put(BOARD_FILE, document)
        if takes_main:
            installation.put_main(found)
        installation.check_in_use(found, firmware)
        keyfob = found.ask("facts")["keyfob"]
    changed = len(todo.send) + len(todo.copy)
    is_same = not (changed or todo.switch or takes_main)
    dialogue.say(
        f"keyfob {keyfob} is there already: nothing was copied"
        if is_same
        else f"keyfob {keyfob} is on the board"
    )
    if todo.main == "theirs" and not takes_main:
        dialogue.say("main.py is yours and was left alone; --yes lets keyfob's take its place")
    dialogue.say("Next: keyfob link" if facts["configured"] else "Next: keyfob configure")
    dialogue.report(
        {
            "port": found.port.device,
            "firmware": version,
            "keyfob": keyfob,
            "copied": len(todo.send),
            "bytes": todo.size,
            "main": "kept" if todo.main == "theirs" and not takes_main else "keyfob",
        }
    )
    return 0
