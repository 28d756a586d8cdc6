"""The recipes of firmware/examples, against APIs of the real ones' shapes and sizes."""

import ast
import json
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from board_run import BoardRun, run_board
from virtual_port import needs_vm

from keyfob_host.providers import presets
from keyfob_host.resources import firmware_dir
from keyfob_sim import cli
from keyfob_sim.server import apis

EXAMPLES = firmware_dir() / "examples"
TITLE = 'Valve %d stays open after a reset: "off" is not off'
# What each shows: title, value, and lines; None stands for what depends on the time.
SHOWN: dict[str, tuple[Any, ...]] = {
    "github_notifications": ("GitHub", "63", TITLE % 1, TITLE % 2, TITLE % 3),
    "home_state": ("Living room", "21.4 °C", "Outside: rainy", "Front door: locked"),
    "next_appointment": ("Calendar", None, None, "Potting shed", None),
    "presence_lamp": ("Teams", "busy", "InAMeeting"),
}
# The API's answer when there is nothing to show, and what is shown then.
NOTHING: dict[str, tuple[dict[str, Any], tuple[Any, ...]]] = {
    "github_notifications": ({"status": 200, "body": []}, ("GitHub", "0", "Nothing unread")),
    "home_state": (
        {"status": 404, "body": {"message": "Entity not found."}, "times": 3},
        (
            "sensor.living_room_temperature",
            "unknown",
            "weather.home: unknown",
            "lock.front_door: unknown",
        ),
    ),
    "next_appointment": (
        {"status": 200, "body": {"value": []}},
        ("Calendar", "-", "Nothing in 7 days"),
    ),
    "presence_lamp": (
        {"status": 200, "body": {"availability": "PresenceUnknown"}},
        ("Teams", "unknown", ""),
    ),
}
BOARDS = ("esp32-generic", "esp32-ssd1306", "lilygo-t-display")
# One each, the hardest for the largest reply; `make soak` runs all on all.
PAIRS = (
    ("github_notifications", "lilygo-t-display"),
    ("next_appointment", "esp32-ssd1306"),
    ("presence_lamp", "esp32-generic"),
    ("home_state", "esp32-ssd1306"),
)


# The API refuses a token, so that it is refreshed, once a recipe has looked a few times.
REFUSED = """
[[fault]]
on = "linked"
after = 400
do = "server"
endpoint = "api"
status = 401
"""


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[Any, ...]]:
    """What the program that `traced` makes of a recipe has shown on CPython."""
    found: list[tuple[Any, ...]] = []
    module = ModuleType("tracing")
    module.found = found  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tracing", module)
    return found


TRACED = """
def show(self, *what):
    import tracing

    tracing.found.append(what)
    real(self, *what)


real, App.show = App.show, show
run("""


def traced(tmp_path: Path, name: str, **changed: str) -> Path:
    """A recipe that tells what it shows; lines of it that begin with `changed` are other ones."""
    text = (EXAMPLES / f"{name}.py").read_text("utf-8")
    for start, line in changed.items():
        text, count = re.subn(f"^{start}.*$", line, text, flags=re.MULTILINE)
        assert count == 1
    path = tmp_path / "program.py"
    path.write_text(text.replace("\nrun(", TRACED), "utf-8")
    return path


def run(capsys: pytest.CaptureFixture[str], program: Path, until: str, *more: object) -> BoardRun:
    return run_board(
        capsys, "--program", program, "--clock", "virtual", "--approve", "auto",
        "--until", until, *more,
    )  # fmt: skip


def on_cpython(
    capsys: pytest.CaptureFixture[str], program: Path, until: str, faults: Path | None = None
) -> BoardRun:
    done = run(
        capsys, program, until, "--runtime", "cpython", *(["--faults", faults] if faults else [])
    )
    assert done.exit_code == 0, done.stderr
    return done


def answered(tmp_path: Path, *answers: dict[str, Any]) -> Path:
    """A scenario in which the API gives these answers first."""
    tables = []
    for answer in answers:
        lines = ["[[fault]]", 'on = "linked"', 'do = "server"', 'endpoint = "api"']
        for name, value in answer.items():
            lines.append(f"{name} = {_toml(value)}")
        tables.append("\n".join(lines))
    scenario = tmp_path / "scenario.toml"
    scenario.write_text("\n\n".join(tables), "utf-8")
    return scenario


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        parts = [f"{name!r} = {_toml(part)}" for name, part in value.items()]
        return "{" + ", ".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return repr(value)


def is_like(shown: tuple[Any, ...], expected: tuple[Any, ...]) -> bool:
    pairs = zip(shown, expected, strict=True)
    return all(isinstance(text, str) and wanted in (None, text) for text, wanted in pairs)


def test_every_recipe_is_tried() -> None:
    others = {"call_api", "device_grant", "show_reading", "with_requests"}
    names = {path.stem for path in EXAMPLES.glob("*.py")} - others
    assert names == set(SHOWN) == set(NOTHING) == {name for name, _ in PAIRS}


@pytest.mark.parametrize("name", SHOWN)
def test_the_line_to_configure_a_board_is_one_that_keyfob_takes(name, tmp_path, capsys):
    head = ast.get_docstring(ast.parse((EXAMPLES / f"{name}.py").read_text("utf-8"))) or ""
    line = re.search(r"    keyfob (configure(?:.|\n)*?)\n\n", head)
    assert line is not None
    words = shlex.split(line[1].replace("BOARD", "esp32-generic"))
    presets.named(words[words.index("--provider") + 1])
    assert cli.main([*words, "--port", str(tmp_path / "none")]) == 1
    assert "there is no port" in capsys.readouterr().err


@pytest.mark.parametrize("name", SHOWN)
def test_what_a_recipe_shows(name, shown, capsys, tmp_path):
    done = on_cpython(capsys, traced(tmp_path, name), "refreshed")
    assert done.of("error") == []
    assert all(is_like(screen, SHOWN[name]) for screen in shown)
    # GitHub answers 304 from then on.
    assert len(shown) == 1 if name == "github_notifications" else len(shown) > 5


@pytest.mark.parametrize("name", SHOWN)
def test_a_recipe_comes_back_after_each_trouble(name, shown, capsys, tmp_path):
    faults = answered(
        tmp_path,
        {"status": 401, "headers": {"WWW-Authenticate": 'Bearer error="invalid_token"'}},
        {"status": 403, "body": {"message": "no", "error": {"message": "no"}}},
        {"status": 429, "headers": {"Retry-After": "700"}, "body": {"message": "slowly"}},
        {"status": 503, "body": "<html>a gateway's page</html>"},
        {"drop": True},
        {"status": 200, "body": "<html>a page for guests</html>"},
        {"status": 200, "body": '[{"subject": {"title": "cut'},
    )
    done = on_cpython(capsys, traced(tmp_path, name), "refreshed:2", faults)
    assert done.names.count("linked") == 1
    assert shown
    assert all(is_like(screen, SHOWN[name]) for screen in shown)
    assert not any(error["fatal"] for error in done.of("error"))
    messages = [error["message"] for error in done.of("error")]
    assert len(messages) == 4, messages
    assert "403" in messages[0]
    assert "503" in messages[1]


@pytest.mark.parametrize("name", NOTHING)
def test_a_recipe_has_words_for_nothing(name, shown, capsys, tmp_path):
    answer, expected = NOTHING[name]
    done = on_cpython(capsys, traced(tmp_path, name), "refreshed", answered(tmp_path, answer))
    assert done.of("error") == []
    assert shown[0] == expected
    assert is_like(shown[-1], SHOWN[name])


def test_the_lamp_is_dark_when_its_program_stops(shown, monkeypatch, capsys, tmp_path):
    lit: list[tuple[int, ...]] = []

    class NeoPixel:
        def __init__(self, pin: Any, count: int) -> None:
            self.colours = [(0, 0, 0)] * count

        def __setitem__(self, index: int, colour: tuple[int, ...]) -> None:
            self.colours[index] = colour

        def write(self) -> None:
            lit.append(self.colours[0])

    module = ModuleType("neopixel")
    module.NeoPixel = NeoPixel  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "neopixel", module)
    states = [{"status": 200, "body": {"availability": name}} for name in ("Available", "Away")]
    faults = answered(tmp_path, *states, {"status": 403, "body": {}})
    program = traced(tmp_path, "presence_lamp", PIN="PIN = 27")
    on_cpython(capsys, program, "refreshed", faults)
    assert lit[:4] == [(0, 40, 0), (40, 24, 0), (0, 0, 0), (40, 0, 0)]


@needs_vm
@pytest.mark.parametrize(("name", "board"), PAIRS)
def test_a_recipe_runs_in_the_ram_of_a_board(name, board, capsys, tmp_path):
    fits(capsys, tmp_path, name, board)


@needs_vm
@pytest.mark.soak
@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("name", SHOWN)
def test_each_recipe_runs_on_each_kind_of_board(name, board, capsys, tmp_path):
    fits(capsys, tmp_path, name, board)


def fits(capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, board: str) -> None:
    """Run a recipe in the RAM of a chip, which a long chain of TLS shares, until a refresh."""
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(REFUSED, "utf-8")
    done = run(
        capsys, EXAMPLES / f"{name}.py", "refreshed", "--board", board, "--https",
        "--faults", scenario,
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert done.of("error") == []
    assert "idle" in [screen["name"] for screen in done.of("screen")]


def test_the_largest_reply_is_large():
    page = apis.answer("s/apis/api.github.com/notifications", {"per_page": "30"}, None, 0)
    assert page is not None
    assert len(json.dumps(page.body)) > 200_000
