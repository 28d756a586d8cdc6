"""Requests and replies as values, and the encodings between them."""

import binascii

import support
from conversation import form_of, profile, reply
from support import raises

from keyfob.errors import ConfigError, TransportError
from keyfob.oauth import form_response, json_object
from keyfob.oauth.messages import (
    BASIC,
    POST,
    Client,
    Reply,
    clean,
    form,
    form_request,
    get_request,
    is_printable,
    members,
    quote,
    seconds,
)

URL = "https://as.example/token"
LATER = "Too fast, try later"


def full(*_):
    """Stands for a function where there is no memory."""
    raise MemoryError


def send(client, *params, **dialect):
    return form_request(URL, params, client, profile(**dialect))


def basic_of(request):
    scheme, _, token = request.headers["Authorization"].partition(" ")
    assert scheme == "Basic"
    return str(binascii.a2b_base64(token), "ascii")


# Requests


def test_a_request_is_a_form_post_that_asks_for_json():
    request = send(Client("fob"), ("scope", "openid"))
    assert request.method == "POST"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["Accept"] == "application/json"
    assert request.headers["User-Agent"].startswith("keyfob/")
    assert isinstance(request.body, bytes)


def test_parameters_travel_in_the_body_and_the_url_stays_as_configured():
    for client in (Client("fob"), Client("fob", "s3cret", BASIC), Client("fob", "s3cret", POST)):
        request = send(client, ("device_code", "dc-A1"))
        assert request.url == URL
        assert form_of(request)["device_code"] == "dc-A1"


def test_empty_parameters_are_left_out():
    assert form([("scope", ""), ("audience", None), ("a", "1")]) == b"a=1"


def test_a_parameter_is_never_sent_twice():
    error = raises(ConfigError, form, [("scope", "a"), ("b", "c"), ("scope", "d")])
    assert "scope" in error.message
    assert form([("scope", "a"), ("scope", "")]) == b"scope=a"


def test_form_encoding_of_what_needs_it():
    cases = [
        ("abc-._~XYZ019", b"v=abc-._~XYZ019"),
        ("openid profile", b"v=openid%20profile"),
        ("a&b=c+d%e/f", b"v=a%26b%3Dc%2Bd%25e%2Ff"),
        ("\u00e4\u20ac", b"v=%C3%A4%E2%82%AC"),
        ("\r\n\x00", b"v=%0D%0A%00"),
        ("*!'()", b"v=%2A%21%27%28%29"),
    ]
    for value, body in cases:
        assert form([("v", value)]) == body, value


def test_sweep_every_character_survives_the_way_to_the_server():
    for start in range(1, 0x3000 if support.WHOLE else 0x180, 16):
        value = "<%s>" % "".join([chr(code) for code in range(start, start + 16)])
        assert form_of(send(Client("fob"), ("v", value)))["v"] == value, start


# Client authentication


def test_a_public_client_names_itself_in_the_body():
    request = send(Client("fob"))
    assert form_of(request) == {"client_id": "fob"}
    assert "Authorization" not in request.headers


def test_basic_sends_the_header_alone():
    request = send(Client("fob", "s3cret", BASIC), ("a", "1"))
    assert basic_of(request) == "fob:s3cret"
    assert form_of(request) == {"a": "1"}


def test_post_sends_the_body_alone():
    request = send(Client("fob", "s3cret", POST))
    assert form_of(request) == {"client_id": "fob", "client_secret": "s3cret"}
    assert "Authorization" not in request.headers


def test_basic_form_encodes_both_halves_before_base64():
    request = send(Client("fob:1 \u00e4", "s3c ret%+/", BASIC))
    assert basic_of(request) == "fob%3A1%20%C3%A4:s3c%20ret%25%2B%2F"


def test_a_long_secret_stays_on_one_header_line():
    value = send(Client("fob", "x" * 300, BASIC)).headers["Authorization"]
    assert "\n" not in value
    assert len(value) > 400


def test_without_a_method_the_metadata_decides():
    cases = [
        (None, BASIC),  # RFC 8414 section 2: absent means client_secret_basic
        ([], BASIC),
        ("client_secret_post", BASIC),  # no list
        (["client_secret_basic", "client_secret_post"], BASIC),
        (["client_secret_post"], POST),
        (["none", "client_secret_post"], POST),
    ]
    for methods, auth in cases:
        client = Client("fob", "s3cret")
        client.set_auth(methods)
        assert client.auth == auth, methods


def test_a_method_that_was_chosen_stands_whatever_the_metadata_says():
    for client, auth in ((Client("fob", "s3cret", POST), POST), (Client("fob"), "none")):
        client.set_auth(["client_secret_basic"])
        assert client.auth == auth


def test_a_secret_without_a_method_or_metadata_goes_by_basic():
    request = send(Client("fob", "s3cret"))
    assert basic_of(request) == "fob:s3cret"
    assert request.body == b""


def test_contradictions_are_refused_with_a_hint():
    cases = [
        (None, None, None),
        ("", None, None),
        (7, None, None),
        ("fob", None, BASIC),
        ("fob", "", POST),
        ("fob", "s3cret", "none"),
        ("fob", "s3cret", "private_key_jwt"),
    ]
    for case in cases:
        error = raises(ConfigError, Client, *case)
        assert error.hint, case
        assert "s3cret" not in error.message + error.hint


def test_a_get_asks_for_json_and_carries_nothing_else():
    request = get_request("https://api.example/me")
    assert request.method == "GET"
    assert request.body is None
    assert request.url == "https://api.example/me"
    assert sorted(request.headers) == ["Accept", "User-Agent"]
    assert request.headers["Accept"] == "application/json"


def test_what_holds_secrets_shows_none_when_printed():
    client = Client("fob", "s3cret", POST)
    request = send(client, ("device_code", "dc-A1"))
    answer = reply(200, {"access_token": "at-F1"})
    for value in (client, request, answer):
        shown = str(value) + repr(value)
        for secret in ("s3cret", "dc-A1", "at-F1"):
            assert secret not in shown


# Replies


def test_members_of_json_and_of_forms_whatever_the_content_type():
    cases = [
        (b'{"error": "slow_down"}', {"error": "slow_down"}),
        (b'\xef\xbb\xbf{\r\n  "error" : "slow_down"\r\n}\r\n', {"error": "slow_down"}),
        (b"{}", {}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b"error=slow_down", {"error": "slow_down"}),
        (b"error=slow_down&why=Too+fast%2C+try%20later\n", {"error": "slow_down", "why": LATER}),
        (b"scope=repo%2Cgist&x=", {"scope": "repo,gist", "x": ""}),
    ]
    for body, expected in cases:
        for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
            assert members(reply(200, body, content_type=kind)) == expected, body


def test_what_is_neither_json_object_nor_form_has_no_members():
    for body in (
        b"",
        b" ",
        b"[]",
        b"[1]",
        b"7",
        b"null",
        b'"authorization_pending"',
        b"authorization_pending",
        b"<html><body class=x>Bad gateway</body></html>",
        b'{"error": "authorization_pen',
        b'{"error": "slow_down", trailing',
        b"\xff\xfe\x00",
        b'{"error": "\xff}',
        b"error=%zz",
        b"error=%e9",
        b"error=%-1",
        b"error=%+1",
        b"error=a%\r\nb",
        b"=slow_down",
        b"&&",
        b"[" * 5000,
        b'{"a":' * 3000,
    ):
        assert members(reply(200, body)) is None, body[:40]


def test_what_is_in_front_of_an_object_and_behind_it_is_passed_over():
    answer = b'{"error": "slow_down"}'
    for front in (
        b"",
        b"\n",
        b"\xef\xbb\xbf \r\n",
        b"Notice: undefined index scope in /srv/token.php on line 7\n",
        b"<br />\n<b>Warning</b>:  Undefined key in <b>/srv/token.php</b> on line <b>7</b><BR>\n",
        b"<!-- served by cache 7 -->",
        b'\n<!-- {"error": "access_denied"} -->\n<!----><!-- <html> -->\n',
        b"\xe9t\xe9: ",
        b")]}',\n",
        b"while(1);",
        b"x" * 1_900,
    ):
        for behind in (
            b"",
            b"\n",
            b"\n<!-- 12 ms -->",
            b'{"error": "access_denied"}',
            b"}",
            b"</body></html>",
            b"\0\xff",
        ):
            body = front + answer + behind
            assert members(reply(200, body)) == {"error": "slow_down"}, body
            assert members(Reply(200, {}, bytearray(body))) == {"error": "slow_down"}, body


def test_a_page_or_a_part_of_something_else_is_no_answer():
    answer = b'{"access_token": "at-1", "token_type": "Bearer"}'
    for body in (
        b"<html><script>var x = " + answer + b"</script></html>",
        b"\n <!doctype html>\n" + answer,
        b"<!-- a comment --><html>" + answer,
        b"<!-- never closed " + answer,
        b"<!--> " + answer,  # neither: its end is not behind its beginning
        b"<script>" + answer + b"</script>",
        b"Please log in. <script>" + answer,
        b"<br /><style>" + answer,
        b"<p>" + answer,
        b"<" + answer,
        b"[" + answer + b"]",
        b'\n["x", ' + answer + b"]",
        b'"' + answer + b'"',
        b"{ text } " + answer,
        b"{{" + answer + b"}}",
        b"x" * 2_048 + answer,
        b"\0" + answer[:-1],
        "".join("\0" + chr(octet) for octet in answer).encode(),
    ):
        assert members(reply(200, body)) is None, body
    assert members(reply(200, b"a=b&c=" + answer))["c"] == str(answer, "utf-8")  # a form


def test_a_string_that_is_not_utf_8_is_latin_1():
    cases = [
        (b"J\xf6rg", "J\xf6rg"),
        (b"J\xc3\xb6rg", "J\xf6rg"),
        (b"\xf6 \\u00f6 \\n", "\xf6 \xf6 \n"),
        (b"\xf0\x9f\x98\x80", "\U0001f600"),
        (b"\xe6\x97\xa5", "\u65e5"),
        (b"\xc0\x80", "\xc0\x80"),  # overlong
        (b"\xe0\x9f\xbf", "\xe0\x9f\xbf"),
        (b"\xed\xa0\x80", "\xed\xa0\x80"),  # half of a pair
        (b"\xf0\x8f\xbf\xbf", "\xf0\x8f\xbf\xbf"),
        (b"\xf4\x90\x80\x80", "\xf4\x90\x80\x80"),  # beyond Unicode
        (b"\xe6\x97", "\xe6\x97"),
        (b"\x80", "\x80"),
    ]
    for octets, text in cases:
        found = members(reply(200, b'{"access_token": "at", "name": "' + octets + b'"}'))
        assert found == {"access_token": "at", "name": text}, octets


def test_escapes_are_those_of_json():
    cases = [
        (b'\\"\\\\\\/\\b\\f\\n\\r\\t', '"\\/\b\f\n\r\t'),
        (b"\\\\\\\\", "\\\\"),
        (b"\\\\u0041", "\\u0041"),
        (b"\\u0041\\u00e9\\u20AC.", "A\xe9\u20ac."),
        (b"\\ud83d\\uDE00!", "\U0001f600!"),
        (b"\\ud83d", "\ufffd"),
        (b"\\ud83dx\\ude00y", "\ufffdx\ufffdy"),
        (b"\\ude00\\ud83d\\u0041", "\ufffd\ufffdA"),
    ]
    for escaped, text in cases:
        assert members(reply(200, b'{"a": "' + escaped + b'"}')) == {"a": text}, escaped
    for broken in (b"\\q", b"\\u12", b"\\u+123", b"\\u 123", b"\\u12g4", b"\\", b"\\U0041"):
        assert members(reply(200, b'{"a": "' + broken + b'"}')) is None, broken


def test_mistakes_that_change_no_meaning_are_read_and_others_are_not():
    cases = [
        (b'{"a": 1,}', {"a": 1}),
        (b'{"a": [1, 2 , ] }', {"a": [1, 2]}),
        (b'{"a": "x\n\ty"}', {"a": "x\n\ty"}),
        (b'{"a": 007}', {"a": 7}),
        (b'{"a": .5, "b": 5., "c": +5}', {"a": 0.5, "b": 5.0, "c": 5}),
        (b'{"a": NaN, "b": [Infinity, -Infinity]}', {"a": None, "b": [None, None]}),
        (b'{"a": -0, "b": 1E+2, "c": -12}', {"a": 0, "b": 100.0, "c": -12}),
        (b'{"a": {"b": [{}, [], null, true, false]}}', {"a": {"b": [{}, [], None, True, False]}}),
    ]
    for body, expected in cases:
        assert members(reply(200, body)) == expected, body
    for body in (
        b'{"a" 1}',
        b'{"a": 1 "b": 2}',
        b'{"a": [1 2]}',
        b'{"a": [1}',
        b'{"a": 1]',
        b'{"a": {"b": 1]}',
        b'{,"a": 1}',
        b'{"a": 1,,"b": 2}',
        b'{"a":, "b": 2}',
        b'{"a": }',
        b"{a: 1}",
        b"{'a': 1}",
        b"{1: 2}",
        b'{"a": tru}',
        b'{"a": nulll}',
        b'{"a": True}',
        b'{"a": nan}',
        b'{"a": +Infinity}',
        b'{"a": 0x10}',
        b'{"a": 1_0}',
        b'{"a": 1-2}',
        b'{"a": 1e}',
        b'{"a": e1}',
        b'{"a": -}',
        b'{"a": 1.2.3}',
        b'{"a": /* 1 */ 2}',
        b'{"a": "b',
        b'{"a": "b"',
        b'{"a": "b" \0}',
    ):
        assert members(reply(200, body)) is None, body


def test_a_lack_of_memory_is_not_taken_for_a_page_of_somebody_elses():
    real, json_object.read = json_object.read, full
    try:
        for body in (b'{"access_token": "at", "a": [{}]}', b"[" * 3_000, b'{"a":' * 3_000):
            error = raises(TransportError, members, Reply(200, {}, body))
            assert error.kind == "memory"
    finally:
        json_object.read = real
    for start in (b"[", b'{"a":'):
        assert members(Reply(200, {}, start * 3_000)) is None


def test_a_form_is_short_and_no_page():
    for body in (
        b" \r\n\t<a=b>",
        b"\n{=b",
        b"a=b&" * 513,
        b"a=" + b"b" * 2_047,
        b"<html>" + b"a=b&" * 3_000,
        b" " * 12_000,
    ):
        assert members(reply(200, body)) is None, body[:40]
        assert members(Reply(200, {}, bytearray(body))) is None, body[:40]
    assert members(Reply(200, {}, bytearray(b" " + b"a=b&" * 500 + b"c=d")))["c"] == "d"


def test_a_form_without_memory_for_it_is_a_lack_of_memory():
    real, form_response.form_members = form_response.form_members, full
    try:
        error = raises(TransportError, members, reply(200, b"a=b"))
    finally:
        form_response.form_members = real
    assert error.kind == "memory"


def test_deep_nesting_is_read_or_refused_but_never_fatal():
    found = members(reply(200, b'{"a":' * 200 + b"1" + b"}" * 200))
    assert found is None or "a" in found


def test_seconds_of_whatever_a_provider_sends():
    cases = [
        (5, 5),
        (0, 0),
        (-3, -3),
        (2.5, 3),
        (3599.0, 3599),
        (0.001, 1),
        ("5", 5),
        ("5 ", 5),
        (" 0012\n", 12),
        ("2.5", 3),
        ("-3", -3),
        ("1e3", 1000),
        (2147483648, 2147483648),
        ("99999999999999999999", 99999999999999999999),
        (None, None),
        (True, None),
        (False, None),
        ("", None),
        ("junk", None),
        ("5s", None),
        ("0x10", None),
        ("1_0", None),
        ("\u0663", None),
        ("e5", None),
        ("5\xa0", None),
        ("nan", None),
        ("inf", None),
        ("-inf", None),
        (".", None),
        ("\u0661\u0662", None),
        ("\u00a012", None),
        ("\x1c12", None),
        ("9" * 5000, None),
        (float("nan"), None),
        (float("inf"), None),
        ([], None),
        ([5], None),
        ({"value": 5}, None),
    ]
    for value, expected in cases:
        found = seconds(value)
        assert found == expected, value
        assert found is None or isinstance(found, int), value


def test_json_numbers_beyond_any_meaning_do_not_crash():
    for number in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000, b"-" + b"9" * 5000):
        found = members(reply(200, b'{"interval": ' + number + b"}"))
        if found is not None:  # where it is read at all
            value = seconds(found["interval"])
            assert value is None or isinstance(value, int)


# Words that are shown


def test_a_providers_words_become_one_short_harmless_line():
    cases = [
        ("The code has expired.", "The code has expired."),
        ("  padded \n", "padded"),
        ("\x00\x1b[31mX", "[31mX"),
        ("a\r\nb\tc", "abc"),
        ("caf\u00e9 \u65e5\u672c", "caf\u00e9 \u65e5\u672c"),
        ("gro\u202eelpmaxe\u200b\ufeff", "groelpmaxe"),
        ("\u2028line\u2029", "line"),
        ("\x9b31m", "31m"),
        ("so\xadft", "soft"),
        (None, ""),
        (7, ""),
        (["x"], ""),
        ({"x": 1}, ""),
    ]
    for text, expected in cases:
        assert clean(text) == expected, text


def test_long_words_are_cut():
    assert clean("x" * 200) == "x" * 200
    assert clean("x" * 10_000) == "x" * 197 + "..."


def test_a_secret_that_comes_back_is_struck_out():
    secret = "dc/A1+ " + "long" * 400
    for echo in (secret, quote(secret)):
        shown = clean("unknown device_code=%s, sorry" % echo, (None, "", secret))
        assert shown == "unknown device_code=*, sorry"
    assert clean("a" * 10_000, ("a",)) == "*" * 197 + "..."  # nothing grows


def test_an_authorization_header_that_a_server_repeats_is_struck_out():
    headers = {}
    Client("fob", "s3cret/+", "basic").authenticate([], headers)
    basic = headers["Authorization"]
    assert clean("got Authorization: %s, why?" % basic) == "got Authorization: Basic * why?"
    assert clean("Basic auth? [%s] %s" % (basic, basic)) == "Basic auth? [Basic * Basic *"
    assert clean("Bearer %s is old" % ("x" * 40)) == "Bearer * is old"
    assert clean("Ba\0sic %s" % basic[6:]) == "Basic *"
    assert clean("basic %s, bearer %s." % (basic[6:], "a" * 30)) == "basic * bearer *"
    for words in ("Bearer token is missing", "Basic authentication, please", "Bearer", "Basic "):
        assert clean(words) == words.strip()


def test_no_secret_comes_together_once_what_does_not_show_is_gone():
    for sign in ("\0", "\x1b", "\n", "\u200b", "\u202e", "\U0001f600"):
        assert clean("a dc-%ssecret b" % sign, ("dc-secret",)) == "a * b"
        assert clean("a dc%%2F%ssecret b" % sign, ("dc/secret",)) == "a * b"


def test_escaped_surrogates_are_not_printable_on_either_runtime():
    words = members(reply(400, b'{"error_description": "hi \\ud83d\\ude00 \\ud800 there"}'))
    assert clean(words["error_description"]) == "hi   there"
    assert not is_printable("\U0001f600")
    assert is_printable("W") and is_printable("\u00df") and is_printable(" ")
