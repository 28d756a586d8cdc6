"""How many bytes a screen sends to each panel, and how long that takes on its bus."""

from typing import Any

import pytest
from driven_panel import open_panel
from goldens import CODE
from screen_reader import MEMBERS, SCREENS, members_of

from keyfob.ui.screens import Screens
from keyfob_host.boards import Board, known_boards, load_board

SPI = 40_000_000  # Hz
LONGEST = 150  # ms of a colour panel's screen at that rate
I2C = 400_000  # Hz, with nine bits a byte


def sent(board: Board, name: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """The bytes of the screen `name`, its first page, on the bus."""
    display, panel, _ = open_panel(board, monkeypatch)
    screens = Screens(display, None)
    count = 0

    def counted(method: Any) -> Any:
        def write(data: bytes, *rest: Any) -> Any:
            nonlocal count
            count += len(data)
            return method(data, *rest)

        return write

    for method in ("write", "transfer"):
        if hasattr(panel, method):
            monkeypatch.setattr(panel, method, counted(getattr(panel, method)))
    if name == "user_code":
        screens.notify(name, CODE)
    else:
        screens.show(name, members_of(name, MEMBERS))
    screens.update(0)
    return count


def test_bytes_of_each_screen_on_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    boards = {name: load_board(name) for name in known_boards()}
    shown = {name: board for name, board in boards.items() if board.display is not None}
    names = [name for name in SCREENS if name != "offline"]  # as user_code
    print("\nbytes on the bus for a screen")
    for name, board in shown.items():
        bytes_sent = [sent(board, screen, monkeypatch) for screen in names]
        assert all(bytes_sent)
        assert board.display is not None
        is_spi = board.display.spi is not None
        longest = max(bytes_sent) * (8_000 / SPI if is_spi else 9_000 / I2C)
        bus = "40 MHz SPI" if is_spi else "400 kHz I2C"
        print(f"{name:<26}{min(bytes_sent):>8} to {max(bytes_sent):>7}, {longest:.0f} ms at {bus}")
        if is_spi:
            assert longest < LONGEST
