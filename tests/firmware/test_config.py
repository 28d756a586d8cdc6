"""`/keyfob.json` as people write it, and the words for what is wrong with it."""

import json

import support
from fakes import Folder

from keyfob import config, config_text
from keyfob.errors import ConfigError

ADDRESS = ["10.0.0.5", "255.255.255.0", "10.0.0.1", "9.9.9.9"]
PROVIDER = {"issuer": "https://as.example", "client_id": "board"}


def fields(**changes):
    """A sound configuration with some fields changed."""
    found = {"provider": PROVIDER}
    found.update(changes)
    return found


def complaint(**changes):
    return support.raises(ConfigError, config.Config, fields(**changes))


def test_only_the_provider_is_needed():
    found = config.Config({"provider": PROVIDER})
    assert found.profile.issuer == "https://as.example"
    assert found.client.client_id == "board"
    assert found.wifi == [] and found.roots() == []
    assert found.allow_http is False
    assert found.scope is found.api is found.board is found.language is None


def test_every_field_is_taken():
    found = config.Config(
        {
            "wifi": [
                {"ssid": "home", "password": "pass", "txpower": 8.5, "address": ADDRESS},
                {"ssid": "open", "txpower": 20, "address": None},
            ],
            "country": "DE",
            "provider": dict(PROVIDER, client_secret="s3", client_auth="post"),
            "scope": "openid profile",
            "ca": [],
            "allow_http": True,
            "board": "esp32-generic",
            "api": "http://10.0.0.1/v1/me",
            "language": "en",
        }
    )
    assert found.wifi[1]["ssid"] == "open" and found.country == "DE"
    assert (found.wifi[0]["txpower"], found.wifi[0]["address"]) == (8.5, ADDRESS)
    assert (found.client.secret, found.client.auth) == ("s3", "post")
    assert (found.scope, found.board, found.language) == ("openid profile", "esp32-generic", "en")
    assert found.api == "http://10.0.0.1/v1/me"
    assert found.allow_http is found.profile.allow_http is True


def test_the_secret_is_in_one_place_only():
    found = config.Config(fields(provider=dict(PROVIDER, client_secret="s3cr3t")))
    assert found.provider is None
    assert found.client.secret == "s3cr3t"


def test_null_is_as_good_as_absent():
    names = [name for name in config._FIELDS if name != "provider"]
    found = config.Config(fields(**dict.fromkeys(names)))
    assert found.wifi == [] and found.roots() == [] and found.allow_http is False


def test_a_complaint_names_the_field():
    for changes, field in (
        ({"wifI": []}, "wifI"),
        ({"tokens": {}}, "tokens"),
        ({"provider": None}, "provider"),
        ({"provider": "github"}, "provider"),
        ({"wifi": {}}, "wifi"),
        ({"wifi": "home"}, "wifi"),
        ({"wifi": ["home"]}, "wifi[0]"),
        ({"wifi": [{"ssid": "a"}, {"password": "b"}]}, "wifi[1].ssid"),
        ({"wifi": [{"ssid": ""}]}, "wifi[0].ssid"),
        ({"wifi": [{"ssid": 5}]}, "wifi[0].ssid"),
        ({"wifi": [{"ssid": "a", "password": 12345678}]}, "wifi[0].password"),
        ({"wifi": [{"ssid": "a", "pass": "b"}]}, "wifi[0].pass"),
        ({"wifi": [{"ssid": "a", "txpower": "8.5"}]}, "wifi[0].txpower"),
        ({"wifi": [{"ssid": "a", "txpower": True}]}, "wifi[0].txpower"),
        ({"wifi": [{"ssid": "a", "txpower": 0}]}, "wifi[0].txpower"),
        ({"wifi": [{"ssid": "a", "txpower": 20.5}]}, "wifi[0].txpower"),
        ({"wifi": [{"ssid": "a", "address": "10.0.0.5"}]}, "wifi[0].address"),
        ({"wifi": [{"ssid": "a", "address": ADDRESS[:3]}]}, "wifi[0].address"),
        ({"wifi": [{"ssid": "a", "address": ADDRESS[:3] + [None]}]}, "wifi[0].address"),
        ({"wifi": [{"ssid": "a", "address": ADDRESS[:3] + ["9.9.9.256"]}]}, "wifi[0].address"),
        ({"wifi": [{"ssid": "a", "address": ADDRESS[:3] + ["dns.example"]}]}, "wifi[0].address"),
        ({"wifi": [{"ssid": "a", "address": ADDRESS[:3] + ["9.9.9.\u00b2"]}]}, "wifi[0].address"),
        ({"wifi": [{"ssid": "a", "address": ADDRESS[:3] + ["9.9.9.\u0669"]}]}, "wifi[0].address"),
        ({"country": "de"}, "country"),
        ({"country": "DEU"}, "country"),
        ({"country": "Ä"}, "country"),
        ({"scope": ["openid"]}, "scope"),
        ({"ca": "/ca.der"}, "ca"),
        ({"allow_http": "yes"}, "allow_http"),
        ({"allow_http": 1}, "allow_http"),
        ({"board": 32}, "board"),
        ({"api": 5}, "api"),
        ({"api": "api.example.com"}, "api"),
        ({"api": "http://api.example.com/"}, "api"),
        ({"language": True}, "language"),
        ({"provider": {"issuer": "https://as.example"}}, "client_id"),
        ({"provider": dict(PROVIDER, client_id=7)}, "provider.client_id"),
        ({"provider": dict(PROVIDER, issuer="http://as.example")}, "provider.issuer"),
        ({"provider": dict(PROVIDER, isuer="x")}, "provider.isuer"),
        ({"provider": {"client_id": "board"}}, "provider.device_authorization_endpoint"),
    ):
        error = complaint(**changes)
        assert field in str(error).split(), "%s: %s" % (field, error)
        assert error.kind == "config"


def test_true_is_no_number():
    config._FIELDS["seconds"], config._HINTS[int] = int, "make it a whole number"
    try:
        assert config.Config(fields(seconds=1)).seconds == 1
        for wrong in (True, 1.0, "1"):
            assert str(complaint(seconds=wrong)) == "seconds is of the wrong type"
    finally:
        del config._FIELDS["seconds"], config._HINTS[int]


def test_a_complaint_holds_no_secret():
    for changes in (
        {"wifi": [{"ssid": 5, "password": "s3cr3t"}]},
        {"wifi": [{"password": "s3cr3t"}]},
        {"provider": dict(PROVIDER, client_secret="s3cr3t", client_auth="none")},
        {"provider": dict(PROVIDER, client_secret="s3cr3t", client_auth="jwt")},
        {"provider": dict(PROVIDER, client_secret=["s3cr3t"])},
        {"provider": dict(PROVIDER, issuer="https://s3cr3t@as.example")},
    ):
        error = complaint(**changes)
        assert "s3cr3t" not in "%s %s" % (error, error.hint), changes


def test_a_configuration_is_an_object():
    for wrong in (None, [], "x", 5):
        error = support.raises(ConfigError, config.Config, wrong)
        assert "object" in str(error)


def test_a_board_s_power_is_that_of_each_network_without_its_own():
    for board, powers in (
        ({"wifi": {"txpower": 8.5}}, [8.5, 15]),
        ({"wifi": {}}, [None, 15]),
        ({}, [None, 15]),
        ([], [None, 15]),
        (b"{", [None, 15]),
        (None, [None, 15]),
    ):
        with Folder() as folder:
            folder.write("keyfob.json", fields(wifi=[{"ssid": "a"}, {"ssid": "b", "txpower": 15}]))
            if board is not None:
                folder.write("board.json", board)
            found = config.load(root=folder.path).networks()
            assert [network.get("txpower") for network in found] == powers


def test_a_file_is_read_from_the_root():
    with Folder() as folder:
        folder.write("keyfob.json", fields(scope="openid", ca=["/root.der"]))
        folder.write("root.der", b"\x30\x82")
        found = config.load("/keyfob.json", folder.path)
        assert found.scope == "openid"
        assert found.roots() == [b"\x30\x82"]


def test_text_beyond_ascii_and_a_byte_order_mark_are_read():
    text = '{"provider": {"issuer": "https://as.example", "client_id": "Küche"}}'
    with Folder() as folder:
        for prefix in (b"", b"\xef\xbb\xbf"):
            folder.write("keyfob.json", prefix + text.encode())
            assert config.load("/keyfob.json", folder.path).client.client_id == "Küche"


def test_a_file_that_cannot_be_used_is_named():
    with Folder() as folder:
        error = support.raises(ConfigError, config.load, "/keyfob.json", folder.path)
        assert str(error) == "there is no /keyfob.json"
        invalid = "/keyfob.json is not valid JSON at line 1"
        for wrong, words in (
            (b"{", invalid),
            (b'{"wifi": []', invalid),
            (b'{"wifi": [],\n}', "/keyfob.json is not valid JSON at line 2"),
            (b"[" * 10_000, invalid),
            (b"\xff\xfe{", "/keyfob.json is not UTF-8"),
            (b'{"wifi": "\xff"}', "/keyfob.json is not UTF-8"),
            (b"\xff\xfe{\0}\0", "/keyfob.json is not UTF-8"),
            (b"\xfe\xff\0{\0}", "/keyfob.json is not UTF-8"),
            (b"{\0}\0", "/keyfob.json is not UTF-8"),
            (b"", "/keyfob.json is empty"),
            (b"\xef\xbb\xbf \r\n", "/keyfob.json is empty"),
            (b'{"wifi": "f\xfcr"}', "/keyfob.json is not UTF-8"),
        ):
            folder.write("keyfob.json", wrong)
            error = support.raises(ConfigError, config.load, "/keyfob.json", folder.path)
            assert str(error) == words
            assert error.hint


def test_a_missing_certificate_is_named():
    with Folder() as folder:
        found = config.Config(fields(ca=["/root.der"]), folder.path)
        assert "/root.der" in str(support.raises(ConfigError, found.roots))
        assert "ca names 5" in str(
            support.raises(ConfigError, config.Config(fields(ca=[5])).roots)
        )


def test_what_is_json_and_what_is_not_is_the_same_everywhere():
    for text in (
        "{}",
        "[]",
        ' {"a": [1, -2.5e+3, 0.1E-2, 0], "b": {"c": null}, "d": true} \n',
        '"\\u00e9 \\" \\\\ \\/ \\b"',
        "12",
        '{"a": {}, "b": []}',
    ):
        assert config_text.wrong_line(text.encode()) is None, text
        json.loads(text)
    for text, line in (
        ("", 1),
        ("{\n", 1),
        ('{\n"a": 1,\n}', 3),
        ("[1,]", 1),
        ("[,]", 1),
        ('{"a": 1\n"b": 2}', 2),
        ('{"a" 1}', 1),
        ("{'a': 1}", 1),
        ("{a: 1}", 1),
        ("[1 2]", 1),
        ("[01]", 1),
        ("[1.]", 1),
        ("[.5]", 1),
        ("[+1]", 1),
        ("[1e]", 1),
        ("[--1]", 1),
        ("[NaN]", 1),
        ("[Infinity]", 1),
        ("[True]", 1),
        ("[1]\n[2]", 2),
        ("[1}", 1),
        ('["a\nb"]', 1),
        ('["\\x"]', 1),
        ('["\\u12g4"]', 1),
        ('\n["never ends]', 2),
        ('["\\', 1),
        ('{"a": 1}\n// note', 2),
        ("[" * 9 + "]" * 9, 1),
        ("[" * 100000, 1),
        ('{"wifi": [],\n"scope": "a",\n"wifi": []}', 3),
        ('{"a": {"b": 1},\n"c": [{"b": 1, "b": 2}]}', 2),
        ('["\\ud83d"]', 1),
        ('["\\ude00\\ud83d"]', 1),
        ('["\\ud83d\\ud83d"]', 1),
        ('["\\ud83d\\n"]', 1),
        ("{5: 1}", 1),
        ("{null: 1}", 1),
        ('{["a"]: 1}', 1),
    ):
        assert config_text.wrong_line(text.encode()) == line, text[:40]


def test_what_an_object_has_twice_counts_in_that_object_alone():
    for text in ('{"a": {"a": 1}, "b": {"a": 2}}', '[{"a": 1}, {"a": 1}]', '{"a": "a", "b": "a"}'):
        assert config_text.wrong_line(text.encode()) is None, text


def test_bytes_that_are_no_character_to_cpython_are_none_here():
    for text in (
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xe0\x9f\xbf",
        b"\xed\xa0\x80",
        b"\xf0\x8f\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xff",
        b"\x80",
        b"\xe2\x82",
    ):
        error = support.raises(ConfigError, config.parse, b'{"a": "' + text + b'"}', "it")
        assert str(error) == "it is not UTF-8", text
    for text in ("\x80", "\u0800", "\ud7ff", "\U00010000", "\U0010ffff"):
        assert config.parse(b'{"a": "%s"}' % text.encode(), "it")["a"] == text


def test_escaped_pairs_are_one_character():
    for text, found in (
        ('"\\ud83d\\ude00"', '"\U0001f600"'),
        ('"a\\uD83D\\uDE00b\\n"', '"a\U0001f600b\\n"'),
        ('"\\\\ud83d\\ude00"', '"\\\\ud83d\\ude00"'),  # an escaped backslash begins no pair
        ('"\\ud83d"', '"\\ud83d"'),
        ('"\\ude00\\ud83d"', '"\\ude00\\ud83d"'),
        ('"\\u00e9"', '"\\u00e9"'),
        ("plain", "plain"),
    ):
        assert config_text.joined(text.encode()) == found.encode(), text


def test_a_file_with_an_emoji_gives_its_bytes():
    text = '{"provider": %s, "wifi": [{"ssid": "\\ud83d\\ude00", "password": "\U0001f600\xe9"}]}'
    with Folder() as folder:
        folder.write("keyfob.json", (text % json.dumps(PROVIDER)).encode())
        found = config.load(root=folder.path).wifi[0]
    assert found["ssid"].encode() == b"\xf0\x9f\x98\x80"
    assert found["password"].encode() == b"\xf0\x9f\x98\x80\xc3\xa9"


def test_a_misspelt_field_names_the_nearest():
    for changes, like in (
        ({"wifI": []}, "wifi"),
        ({"langage": "en"}, "language"),
        ({"allowhttp": True}, "allow_http"),
        ({"provider": dict(PROVIDER, isuer="x")}, "provider.issuer"),
        ({"wifi": [{"ssid": "a", "pasword": "b"}]}, "wifi[0].password"),
    ):
        hint = complaint(**changes).hint
        assert hint == "it may be meant to be " + like, hint
    for changes in ({"colour": 1}, {"provider": dict(PROVIDER, logo="x")}):
        assert complaint(**changes).hint == "correct it, or remove it"
