"""The HTTP client against a server in the same process that does as it is told."""

import asyncio

from conversation import profile
from scripted_server import answers, serve, stays

from keyfob.errors import ConfigError, TransportError, UsageError
from keyfob.net import http
from keyfob.net.http import HttpClient
from keyfob.oauth.messages import Client, Request, form_request, get_request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
SECRET = "rt-synthetic-secret"


def get(server, path="/"):
    return Request("GET", server.url(path))


async def fails(kind, coroutine):
    """Await the coroutine, which must raise `kind`, and return the exception."""
    try:
        await coroutine
    except kind as error:
        return error
    raise AssertionError("%s was not raised" % kind.__name__)


class Ticks:
    """A clock in the test's hand."""

    def __init__(self):
        self.now = 0

    def ticks(self):
        return self.now


# What is sent


async def test_without_room_for_its_reply_a_request_is_not_sent():
    server = await serve(stays(OK, OK))
    client = HttpClient()
    request = get(server)
    request.room = 1 << 60
    for _ in range(2):
        error = await fails(TransportError, client.send(request))
        assert error.kind == "memory"
    assert server.requests == []
    request.room = 4_000
    assert (await client.send(request)).status == 200
    await client.close()
    await server.stop()
    assert len(server.requests) == 1


async def test_room_is_sought_once_there_is_a_connection():
    server = await serve(stays(OK, OK))
    client = HttpClient()
    request = get(server)
    request.room = 300
    seen = []
    real, http._try_room = http._try_room, lambda size: seen.append((size, client._writer))
    try:
        await client.send(request)
        request.room = 0
        await client.send(request)
    finally:
        http._try_room = real
    await client.close()
    await server.stop()
    assert len(seen) == 1 and seen[0][0] == 300 and seen[0][1] is not None


async def test_a_post_as_it_is_sent():
    server = await serve(answers(OK))
    client = HttpClient()
    request = Request(
        "POST", server.url("/token?x=1#part"), {"Accept": "application/json"}, b"grant_type=x"
    )
    reply = await client.send(request)
    await client.close()
    await server.stop()
    assert reply.status == 200
    assert reply.json() == {}
    assert server.requests == [
        b"POST /token?x=1 HTTP/1.1\r\n"
        b"Host: 127.0.0.1:%d\r\n"
        b"Accept: application/json\r\n"
        b"Content-Length: 12\r\n"
        b"\r\n"
        b"grant_type=x" % server.port
    ]


async def test_bodies_none_and_empty():
    server = await serve(answers(OK, OK))
    client = HttpClient()
    await client.send(Request("GET", server.url()))
    await client.send(Request("POST", server.url(), {}, b""))
    await client.close()
    await server.stop()
    assert b"Content-Length" not in server.requests[0]
    assert server.requests[1].endswith(b"\r\nContent-Length: 0\r\n\r\n")


async def test_a_request_is_sent_as_it_is_now():
    server = await serve(answers(OK, OK, OK, OK))
    client = HttpClient()
    request = Request("POST", server.url(), {"Authorization": "Bearer a"}, b"x")
    await client.send(request)
    request.headers["Authorization"] = "Bearer b"
    await client.send(request)
    await client.send(request)
    request.body = b"z"
    await client.send(request)
    await client.close()
    await server.stop()
    first, second, third, fourth = server.requests
    assert b"Bearer a" in first
    assert b"Bearer b" in second
    assert third == second
    assert fourth == third[:-1] + b"z"


async def test_a_body_that_is_filled_anew_is_sent_anew():
    server = await serve(answers(OK, OK, OK))
    client = HttpClient()
    body = bytearray(3)
    request = Request("POST", server.url(), {}, body)
    for content in (b"one", b"two", b"six"):
        body[:] = content
        await client.send(request)
    await client.close()
    await server.stop()
    assert [sent[-3:] for sent in server.requests] == [b"one", b"two", b"six"]


async def test_the_host_header_names_a_port_that_is_not_the_usual_one():
    expected = {
        "https://as.example/": b"Host: as.example\r\n",
        "https://as.example:443/": b"Host: as.example\r\n",
        "https://as.example:80/": b"Host: as.example:80\r\n",
        "https://AS.example:8443": b"Host: as.example:8443\r\n",
        "http://127.0.0.1/": b"Host: 127.0.0.1\r\n",
        "http://127.0.0.1:443/": b"Host: 127.0.0.1:443\r\n",
        "http://[::1]/": b"Host: [::1]\r\n",
        "http://[::1]:8400/": b"Host: [::1]:8400\r\n",
    }
    for url in expected:
        written = await _written_to(url)
        assert expected[url] in written, url


async def test_an_ipv6_address_is_connected_to_without_its_brackets():
    wire = Wire([OK])
    with wire:
        await HttpClient().send(Request("GET", "http://[::1]:8400/x"))
    assert wire.opened == [("::1", 8400, None)]


async def test_tls_is_told_the_host():
    wire = Wire([OK])
    with wire:
        client = HttpClient()
        client._context = "the context"
        await client.send(Request("GET", "https://as.example/x"))
    assert wire.opened == [("as.example", 443, "as.example")]


async def test_one_write_carries_the_whole_request():
    wire = Wire([OK])
    with wire:
        await HttpClient().send(Request("POST", "http://127.0.0.1/", {}, b"body"))
    assert len(wire.written) == 1
    assert wire.written[0].endswith(b"\r\n\r\nbody")


async def test_no_header_can_bring_another():
    client = HttpClient()
    for text in ("a\r\nX: y", "a\nX: y", "a\rX: y", "a\0b"):
        for request in (
            Request("GET", "http://127.0.0.1:1/", {"Authorization": SECRET + text}),
            Request("GET", "http://127.0.0.1:1/", {SECRET + text: "v"}),
            Request("GET / HTTP/1.1\r\n" + text, "http://127.0.0.1:1/"),
        ):
            error = await fails(UsageError, client.send(request))
            assert SECRET not in str(error)


async def test_no_address_can_bring_a_header():
    client = HttpClient()
    for url in (
        "http://127.0.0.1:1/ HTTP/1.1\r\nX: y",
        "http://127.0.0.1:1/a b",
        "http://127.0.0.1:1/\u00e9",
        "http://%s@127.0.0.1:1/" % SECRET,
        "ftp://127.0.0.1:1/" + SECRET,
        "http://127.0.0.1:x/" + SECRET,
        "",
        None,
    ):
        error = await fails(ConfigError, client.send(Request("GET", url)))
        assert SECRET not in str(error)


# Where it may be sent


async def test_http_is_for_loopback_unless_it_is_allowed():
    for url in ("http://as.example/", "http://192.168.1.4:8400/", "http://127.0.0.1.example/"):
        error = await fails(ConfigError, HttpClient().send(Request("GET", url)))
        assert "unprotected" in error.message
        assert "allow http" in error.hint
        wire = Wire([OK])
        with wire:
            await HttpClient(allow_http=True).send(Request("GET", url))
        assert len(wire.opened) == 1
    for url in ("http://127.0.0.1/", "http://127.9.9.9/", "http://localhost/", "http://[::1]/"):
        wire = Wire([OK])
        with wire:
            await HttpClient().send(Request("GET", url))
        assert len(wire.opened) == 1


async def test_https_without_a_ca_is_refused_before_connecting():
    wire = Wire([])
    with wire:
        error = await fails(ConfigError, HttpClient().send(Request("GET", "https://as.example/")))
    assert "CA" in error.message
    assert wire.opened == []


async def test_a_ca_that_is_none_is_refused_before_connecting():
    wire = Wire([])
    for junk in (b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n", b"\x30\x82\xff\xff"):
        with wire:
            client = HttpClient((junk,))
            error = await fails(ConfigError, client.send(Request("GET", "https://as.example/")))
        assert "cannot be read" in error.message
    assert wire.opened == []


async def test_of_a_reply_to_keyfob_itself_only_what_it_reads_is_kept():
    many = b"".join(b"X-Small-%d: %d\r\n" % (number, number) for number in range(300))
    server = await serve(answers(OK[:17] + many + b"Date: Sun\r\n" + OK[17:]))
    client = HttpClient()
    url = server.url()
    own = form_request(url, [("a", "b")], Client("fob"), profile())
    for request in (get_request(url), own, Request("GET", url)):
        reply = await client.send(request)
        assert reply.headers["date"] == "Sun"
        assert ("x-small-0" in reply.headers) is (len(reply.headers) > 2)
        assert (len(reply.headers) > 2) is (request.other_headers > 0)
        assert len(reply.headers) < 100
    await client.close()
    await server.stop()


async def test_a_redirect_is_handed_over_and_not_followed():
    for status in (301, 302, 303, 307, 308):
        elsewhere = await serve(answers(OK))
        there = b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"
        server = await serve(answers(there % (status, elsewhere.url().encode())))
        client = HttpClient()
        reply = await client.send(Request("POST", server.url(), {}, SECRET.encode()))
        await client.close()
        await server.stop()
        await elsewhere.stop()
        assert reply.status == status
        assert reply.headers["location"] == elsewhere.url()
        assert len(server.requests) == 1
        assert elsewhere.connections == 0


# The connection


async def test_one_connection_serves_many_requests():
    server = await serve(answers(OK, OK, OK))
    client = HttpClient()
    for number in range(3):
        reply = await client.send(get(server, "/%d" % number))
        assert reply.body == b"{}"
    await client.close()
    await server.stop()
    assert server.connections == 1
    assert len(server.requests) == 3


async def test_a_connection_that_the_reply_gives_up_is_closed():
    server = await serve(stays(CLOSING))
    client = HttpClient()
    await client.send(get(server))
    await server.until("open", 0)
    await server.stop()


async def test_a_reply_that_ends_the_connection_is_followed_by_a_new_one():
    to_close = b"HTTP/1.1 200 OK\r\n\r\nall of it"
    old = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    for reply in (CLOSING, to_close, old):
        server = await serve(answers(reply))
        client = HttpClient()
        for _ in range(2):
            assert (await client.send(get(server))).status == 200
        await server.stop()
        assert server.connections == 2


async def test_bytes_after_a_reply_end_the_connection():
    server = await serve(answers(OK + b"HTTP/1.1 500 smuggled\r\n\r\n", OK))
    client = HttpClient()
    for _ in range(2):
        assert (await client.send(get(server))).status == 200
    await client.close()
    await server.stop()
    assert server.connections == 2


async def test_another_origin_takes_another_connection():
    first = await serve(stays(OK))
    second = await serve(stays(OK))
    client = HttpClient()
    for server in (first, second, first):
        await client.send(get(server))
        other = second if server is first else first
        await server.until("open", 1)
        await other.until("open", 0)  # RAM is for one
    await client.close()
    await first.stop()
    await second.stop()
    assert first.connections == 2
    assert second.connections == 1


async def test_an_idle_connection_that_the_server_closed_is_replaced_unnoticed():
    for after in (True, False):  # after we could notice, and before
        server = await serve(answers(OK), answers(OK))
        client = HttpClient()
        await client.send(get(server, "/1"))
        if after:
            await server.until("open", 0)
            await asyncio.sleep(0.002)
        reply = await client.send(Request("POST", server.url("/2"), {}, b"body"))
        assert reply.status == 200
        await client.close()
        await server.stop()
        assert server.connections == 2
        assert [request[:8] for request in server.requests] == [b"GET /1 H", b"POST /2 "]


async def test_a_connection_known_to_be_closed_is_not_written_to():
    wire = Wire([OK])
    with wire:
        client = HttpClient()
        await client.send(Request("GET", "http://127.0.0.1/1"))
        wire.ended = True
        await client.send(Request("GET", "http://127.0.0.1/2"))
    assert len(wire.opened) == 2
    assert wire.closed == 1
    assert len(wire.written) == 2


async def test_an_old_connection_may_end_in_any_way():
    for ending in (b"", OSError(104), OSError(32), OSError(-29312)):
        wire = Wire([OK, ending, OK])
        with wire:
            client = HttpClient()
            for _ in range(2):
                assert (await client.send(Request("GET", "http://127.0.0.1/"))).status == 200
        assert len(wire.opened) == 2
        assert wire.closed == 1


async def hang_up(peer):
    """Answer a request, and take another one without an answer."""
    await peer.request()
    await peer.send(OK)
    await peer.request()


async def test_a_get_that_the_server_read_before_it_hung_up_is_sent_once_more():
    server = await serve(hang_up, answers(OK))
    client = HttpClient()
    for number in range(2):
        assert (await client.send(get(server, "/%d" % number))).status == 200
    await client.close()
    await server.stop()
    assert len(server.requests) == 3


async def test_a_post_that_was_sent_is_not_sent_again():
    for method in ("POST", "PUT", "GETS"):
        server = await serve(hang_up, answers(OK))
        client = HttpClient()
        request = Request(method, server.url(), {}, b"grant_type=x")
        assert (await client.send(request)).status == 200
        error = await fails(TransportError, client.send(request))
        assert error.kind == "network"
        assert (len(server.requests), server.connections) == (2, 1)
        assert (await client.send(request)).status == 200  # which is the caller's to decide
        await client.close()
        await server.stop()
        assert (len(server.requests), server.connections) == (3, 2)


async def test_a_post_on_a_connection_that_was_reset_is_not_sent_again():
    for ending in (b"", OSError(104), OSError(32), OSError(-29312)):
        wire = Wire([OK, ending, OK])
        with wire:
            client = HttpClient()
            request = Request("POST", "http://127.0.0.1/", {}, b"grant_type=x")
            await client.send(request)
            error = await fails(TransportError, client.send(request))
        assert error.kind == "network"
        assert len(wire.written) == 2 and len(wire.opened) == 1


# What a server may say on a connection that is idle.
UNASKED = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    OK,
    OK * 100,
    b"\r\n",
    b"H",
    b"\0",
)


def speaks(unasked, said, is_closed):
    """A talk that answers one request, says what nobody asked for, and sets `said`."""

    async def talk(peer):
        await peer.request()
        await peer.send(OK)
        await asyncio.sleep(0.001)  # the answer is read by itself
        await peer.send(unasked)
        if is_closed:
            await peer.close()
        said.set()
        if not is_closed:
            await peer.gone()

    return talk


async def test_what_came_before_a_request_does_not_answer_it():
    for unasked in UNASKED:
        for is_closed in (True, False):
            said = asyncio.Event()
            server = await serve(speaks(unasked, said, is_closed))
            client = HttpClient()
            for number in range(3):
                request = Request("POST", server.url("/%d" % number), {}, b"grant_type=x")
                reply = await client.send(request)
                assert (reply.status, reply.body) == (200, b"{}"), unasked
                await said.wait()
                said.clear()
            await client.close()
            await server.stop()
            assert server.connections == 3
            assert [sent[:7] for sent in server.requests] == [b"POST /0", b"POST /1", b"POST /2"]


class AtAccept:
    """Has each new connection wait until the server has said something, or hung up."""

    def __init__(self, said):
        self._said = said

    def __enter__(self):
        self._real = asyncio.open_connection
        http.asyncio.open_connection = self._open

    def __exit__(self, *_):
        http.asyncio.open_connection = self._real

    async def _open(self, *arguments, **named):
        streams = await self._real(*arguments, **named)
        await self._said.wait()
        self._said.clear()
        return streams


def greets(unasked, said, is_closed=False):
    """A talk that says what nobody asked for as soon as it is connected."""

    async def talk(peer):
        if unasked:
            await peer.send(unasked)
        if is_closed:
            await peer.close()
        said.set()
        if not is_closed:
            await peer.gone()

    return talk


def obeys(said):
    """A talk that answers each request."""

    async def talk(peer):
        said.set()
        await stays(OK)(peer)

    return talk


async def test_what_came_before_the_first_request_does_not_answer_it_either():
    for unasked in UNASKED + (b"",):
        for is_closed in (not unasked, True):
            said = asyncio.Event()
            server = await serve(greets(unasked, said, is_closed), obeys(said))
            client = HttpClient()
            with AtAccept(said):
                for method in ("POST", "GET"):
                    request = Request(method, server.url(), {}, b"grant_type=x")
                    reply = await client.send(request)
                    assert (reply.status, reply.body) == (200, b"{}"), unasked
                    await client.close()
                    server.connections = 0
            await server.stop()
            assert len(server.requests) == 2


async def test_a_server_that_always_speaks_first_is_told_as_that():
    for unasked in UNASKED:
        said = asyncio.Event()
        server = await serve(greets(unasked, said))
        client = HttpClient()
        with AtAccept(said):
            request = Request("POST", server.url(), {}, b"grant_type=x")
            error = await fails(TransportError, client.send(request))
        await server.stop()
        assert "before it is asked" in error.message
        assert (error.kind, error.lost) == ("network", False)
        assert server.connections == 3 and server.requests == []


async def test_it_may_have_come_while_no_task_ran():
    peers = []

    async def talk(peer):
        peers.append(peer)
        await stays(OK)(peer)

    server = await serve(talk)
    client = HttpClient()
    for _ in range(3):
        assert (await client.send(get(server))).body == b"{}"
        await peers[-1].send(UNASKED[0])
    await client.close()
    await server.stop()
    assert server.connections == 3


async def test_a_connection_that_stays_quiet_is_kept():
    server = await serve(stays(*[OK] * 20))
    client = HttpClient()
    for _ in range(20):
        assert (await client.send(Request("POST", server.url(), {}, b"a=b"))).status == 200
        await asyncio.sleep(0.001)
    await client.close()
    await server.stop()
    assert server.connections == 1


async def test_a_fresh_connection_without_a_reply_is_an_error_and_not_repeated():
    async def hang_up(peer):
        await peer.request()

    server = await serve(hang_up)
    client = HttpClient()
    error = await fails(TransportError, client.send(get(server)))
    await server.stop()
    assert error.kind == "network"
    assert server.connections == 1


async def test_half_a_reply_on_an_old_connection_is_an_error_and_not_repeated():
    server = await serve(answers(OK, OK[:-1]), answers(OK))
    client = HttpClient()
    await client.send(get(server))
    error = await fails(TransportError, client.send(get(server)))
    assert "in the middle" in error.message
    assert len(server.requests) == 2
    assert (await client.send(get(server))).status == 200  # and the client goes on
    await client.close()
    await server.stop()


async def test_a_connection_is_not_trusted_after_a_minute_of_silence():
    server = await serve(stays(OK, OK), stays(OK))
    clock = Ticks()
    client = HttpClient(clock=clock)
    await client.send(get(server))
    clock.now = 59_999
    await client.send(get(server))
    assert server.connections == 1
    clock.now += 60_000
    await client.send(get(server))
    assert server.connections == 2
    await client.close()
    await server.stop()


async def test_tasks_take_turns_on_one_connection():
    async def talk(peer):
        while True:
            request = await peer.request()
            await asyncio.sleep(0.001)
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + request[5:6])

    server = await serve(talk)
    client = HttpClient()
    replies = await asyncio.gather(*[client.send(get(server, "/%d" % n)) for n in range(5)])
    assert [reply.body for reply in replies] == [b"0", b"1", b"2", b"3", b"4"]
    assert server.connections == 1
    await client.close()
    await server.stop()


async def test_close_frees_the_connection_and_may_be_repeated():
    server = await serve(answers(OK, OK))
    client = HttpClient()
    await client.close()
    await client.send(get(server))
    assert server.open == 1
    await client.close()
    await client.close()
    await server.until("open", 0)
    await client.send(get(server))
    assert server.connections == 2
    await client.close()
    await server.stop()


async def test_close_in_the_middle_of_an_exchange_is_an_error_of_the_network():
    for steps in range(24):
        server = await serve(answers(OK), answers(OK))
        client = HttpClient()
        task = asyncio.create_task(client.send(get(server), timeout_ms=200))
        for _ in range(steps):
            await asyncio.sleep(0)
        await client.close()
        try:
            await task
        except TransportError:
            pass
        assert (await client.send(get(server))).status == 200
        await client.close()
        await server.stop()


# Deadline and cancellation


async def silent(peer):
    await peer.request()
    await peer.gone()


async def deaf(peer):
    await peer.gone()


async def dribbling(peer):
    await peer.request()
    for octet in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 4000:
        await peer.send(bytes((octet,)))
        await asyncio.sleep(0.002)


async def dribbling_body(peer):
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await peer.send(b"1\r\nx\r\n")
        await asyncio.sleep(0.002)


async def test_the_deadline_is_over_the_whole_reply():
    for talk in (silent, deaf, dribbling, dribbling_body):
        server = await serve(talk, answers(OK))
        client = HttpClient(timeout_ms=20)
        error = await fails(TransportError, client.send(get(server)))
        assert error.kind == "timeout"
        assert error.message == "127.0.0.1 did not answer within 0.02 s"
        await server.until("open", 0)  # nothing leaks
        assert (await client.send(get(server), timeout_ms=5000)).status == 200
        assert server.connections == 2
        await client.close()
        await server.stop()


async def test_the_deadline_is_over_connecting():
    async def never(*_, **__):
        await asyncio.sleep(3600)

    wire = Wire([])
    wire.open_connection = never
    with wire:
        client = HttpClient(timeout_ms=5)
        error = await fails(TransportError, client.send(Request("GET", "http://127.0.0.1/")))
    assert error.kind == "timeout"


async def test_a_deadline_on_an_old_connection():
    async def once(peer):
        await peer.request()
        await peer.send(OK)
        await silent(peer)

    server = await serve(once, answers(OK))
    client = HttpClient()
    await client.send(get(server))
    error = await fails(TransportError, client.send(get(server), timeout_ms=20))
    assert error.kind == "timeout"
    assert (await client.send(get(server))).status == 200
    assert server.connections == 2
    await client.close()
    await server.stop()


async def test_a_cancelled_request_leaves_nothing_behind():
    for talk in (silent, deaf, dribbling_body):
        server = await serve(talk, stays(OK, OK))
        client = HttpClient()
        task = asyncio.create_task(client.send(get(server)))
        waiting = asyncio.create_task(client.send(get(server, "/next")))
        await server.until("connections", 1)
        task.cancel()
        await fails(asyncio.CancelledError, task)
        assert (await waiting).status == 200
        assert (await client.send(get(server))).status == 200
        await server.until("open", 1)
        assert server.connections == 2
        await client.close()
        await server.stop()


async def test_a_task_cancelled_in_the_queue_disturbs_nobody():
    cancelled = asyncio.Event()

    async def slow(peer):
        await peer.request()
        await cancelled.wait()
        await peer.send(OK)
        await peer.request()
        await peer.send(OK)

    server = await serve(slow)
    client = HttpClient()
    first = asyncio.create_task(client.send(get(server, "/first")))
    second = asyncio.create_task(client.send(get(server, "/second")))
    third = asyncio.create_task(client.send(get(server, "/third")))
    await server.until("connections", 1)
    second.cancel()
    await fails(asyncio.CancelledError, second)
    cancelled.set()
    assert (await first).status == 200
    assert (await third).status == 200
    await client.close()
    await server.stop()
    assert [request[4:8] for request in server.requests] == [b"/fir", b"/thi"]


# Replies that are none


async def test_a_broken_reply_ends_the_connection_and_the_next_request_works():
    bad = [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\xff\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 5000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 20_000,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 20_000,
        OK[:-1],
    ]
    for reply in bad:
        server = await serve(answers(reply), answers(OK))
        client = HttpClient()
        error = await fails(TransportError, client.send(get(server)))
        assert error.kind == "network", reply
        assert error.hint
        assert (await client.send(get(server))).status == 200
        await client.close()
        await server.stop()


async def test_a_caller_may_bound_the_reply():
    server = await serve(answers(OK, OK))
    client = HttpClient()
    error = await fails(TransportError, client.send(get(server), max_body=1))
    assert "longer than 1 bytes" in error.message
    assert (await client.send(get(server), max_body=2)).status == 200
    await client.close()
    await server.stop()


async def test_replies_in_small_pieces():
    reply = (
        b"HTTP/1.1 100 Continue\r\n\r\n"
        b"HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'7\r\n{"a":1}\r\n0\r\n\r\n'
    )

    async def talk(peer):
        for piece in (1, 2, 7, None):
            await peer.request()
            await peer.send(reply, piece)

    server = await serve(talk)
    client = HttpClient()
    for _ in range(4):
        answer = await client.send(get(server))
        assert answer.status == 400
        assert answer.json() == {"a": 1}
    assert server.connections == 1
    await client.close()
    await server.stop()


async def test_head_is_answered_by_a_head():
    server = await serve(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", OK))
    client = HttpClient()
    reply = await client.send(Request("HEAD", server.url()))
    assert reply.body == b""
    assert (await client.send(get(server))).body == b"{}"
    assert server.connections == 1
    await client.close()
    await server.stop()


# What a platform raises


async def test_nobody_listens():
    server = await serve(answers(OK))
    await server.stop()
    error = await fails(TransportError, HttpClient().send(get(server)))
    assert error.kind == "network"
    assert error.message.startswith("no connection to 127.0.0.1: ")
    assert "REFUSED" in error.message or "Connect call failed" in error.message


async def test_a_name_that_nobody_knows():
    client = HttpClient(allow_http=True)
    error = await fails(TransportError, client.send(Request("GET", "http://nowhere.invalid/")))
    assert error.kind == "network"
    assert error.message.startswith("no connection to nowhere.invalid: ")


# exception: kind, words in the message, words that are not
RAISED = [
    (MemoryError("memory allocation failed, allocating 16384 bytes"), "memory", "not enough", ""),
    (OSError(12), "memory", "not enough", ""),
    (OSError(-17040), "memory", "not enough", "-17040"),
    (
        OSError(-17040, "MBEDTLS_ERR_RSA_PUBLIC_FAILED+MBEDTLS_ERR_MPI_ALLOC_FAILED"),
        "memory",
        "not enough",
        "MBEDTLS",
    ),
    (OSError(-10368, "MBEDTLS_ERR_X509_ALLOC_FAILED"), "memory", "not enough", "not trusted"),
    (OSError(-9984, "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED"), "tls", "CERT_VERIFY", "-9984"),
    (OSError(-30592, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"), "tls", "FATAL_ALERT", "trusted"),
    (OSError(-29184, "MBEDTLS_ERR_SSL_INVALID_RECORD"), "tls", "INVALID_RECORD", "("),
    (OSError(-30336), "tls", "no secure connection", ""),
    (OSError(-29312, "MBEDTLS_ERR_SSL_CONN_EOF"), "network", "closed", "MBEDTLS"),
    (OSError(-29312), "network", "closed", "-29312"),
    (OSError(), "network", "closed", ""),
    (EOFError(), "network", "closed", ""),
    (OSError(-202), "network", "name is not known", "-202"),
    (OSError("[addrinfo error -2]"), "network", "addrinfo", ""),
    (OSError(104), "network", "no connection", ""),
    (OSError(113), "network", "no connection", ""),
]


async def test_what_a_platform_raises_is_told_apart():
    for raised, kind, words, other_words in RAISED:
        wire = Wire([raised])
        with wire:
            error = await fails(
                TransportError, HttpClient().send(Request("GET", "http://127.0.0.1/"))
            )
        assert error.kind == kind, repr(raised)
        assert words in error.message, error.message
        assert not other_words or other_words not in error.message, error.message
        assert error.hint
        assert wire.closed == 1


async def test_words_of_mbedtls_about_a_certificate_are_of_kind_tls():
    import ssl

    if hasattr(ssl, "SSLError"):
        refusal = ssl.SSLCertVerificationError(1, "certificate verify failed")
        refusal.verify_message = "The certificate validity has expired"
    else:
        refusal = ValueError("The certificate validity has expired\n")
    wire = Wire([refusal])
    with wire:
        error = await fails(TransportError, HttpClient().send(Request("GET", "http://127.0.0.1/")))
    assert error.kind == "tls"
    assert error.message == "127.0.0.1 is not trusted: The certificate validity has expired"
    assert "clock" in error.hint


class DoubtedClock(Ticks):
    """A clock that is wrong by `wrong` s until somebody has it asked."""

    source = "ntp"
    rest = None

    def __init__(self, wrong, unix=1_800_000_000):
        Ticks.__init__(self)
        self.wrong = wrong
        self.asked = 0
        self._unix = unix

    def unix(self):
        return None if self._unix is None else self._unix + self.wrong

    async def synchronise(self):
        assert self.source is None and self.rest is not None  # it is in doubt
        self.asked += 1
        if self.wrong:
            self._unix, self.wrong = 1_800_000_000, 0
        self.source = "ntp"


def refusals():
    """What the platforms raise for a certificate that is not valid at this time."""
    import ssl

    if not hasattr(ssl, "SSLError"):
        return [
            ValueError("The certificate validity has expired\n"),
            ValueError("The certificate validity starts in the future\n"),
        ]
    found = []
    for reason in ("certificate has expired", "certificate is not yet valid"):
        found.append(ssl.SSLCertVerificationError(1, "certificate verify failed"))
        found[-1].verify_message = reason
    return found


async def test_a_certificate_refused_for_its_dates_has_the_clock_checked_at_once():
    for refusal in refusals():
        for unix, wrong in ((1_800_000_000, 90_000), (1_800_000_000, -(10**8)), (None, 1)):
            wire = Wire([refusal, OK])
            with wire:
                clock = DoubtedClock(wrong, unix)
                client = HttpClient(clock=clock)
                request = Request("POST", "http://127.0.0.1/", {}, b"x")
                assert (await client.send(request)).status == 200
            assert (clock.asked, len(wire.opened)) == (1, 2)


async def test_a_certificate_that_is_not_valid_at_the_right_time_is_refused():
    for refusal in refusals():
        wire = Wire([refusal])
        with wire:
            clock = DoubtedClock(0)
            client = HttpClient(clock=clock)
            for minute in range(130):
                clock.now = minute * 60_000
                request = Request("POST", "http://127.0.0.1/", {}, b"x")
                error = await fails(TransportError, client.send(request))
                assert error.kind == "tls" and "clock" in error.hint
        assert (clock.asked, len(wire.opened)) == (3, 130)  # once an hour


async def test_other_refusals_are_not_the_clock_s():
    import ssl

    kind = getattr(ssl, "SSLCertVerificationError", ValueError)
    for host in ("127.0.0.1", "expired.example"):
        wire = Wire([kind("The certificate is not correctly signed by the trusted CA")])
        with wire:
            clock = DoubtedClock(90_000)
            client = HttpClient(clock=clock, allow_http=True)
            await fails(TransportError, client.send(Request("GET", "http://%s/" % host)))
        assert (clock.asked, clock.source) == (0, "ntp")


async def test_a_mistake_of_our_own_is_not_taken_for_the_networks():
    wire = Wire([KeyError("ours")])
    with wire:
        await fails(KeyError, HttpClient().send(Request("GET", "http://127.0.0.1/")))
    assert wire.closed == 1


class Wire:
    """In place of asyncio's connections inside `with`: records, and plays `replies`.

    An exception among the replies is raised by the read; the last one is played for ever.
    """

    def __init__(self, replies):
        self.opened = []
        self.written = []
        self.closed = 0
        self.ended = False
        self._replies = list(replies)

    def __enter__(self):
        self._real = http.asyncio
        http.asyncio = self
        return self

    def __exit__(self, *_):
        http.asyncio = self._real

    def __getattr__(self, name):
        return getattr(asyncio, name)

    async def open_connection(self, host, port, ssl=None, server_hostname=None):
        self.opened.append((host, port, server_hostname))
        self.ended = False
        return self, self

    def at_eof(self):
        return self.ended

    def write(self, data):
        self.written.append(data)

    async def drain(self):
        pass

    async def read(self, size):
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, BaseException):
            raise reply
        return reply

    @property
    def transport(self):
        return self

    def abort(self):
        self.closed += 1


async def _written_to(url):
    wire = Wire([OK])
    with wire:
        client = HttpClient()
        client._context = "a context"
        await client.send(Request("GET", url))
    return wire.written[0]
