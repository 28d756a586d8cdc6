"""`keyfob flash`: MicroPython on a board, checked before and verified after."""

import json as json_module
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from keyfob_host import chips
from keyfob_host.boards import Board, known_boards, load_board
from keyfob_host.boards import all_boards as every_board
from keyfob_host.deadlines import within
from keyfob_host.errors import CliError, UsageError
from keyfob_host.verbs import options
from keyfob_host.verbs.dialogue import Dialogue

if TYPE_CHECKING:
    from keyfob_host.board.ports import Port
    from keyfob_host.flashing.esptool import Esptool
    from keyfob_host.flashing.image import Image

_TIMEOUT = 300.0  # s for all of it


def flash(
    port: options.Port = None,
    board: Annotated[
        str | None,
        options.option("--board", "NAME", "Board.  [default: by the chip that is found]"),
    ] = None,
    image: Annotated[
        str | None,
        options.option(
            "--image", "FILE", "Image to write.  [default: the newest release, downloaded]"
        ),
    ] = None,
    erase: Annotated[
        bool, options.flag("--erase", "Erase all of the flash first: files and the link go too.")
    ] = False,
    all_boards: Annotated[
        bool, options.flag("--all", "Every board that is plugged in, at once.")
    ] = False,
    yes: options.Yes = False,
    json: options.Json = False,
    timeout: Annotated[
        str | None, options.option("--timeout", "S", "Give up after this long.  [default: 300]")
    ] = None,
) -> int:
    """Put MicroPython on a board: the chip is read, the image checked, written and verified.

    \b
    Examples:
      keyfob flash
      keyfob flash --port /dev/ttyUSB0 --board esp32-ssd1306 --erase
      keyfob flash --image ESP32_GENERIC_C3-20260406-v1.28.0.bin --yes --json
    """
    from keyfob_host.board.ports import candidates, choose, likely
    from keyfob_host.flashing.esptool import Esptool
    from keyfob_host.flashing.image import read_image

    limit = options.seconds("--timeout", timeout, _TIMEOUT)
    dialogue = Dialogue(as_json=json, yes=yes)
    about = load_board(board) if board else None
    if about is not None and chips.CHIPS[about.chip].image_id is None:
        raise _not_by_esptool(about)
    given = read_image(Path(image)) if image else None
    if given is not None and about is not None:
        _check_chip(given, about.chip, f"the board {about.name}")
    if all_boards and port is not None:
        raise UsageError("--all and --port exclude each other", "--all, or --port DEVICE")
    ports = likely(candidates()) if all_boards else [choose(port, dialogue.choice, last=False)]
    if not ports:
        raise CliError("no board is connected", "plug them in, then keyfob devices")
    if not (erase or yes):
        question = "Erase everything on the board first, its files and its link too?"
        erase = bool(dialogue.agrees(question))

    until = time.monotonic() + limit
    tool = Esptool(until)
    output = _Output(dialogue)
    job = _Job(tool, about, given, erase, output, until)
    pool = ThreadPoolExecutor(len(ports))
    try:
        failures = [error for error in pool.map(job.run, ports) if error is not None]
    finally:
        tool.close()
        pool.shutdown(wait=False, cancel_futures=True)
        output.close()
    if len(failures) == 1 and len(ports) == 1:
        raise failures[0]
    if failures:
        reasons = "; ".join(error.message for error in failures)
        raise CliError(f"{len(failures)} of {len(ports)} failed: {reasons}", failures[0].hint)
    output.line("next: keyfob install")
    return 0


class _Job:
    """What is to be done to each port."""

    def __init__(
        self,
        tool: "Esptool",
        about: Board | None,
        image: "Image | None",
        erase: bool,
        output: "_Output",
        until: float,
    ) -> None:
        self._tool = tool
        self._about = about
        self._image = image
        self._erase = erase
        self._output = output
        self._until = until
        self._download = threading.Lock()

    def run(self, port: "Port") -> CliError | None:
        """Flash the board behind `port`; an error is shown, and returned."""
        try:
            self._flash(port)
        except CliError as error:
            self._output.result(port, {"error": error.message, "try": error.hint})
            return error
        return None

    def _flash(self, port: "Port") -> None:
        from keyfob_host.board.ports import remember

        recipe = (self._about or load_board("esp32-generic")).flash_recipe
        chip = self._tool.identify(port, recipe)
        self._output.line(f"{chips.title(chip.name)} at {port.device}, {chip.mac}")
        board = self._about or _generic_board(chip.name)
        if board.chip != chip.name:
            raise CliError(
                f"the chip at {port.device} is an {chips.title(chip.name)}, and"
                f" {board.name} has an {chips.title(board.chip)}",
                f"--board {' or '.join(_boards_with(chip.name))}",
            )
        image = self._image or self._newest(board)
        _check_chip(image, chip.name, f"the chip at {port.device}")
        self._output.line(f"writing {image.path.name} at {board.flash_offset:#x} of {port.device}")
        rate = self._tool.write(
            port,
            board.chip,
            [*(["--erase-all"] if self._erase else []), f"{board.flash_offset:#x}", image.path],
            recipe=board.flash_recipe,
            progress=self._output.progress(port),
            on_retry=self._output.line,
        )
        remember(port)
        self._output.line(f"written and verified: {port.device}")
        self._output.result(
            port,
            {
                "board": board.name,
                "chip": chip.name,
                "mac": chip.mac,
                "flash_size": chip.flash_size,
                "image": str(image.path),
                "version": image.version,
                "sha256": image.sha256,
                "offset": board.flash_offset,
                "erased": self._erase,
                "verified": True,
                "baud": rate.baud,
                "stub": rate.stub,
            },
        )

    def _newest(self, board: Board) -> "Image":
        from keyfob_host.flashing.downloads import newest_image
        from keyfob_host.flashing.image import read_image

        late = CliError(
            f"the image for {board.name} did not come in time",
            "a longer --timeout, or --image FILE",
        )
        with self._download:
            path = within(
                self._until - time.monotonic(),
                lambda: newest_image(board.download, self._output.line),
                late,
            )
            return read_image(path, board.flash_offset)


class _Output:
    """Output of several threads: lines for people, JSON for programs."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._as_json = dialogue.as_json
        self._progress = dialogue.progress()

    def line(self, text: str) -> None:
        if not self._as_json:
            self._progress.line(text)

    def result(self, port: "Port", members: dict[str, object]) -> None:
        if self._as_json:
            self._progress.line(json_module.dumps({"port": port.device, **members}))

    def progress(self, port: "Port") -> Callable[[float], None]:
        return lambda percent: self._progress.update(port.device, percent)

    def close(self) -> None:
        self._progress.close()


def _not_by_esptool(board: Board) -> CliError:
    from keyfob_host.flashing.downloads import page

    return CliError(
        f"{board.name} is not flashed by esptool, but by copying a file",
        f"{board.flash_recipe}; then copy the .uf2 of {page(board.download)} to it",
    )


def _check_chip(image: "Image", chip: str, whose: str) -> None:
    if image.chip != chip:
        raise CliError(
            f"{image.path.name} is for an {chips.title(image.chip)}, and {whose} is an"
            f" {chips.title(chip)}; nothing was erased",
            f"an image for the {chips.title(chip)}, or no --image",
        )


def _boards_with(chip: str) -> list[str]:
    return [board.name for board in every_board() if board.chip == chip]


def _generic_board(chip: str) -> Board:
    """The board to take where only the chip is known."""
    name = f"{chip}-generic"
    if name not in known_boards():
        raise CliError(f"no board is known with a chip {chips.title(chip)}", "boards/README.md")
    return load_board(name)
