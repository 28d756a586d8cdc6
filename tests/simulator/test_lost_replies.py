"""A refresh whose reply is lost after the server has rotated, by kinds of servers."""

import json
import urllib.request

import pytest
from board_run import RUNTIMES, run_board

from keyfob_sim.server import MockServer, ServerOptions


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
