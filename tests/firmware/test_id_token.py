"""Who is linked: the claims of an ID token from the token endpoint."""

import binascii
import json

from support import raises

from keyfob.errors import ProviderError
from keyfob.oauth import id_token
from keyfob.oauth.id_token import account_name, check, claims

ISSUER = "https://as.example"
NOW = 1_800_000_000
CLAIMS = {
    "iss": ISSUER,
    "sub": "user-ana",
    "aud": "board-1",
    "exp": NOW + 3600,
    "iat": NOW,
}


def base64url(data):
    text = str(binascii.b2a_base64(data), "ascii").strip()
    return text.replace("+", "-").replace("/", "_").rstrip("=")


def token(payload, header=b'{"alg":"RS256","kid":"1"}', signature=b"sig"):
    """A JWT; the payload is a dict or bytes."""
    if isinstance(payload, dict):
        payload = json.dumps(payload).encode()
    return ".".join((base64url(header), base64url(payload), base64url(signature)))


def but(*left_out, **changes):
    found = dict(CLAIMS)
    found.update(changes)
    for name in left_out:
        del found[name]
    return found


def verify(found, unix=NOW, before=None):
    return check(found, ISSUER, "board-1", unix, before)


# Taking it apart


def test_claims_are_read_whatever_the_padding():
    for name in ("", "a", "ab", "abc", "abcd"):
        assert claims(token(but(name=name)))["name"] == name


def test_the_alphabet_of_base64url_is_understood():
    payload = b'{"a":"???>>>~~~\xc3\xbf"}'
    assert "-" in token(payload) or "_" in token(payload)
    assert claims(token(payload)) == {"a": "???>>>~~~\u00ff"}


def test_text_beyond_ascii():
    assert claims(token('{"name":"Žofie Łucja 李"}'.encode()))["name"] == "Žofie Łucja 李"
    assert claims(token(b'{"name":"\\u017dofie"}'))["name"] == "Žofie"


def test_the_signature_is_neither_asked_for_nor_believed():
    # What stands for it is TLS to the token endpoint; the caller sees to that.
    assert claims(token(CLAIMS, b'{"alg":"none"}', b"")) == CLAIMS
    assert claims(token(CLAIMS, b"junk")) == CLAIMS


def test_what_is_no_token():
    for text in (
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        "one two three",
        token(CLAIMS) + ".x",
        token(b""),
        token(b"not json"),
        token(b"[1]"),
        token(b'"text"'),
        token(b"\xff\xfe{}"),
        token(b"[" * 3000),
        token(b'{"a":' * 1000),
        "a.A.c",
    ):
        error = raises(ProviderError, claims, text)
        assert error.message == "the provider sent an ID token that cannot be read"


class Strict:
    """A binascii as micropython-lib's: bytes alone, and bad padding is a plain Exception."""

    def a2b_base64(self, data):
        if isinstance(data, str):
            raise TypeError("can't convert str to int")
        if len(data) % 4 or len(data.rstrip(b"=")) % 4 == 1:
            raise Exception("Incorrect padding")
        return binascii.a2b_base64(data)


def test_a_stricter_binascii_will_do():
    id_token.binascii = Strict()
    try:
        test_claims_are_read_whatever_the_padding()
        test_the_alphabet_of_base64url_is_understood()
        test_what_is_no_token()
        assert "cannot be read" in raises(ProviderError, claims, "e30.abcde.c2ln").message
    finally:
        id_token.binascii = binascii


def test_memory_that_does_not_suffice_is_no_bad_token():
    class Full:
        def a2b_base64(self, data):
            raise MemoryError

    id_token.binascii = Full()
    try:
        raises(MemoryError, claims, token(CLAIMS))
    finally:
        id_token.binascii = binascii


def test_the_size_is_bounded():
    assert claims(token(but(name="x" * 5000)))["sub"] == "user-ana"
    long = token(but(name="x" * 6200))
    assert len(long) > 8192
    raises(ProviderError, claims, long)


# Judging it


def test_good_claims_are_handed_back():
    assert verify(but()) == CLAIMS
    assert verify(but(email="ana@example.com", nonce="n", auth_time=5, azp="board-1"))


def test_every_required_claim_is_required():
    for name in CLAIMS:
        error = raises(ProviderError, verify, but(name))
        assert error.message == "the provider's ID token lacks the claim " + name


def test_the_issuer_is_compared_byte_for_byte():
    for issuer in (ISSUER + "/", "https://AS.example", "http://as.example", None, 1, [ISSUER]):
        assert "another issuer" in raises(ProviderError, verify, but(iss=issuer)).message


def test_the_audience_holds_the_client():
    for audience in ("board-2", "board-1 board-2", "", None, 5, [], ["board-2"], {"board-1": 1}):
        error = raises(ProviderError, verify, but(aud=audience))
        assert "another client" in error.message, audience
    assert verify(but(aud=["board-1"]))


def test_with_several_audiences_azp_is_the_client():
    many = ["api", "board-1"]
    assert verify(but(aud=many, azp="board-1"))
    for found in (but(aud=many), but(aud=many, azp="api"), but(azp="board-2")):
        assert "another party" in raises(ProviderError, verify, found).message


def test_an_expired_token():
    assert verify(but(), NOW + 3600)
    assert verify(but(), NOW + 3600 + 300)  # clocks differ
    for late in (301, 600, 10**6):
        error = raises(ProviderError, verify, but(), NOW + 3600 + late)
        assert "has expired" in error.message


def test_a_token_from_the_future():
    assert verify(but(iat=NOW + 300))
    error = raises(ProviderError, verify, but(iat=NOW + 3600, exp=NOW + 7200))
    assert "clock" in error.message


def test_dates_are_not_judged_while_the_clock_is_unknown():
    assert verify(but(), None)
    assert verify(but(exp=1), None)
    assert verify(but(iat=NOW + 10**6), None)
    for name in ("exp", "iat"):  # but they must be dates
        wrong = [float("nan"), float("inf"), float("-inf"), -1, NOW * 1000, 10**30]
        for value in [None, "soon", str(NOW), True, [NOW]] + wrong:
            changes = {name: value}
            error = raises(ProviderError, verify, but(**changes), None)
            assert "no usable dates" in error.message
    assert verify(but(exp=NOW + 60.5, iat=NOW - 0.5))


def test_the_subject_must_be_somebody():
    for subject in ("", None, 17, ["user-ana"]):
        assert "names nobody" in raises(ProviderError, verify, but(sub=subject)).message


def test_a_refresh_may_not_change_the_account():
    assert verify(but(), before={"sub": "user-ana"})
    error = raises(ProviderError, verify, but(sub="user-ben"), NOW, {"sub": "user-ana"})
    assert "another account" in error.message
    assert "user-ben" not in error.message


# What to call it


def test_the_friendliest_claim_names_the_account():
    everything = {
        "sub": "u-1",
        "email": "ana@example.com",
        "nickname": "annie",
        "preferred_username": "ana",
        "name": "Ana Ruiz",
    }
    for name in ("name", "preferred_username", "nickname", "email"):
        assert account_name(everything) == everything[name]
        del everything[name]
    assert account_name(everything) is account_name({}) is None
    assert account_name({"name": "", "sub": None, "email": 5}) is None
    assert account_name({"name": 5, "email": "", "sub": "u-1"}) is None


def test_an_id_is_no_name():
    subject = "tTQ0eNZyXpmzlDcGkWvSHhBJrRuAfLoI"  # as Glewlwyd's, 32 letters
    mail = "ana@example.com"
    for opaque in (
        subject,
        "0b64d2ce-ef1c-4b7a-9b34-6a7bd9ab4f2d",
        "0B64D2CEEF1C4B7A9B346A7BD9AB4F2D",
        "110169484474386276334",
    ):
        assert account_name({"sub": opaque}) is None
        assert account_name({"sub": subject, "preferred_username": opaque}) is None
        assert account_name({"sub": subject, "name": opaque, "email": mail}) == mail
    for readable in ("ana", "Konstantinos Papadopoulos", "konstantinospapadopoulos", "decade"):
        assert account_name({"sub": subject, "name": readable}) == readable
    assert account_name({"sub": "ana", "preferred_username": "ana"}) == "ana"


def test_a_name_that_may_not_be_drawn_has_the_address_behind_it():
    for name in ("Ελένη Παππά", "Ольга Ким", "李小龙", "محمد علي", "नेहा शर्मा", "김민준", "გიორგი"):
        assert account_name({"name": name, "email": "a@b.c"}) == name + " <a@b.c>"
        assert account_name({"name": name}) == name
    for name in ("Nguyễn Văn An", "Łukasz Żak", "Jose\u0301 O\u2019Neill", "Ana ★", "Əli Əliyev"):
        assert account_name({"name": name, "email": "a@b.c"}) == name


def test_a_name_is_made_safe_to_show():
    assert account_name({"name": "Ana\x1b[31m\r\nRuiz\u202e"}) == "Ana[31mRuiz"
    assert account_name({"name": "\x00\u200b", "email": "ana@b.c"}) == "ana@b.c"
    assert len(account_name({"name": "x" * 5000})) == 200
