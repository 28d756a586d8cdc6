"""What is fuzzed: for each target a function of bytes that gives back what the firmware makes of
them, as text. Both runtimes run it, so an outcome has no order, address or rounding of its own.

A typed error is an outcome. Anything else that is raised is a bug.
"""

import binascii
import struct

import keyfob.config
import keyfob.config_text
import keyfob.link.record
import keyfob.net.http_reply
import keyfob.oauth.device_response
import keyfob.oauth.excerpt
import keyfob.oauth.form_response
import keyfob.oauth.json_object
import keyfob.oauth.notice
import keyfob.oauth.outcome_hints
import keyfob.oauth.outcome_odd
import keyfob.oauth.profile_schema
import keyfob.oauth.token_response
from keyfob.errors import KeyfobError, TransportError
from keyfob.link import identity
from keyfob.link.account import Account
from keyfob.net import time_sources
from keyfob.oauth import http_date, id_token, token_set, url
from keyfob.oauth.device_grant import DeviceGrant
from keyfob.oauth.messages import Client, Reply
from keyfob.oauth.metadata import Discovery, is_near
from keyfob.oauth.profile import Profile
from keyfob.oauth.selection import select
from keyfob.storage.token_store import TokenStore, _parts

UNIX = 1_790_000_000
SECRET = "dc-secret"
OWNER = ["https://as.example", "board"]
ENDPOINTS = {
    "device_authorization_endpoint": "https://as.example/device",
    "token_endpoint": "https://as.example/token",
}
# A provider by the book, and one with every kind of difference.
PLAIN = Profile(ENDPOINTS)
ODD = Profile(
    dict(
        ENDPOINTS,
        pending_map={"428": "authorization_pending", "waiting": "authorization_pending"},
        scope_sep=",",
        da_aliases={"data.code": "device_code", "url": "verification_uri"},
        token_aliases={"data.token": "access_token"},
        error_paths=["data.error_code", "message"],
        default_token_type="bearer",
        qr_template="https://as.example/?c={user_code}",
    )
)
HEADERS = ({}, {"retry-after": "7"}, {"retry-after": "Sun, 06 Nov 2044 08:49:37 GMT"})
STATUSES = (200, 400, 401, 403, 404, 408, 428, 429, 500, 503, 302)


def plain(value):
    """A value as text that both runtimes spell alike."""
    if isinstance(value, dict):
        # Keys that are no text have no order among themselves.
        items = sorted(plain(name) + ": " + plain(value[name]) for name in value)
        return "{" + ", ".join(items) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join([plain(item) for item in value]) + "]"
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, float):
        return "%.6g" % value
    if isinstance(value, int):
        return "%d" % value if abs(value) < 10**30 else "a long number"
    if isinstance(value, str):
        try:
            value = value.encode()
        except UnicodeError:
            return "half a pair of surrogates"
    return "'%s'" % "".join(["%c" % b if 0x20 <= b < 0x7F else "\\x%02x" % b for b in value])


def typed(function, *arguments):
    """What a function returns, or the typed error that it raises."""
    try:
        return function(*arguments)
    except KeyfobError as error:
        return [type(error).__name__, error.message, error.hint]


def text_of(data):
    """Bytes as text, None where they are none."""
    try:
        return str(data, "utf-8")
    except ValueError:
        return None


def url_parts(data):
    address = text_of(data)
    try:
        parts = url.split(address)
    except ValueError as error:
        return str(error)
    host = parts[1]
    return parts, is_near(host), url.is_loopback(host), url.is_safe(address)


def date(data):
    text = text_of(data)
    return None if text is None else http_date.parse(text)


def http_reply(data):
    """A reply in pieces, as long as the first byte says."""
    size = max(1, data[0]) if data else 1
    parser = keyfob.net.http_reply.ReplyParser(4096, max_head=2048)
    try:
        for at in range(1, len(data), size):
            if parser.feed(data[at : at + size]):
                break
        else:
            parser.feed(b"")
    except TransportError as error:
        return error.message
    reply = parser.reply
    return reply.status, reply.headers, reply.body, parser.keep_alive


def answer(data):
    """A reply to the first request of a link, and to a poll: what it means, and what is in it."""
    kind = data[0] if data else 0
    profile = ODD if kind & 1 else PLAIN
    status = STATUSES[(kind >> 1) % len(STATUSES)]
    headers = HEADERS[(kind >> 5) % len(HEADERS)]
    grant = DeviceGrant(profile, Client("board"), "a b")
    grant.authorize(0)
    state = grant.receive(Reply(status, headers, data[1:]), 0, UNIX)
    told = [state, grant.shown(), grant.error and str(grant.error), grant.wait(0)]
    polled = DeviceGrant(profile, Client("board"), "a b")
    polled.resume({"device_code": SECRET, "expires_in": 600, "interval": 1, "user_code": "A"}, 0)
    wait = polled.wait(0)
    polled.poll(wait)
    state = polled.receive(Reply(status, headers, data[1:]), wait, UNIX)
    told += [state, polled.error and str(polled.error), polled.wait(wait), polled.interval]
    assert SECRET not in str(polled.outcome) + str(polled.error)
    if polled.issued is not None:
        told.append(polled.issued)
        told.append(lived(polled.tokens))
    tokens = token_set.TokenSet({"access_token": "at", "refresh_token": SECRET, "expires_in": 60})
    successor = tokens.receive(Reply(status, headers, data[1:]), profile, Client("board"), 0, UNIX)
    assert SECRET not in str(tokens.outcome)
    told.append(tokens.pause(0) if successor is None else lived(successor))
    return told


def lived(tokens):
    """What tokens say of themselves in the course of their life."""
    return [
        [tokens.due(now, unix), tokens.remaining(now, unix), tokens.is_fresh(now, unix)]
        for now, unix in ((0, UNIX), (1000, None), (60_000, UNIX + 10**9))
    ] + [tokens.leeway, tokens.is_usable(0, UNIX)]


def metadata(data):
    profile = Profile({"issuer": "https://as.example", "client_id": "board"})
    client = Client("board", "secret")

    def look_up():
        search = Discovery(profile)
        while True:
            keep = search.request().filter
            body = b"".join([bytes(keep(data[at : at + 7])) for at in range(0, len(data), 7)])
            if search.receive(Reply(200, {}, body), client):
                return [getattr(profile, name) for name in profile.open]

    return typed(look_up), client.auth


def name_of(found):
    class Named:
        subject = name = None

    identity.note(Named, id_token.check(found, "https://as.example", "board", UNIX))
    kept = {"for": OWNER, "account": Named.name, "tokens": {"access_token": "at"}}
    keyfob.link.record.read(kept, OWNER)  # what is kept can be read again
    return Named.name


def jwt(data):
    text = text_of(data)
    return None if text is None else typed(id_token.claims, text)


def claims(data):
    payload = binascii.b2a_base64(data).strip()
    text = "e30.%s.sig" % str(payload, "ascii").replace("+", "-").replace("/", "_").rstrip("=")
    return typed(lambda: name_of(id_token.claims(text)))


class Home:
    """A store's home in RAM."""

    hint = "none"

    def __init__(self):
        self.places = [b"", b"", b"", b""]

    def pieces(self, place):
        if self.places[place]:
            yield self.places[place]

    def write(self, place, parts):
        self.places[place] = b"".join(parts)

    def holds(self, place, parts):
        return self.places[place] == b"".join(parts)

    def remove(self, place):
        self.places[place] = b""


def record(data):
    """A slot whose checksum is right, whatever is in it: read, used, and saved again."""
    home = Home()
    store = TokenStore(home)
    if len(data) < 8000:
        home.places[0] = b"".join(_parts(*store._pack(data, 1)))
    account = Account(OWNER, store)
    told = typed(account.load)
    if told is not None:
        return told
    grant = DeviceGrant(PLAIN, Client("board"))
    told = [
        account.name,
        account.pending and grant.resume(account.pending, 0, UNIX),
        grant.wait(0),
    ]
    if account.tokens is not None:
        told += [account.tokens.record(), lived(account.tokens)]
        account.tokens.end((account.tokens.signed_out or 0) + 1, 0, UNIX)
    account.save()
    return told


def slot(data):
    """Two slots of any bytes: as they are, and with a right length and checksum."""
    home = Home()
    home.places[0] = data
    what, body = data[:8], data[8:]
    sizes = struct.pack("<H", len(body))
    crc = binascii.crc32(body, binascii.crc32(what + sizes))
    home.places[1] = what + sizes + struct.pack("<I", crc) + body
    store = TokenStore(home)
    return typed(store.load), typed(store.erase), typed(store.load)


def config(data):
    def read():
        found = keyfob.config.Config(keyfob.config.parse(data, "/keyfob.json"))
        profile = found.profile
        return [found.wifi, found.scope, found.client.client_id, profile.identity, profile.dialect]

    return typed(read)


def sntp(data):
    data = (data + bytes(48))[:48]
    return time_sources._unix(data)


def selection(data):
    """What is kept of a text, whole and element by element: the same in pieces of any size."""
    outcomes = []
    for size in (1, 5, max(1, len(data))):
        found = []
        kept = []
        for callback in (None, found.append):
            reader = select(("a", "b/c", "v/a"), callback)
            kept.append(
                b"".join([reader.feed(data[at : at + size]) for at in range(0, len(data), size)])
            )
            kept.append(reader.check(Reply(0)))
        outcomes.append((kept, found))
    assert outcomes[0] == outcomes[1] == outcomes[2]
    return outcomes[0]


def form(data):
    return keyfob.oauth.form_response.form_members(data)


TARGETS = {
    "url": url_parts,
    "date": date,
    "http_reply": http_reply,
    "answer": answer,
    "metadata": metadata,
    "jwt": jwt,
    "claims": claims,
    "record": record,
    "slot": slot,
    "config": config,
    "sntp": sntp,
    "form": form,
    "selection": selection,
}


def run(name, data):
    """The outcome of a target as text."""
    return plain(TARGETS[name](data))
