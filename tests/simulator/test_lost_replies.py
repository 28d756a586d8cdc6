"""A refresh whose reply is lost after the server has rotated, by kinds of servers."""

import json
import socket
import struct
import urllib.request

import pytest
from board_run import RUNTIMES, run_board
from virtual_port import needs_vm

from keyfob_sim.server import MockServer, ServerOptions
from keyfob_sim.server.http_server import Handler


@pytest.fixture
def lose_a_reply(capsys, tmp_path):
    """Link a board to a server, lose the reply to its first refresh; return that run."""

    def run(runtime, config):
        path = tmp_path / "server.toml"
        path.write_text(config, "utf-8")
        with MockServer(ServerOptions(config=path, approve="auto")) as server:
            arguments = (
                "--runtime", runtime, "--clock", "virtual", "--state-dir", tmp_path / "state",
                "--issuer", server.description["issuer"], "--client-id", "keyfob-public",
            )  # fmt: skip
            assert run_board(capsys, *arguments).exit_code == 0
            fault = {"endpoint": "token", "lost": True}
            request = urllib.request.Request(
                server.description["admin"] + "/faults",
                json.dumps(fault).encode(),
                {"Content-Type": "application/json"},
            )
            urllib.request.urlopen(request, timeout=10).close()
            refreshed = run_board(capsys, *arguments, "--until", "refreshed:2")
            return refreshed, server.realm.log.entries(endpoint="token")

    return run


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("config", ['rotation = "off"', 'rotation = "grace"'])
def test_the_link_goes_on_where_the_old_token_still_answers(lose_a_reply, runtime, config):
    run, log = lose_a_reply(runtime, config)
    assert run.exit_code == 0
    assert run.only("linked")["stored"] is True
    assert len(run.of("refreshed")) == 2
    lost, again, other = log[-3:]
    assert (lost["fault"], again["status"], other["status"]) == ("lost", 200, 200)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("config", ['rotation = "strict"', 'rotation = "family"'])
def test_it_ends_where_a_used_token_is_dead(lose_a_reply, runtime, config):
    run, log = lose_a_reply(runtime, config)
    assert run.exit_code == 1
    assert "the provider has ended the link" in run.complaint[0]
    assert run.of("refreshed") == []
    lost, again = log[-2:]
    assert (lost["fault"], again["status"], again["error"]) == ("lost", 400, "invalid_grant")


@needs_vm
def test_connections_that_are_reset_take_no_ram_for_good(capsys, tmp_path, monkeypatch):
    """Python's heap must not grow where a refresh fails: TLS would have no room from then on."""
    resets = []
    serve = Handler.serve

    def serve_or_reset(handler):
        serve(handler)
        if handler.close_connection and handler.path.endswith("token"):  # a fault hangs up
            at_once = struct.pack("ii", 1, 0)
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            resets.append(handler.path)

    monkeypatch.setattr(Handler, "do_POST", serve_or_reset)
    faults = tmp_path / "faults.toml"
    faults.write_text(
        '[[fault]]\non = "linked"\ndo = "server"\nendpoint = "token"\ndrop = true\ntimes = 3\n'
    )
    run = run_board(
        capsys, "--runtime", "micropython", "--clock", "virtual", "--https", "--approve", "auto",
        "--faults", faults, "--until", "refreshed:2",
    )  # fmt: skip
    assert run.exit_code == 0, run
    assert len(resets) == 3
    refreshed, _ = run.of("refreshed")
    assert refreshed["t"] - run.of("error")[0]["t"] < 60, run
