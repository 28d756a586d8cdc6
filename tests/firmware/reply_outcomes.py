"""What the firmware makes of the bytes of a reply, in a line: the same on every Python.

    reply_outcomes.py FILE

prints it for each reply in FILE: two bytes of length and that many bytes, of which the first says
what was asked for (see ASKED) and the second how many bytes arrive at a time.
"""

import sys

from keyfob.errors import KeyfobError
from keyfob.net.http_reply import ReplyParser
from keyfob.oauth import device_response, token_response
from keyfob.oauth.metadata import Discovery
from keyfob.oauth.outcome import NAMES, OK, classify
from keyfob.oauth.profile import Profile

ISSUER = "https://as.example"
ADDRESSES = {
    "device_authorization_endpoint": ISSUER + "/code",
    "token_endpoint": ISSUER + "/token",
}
DIALECT = {
    "error_paths": ["meta.code"],
    "token_aliases": {"data.access_token": "access_token"},
    "pending_map": {"428": "authorization_pending"},
    "default_token_type": "Bearer",
}


def _read_tokens(reply, profile, classified):
    return token_response.read(classified.members, profile, "openid", 0, 1_790_000_000)


def _read_code(reply, profile, classified):
    return device_response.read(classified.members, profile)


# Tokens, tokens in a dialect, a code: by whom what is asked for is read.
ASKED = (_read_tokens, _read_tokens, _read_code)
DISCOVERY = len(ASKED)


def outcome(asked, data, piece):
    """The line for `data`, asked for by the number `asked`, which arrives in pieces."""
    try:
        if asked == DISCOVERY:
            return _discovered(data, piece)
        fields = dict(ADDRESSES, **(DIALECT if asked == 1 else {}))
        profile = Profile(fields)
        parser = _parsed(data, piece)
        said = _framing(parser)
        classified = classify(parser.reply, profile, ("secret-1",), 1_790_000_000)
        members = {}
        if classified.kind == OK:
            members = ASKED[asked](parser.reply, profile, classified)
        return "%s %s %r %r %r %r %r %s" % (
            said,
            NAMES[classified.kind],
            _octets(classified.error),
            _octets(classified.description),
            classified.interval,
            classified.retry_after,
            classified.lost,
            _listed(members),
        )
    except KeyfobError as error:
        return "%s: %s / %s" % (error.kind, error.message, error.hint)


def _discovered(data, piece):
    profile = Profile({"issuer": ISSUER})
    search = Discovery(profile)
    said = ""
    done = False
    while not done:
        parser = _parsed(data, piece, search.request().filter)
        said += _framing(parser) + " "
        done = search.receive(parser.reply)
    return said + " ".join([str(getattr(profile, name)) for name in sorted(profile.open)])


def _parsed(data, piece, keep=None):
    parser = ReplyParser(others=0, filter=keep)
    at = 0
    while not parser.feed(data[at : at + piece]):
        at += piece
    parser.rest = len(data) - at - piece
    return parser


def _framing(parser):
    return "%d %s %d %s" % (
        parser.reply.status,
        parser.keep_alive,
        max(0, parser.rest) + len(parser.excess),
        _listed(parser.reply.headers),
    )


def _listed(members):
    return [(name, _octets(members[name])) for name in sorted(members)]


def _octets(value):
    """A text as UTF-8: MicroPython escapes other characters than CPython where it shows one."""
    return value.encode() if isinstance(value, str) else value


def lines(path):
    """The lines for all replies in a file, which is larger than a board's RAM."""
    with open(path, "rb") as file:
        while size := file.read(2):
            entry = file.read(size[0] << 8 | size[1])
            yield outcome(entry[0], entry[2:], entry[1])


def main(path):
    for line in lines(path):
        print(line.encode())  # in ASCII, whatever it holds


if __name__ == "__main__":
    main(sys.argv[1])
