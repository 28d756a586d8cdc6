"""Reading HTTP responses: whole, byte by byte, with trailing data, and broken."""

from support import raises

from keyfob.errors import TransportError
from keyfob.net.http_reply import MAX_BODY, MAX_HEAD, ReplyParser

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
TWO = b"Content-Length: 2\r\n\r\n{}"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
EXTENDED = (
    b'5;name="v;w";x\r\nhello\r\n00A \r\n, thousand\r\n000;last\r\nExpires: 0\r\nX: y\r\n\r\n'
)

# bytes of the response, its status, its body, whether the connection is kept
COMPLETE = [
    (HEAD + TWO, 200, b"{}", True),
    (HEAD + b"content-length:5\r\n\r\nhello", 200, b"hello", True),
    (b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", 200, b"{}", True),
    (b"HTTP/1.1 400 \r\nContent-Length: 0\r\n\r\n", 400, b"", True),
    (b"HTTP/1.1 400\r\n" + TWO, 400, b"{}", True),
    (b"\r\n" + HEAD + TWO, 200, b"{}", True),
    (HEAD + b"Content-Length: 2, 2\r\n\r\n{}", 200, b"{}", True),
    (HEAD + b"Content-Length: 2\r\n" + TWO, 200, b"{}", True),
    (HEAD + b"Connection: close\r\n" + TWO, 200, b"{}", False),
    (b"HTTP/1.0 200 OK\r\n" + TWO, 200, b"{}", False),
    (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n" + TWO, 200, b"{}", True),
    (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", 304, b"", True),
    (INTERIM + b"HTTP/1.1 400 Bad\r\n" + TWO, 400, b"{}", True),
    (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", 200, b"hello", True),
    (CHUNKED + EXTENDED, 200, b"hello, thousand", True),
    (CHUNKED + b"0\r\n\r\n", 200, b"", True),
    (HEAD + b"transfer-encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 200, b"x", True),
    # RFC 9112 section 6.3: chunks win over a length, and the connection is not trusted.
    (HEAD + b"Content-Length: 9\r\n" + CHUNKED[17:] + b"2\r\n{}\r\n0\r\n\r\n", 200, b"{}", False),
]

# Responses that end with the connection.
TO_CLOSE = [
    (b"HTTP/1.1 200 OK\r\n\r\nhello", b"hello"),
    (b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", b"<html>"),
    (b"HTTP/1.1 200 OK\r\n\r\n", b""),
]

# Mistakes in the head that leave no doubt where the body ends: read, and the connection not kept.
CHUNKS = b"2\r\n{}\r\n0\r\n\r\n"
HARMLESS = [
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    b"Transfer-Encoding: chunked, Chunked\r\n\r\n" + CHUNKS,
    b"Transfer-Encoding: chunked,\r\n\r\n" + CHUNKS,
    b"Transfer-Encoding: identity\r\n" + TWO,
    b"Transfer-Encoding: Identity, identity\r\n" + TWO,
    b"Transfer-Encoding:\r\n" + TWO,
    b"Transfer-Encoding: \t\r\nTransfer-Encoding: ,\r\n" + TWO,
    b"Server : x\r\n" + TWO,
    b"Server\t:x\r\n" + TWO,
    b"X-Cache HIT\r\n" + TWO,
    b"Connection: keep-alive\r\nX-Cache HIT\r\n folded\r\n" + TWO,
    b"two words: x\r\n" + TWO,
    b"na\xc3\xafve: x\r\n" + TWO,
    b"X: a\rb\r\n" + TWO,
    b"X: \0\r\n" + TWO,
]
OLD = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"

BROKEN = [
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"HTTP/2 200\r\n",
    b"HTTP/1.1\r\n",
    b"HTTP/1.1 20 OK\r\n",
    b"HTTP/1.1 2000 OK\r\n",
    b"HTTP/1.1 +20 OK\r\n",
    b"HTTP/1.1 099 OK\r\n",
    b"HTTP/1.1 two OK\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    HEAD + b": no name\r\n",
    HEAD + b"Content-Length : 2\r\n",
    HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n",
    HEAD + b"Content-Length: 2, 3\r\n\r\n",
    HEAD + b"Content-Length: -2\r\n\r\n",
    HEAD + b"Content-Length: +2\r\n\r\n",
    HEAD + b"Content-Length: 2x\r\n\r\n",
    HEAD + b"Content-Length: 0x2\r\n\r\n",
    HEAD + b"Content-Length:\r\n\r\n",
    HEAD + b"Content-Length: 999999999999\r\n\r\n",
    HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
    HEAD + b"Transfer-Encoding: gzip\r\n" + TWO,
    HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n",
    HEAD + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n",
    HEAD + b"Transfer-Encoding: xchunked\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked;q=1\r\n\r\n",
    HEAD + b"Transfer-Encoding: 'chunked'\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" + TWO,
    HEAD + b"Transfer-Encoding: ,chunked\r\n" + TWO,
    # What some read as the length, and others do not.
    HEAD + b"Transfer-Encoding : chunked\r\n" + TWO,
    HEAD + b"Content-Length\t: 2\r\n\r\n{}",
    HEAD + b"Content-Length\x0b: 2\r\n\r\n{}",
    HEAD + b"Content-Length\0: 2\r\n\r\n{}",
    HEAD + b"Content-Length: 2\0\r\n\r\n{}",
    HEAD + b"Content-Length: 2\x0b\r\n\r\n{}",
    HEAD + b"Content-Length: 2\x1c\r\n\r\n{}",
    HEAD + b"Content-Length: 2\xc2\xa0\r\n\r\n{}",
    HEAD + b"Content-Length: \xff2\r\n\r\n{}",
    HEAD + b"Transfer-Encoding: chun\xe2\x84\xaaed\r\n\r\n",
    HEAD + b"Transfer-Encoding:\x0bchunked\r\n\r\n",
    HEAD + b"X-Transfer-Encoding\xe9: chunked\r\n\r\n",
    HEAD + b"Content-Length 2\r\n\r\n{}",
    HEAD + b"X Content-Length: 2\r\n\r\n{}",
    HEAD + b" Content-Length: 2\r\n\r\n{}",
    HEAD + b"X: y\r\n Transfer-Encoding: chunked\r\n\r\n",
    HEAD + b"X: y\rContent-Length: 2\r\n\r\n{}",
    HEAD + b"Content-Length:\r\n 2\r\n\r\n{}",
    HEAD + b"Content-Length: 2\r\n 3\r\n\r\n{}",
    HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\t, gzip\r\n\r\n",
    # So are long lines, of which the rest is not kept.
    HEAD + b"Content-Length:" + b" " * 1_200 + b"2\r\n\r\n{}",
    HEAD + b"Content-Length: " + b"0" * 1_200 + b"2\r\n\r\n{}",
    HEAD + b"Transfer-Encoding:" + b" " * 1_200 + b"chunked\r\n" + TWO,
    HEAD + b"Content-Length: 2\r\n " + b" " * 1_200 + b"3\r\n\r\n{}",
    CHUNKED + b"hello\r\n",
    CHUNKED + b"-1\r\n",
    CHUNKED + b"\xff\xfe\r\n",
    CHUNKED + b"\r\n",
    CHUNKED + b"123456789\r\n",
    CHUNKED + b"2\r\n{}}\r\n",
]


def read(data, piece=None, **options):
    """Feed `data`, `piece` bytes at a time; return the parser and whether it is done."""
    parser = ReplyParser(**options)
    step = piece or len(data)
    done = False
    for start in range(0, len(data), step):
        assert not done, data
        done = parser.feed(data[start : start + step])
    return parser, done


def check(parser, status, body, kept):
    assert parser.reply.status == status
    assert parser.reply.body == body
    assert parser.keep_alive is kept


def test_whole():
    for data, status, body, kept in COMPLETE:
        parser, done = read(data)
        assert done, data
        check(parser, status, body, kept)
        assert parser.excess == b""


def test_byte_by_byte():
    for data, status, body, kept in COMPLETE:
        parser, done = read(data, 1)
        assert done, data
        check(parser, status, body, kept)


def test_any_cut_in_two():
    for data, status, body, kept in COMPLETE:
        for cut in range(1, len(data)):
            parser = ReplyParser()
            assert not parser.feed(data[:cut]), data[:cut]
            assert parser.feed(data[cut:])
            check(parser, status, body, kept)


def test_harmless_mistakes_end_the_connection():
    for head in HARMLESS:
        data = HEAD + head
        for piece in (None, 1):
            parser, done = read(data, piece)
            assert done, data
            check(parser, 200, b"{}", False)
    parser, done = read(HEAD + b"Transfer-Encoding: identity\r\n\r\n{}")
    assert not done and parser.feed(b"")
    check(parser, 200, b"{}", False)


def test_chunks_of_http_1_0_end_the_connection():
    parser, done = read(OLD + CHUNKS)
    assert done
    check(parser, 200, b"{}", False)


def test_what_ends_before_a_line_of_http_is_no_http():
    for data, words in (
        (b'{"access_token": "at-1"}', "does not speak HTTP/1.1"),
        (b"\x15\x03\x01\0\x02\x02\x46", "does not speak HTTP/1.1"),
        (b"\r\n", "in the middle of its reply"),
        (b"HTTP/1.1 20", "in the middle of its reply"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "in the middle of its reply"),
        (b"", "without a reply"),
    ):
        parser, done = read(data or b"", 1)
        assert not done
        assert words in raises(TransportError, parser.feed, b"").message, data


def test_a_name_with_a_blank_behind_it_is_that_name():
    parser, _ = read(HEAD + b"Retry-After : 7\r\nX-Cache HIT\r\nX two: 2\r\n" + TWO)
    assert parser.reply.headers == {"retry-after": "7", "content-length": "2"}


def test_tabs_and_letters_beyond_ascii_are_no_mistakes():
    parser, _ = read(HEAD + b"X-A:\ta\tb\t\r\nX-B: J\xc3\xb6rg\r\nContent-Length:\t0\r\n\r\n")
    assert parser.keep_alive
    assert parser.reply.headers == {"x-a": "a b", "x-b": "J\xf6rg", "content-length": "0"}


def test_a_list_that_names_the_length_hides_none():
    exposed = (
        b"Access-Control-Expose-Headers: A,\r\n Content-Length\r\nExpose : Content-Length\r\n"
    )
    parser, done = read(HEAD + exposed + TWO)
    assert done
    assert parser.reply.headers["access-control-expose-headers"] == "A, Content-Length"


def test_a_filter_says_what_of_the_body_is_kept():
    class Vowels:
        def __init__(self):
            self.seen = b""

        def keep(self, piece):
            self.seen += bytes(piece)
            return bytes([octet for octet in piece if octet in b"aeiou"])

    body = b"hello, world! " * 5_000
    for data, is_closed in framed(body):
        for others in (0, 4_096):
            vowels = Vowels()
            parser, done = read(data, 512, others=others, filter=vowels.keep)
            assert is_closed is not done
            assert not is_closed or parser.feed(b"")
            assert vowels.seen == body
            assert parser.reply.body == b"eoo" * 5_000
    error = raises(TransportError, read, HEAD + b"\r\n" + b"a" * 17_000, filter=bytes)
    assert "longer than 16384 bytes" in error.message


def test_trailing_data_is_kept_apart():
    for data, status, body, kept in COMPLETE:
        parser, done = read(data + b"HTTP/1.1 500 smuggled\r\n\r\n")
        assert done, data
        check(parser, status, body, kept)
        assert parser.excess == b"HTTP/1.1 500 smuggled\r\n\r\n"


def test_until_the_connection_closes():
    for data, body in TO_CLOSE:
        for piece in (None, 1):
            parser, done = read(data, piece)
            assert not done
            assert parser.feed(b"")
            check(parser, 200, body, False)


def test_a_close_after_the_end_is_no_trouble():
    parser, _ = read(HEAD + TWO)
    assert parser.keep_alive
    assert parser.feed(b"")
    assert not parser.keep_alive


def test_a_connection_cut_short_at_any_byte():
    for data, whole in (
        (HEAD + TWO, None),
        (CHUNKED + EXTENDED, b";last\r\n"),
        (CHUNKED + b"0\r\n\r\n", b"\r\n\r\n0\r\n"),
    ):
        for end in range(1, len(data)):
            parser, done = read(data[:end])
            assert not done
            if whole is not None and whole in data[:end]:  # the last chunk (RFC 9112 section 8)
                assert parser.feed(b"") and not parser.keep_alive
                continue
            error = raises(TransportError, parser.feed, b"")
            assert "in the middle" in error.message, data[:end]


def test_a_connection_closed_without_a_byte():
    parser = ReplyParser()
    assert not parser.is_started
    assert "without a reply" in raises(TransportError, parser.feed, b"").message
    parser = ReplyParser()
    parser.feed(b"H")
    assert parser.is_started


def test_what_is_not_http():
    for data in BROKEN:
        error = raises(TransportError, read, data)
        assert error.kind == "network"
        assert "cannot be read" in error.message, data
        raises(TransportError, read, data, 1)


def test_header_names_are_lower_case_and_repeats_are_joined():
    parser, _ = read(
        HEAD + b"X-A: 1\r\nRETRY-AFTER:  17 \t\r\nx-a:2\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n"
    )
    headers = parser.reply.headers
    assert headers["retry-after"] == "17"
    assert headers["x-a"] == "1, 2"
    assert headers["x-empty"] == ""


MANY = b"".join(b"X-Small-%d: value %d\r\n" % (number, number) for number in range(300))
READ = b"Retry-After: 7\r\nDate: Sun\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n"


def test_headers_that_nobody_reads_are_not_kept():
    for data in (HEAD + MANY + READ + b"\r\n", HEAD + READ + MANY + b" folded\r\n\r\n"):
        parser, done = read(data, 512, others=0)
        assert done
        assert parser.reply.headers == {
            "retry-after": "7",
            "date": "Sun",
            "www-authenticate": "Bearer",
            "content-length": "0",
        }


def test_the_other_headers_have_room_for_a_few_and_no_more():
    parser, _ = read(HEAD + MANY + READ + b"\r\n", 512)
    headers = parser.reply.headers
    assert headers["x-small-0"] == "value 0" and headers["retry-after"] == "7"
    assert 30 < len(headers) < 70
    again = b"X-Again: value\r\n" * 900
    parser, _ = read(HEAD + again + READ + b"\r\n", 512)
    assert len(parser.reply.headers["x-again"]) < 4_096


def test_a_folded_header_is_one_line():
    parser, _ = read(
        HEAD + b' first is folded\r\nWWW-Authenticate: Bearer\r\n  error="invalid_token"\r\n'
        b"Content-Length: 0\r\n\r\n"
    )
    assert parser.reply.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_a_header_that_is_no_text_is_passed_over():
    parser, _ = read(HEAD + b"X-A: a\r\nX-B: \xe9\r\n folded\r\nContent-Length: 0\r\n\r\n")
    assert parser.reply.headers == {"x-a": "a", "content-length": "0"}


def test_a_reply_to_head_has_no_body():
    parser, done = read(HEAD + b"Content-Length: 500\r\n\r\n", is_head=True)
    assert done
    check(parser, 200, b"", True)


def test_a_body_may_be_as_long_as_the_bound_and_no_longer():
    room = b"x" * MAX_BODY
    length = b"Content-Length: %d\r\n\r\n"
    chunk = b"%x\r\n"
    fits = [
        HEAD + length % MAX_BODY + room,
        CHUNKED + chunk % MAX_BODY + room + b"\r\n0\r\n\r\n",
        CHUNKED + (chunk % 8192 + room[:8192] + b"\r\n") * 2 + b"0\r\n\r\n",
    ]
    for data in fits:
        parser, done = read(data, 512)
        assert done
        assert parser.reply.body == room
    parser, _ = read(HEAD + b"\r\n" + room, 512)
    parser.feed(b"")
    assert parser.reply.body == room
    too_long = [
        HEAD + length % (MAX_BODY + 1),
        HEAD + length % 5_000_000,
        CHUNKED + chunk % (MAX_BODY + 1),
        CHUNKED + chunk % MAX_BODY + room + b"\r\n1\r\n",
        HEAD + b"\r\n" + room + b"x",
    ]
    for data in too_long:
        error = raises(TransportError, read, data)
        assert "longer than 16384 bytes" in error.message
    error = raises(TransportError, read, HEAD + TWO, max_body=1)
    assert "longer than 1 bytes" in error.message
    assert "max_body" in error.hint


def with_id_token(length, before=b"", after=b"}", colon=b": "):
    """A reply to keyfob itself, and its body up to the ID token and after it."""
    head = b'{"access_token": "at-1", ' + before + b'"id_token"' + colon + b'"'
    tail = b'"' + after
    return head, head + b"e" * length + tail, tail


def framed(body):
    """The same body in each framing, and whether the connection has to end."""
    yield HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body, False
    chunks = [body[at : at + 5000] for at in range(0, len(body), 5000)]
    parts = [b"%x\r\n" % len(chunk) + chunk + b"\r\n" for chunk in chunks]
    yield CHUNKED + b"".join(parts) + b"0\r\n\r\n", False
    yield HEAD + b"\r\n" + body, True


def test_a_very_long_id_token_is_cut_to_its_beginning():
    for length in (8_800, 20_000, 60_000):
        for colon in (b":", b" : ", b":\r\n  "):
            head, body, tail = with_id_token(length, colon=colon, after=b', "scope": "a"}')
            for data, is_closed in framed(body):
                for piece in (None, 251):
                    parser, done = read(data, piece, others=0)
                    assert is_closed is not done
                    assert not is_closed or parser.feed(b"")
                    assert parser.reply.body == head + b"e" * 16 + tail
                    assert not parser.excess


def test_any_other_reply_is_whole():
    body = with_id_token(8_192)[1]
    texts = (
        body,
        with_id_token(0)[1],
        b'{"id_token": null, "x": "%s"}' % (b"y" * 5_000),
        b'{"error_description": "no \\"id_token\\" here", "x": "%s"}' % (b"y" * 9_000),
        b'{"access_token": "%s"}' % (b"y" * 12_000),
        b'{"id_token"',
        b"",
    )
    for text in texts:
        for data, is_closed in framed(text):
            parser, _ = read(data, 100, others=0)
            assert not is_closed or parser.feed(b"")
            assert parser.reply.body == text
    long = with_id_token(9_000)[1]
    for data, is_closed in framed(long):  # of a program's own call
        parser, _ = read(data)
        assert not is_closed or parser.feed(b"")
        assert parser.reply.body == long


def test_what_is_not_an_id_token_is_bounded_all_the_same():
    for text in (
        b'{"access_token": "%s"}' % (b"y" * 20_000),
        with_id_token(20_000, after=b', "x": "%s"}' % (b"y" * 17_000))[1],
        with_id_token(70_000)[1],
    ):
        for data, _ in framed(text):
            for piece in (None, 256):
                error = raises(TransportError, read, data, piece, others=0)
                assert "longer than 16384 bytes" in error.message


def test_only_a_providers_own_reply_is_too_long_for_good():
    json = b"Content-Type: application/json;charset=UTF-8\r\n"
    length = b"Content-Length: 20000\r\n\r\n"
    for start, is_final in (
        (HEAD + json, True),
        (HEAD, False),
        (HEAD + b"Content-Type: text/html\r\n", False),
        (HEAD.replace(b"200", b"502") + json, False),
    ):
        error = raises(TransportError, read, start + length)
        assert "has 20000 bytes" in error.message
        assert error.is_final is is_final, start


def test_an_endless_head_is_given_up():
    parser = ReplyParser(max_head=100)
    parser.feed(HEAD)
    parser.feed(b"X: " + b"y" * 80)  # 17 + 83 bytes: as much as there is room for
    error = raises(TransportError, parser.feed, b"y")
    assert "headers are too long" in error.message
    many = b"HTTP/1.1 103 Early Hints\r\n\r\n" * 600
    assert "too long" in raises(TransportError, read, many, 512).message
    trailers = CHUNKED + b"0\r\n" + b"X: y\r\n" * 3000
    assert "too long" in raises(TransportError, read, trailers, 512).message


def test_a_long_head_leaves_room_for_chunk_sizes():
    head = CHUNKED[:-2]
    head += b"X: " + b"y" * (MAX_HEAD - 2 - len(head) - 7) + b"\r\n\r\n"
    assert len(head) == MAX_HEAD - 2
    parser, done = read(head + b"5;a=b\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n", 512)
    assert done
    assert parser.reply.body == b"helloworld"
    endless = CHUNKED + b"5;" + b"x" * 2000
    assert "too long" in raises(TransportError, read, endless, 512).message


def test_a_header_of_a_browser_s_size_is_read_past_and_not_kept():
    for size in (1_021, 1_022, 1_023, 4_000, 9_000):
        policy = b"X: " + b"y" * size + b"\r\n and:\tmore\r\n"
        data = HEAD + b"A: b\r\n" + policy + b"Retry-After: 7\r\n" + TWO
        for piece in (1, 3, 512, len(data)):
            parser = ReplyParser()
            for start in range(0, len(data), piece):
                done = parser.feed(data[start : start + piece])
                assert len(parser._buffer) <= max(1_026, piece)
            assert done
            headers = parser.reply.headers
            assert ("x" in headers) == (size == 1_021), size
            assert (headers["a"], headers["retry-after"]) == ("b", "7")
