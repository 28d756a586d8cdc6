"""What `keyfob test` and `keyfob doctor` find where TLS has room, and where it has too little."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from board_verbs import Verbs
from virtual_port import VirtualPort, needs_vm

from keyfob_host.board import repl

pytestmark = needs_vm

SECURE = ("--clock", "virtual", "--https")


@pytest.fixture
def roomy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Verbs]:
    port = VirtualPort(tmp_path, *SECURE, "--chain", "long")
    yield Verbs(port, capsys)
    port.stop()


class SmallChip(VirtualPort):
    """A board with less RAM than a handshake takes."""

    program = (
        sys.executable,
        "-c",
        """
from keyfob_sim import cli
from keyfob_sim.hardware import chip_memory

chip_memory.AT_BOOT = 80_000
raise SystemExit(cli.main())
""",
    )


@pytest.fixture
def small(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Verbs]:
    port = SmallChip(tmp_path, *SECURE, "--chain", "long")
    yield Verbs(port, capsys)
    port.stop()


@pytest.fixture
def crowded(roomy: Verbs, monkeypatch: pytest.MonkeyPatch) -> Verbs:
    """A board whose application leaves too little room, which the tools' own programs do not."""
    ask = repl.Board.ask
    error = ("memory", "not enough memory for a connection to as.example", "free RAM")

    def answer(self: repl.Board, name: str, then: str = "") -> object:
        rows = [("start", 0, 100_000, 3_000, 96_364, 94_208)]
        return [rows, error] if name == "steps" else ask(self, name, then)

    monkeypatch.setattr(repl.Board, "ask", answer)
    return roomy


def test_a_board_with_room_has_its_ram_shown_step_by_step(roomy: Verbs) -> None:
    code, out, err = roomy.run("test")
    assert (code, err) == (0, ""), out
    assert "TLS     passed" in out
    header, *lines = out[out.index("step  ") :].splitlines()
    assert header.split() == [
        *("step", "ms", "Python", "free", "in", "use", "IDF", "free", "largest")
    ]
    first, *_, last = lines
    assert first.startswith("start ")
    assert last.startswith("screen: user_code ")
    figures = [int(figure.replace(",", "")) for figure in last.split()[3:]]
    assert all(1_000 < figure < 200_000 for figure in figures)


def test_the_steps_as_json(roomy: Verbs) -> None:
    steps = roomy.json("test")["steps"]
    names = [step["step"] for step in steps]
    assert names[:2] == ["start", "application imported"]
    assert names[-2:] == ["user_code", "screen: user_code"]
    used = {step["step"]: step["python_used"] for step in steps}
    assert used["start"] < used["application imported"]
    assert used["start"] + 20_000 < used["user_code"]
    free = {step["step"]: step["idf_free"] for step in steps}
    assert free["start"] - free["user_code"] > 25_000, "TLS is open"
    assert all(step["idf_largest"] <= step["idf_free"] for step in steps)
    assert [step["ms"] for step in steps] == sorted(step["ms"] for step in steps)


def test_a_code_that_was_shown_for_the_test_is_shown_again_at_power_up(roomy: Verbs) -> None:
    roomy.json("test")
    before = len([event for event in roomy.port.events if event["event"] == "user_code"])
    roomy.port.reset()
    roomy.port.wait_for("user_code", before + 1)
    assert [e["resumed"] for e in roomy.port.events if e["event"] == "user_code"][-1] is True


def test_doctor_finds_nothing_where_there_is_room(roomy: Verbs) -> None:
    assert roomy.json("doctor")["cause"] is None


def test_tls_that_fits_alone_and_not_beside_the_application_fails_the_test(crowded: Verbs) -> None:
    code, out, err = crowded.run("test")
    assert (code, err) == (1, "keyfob: failed: TLS\ntry: keyfob doctor\n")
    assert "with the application in use: not enough memory for a connection to as.example" in out
    assert out.splitlines()[-1].split() == ["start", "0", "100,000", "3,000", "96,364", "94,208"]


def test_doctor_says_that_it_is_the_application_that_leaves_no_room(crowded: Verbs) -> None:
    code, out, err = crowded.run("doctor", "--json")
    assert code == 1
    assert json.loads(out)["cause"] == "memory"
    assert err == (
        "keyfob: with the application in use: not enough memory for a connection to as.example\n"
        "try: free RAM\n"
    )


def test_too_little_ram_for_any_handshake_is_told_as_that(small: Verbs) -> None:
    code, out, err = small.run("doctor", "--json")
    assert code == 1
    assert json.loads(out)["cause"] == "memory"
    assert "KB are free for TLS, and it may want 44 KB" in err
    code, out, err = small.run("test")
    assert (code, err) == (1, "keyfob: failed: TLS\ntry: keyfob doctor\n")
    assert "not enough memory for a connection to 127.0.0.1" in out
    assert "not trusted" not in out
