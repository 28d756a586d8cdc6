"""Why TLS failed: what a server says in the clear when it is greeted, and what is made of it.

Whole handshakes of real servers are in tests/simulator/test_tls_verdicts.py.
"""

import asyncio

from fakes import FakeClock
from scripted_server import serve
from support import raises

from keyfob.errors import TransportError
from keyfob.net import tls_greeting, tls_texts, tls_trouble

FATAL_ALERT = OSError(-30592, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE")
UNKNOWN = ValueError("\nThe certificate is not correctly signed by the trusted CA\n")
BAD_CERTIFICATE = OSError(-31232, "MBEDTLS_ERR_SSL_BAD_CERTIFICATE")
FAILURE = TransportError("as.example is not trusted: it is so", "try", "tls")

COMMON_NAME, UNIT, COUNTRY = b"\x55\x04\x03", b"\x55\x04\x0b", b"\x55\x04\x06"


def sized(data, width):
    return len(data).to_bytes(width, "big") + data


def der(tag, *parts):
    """An element of DER."""
    content = b"".join(parts)
    if len(content) < 128:
        return bytes((tag, len(content))) + content
    return bytes((tag, 0x82)) + sized(content, 2)


def name(*pairs):
    """A name of so many (kind, text in bytes)."""
    sets = [der(0x31, der(0x30, der(6, kind), der(12, text))) for kind, text in pairs]
    return der(0x30, *sets)


def certificate(issuer, subject, rest=b""):
    algorithm = der(0x30, der(6, b"\x2a\x03"))
    signed = der(
        0x30,
        der(0xA0, der(2, b"\x02")),
        der(2, bytes(16)),
        algorithm,
        issuer,
        der(0x30, der(23, b"2601010000Z"), der(23, b"2701010000Z")),
        subject,
        rest,
    )
    return der(0x30, signed, algorithm, der(3, bytes(64)))


def flight(*certificates, hello=70):
    """A ServerHello, and the certificates, as handshake messages."""
    listed = b"".join([sized(one, 3) for one in certificates])
    return b"\x02" + sized(bytes(hello), 3) + b"\x0b" + sized(sized(listed, 3), 3)


def records(data, size=16384):
    """The messages `data` in records of so many bytes."""
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join([b"\x16\x03\x03" + sized(piece, 2) for piece in pieces])


ROOT = name((COUNTRY, b"DE"), (COMMON_NAME, b"Root X1"))
BELOW = name((COMMON_NAME, b"Below"))
LEAF = name((COMMON_NAME, b"as.example"))


def extension(number, content):
    return der(0x30, der(6, b"\x55\x1d" + bytes((number,))), b"\x01\x01\xff", der(4, content))


def authority(issuer, subject, *limit, usage=0x06):
    """A CA's certificate; `limit` is its path length."""
    length = [der(2, bytes((most,))) for most in limit]
    constraints = extension(0x13, der(0x30, b"\x01\x01\xff", *length))
    return certificate(issuer, subject, constraints + extension(0x0F, der(3, bytes((1, usage)))))


CHAIN = certificate(BELOW, LEAF), authority(ROOT, BELOW)


async def explained(error, answer, host="127.0.0.1", clock=None, source=None):
    """What `explain` makes of `error` where a server answers the greeting so."""
    heard = []

    async def talk(peer):
        head = await peer._reader.readexactly(5)
        heard.append(head + await peer._reader.readexactly(head[3] << 8 | head[4]))
        await peer.send(answer)

    server = await serve(talk)
    failure = TransportError("%s is not trusted: %s" % (host, error.args[-1]), "try", "tls")
    origin = ("https", host, server.port)
    found = await tls_trouble.explain(failure, error, origin, clock or FakeClock(), source)
    await server.stop()
    assert found.kind == "tls"
    return found, heard


async def test_an_alert_says_what_the_platform_does_not():
    for number, words in (
        (70, "TLS 1.3 only"),
        (40, "no cipher, curve or signature"),
        (71, "no cipher, curve or signature"),
        (112, "no host of that name"),
    ):
        found, heard = await explained(FATAL_ALERT, b"\x15\x03\x03\x00\x02\x02" + bytes((number,)))
        assert found.message.startswith("no secure connection to 127.0.0.1: ")
        assert words in found.message
        assert found.hint
        assert len(heard) == 1
    found, _ = await explained(FATAL_ALERT, b"\x15\x03\x03\x00\x02\x02\x50")
    assert found.message.endswith("it breaks the handshake off with alert 80")
    found, _ = await explained(FATAL_ALERT, records(flight(*CHAIN) + b"\x0d\0\1\0"))
    assert "mutual TLS" in found.message
    found, _ = await explained(FATAL_ALERT, records(flight(*CHAIN) + b"\x0e\0\0\0"))
    assert "FATAL_ALERT" in found.message


async def test_the_greeting_is_that_of_tls_1_2_and_names_the_host():
    _, (hello,) = await explained(FATAL_ALERT, b"")
    assert hello[:6] == b"\x16\x03\x01" + hello[3:5] + b"\x01"
    assert int.from_bytes(hello[6:9], "big") == len(hello) - 9
    assert hello[9:11] == b"\x03\x03" and hello[43] == 0
    assert b"\x00\x00\x00\x0e\x00\x0c\x00\x00\x09127.0.0.1" in hello
    assert b"\x00\x2b\x00" not in hello  # no supported_versions, by which TLS 1.3 is offered


async def test_the_issuer_of_the_last_certificate_is_the_root_that_is_wanted():
    for size in (16384, 100, 7):  # records divide messages anywhere
        found, _ = await explained(UNKNOWN, records(flight(*CHAIN), size))
        assert found.message.endswith('; it wants the root "Root X1"')
    found, _ = await explained(UNKNOWN, records(flight(certificate(BELOW, LEAF))))
    assert found.message.endswith('; it wants the root "Below"')
    found, _ = await explained(UNKNOWN, records(flight(certificate(LEAF, LEAF))))
    assert "it signed its certificate itself" in found.message


async def test_certificates_that_cannot_be_put_together_say_why():
    between = name((COMMON_NAME, b"Between"))
    leaf, own = CHAIN[0], authority(between, BELOW)
    for chain, words in (
        ((leaf, certificate(ROOT, BELOW)), "signed by one that is no CA's"),
        ((leaf, authority(ROOT, BELOW, usage=0x80)), "signed by one that is no CA's"),
        ((leaf, own, authority(ROOT, between, 0)), "(path length)"),
        ((leaf, authority(ROOT, between), own), "in the wrong order"),
        ((leaf, own, authority(ROOT, between, 1)), 'wants the root "Root X1"'),
        ((leaf, authority(ROOT, BELOW, 0)), 'wants the root "Root X1"'),
        # What is there besides does no harm.
        ((leaf, authority(ROOT, LEAF), own, authority(ROOT, between)), '"Root X1"'),
        ((leaf, certificate(ROOT, BELOW), authority(ROOT, BELOW)), '"Root X1"'),
        ((leaf, own, authority(BELOW, between)), '"Below"'),  # in a circle
    ):
        found, _ = await explained(UNKNOWN, records(flight(*chain)))
        assert words in found.message, found.message
        assert found.hint


async def test_an_issuer_is_told_by_what_it_has_in_printable_letters():
    for issuer, told in (
        (name((COUNTRY, b"DE"), (UNIT, b"Roots")), '"Roots"'),
        (name((UNIT, b"a"), (COMMON_NAME, b"b")), '"b"'),
        (name((COMMON_NAME, b"\x1b[2Jx\r\n\xc3\xa9")), '"?[2Jx????"'),
        (name((COMMON_NAME, b"x" * 300)), '"%s"' % ("x" * 64)),
    ):
        found, _ = await explained(UNKNOWN, records(flight(certificate(issuer, LEAF))))
        assert found.message.endswith("it wants the root " + told), found.message
    for issuer in (name((COUNTRY, b"DE")), name()):
        found, _ = await explained(UNKNOWN, records(flight(certificate(issuer, LEAF))))
        assert found.message.endswith("no root in ca has signed its certificate")


async def test_a_server_that_answers_anything_ends_nothing():
    whole = records(flight(*CHAIN))
    junk = [whole[:size] for size in range(0, len(whole), 37)]
    junk += [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x03\xff\xff", b"\x15\x03\x03"]
    junk.append(records(flight(CHAIN[0], hello=20_000)))
    junk.append(records(flight(b"", b"\x30", b"\x30\x82", bytes(9), CHAIN[0][:40])))
    junk.append(records(flight(bytes(5000), CHAIN[1])))
    for answer in junk:
        found, _ = await explained(UNKNOWN, answer)
        assert "no root in ca has signed its certificate" in found.message


async def test_nobody_is_greeted_where_that_tells_nothing():
    for scheme, error, words in (
        ("http", UNKNOWN, "no root in ca"),
        ("https", ValueError("\nThe certificate validity has expired\n"), "has expired"),
        ("https", OSError(-29184), "speaks no TLS"),
        ("https", OSError(-28288), "TLS 1.1"),
        ("https", OSError(-9570, "MBEDTLS_ERR_X509_INVALID_EXTENSIONS"), "is not trusted: a cert"),
        ("https", OSError(-9570, "MBEDTLS_ERR_X509_INVALID_EXTENSIONS"), "a critical extension"),
        ("https", ValueError("unhandled critical extension"), "a critical extension"),
        ("https", ValueError("permitted subtree violation"), "a critical extension"),
    ):
        failure = TransportError("x is not trusted: %s" % error.args[-1], "try", "tls")
        origin = (scheme, "192.0.2.1", 443)
        found = await asyncio.wait_for(
            tls_trouble.explain(failure, error, origin, FakeClock(), None), 1
        )
        assert words in found.message


async def test_what_cannot_be_told_stays_as_it_was():
    origin = ("https", "192.0.2.1", 443)
    for error in (OSError(-30000, "MBEDTLS_ERR_NEW"), OSError(), ValueError("new")):
        found = await tls_trouble.explain(FAILURE, error, origin, FakeClock(), None)
        assert found is FAILURE


async def test_a_certificate_that_was_refused_is_weak_or_for_another_purpose():
    for_clients = b"\x06\x03\x55\x1d\x25" + der(4, der(0x30, der(6, bytes(8))))
    server_auth = b"\x2b\x06\x01\x05\x05\x07\x03\x01"
    for_servers = b"\x06\x03\x55\x1d\x25" + der(4, der(0x30, der(6, server_auth)))
    for rest, words in (
        (der(0xA3, for_clients), "not for servers"),
        (der(0xA3, for_servers), "does not accept"),
        (b"", "does not accept"),
    ):
        answer = records(flight(certificate(ROOT, LEAF, rest)))
        found, _ = await explained(BAD_CERTIFICATE, answer)
        assert words in found.message


async def test_dates_are_told_with_the_clock_and_its_source():
    origin = ("https", "as.example", 443)
    error = ValueError("\nThe certificate validity starts in the future\n")
    failure = TransportError("as.example is not trusted: starts in the future", "try", "tls")
    for now, before, told in (
        ("ntp", None, "NTP"),
        ("http", None, "HTTP date"),
        ("rtc", None, "saved"),
        (None, "ntp", "NTP"),  # it was asked again, and nobody answered
        (None, None, "none"),
    ):
        clock = FakeClock(1_800_000_000)
        clock.source = now
        found = await tls_trouble.explain(failure, error, origin, clock, before)
        end = "not valid yet; the clock says 2027-01-15 (source: %s)" % told
        assert found.message.endswith(end), found.message
    found = await tls_trouble.explain(failure, error, origin, FakeClock(None), None)
    assert "the clock says nothing" in found.message


async def test_of_several_reasons_one_is_told():
    expired = "\nThe certificate validity has expired\n"
    other_host = "\nThe certificate Common Name (CN) does not match with the expected CN\n"
    unknown = UNKNOWN.args[0]
    weak = "\nThe certificate is signed with an unacceptable hash.\n"
    usage = "\nUsage does not match the extendedKeyUsage extension\n"
    for text, words in (
        (expired + other_host, "for another host"),
        (expired + other_host + unknown, "no root in ca"),
        (unknown + weak, "does not accept"),
        (usage + expired, "not for servers"),
    ):
        failure = TransportError("x is not trusted: " + text, "try", "tls")
        origin = ("http", "x", 80)
        found = await tls_trouble.explain(failure, ValueError(text), origin, FakeClock(), None)
        assert words in found.message


def test_names_of_what_is_no_certificate():
    for junk in (b"", b"\x30", b"\x30\x82\x01", bytes(12)):
        raises(IndexError, tls_greeting.names, junk)
    assert tls_greeting.names(CHAIN[1]) == (ROOT, BELOW)


def test_a_root_that_cannot_be_read_says_why():
    for root, words in (
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n", "is PEM, not DER"),
        (b"junk", "is not DER"),
        (CHAIN[1][:-1], "is not DER"),
        (CHAIN[1] + b"\n", "is not DER"),
    ):
        error = tls_texts.unreadable(2, root)
        assert error.message == "certificate 2 of ca " + words
        assert "keyfob configure --ca FILE" in error.hint
    error = tls_texts.unreadable(1, certificate(ROOT, ROOT, der(4, bytes(200))))
    assert error.message == "certificate 1 of ca has a key that this board does not speak"
