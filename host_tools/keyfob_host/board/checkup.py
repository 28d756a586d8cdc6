"""What can be wrong with a board, looked for in order.

Each row of CHECKS is a name and a function that returns None, or a Finding: a cause and an
action. A cause is a word that scripts can count on.
"""

from __future__ import annotations

import contextlib
import errno
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from keyfob_host.board import access as port_access
from keyfob_host.board import installation
from keyfob_host.board.configuration import (
    BOARD_FILE,
    CONFIG_FILE,
    check,
    has_https,
    read_document,
)
from keyfob_host.board.ports import Ask, Port, choose
from keyfob_host.board.repl import (
    Board,
    Garbled,
    Lost,
    NoRepl,
    Raised,
    TookTooLong,
    translated,
)
from keyfob_host.board.steps import run_steps
from keyfob_host.boards import known_boards, load_board
from keyfob_host.errors import CliError

_LEAST_FREE = 16 * 1024  # bytes: two copies of the tokens, and room for littlefs to move
_PRINTABLE = 0.7  # share of text in what a MicroPython board says


class Finding(NamedTuple):
    """One cause and one action."""

    cause: str
    message: str
    action: str


@dataclass
class Case:
    """The board that is looked at, as far as it is known."""

    spec: str | None
    timeout: float
    stack: contextlib.ExitStack
    ask: Ask | None = None  # which of several boards is meant
    port: Port | None = None
    board: Any = None
    facts: Any = None
    config: Any = None
    step: str | None = None  # how the REPL was reached
    link: Any = None  # what the board says of its link
    notes: dict[str, str] = field(default_factory=dict)  # what to say of a check instead of "ok"
    online: Finding | Literal["well"] | None = None  # what was found at the provider, once asked


# What a board prints instead of its prompt, and what that means.
_MESSAGES = (
    (
        rb"waiting for download|DOWNLOAD_BOOT|DOWNLOAD\(",
        Finding(
            "rom_loader",
            "the chip is in its ROM loader and waits for firmware; MicroPython does not run",
            "let go of BOOT and press RESET; if it stays there: keyfob flash",
        ),
    ),
    (
        rb"mismatch chip ID|image at 0x[0-9a-f]+ is for|requires chip rev",
        Finding(
            "wrong_image",
            "the firmware in the flash is for another chip",
            "keyfob flash --erase, which reads the chip and takes its image",
        ),
    ),
    (
        rb"invalid header: 0x|No bootable app|invalid magic byte|flash read err|csum err",
        Finding(
            "no_image",
            "the flash holds no firmware that starts",
            "press RESET; if it says so again: keyfob flash --erase",
        ),
    ),
)

_CORRUPT = Finding(
    "files_corrupt",
    "the board's file system is damaged",
    "press RESET and try again, for an interrupted program can leave it so; if it stays damaged: "
    "keyfob flash --erase, then keyfob install and keyfob configure",
)


def linked_to(link: Mapping[str, Any]) -> str:
    """To whom a board is linked, by what on_board/status.py says."""
    return f"linked to {link['account'] or 'an account'} at {link['provider']}"


def look(case: Case) -> Iterator[tuple[str, Finding | None]]:
    """Yield each check's name and what it found, up to the first finding that ends it.

    A board links without its panel, and anew where a link is over, so what is found about these
    ends nothing.
    """
    for name, examine in CHECKS:
        goes_on = False
        try:
            finding = _examined(examine, case)
            goes_on = finding is None or examine in (_check_panel, _check_link)
        except Raised as error:
            is_memory = error.error == "MemoryError"
            finding = Finding(
                "memory" if is_memory else "broken",
                f"the board fails at this: {error.message}",
                "a board with more RAM" if is_memory else "keyfob install",
            )
        except (Lost, TookTooLong, Garbled, NoRepl) as error:
            finding = Finding(_CAUSE_OF[type(error)], error.message, error.hint)
        yield name, finding
        if not goes_on:
            return


# The cause that each error of the connection stands for.
_CAUSE_OF: dict[type[CliError], str] = {
    Lost: "lost",
    TookTooLong: "timeout",
    Garbled: "garbled",
    NoRepl: "no_repl",
}


def _examined(examine: Callable[[Case], Finding | None], case: Case) -> Finding | None:
    if case.port is None:
        return examine(case)
    with translated(case.port, case.timeout):
        return examine(case)


def _look_for_port(case: Case) -> Finding | None:
    try:
        case.port = choose(case.spec, case.ask)
    except CliError as error:
        return Finding("no_port", error.message, error.hint)
    return None


def _connect(case: Case) -> Finding | None:
    assert case.port is not None
    try:
        case.board = case.stack.enter_context(Board.connected(case.port, case.timeout))
    except port_access.PortError as error:
        cause = {"port": "no_port"}.get(error.kind, error.kind)
        return Finding(cause, error.message, error.hint)
    except NoRepl as error:
        return _meaning_of(error.output, error)
    case.step = case.board.step
    if case.board.boot_blocks:
        return Finding(
            "boot_blocks",
            "boot.py does not come to an end, so that the board never gets to its program",
            "mpremote resume fs rm :boot.py",
        )
    return None


def _meaning_of(output: bytes, error: NoRepl) -> Finding:
    """What a board means that says this instead of its prompt."""
    for pattern, finding in _MESSAGES:
        if re.search(pattern, output):
            return finding
    if not output:
        return Finding(
            "silent",
            "the board says nothing, whatever is tried",
            "press RESET and try again; if it stays silent: keyfob flash",
        )
    text = sum(byte in b"\r\n\t" or 32 <= byte < 127 for byte in output)
    if text < _PRINTABLE * len(output):
        return Finding(
            "not_micropython",
            "what comes from the port is no text: it is no MicroPython at 115200 baud",
            "keyfob devices, to see whether it is the right port; else keyfob flash",
        )
    return Finding(
        "no_repl",
        "the board talks, but its program cannot be broken into",
        "press RESET and try again; if that changes nothing: hold BOOT and press RESET, then "
        "keyfob flash --erase",
    )


def _check_version(case: Case) -> Finding | None:
    case.facts = case.board.ask("facts")
    try:
        installation.firmware_for(case.facts, from_source=True)
    except CliError as error:
        return Finding("too_old", error.message, error.hint)
    return None


def _check_files(case: Case) -> Finding | None:
    if not case.facts["size"] or b"appears to be corrupted" in case.board.output:
        return _CORRUPT
    trouble = case.board.ask("files")
    if trouble == errno.ENOSPC or (trouble is None and case.facts["free"] < _LEAST_FREE):
        return Finding(
            "files_full",
            f"the board's file system is full: {case.facts['free'] // 1024} KB are free",
            "remove what you do not need: mpremote fs rm PATH",
        )
    return _CORRUPT if trouble is not None else None


def _check_keyfob(case: Case) -> Finding | None:
    if case.facts["keyfob"] is None:
        return Finding("not_installed", "keyfob is not on the board", "keyfob install")
    return None


def _check_config(case: Case) -> Finding | None:
    content = case.board.read(CONFIG_FILE)
    if content is None:
        return Finding("not_configured", f"there is no {CONFIG_FILE}", "keyfob configure")
    try:
        case.config = read_document(content)
        check(case.config)
    except CliError as error:
        action = f"keyfob configure {error.hint}" if error.hint[:2] == "--" else error.hint
        return Finding("bad_config", error.message, action)
    for path in case.config.get("ca") or ():
        if case.board.read(path) is None:
            return Finding(
                "bad_config", f"ca names {path}, which is not there", "keyfob configure --ca FILE"
            )
    return None


def _is_of_file(case: Case, name: str) -> bool:
    """Whether a board of that name was described by a file that is not keyfob's."""
    if name in known_boards():
        return False
    content = case.board.read(BOARD_FILE)
    try:
        about = json.loads(content) if content else None
    except ValueError:
        return False
    return isinstance(about, dict) and about.get("name") == name


def _check_chip(case: Case) -> Finding | None:
    """Whether the board is what it is configured as."""
    name = case.config.get("board")
    try:
        chip = load_board(name).chip if name and not _is_of_file(case, name) else None
    except CliError as error:
        return Finding("bad_config", error.message, f"keyfob configure {error.hint}")
    found = re.search(r"with (ESP32\w*)", case.facts["machine"].upper().replace("WITH", "with"))
    if chip is not None and found is not None and found[1].replace("-", "").lower() != chip:
        return Finding(
            "wrong_image",
            f"MicroPython here is for {found[1]}, and the board {name} has {chip.upper()}",
            f"keyfob flash --board {name}, or keyfob configure --board with the board that it is",
        )
    return None


def _check_panel(case: Case) -> Finding | None:
    outcome, detail, kind = _ask(case, "hardware", "attempt(i2c_scan)")
    if outcome != "failed":
        return None
    if kind in ("Wrong", "OSError"):
        return Finding("no_panel", detail, f"check its wires, or its address in {BOARD_FILE}")
    return Finding(
        "bad_board",
        f"{BOARD_FILE} does not describe the display: {detail}",
        f"keyfob configure --board {case.config.get('board') or 'NAME'}",
    )


# What a link is that is there and of no use, by its end.
ENDS = {
    "ended": Finding(
        "link_ended",
        "the provider has ended the link: its owner has to sign in again",
        "keyfob link",
    ),
    "run_out": Finding(
        "link_ended",
        "the link has run out: the provider gave no refresh token",
        'keyfob configure --scope "..." with the one that brings one, often offline_access; then '
        "keyfob link",
    ),
}


def _check_link(case: Case) -> Finding | None:
    """Whether it is linked; a board links anew where what it has stored cannot be read."""
    case.link = case.board.ask("status")
    words = linked_to(case.link) if case.link["linked"] else "not linked yet"
    case.notes["link"] = case.link.get("trouble", [words])[0]
    return ENDS.get(case.link.get("end"))


_NEXT_WIFI = "keyfob configure --wifi-ssid NAME"


def _check_wifi(case: Case) -> Finding | None:
    trouble = _ask(case, "wifi")
    if trouble is None:
        return None
    names, heard = trouble
    if heard:
        return Finding(
            "wifi_password",
            f"the network {heard[0]} is there and does not let the board in",
            f"keyfob configure --wifi-ssid {json.dumps(heard[0])}, with the right password",
        )
    return Finding(
        "no_wifi",
        f"no network called {' or '.join(names)} is in reach (an ESP32 hears 2.4 GHz alone)",
        f"{_NEXT_WIFI}, or bring the board closer",
    )


# What `provider` may find: the step and the kind of error, and what that is called.
_CAUSES = {
    ("clock", "clock"): "clock",
    ("discovery", "tls"): "tls",
    ("discovery", "provider"): "no_grant",
    ("discovery", "config"): "bad_config",
    ("client", "tls"): "tls",
    ("client", "provider"): "client",
    ("poll", "tls"): "tls",
    ("poll", "provider"): "client",
}
_ACTIONS = {
    "clock": "let the network pass NTP (UDP port 123), then restart the board",
    "scope": 'keyfob configure --scope "..." with scopes that the provider knows',
}
# Refusals that are about the grant rather than the client (RFC 6749 section 5.2).
_NO_GRANT = ("unsupported_grant_type", "device_flow_disabled")
_OTHER_CLIENT = (
    "keyfob configure --client-id ID, with the --client-auth and the secret of that one"
)
_ALLOW_HTTP = "keyfob configure --allow-http, on a test network alone"
# The check that a cause belongs to; any other is the provider's.
_CHECK_OF = {"clock": "clock", "tls": "TLS", "memory": "TLS"}


def _check_clock(case: Case) -> Finding | None:
    return _found_online(case, "clock")


def _check_tls(case: Case) -> Finding | None:
    finding = _found_online(case, "TLS")
    if not has_https(case.config):
        case.notes["TLS"] = "not needed: the provider is reached by http"
    elif isinstance(case.online, Finding) and case.online.cause in ("network", "no_wifi"):
        case.notes["TLS"] = "not reached"
    return finding


def _check_provider(case: Case) -> Finding | None:
    return _found_online(case, "provider")


def _found_online(case: Case, name: str) -> Finding | None:
    """What is found of the check `name` among those that a board is asked for at once."""
    if case.online is None:
        case.online = _ask_online(case) or "well"
    if case.online == "well" or _CHECK_OF.get(case.online.cause, "provider") != name:
        return None
    return case.online


def _ask_online(case: Case) -> Finding | None:
    """Have the board set its clock, connect, and ask the provider for a code, in that order."""
    trouble = _ask(case, "provider")
    if trouble is None:
        return _check_application(case)
    step, kind, message, hint, code = trouble
    cause = _CAUSES.get((step, kind), "network" if kind != "memory" else "memory")
    if code in _NO_GRANT:
        cause = "no_grant"
    elif code == "invalid_scope":
        cause = "scope"
    if cause == "network" and not case.config.get("wifi"):  # a board on a cable has none
        return Finding("no_wifi", f"{message}; no Wi-Fi is configured", _NEXT_WIFI)
    action = _ACTIONS.get(cause) or hint or "try again later"
    if code == "invalid_client":
        action = _OTHER_CLIENT
    elif "allow http" in action or "that is not safe to open: http://" in message:
        action = _ALLOW_HTTP
    return Finding(cause, message, action)


def _check_application(case: Case) -> Finding | None:
    """TLS once more, beside the application, which leaves it less RAM."""
    provider = case.config["provider"]
    address = provider.get("issuer") or provider.get("token_endpoint") or ""
    if not address.lower().startswith("https:"):
        return None
    case.board.soft_reset()
    _, error = run_steps(case.board)
    if error is None:
        return None
    cause = error.kind if error.kind in ("memory", "tls", "clock") else "network"
    message = f"with the application in use: {error.message}"
    return Finding(cause, message, error.hint or "try again later")


def _ask(case: Case, name: str, then: str = "") -> Any:
    """What a program says that wants all of the board's RAM."""
    case.board.soft_reset()
    return case.board.ask(name, then)


CHECKS: tuple[tuple[str, Callable[[Case], Finding | None]], ...] = (
    ("port", _look_for_port),
    ("prompt", _connect),
    ("MicroPython", _check_version),
    ("files", _check_files),
    ("keyfob", _check_keyfob),
    ("configuration", _check_config),
    ("chip", _check_chip),
    ("panel", _check_panel),
    ("link", _check_link),
    ("Wi-Fi", _check_wifi),
    ("clock", _check_clock),
    ("TLS", _check_tls),
    ("provider", _check_provider),
)
