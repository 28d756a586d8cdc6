"""The server on a real socket: keep-alive, TLS, bodies, addresses, and the command."""

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest

from keyfob_host.errors import CliError
from keyfob_sim.server import MockServer, ServerOptions, http_server, serve

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def server(clock):
    with MockServer(ServerOptions(), clock) as running:
        yield running


@pytest.fixture
def connection(server):
    with contextlib.closing(connect(server)) as made:
        yield made


def connect(server, **options):
    issuer = urlsplit(server.description["issuer"])
    if issuer.scheme == "https":
        return http.client.HTTPSConnection(issuer.hostname, issuer.port, timeout=10, **options)
    return http.client.HTTPConnection(issuer.hostname, issuer.port, timeout=10)


def post(connection, path="/oauth/device_authorization", body=b"client_id=keyfob-public", **more):
    connection.request("POST", path, body, FORM, **more)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read() or b"null")


def raw(server, data):
    """Send bytes, return all that comes until the server closes."""
    issuer = urlsplit(server.description["issuer"])
    with socket.create_connection((issuer.hostname, issuer.port), 10) as plain:
        plain.sendall(data)
        answer = b""
        while chunk := plain.recv(65536):
            answer += chunk
        return answer


def test_description(server):
    about = server.description
    assert set(about) == {
        "issuer",
        "device_authorization_endpoint",
        "token_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "verification_uri",
        "admin",
        "api",
        "ca",
        "scope",
        "clients",
    }
    assert about["ca"] is None
    assert about["issuer"].startswith("http://127.0.0.1:")
    json.dumps(about)


def test_one_connection_carries_many_requests(server, connection):
    for _ in range(20):
        assert post(connection)[0] == 200
    connections = {entry["connection"] for entry in server.realm.log.entries()}
    assert len(connections) == 1


def test_answers_do_not_wait_for_an_acknowledgement(connection):
    post(connection)
    start = time.perf_counter()
    for _ in range(50):
        post(connection)
    # Nagle's algorithm against delayed acknowledgements costs 40 ms a request.
    assert (time.perf_counter() - start) / 50 < 0.02


def test_connection_close_is_honoured(server):
    request = b"GET /oauth/jwks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = raw(server, request)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nConnection: close\r\n" in answer
    assert raw(server, b"GET /oauth/jwks HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_head_has_no_body(connection):
    connection.request("HEAD", "/oauth/jwks")
    assert connection.getresponse().read() == b""
    assert post(connection)[0] == 200


def test_chunked_body(connection):
    parts = iter([b"client_id=", b"keyfob-", b"public"])
    assert post(connection, body=parts, encode_chunked=True)[0] == 200
    assert post(connection)[0] == 200


HEAD = (
    b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
)


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        (b"Content-Length: 70000\r\n\r\n", 413),
        (b"Content-Length: -1\r\n\r\n", 400),
        (b"Content-Length: x\r\n\r\n", 400),
        (b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na", 400),
        (b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: gzip\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\nx\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n11170\r\n", 413),
    ],
)
def test_bodies_that_are_not_taken_end_the_connection(server, rest, status):
    answer = raw(server, HEAD + rest)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert answer.count(b"HTTP/1.1") == 1
    assert answer.endswith(b'{"error": "invalid_request"}')


def test_date_follows_the_servers_clock(connection, clock):
    connection.request("GET", "/oauth/jwks")
    answer = connection.getresponse()
    answer.read()
    assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == int(clock())


def test_nothing_but_the_clock_is_read_for_time(clock, monkeypatch):
    def wall():
        raise AssertionError("the wall clock was read")

    with MockServer(ServerOptions(approve="auto"), clock) as server:
        monkeypatch.setattr(time, "time", wall)
        with contextlib.closing(connect(server)) as connection:
            codes = post(connection)[1]
            body = (
                "client_id=keyfob-public&device_code=" + codes["device_code"] + "&grant_type="
                "urn:ietf:params:oauth:grant-type:device_code"
            )
            assert post(connection, "/oauth/token", body)[1]["error"] == "authorization_pending"
            clock.advance(5)
            tokens = post(connection, "/oauth/token", body)[1]
            body = (
                "client_id=keyfob-public&grant_type=refresh_token&refresh_token="
                + tokens["refresh_token"]
            )
            assert post(connection, "/oauth/token", body)[0] == 200
            connection.request("GET", "/device")
            assert connection.getresponse().read()
        monkeypatch.undo()


def test_one_code_is_exchanged_once_by_many_at_a_time(server, clock):
    with contextlib.closing(connect(server)) as connection:
        codes = post(connection)[1]
    server.realm.decide(codes["user_code"], server.realm.user("ana"), "admin")
    body = (
        "client_id=keyfob-public&device_code=" + codes["device_code"] + "&grant_type="
        "urn:ietf:params:oauth:grant-type:device_code"
    )
    statuses = []
    gate = threading.Barrier(8)

    def exchange():
        with contextlib.closing(connect(server)) as connection:
            connection.connect()
            gate.wait()
            statuses.append(post(connection, "/oauth/token", body)[0])

    threads = [threading.Thread(target=exchange) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [400] * 7


# TLS


def test_https_is_served_under_a_ca_made_for_the_run(clock, tmp_path):
    with MockServer(
        ServerOptions(https=True, chain="ec", ca_dir=tmp_path / "ca"), clock
    ) as server:
        about = server.description
        assert about["issuer"].startswith("https://127.0.0.1:")
        assert about["ca"] == str(tmp_path / "ca" / "ca.pem")
        context = ssl.create_default_context(cafile=about["ca"])
        with contextlib.closing(connect(server, context=context)) as connection:
            assert post(connection)[0] == 200
            assert post(connection)[0] == 200
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(server, context=ssl.create_default_context()).connect()


def test_temporary_ca_goes_with_the_server(clock):
    with MockServer(ServerOptions(https=True, chain="ec"), clock) as server:
        ca = server.description["ca"]
        assert os.path.exists(ca)
    assert not os.path.exists(ca)


def test_stalled_handshake_holds_up_nobody(clock):
    with MockServer(ServerOptions(https=True, chain="ec"), clock) as server:
        issuer = urlsplit(server.description["issuer"])
        stalled = [socket.create_connection((issuer.hostname, issuer.port)) for _ in range(5)]
        context = ssl.create_default_context(cafile=server.description["ca"])
        start = time.perf_counter()
        with contextlib.closing(connect(server, context=context)) as connection:
            assert post(connection)[0] == 200
        assert time.perf_counter() - start < http_server.HANDSHAKE_TIMEOUT / 2
        for plain in stalled:
            plain.close()


def test_stalled_handshake_is_given_up(clock, monkeypatch):
    monkeypatch.setattr(http_server, "HANDSHAKE_TIMEOUT", 0.05)
    with MockServer(ServerOptions(https=True, chain="ec"), clock) as server:
        issuer = urlsplit(server.description["issuer"])
        with socket.create_connection((issuer.hostname, issuer.port), 10) as stalled:
            assert stalled.recv(1) == b""


def test_plain_http_to_a_tls_port_is_only_closed(clock, capfd):
    with MockServer(ServerOptions(https=True, chain="ec"), clock) as server:
        with contextlib.suppress(ConnectionResetError):
            assert b"HTTP" not in raw(server, b"GET / HTTP/1.1\r\n\r\n")
        context = ssl.create_default_context(cafile=server.description["ca"])
        with contextlib.closing(connect(server, context=context)) as connection:
            assert post(connection)[0] == 200
    assert capfd.readouterr() == ("", "")


# Addresses


def test_port_in_use(server):
    port = urlsplit(server.description["issuer"]).port
    with pytest.raises(CliError) as caught:
        MockServer(ServerOptions(port=port)).start()
    assert str(port) in caught.value.message
    assert "--port" in caught.value.hint


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.7", "a b"])
def test_unusable_host(host):
    with pytest.raises(CliError) as caught:
        MockServer(ServerOptions(host=host)).start()
    assert host in caught.value.message
    assert "127.0.0.1" in caught.value.hint


def test_every_address_becomes_one_that_others_can_use(clock):
    with MockServer(ServerOptions(host="0.0.0.0"), clock) as server:
        host = urlsplit(server.description["issuer"]).hostname
        assert host != "0.0.0.0"
        with contextlib.closing(connect(server)) as connection:
            assert post(connection)[0] == 200


def test_names_stay_names(clock):
    with MockServer(ServerOptions(host="localhost"), clock) as server:
        assert urlsplit(server.description["issuer"]).hostname == "localhost"
        with contextlib.closing(connect(server)) as connection:
            assert post(connection)[0] == 200


def test_ipv6(clock):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with MockServer(ServerOptions(host="::1"), clock) as server:
        assert server.description["issuer"].startswith("http://[::1]:")
        with contextlib.closing(connect(server)) as connection:
            assert post(connection)[0] == 200


def test_stop_closes_open_connections_and_may_be_repeated(clock):
    server = MockServer(ServerOptions(), clock)
    server.start()
    connection = connect(server)
    post(connection)
    server.stop()
    server.stop()
    with pytest.raises((OSError, http.client.HTTPException)):
        post(connection)
    connection.close()
    names = [thread.name for thread in threading.enumerate()]
    assert "keyfob-server" not in names


# The command


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "term"]
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send")
def test_command_prints_its_description_first_and_ends_cleanly(number, code, tmp_path):
    program = (
        "import sys; from pathlib import Path; from keyfob_sim.server import *; "
        f"sys.exit(serve(ServerOptions(state=Path({str(tmp_path / 'state.json')!r})), True))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    about = json.loads(process.stdout.readline())
    issuer = urlsplit(about["issuer"])
    connection = http.client.HTTPConnection(issuer.hostname, issuer.port, timeout=10)
    assert post(connection)[0] == 200
    connection.close()
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (code, "", "")
    assert json.loads((tmp_path / "state.json").read_text())["port"] == issuer.port


def test_command_tells_people_where_to_go_on_stderr(capsys, monkeypatch):
    monkeypatch.setattr("keyfob_sim.server.command.Event", Interrupted)
    assert serve(ServerOptions(), json_output=False) == 130
    out, err = capsys.readouterr()
    about = json.loads(out)
    assert about["verification_uri"] in err
    for client in about["clients"]:
        assert str(client["client_secret"]) not in err


class Interrupted(threading.Event):
    """Ctrl-C comes while it waits."""

    def wait(self, timeout=None):
        raise KeyboardInterrupt
