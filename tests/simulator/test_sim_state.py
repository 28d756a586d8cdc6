"""`--state-dir`: what a later run finds again, and whose folders are left alone."""

import json

import pytest
from board_run import RUNTIMES, board_files, run_board

from keyfob_sim.run import state_dir

LINK = ("--clock", "virtual", "--approve", "auto")


@pytest.fixture(params=RUNTIMES)
def sim(request, capsys, tmp_path):
    """Run a board whose state is in tmp_path/board."""
    options = ("--runtime", request.param, "--state-dir", tmp_path / "board")
    return lambda *words: run_board(capsys, *options, *words)


def test_a_second_run_starts_linked(sim):
    first, second = sim(*LINK), sim(*LINK, "--until", "refreshed:2")
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.only("linked")["stored"] is False
    assert second.only("linked")["stored"] is True
    assert second.only("linked")["account"] == first.only("linked")["account"]
    assert second.of("user_code") == []
    assert second.only("server")["issuer"] == first.only("server")["issuer"]
    assert len(second.of("refreshed")) == 2


@pytest.mark.parametrize("order", [RUNTIMES, RUNTIMES[::-1]], ids="-then-".join)
def test_the_other_runtime_goes_on_with_the_same_flash(capsys, tmp_path, order):
    first, second = [
        run_board(
            capsys, "--runtime", runtime, "--state-dir", tmp_path, *LINK, "--until", "refreshed"
        )
        for runtime in order
    ]
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert second.only("linked")["stored"] is True


def test_a_third_run_lives_on_what_the_second_rotated(sim):
    sim(*LINK, "--until", "refreshed:2")
    sim(*LINK, "--until", "refreshed:2")
    third = sim(*LINK, "--until", "refreshed:2")
    assert third.exit_code == 0
    assert third.of("user_code") == []


def test_board_time_goes_on_where_it_stopped(sim):
    first = sim(*LINK, "--until", "refreshed:2")
    second = sim(*LINK, "--until", "refreshed:2")
    assert second.only("boot")["t"] >= first.only("end")["t"]


def test_virtual_time_goes_on_where_it_stopped(sim, tmp_path):
    def virtual_time():
        return json.loads((tmp_path / "board" / "keyfob-sim.json").read_text())["virtual_time"]

    sim(*LINK)
    before = virtual_time()
    sim(*LINK, "--until", "refreshed:2")
    assert 6000 < virtual_time() - before < 7200


def test_a_link_that_was_stored_rules_denial_out(sim):
    sim(*LINK)
    run = sim(*LINK, "--until", "denied")
    assert run.exit_code == 1
    assert "linked" in run.complaint[0]


def test_a_stored_link_is_never_shown_to_another_server(capsys, sim, tmp_path, mock_server):
    sim(*LINK)
    foreign = ("--issuer", mock_server.description["issuer"], "--client-id", "keyfob-public")
    run = sim("--clock", "virtual", *foreign)
    assert run.exit_code == 0
    assert run.only("linked")["stored"] is False
    assert run.of("user_code")


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff\x00\x12", b'{"for": 1}'])
def test_a_damaged_link_is_survived(sim, tmp_path, damage):
    sim(*LINK)
    with board_files(tmp_path / "board") as files:
        for name in files.listdir("/"):
            if name.startswith("link-"):
                with files.open("/" + name, "wb") as file:
                    file.write(damage)
    run = sim(*LINK)
    assert run.exit_code == 0
    assert run.of("user_code")
    assert sim(*LINK).of("user_code") == []


def test_a_folder_that_keyfob_did_not_make_is_left_alone(capsys, tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    run = run_board(capsys, "--state-dir", tmp_path, *LINK)
    assert run.exit_code == 2
    assert "did not make it" in run.complaint[0]
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


@pytest.mark.parametrize("marker", ["", "[]", '{"format": 99}'])
def test_a_folder_with_a_strange_marker_is_left_alone(capsys, tmp_path, marker):
    (tmp_path / "keyfob-sim.json").write_text(marker)
    assert run_board(capsys, "--state-dir", tmp_path, *LINK).exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["keyfob-sim.json"]
    assert (tmp_path / "keyfob-sim.json").read_text() == marker


def test_a_folder_of_an_older_keyfob_is_left_alone(capsys, tmp_path):
    (tmp_path / "keyfob-sim.json").write_text('{"format": 1, "board": "esp32-generic"}')
    run = run_board(capsys, "--state-dir", tmp_path, *LINK)
    assert run.exit_code == 2
    assert "older keyfob" in run.complaint[0]
    assert [path.name for path in tmp_path.iterdir()] == ["keyfob-sim.json"]


def test_a_file_is_no_folder(capsys, tmp_path):
    (tmp_path / "file").write_text("mine")
    run = run_board(capsys, "--state-dir", tmp_path / "file", *LINK)
    assert run.exit_code == 2
    assert (tmp_path / "file").read_text() == "mine"


def test_the_state_of_another_board_is_refused(capsys, tmp_path):
    with state_dir.opened(tmp_path / "board", "another-board"):
        pass
    run = run_board(capsys, "--state-dir", tmp_path / "board", *LINK)
    assert run.exit_code == 2
    assert "another-board" in run.complaint[0]


def test_two_runs_do_not_share_a_folder(sim, tmp_path):
    with state_dir.opened(tmp_path / "board", "esp32-generic"):
        run = sim(*LINK)
    assert run.exit_code == 2
    assert "another run" in run.complaint[0]
    assert sim(*LINK).exit_code == 0


def test_flash_and_server_are_kept_apart_and_private(sim, tmp_path):
    sim(*LINK)
    board = tmp_path / "board"
    assert (board / "flash" / "flash.img").is_file()
    assert [path.name for path in (board / "server").iterdir()] == ["state.json"]
    assert [(board / name).stat().st_mode & 0o077 for name in ("flash", "server")] == [0, 0]


def test_without_a_state_dir_nothing_is_left(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run_board(capsys, *LINK).exit_code == 0
    assert list(tmp_path.iterdir()) == []
