"""Twenty ends of linking, staged at the server: event, screen and doctor tell the true cause."""

import asyncio
import contextlib
import io
import json
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from board_run import run_board

import keyfob.compat
import keyfob.config
from keyfob.net.clock import Clock
from keyfob_host.board import checkup
from keyfob_sim.run import pictures
from keyfob_sim.server import MockServer, ServerOptions

ON_BOARD = Path(checkup.__file__).parents[1] / "on_board"
BUTTON_AND_CONSOLE = "xiao-esp32c3"  # an attempt that failed ends its run

CODE = "device_authorization"
FOR_EVER = 1000
HTML = "<html>Please sign in to the hotel"
LARGE = {"access_token": "x" * 20_000, "token_type": "Bearer"}


class End(NamedTuple):
    """What is staged, and what has to be told of it; `doctor` is None where it cannot see it."""

    faults: tuple[dict[str, Any], ...]
    event: str | None  # the kind of the `error` event
    words: str  # in its message
    shown: str  # on the screen
    doctor: str | None
    approve: str = "never"


def at(endpoint: str, times: int = FOR_EVER, **fault: Any) -> tuple[dict[str, Any], ...]:
    return ({"endpoint": endpoint, "times": times, **fault},)


def oauth(endpoint: str, error: str, status: int = 400) -> tuple[dict[str, Any], ...]:
    return at(endpoint, status=status, body={"error": error})


LOST = at("token", 1, status=502, body=HTML)
REFUSED = "The provider refused"
OFFLINE = "No connection"

ENDS = {
    # Before there is a code
    "busy": End(
        at(CODE, status=429, headers={"Retry-After": "120"}),
        "provider", "HTTP 429", "try again in 120 s", "network",
    ),
    "down": End(at(CODE, status=503), "network", "HTTP 503", OFFLINE, "network"),
    "hangs up": End(at(CODE, drop=True), "network", "closed the connection", OFFLINE, "network"),
    "a page for guests": End(
        at(CODE, status=200, body=HTML),
        "network", "does the network want a login", OFFLINE, "network",
    ),
    "a redirect": End(
        at(CODE, status=302, headers={"Location": "https://hotel.example/"}),
        "provider", "a redirect", REFUSED, "network",
    ),
    "a wrong client": End(
        oauth(CODE, "invalid_client", 401), "provider", "invalid_client", REFUSED, "client"
    ),
    "a client without the grant": End(
        oauth(CODE, "unauthorized_client"), "provider", "unauthorized_client", REFUSED, "client"
    ),
    "an unknown scope": End(
        oauth(CODE, "invalid_scope"), "provider", "invalid_scope", REFUSED, "scope"
    ),
    "no code in the reply": End(
        at(CODE, status=200, body={"user_code": "X"}), "provider", "device_code", REFUSED, "client"
    ),
    "discovery is down": End(
        at("discovery", status=503), "network", "HTTP 503", OFFLINE, "network"
    ),
    "a page for guests at first": End(
        at("discovery", status=200, body=HTML),
        "provider", "does the network want a login", REFUSED, "network",
    ),
    "no discovery": End(
        at("discovery", status=404), "provider", "no discovery document", REFUSED, "no_grant"
    ),
    "another issuer": End(
        at("discovery", status=200, body={"issuer": "https://other.example"}),
        "config", "calls itself otherwise", "Its settings are wrong", "bad_config",
    ),
    # While the code is up
    "a person refuses": End((), None, "", "Refused on the phone", None, "deny"),
    "nobody approves": End((), None, "", "The code ran out", None),
    "no answer can be read": End(
        at("token", status=502, body=HTML), "network", "HTTP 502", "No usable answer: HTTP 502",
        "network",
    ),
    "an approval is lost, and the code then refused": End(
        LOST + oauth("token", "access_denied"),
        "network", "(access_denied), and an answer before that was lost: HTTP 502", OFFLINE, None,
    ),
    "an approval is lost, and the code then unknown": End(
        LOST + oauth("token", "invalid_grant"),
        "network", "(invalid_grant), and an answer before that was lost: HTTP 502", OFFLINE, None,
    ),
    **{
        f"a page at {status}, and the code then refused": End(
            at("token", 1, status=status, body=HTML) + oauth("token", "access_denied"),
            "network", f"(access_denied), and an answer before that was lost: HTTP {status}",
            OFFLINE, None,
        )
        for status in (400, 404, 500, 503)
    },
    "a gateway's words, and the code then unknown": End(
        at("token", 1, status=400, body={"status": 400, "error": "Bad Request"})
        + oauth("token", "invalid_grant"),
        "network", "(invalid_grant), and an answer before that was lost: Bad Request", OFFLINE,
        None,
    ),
    "a reply that is too long": End(
        at("token", status=200, headers={"Content-Type": "application/json"}, body=LARGE),
        "network", "bytes, which is longer than 16384", OFFLINE, "network",
    ),
    "another type of token": End(
        at("token", status=200, body={"access_token": "x", "token_type": "mac"}),
        "provider", "not a bearer token", REFUSED, "client",
    ),
    "a firewall": End(
        at("token", status=403, body=HTML), "provider", "HTTP 403", REFUSED, "network"
    ),
    "a client without this grant type": End(
        oauth("token", "unsupported_grant_type"),
        "provider", "unsupported_grant_type", REFUSED, "no_grant",
    ),
}  # fmt: skip


def scenario(faults: tuple[dict[str, Any], ...]) -> str:
    """The faults of the server as a file for `--faults`."""

    def value(given: Any) -> str:
        if isinstance(given, dict):
            return "{" + ", ".join(f"{key} = {value(given[key])}" for key in given) + "}"
        return json.dumps(given)

    tables = []
    for fault in faults:
        fields = {"at": 0, "do": "server", **fault}
        tables.append("[[fault]]\n" + "".join(f"{k} = {value(v)}\n" for k, v in fields.items()))
    return "\n".join(tables)


@pytest.mark.parametrize("name", ENDS)
def test_the_board_tells_the_cause(
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    end = ENDS[name]
    screens: list[list[str]] = []
    monkeypatch.setattr(pictures, "save", lambda lines, address, path: screens.append(lines))
    path = tmp_path / "faults.toml"
    path.write_text(scenario(end.faults))
    run = run_board(
        capsys,
        *("--board", BUTTON_AND_CONSOLE, "--runtime", "cpython", "--clock", "virtual"),
        *(("--faults", path) if end.faults else ()),
        *("--approve", end.approve),
        *("--screens", tmp_path / "screens", "--until", "linked"),
    )
    assert run.exit_code == 1
    shown = " ".join(screens[-1])
    assert end.shown in shown, shown
    assert end.words in shown
    if end.event is None:
        assert run.of("error") == []
        return
    error = run.only("error")
    assert error["kind"] == end.event
    assert end.words in error["message"]
    assert run.of("denied") == []
    assert "anybody" not in run.stdout + run.stderr + shown


class Bare:
    """The board that doctor asks: its program for the provider, run here."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def soft_reset(self) -> None:
        pass

    def ask(self, name: str, then: str = "") -> Any:
        """What the program prints."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec((ON_BOARD / f"{name}.py").read_text(), {"__name__": "board"})
        return json.loads(printed.getvalue())


@pytest.mark.parametrize("name", [name for name, end in ENDS.items() if end.doctor])
def test_doctor_tells_the_cause(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_sleep(clock: Clock, ms: int) -> None:
        await asyncio.sleep(0)

    async def no_query(clock: Clock) -> None:
        pass

    monkeypatch.setattr(Clock, "sleep", no_sleep)
    monkeypatch.setattr(Clock, "synchronise", no_query)
    load = keyfob.config.load
    monkeypatch.setattr(keyfob.config, "load", lambda *_: load(root=str(tmp_path)))
    end = ENDS[name]
    with MockServer(ServerOptions()) as server:
        for fault in end.faults:
            request = urllib.request.Request(
                server.description["admin"] + "/faults",
                json.dumps(fault).encode(),
                {"Content-Type": "application/json"},
            )
            urllib.request.urlopen(request, timeout=10).close()
        config = {
            "provider": {
                "issuer": server.description["issuer"],
                "client_id": "keyfob-public",
            },
            "wifi": [{"ssid": "Home"}],
        }
        (tmp_path / "keyfob.json").write_text(json.dumps(config))
        case = checkup.Case(
            None, 10.0, contextlib.ExitStack(), board=Bare(tmp_path), config=config
        )
        finding = checkup._check_provider(case)
    assert finding is not None
    assert finding.cause == end.doctor, finding
    assert end.words in finding.message
