"""The mock server's fault queue: answers that go wrong on request, and the admin API for them."""

import contextlib
import http.client
import json
import logging
import socket
import threading
import urllib.request
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode, urlsplit

import pytest

from keyfob.errors import TransportError
from keyfob.net.http_reply import ReplyParser
from keyfob.oauth.messages import members
from keyfob_sim.hardware.clock import SharedClock
from keyfob_sim.server import MockServer, ServerOptions
from keyfob_sim.server.faults import ENDPOINTS, MEMBERS
from keyfob_sim.server.oddities import ODDITIES

BUSY = {"endpoint": "token", "status": 503}
SECRET = "not-for-any-log"


def log(bench, endpoint="token"):
    return bench.http.get(f"/admin/requests?endpoint={endpoint}").json["requests"]


def left(bench):
    return bench.http.get("/admin/faults").json["faults"]


class Server:
    """A server on a real socket, its waiting in the test's hand."""

    def __init__(self, running):
        self.running = running
        self.issuer = urlsplit(running.description["issuer"])

    @contextlib.contextmanager
    def connection(self):
        address = (self.issuer.hostname, self.issuer.port)
        with contextlib.closing(http.client.HTTPConnection(*address, timeout=10)) as made:
            yield made

    def admin(self, **fault):
        request = urllib.request.Request(
            self.running.description["admin"] + "/faults",
            json.dumps(fault).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def requests(self):
        return self.running.realm.log.entries(endpoint="token")

    def send(self, connection, endpoint, **members):
        path = urlsplit(self.running.description[f"{endpoint}_endpoint"]).path
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode({"client_id": "keyfob-public", **members})
        connection.request("POST", path, body, form)

    def post(self, connection, endpoint="token", **members):
        self.send(connection, endpoint, **members)
        answer = connection.getresponse()
        return answer, json.loads(answer.read())

    def link(self, connection):
        _, codes = self.post(connection, "device_authorization", scope="offline_access")
        realm = self.running.realm
        realm.decide(codes["user_code"], realm.user("ana"), "admin")
        grant = "urn:ietf:params:oauth:grant-type:device_code"
        _, tokens = self.post(connection, grant_type=grant, device_code=codes["device_code"])
        return tokens["refresh_token"]

    def refresh(self, connection, token):
        return self.post(connection, grant_type="refresh_token", refresh_token=token)


@pytest.fixture
def slept():
    """Seconds for which the server was asked to wait."""
    return []


@pytest.fixture
def server(clock, slept):
    with MockServer(
        ServerOptions(), clock, lambda seconds, is_awaited: slept.append(seconds)
    ) as running:
        yield Server(running)


# What a fault does


def test_an_answer_in_the_server_s_place(bench):
    bench.admin(
        "/faults",
        **BUSY,
        headers={"Retry-After": "7", "Content-Type": "text/html", "Cache-Control": "public"},
        body="<html>busy</html>",
    )
    codes = bench.authorize()
    bench.realm.decide(codes["user_code"], bench.realm.user("ana"), "admin")
    answer = bench.poll(codes["device_code"])
    assert (answer.status_code, answer.text) == (503, "<html>busy</html>")
    assert answer.headers["Retry-After"] == "7"
    assert answer.headers["Content-Type"] == "text/html"
    assert answer.headers.getlist("Cache-Control") == ["public"]
    # Nothing was carried out, and the fault is used up.
    assert bench.poll(codes["device_code"]).status_code == 200


def raw_answer(server, path):
    """The bytes of an answer, to the end of the connection."""
    with socket.create_connection((server.issuer.hostname, server.issuer.port), 10) as link:
        link.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: link.recv(65536), b""))


def read(data):
    """The members of an answer as a board reads them, None where it refuses it."""
    parser = ReplyParser(max_body=30_000)
    with contextlib.suppress(TransportError):
        if parser.feed(data) or parser.feed(b""):
            return members(parser.reply)
    return None


MARKS = {
    "latin1": b'"J\xf6rg & S\xf6hne"',
    "long": b'"member 1332"',
    "notice": b"\r\n\r\n<br />\n<b>Notice</b>",
    "comment": b"\r\n\r\n<!-- from cache {7} -->\n{",
    "behind": b"}\n\n<!-- took",
    "blank": b"\r\nX-Cache : HIT\r\nContent-Length: ",
    "no_colon": b"\r\nX-Cache HIT\r\nContent-Length: ",
    "identity": b"\r\nTransfer-Encoding: identity\r\nContent-Length: ",
    "no_coding": b"\r\nTransfer-Encoding:\r\nContent-Length: ",
    "chunked_twice": b"\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "page": b"\r\n\r\n<html><script>var answer = {",
    "two_lengths": b"\r\nContent-Length: 1",
    "folded_length": b"\r\nContent-Length:\r\n ",
    "two_codings": b"\r\nTransfer-Encoding: gzip, chunked\r\n",
    "chunk_size": b"\r\n\r\n0x",
}


@pytest.mark.parametrize("name", ODDITIES)
def test_an_oddity_of_the_true_answer_or_a_scripted_one(server, name):
    path = "/.well-known/openid-configuration"
    truth = json.loads(raw_answer(server, path).partition(b"\r\n\r\n")[2])
    for scripted, expected in (({}, truth), ({"status": 200, "body": {"a": "b"}}, {"a": "b"})):
        server.admin(endpoint="discovery", odd=name, **scripted)
        data = raw_answer(server, path)
        assert MARKS[name] in data
        assert name == "long" or len(data) < 3_000
        found = read(data)
        if ODDITIES[name].is_refused:
            assert found is None
        else:
            assert found is not None
            assert found | expected == found
            assert set(found) - set(expected) <= {"vendor", "extra"}
    assert server.running.realm.faults.left() == []


def test_an_oddity_of_what_is_no_object_is_that_of_its_frame(bench):
    for name in ("latin1", "long"):
        bench.admin("/faults", endpoint="token", status=200, odd=name, body=["list"])
        assert bench.poll("x").json == ["list"]
        bench.admin("/faults", endpoint="token", status=200, odd=name, body="text")
        assert bench.poll("x").text == "text"
    bench.admin("/faults", endpoint="token", odd="notice")
    bench.poll("x")
    assert [entry["fault"] for entry in log(bench)][-2:] == ["answer", "odd"]


def test_an_object_or_a_list_is_sent_as_json(bench):
    for body in ({"error": "slow_down"}, ["odd"]):
        bench.admin("/faults", endpoint="token", status=400, body=body)
        answer = bench.poll("x")
        assert (answer.status_code, answer.mimetype) == (400, "application/json")
        assert answer.json == body
    bench.admin("/faults", endpoint="token", status=500)
    assert bench.poll("x").data == b""


def test_first_in_first_out_for_each_endpoint(bench):
    bench.admin("/faults", endpoint="token", status=501)
    bench.admin("/faults", endpoint="device_authorization", status=502)
    bench.admin("/faults", endpoint="token", status=503, times=2)
    bench.admin("/faults", endpoint="token", status=504)
    assert [bench.poll("x").status_code for _ in range(5)] == [501, 503, 503, 504, 400]
    assert bench.post("device_authorization_endpoint").status_code == 502
    assert bench.post("device_authorization_endpoint").status_code == 200


def test_one_that_lasts_applies_to_every_request_until_its_time_is_over(bench, clock):
    tokens = bench.link()
    bench.admin("/faults", endpoint="token", status=400, lasts=3600)
    bench.admin("/faults", endpoint="token", status=503)
    assert left(bench)[0] == {"endpoint": "token", "status": 400, "lasts": 3600}
    assert [bench.refresh(tokens["refresh_token"]).status_code for _ in range(3)] == [400] * 3
    assert bench.get("api", tokens["access_token"]).status_code == 200
    clock.advance(3599)
    assert bench.refresh(tokens["refresh_token"]).status_code == 400
    clock.advance(1)
    assert len(left(bench)) == 1
    answers = [bench.refresh(tokens["refresh_token"]).status_code for _ in range(2)]
    assert answers == [503, 200]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_endpoint_of_the_protocol(bench, endpoint):
    tokens = bench.link()
    ask = {
        "discovery": lambda: bench.http.get("/.well-known/openid-configuration"),
        "userinfo": lambda: bench.get("userinfo_endpoint", tokens["access_token"]),
        "api": lambda: bench.get("api", tokens["access_token"]),
        "jwks": lambda: bench.get("jwks_uri"),
        "revocation": lambda: bench.post("revocation_endpoint", token="x"),
        "introspection": lambda: bench.post("introspection_endpoint", token="x"),
        "token": lambda: bench.refresh(tokens["refresh_token"]),
        "device_authorization": lambda: bench.post("device_authorization_endpoint"),
    }[endpoint]
    assert bench.admin("/faults", endpoint=endpoint, status=599).status_code == 200
    assert ask().status_code == 599
    assert log(bench, endpoint)[-1]["fault"] == "answer"
    assert ask().status_code == 200
    assert log(bench, endpoint)[-1]["fault"] is None


def test_another_method_is_no_answer_of_the_endpoint(bench):
    bench.admin("/faults", **BUSY)
    assert bench.http.get("/oauth/token").status_code == 405
    assert len(left(bench)) == 1


def test_a_dropped_request_is_not_carried_out(server):
    with server.connection() as connection:
        token = server.link(connection)
        server.admin(endpoint="token", drop=True)
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            server.refresh(connection, token)
    with server.connection() as connection:
        answer, tokens = server.refresh(connection, token)
    assert (answer.status, tokens["refresh_token"] != token) == (200, True)
    dropped, served = server.requests()[-2:]
    assert (dropped["fault"], dropped["status"]) == ("drop", None)
    assert dropped["parameters"]["grant_type"] == "refresh_token"
    assert dropped["parameters"]["refresh_token"] == "[redacted]"
    assert (served["fault"], served["status"]) == (None, 200)


def test_a_lost_reply_comes_after_the_commit(server):
    with server.connection() as connection:
        token = server.link(connection)
        server.admin(endpoint="token", lost=True)
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            server.refresh(connection, token)
    with server.connection() as connection:
        answer, refused = server.refresh(connection, token)
    assert (answer.status, refused["error"]) == (400, "invalid_grant")
    lost, after = server.requests()[-2:]
    assert (lost["fault"], lost["status"]) == ("lost", 200)
    assert after["fault"] is None


def test_a_lost_answer_to_a_poll_is_decided_as_any_other(make_bench):
    bench = make_bench(approve="auto")
    codes = bench.authorize()
    bench.admin("/faults", endpoint="token", lost=True)
    bench.poll(codes["device_code"])
    assert bench.poll(codes["device_code"]).status_code == 200


def test_a_delay_comes_before_the_true_answer_or_any_other(server, slept):
    with server.connection() as connection:
        token = server.link(connection)
        server.admin(endpoint="token", delay=2.5, times=2)
        server.admin(endpoint="token", delay=1, status=503, body=["busy"])
        answer, tokens = server.refresh(connection, token)
        assert (answer.status, slept) == (200, [2.5])
        answer, _ = server.refresh(connection, tokens["refresh_token"])
        assert (answer.status, slept) == (200, [2.5, 2.5])
        answer, body = server.refresh(connection, tokens["refresh_token"])
        assert (answer.status, body, slept) == (503, ["busy"], [2.5, 2.5, 1])
        kinds = [entry["fault"] for entry in server.requests()[-3:]]
        assert kinds == ["delay", "delay", "answer"]


def test_a_request_that_waits_knows_whether_its_client_does(clock):
    asleep, woken = threading.Event(), threading.Event()
    asked = []

    def sleep(seconds, is_awaited):
        asked.append(is_awaited)
        asleep.set()
        woken.wait(10)

    with MockServer(ServerOptions(), clock, sleep) as running:
        server = Server(running)
        server.admin(endpoint="jwks", delay=1)
        with server.connection() as connection:
            connection.request("GET", "/oauth/jwks")
            assert asleep.wait(10)
            (is_awaited,) = asked
            assert is_awaited()
        _until(lambda: not is_awaited())  # its end of the connection is closed
        woken.set()


def test_a_server_that_stops_carries_out_nothing_that_still_waits(clock):
    asleep, woken = threading.Event(), threading.Event()

    def sleep(seconds, is_awaited):
        asleep.set()
        woken.wait(10)

    running = MockServer(ServerOptions(), clock, sleep)
    running.start()
    server = Server(running)
    with server.connection() as connection:
        token = server.link(connection)
        server.admin(endpoint="token", delay=1)
        server.send(connection, "token", grant_type="refresh_token", refresh_token=token)
        assert asleep.wait(10)
        running.stop()
        woken.set()
        _until(lambda: server.requests()[-1]["fault"] == "delay")
        assert server.requests()[-1]["client_id"] is None  # it never came so far


def _until(true):
    """Wait for what another thread is about to do."""
    pause = threading.Event()
    for _ in range(1000):
        if true():
            return
        pause.wait(0.01)
    raise AssertionError("it never came")


# The clock that such a request sleeps by


def test_a_sleep_by_the_virtual_clock_ends_when_it_has_been_skipped():
    clock = SharedClock(virtual=True)
    told = threading.Event()
    clock.fell_asleep = told.set
    thread = threading.Thread(target=clock.sleep, args=(3600.0,))
    thread.start()
    assert told.wait(10)
    assert clock.holds_up()
    assert clock.until_wake() == pytest.approx(3600, abs=10)
    clock.skip(3600)
    thread.join(10)
    assert not thread.is_alive()
    assert (clock.holds_up(), clock.until_wake()) == (False, None)


def test_a_sleep_that_nobody_waits_for_holds_up_nobody():
    clock = SharedClock(virtual=True)
    told = threading.Event()
    clock.fell_asleep = told.set
    thread = threading.Thread(target=clock.sleep, args=(3600.0, lambda: False))
    thread.start()
    assert told.wait(10)
    assert (clock.holds_up(), clock.until_wake() is None) == (False, False)
    clock.skip(3600)
    thread.join(10)


# The admin API


def test_what_was_added_is_listed_until_it_is_used_up(bench):
    assert left(bench) == []
    entry = {**BUSY, "headers": {"X-A": "b"}, "body": {"error": "x"}, "delay": 1.5, "times": 2}
    answer = bench.admin("/faults", **entry)
    assert (answer.status_code, answer.json) == (200, entry)
    bench.admin("/faults", endpoint="userinfo", drop=True)
    assert left(bench) == [entry, {"endpoint": "userinfo", "drop": True, "times": 1}]
    bench.realm.sleep = lambda seconds, is_awaited: None
    bench.poll("x")
    assert left(bench)[0] == {**entry, "times": 1}
    bench.poll("x")
    assert left(bench) == [{"endpoint": "userinfo", "drop": True, "times": 1}]


def test_they_can_be_cleared(bench):
    bench.admin("/faults", **BUSY)
    bench.admin("/faults", endpoint="token", lost=True)
    answer = bench.http.delete("/admin/faults")
    assert (answer.status_code, answer.json) == (200, {"cleared": 2})
    assert bench.http.delete("/admin/faults").json == {"cleared": 0}
    assert bench.poll("x").status_code == 400


def test_a_reset_clears_them_too(bench):
    bench.admin("/faults", **BUSY)
    bench.admin("/reset")
    assert left(bench) == []


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({}, "endpoint"),
        ({"status": 500}, "endpoint"),
        ({**BUSY, "lasts": 0}, "lasts"),
        ({**BUSY, "lasts": 60, "times": 2}, "lasts"),
        ({"endpoint": "nowhere", "status": 500}, "endpoint"),
        ({"endpoint": ["token"], "status": 500}, "endpoint"),
        ({"endpoint": "token"}, "do nothing"),
        ({"endpoint": "token", "delay": 0}, "do nothing"),
        ({"endpoint": "token", "times": 3}, "do nothing"),
        ({"endpoint": "token", "status": 100}, "status"),
        ({"endpoint": "token", "status": 600}, "status"),
        ({"endpoint": "token", "status": "500"}, "status"),
        ({"endpoint": "token", "status": True}, "status"),
        ({"endpoint": "token", "status": 500.5}, "status"),
        ({**BUSY, "drop": True}, "rule each other out"),
        ({**BUSY, "lost": True}, "rule each other out"),
        ({"endpoint": "token", "drop": True, "lost": True}, "rule each other out"),
        ({"endpoint": "token", "drop": False}, "drop"),
        ({"endpoint": "token", "lost": 1}, "lost"),
        ({"endpoint": "token", "delay": -1}, "delay"),
        ({"endpoint": "token", "delay": "1"}, "delay"),
        ({"endpoint": "token", "delay": True}, "delay"),
        ({"endpoint": "token", "delay": 1e300}, "delay"),
        ({"endpoint": "token", "delay": float("nan")}, "delay"),
        ({**BUSY, "times": 0}, "times"),
        ({**BUSY, "times": 1001}, "times"),
        ({**BUSY, "times": 1.5}, "times"),
        ({**BUSY, "headers": ["Retry-After"]}, "headers"),
        ({**BUSY, "headers": {"Retry-After": 7}}, "headers"),
        ({**BUSY, "headers": {"X": "a\r\nSet-Cookie: b"}}, "headers"),
        ({**BUSY, "headers": {"X: Y": "a"}}, "headers"),
        ({**BUSY, "headers": {"": "a"}}, "headers"),
        ({**BUSY, "headers": {"Content-Length": "0"}}, "headers"),
        ({**BUSY, "headers": {"transfer-encoding": "chunked"}}, "headers"),
        ({**BUSY, "body": 5}, "body"),
        ({"endpoint": "token", "drop": True, "body": "x"}, "status"),
        ({"endpoint": "token", "lost": True, "headers": {"X": "y"}}, "status"),
        ({"endpoint": "token", "status": 204, "body": "x"}, "body"),
        ({**BUSY, "stauts": 500}, "stauts"),
        ({"endpoint": "token", "odd": "none"}, "odd"),
        ({"endpoint": "token", "odd": ["page"]}, "odd"),
        ({"endpoint": "token", "odd": "page", "drop": True}, "odd"),
        ({"endpoint": "token", "odd": "page", "lost": True}, "odd"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(bench, fault, named):
    answer = bench.admin("/faults", **fault)
    assert (answer.status_code, set(answer.json)) == (400, {"error", "try"})
    assert named in answer.json["error"]
    assert left(bench) == []


def test_only_json_is_taken_and_nothing_from_other_pages(bench):
    assert bench.http.post("/admin/faults", data="endpoint=token").status_code == 415
    assert bench.http.post("/admin/faults", json=[BUSY]).status_code == 400
    foreign = {"Origin": "http://evil.example"}
    assert bench.http.post("/admin/faults", json=BUSY, headers=foreign).status_code == 403
    assert bench.http.get("/admin/faults", headers=foreign).status_code == 403
    assert bench.http.delete("/admin/faults", headers=foreign).status_code == 403
    answer = bench.http.put("/admin/faults", json=BUSY)
    assert (answer.status_code, answer.mimetype) == (405, "application/json")
    assert left(bench) == []


def test_the_description_matches_what_is_answered(bench):
    document = bench.http.get("/admin/openapi.json").json
    schemas = document["components"]["schemas"]
    body = document["paths"]["/faults"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == schemas["Fault"]
    assert set(schemas["Fault"]["properties"]) == set(MEMBERS)
    assert schemas["Fault"]["required"] == ["endpoint"]
    for fault in ({**BUSY, "body": "x", "delay": 1}, {"endpoint": "token", "lost": True}):
        added = bench.admin("/faults", **fault).json
        assert set(added) <= set(schemas["Fault"]["properties"])
        bench.realm.sleep = lambda seconds, is_awaited: None
        bench.poll("x")
    for entry in log(bench):
        assert set(entry) <= set(schemas["Entry"]["properties"])
        assert entry["fault"] in schemas["Entry"]["properties"]["fault"]["enum"]


def test_no_secret_in_any_log(bench, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    tokens = bench.link("basic")
    bench.admin("/faults", **BUSY, body=SECRET, headers={"X-Secret": SECRET})
    bench.refresh(tokens["refresh_token"], "basic")
    shown = caplog.text + "".join(capfd.readouterr()) + repr(bench.realm.log.entries())
    for secret in (SECRET, tokens["refresh_token"], bench.secret("basic")):
        assert secret not in shown


def test_answers_of_faults_carry_what_every_answer_carries(server):
    server.admin(**BUSY, body={})
    with server.connection() as connection:
        answer, _ = server.refresh(connection, "x")
    assert answer.headers["Cache-Control"] == "no-store"
    assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == 1_800_000_000
