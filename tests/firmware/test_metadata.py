"""From an issuer to its endpoints, and no further than it may be trusted."""

import json

from support import raises

from keyfob.errors import ConfigError, KeyfobError, ProviderError, TransportError
from keyfob.oauth.messages import Client, Reply
from keyfob.oauth.metadata import Discovery, is_near, well_known
from keyfob.oauth.profile import Profile

ISSUER = "https://as.example"
DOCUMENT = {
    "issuer": ISSUER,
    "device_authorization_endpoint": "https://as.example/device",
    "token_endpoint": "https://as.example/token",
    "revocation_endpoint": "https://as.example/revoke",
    "userinfo_endpoint": "https://as.example/me",
    "jwks_uri": "https://as.example/jwks",
    "grant_types_supported": ["authorization_code"],
    "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
}
NOT_FOUND = Reply(404, {}, b"<html>no</html>")


def document(*left_out, **changes):
    values = dict(DOCUMENT)
    values.update(changes)
    for name in left_out:
        del values[name]
    return Reply(200, {"content-type": "application/json"}, json.dumps(values).encode())


def look_up(*answers, issuer=ISSUER, client=None, allow_http=False, **fields):
    """Feed the answers in turn; return the profile that they were learnt into."""
    fields["issuer"] = issuer
    profile = Profile(fields, allow_http)
    search = Discovery(profile)
    done = False
    for answer in answers:
        assert not done
        search.request()
        done = search.receive(answer, client)
    assert done
    return profile


# Where it is looked for


def test_oidc_appends_and_rfc_8414_inserts():
    oidc, oauth = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
    cases = {
        "https://as.example": ("https://as.example" + oidc, "https://as.example" + oauth),
        "https://as.example/": ("https://as.example" + oidc, "https://as.example" + oauth),
        "https://as.example:8443/realms/home": (
            "https://as.example:8443/realms/home" + oidc,
            "https://as.example:8443" + oauth + "/realms/home",
        ),
        "https://as.example/t/": (
            "https://as.example/t" + oidc,
            "https://as.example" + oauth + "/t",
        ),
    }
    for issuer in cases:
        assert well_known(issuer) == cases[issuer]


def test_the_requests_are_gets_for_json():
    search = Discovery(Profile({"issuer": ISSUER}))
    first = search.request()
    assert (first.method, first.body) == ("GET", None)
    assert first.url == ISSUER + "/.well-known/openid-configuration"
    assert first.headers["Accept"] == "application/json"
    assert "Authorization" not in first.headers
    assert not search.receive(NOT_FOUND)
    assert search.request().url == ISSUER + "/.well-known/oauth-authorization-server"


# What is learnt


def test_a_document_fills_the_profile():
    profile = look_up(document())
    assert profile.device_authorization_endpoint == "https://as.example/device"
    assert profile.token_endpoint == "https://as.example/token"
    assert profile.revocation_endpoint == "https://as.example/revoke"
    assert profile.userinfo_endpoint == "https://as.example/me"


def test_the_second_address_serves_where_the_first_does_not():
    nothing = [
        NOT_FOUND,
        Reply(200, {}, b"<html>welcome</html>"),
        Reply(200, {}, b""),
        Reply(200, {}, b"{}"),
        Reply(200, {}, b"[]"),
        document(issuer=None),
        document(issuer=17),
        Reply(302, {"location": "https://elsewhere.example/"}, b""),
        Reply(500, {}, b""),
        Reply(404, {}, document(token_endpoint="https://cached.example/token").body),
        document("device_authorization_endpoint"),
    ]
    for first in nothing:
        assert look_up(first, document()).token_endpoint == "https://as.example/token", first.body


def test_a_long_document_with_a_bom_is_read():
    long = document(claims_supported=["claim_%d" % number for number in range(700)])
    assert 9000 < len(long.body) < 16_384
    assert look_up(Reply(200, {}, b"\xef\xbb\xbf" + long.body)).is_complete


def filtered(reply, piece, profile):
    """The reply as it is kept while it arrives, `piece` bytes at a time."""
    keep = Discovery(profile).request().filter
    kept = bytearray()
    for at in range(0, len(reply.body), piece):
        kept.extend(keep(bytearray(reply.body[at : at + piece])))
    return Reply(reply.status, reply.headers, kept)


def test_of_a_document_of_any_length_a_few_members_are_kept():
    profile = Profile({"issuer": ISSUER})
    sizes = []
    for count, cuts in ((0, (1, 7, 512)), (100, (1, 7, 512)), (1_500, (512, 40_000))):
        more = ['claim_%d\\"{}[],:' % number for number in range(count)]
        nested = {"issuer": "no", "token_endpoint": [more[:9], {"x": "}"}]}
        long = document(claims_supported=more, mtls_endpoint_aliases=nested, x="y" * count)
        for piece in cuts:
            kept = filtered(long, piece, profile)
            sizes.append(len(kept.body))
            assert look_up(kept).__dict__ == look_up(document()).__dict__
    assert max(sizes) == min(sizes) < 700


def test_a_page_or_a_notice_is_the_same_whether_filtered_or_not():
    answer = document().body
    whole = bytes(range(256)) * 10
    for body, is_read in (
        (b"\xef\xbb\xbf" + answer, True),
        (b"<!-- { -->\n" + answer + b"<!-- } -->", True),
        (b"Notice: x\n" + answer + b"}{", True),
        (b"<br />\n<b>Warning</b>: x<br />\n" + answer, True),
        (b"<html><script>" + answer, False),
        (b"x" * 2_048 + answer, False),
        (b"[" + answer + b"]", False),
        (answer[:-1], False),
        (answer[:-1] + b"]", False),
        (b"<html>" + whole, False),
        (whole, False),
        (b"", False),
    ):
        for piece in (1, 100, 20_000):
            kept = filtered(Reply(200, {}, body), piece, Profile({"issuer": ISSUER}))
            assert len(kept.body) < 700
            for reply in (kept, Reply(200, {}, body)):
                if is_read:
                    assert look_up(reply).is_complete, body[:40]
                else:
                    raises(ProviderError, look_up, reply, NOT_FOUND)


def test_what_was_configured_is_kept():
    profile = look_up(document(), token_endpoint="https://other.example/token")
    assert profile.token_endpoint == "https://other.example/token"
    assert profile.device_authorization_endpoint == "https://as.example/device"


def test_the_endpoint_says_that_the_grant_is_there_and_the_list_does_not():
    assert look_up(document()).is_complete  # the list names another grant only
    assert look_up(document("grant_types_supported")).is_complete
    device = ["urn:ietf:params:oauth:grant-type:device_code"]
    without = document("device_authorization_endpoint", grant_types_supported=device)
    error = raises(ProviderError, look_up, without, NOT_FOUND)
    assert error.message == "https://as.example does not offer the device grant"


def test_endpoints_may_be_on_another_host():
    profile = look_up(document(token_endpoint="https://oauth2.elsewhere.example/token"))
    assert profile.token_endpoint == "https://oauth2.elsewhere.example/token"


def test_optional_endpoints_may_be_missing():
    profile = look_up(document("revocation_endpoint", "userinfo_endpoint"))
    assert profile.revocation_endpoint is None
    assert profile.userinfo_endpoint is None


# How the client authenticates


def test_the_list_of_methods_settles_how():
    cases = [
        (["client_secret_post", "client_secret_basic"], "basic"),
        (["client_secret_post"], "post"),
        (["client_secret_basic"], "basic"),
        ([], "basic"),
        (None, "basic"),
        ("client_secret_post", "basic"),
    ]
    for methods, auth in cases:
        client = Client("board-1", "s3cret")
        look_up(document(token_endpoint_auth_methods_supported=methods), client=client)
        assert client.auth == auth, methods
    client = Client("board-1", "s3cret")
    look_up(document("token_endpoint_auth_methods_supported"), client=client)
    assert client.auth == "basic"


def test_a_method_that_was_configured_stands():
    client = Client("board-1", "s3cret", "post")
    look_up(document(token_endpoint_auth_methods_supported=["client_secret_basic"]), client=client)
    assert client.auth == "post"
    public = Client("board-1")
    look_up(document(), client=public)
    assert public.auth == "none"


# What is refused


def test_the_issuer_is_compared_byte_for_byte():
    for issuer, own in (
        (ISSUER, ISSUER + "/"),
        (ISSUER + "/", ISSUER),
        ("https://AS.example", ISSUER),
        (ISSUER + ":443", ISSUER),
        (ISSUER + "/common", ISSUER + "/{tenantid}"),
        (ISSUER, "https://evil.example"),
    ):
        error = raises(ConfigError, look_up, document(issuer=own), issuer=issuer)
        assert issuer in error.message
        assert error.hint.endswith(own)


def test_an_issuer_for_all_tenants_asks_for_the_tenant():
    for mark in ("{tenantid}", "{tenant}"):
        own = "https://login.example/%s/v2.0" % mark
        issuer = "https://login.example/common/v2.0"
        error = raises(ConfigError, look_up, document(issuer=own), issuer=issuer)
        assert "tenant" in error.message and issuer in error.message
        assert "tenant" in error.hint and error.hint.endswith(own)
        error = raises(ConfigError, Profile, {"issuer": own})
        assert "placeholder" in error.message and own in error.message
        assert "tenant" in error.hint


def test_a_wrong_issuer_teaches_nothing():
    profile = Profile({"issuer": ISSUER})
    raises(ConfigError, Discovery(profile).receive, document(issuer="https://evil.example"))
    assert not profile.is_complete
    assert profile.token_endpoint is None


def test_the_spelling_is_shown_clean():
    error = raises(ConfigError, look_up, document(issuer="https://as.example/\x1b[31m\n"))
    assert "\x1b" not in error.hint
    assert "\n" not in error.hint


UNSAFE = (
    "http://as.example/x",
    "http://127.0.0.1/x",
    "http://localhost:8400/x",
    "HTTP://as.example/x",
    "ftp://as.example/x",
    "//as.example/x",
    "/x",
    "https://a b/",
    "https://",
    "https://user@as.example/x",
    "",
)


def test_what_an_https_issuer_needs_is_https_and_both_addresses_are_told():
    for name in ("device_authorization_endpoint", "token_endpoint"):
        for url in UNSAFE:
            for allow_http in (False, True):
                changes = {name: url}
                error = raises(ConfigError, look_up, document(**changes), allow_http=allow_http)
                for word in (name, ISSUER, url):
                    assert word in error.message, (url, error.message)
                assert error.hint


def test_an_unsafe_document_teaches_nothing():
    profile = Profile({"issuer": ISSUER}, True)
    raises(ConfigError, Discovery(profile).receive, document(token_endpoint="http://as.example/t"))
    assert not profile.is_complete
    assert profile.device_authorization_endpoint is None
    assert profile.revocation_endpoint is None


def test_an_address_that_is_refused_is_shown_clean():
    error = raises(ConfigError, look_up, document(token_endpoint="http://as.example/\x1b[31m\n"))
    assert "\x1b" not in error.message and "\n" not in error.message


def test_a_host_that_may_be_this_machine_in_any_spelling_is_near():
    for host in (
        "localhost",
        "sub.localhost",
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "::1",
        "::",
        "0:0:0:0:0:0:0:1",
        "0000::0001",
        "::0:1",
        "::ffff:7f00:1",
        "0:0:0:0:0:ffff:7f00:1",
    ):
        assert is_near(host), host
    for host in (
        "as.example",
        "localhost.example",
        "mylocalhost",
        "0.pool.example",
        "128.0.0.1",
        "1::",
        "0:1::",
        "::1:0",
        "::1:1",
        "2001:db8::ffff:1",
        "fe80::1",
    ):
        assert not is_near(host), host


NEAR = ("https://127.0.0.1/token", "https://localhost:8443/", "https://[::1]/", "https://0.0.0.0/")


def test_an_issuer_elsewhere_names_nothing_on_this_device():
    for address in NEAR:
        answer = document(token_endpoint=address)
        error = raises(ConfigError, look_up, answer)
        assert "leads to this device itself" in str(error) and address in str(error)
        profile = look_up(document(userinfo_endpoint=address, revocation_endpoint=address))
        assert profile.userinfo_endpoint is None and profile.revocation_endpoint is None
        at_home = "https://localhost"
        profile = look_up(document(issuer=at_home, token_endpoint=address), issuer=at_home)
        assert profile.token_endpoint == address
    address = "http://127.0.0.1/token"
    answer = document(issuer="http://10.0.0.1", token_endpoint=address)
    error = raises(ConfigError, look_up, answer, issuer="http://10.0.0.1", allow_http=True)
    assert "leads to this device itself" in str(error)


def test_an_unsafe_endpoint_that_the_grant_does_not_need_is_left_out():
    for name in ("revocation_endpoint", "userinfo_endpoint"):
        for url in UNSAFE:
            for allow_http in (False, True):
                changes = {name: url}
                profile = look_up(document(**changes), allow_http=allow_http)
                assert getattr(profile, name) is None, url
                assert profile.token_endpoint == "https://as.example/token"
    of_its_own = {"grant_type": "client_credentials"}
    local = document(device_authorization_endpoint="http://as.example/device")
    profile = look_up(local, **of_its_own)
    assert profile.is_complete and profile.device_authorization_endpoint is None


def test_what_is_not_used_is_not_judged():
    assert look_up(document(jwks_uri="http://as.example/jwks")).is_complete
    configured = look_up(document(token_endpoint="http://evil.example/"), token_endpoint=ISSUER)
    assert configured.token_endpoint == ISSUER


def test_endpoints_of_an_http_issuer_may_be_http_where_it_may():
    local = document(issuer="http://127.0.0.1:8400", token_endpoint="http://127.0.0.1:8400/token")
    assert look_up(local, issuer="http://127.0.0.1:8400").is_complete
    plain = document(issuer="http://as.example", token_endpoint="http://as.example/token")
    assert look_up(plain, issuer="http://as.example", allow_http=True).is_complete
    away = document(issuer="http://127.0.0.1:8400", token_endpoint="http://as.example/token")
    raises(ConfigError, look_up, away, issuer="http://127.0.0.1:8400")


def test_an_issuer_must_be_https():
    error = raises(ConfigError, Profile, {"issuer": "http://as.example"})
    assert "provider.issuer" in error.message


def test_no_document_anywhere():
    nothing = "https://as.example has no discovery document"
    error = raises(ProviderError, look_up, NOT_FOUND, NOT_FOUND)
    assert error.message == nothing and error.interval is None
    assert "endpoints" in error.hint
    for url in well_known(ISSUER):
        assert url in error.hint
    for answer, why in (
        (Reply(200, {}, b"<html>welcome</html>"), "does the network want a login?"),
        (Reply(302, {}, b""), "a redirect"),
        (Reply(301, {"location": "https://new.example/x?y"}, b""), "to https://new.example/x, wh"),
        (Reply(401, {}, b""), "HTTP 401"),
        (Reply(403, {}, b"<html>"), "HTTP 403"),
    ):  # of a hotel or a gateway: it passes
        for answers in ((answer, answer), (NOT_FOUND, answer), (answer, NOT_FOUND)):
            error = raises(ProviderError, look_up, *answers)
            assert error.message.startswith(nothing + ": ") and why in error.message
            assert error.interval == 0
            for url in well_known(ISSUER):
                assert url in error.hint


def test_the_address_of_a_document_is_no_issuer():
    for url in well_known(ISSUER):
        error = raises(ProviderError, look_up, NOT_FOUND, NOT_FOUND, issuer=url)
        assert error.hint == "the issuer may be what comes before: " + ISSUER


def test_a_document_that_names_no_issuer_is_told_apart():
    for body in (b'{"token_endpoint": "https://as.example/t"}', b'{"issuer": null}'):
        for nameless in (0, 1):
            answers = [NOT_FOUND, NOT_FOUND]
            answers[nameless] = Reply(200, {}, body)
            error = raises(ProviderError, look_up, *answers)
            assert error.message.endswith("no discovery document: what is there names no issuer")
        assert look_up(Reply(200, {}, body), document()).is_complete


def test_a_wait_that_an_issuer_asks_for_is_told():
    for status in (403, 429, 503):
        asked = Reply(status, {"retry-after": "120"}, b"")
        assert raises(KeyfobError, look_up, asked, asked).interval == 120


def test_passing_trouble_at_either_address_is_worth_another_try():
    without = document("device_authorization_endpoint")
    for status in (500, 502, 503, 408, 425, 429):
        trouble = Reply(status, {}, b"")
        for answers in (
            (trouble, NOT_FOUND),
            (NOT_FOUND, trouble),
            (trouble, trouble),
            (without, trouble),
            (trouble, without),
        ):
            error = raises(TransportError, look_up, *answers)
            assert "HTTP %d" % status in error.message
