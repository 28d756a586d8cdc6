"""Reading one HTTP/1.1 response (RFC 9112), fed in pieces of any size and bounded.

Feed a `ReplyParser` what the stream yields, b"" once it ends, until `feed` says True:

    while not parser.feed(await stream.read(512)):
        pass

Then there are `reply`, `keep_alive` and `excess`.
"""

import asyncio

from keyfob.compat import const
from keyfob.errors import TransportError
from keyfob.oauth.json_object import is_utf8
from keyfob.oauth.messages import MAX_BODY, OTHER_HEADERS, Reply

_HEAD = const(0)
_SIZED = const(1)  # a body or a chunk, with `_left` bytes to come
_CHUNK_SIZE = const(2)
_CHUNK_END = const(3)
_TRAILER = const(4)
_TO_CLOSE = const(5)
_DONE = const(6)

MAX_HEAD = const(16_384)  # bytes of status line, headers and trailers together
_MAX_LINE = const(1_024)  # bytes of a line: longer headers, meant for browsers, are not kept
_MAX_RAW = const(65_536)  # bytes of a reply to keyfob itself, before it is cut
_ID_TOKEN = b'"id_token"'
_LONG_TOKEN = const(8_192)  # bytes of an ID token: of a longer one only the beginning is kept
_STUB = const(16)  # bytes of that
_ANY = const(0x3FFFFFFF)  # bytes
_PIECE = const(512)  # bytes of a body at a time, so that they are cut in time
_EACH = const(48)  # bytes that a header's objects take beside its text
# What keyfob reads.
_USED = (
    "connection",
    "content-encoding",
    "content-length",
    "date",
    "location",
    "retry-after",
    "transfer-encoding",
    "www-authenticate",
)
# What tells where the body ends: a line that may hide one of them is refused.
_FRAMING = (b"content-length", b"transfer-encoding")


async def is_quiet(reader, is_last):
    """Whether nothing has arrived at the stream of an unused connection, nor its end.

    Where something has, and that `is_last`, it raises TransportError; OSError where there is no
    connection.
    """
    for _ in range(4):  # CPython's loop looks at the socket, reads, and tells TLS and then us
        await asyncio.sleep(0)
    if _is_silent(reader):
        return True
    if is_last:
        error = _error("the server sends something, or hangs up, before it is asked")
        error.lost = False
        raise error
    return False


def _is_silent(reader):
    link = getattr(reader, "s", None)
    if link is not None:  # MicroPython: the socket, or TLS, which asks the socket
        import select

        poll = select.poll()
        poll.register(link, select.POLLIN)
        return not poll.poll(0) or link.read(1) is None  # None: it is TLS's own, a ticket say
    at_eof = getattr(reader, "at_eof", None)
    is_told = getattr(reader, "_buffer", None) or getattr(reader, "_exception", None)
    return not (is_told or (at_eof and at_eof()))


class ReplyParser:
    """Takes bytes, makes a `Reply`; raises TransportError for what is not HTTP.

    `is_head`: the request was HEAD, whose reply has no body whatever its headers state.
    `others`: bytes of RAM for the headers that keyfob does not read; the rest is not kept. Where
    that is 0 the reply is for keyfob itself. Then a very long ID token in it is cut to its
    beginning while it arrives: nobody could read it, and a board may not have the RAM. It does not
    count for `max_body`. `filter` is called with each piece of the body, and what it returns is
    the body instead, of which `max_body` is the bound.

    A mistake that leaves no doubt where the body ends is read, and the connection not kept: a
    blank before a header's colon, a line without one, `Transfer-Encoding` twice or `identity`.
    Whatever leaves a doubt raises TransportError.
    """

    def __init__(
        self,
        max_body=MAX_BODY,
        is_head=False,
        others=OTHER_HEADERS,
        filter=None,
        max_head=MAX_HEAD,
    ):
        self.reply = None
        self.keep_alive = False
        self.is_started = False  # any byte has arrived
        self._max_body = max_body
        self._head_left = max_head
        self._is_head = is_head
        self._others = others
        self._buffer = bytearray()
        self._body = bytearray()
        self._end = 0  # how much of that has arrived
        self._filter = filter
        self._taken = 0  # bytes of the body, those included that were not kept
        self._most = max_body if others else _MAX_RAW  # of those
        if filter is not None:
            self._most = _ANY
        self._is_odd = False  # there was a mistake in the head
        self._state = _HEAD
        self._left = 0  # bytes of a sized body still to come
        self._chunked = False
        self._status = 0
        self._headers = None
        self._is_json = False
        self._last = None  # the header that a folded line continues

    @property
    def excess(self):
        """Bytes that arrived after the end of the response."""
        return bytes(self._buffer) if self._state == _DONE else b""

    def feed(self, data):
        """Take the next bytes, b"" for the end of the stream; True once complete."""
        if not data:
            self._close()
        else:
            self.is_started = True
            self._buffer.extend(data)
            while self._state != _DONE and self._step():
                pass
        return self._state == _DONE

    def _step(self):
        """Consume what the buffer holds; False when it needs more."""
        if self._state in (_SIZED, _TO_CLOSE):
            return self._take_body()
        line = self._take_line()
        if line is None:
            return False
        if self._state == _HEAD:
            self._head_line(line)
        elif self._state == _CHUNK_SIZE:
            self._start_chunk(line)
        elif self._state == _CHUNK_END:
            if line:
                raise _broken("a chunk is longer than it says")
            self._state = _CHUNK_SIZE
        elif not line:  # the end of the trailer
            self._finish()
        return True

    def _take_line(self):
        is_header = self._state in (_HEAD, _TRAILER)
        end = self._buffer.find(b"\n")
        size = len(self._buffer) if end < 0 else end + 1
        if size > (self._head_left if is_header else _MAX_LINE):
            raise _error("the server's headers are too long")
        if end < 0:
            excess = size - _MAX_LINE - 2
            if excess > 0:
                self._head_left -= excess
                self._buffer = self._buffer[:-excess]  # still longer than a line that is kept
            return None
        line = bytes(self._buffer[:end])
        self._buffer = self._buffer[size:]
        if is_header:
            self._head_left -= size
        return line[:-1] if line[-1:] == b"\r" else line

    def _head_line(self, line):
        if self._headers is None:
            self._status_line(line)
        elif not line:
            self._end_of_head()
        else:
            self._header_line(line)

    def _status_line(self, line):
        if not line and not self._status:
            return  # some servers send a blank line first
        parts = line.split(None, 2)
        status = parts[1] if line[:7] == b"HTTP/1." and len(parts) > 1 else b""
        if len(status) != 3 or not status.isdigit() or status < b"100":
            raise _broken("it does not speak HTTP/1.1")
        self._status = int(status)
        self.keep_alive = parts[0] != b"HTTP/1.0"
        self._headers = {}

    def _header_line(self, line):
        name, colon, value = line.partition(b":")
        is_usual = name and colon and min(line) >= 0x20 and max(line) < 0x7F
        if not is_usual or b" " in name or len(line) > _MAX_LINE:
            self._unusual_line(line)
        else:
            self._note(name, value)

    def _note(self, name, value):
        """Keep a header, if there is room for it."""
        name = str(name.lower(), "utf-8")
        value = str(value.strip(), "utf-8")
        self._last = None
        if name == "content-type":
            self._is_json = "json" in value.lower()
        if name not in _USED:
            self._others -= _EACH + len(name) + len(value)
            if self._others < 0:
                return
        if name in self._headers:
            value = "%s, %s" % (self._headers[name], value)
        self._headers[name] = value
        self._last = name

    def _unusual_line(self, line):  # rare
        """Take a header line with a mistake, a very long one, or what is no plain ASCII."""
        is_long = len(line) > _MAX_LINE  # then it is not kept, and its end is not here
        line = line.replace(b"\t", b" ")
        name, colon, value = line.partition(b":")
        is_folded = line[:1] == b" "
        is_text = min(line) >= 0x20 and 0x7F not in line
        is_plain = is_text and colon and max(line) < 0x7F and name and b" " not in name
        if is_plain and not is_long:
            self._note(name, value)  # there was a tab
            return
        place = line if not is_text or not (colon or is_folded) else name if colon else b""
        is_framing = is_folded and self._last is not None and self._last.encode() in _FRAMING
        if is_framing or any(word in place.lower() for word in _FRAMING):
            raise _broken("a header line may hide its length")
        if is_long:
            self._last = None
            return
        name = name.rstrip()
        if is_folded:
            if is_text and self._last is not None and is_utf8(line):
                self._headers[self._last] += " " + str(line.strip(), "utf-8")
            return
        if not name:
            raise _broken("a header line has no name")
        self._last = None
        is_name = is_text and colon and max(name) < 0x7F and b" " not in name
        if not is_name or b" :" in line:
            self._is_odd = True
        if is_name and is_utf8(value):
            self._note(name, value)

    def _unusual_coding(self, coding):  # rare
        """`chunked`, or None for a Transfer-Encoding that changes nothing."""
        coding = coding.lower()
        if coding == "chunked":
            return coding
        self.keep_alive = False
        names = [name for name in [name.strip() for name in coding.split(",")] if name]
        if all(name == "identity" for name in names):
            return None
        if "content-length" in self._headers or not all(name == "chunked" for name in names):
            raise _broken("it uses a transfer coding nobody asked for")
        return "chunked"

    def _end_of_head(self):
        status = self._status
        headers = self._headers
        if status < 200:
            if status == 101:
                raise _broken("it changes the protocol")
            self._headers = self._last = None  # an interim response: the real one follows
            return
        coding = headers.get("transfer-encoding")
        if coding is not None and not self.keep_alive:
            self._is_odd = True  # HTTP/1.0 has no codings (RFC 9112 section 6.1)
        connection = headers.get("connection", "").lower()
        if "close" in connection:
            self.keep_alive = False
        elif "keep-alive" in connection:
            self.keep_alive = True
        if self._is_odd:
            self.keep_alive = False
        if coding is not None and coding != "chunked":
            coding = self._unusual_coding(coding)
        length = headers.get("content-length")
        if self._is_head or status in (204, 304):
            self._finish()
        elif coding is not None:
            if length is not None:
                self.keep_alive = False  # RFC 9112 section 6.3: do not trust the connection
            self._chunked = True
            self._state = _CHUNK_SIZE
        elif length is not None:
            sizes = [_number(size.strip().encode(), 10) for size in length.split(",")]
            if min(sizes) != max(sizes):
                raise _broken("it states two lengths")
            self._expect(sizes[0])
        else:
            self._state = _TO_CLOSE

    def _start_chunk(self, line):
        size = _number(line.partition(b";")[0].strip(), 16)
        if size == 0:
            self._state = _TRAILER
        else:
            self._expect(size)

    def _expect(self, size):
        self._bound(size)
        more = min(self._end + size, self._max_body) - len(self._body)
        if self._filter is None and more > 0:
            if not self._body:
                self._body = bytearray(more)  # all at once: growing it fragments the heap
            else:
                self._body.extend(bytes(more))
        self._left = size
        self._state = _SIZED

    def _bound(self, size):
        size += self._taken
        if size > self._most:
            raise self._too_long(size)

    def _too_long(self, size):  # rare
        if self._chunked or self._state == _TO_CLOSE:
            words = "the server's reply is longer than %d bytes" % self._max_body
        else:
            words = "the server's reply has %d bytes, which is longer than %d bytes"
            words %= size, self._max_body
        error = TransportError(
            words,
            "check the address, or give a larger max_body",
        )
        error.is_final = self._is_json and self._status < 300  # no page of a gateway's
        return error

    def _take_body(self):
        take = min(len(self._buffer), _PIECE)
        if self._state == _TO_CLOSE:
            self._bound(take)
        else:
            take = min(take, self._left)
            self._left -= take
        self._taken += take
        self._put(self._buffer[:take])
        self._buffer = self._buffer[take:]
        if self._state == _SIZED and not self._left:
            if self._chunked:
                self._state = _CHUNK_END
            else:
                self._finish()
        return bool(self._buffer)

    def _put(self, piece):
        """Add a piece to the body."""
        if self._filter is not None:
            piece = self._filter(piece)
        start, self._end = self._end, self._end + len(piece)
        body, end = self._body, self._end
        if end > self._max_body:
            raise self._too_long(end)
        if end > len(body):
            body.extend(bytes(end - len(body)))
        body[start:end] = piece
        if end > _LONG_TOKEN and self._most == _MAX_RAW:
            self._cut(end)

    def _cut(self, end):  # rare
        """Cut an ID token to its beginning where it is very long and has no end yet."""
        body = self._body
        at = body.find(_ID_TOKEN, 0, end)
        if at >= 0:
            at = body.find(b'"', at + len(_ID_TOKEN), end) + 1
        if at > 0 and end - at > _LONG_TOKEN and body.find(b'"', at, end) < 0:
            self._end = at + _STUB

            def behind(piece):  # from the token's closing quote on
                quote = piece.find(b'"')
                if quote < 0:
                    return b""
                self._filter = None
                return piece[quote:]

            self._filter = behind

    def _close(self):
        if self._state in (_TO_CLOSE, _TRAILER):  # complete once the last chunk is there
            self._finish()
        elif self._state != _DONE:
            raise self._ended()
        self.keep_alive = False

    def _ended(self):  # rare
        """The error for a stream that ends too early."""
        if not self.is_started:
            return _error("the server closed the connection without a reply")
        start = bytes(self._buffer[:5])
        if not self._status and start.strip() and not b"HTTP/".startswith(start):
            return _broken("it does not speak HTTP/1.1")
        return _error("the server closed the connection in the middle of its reply")

    def _finish(self):
        body = self._body if self._end == len(self._body) else self._body[: self._end]
        self.reply = Reply(self._status, self._headers, body)
        self._body = None
        self._state = _DONE


def _number(digits, base):
    allowed = b"0123456789abcdef"[:base]
    digits = digits.lstrip(b"0") or digits[:1]  # some servers pad with zeros
    if not 0 < len(digits) <= 8 or not all(octet in allowed for octet in digits.lower()):
        raise _broken("it states no valid length")
    return int(digits, base)


def _broken(why):
    return _error("the server's reply cannot be read: %s" % why)


def _error(message):
    return TransportError(message, "check the address, or try again later")
