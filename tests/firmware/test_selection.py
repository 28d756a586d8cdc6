"""Members taken out of a long JSON reply as it arrives."""

import json

from support import raises

from keyfob.errors import TransportError
from keyfob.net.http_reply import ReplyParser
from keyfob.oauth.messages import Reply
from keyfob.oauth.selection import select

OK = Reply(200)
BROKEN = (
    "",
    "{",
    "[",
    '{"a"',
    '{"a":',
    '{"a"}',
    '{"b"}',
    '{"a" 1}',
    '{"a":}',
    '{"a":1',
    '{"a":1,,"a":2}',
    '{"a":1]',
    '{"a":tru}',
    '{"a":1 2}',
    '{"a":"x"y}',
    "{,}",
    "{1:2}",
    '{"b":}',
    '{"b":[',
    '{"b":[}',
    "[,]",
    "[1 2]",
    "[\ufeff1]",
    "[}",
    "]",
    ":",
    "tru",
    "<html>[1]</html>",
    'callback({"a":1})',
)
# Paths, a text, and what is kept of it.
KEPT = {
    "a member": (("a",), '{"b":1,"a":2,"c":3}', {"a": 2}),
    "two of them, in the order of the text": (("c", "a"), '{"a":2,"b":1,"c":3}', {"a": 2, "c": 3}),
    "one within another": (
        ("a/b",),
        '{"a":{"c":1,"b":{"d":[1]}},"b":2}',
        {"a": {"b": {"d": [1]}}},
    ),
    "of each element": (
        ("a",),
        '[{"a":1,"b":2},{},{"b":3},{"a":4}]',
        [{"a": 1}, {}, {}, {"a": 4}],
    ),
    "of arrays within arrays": (("a",), '[[{"a":1,"b":2}],[[]]]', [[{"a": 1}], [[]]]),
    "an array in a member": (("v/a",), '{"n":1,"v":[{"a":1,"b":2}]}', {"v": [{"a": 1}]}),
    "a name with dots": (
        ("@odata.nextLink",),
        '{"@odata.nextLink":"u"}',
        {"@odata.nextLink": "u"},
    ),
    "the whole wins over a part": (("a", "a/b"), '{"a":{"b":1,"c":2}}', {"a": {"b": 1, "c": 2}}),
    "everything, without a path": ((), '{"a":[1,{"b":2}]}', {"a": [1, {"b": 2}]}),
    "null where an object is wanted": (("a/b",), '{"a":null,"c":0}', {"a": None}),
    "a text where an object is wanted": (("a/b",), '{"a":"x"}', {"a": "x"}),
    "nothing": (("z",), '{"a":{"z":1},"b":"z"}', {}),
    "brackets and quotes in texts": (
        ("a",),
        '{"b":"}]\\"{","a":"[\\\\","c":{"d":"\\\\\\""}}',
        {"a": "[\\"},
    ),
    "escapes": (("a",), '{"a":"\\u00e9\\n\\/","b":"\\u00e9"}', {"a": "\xe9\n/"}),
    "letters beyond ASCII": (("\xe9",), '{"\xe9":"\u20ac","e":1}', {"\xe9": "\u20ac"}),
    "numbers and words": (
        ("a",),
        '{"a":[-1.5e3,true,false,null,0]}',
        {"a": [-1500.0, True, False, None, 0]},
    ),
    "blanks anywhere": (
        ("a/b",),
        ' \r\n{ "x" : [ ] , "a" : { "b" : 1 , "c" : 2 } } \n',
        {"a": {"b": 1}},
    ),
    "a byte order mark": (("a",), '\ufeff{"a":1}', {"a": 1}),
    "what is behind the end": (("a",), '{"a":1}{"a":2}]', {"a": 1}),
    "a comma before the end": (("a",), '{"a":[1],}', {"a": [1]}),
    "a very long name": (("a",), '{"%s":1,"a":2}' % ("a" * 5000), {"a": 2}),
    "a name that is escaped": (("a",), '{"\\u0061":1,"a":2}', {"a": 2}),
    "a name twice": (("a",), '{"a":1,"a":2}', {"a": 2}),
}

CASES = {"test_what_is_kept": sorted(KEPT)}


def fed(selection, text, size):
    """What is kept of a text that arrives in pieces of so many bytes."""
    octets = text if isinstance(text, bytes) else text.encode()
    kept = bytearray()
    for at in range(0, len(octets), size):
        kept.extend(selection.feed(bytearray(octets[at : at + size])))
    return bytes(kept)


def test_what_is_kept(case):
    paths, text, kept = KEPT[case]
    for size in (1, 2, 3, 7, 10_000):
        assert json.loads(fed(select(paths), text, size)) == kept


def test_of_a_broken_text_no_json_is_left():
    for text in BROKEN:
        for size in (1, 10_000):
            raises(ValueError, json.loads, fed(select(("a",)), text, size))


def test_of_a_text_that_was_cut_no_json_is_left():
    text = b'[{"a":{"b":"x\\"","c":[1,2]},"d":[{}]},{"a":{"b":null}}]'
    for end in range(len(text)):
        raises(ValueError, json.loads, fed(select(("a/b",)), text[:end], 5))


def test_what_is_left_out_may_be_as_deep_as_it_likes():
    deep = "[" * 50_000 + "]" * 50_000
    assert fed(select(("a",)), '{"b":%s,"a":1}' % deep, 512) == b'{"a":1}'


def test_what_is_kept_may_be_32_deep():
    for depth in (32, 33):
        kept = fed(select(("a",)), "[" * depth + "]" * depth, 64)
        assert kept == (b"[" * 32 + b"]" * 32 if depth == 32 else b"[" * 33)


def elements(paths, text, size=7):
    """The elements that a callback is given, and what is kept of the rest."""
    found = []
    selection = select(paths, found.append)
    rest = fed(selection, text, size)
    selection.check(OK)
    return found, json.loads(rest)


def test_a_callback_gets_each_element_and_the_reply_keeps_the_rest():
    text = '{"n":5,"v":[ {"a":"x","b":[1]} ,{}, 3,"s\\"t",null,[1,[{"b":2,"a":3}]]],"next":"u"}'
    for size in (1, 2, 3, 10_000):
        found, rest = elements(("v/a", "next"), text, size)
        assert found == [{"a": "x"}, {}, 3, 's"t', None, [1, [{"a": 3}]]]
        assert rest == {"v": [], "next": "u"}
        assert elements(("v",), text, size)[0][0] == {"a": "x", "b": [1]}
        assert elements((), '[1,{"a":[2]}]', size) == ([1, {"a": [2]}], [])
        assert elements(("a/b",), '[{"a":[{"b":1},{"b":2}]}]', size)[0] == [
            {"a": [{"b": 1}, {"b": 2}]}
        ]


def test_of_two_arrays_each_has_its_elements():
    assert elements(("a", "b/c"), '{"a":[1,2],"b":{"c":[3]}}') == (
        [1, 2, 3],
        {"a": [], "b": {"c": []}},
    )


def test_without_an_array_a_callback_gets_nothing():
    assert elements(("message",), '{"message":"no","x":1}') == ([], {"message": "no"})
    assert elements((), "[]") == ([], [])


def test_a_callback_has_had_what_came_before_the_trouble():
    for rest in ('{"a":tru}]', '{"a":2', "", "{]", "</html>"):
        found = []
        selection = select(("a",), found.append)
        raises(ValueError, json.loads, fed(selection, '[{"a":1},' + rest, 4))
        assert found == [{"a": 1}]
        raises(TransportError, selection.check, OK)
    for text in ("", "<html>", "[", '{"a":'):
        selection = select(("a",), list)
        fed(selection, text, 4)
        raises(TransportError, selection.check, OK)


def test_only_a_reply_with_the_answer_has_to_be_json():
    for status in (304, 403, 502):
        selection = select(("a",), list)
        fed(selection, "<html>", 4)
        selection.check(Reply(status))
    select(("a",)).check(OK)  # the caller reads it


def test_what_a_callback_raises_is_raised_and_ends_it():
    given = []

    def fail(item):
        given.append(item)
        raise KeyError("a")

    selection = select((), fail)
    fed(selection, "[1,2,3]", 2)
    assert given == [1]
    raises(KeyError, selection.check, OK)


def test_an_element_is_bounded():
    text = '[{"a":"%s","b":"%s"}]'
    assert len(elements(("a",), text % ("x" * 4000, "x" * 9000))[0][0]["a"]) == 4000
    for size in (1, 10_000):
        selection = select(("a",), list)
        assert fed(selection, text % ("x" * 9000, "x" * 9000), size) == b"["
        error = raises(TransportError, selection.check, OK)
        assert error.message == "an element has more than 4096 bytes"


def test_a_name_is_bounded():
    selection = select(("a",))
    fed(selection, '{"' + "a" * 100_000, 100)
    assert len(selection._name) < 200


ELEMENT = b'{"id":"%d","subject":{"title":"No. %d","url":"https://api.example/%d"},"rest":[%s]}'
REST = b'{"url":"https://api.example/x{/y}","text":"[\\"}","n":12.5},' * 40 + b"{}"


def chunks(count):
    """A chunked HTTP reply with an array of `count` elements of 2.4 KB."""
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for n in range(count):
        element = (b"," if n else b"[") + ELEMENT % (n, n, n, REST)
        yield b"%x\r\n%s\r\n" % (len(element), element)
    yield b"1\r\n]\r\n0\r\n\r\n"


def received(pieces, selection, max_body):
    parser = ReplyParser(max_body, filter=selection.feed)
    for piece in pieces:
        for at in range(0, len(piece), 256):
            if parser.feed(piece[at : at + 256]):
                return parser.reply
    parser.feed(b"")
    return parser.reply


def test_a_reply_of_200_kb_in_chunks():
    count = 85
    numbers = []
    selection = select(("id",), lambda item: numbers.append(int(item["id"])))
    reply = received(chunks(count), selection, 100)
    selection.check(reply)
    assert numbers == list(range(count))
    assert reply.json() == []

    reply = received(chunks(count), select(("subject/title",)), 4000)
    titles = [item["subject"]["title"] for item in reply.json()]
    assert titles == ["No. %d" % n for n in range(count)]


def test_what_is_kept_is_bounded_by_max_body():
    error = raises(TransportError, received, chunks(85), select(("subject/title",)), 1000)
    assert "longer than 1000 bytes" in error.message


def test_a_reply_that_ends_too_early():
    selection = select(("id",), list)
    error = raises(TransportError, received, list(chunks(3))[:-1], selection, 100)
    assert "in the middle of its reply" in error.message
