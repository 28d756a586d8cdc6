"""Servers whose TLS a board may refuse: it says why, and `keyfob providers check` says the same.

The board is the firmware in the real MicroPython VM, whose mbedTLS is a chip's.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import micropython_vm
import pytest
from board_run import run_board
from virtual_port import needs_vm

from keyfob_host.errors import CliError
from keyfob_host.providers import check as provider_check
from keyfob_host.providers.roots import read_roots
from keyfob_sim.run import pictures
from keyfob_sim.server import MockServer, ServerOptions
from keyfob_sim.server.tls_troubles import TROUBLES

pytestmark = needs_vm

NOTHING_IN_COMMON = "it takes no cipher, curve or signature that a board speaks"
WEAK = "a certificate has a key or signature that a board does not accept"
EXPIRED = "a certificate has expired; the clock says 20"
UNKNOWN = 'no root in ca has signed its certificate; it wants the root "%s"'

# By the name of a trouble, what a board says of it; None where it links.
VERDICTS = {
    "tls1.3": "it speaks TLS 1.3 only, and a board TLS 1.2",
    "tls1.1": "it speaks TLS 1.1 or older, and a board TLS 1.2",
    "chacha20": NOTHING_IN_COMMON,
    "ccm": NOTHING_IN_COMMON,
    "dhe": NOTHING_IN_COMMON,
    "x25519": NOTHING_IN_COMMON,
    "p521-exchange": None,
    "mutual": "it wants a certificate of the board's own (mutual TLS)",
    "p224": NOTHING_IN_COMMON,
    "p521": None,
    "secp256k1": NOTHING_IN_COMMON,
    "brainpool": NOTHING_IN_COMMON,
    "ed25519": NOTHING_IN_COMMON,
    "rsa1024": WEAK,
    "sha224": WEAK,
    "sha512": None,
    "rsa-pss": WEAK,
    "unknown-root": UNKNOWN % "keyfob test root",
    "root-sent": UNKNOWN % "keyfob test root",
    "no-intermediate": UNKNOWN % "keyfob test authority",
    "self-signed": "it signed its certificate itself",
    "no-ca": "a certificate is signed by one that is no CA's",
    "path-length": "(path length)",
    "wrong-order": "it sends its certificates in the wrong order",
    "two-authorities": None,
    "other-host": "its certificate is for another host",
    "common-name": None,
    "expired": EXPIRED,
    "not-yet-valid": "a certificate is not valid yet; the clock says 20",
    "expired-root": EXPIRED,
    "for-clients": "its certificate is not for servers",
}
# What a person sees of them on a board.
SHOWN = ("tls1.3", "x25519", "rsa1024", "unknown-root", "other-host", "expired", "not-yet-valid")

BOARD = """
import asyncio, json, sys
from keyfob.errors import KeyfobError
from keyfob.net.clock import Clock
from keyfob.net.http import HttpClient
from keyfob.oauth.messages import Request

async def main():
    for line in sys.stdin:
        address, path = json.loads(line)
        with open(path, "rb") as file:
            root = file.read()
        clock = Clock()
        await clock.synchronise()
        http = HttpClient((root,), clock=clock)
        said = None
        try:
            await http.send(Request("GET", address))
        except KeyfobError as error:
            said = [error.kind, error.message, error.hint]
        await http.close()
        print(json.dumps(said))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, MockServer]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                MockServer(
                    ServerOptions(https=True, chain=name, ca_dir=tmp_path_factory.mktemp("ca"))
                )
            )
            for name in TROUBLES
        }


@pytest.fixture(scope="module")
def said(
    servers: dict[str, MockServer], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str] | None]:
    """Kind, message and hint of what a board finds wrong with each server."""
    folder = tmp_path_factory.mktemp("board")
    (folder / "board.py").write_text(BOARD)
    lines = []
    for name, server in servers.items():
        (root,) = read_roots(Path(server.description["ca"]))
        (folder / f"{name}.der").write_bytes(root)
        lines.append(json.dumps([server.description["issuer"], str(folder / f"{name}.der")]))
    program = micropython_vm.executable()
    assert program is not None
    path = [str(micropython_vm.compiled_firmware()), ".frozen"]
    board = subprocess.run(
        [program, folder / "board.py"],
        input="\n".join(lines),
        env=os.environ | {"MICROPYPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert board.returncode == 0, board.stdout + board.stderr
    return dict(zip(servers, map(json.loads, board.stdout.splitlines()), strict=True))


def test_every_trouble_has_a_verdict() -> None:
    assert VERDICTS.keys() == TROUBLES.keys()


@pytest.mark.parametrize("name", VERDICTS)
def test_a_board_says_what_is_wrong_and_what_to_do(
    name: str, said: dict[str, list[str] | None]
) -> None:
    verdict, found = VERDICTS[name], said[name]
    if verdict is None:
        assert found is None
        return
    assert found is not None
    kind, message, hint = found
    assert kind == "tls"
    assert verdict in message
    assert hint


@pytest.mark.parametrize("name", VERDICTS)
def test_providers_check_says_what_the_board_says(
    name: str, said: dict[str, list[str] | None], servers: dict[str, MockServer]
) -> None:
    about = servers[name].description
    wanted = provider_check.Wanted(issuer=about["issuer"], ca=Path(about["ca"]))
    trouble: CliError | None
    try:
        report, trouble = provider_check.check(wanted)
    except CliError as error:
        trouble = error
    else:
        assert report["checked_by"] == "board"
    found = said[name]
    if found is None:
        assert trouble is None
    else:
        assert trouble is not None
        assert [trouble.message, trouble.hint] == found[1:]


def test_a_root_of_this_computer_is_found_for_what_it_does_not_trust(
    servers: dict[str, MockServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("other-host", "expired", "rsa1024", "for-clients", "unknown-root"):
        about = servers[name].description
        monkeypatch.setenv("SSL_CERT_FILE", about["ca"])
        with pytest.raises(CliError) as caught:
            provider_check.check(provider_check.Wanted(issuer=about["issuer"]))
        assert str(VERDICTS[name]) in caught.value.message


@pytest.mark.parametrize("name", SHOWN)
def test_the_panel_and_the_event_tell_it(
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screens: list[list[str]] = []
    monkeypatch.setattr(pictures, "save", lambda lines, address, path: screens.append(lines))
    run = run_board(
        capsys,
        *("--board", "xiao-esp32c3", "--runtime", "micropython", "--https", "--chain", name),
        *("--screens", tmp_path / "screens", "--until", "linked", "--approve", "never"),
    )
    assert run.exit_code == 1
    error = run.only("error")
    assert error["kind"] == "tls"
    verdict = str(VERDICTS[name])
    assert verdict in error["message"]
    if "the clock says" in verdict:
        assert error["message"].endswith("(source: NTP)")
    assert verdict.partition(";")[0] in " ".join(screens[-1])
