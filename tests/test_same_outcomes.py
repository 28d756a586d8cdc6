"""The same bytes of a reply give the same outcome on CPython and in the MicroPython VM.

The replies are made up: of whole ones, of the mistakes that servers make, and of bytes that are
put in, taken out or changed. A seed makes them the same each time.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import micropython_vm
import pytest

sys.path.insert(0, str(Path(__file__).parent / "firmware"))

import reply_outcomes

SEED = 17
SAMPLE, WHOLE = 1_000, 12_000
SECONDS = 500  # of wall time

CODE = {
    "device_code": "dc-1",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://as.example/device",
    "verification_uri_complete": "https://as.example/device?user_code=WDJB-MJHT",
    "expires_in": 900,
    "interval": 5,
}
TOKENS = {
    "access_token": "at-secret-1",
    "token_type": "Bearer",
    "expires_in": 3600,
    "refresh_token": "rt-1",
    "scope": "openid profile",
}
NESTED = {
    "data": {"access_token": "at-2", "more": [{}, [], [1, 2.5, None]]},
    "meta": {"code": 200},
}
DOCUMENT = {
    "issuer": reply_outcomes.ISSUER,
    "device_authorization_endpoint": "https://as.example/device",
    "token_endpoint": "https://as.example/token",
    "claims_supported": ["sub", "name", "a{b}c", 'quote" and \\ more'],
    "token_endpoint_auth_methods_supported": ["none"],
}
ERRORS = [
    {"error": "authorization_pending"},
    {"error": "slow_down", "interval": 10},
    {"error": "invalid_grant", "error_description": "J\u00f6rg's secret-1 \ud83d\ude00 \ud83d."},
    {"error": {"code": 190, "message": "no"}},
    {"Error": "x", "ERROR": "y"},
    {"message": "Invalid Device Code"},
    {"meta": {"code": "expired_token"}},
]
# By what is asked for (see reply_outcomes.ASKED); the last is discovery.
ANSWERS: list[Any] = [TOKENS, NESTED, CODE, DOCUMENT]
# What else a member may be, as it is written.
VALUES = (
    *("0", "-1", "007", "1e3", "1E-2", ".5", "5.", "+5", "1e999", "9" * 50, "1_0", "0x10", "e5"),
    *("1-2", "--1", "NaN", "nan", "-Infinity", "true", "false", "null", "True", "nul", "nulls"),
    *('""', '"3600"', '" 12\\n"', '"\u0663"', '"1_0"', '"inf"', '"e5"', '"5\u00a0"', '"0x10"'),
    *('"a\\u0000b"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\q"', '"\\u12"', '"\u2028\u202e"'),
    *("[]", "{}", "[1,]", "[1 2]", "{]", "[}", '{"a":}', '["openid", "b"]', "[" * 40 + "]" * 40),
    *('"Bearer"', '"bEARER"', '"openid\u3000a\tb\u00a0c"', '"a,b"', '"\u212a"', '"\u0130"'),
    *('"https://as.example/\\u0065"', '"http://as.example/"', '"https://as.example:\u0663/"'),
)
FRONTS = (
    *(
        b"\n \t",
        b"\xef\xbb\xbf",
        b"\xef\xbb",
        b"\xff\xfe",
        b"\0",
        b"\x0b",
        b"\xa0",
        b"<html>",
        b"[",
    ),
    *(
        b"<!-- { -->",
        b"<!--",
        b"<!-->",
        b"Notice: x\n",
        b"<br />\n<b>W</b>: ",
        b")]}',\n",
        b"a=b&",
    ),
    *(b'"', b"{", b"}", b"x" * 2_047, b"x" * 2_048, b"{" * 300),
)
ENDS = (b",}", b"]", b"", b"}\r\n", b"}}", b"}{}", b"}<!-- -->", b"}\0", b"}\xff", b"} trailing")
FORMS = (
    b"access_token=at-1&token_type=bearer&scope=a%2Cb+c",
    b"error=slow_down&error_description=J%C3%B6rg+%E9",
    b"error=%C0%80&a=%ED%A0%80",
    b"error=expired_token&\xc3\xb6=1&&",
    b"device_code=d&user_code=A%u&a=%-1",
    b"\x0b error=authorization_pending \xc2\xa0",
)
STATUS_LINES = (
    *(b"HTTP/1.1 400 Bad Request", b"HTTP/1.0 200 OK", b"HTTP/1.1 428 X", b"HTTP/1.1 503 Away"),
    *(b"HTTP/1.1 302 Found", b"HTTP/1.1 204 No Content", b"HTTP/1.1 404", b"HTTP/1.1\t200\x0bOK"),
    *(b"HTTP/1.1 2\xb2\xb3 OK", b"HTTP/1.1 101 X", b"HTTP/2 200", b"HTTP/1.1\xa0200 OK"),
    *(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK", b"\r\nHTTP/1.1 200 OK"),
)
HEADERS = (
    *(
        b"Server: x",
        b"Server : x",
        b"X-Cache HIT",
        b": none",
        b" folded",
        b"\tfolded: y",
        b"X:\ty",
    ),
    *(b"Connection: close", b"Connection: Keep-Alive", b"Connection : keep-alive", b"X: \0"),
    *(b"Connection: \xe2\x84\xaaeep-alive", b"X-\xc3\xb6: y", b"X: J\xf6rg", b"X: J\xc3\xb6rg"),
    *(b"Content-Type: application/json", b"X: \xed\xa0\x80", b"X: a\rContent-Length: 3"),
    *(b"Retry-After: 7", b"Retry-After: \xd9\xa3", b"Retry-After: 1_0", b"Retry-After: x\xc0\x80"),
    *(b"Date: Sun, 06 Nov 1994 08:49:37 GMT", b"Retry-After: Sun, 06 Nov 1994 08:50:37 GMT"),
    *(b"Location: https://new.example/x?secret-1", b"Location: /\x1b[31m\xe2\x80\xae"),
    *(b"WWW-Authenticate: Bearer\x1c", b"X" * 1_100),
)
LENGTH = b"Content-Length: %d"
LENGTHS = (
    *(
        b"content-length:%d",
        b"Content-Length: 0%d",
        b"Content-Length: %d, %d",
        b"Content-Length: %d, 9",
    ),
    *(
        b"Content-Length: %d\r\nContent-Length: %d",
        b"Content-Length : %d",
        b"Content-Length: %d\x0b",
    ),
    *(
        b"Content-Length: %d\x1c",
        b"Content-Length %d",
        b"Content-Length: %d\xc2\xa0",
        b" Content-Length: %d",
    ),
    *(
        b"Content-Length: +%d",
        b"Content-Length:\r\n %d",
        b"Content-Length:\t%d",
        b"Content-Length: %d_0",
    ),
    *(
        b"Transfer-Encoding: identity\r\nContent-Length: %d",
        b"Transfer-Encoding:\r\nContent-Length: %d",
    ),
    *(b"Transfer-Encoding: gzip\r\nContent-Length: %d", b"Content-Length: \xd9\xa3", b"X: y"),
    *(b"Content-Length: %dx", b"Content-Length: 99999999999"),
)
CODINGS = (
    *(
        b"Chunked",
        b"chunked\r\nTransfer-Encoding: chunked",
        b"chunked, chunked",
        b"chunked,",
        b",chunked",
    ),
    *(
        b"gzip, chunked",
        b"chunked, identity",
        b"chun\xe2\x84\xaaed",
        b"\x0bchunked",
        b"\r\n chunked",
    ),
    *(b"chunked\r\nContent-Length: 5", b"chunked;q=1", b"xchunked"),
)
SIZES = (b"%X", b"00%x", b"%x ", b" %x", b"%x;a=b", b"0x%x", b"+%x", b"%x_0", b"%x\x0b", b"")
LAST_CHUNKS = (b"000;x\r\nX: y\r\n\r\n", b"0\r\n", b"\r\n")
JUNK = b'\0\xff\xc3\xa0\x80\\"{}[],:;\n\r\t <0'


class Dice(random.Random):
    """Chooses: mostly what is usual."""

    def mostly(self, usual: Any, unusual: Sequence[Any], share: float = 0.15) -> Any:
        """One of the `unusual` for a `share` of all cases."""
        return self.choice(unusual) if self.random() < share else usual

    def body(self, asked: int) -> bytes:
        if self.random() < 0.05:
            return self.choice(FORMS)
        answer = self.mostly(ANSWERS[asked], ANSWERS + ERRORS, 0.3)
        parts = []
        for name, value in answer.items():
            written = json.dumps(value, ensure_ascii=self.random() < 0.5)
            blank = self.mostly("", (" ", "\n\t"))
            parts.append(f'"{name}"{blank}:{blank}{self.mostly(written, VALUES, 0.05)}')
        if self.random() < 0.2:
            parts.append(f'"name": {self.choice(VALUES)}')
        text = "{" + self.mostly(", ", (",", " ,\r\n", ",,", " ")).join(parts)
        coding = self.mostly("utf-8", ("latin-1", "utf-16-le"))
        encoded = text.encode(coding, "replace" if coding == "latin-1" else "surrogatepass")
        return self.mostly(b"", FRONTS) + encoded + self.mostly(b"}", ENDS)

    def reply(self, asked: int) -> bytes:
        body = self.body(asked)
        lines = [self.mostly(b"HTTP/1.1 200 OK", STATUS_LINES)]
        lines += self.choices(HEADERS, k=self.choice((0, 0, 0, 1, 4)))
        framing = self.random()
        if framing < 0.6:
            lines.append(self.mostly(LENGTH, LENGTHS).replace(b"%d", b"%d" % len(body)))
        elif framing < 0.9:
            lines.append(b"Transfer-Encoding: " + self.mostly(b"chunked", CODINGS))
            cut = self.randrange(len(body) + 1)
            chunks = [chunk for chunk in (body[:cut], body[cut:]) if chunk]
            sizes = [
                self.mostly(b"%x", SIZES).replace(b"%x", b"%x" % len(each)) for each in chunks
            ]
            body = b"".join(b"%b\r\n%b\r\n" % pair for pair in zip(sizes, chunks, strict=True))
            body += self.mostly(b"0\r\n\r\n", LAST_CHUNKS)
        head = self.mostly(b"\r\n", (b"\n",)).join([*lines, b"", b""])
        return head + body + self.mostly(b"", (b"HTTP/1.1 200 OK\r\n\r\n",))

    def changed(self, data: bytes) -> bytes:
        """`data`, in a third of all cases with a few bytes put in, taken out or changed."""
        for _ in range(self.choice((0, 0, 0, 0, 1, 3))):
            at = self.randrange(len(data) + 1)
            byte = bytes([self.choice(JUNK)])
            gone = self.choice((0, 1, 9, len(data)))
            data = data[:at] + self.choice((b"", byte)) + data[at + gone :]
        return data


def made(count: int) -> list[bytes]:
    """So many replies as `reply_outcomes` takes them."""
    dice = Dice(SEED)
    found = []
    for _ in range(count):
        asked = dice.randrange(len(ANSWERS))
        start = bytes([asked, dice.choice((1, 7, 100, 255))])
        found.append(start + dice.changed(dice.reply(asked)))
    return found


@pytest.mark.sweep
@pytest.mark.skipif(micropython_vm.executable() is None, reason="no MicroPython VM here")
def test_the_same_bytes_give_the_same_outcome_on_both_runtimes(
    tmp_path: Path, whole: bool
) -> None:
    replies = made(WHOLE if whole else SAMPLE)
    file = tmp_path / "replies"
    file.write_bytes(b"".join(len(reply).to_bytes(2, "big") + reply for reply in replies))
    here = [str(line.encode()) for line in reply_outcomes.lines(str(file))]
    program = micropython_vm.executable()
    assert program is not None
    places = [micropython_vm.compiled_firmware(), Path(reply_outcomes.__file__).parent, ".frozen"]
    done = subprocess.run(
        [program, reply_outcomes.__file__, file],
        env=os.environ | {"MICROPYPATH": os.pathsep.join(map(str, places))},
        stdout=subprocess.PIPE,
        timeout=SECONDS,
        check=True,
    )
    there = done.stdout.decode("ascii").splitlines()
    for reply, ours, theirs in zip(replies, here, there, strict=True):
        assert ours == theirs, reply
    read = [line for line in here if " approved " in line]
    print(f"{len(replies)} replies, {len(set(here))} outcomes, {len(read)} of them approved")
    assert len(read) > len(replies) // 50
    assert len(set(here)) > len(replies) // 10
