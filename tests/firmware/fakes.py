"""A provider that answers by script, a clock of virtual time, and ears for the events."""

import asyncio
import binascii
import gc
import json
import os

from keyfob.errors import StorageError, TransportError
from keyfob.link import AccountLink
from keyfob.net.clock import Clock
from keyfob.oauth.messages import Client, Reply
from keyfob.oauth.profile import Profile

ISSUER = "https://as.example"
DEVICE = "https://as.example/device_authorization"
TOKEN = "https://as.example/token"
REVOKE = "https://as.example/revoke"
USERINFO = "https://as.example/userinfo"
DISCOVERY = "https://as.example/.well-known/openid-configuration"
API = "https://api.example.com/v1/me"

ENDPOINTS = {
    "issuer": ISSUER,
    "device_authorization_endpoint": DEVICE,
    "token_endpoint": TOKEN,
    "revocation_endpoint": REVOKE,
    "userinfo_endpoint": USERINFO,
}
UNIX = 1_790_000_000  # what the clocks here show at the start, when they are set
_MOST_STEPS = 100_000  # of the event loop while time stands still

# Garbage collected as early as for a small heap would take most of the time in these tests. Never
# collected, it leaves holes all over the heap between what the tests keep.
if hasattr(gc, "threshold"):
    gc.threshold(65_536)


class FakeClock:
    """Ticks, Unix time and sleeps in a time of its own.

    It stands still while any task has something to do, and then jumps to the end of the
    shortest sleep. A task that never waits stops it, and so does a second clock with a sleeper.
    `now` is in ms since it was made; `luck`, below 1, decides what is drawn.
    """

    source = "rtc"
    luck = 0
    calendar, epoch = Clock.calendar, Clock.epoch

    def __init__(self, unix=UNIX, first_tick=0):
        self.now = 0
        self.start = unix  # Unix time at `now` 0, or None for a clock that is not set
        self._first_tick = first_tick
        self._sleepers = []  # (when it wakes, the event that wakes it), as they fell asleep
        self._watcher = None
        self._is_stuck = False

    def ticks(self):
        return (self._first_tick + self.now) & ((1 << 30) - 1)

    def unix(self):
        return None if self.start is None else self.start + self.now // 1000

    async def sleep(self, ms):
        assert ms >= 0
        if not ms:
            return
        sleeper = (self.now + ms, asyncio.Event())
        self._sleepers.append(sleeper)
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch())
        try:
            await sleeper[1].wait()
        finally:
            self._sleepers.remove(sleeper)
        assert not self._is_stuck, "a task never waits, or two clocks run: time cannot pass"

    async def _watch(self):
        """While anybody sleeps: let time pass when nobody has anything to do."""
        steps = 0
        while self._sleepers:
            await asyncio.sleep(0)
            steps += 1
            if _is_idle() and self._sleepers:
                self.now = min(wake for wake, _ in self._sleepers)
                steps = 0
            self._is_stuck = steps > _MOST_STEPS
            for wake, woken in self._sleepers:
                if wake <= self.now or self._is_stuck:
                    woken.set()
        self._watcher = None

    async def synchronise(self):
        pass

    async def keep(self):
        pass

    def note_date(self, date):
        pass

    def jitter(self, limit):
        return int(limit * self.luck)


def _is_idle():
    """Whether no task but the one that asks has anything to do."""
    if hasattr(asyncio, "core"):  # MicroPython: its queue holds sleeping tasks, too
        first = asyncio.core._task_queue.peek()
        return not first or asyncio.core.ticks_diff(first.ph_key, asyncio.core.ticks()) > 0
    return not asyncio.get_running_loop()._ready


class Unexpected(SystemExit):
    """A request that nobody scripted. The firmware goes on after any Exception, so it is none."""


class FakeHttp:
    """Answers each address by its own script, and remembers the requests.

    An answer is a Reply, an exception to raise, or a function of the request that
    returns either. What nobody scripted is Unexpected.
    """

    def __init__(self, clock=None):
        self.requests = []
        self.sent_at = []  # ms on the clock, one a request
        self.limits = None  # (timeout_ms, max_body) of the last request
        self.closed = 0
        self.gate = None  # an Event that answers wait for
        self._clock = clock
        self._scripts = {}

    def answer(self, url, *answers):
        """Add to the script of `url`; the last answer `...` repeats the one before."""
        self._scripts.setdefault(url, []).extend(answers)

    def script(self, url, *answers):
        """Replace the script of `url`."""
        self._scripts[url] = list(answers)

    def count(self, url):
        return len([request for request in self.requests if request.url == url])

    async def send(self, request, timeout_ms=None, max_body=None):
        self.requests.append(request)
        self.sent_at.append(self._clock.now if self._clock else 0)
        self.limits = (timeout_ms, max_body)
        for _ in range(3):
            await asyncio.sleep(0)  # others run while it is under way
        if self.gate is not None:
            await self.gate.wait()
        script = self._scripts.get(request.url)
        if not script:
            raise Unexpected("%s %s" % (request.method, request.url))
        answer = script[0] if script[1:] == [...] else script.pop(0)
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Reply):
            body = answer.body if request.filter is None else request.filter(answer.body)
            return type(answer)(answer.status, answer.headers, body)  # whose body gets lost
        raise answer

    async def close(self):
        self.closed += 1


class Told:
    """Listens to a link: give its `notify`."""

    def __init__(self):
        self.events = []

    def notify(self, event, members):
        self.events.append((event, members))

    @property
    def names(self):
        return [event for event, _ in self.events]

    def of(self, name):
        return [members for event, members in self.events if event == name]

    def last(self, name):
        return self.of(name)[-1]


class FailingStore:
    """A store whose flash has died; `fails` names the methods that say so."""

    def __init__(self, record=None, fails=("load", "save", "erase")):
        self.record = record
        self.fails = fails

    def _check(self, name):
        if name in self.fails:
            raise StorageError("the flash cannot %s" % name)

    def load(self):
        self._check("load")
        return self.record

    def save(self, record):
        self._check("save")
        self.record = record

    def erase(self):
        self._check("erase")
        self.record = None


class Folder:
    """A folder that is gone, with its files, at the end of the `with` block."""

    def __enter__(self):
        base = os.getenv("TMPDIR") or os.getenv("TEMP") or "/tmp"
        self.path = "%s/keyfob-%s" % (base, str(binascii.hexlify(os.urandom(8)), "ascii"))
        os.mkdir(self.path)
        return self

    def __exit__(self, *_):
        for name in os.listdir(self.path):
            os.remove(self.path + "/" + name)
        os.rmdir(self.path)

    def write(self, name, data):
        with open(self.path + "/" + name, "wb") as file:
            file.write(data if isinstance(data, bytes) else json.dumps(data).encode())

    def read(self, name):
        with open(self.path + "/" + name, "rb") as file:
            return file.read()


def reply(status, members=None, **headers):
    """A Reply with a JSON body; header names are written with underscores."""
    body = members if isinstance(members, bytes) else json.dumps(members or {}).encode()
    return Reply(status, {name.replace("_", "-"): headers[name] for name in headers}, body)


def device_code(**changes):
    """The answer that starts an attempt."""
    members = {
        "device_code": "dc-secret",
        "user_code": "fH7k-Qp0O",
        "verification_uri": "https://as.example/device",
        "verification_uri_complete": "https://as.example/device?user_code=fH7k-Qp0O",
        "expires_in": 1800,
        "interval": 5,
    }
    members.update(changes)
    return reply(200, {name: members[name] for name in members if members[name] is not None})


def tokens(number=1, **changes):
    """The answer that grants tokens; a change to None leaves the member out."""
    members = {
        "access_token": "at-secret-%d" % number,
        "token_type": "Bearer",
        "expires_in": 3600,
        "refresh_token": "rt-secret-%d" % number,
        "scope": "openid profile",
        "id_token": id_token(),
    }
    members.update(changes)
    return reply(200, {name: members[name] for name in members if members[name] is not None})


def refusal(error, status=400, **members):
    """An OAuth error reply."""
    return reply(status, dict(members, error=error))


def lost(kind="network"):
    """What happens where no answer comes."""
    return TransportError("no connection to as.example", "check the network", kind)


def id_token(**changes):
    """An ID token for the client `board`, good for five minutes."""
    claims = {
        "iss": ISSUER,
        "aud": "board",
        "sub": "user-1",
        "iat": UNIX,
        "exp": UNIX + 300,
        "name": "Ana",
    }
    claims.update(changes)
    body = json.dumps({name: claims[name] for name in claims if claims[name] is not None})
    encoded = str(binascii.b2a_base64(body.encode()), "ascii").strip()
    return "e30.%s.c2ln" % encoded.replace("+", "-").replace("/", "_").replace("=", "")


def provider(**fields):
    """A Profile with all endpoints known; a field of None is left out."""
    merged = dict(ENDPOINTS)
    merged.update(fields)
    return Profile({name: merged[name] for name in merged if merged[name] is not None})


class Board:
    """A link with everything around it scripted: `http`, `clock`, `told`, `store`."""

    def __init__(self, store=None, clock=None, client_id="board", secret=None, **fields):
        self.clock = FakeClock() if clock is None else clock
        self.http = FakeHttp(self.clock)
        self.told = Told()
        self.store = store
        self.link = AccountLink(
            provider(**fields),
            Client(client_id, secret),
            "openid profile",
            self.http,
            self.clock,
            store,
            self.told.notify,
        )

    async def linked_aloud(self, **changes):
        """Link it, by two polls; `changes` are of the token reply."""
        self.http.answer(DEVICE, device_code())
        self.http.answer(TOKEN, refusal("authorization_pending"), tokens(**changes))
        await self.link.ensure_linked()

    async def linked(self, **changes):
        """Link it, and forget how; `changes` are of the token reply."""
        await self.linked_aloud(**changes)
        del self.http.requests[:], self.http.sent_at[:], self.told.events[:]
        self.http.closed = 0
        return self.link


async def fails(kind, awaitable):
    """Await it; it must raise `kind`, which is returned."""
    try:
        await awaitable
    except kind as error:
        return error
    raise AssertionError("%s was not raised" % kind.__name__)


def fields_of(request):
    """The fields of a form body that holds nothing to decode but `%` pairs."""
    found = {}
    for part in request.body.decode().split("&"):
        name, _, value = part.partition("=")
        pieces = value.split("%")
        found[name] = pieces[0] + "".join(
            chr(int(piece[:2], 16)) + piece[2:] for piece in pieces[1:]
        )
    return found
