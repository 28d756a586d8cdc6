"""Every board on both runtimes: the same events, pictures a phone can read, a bounded heap.

Outside the soak it is on both for one board of each size of panel, and in the real VM for all.
"""

import pytest
import zxingcpp
from board_run import RUNTIMES, BoardRun, run_board
from PIL import Image

from keyfob_host.boards import known_boards, load_board

LINK = ("--clock", "virtual", "--approve", "auto")


def one_of_each_size() -> set[str]:
    """The first board with each size of panel, and the first with none."""
    found: dict[tuple[int, int] | None, str] = {}
    for name in known_boards():
        display = load_board(name).display
        found.setdefault(display and (display.width, display.height), name)
    return set(found.values())


@pytest.mark.sweep
@pytest.mark.parametrize("board", known_boards())
def test_a_board_does_the_same_on_both_runtimes(capsys, tmp_path, board, whole):
    runs = [
        run_board(
            capsys,
            *LINK,
            *("--runtime", runtime, "--board", board, "--until", "refreshed:3"),
            *("--screens", tmp_path / runtime),
        )
        for runtime in (RUNTIMES if whole or board in one_of_each_size() else ("micropython",))
    ]
    assert not any(run.exit_code for run in runs), runs
    assert told(runs[0]) == told(runs[-1])
    assert runs[0].only("end")["flash_ops"] == runs[-1].only("end")["flash_ops"] > 0
    for run in runs:
        read_screens(run, board)


def told(run: BoardRun) -> list[tuple[object, ...]]:
    """Events in order, with what must not differ between two runs."""
    same = ("name", "result", "state", "source", "status", "rotated", "stored", "account", "scope")
    return [(e["event"], *(e.get(member) for member in same)) for e in run.events]


def read_screens(run: BoardRun, board: str) -> None:
    """Each picture is of the panel's size, and the code's QR is the complete address."""
    display = load_board(board).display
    for screen in run.of("screen"):
        picture = Image.open(screen["png"])
        if display is not None:
            assert picture.size == (display.width, display.height)
        if screen["name"] != "user_code" or (display and display.height < 64):
            continue  # no room there for modules of two pixels
        (code,) = zxingcpp.read_barcodes(picture)
        address = run.only("user_code")["verification_uri_complete"]
        scheme, rest = code.text.split("://")
        host, path = rest.split("/", 1)
        assert f"{scheme.lower()}://{host.lower()}/{path}" == address


def test_the_whole_job_over_tls_fits_into_128k(capsys, tmp_path):
    run = run_board(
        capsys,
        *LINK,
        *("--board", "esp32-ssd1306", "--https", "--heap", "128k"),
        *("--until", "refreshed:3", "--screens", tmp_path),
    )
    assert run.exit_code == 0, run
    assert not run.of("error")
    read_screens(run, "esp32-ssd1306")


@pytest.mark.parametrize("heap", ["16k", "24k", "40k", "64k", "80k"])
def test_too_small_a_heap_is_told_with_its_size_and_what_was_running(capsys, heap):
    run = run_board(capsys, *LINK, "--board", "esp32-ssd1306", "--https", "--heap", heap)
    assert run.exit_code == 1
    error = run.of("error")[-1]
    assert error["kind"] == "memory", run
    assert error["fatal"] is True
    size = int(heap.rstrip("k")) * 1024
    assert str(size) in error["message"]
    assert any(word in error["message"] for word in ("after: ", " in ", "before the firmware"))
    assert run.complaint[0] == error["message"]
    assert run.only("end")["t"] - error["t"] < 10  # before the application starts again


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_half_an_hour_of_waiting_leaves_no_trace_in_the_heap(capsys, runtime):
    run = run_board(
        capsys,
        *("--clock", "virtual", "--approve", "never", "--until", "expired"),
        *("--board", "esp32-ssd1306", "--runtime", runtime),
    )
    assert run.exit_code == 0
    assert run.of("screen")[-1]["name"] == "expired"
    assert {poll["result"] for poll in run.of("poll")} == {"pending"}
