"""One board's authorization server: the mock server's application, called without a socket."""

import io
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from keyfob_sim.hardware.clock import SharedClock
from keyfob_sim.server.app import make_app
from keyfob_sim.server.config import load_config
from keyfob_sim.server.discovery import API, ENDPOINTS, describe
from keyfob_sim.server.faults import Fault, FaultQueue
from keyfob_sim.server.http_server import HANG_UP, IS_AWAITED
from keyfob_sim.server.realm import Realm
from keyfob_sim.server.records import REFRESH
from keyfob_sim.server.request_log import RequestLog
from keyfob_sim.server.store import SLOW_DOWN, Store

from .network import DAY

ISSUER = "https://login.example"
TOKEN = ENDPOINTS["token_endpoint"]
_CALLS = API, ENDPOINTS["userinfo_endpoint"]  # that take a token

_PAGE = b"<html><head><title>400 Bad Request</title></head><body>nginx</body></html>\r\n"
_ROUND = 0.001  # s: what the server's own judge rounds to
_BODY = "keyfob.body"
_ERROR = re.compile(rb'"error": ?"(\w+)"')

# Answers in the provider's place, by what they are called: status, type and body. The second is
# for the token endpoint alone.
GATEWAY, SIGNED_OUT = "gateway", "signed out"
_ANSWERS = {
    GATEWAY: ("400 Bad Request", "text/html", _PAGE),
    SIGNED_OUT: ("400 Bad Request", "application/json", b'{"error":"invalid_grant"}'),
}


class _Later(BaseException):
    """The server lets so many seconds pass before it goes on with a request."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class _Queue(FaultQueue):
    """Faults, of which the last one can be taken again without its delay."""

    last: Fault | None = None
    _resumed: Fault | None = None

    def take(self, endpoint: str) -> Fault | None:
        self.last, self._resumed = self._resumed or super().take(endpoint), None
        return self.last

    def resume(self, fault: Fault | None) -> None:
        assert fault is not None
        self._resumed = replace(fault, delay=0)


class _Store(Store):
    """The server's memory; `ended()` is called where a token that came too late ends a link."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(now)
        self.ended: Callable[[], object] = lambda: None

    def revoke_family(self, grant_id: str) -> None:
        super().revoke_family(grant_id)
        self.ended()


class Provider:
    """The server, and what a board has asked of it.

    `troubles` are (start, end, name of an answer), in Unix seconds: every request meanwhile is
    answered so. `log` is added to. `polls` and `others` count requests by day, `answers` by what
    they were, and `early` are the polls that came before their interval had passed.
    """

    def __init__(
        self,
        clock: SharedClock,
        config: Mapping[str, Any],
        troubles: Sequence[tuple[float, float, str]],
        key: Mapping[str, Any],
        ca: Path,
        log: list[str],
    ) -> None:
        self.store = store = _Store(clock.now)
        store.set_signing_key(dict(key))
        self.realm = Realm(load_config(None, config), store, RequestLog(clock.now), clock.now)
        self.realm.issuer = ISSUER
        self.realm.faults = self._faults = _Queue(clock.now)
        self.realm.sleep = _postpone
        self.description = describe(self.realm, ca)
        self.busy = 0  # requests, apart from calls of the API that took the token
        self.polls: Counter[int] = Counter()
        self.others: Counter[int] = Counter()
        self.answers: Counter[str] = Counter()
        self.early: list[str] = []
        self.last_call = 0.0  # when the API last took a token
        self.expires_at = 0.0  # when the last access token ends
        self._log = log
        self._clock = clock
        self._started = clock.now()
        self._troubles = troubles
        self._app = make_app(self.realm)
        self._polled: dict[str, tuple[float | None, float]] = {}  # last poll, interval, by code

    def serve(self, message: bytes, reply: Callable[[bytes | None, bool], None]) -> None:
        """Answer a request, at once or once a scripted delay is over."""
        head, _, body = message.partition(b"\r\n\r\n")
        line, *lines = head.decode().split("\r\n")
        method, target, _ = line.split(" ")
        pairs = (line.partition(": ") for line in lines)
        headers = {name.lower(): value for name, _, value in pairs}
        form = dict(parse_qsl(body.decode()))
        self._note(form)
        name = self._trouble(target)
        if name is None:
            self._ask(_environ(method, target, headers, body), form, reply)
            return
        status, kind, content = _ANSWERS[name]
        self._heard(method, target, form, status[:3], content)
        reply(_message(status, [("Content-Type", kind)], content, self._clock.now()), True)

    def takes(self, refresh_token: str) -> bool:
        """Whether a refresh token works."""
        token = self.store.token(refresh_token, REFRESH)
        config = self.realm.config
        grace = config.grace if config.rotation == "grace" else 0
        return token is not None and self.store.is_live(token, grace)

    def _ask(
        self, environ: dict[str, Any], form: dict[str, str], reply: Callable[..., None]
    ) -> None:
        given = {**environ, "wsgi.input": io.BytesIO(environ[_BODY])}
        answer: list[Any] = []
        try:
            content = b"".join(self._app(given, lambda *found: answer.extend(found)))
        except _Later as later:
            last = self._faults.last

            def go_on() -> None:
                self._faults.resume(last)
                self._ask(environ, form, reply)

            self._clock.after(later.seconds, go_on)
            return
        status, headers = answer
        is_hung_up = HANG_UP in given
        self._heard(given["REQUEST_METHOD"], given["PATH_INFO"], form, status[:3], content)
        code = form.get("device_code")
        if code is not None and b'"slow_down"' in content and not is_hung_up:
            at, interval = self._polled[code]
            self._polled[code] = at, interval + SLOW_DOWN
        if given["PATH_INFO"] == TOKEN and status[:3] == "200" and b'"expires_in"' in content:
            self.expires_at = self._clock.now() + self.realm.config.lifetimes.access_token
        if is_hung_up:
            reply(None, False)
        else:
            reply(_message(status, headers, content, self._clock.now()), True)

    def _trouble(self, target: str) -> str | None:
        """The answer that everybody gets now, None without one."""
        now = self._clock.now()
        for start, end, name in self._troubles:
            if start <= now < end and (name == GATEWAY or target == TOKEN):
                return name
        return None

    def _note(self, form: dict[str, str]) -> None:
        """Count a request, and see whether it is a poll that came too early."""
        now = self._clock.now()
        code = form.get("device_code")
        day = int((now - self._started) // DAY)
        if code is None:
            self.others[day] += 1
            return
        self.polls[day] += 1
        last, interval = self._polled.get(code, (None, float(self.realm.config.interval)))
        if last is not None and now - last < interval - _ROUND:
            self.early.append(f"after {now - last:.3f} s of {interval:g}, on day {day}")
        self._polled[code] = now, interval

    def _heard(
        self, method: str, path: str, form: dict[str, str], status: str, content: bytes
    ) -> None:
        """Log a request and its answer, without secrets."""
        what = form.get("grant_type", "").rpartition(":")[2] or path
        found = _ERROR.search(content)
        error = found[1].decode() if found else ""
        self.answers[f"{what} {status} {error}".rstrip()] += 1
        now = self._clock.now()
        self._log.append(f"{now - self._started:.1f}   {method} {what}: {status} {error}".rstrip())
        if path in _CALLS and status == "200":
            self.last_call = now
        else:
            self.busy += 1


def _postpone(seconds: float, is_awaited: Callable[[], bool]) -> None:
    raise _Later(seconds)


def _environ(method: str, path: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    environ = {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path.partition("?")[0],
        "QUERY_STRING": path.partition("?")[2],
        "REMOTE_ADDR": "192.0.2.2",
        "REMOTE_PORT": 0,
        "SERVER_NAME": "login.example",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(body)),
        IS_AWAITED: lambda: True,
        _BODY: body,
    }
    for name, value in headers.items():
        if name not in ("content-type", "content-length"):
            environ["HTTP_" + name.upper().replace("-", "_")] = value
    return environ


def _message(status: str, headers: list[tuple[str, str]], content: bytes, now: float) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Date: {formatdate(now, usegmt=True)}"]
    lines += [f"{name}: {value}" for name, value in headers if name.lower() != "content-length"]
    lines += [f"Content-Length: {len(content)}", "", ""]
    return "\r\n".join(lines).encode() + content
