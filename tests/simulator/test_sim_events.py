"""`keyfob sim --json` against its own server: every event, every goal, every way to end."""

import re
from pathlib import Path

import pytest
import zxingcpp
from board_run import RUNTIMES, run_board, stored_tokens
from PIL import Image

from keyfob_sim.run.goal import GOALS, Goal, Progress

README = Path(__file__).parents[2] / "simulator" / "README.md"
VIRTUAL = ("--clock", "virtual")

# The members that each event has by DESIGN, besides `event` and `t`.
MEMBERS = {
    "boot": {"cause", "board", "runtime"},
    "window": {"url"},
    "wifi": {"state"},
    "clock": {"state", "source"},
    "user_code": {
        "user_code",
        "verification_uri",
        "verification_uri_complete",
        "expires_in",
        "interval",
        "resumed",
    },
    "poll": {"result", "error", "interval", "sent"},
    "linked": {"scope", "account", "stored"},
    "refreshed": {"rotated"},
    "api": {"status"},
    "screen": {"name", "png"},
    "denied": set(),
    "expired": set(),
    "error": {"kind", "message", "fatal"},
    "end": {"reached", "flash_ops"},
}


@pytest.fixture(params=RUNTIMES)
def sim(request, capsys):
    return lambda *arguments: run_board(capsys, "--runtime", request.param, *arguments)


def test_a_board_links_calls_and_refreshes(sim):
    run = sim(*VIRTUAL, "--approve", "auto", "--until", "refreshed:3")
    assert run.exit_code == 0
    assert run.stderr == ""
    assert run.names == [
        "server",
        "boot",
        "wifi",
        "clock",
        "user_code",
        "poll",
        "poll",
        "linked",
        "api",
        "refreshed",
        "refreshed",
        "refreshed",
        "end",
    ]
    assert [poll["result"] for poll in run.of("poll")] == ["pending", "approved"]
    assert run.only("boot")["cause"] == "power_on"
    assert run.only("boot")["runtime"] in RUNTIMES
    assert run.only("clock")["source"] == "ntp"
    assert run.only("user_code")["resumed"] is False
    assert run.only("linked")["account"] == "Ana Alves"
    assert run.only("linked")["scope"] == run.only("server")["scope"]
    assert run.only("linked")["stored"] is False
    assert run.only("api")["status"] == 200
    assert all(event["rotated"] for event in run.of("refreshed"))
    assert run.only("end") == run.events[-1]
    assert run.only("end")["reached"] is True


def test_every_event_has_its_members(sim, tmp_path):
    runs = [
        sim(*VIRTUAL, "--approve", "auto", "--until", "refreshed", "--screens", tmp_path),
        sim(*VIRTUAL, "--approve", "deny", "--until", "denied"),
        sim(*VIRTUAL, "--approve", "never", "--until", "expired"),
        sim(*VIRTUAL, "--approve", "deny"),
        sim("--issuer", "http://127.0.0.1:1", "--client-id", "x", *VIRTUAL),
    ]
    documented = _documented()
    seen = set()
    for event in [event for run in runs for event in run.events]:
        name = event["event"]
        seen.add(name)
        assert isinstance(event["t"], float)
        assert event.keys() - {"event", "t"} >= MEMBERS.get(name, set())
        assert name == "server" or event.keys() - {"event", "t"} == documented[name]
    assert seen == MEMBERS.keys() | {"server"}
    assert seen <= documented.keys()


def _documented():
    """The events of the README's table, with their members."""
    table = README.read_text("utf-8").partition("\n## Events\n")[2].partition("\n## ")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    plain = [(name.strip(" `"), re.sub(r"\([^)]*\)", "", members)) for _, name, members, _ in rows]
    return {name: set(re.findall(r"`(\w+)`", members)) for name, members in plain}


def test_the_server_event_is_what_keyfob_server_prints(sim):
    server = sim(*VIRTUAL, "--approve", "auto").only("server")
    assert server["device_authorization_endpoint"].startswith(server["issuer"])
    assert [client["client_auth"] for client in server["clients"]] == ["none", "basic", "post"]
    assert {"token_endpoint", "verification_uri", "admin", "ca", "scope"} <= server.keys()


def test_time_never_runs_backwards_and_polls_keep_their_distance(sim):
    run = sim(*VIRTUAL, "--approve", "never", "--until", "expired")
    assert run.exit_code == 0
    times = [event["t"] for event in run.events]
    assert times == sorted(times)
    code, polls, expired = run.only("user_code"), run.of("poll"), run.only("expired")
    assert code["expires_in"] == 1800
    left = [poll["sent"] for poll in polls]
    answered = [code["t"], *(poll["t"] for poll in polls)]
    gaps = [sent - before for sent, before in zip(left, answered, strict=False)]
    assert min(gaps) > code["interval"]
    assert max(gaps[:-1]) < code["interval"] + 2
    assert gaps[-1] < 2 * code["interval"] + 5  # the last one waits for the end to come near
    assert code["t"] + 1798 < left[-1] < code["t"] + 1800
    assert 1799 < expired["t"] - code["t"] <= 1800.5
    assert all(poll["result"] == "pending" for poll in polls)
    assert all(poll["sent"] <= poll["t"] for poll in polls)


def test_interval_says_when_the_next_poll_leaves(sim):
    first, second = sim(*VIRTUAL, "--approve", "auto").of("poll")
    assert second["sent"] - first["t"] == pytest.approx(first["interval"], abs=0.1)
    assert second["interval"] is None


def test_a_denial_is_told(sim):
    run = sim(*VIRTUAL, "--approve", "deny", "--until", "denied")
    assert run.exit_code == 0
    assert run.names[-3:] == ["poll", "denied", "end"]
    assert run.of("poll")[-1]["error"] == "access_denied"


@pytest.mark.parametrize(
    ("approve", "until", "told"),
    [
        ("deny", "linked", "refused"),
        ("deny", "refreshed", "refused"),
        ("deny", "expired", "refused"),
        ("never", "linked", "ran out"),
        ("never", "denied", "ran out"),
        ("auto", "denied", "linked"),
        ("auto", "expired", "linked"),
    ],
)
def test_an_outcome_that_rules_the_goal_out_ends_the_run(sim, approve, until, told):
    run = sim(*VIRTUAL, "--approve", approve, "--until", until)
    assert run.exit_code == 1
    assert run.only("end")["reached"] is False
    assert told in run.complaint[0]
    assert f"--until {until}" in run.complaint[0]


def test_without_offline_access_there_is_nothing_to_refresh(sim):
    run = sim(*VIRTUAL, "--approve", "auto", "--scope", "openid", "--until", "refreshed")
    assert run.exit_code == 1
    assert run.only("linked")["scope"] == "openid"
    assert run.only("error")["kind"] == "no_refresh_token"
    assert "offline_access" in run.complaint[1]


@pytest.mark.parametrize("error", ["invalid_client", "unsupported_grant_type", "what_is_this"])
def test_a_refusal_that_passes_does_not_end_a_goal(sim, tmp_path, error):
    faults = tmp_path / "faults.toml"
    faults.write_text(
        '[[fault]]\non = "linked"\ndo = "server"\nendpoint = "token"\nstatus = 400\n'
        f'body = {{ error = "{error}" }}\ntimes = 2\n'
    )
    run = sim(*VIRTUAL, "--approve", "auto", "--until", "refreshed:2", "--faults", faults)
    assert run.exit_code == 0
    assert len(run.of("refreshed")) == 2
    assert {error["fatal"] for error in run.of("error")} == {False}


def test_only_what_is_fatal_ends_a_goal():
    for name in GOALS:
        for kind in ("provider", "config", "network", "tls", "timeout", "storage", "memory"):
            progress = Progress(Goal(name))
            trouble = {"kind": kind, "message": "what happened", "hint": None, "fatal": False}
            progress.see("error", trouble)
            assert not progress.ended
            assert progress.trouble == "what happened"
            progress.see("error", trouble | {"fatal": True})
            assert progress.failure == "what happened"


def test_a_goal_that_never_comes_is_told_with_the_last_error(sim, tmp_path):
    faults = tmp_path / "faults.toml"
    faults.write_text(
        '[[fault]]\non = "linked"\ndo = "server"\nendpoint = "token"\nstatus = 401\n'
        'body = { error = "invalid_client" }\ntimes = 1000\n'
    )
    goal = ("--until", "refreshed", "--timeout", "4")
    run = sim(*VIRTUAL, "--approve", "auto", *goal, "--faults", faults)
    assert run.exit_code == 1
    assert run.of("error")[-1]["kind"] == "timeout"
    assert "invalid_client" in run.complaint[0]


def test_the_time_limit_is_wall_time(sim):
    run = sim("--approve", "never", "--timeout", "0.4")
    assert run.exit_code == 1
    assert run.only("error")["kind"] == "timeout"
    assert run.only("end")["t"] < 5
    assert "--timeout" in run.complaint[1]


def test_the_time_limit_holds_with_the_virtual_clock(sim):
    run = sim(*VIRTUAL, "--approve", "never", "--until", "forever", "--timeout", "0.6")
    assert run.exit_code == 1
    assert run.only("error")["kind"] == "timeout"


@pytest.mark.parametrize("auth", ["none", "basic", "post"])
def test_each_client_authentication(sim, auth):
    run = sim(*VIRTUAL, "--approve", "auto", "--client-auth", auth, "--until", "refreshed")
    assert run.exit_code == 0


def test_a_ready_made_client_by_its_id(sim):
    run = sim(*VIRTUAL, "--approve", "auto", "--client-id", "keyfob-post")
    assert run.exit_code == 0


def test_a_wrong_secret_is_refused_and_not_shown(sim):
    secret = "not-the-right-one"
    run = sim(
        *VIRTUAL, "--approve", "auto", "--client-id", "keyfob-basic", "--client-secret", secret
    )
    assert run.exit_code == 1
    assert run.only("error")["kind"] == "provider"
    assert "invalid_client" in run.complaint[0]
    assert secret not in run.stdout + run.stderr


def test_https_with_a_ca_made_for_the_run(sim):
    run = sim(*VIRTUAL, "--approve", "auto", "--https", "--chain", "ec", "--until", "refreshed")
    assert run.exit_code == 0
    server = run.only("server")
    assert server["issuer"].startswith("https://")
    assert server["ca"]
    assert run.only("user_code")["verification_uri"].startswith("https://")


def test_host_and_port_are_where_the_server_listens(sim, unused_port):
    run = sim(*VIRTUAL, "--approve", "auto", "--host", "127.0.0.2", "--port", unused_port)
    assert run.exit_code == 0
    assert run.only("server")["issuer"] == f"http://127.0.0.2:{unused_port}"


def test_api_is_called_instead_of_userinfo(sim, unused_port):
    base = f"http://127.0.0.1:{unused_port}"
    run = sim(*VIRTUAL, "--approve", "auto", "--port", unused_port, "--api", f"{base}/api/v1/me")
    assert run.exit_code == 0
    assert run.only("api")["status"] == 200
    missing = sim(*VIRTUAL, "--approve", "auto", "--port", unused_port, "--api", f"{base}/none")
    assert missing.only("api")["status"] == 404
    assert missing.exit_code == 0


def test_an_api_out_of_reach_does_not_cost_the_link(sim):
    run = sim(*VIRTUAL, "--approve", "auto", "--api", "http://127.0.0.1:1/x")
    assert run.exit_code == 0
    assert run.only("error")["fatal"] is False
    assert run.only("error")["kind"] == "network"


def test_screens_are_pictures_whose_qr_can_be_read(sim, tmp_path):
    run = sim(*VIRTUAL, "--approve", "auto", "--screens", tmp_path / "new" / "folder")
    screens = run.of("screen")
    assert [screen["name"] for screen in screens] == [
        "starting",
        "wifi",
        "clock",
        "user_code",
        "linked",
    ]
    assert all(Path(screen["png"]).is_file() for screen in screens)
    (code,) = zxingcpp.read_barcodes(Image.open(screens[3]["png"]))
    assert code.text == run.only("user_code")["verification_uri_complete"]


def test_without_screens_there_are_no_pictures(sim):
    assert {s["png"] for s in sim(*VIRTUAL, "--approve", "auto").of("screen")} == {None}


def test_nothing_secret_is_told(sim, tmp_path):
    state = tmp_path / "state"
    run = sim(*VIRTUAL, "--approve", "auto", "--until", "refreshed:2", "--state-dir", state)
    tokens = stored_tokens(state)
    secrets = [tokens[name] for name in ("access_token", "refresh_token", "id_token")]
    assert all(len(secret) > 20 for secret in secrets)
    assert not [secret for secret in secrets if secret[:20] in run.stdout + run.stderr]
    assert "device_code" not in run.stdout
