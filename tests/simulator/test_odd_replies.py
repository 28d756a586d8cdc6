"""A board links itself whatever harmless oddity its provider's answers have, and by no other."""

import pytest
from board_run import RUNTIMES, run_board

from keyfob_sim.server.faults import Fault
from keyfob_sim.server.oddities import ODDITIES

VIRTUAL = ("--clock", "virtual")
HARMLESS = [name for name, oddity in ODDITIES.items() if not oddity.is_refused]
REFUSED = [name for name, oddity in ODDITIES.items() if oddity.is_refused]
ASKED = ("discovery", "device_authorization", "token", "userinfo", "api")
# Each kind of oddity once, where the VM does not play all of them.
SAMPLE = ("latin1", "long", "notice", "no_colon", "chunked_twice")


@pytest.fixture
def sim(capsys, mock_server):
    """A run against a server all of whose answers at `endpoints` are odd."""

    def run(name, endpoints, *arguments):
        for endpoint in endpoints:
            mock_server.realm.faults.add(Fault(endpoint, odd=name, lasts=1e9))
        issuer = mock_server.description["issuer"]
        words = ("--issuer", issuer, "--client-id", "keyfob-public")
        return run_board(capsys, *VIRTUAL, *words, *arguments)

    return run


def cases():
    """Each oddity on each runtime; in the VM those of the sample, and the others when soaking."""
    for runtime in RUNTIMES:
        for name in HARMLESS:
            is_quick = runtime == "cpython" or name in SAMPLE
            yield pytest.param(runtime, name, marks=() if is_quick else pytest.mark.soak)


@pytest.mark.parametrize(("runtime", "name"), list(cases()))
def test_every_answer_has_a_harmless_oddity(sim, runtime, name):
    asked = ["discovery"] if name == "long" else ASKED
    run = sim(
        name, asked, "--runtime", runtime, "--scope", "openid profile offline_access",
        "--until", "refreshed:2",
    )  # fmt: skip
    assert run.exit_code == 0, run
    assert run.only("linked")["account"] == "Ana Alves"
    assert run.of("error") == []


@pytest.mark.parametrize("name", REFUSED)
def test_no_answer_that_may_be_forged_links_a_board(sim, name):
    run = sim(name, ["device_authorization"], "--runtime", "cpython", "--until", "linked")
    assert run.exit_code == 1
    assert run.of("user_code") == []
    words = "a page that is not the provider" if name == "page" else "cannot be read"
    assert words in run.of("error")[-1]["message"]


def test_a_page_for_a_discovery_document_is_told_with_the_addresses(sim, mock_server):
    run = sim("page", ["discovery"], "--runtime", "cpython", "--until", "linked")
    error = run.of("error")[-1]
    assert "has no discovery document: a page" in error["message"]
    for path in ("openid-configuration", "oauth-authorization-server"):
        assert f"{mock_server.description['issuer']}/.well-known/{path}" in error["hint"]
