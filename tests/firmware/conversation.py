"""A device grant played against a scripted server: bytes in, requests out, time by hand."""

import json

from keyfob.errors import TransportError
from keyfob.net.http_reply import ReplyParser
from keyfob.oauth import device_grant
from keyfob.oauth.messages import Client, Reply
from keyfob.oauth.profile import Profile
from keyfob.oauth.ticks import PERIOD

CODE_URL = "https://as.example/device/code"
TOKEN_URL = "https://as.example/token"

CODE = {
    "device_code": "dc-A1",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://as.example/device",
    "verification_uri_complete": "https://as.example/device?user_code=WDJB-MJHT",
    "expires_in": 1800,
    "interval": 5,
}
TOKENS = {
    "access_token": "at-F1",
    "token_type": "Bearer",
    "expires_in": 3600,
    "refresh_token": "rt-F1",
    "scope": "openid profile",
}
STEP = 5_500  # ms between polls at an interval of 5 s: a tenth, but at least 0.5 s, on top


def profile(**fields):
    """A profile with both endpoints and the dialect fields given."""
    fields["device_authorization_endpoint"] = CODE_URL
    fields["token_endpoint"] = TOKEN_URL
    return Profile(fields)


def but(values, **changes):
    """A copy of a dict with some members changed; None removes one."""
    copy = dict(values)
    for name in changes:
        copy[name] = changes[name]
        if changes[name] is None:
            del copy[name]
    return copy


def encoded(body):
    """A reply's body as bytes: a dict becomes JSON."""
    if isinstance(body, dict):
        body = json.dumps(body)
    return body if isinstance(body, bytes) else body.encode()


def reply(status, body=b"", **headers):
    """A Reply; `retry_after=17` is its Retry-After header."""
    named = {name.replace("_", "-"): str(headers[name]) for name in headers}
    return Reply(status, named, encoded(body))


def http(status, body=b"", *lines):
    """The same as it travels: an HTTP/1.1 response with the header `lines`."""
    body = encoded(body)
    head = ["HTTP/1.1 %d Whatever" % status, "Content-Length: %d" % len(body)]
    return "\r\n".join(head + list(lines) + ["", ""]).encode() + body


def error(code, status=400):
    """An OAuth error as it travels (RFC 6749 section 5.2)."""
    return http(status, {"error": code})


PENDING = error("authorization_pending")
SLOW_DOWN = error("slow_down")
APPROVED = http(200, TOKENS)
TIMEOUT = TransportError("as.example did not answer within 10 s", kind="timeout")


def whole(data):
    """Parse a response that arrives in one piece."""
    parser = ReplyParser()
    assert parser.feed(data)
    return parser.reply


def byte_by_byte(data):
    """Parse a response that arrives in single bytes: complete with the last, not before."""
    parser = ReplyParser()
    for at in range(len(data)):
        assert parser.feed(data[at : at + 1]) == (at == len(data) - 1)
    return parser.reply


def with_trailing_data(data):
    """Parse a response that something else follows on the same connection."""
    parser = ReplyParser()
    assert parser.feed(data + b"HTTP/1.1 200 OK\r\n\r\n")
    assert parser.excess == b"HTTP/1.1 200 OK\r\n\r\n"
    return parser.reply


def form_of(request):
    """The fields of a request's body, decoded as a server does it; no name occurs twice."""
    fields = {}
    for part in request.body.split(b"&"):
        name, equals, value = [_decoded(piece) for piece in _cut(part)]
        assert equals == "=" and name not in fields and value
        fields[name] = value
    return fields


def _cut(part):
    at = part.find(b"=")
    return part[:at], part[at : at + 1], part[at + 1 :]


def _decoded(octets):
    out = bytearray()
    at = 0
    while at < len(octets):
        if octets[at] == ord("%"):
            out.append(int(octets[at + 1 : at + 3], 16))
            at += 3
        else:
            out.append(ord(" ") if octets[at] == ord("+") else octets[at])
            at += 1
    return str(bytes(out), "utf-8")


class Talk:
    """One conversation from the first request to the end, as the driver of a grant has it.

    `answers` are responses as bytes or TransportErrors; the last one is given for ever.
    Each takes `latency` ms to come. `requests` are what was sent, `sent` and `received`
    the times (ms since the start) of each request and of its answer, `ended` that of the end.
    """

    def __init__(
        self,
        answers,
        way=whole,
        dialect=None,
        client=None,
        scope="openid profile",
        latency=0,
        start=0,
        spread=None,
        unix=None,
    ):
        self.grant = device_grant.DeviceGrant(
            dialect or profile(), client or Client("fob"), scope, spread
        )
        self.requests = []
        self.sent = []
        self.received = []
        self.longest_wait = 0
        self.ended = None
        self.left = list(answers)
        self._way = way
        self._latency = latency
        self._start = start
        self._unix = unix
        self._run()

    @property
    def gaps(self):
        """Milliseconds from the end of each answer to the next request."""
        return [after - before for before, after in zip(self.received[:-1], self.sent[1:])]

    @property
    def outcome(self):
        """What the last answer meant."""
        return self.grant.outcome

    def _run(self):
        grant = self.grant
        now = 0
        while True:
            wait = grant.wait(self._ticks(now))
            if wait is None:
                break
            self.longest_wait = max(self.longest_wait, wait)
            if wait:
                now += wait
                continue
            first = grant.state == device_grant.IDLE
            request = (grant.authorize if first else grant.poll)(self._ticks(now))
            self.requests.append(request)
            self.sent.append(now)
            now += self._latency
            self.received.append(now)
            answer = self.left.pop(0) if len(self.left) > 1 else self.left[0]
            if isinstance(answer, TransportError):
                grant.failed(answer, self._ticks(now))
            else:
                grant.receive(self._way(answer), self._ticks(now), self._unix)
        self.ended = now

    def _ticks(self, now):
        return (self._start + now) % PERIOD


def talk(answers, **options):
    """Have a conversation three ways, which must not differ in anything; return the last."""
    talks = [Talk(answers, way, **options) for way in (whole, byte_by_byte, with_trailing_data)]
    first = talks[0]
    for other in talks[1:]:
        assert other.sent == first.sent and other.ended == first.ended
        assert [request.body for request in other.requests] == [
            request.body for request in first.requests
        ]
        assert other.grant.state == first.grant.state
        assert str(other.grant.error) == str(first.grant.error)
    return talks[-1]
