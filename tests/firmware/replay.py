"""Plays the wire scripts of tests/interop/replays against the whole client.

Everything is real but the network and the clock: AccountLink, the grant, HTTP. The format
is described beside the scripts. Run as a program it plays all and names what failed:

    python replay.py [--table] [--first] [FILE...]

`--table` prints every case, `--first` stops at the first that fails.
"""

import asyncio
import json
import os
import sys

from fakes import ENDPOINTS, FakeClock, Told
from wire import Wire

from keyfob.errors import KeyfobError, LinkDenied, LinkExpired
from keyfob.link import AccountLink
from keyfob.net import addresses, http
from keyfob.oauth.messages import quote
from keyfob.oauth.profile import Profile
from keyfob.oauth.profile_schema import client_from
from keyfob.storage.memory import MemoryStore

FOLDER = __file__.replace("\\", "/").rpartition("/")[0] + "/../interop/replays/"
_API = "https://api.example.com/v1/me"
_LONGEST_RANDOM = 8  # a backoff is up to an eighth longer than it need be


def load(name):
    """The cases of one file."""
    with open(FOLDER + name + ".json", encoding="utf-8") as file:
        return json.loads(file.read())  # which MicroPython reads at once


def names():
    """The files that hold cases, in order."""
    found = [name[:-5] for name in os.listdir(FOLDER) if name.endswith(".json")]
    return sorted(name for name in found if name[0] != "_")


def cases(files):
    """Each case of these files, as `file: name`."""
    return ["%s: %s" % (name, case["name"]) for name in files for case in load(name)]


class Replay:
    """One case being played."""

    def __init__(self, case, standard):
        self.case = case
        script = []
        for entry in case["script"]:
            script.extend(_entries(entry, standard))
        self.clock = FakeClock(first_tick=(1 << 30) - 7_777)
        if case.get("clock") == "unset":
            self.clock.start = None
        self.wire = Wire(script, self.clock)
        self.told = Told()
        self.store = MemoryStore()
        self.link = None
        self.error = None

    async def play(self):
        """Go through with it. Raises AssertionError where the client does otherwise."""
        expected = self.case["expect"]
        end = await self._link()
        assert end == expected["end"], self._but("ended", end)
        self.ended = self.clock.now
        did = []
        for action in self.case.get("then", ()):
            did.append(await self._do(action))
        assert did == expected.get("did", []), self._but("did", did)
        left = [entry for entry in self.wire.script if not entry.get("for ever")]
        assert not left, "%d answers were not asked for" % len(left)
        for name in expected:
            check = getattr(self, "_check_" + name.replace(" ", "_"), None)
            assert check or name in ("end", "did"), "nobody knows what %s expects" % name
            if check:
                check(expected[name])
        self._check_nothing_got_out()
        for sent in self.wire.requests:
            _check_manners(sent)

    async def _link(self):
        fields = {"client_id": "board"}
        fields.update(ENDPOINTS)
        fields.update(self.case.get("profile", {}))
        fields = {name: fields[name] for name in fields if fields[name] is not None}
        self.secrets = [fields.get("client_secret")]
        try:
            profile = Profile(fields)
            client = client_from(fields)
            self.link = AccountLink(
                profile,
                client,
                self.case.get("scope", "profile"),
                http.HttpClient(clock=self.clock),
                self.clock,
                self.store,
                self.told.notify,
            )
            self.link.api = _API
            # No context is made for connections that no byte leaves by.
            self.link._provider._http._context = object()
            await self.link.__aenter__()
            if not self.case.get("kept up"):
                await self.link.__aexit__()  # without a task that lets time pass
            await self.link.ensure_linked()
        except KeyfobError as error:
            self.error = error
            if isinstance(error, LinkDenied):
                return "denied"
            return "expired" if isinstance(error, LinkExpired) else "failed"
        return "granted"

    async def _do(self, action):
        """Do one of the things that follow a link; return what came of it, in a word."""
        name, _, argument = action.partition(" ")
        try:
            return await getattr(self, "_do_" + name)(*argument.split())
        except KeyfobError as error:
            self.error = error
            return "%s: %s" % (error.kind, getattr(error, "error", None))

    async def _do_wait(self, seconds):
        await self.clock.sleep(int(seconds) * 1000)

    async def _do_refresh(self):
        tokens = self.link._account.tokens
        await self.link.refresh()
        rotated = self.link._account.tokens.refresh_token != tokens.refresh_token
        return "rotated" if rotated else "refreshed"

    async def _do_both(self):
        """Two tasks refresh at once."""
        await asyncio.gather(self.link.refresh(), self.link.refresh())
        return "refreshed"

    async def _do_token(self):
        return await self.link.token()

    async def _do_get(self):
        return (await self.link.get(_API)).status

    async def _do_unlink(self):
        revoked = await self.link.unlink()
        assert self.store.load() is None and not self.link.is_linked
        return revoked

    async def _do_reboot(self):
        await self.link.__aexit__()
        return await self._link()

    async def _do_relink(self):
        await self.link.ensure_linked()
        return "granted"

    # What `expect` may hold besides `end` and `did`.

    def _check_error(self, code):
        found = getattr(self.error, "error", None)
        assert found == code, self._but("the error was", found)

    def _check_kind(self, kind):
        assert self.error.kind == kind, self._but("the kind was", self.error.kind)

    def _check_says(self, words):
        text = "%s / %s" % (self.error, self.error.hint)
        for part in [words] if isinstance(words, str) else words:
            assert part in text, self._but("it said", text)

    def _check_gaps(self, gaps):
        sent = self.wire.requests
        found = [after.at - before.done for before, after in zip(sent[:-1], sent[1:])]
        assert len(found) == len(gaps) and all(_fits(*pair) for pair in zip(found, gaps)), (
            self._but("the gaps were", found)
        )

    def _check_requests(self, expected):
        found = self.wire.requests
        if isinstance(expected, int):
            assert len(found) == expected, self._but("requests:", len(found))
            return
        assert len(found) == len(expected), self._but("requests:", len(found))
        for sent, what in zip(found, expected):
            _check_request(sent, what)

    def _check_polls(self, results):
        found = [members["result"] for members in self.told.of("poll")]
        assert found == results, self._but("the polls were", found)

    def _check_code(self, members):
        assert _holds(self.told.last("user_code"), members), self.told.last("user_code")

    def _check_tokens(self, members):
        record = self.link._account.tokens.record()
        assert _holds(record, members), self._but("the tokens are", record)
        assert self.store.load()["tokens"] == record

    def _check_stored(self, is_there):
        record = self.store.load()
        found = record is not None and not (record.get("tokens") or {}).get("signed_out")
        assert found is is_there, self._but("stored:", found)

    def _check_account(self, name):
        assert self.link.account == name, self._but("the account is", self.link.account)

    def _check_switched(self, switched):
        assert self.told.last("linked")["switched"] is switched

    def _check_told(self, events):
        """Names of events that must be there, in this order."""
        found = iter(self.told.names)
        assert all(name in found for name in events), self._but("told", self.told.names)

    def _check_ended(self, at):
        assert _fits(self.ended, at), self._but("it ended at", self.ended)

    def _check_nothing_got_out(self):
        """No secret is in an event or in an error."""
        text = "%s %s" % (self.told.events, self.error and (self.error.message, self.error.hint))
        secrets = self.secrets + [
            sent.fields.get(name)
            for sent in self.wire.requests
            for name in ("device_code", "refresh_token", "code", "token", "client_secret")
        ]
        tokens = self.link and self.link._account.tokens
        if tokens:
            secrets += [tokens.access_token, tokens.refresh_token, tokens.id_token]
        for secret in secrets:
            assert not secret or not (secret in text or quote(secret) in text), "a secret got out"

    def _but(self, what, found):
        error = self.error and "%s / %s" % (self.error, self.error.hint)
        return "%s %r (error: %s)" % (what, found, error)


def _entries(entry, standard):
    """A script entry spelt out: a dict, or the name of a standard answer with `x 3`, `...`."""
    if isinstance(entry, dict):
        return [entry]
    name, _, times = entry.partition(" x ")
    if name.endswith(" ..."):
        answer = dict(standard[name[:-4]])
        answer["for ever"] = True
        return [answer]
    return [standard[name]] * int(times or 1)


def _holds(found, members):
    return all(name in found and found[name] == members[name] for name in members)


def _fits(found, expected):
    """Whether a time is the one expected; `[5000]` is one of a backoff, which chance stretches."""
    if isinstance(expected, list):
        return expected[0] <= found <= expected[0] + expected[0] // _LONGEST_RANDOM
    return found == expected


def _check_request(sent, expected):
    """`to` path or address, `has`, `lacks`, `headers`; or the path alone, or null for any."""
    if expected is None:
        return
    if isinstance(expected, str):
        expected = {"to": expected}
    for name in expected:
        value = expected[name]
        if name == "to":
            assert value in (sent.path, sent.url), "sent to %s, not to %s" % (sent.url, value)
        elif name == "method":
            assert sent.method == value, sent.method
        elif name == "has":
            assert _holds(sent.fields, value), sent.fields
        elif name == "lacks":
            assert not any(field in sent.fields for field in value), sent.fields
        elif name == "headers":
            assert _holds(sent.headers, value), sent.headers
        else:
            raise AssertionError("nobody knows what %s is in a request" % name)


def _check_manners(sent):
    """What holds of every request: nothing in the address, JSON asked for, no auth twice."""
    if sent.method is None:
        return
    assert "?" not in sent.path, sent.path
    assert "accept" in sent.headers and "user-agent" in sent.headers
    if sent.method == "POST":
        assert not ("authorization" in sent.headers and "client_secret" in sent.fields)
    else:
        assert sent.method == "GET" and not sent.body


def play(case, standard):
    """Play one case; return None, or why it failed."""
    replay = Replay(case, standard)
    real = http.asyncio, addresses.look_up
    http.asyncio, addresses.look_up = replay.wire, lambda origin: [origin[1:]]
    try:
        if hasattr(asyncio, "core"):
            asyncio.new_event_loop()  # MicroPython: without tasks of the case before
        asyncio.run(_bounded(replay))
    except Exception as error:  # noqa: BLE001 - a mutated client may raise anything
        return "%s: %s" % (type(error).__name__, error)
    finally:
        http.asyncio, addresses.look_up = real
    return None


_PATIENCE = 20  # s of real time; a case takes milliseconds


async def _bounded(replay):
    await asyncio.wait_for(replay.play(), _PATIENCE)


def play_one(label):
    """Play the case that `cases` calls so and print its row. Raises AssertionError if it fails."""
    name, _, wanted = label.partition(": ")
    (case,) = [case for case in load(name) if case["name"] == wanted]
    failure = play(case, load("_standard"))
    row(name, case, failure)
    assert failure is None, failure


def play_file(name, tell, stop_at_first=False):
    """Play the cases of a file, `tell` (name, case, failure) of each; return the failures."""
    standard = load("_standard")
    failures = []
    for case in load(name):
        failure = play(case, standard)
        tell(name, case, failure)
        if failure is not None:
            failures.append("%s: %s" % (case["name"], failure))
            if stop_at_first:
                break
    return failures


def row(name, case, failure):
    """Print one line of the table."""
    end = case["expect"]["end"] if failure is None else "FAILED: " + failure
    print("%-14s %-72s %-16s %s" % (name[:14], case["name"], " ".join(case["rules"]), end))


def main(arguments):
    tell = row if "--table" in arguments else lambda *_: None
    wanted = [name for name in arguments if name[:2] != "--"] or names()
    is_short = "--first" in arguments
    failures = []
    for name in wanted:
        failures.extend(play_file(name, tell, is_short))
        if failures and is_short:
            break
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
