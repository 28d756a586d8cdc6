"""Requests as values, replies as values, and the encodings between them.

This is RFC 6749's wire format: form bodies (appendix B), client authentication (section 2.3.1)
and replies, which are JSON by the standard and form-encoded at some providers.
"""

import binascii
import json

from keyfob.compat import Loaded, const
from keyfob.errors import ConfigError, no_memory

_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_BOM = b"\xef\xbb\xbf"
_NO_FORM = (b"{", b"[", b"<")  # how invalid JSON and HTML begin
_MAX_FORM = const(2_048)  # bytes of a form body
MAX_BODY = const(16_384)  # bytes of a reply, by default
OTHER_HEADERS = const(4_096)  # bytes of RAM, by default: some thirty headers
_MAX_TEXT = const(200)
_SCHEMES = "Basic ,Bearer ,basic ,bearer "  # in one: MicroPython keeps short texts as names
_LONG_WORD = const(16)  # characters: of no word that servers write behind "Basic" or "Bearer"
_USER_AGENT = "keyfob/0.1"

NONE = "none"
BASIC = "basic"
POST = "post"
CLIENT_AUTH = (NONE, BASIC, POST)


class Request:
    """A request: `method`, `url`, `headers` (a dict) and `body` (bytes or None).

    Of its reply's headers those that keyfob reads are kept, and of the others as many as fit into
    `other_headers` bytes of RAM. It is not sent where there is no RAM for a reply whose body has
    `room` bytes, to be read, parsed and stored. One that `is_repeated` does not change. Where
    `filter` is set, it is called with each piece of the body, which may be of any length then,
    and what it returns is kept.
    """

    filter = None
    other_headers = OTHER_HEADERS
    room = 0
    is_repeated = False

    def __init__(self, method, url, headers=None, body=None):
        self.method = method
        self.url = url
        self.headers = {} if headers is None else headers
        self.body = body


class Reply:
    """A reply: `status`, `headers` (names in lower case) and `body` (bytes)."""

    def __init__(self, status, headers=None, body=b""):
        self.status = status
        self.headers = {} if headers is None else headers
        self.body = body

    @property
    def text(self):
        """The body as text, without a byte order mark. Raises ValueError if it is not UTF-8."""
        return str(_unmarked(self.body), "utf-8")

    def json(self):
        """The body as JSON. Raises ValueError."""
        if self.body.find(b"\0") >= 0:
            raise ValueError("it is not UTF-8")  # CPython guesses, and takes UTF-16 as well
        return json.loads(_unmarked(self.body))  # as bytes: a decoded copy takes RAM


def _unmarked(body):
    """`body` without its byte order mark."""
    return body[3:] if body[:3] == _BOM else body


class Client:
    """The OAuth client: `client_id`, and its authentication at the token endpoint.

    `auth` is "none", "basic" or "post" (RFC 6749 section 2.3), or None where the
    provider's metadata decides (`set_auth`). Raises ConfigError where secret and method
    contradict each other.
    """

    def __init__(self, client_id, secret=None, auth=None):
        self.auth = _checked_auth(client_id, secret, auth)
        self.client_id = client_id
        self.secret = secret

    def set_auth(self, methods):  # rare: requests
        """Choose the method from `token_endpoint_auth_methods_supported`.

        A list that is absent means basic (RFC 8414 section 2).
        """
        if self.auth is None:
            listed = isinstance(methods, list) and methods
            self.auth = BASIC if not listed or "client_secret_basic" in methods else POST

    def authenticate(self, params, headers, named=False):  # rare: requests
        """Add the client's identity to a request, by one method only (section 2.3).

        `named` puts the bare client_id into the form beside HTTP Basic, which section
        3.2.1 allows.
        """
        if self.auth in (None, BASIC) and self.secret:
            pair = quote(self.client_id) + ":" + quote(self.secret)
            token = binascii.b2a_base64(pair.encode()).strip()
            headers["Authorization"] = "Basic " + str(token, "ascii")
            if named:
                params.append(("client_id", self.client_id))
            return
        params.append(("client_id", self.client_id))
        if self.secret:
            params.append(("client_secret", self.secret))


def _checked_auth(client_id, secret, auth):  # rare: requests
    """Return `auth`, or NONE without a secret. Raises ConfigError; see `Client`."""
    if not isinstance(client_id, str) or not client_id:
        raise ConfigError("client_id is missing", "enter the id that the provider issued")
    if auth is not None and auth not in CLIENT_AUTH:
        raise ConfigError("client_auth is unknown", "choose one of none, basic, post")
    if secret and auth == NONE:
        raise ConfigError(
            "client_auth is none, yet there is a client_secret", "remove one of the two"
        )
    if not secret and auth in (BASIC, POST):
        raise ConfigError(
            "client_auth is %s, and client_secret is missing" % auth,
            "enter the secret, or set client_auth to none",
        )
    return auth if secret else NONE


def quote(text):  # rare: requests
    """Percent-encode every octet of `text` except the unreserved ones of RFC 3986.

    A space becomes %20, which form decoders accept like a plus sign.
    """
    out = bytearray()
    for octet in text.encode():
        if octet in _UNRESERVED:
            out.append(octet)
        else:
            out.extend(b"%%%02X" % octet)
    return str(out, "ascii")


def form(params):  # rare: requests
    """Encode (name, value) pairs as a form body, leaving out empty values.

    Raises ConfigError for a repeated name: RFC 6749 section 3.2 forbids it.
    """
    seen = []
    parts = []
    for name, value in params:
        if value is None or value == "":
            continue
        if name in seen:
            raise ConfigError("the parameter %s would be sent twice" % name)
        seen.append(name)
        parts.append(quote(name) + "=" + quote(value))
    return "&".join(parts).encode()


def form_request(url, params, client, profile, extra=None, named=False):  # rare: requests
    """Return a POST of `params` with the client's authentication (RFC 6749 section 3.2).

    `extra` (a dict) are parameters that the profile adds.
    """
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": profile.accept,
        "User-Agent": _USER_AGENT,
    }
    params = list(params)
    for name in sorted(extra or ()):
        params.append((name, extra[name]))
    client.authenticate(params, headers, named)
    if profile.dialect is not None:
        from keyfob.oauth import dialect  # stays: every request of such a provider needs it

        params = dialect.spelled(params, profile.dialect)
        if profile.dialect["body_format"] == "json":
            headers["Content-Type"] = "application/json"
            named = {name: value for name, value in params if value}
            return _own("POST", url, headers, json.dumps(named).encode())
    return _own("POST", url, headers, form(params))


def get_request(url):  # rare: requests
    """Return a GET for JSON."""
    return _own("GET", url, {"Accept": "application/json", "User-Agent": _USER_AGENT})


def _own(method, url, headers, body=None):  # rare: requests
    """A request whose reply only keyfob reads."""
    request = Request(method, url, headers, body)
    request.other_headers = 0
    return request


def members(reply):  # rare: replies
    """The members of a JSON object or of a form body, whatever its Content-Type says.

    A string that is not UTF-8 is read as Latin-1. A notice in front of the object is passed over,
    and so is what comes behind it. Returns None where the body is neither. The reply's body is
    dropped, to free its memory for them. Raises TransportError where there is not enough memory
    all the same.
    """
    body = reply.body
    try:
        value = _object(body)
        if value is None:
            value = _form_members(_unmarked(body))
        if value is None:
            with Loaded("keyfob.oauth.notice") as code:
                at = code.end(body)
            value = None if at < 0 else _object(body, at)
        return value
    except MemoryError:
        raise no_memory("for the provider's reply", "free some RAM")
    finally:
        reply.body = b""


def _object(body, at=0):  # rare: replies
    """The JSON object that begins at `at`, None where there is none."""
    with Loaded("keyfob.oauth.json_object") as code:
        return code.read(body, at)


def _form_members(body):  # rare: replies
    """The members of a form body, None where it is none: a gateway's page, say."""
    if len(body) > _MAX_FORM or body.strip()[:1] in _NO_FORM:
        return None
    with Loaded("keyfob.oauth.form_response") as code:
        return code.form_members(body)


def in_rfc_names(values, profile, aliases):  # rare: values
    """The members of a reply by their standard names; `aliases` is a field of the profile."""
    if profile.dialect is None:
        return values
    from keyfob.oauth import dialect  # stays: every request of such a provider needs it

    return dialect.in_rfc_names(values, profile.dialect, aliases)


def seconds(value):  # rare: values
    """A JSON value as whole seconds, rounded up, or None where it is not a number.

    RFC 8628 section 3.2 requires a number; providers also send strings, floats, null and other
    values. A negative number stays negative, for the caller to handle.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        if isinstance(value, str):
            with Loaded("keyfob.oauth.json_object") as code:
                value = code.number(value.encode().strip())
        whole = int(value)
    except (ValueError, OverflowError):
        return None
    return whole + 1 if value > whole else whole


def clean(text, secrets=()):  # rare: values
    """A provider's text made safe to show: one short line, with none of `secrets` in it."""
    if not isinstance(text, str):
        return ""
    text = _without(text, secrets)
    chars = [text[at : at + 1] for at in range(min(len(text), 4 * _MAX_TEXT))]
    kept = "".join(filter(is_printable, chars))
    kept = _without(kept, secrets).strip(" ")  # what does not show may have been within one
    return kept if len(kept) <= _MAX_TEXT else kept[: _MAX_TEXT - 3] + "..."


def _without(text, secrets):  # rare: values
    """`text` with "*", which makes it no longer, for each secret: plain and percent-encoded.

    So are the credentials of an Authorization header that a server repeats.
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, "*")
            if "%" in text:
                text = text.replace(quote(secret), "*")
    for scheme in _SCHEMES.split(","):
        if scheme not in text:
            continue  # a long text is not copied for nothing
        pieces = text.split(scheme)
        for index in range(1, len(pieces)):
            word, blank, rest = pieces[index].partition(" ")
            if len(word) >= _LONG_WORD:
                pieces[index] = "*" + blank + rest
        text = scheme.join(pieces)
    return text


def is_printable(char):  # rare: values
    """Whether `char` is safe on a terminal or a panel: no control, no direction mark.

    Nothing beyond the basic plane either, which no panel has a glyph for. A text's characters are
    best had as slices: MicroPython keeps for good those that come from an index or a loop.
    """
    code = ord(char)
    return not (
        code < 0x20
        or 0x7F <= code < 0xA0
        or code in (0xAD, 0x61C, 0xFEFF)
        or 0x200B <= code <= 0x200F
        or 0x2028 <= code <= 0x202E
        or 0x2060 <= code <= 0x206F
        or 0xD800 <= code <= 0xDFFF
        or code >= 0xFFFD
    )
