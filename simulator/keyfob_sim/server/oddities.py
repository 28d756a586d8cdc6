"""Oddities of replies, which a fault asks for by `odd`: what servers do in spite of the RFCs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

_LONG = 20_000  # bytes


class Oddity(NamedTuple):
    """What is done to a reply: to its body, and to the header lines that tell how long it is.

    One that `is_refused` is no answer to a careful client: it may hide where the reply ends, or
    be somebody else's.
    """

    words: str
    body: Callable[[bytes], bytes] = bytes
    lines: tuple[str, ...] = ("Content-Length: {}",)
    chunk: str = ""  # how the size of the one chunk is written, where it is chunked
    is_refused: bool = False

    def framing(self, body: bytes) -> tuple[bytes, bytes]:
        """The header lines for a body, and what follows the head."""
        head = "".join(f"{line}\r\n" for line in self.lines).format(*[len(body)] * 2).encode()
        if not self.chunk:
            return head, body
        return head, b"%b\r\n%b\r\n0\r\n\r\n" % (self.chunk.format(len(body)).encode(), body)


def _with_member(name: str, value: object) -> Callable[[bytes], bytes]:
    """Add a member in Latin-1 to a body that is a JSON object."""

    def add(body: bytes) -> bytes:
        try:
            members = json.loads(body)
        except ValueError:
            return body
        if not isinstance(members, dict):
            return body
        return json.dumps({name: value, **members}, ensure_ascii=False).encode(
            "latin-1", "replace"
        )

    return add


def _around(front: str, behind: str = "") -> Callable[[bytes], bytes]:
    return lambda body: front.encode() + body + behind.encode()


_LENGTH = "Content-Length: {}"
_CHUNKED = "Transfer-Encoding: chunked"

ODDITIES = {
    "latin1": Oddity("a member in Latin-1", _with_member("vendor", "J\xf6rg & S\xf6hne")),
    "long": Oddity(
        "20 KB of further members",
        _with_member("extra", [f"member {number:04}" for number in range(_LONG // 15)]),
    ),
    "notice": Oddity(
        "a warning of PHP in front of the JSON",
        _around(
            "<br />\n<b>Notice</b>:  Undefined index in <b>/srv/as.php</b> on line <b>7</b>\n"
        ),
    ),
    "comment": Oddity("a comment in front of it", _around("<!-- from cache {7} -->\n")),
    "behind": Oddity("a comment behind it", _around("", "\n<!-- took {12} ms -->\n")),
    "blank": Oddity("a blank before a header's colon", lines=("X-Cache : HIT", _LENGTH)),
    "no_colon": Oddity("a header line without a colon", lines=("X-Cache HIT", _LENGTH)),
    "identity": Oddity(
        "Transfer-Encoding: identity", lines=("Transfer-Encoding: identity", _LENGTH)
    ),
    "no_coding": Oddity("an empty Transfer-Encoding", lines=("Transfer-Encoding:", _LENGTH)),
    "chunked_twice": Oddity(
        "Transfer-Encoding: chunked, twice", lines=(_CHUNKED, _CHUNKED), chunk="{:x}"
    ),
    "page": Oddity(
        "a page of HTML with the JSON in a script",
        _around("<html><script>var answer = ", "</script></html>"),
        is_refused=True,
    ),
    "two_lengths": Oddity("two lengths", lines=(_LENGTH, "Content-Length: 1{}"), is_refused=True),
    "folded_length": Oddity(
        "a length on a folded line", lines=("Content-Length:", " {}"), is_refused=True
    ),
    "two_codings": Oddity(
        "chunks in another coding",
        lines=("Transfer-Encoding: gzip, chunked",),
        chunk="{:x}",
        is_refused=True,
    ),
    "chunk_size": Oddity(
        "a chunk's size that is none", lines=(_CHUNKED,), chunk="0x{:x}", is_refused=True
    ),
}
