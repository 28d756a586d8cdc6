"""Addresses, and which of them may carry a secret or be shown."""

from support import raises

from keyfob.errors import ConfigError
from keyfob.oauth import url

GOOD = [
    # address, its scheme, host, port and target
    ("https://as.example", ("https", "as.example", 443, "/")),
    ("https://as.example/token", ("https", "as.example", 443, "/token")),
    ("HTTPS://AS.Example:8443/Token", ("https", "as.example", 8443, "/Token")),
    ("https://as.example?tenant=1", ("https", "as.example", 443, "/?tenant=1")),
    ("https://as.example/a?b=/c?d", ("https", "as.example", 443, "/a?b=/c?d")),
    ("https://d-0.example/start/#/device", ("https", "d-0.example", 443, "/start/")),
    ("https://as.example/@me", ("https", "as.example", 443, "/@me")),
    ("https://as.example:/x", ("https", "as.example", 443, "/x")),
    ("http://127.0.0.1:8080/token", ("http", "127.0.0.1", 8080, "/token")),
    ("http://[::1]:8080/token", ("http", "::1", 8080, "/token")),
    ("https://[2001:db8::1]/", ("https", "2001:db8::1", 443, "/")),
    ("https://[2001:DB8:0:0:1:2:3:4]:8443/", ("https", "2001:db8:0:0:1:2:3:4", 8443, "/")),
    ("https://[1:2:3:4:5:6:7::]", ("https", "1:2:3:4:5:6:7::", 443, "/")),
    ("https://AS.example./token", ("https", "as.example", 443, "/token")),
    ("http://127.0.0.1.:80/", ("http", "127.0.0.1", 80, "/")),
    ("https://keycloak", ("https", "keycloak", 443, "/")),
    ("https://my_login-2.xn--bcher-kva.example", None),
    ("https://1password.example", None),
    ("https://1.0.0.127.in-addr.arpa", None),
    ("https://0xtools.example", None),
    ("https://0.0.0.0", None),
    ("https://255.255.255.255", None),
    ("https://" + "a" * 63 + ".example", None),
    ("https://" + "a." * 126 + "b", None),  # 253 characters
    ("https://" + "a." * 126 + "b.", ("https", "a." * 126 + "b", 443, "/")),
]

BAD = [
    "",
    None,
    7,
    "as.example/token",
    "//as.example/token",
    "ftp://as.example/",
    "javascript:alert(1)",
    "javascript://as.example/%0aalert(1)",
    "https:as.example",
    "https://",
    "https:///token",
    "https://:443/token",
    "https://good.example@evil.example/",
    "https://user:word@as.example/",
    "https://evil.example\\@good.example/",
    "https://evil.example\\.good.example/",
    "https://as.example/a b",
    "https://as.example/\n",
    "https://as.example/\x7f",
    "https://as.example/\u202egro.elpmaxe",
    "https://b\u00fccher.example/",
    "https://as.example:port/",
    "https://as.example:0/",
    "https://as.example:65536/",
    "https://as.example:+443/",
    "https://[::1/",
    "https://[::1]x/",
    "https://[]/",
    "https://[::1%eth0]/",
    "https://[1::2::3]/",
    "https://[:::]/",
    "https://[1:2:3:4:5:6:7]/",
    "https://[1:2:3:4:5:6:7:8:9]/",
    "https://[1:2:3:4::5:6:7:8]/",
    "https://[12345::1]/",
    "https://[g::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[as.example]/",
    "https://::1/",
    "https://.",
    "https://as..example/",
    "https://.as.example/",
    "https://as.example../",
    "https://-as.example/",
    "https://as-.example/",
    "https://as.-example/",
    "https://as%2eexample/",
    "https://as,example/",
    "https://as*.example/",
    "https://as;example/",
    "https://as&example/",
    'https://as"example/',
    "https://as.example]/",
    "https://" + "a" * 64 + ".example",
    "https://" + "a." * 126 + "bc",
    "https://1.2.3/",
    "https://1.2.3.4.5/",
    "https://256.1.1.1/",
    "https://1.1.1.01/",
    "https://010.1.1.1/",
    "https://0x7f.1/",
    "https://0x7f.0.0.0x1/",
    "https://0x7f000001/",
    "https://2130706433/",
    "https://127.1/",
    "https://as.example.1/",
    "https://1.1.1.%d/" % 10**30,
]


def test_an_address_comes_apart_into_what_a_connection_needs():
    for address, parts in GOOD:
        found = url.split(address)
        expected = parts or ("https", address[len("https://") :], 443, "/")
        assert found == expected, address


def test_what_is_no_http_address_is_refused_with_the_reason():
    for address in BAD:
        assert str(raises(ValueError, url.split, address)), address


def test_loopback_is_this_machine_and_nothing_that_only_looks_like_it():
    for host in ("localhost", "127.0.0.1", "127.9.8.7", "::1"):
        assert url.is_loopback(host), host
    for host in ("127.0.0.1.evil.example", "127.evil.0.1", "localhost.evil.example", "10.0.0.1"):
        assert not url.is_loopback(host), host


def test_http_is_safe_on_loopback_or_where_it_was_allowed():
    assert url.is_safe("https://as.example/device")
    assert url.is_safe("http://localhost:8080/device")
    assert not url.is_safe("http://192.168.1.20/device")
    assert url.is_safe("http://192.168.1.20/device", True)
    assert not url.is_safe("http://127.0.0.1.evil.example/device")


def test_nothing_malformed_is_safe_even_where_http_is_allowed():
    for address in BAD:
        assert not url.is_safe(address, True), address


def test_what_is_longer_than_512_characters_is_not_safe_to_draw():
    address = "https://as.example/" + "x" * (512 - len("https://as.example/"))
    assert url.is_safe(address)
    assert not url.is_safe(address + "x")


def test_a_bad_configured_address_is_named_by_its_field_and_not_repeated():
    for address in BAD + ["http://as.example/token?client_secret=s3cret"]:
        error = raises(ConfigError, url.check, address, "provider.token_endpoint")
        assert error.message.startswith("provider.token_endpoint "), address
        assert error.hint, address
        assert "s3cret" not in error.message + error.hint


def test_a_good_configured_address_is_returned_as_it_was_written():
    for address, _ in GOOD:
        assert url.check(address, "issuer") == address
    assert url.check("http://10.0.0.1/", "issuer", True) == "http://10.0.0.1/"
