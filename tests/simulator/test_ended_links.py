"""A link that the provider has ended, on virtual boards: kept, tried again, and back."""

import json
import shutil
import urllib.request

import pytest
from board_run import RUNTIMES, run_board, stored_record, stored_tokens

from keyfob_sim.server import MockServer, ServerOptions

# Codes that last, and are asked about rarely: what brings a link back here is time.
CONFIG = """
rotation = "off"
interval = 600

[lifetimes]
device_code = 1_000_000
"""
DEAD = {"endpoint": "token", "status": 400, "body": {"error": "invalid_grant"}}
HOUR = 3600
SAMPLE = 4  # of so many flash operations, `make test` cuts one
LAST = 40  # flash operations of a try and what comes of it, and some before


@pytest.fixture
def server(tmp_path):
    path = tmp_path / "server.toml"
    path.write_text(CONFIG, "utf-8")
    with MockServer(ServerOptions(config=path, approve="auto")) as running:
        yield running


def script(server, **fault):
    """Script a fault, after those that are left are forgotten."""
    server.realm.faults.clear()
    if fault:
        request = urllib.request.Request(
            server.description["admin"] + "/faults",
            json.dumps(fault).encode(),
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=10).close()


@pytest.fixture
def run(capsys, server, tmp_path):
    """Run the board of this test; all runs have one state."""

    def run_it(runtime, *arguments, state=tmp_path / "state"):
        return run_board(
            capsys,
            *("--runtime", runtime, "--clock", "virtual", "--state-dir", state),
            *("--issuer", server.description["issuer"], "--client-id", "keyfob-public"),
            *arguments,
        )

    return run_it


@pytest.fixture
def ended(run, server):
    """Link the board, and end the link; nobody approves a code from then on."""

    def end(runtime, *arguments):
        assert run(runtime, *arguments).exit_code == 0
        server.realm.approve = None
        script(server, **DEAD, times=1000)
        return run(runtime, *arguments, "--until", "refreshed")

    return end


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_board_that_restarts_offers_a_code_and_has_its_link_back_an_hour_later(
    ended, run, server, tmp_path, runtime
):
    told = ended(runtime)
    assert told.exit_code == 1
    assert "the provider has ended the link" in told.complaint[0]
    before = stored_tokens(tmp_path / "state")
    assert before["refresh_token"]
    assert before["signed_out"] == 1
    script(server)
    back = run(runtime)
    assert back.exit_code == 0
    assert len(back.of("user_code")) == 1
    assert "sign_in_again" in [event["name"] for event in back.of("screen")]
    assert back.only("linked")["stored"] is False
    waited = back.only("linked")["t"] - told.only("error")["t"]
    assert HOUR - 10 <= waited < HOUR + 120
    record = stored_record(tmp_path / "state")
    assert record["tokens"]["signed_out"] is None
    assert "pending" not in record
    assert record["tokens"]["refresh_token"] == before["refresh_token"]
    again = run(runtime, "--until", "refreshed")
    assert again.only("linked")["stored"] is True


def test_a_board_with_a_button_says_so_after_a_restart_and_takes_the_press(ended, run, server):
    board = ("--board", "esp32-ssd1306")
    ended("cpython", *board)
    script(server)
    server.realm.approve = "auto"
    back = run("cpython", *board)
    screens = [event["name"] for event in back.of("screen")]
    assert screens[2:] == ["clock", "sign_in_again", "user_code", "linked"]


@pytest.mark.parametrize("page", ["", "<html><h1>400 Bad Request</h1></html>"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_gateway_that_answers_400_ends_nothing(run, server, tmp_path, runtime, page):
    assert run(runtime).exit_code == 0
    script(server, endpoint="token", status=400, body=page, times=1000)
    told = run(runtime, "--until", "refreshed")
    assert told.exit_code == 1
    assert told.of("error")[-1]["message"] == "the provider refused: HTTP 400"
    assert stored_tokens(tmp_path / "state")["signed_out"] is None
    script(server)
    assert run(runtime, "--until", "refreshed").exit_code == 0


def test_a_power_cut_at_any_flash_operation_costs_no_link(ended, run, server, tmp_path, whole):
    step = 1 if whole else SAMPLE
    base, work = tmp_path / "state", tmp_path / "work"

    def fresh(source):
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(source, work)

    def comes_back():
        script(server)
        back = run("micropython", state=work)
        assert back.exit_code == 0, back
        assert stored_tokens(work)["signed_out"] is None

    linked = tmp_path / "linked"
    assert run("micropython").exit_code == 0
    shutil.copytree(base, linked)
    count = ended("micropython").only("end")["flash_ops"]
    assert count > 5
    old, seen = stored_tokens(base), set()
    for op in range(1, count + 1, step):  # where the link ends
        fresh(linked)
        script(server, **DEAD, times=1000)
        run("micropython", "--until", "refreshed", "--power-cut", op, state=work)
        assert stored_tokens(work)["signed_out"] == 1
        comes_back()
    fresh(base)
    script(server)
    count = run("micropython", state=work).only("end")["flash_ops"]
    for op in range(count - LAST, count + 1, step):  # where it is tried again, and back
        fresh(base)
        # A boot asks at once where a try was cut.
        run("micropython", "--power-cut", op, "--timeout", "6", state=work)
        tokens = stored_tokens(work)
        assert tokens["refresh_token"] == old["refresh_token"]
        if tokens["signed_out"] == 2 and tokens["wait"]:
            assert tokens["schedule"] - old["schedule"] == pytest.approx(24 * HOUR, abs=120)
        else:
            assert tokens["signed_out"] in (None, 1, 2)
        seen.add(tokens["signed_out"])
    assert None in seen
