"""A provider as data: what may stand in the `provider` object and what it means."""

from conversation import CODE_URL, TOKEN_URL
from support import raises

from keyfob.errors import ConfigError
from keyfob.oauth import DEVICE_CODE_GRANT
from keyfob.oauth.metadata import learn
from keyfob.oauth.profile import Profile
from keyfob.oauth.profile_schema import client_from

BOTH = {"device_authorization_endpoint": CODE_URL, "token_endpoint": TOKEN_URL}


def fields(**more):
    return dict(BOTH, **more)


def test_without_dialect_fields_it_is_the_standard():
    profile = Profile(BOTH)
    assert profile.grant_type == DEVICE_CODE_GRANT
    assert profile.grant_type == "urn:ietf:params:oauth:grant-type:device_code"
    assert profile.accept == "application/json"
    assert (profile.default_expires, profile.default_interval) == (300, 5)
    assert profile.min_interval == 1
    assert profile.qr_template is None
    for name in ("extra_da_params", "extra_token_params", "pending_map"):
        assert getattr(profile, name) == {}
    assert profile.dialect is None
    assert Profile(fields(body_format=None)).dialect is None


def test_every_common_field_is_taken():
    given = {
        "extra_da_params": {"response_type": "device_code"},
        "extra_token_params": {"audience": "api"},
        "grant_type": "device",
        "pending_map": {"31": "authorization_pending"},
        "default_expires": 600,
        "default_interval": 10,
        "min_interval": 5,
        "accept": "application/vnd.example+json",
        "qr_template": "https://as.example/activate/{user_code}",
    }
    profile = Profile(fields(**given))
    for name in given:
        assert getattr(profile, name) == given[name], name
    assert profile.dialect is None


def test_every_rare_field_is_taken():
    given = {
        "body_format": "json",
        "scope_sep": "array",
        "scope_param": "scopes",
        "client_id_param": "clientId",
        "client_secret_param": "clientSecret",
        "grant_type_param": "grantType",
        "device_code_param": "code",
        "refresh_token_param": "refreshToken",
        "extra_refresh_params": {"redirect_uri": "urn:x"},
        "send_user_code": True,
        "da_aliases": {"code": "device_code"},
        "token_aliases": {"accessToken": "access_token"},
        "error_paths": ["message", "error.code"],
        "default_token_type": "Bearer",
    }
    assert Profile(fields(**given)).dialect == given
    for name in given:  # any one of them makes a dialect, the others by their defaults
        if name == "scope_sep":
            continue
        dialect = Profile(fields(**{name: given[name]})).dialect
        assert dialect[name] == given[name]
        assert sorted(dialect) == sorted(given)


def test_what_no_request_can_be_made_of_is_named():
    for bad in ({"body_format": "xml"}, {"scope_sep": "array"}):
        error = raises(ConfigError, Profile, fields(**bad))
        for name in bad:
            assert "provider." + name in error.message
        assert error.hint


def test_a_misspelt_field_is_named():
    for name in ("token_endpont", "scope", "Issuer", "wifi"):
        error = raises(ConfigError, Profile, fields(**{name: "x"}))
        assert "provider." + name in error.message
        assert error.hint


def test_fields_of_the_client_are_not_the_profiles_to_judge():
    Profile(fields(client_id="fob", client_secret="s3cret", client_auth="basic"))


def test_a_field_of_the_wrong_type_is_named_with_what_to_write():
    cases = [
        ("issuer", 7, "text"),
        ("token_endpoint", ["https://as.example"], "text"),
        ("scope_sep", True, "text"),
        ("min_interval", "5", "whole number"),
        ("min_interval", True, "whole number"),
        ("min_interval", 2.5, "whole number"),
        ("min_interval", 0, "above 0"),
        ("default_expires", -1, "above 0"),
        ("pending_map", ["31"], "object"),
        ("pending_map", {"31": 7}, "texts"),
        ("extra_da_params", {"audience": None}, "texts"),
        ("extra_token_params", {"audience": ["a"]}, "texts"),
        ("da_aliases", "code", "object"),
        ("token_aliases", {"accessToken": 1}, "object"),
        ("send_user_code", 1, "true or false"),
        ("send_user_code", "yes", "true or false"),
        ("error_paths", "message", "list"),
        ("error_paths", ["message", 7], "list of texts"),
        ("body_format", 1, "text"),
    ]
    for name, value, words in cases:
        error = raises(ConfigError, Profile, fields(**{name: value}))
        assert "provider.%s " % name in error.message, (name, value)
        assert words in error.hint, (name, value)


def test_null_is_as_good_as_absent():
    profile = Profile(fields(issuer=None, min_interval=None, pending_map=None))
    assert profile.issuer is None
    assert profile.min_interval == 1
    assert profile.pending_map == {}


def test_extra_parameters_cannot_repeat_what_keyfob_sends():
    for where in ("extra_da_params", "extra_token_params", "extra_refresh_params"):
        for name in ("client_id", "client_secret", "grant_type", "device_code", "refresh_token"):
            error = raises(ConfigError, Profile, fields(**{where: {name: "s3cret"}}))
            assert where in error.message and name in error.message
            assert "s3cret" not in error.message + error.hint


def test_nor_under_the_name_that_the_provider_has_for_it():
    more = {"device_code_param": "code", "extra_token_params": {"code": "x"}}
    error = raises(ConfigError, Profile, fields(**more))
    assert "extra_token_params must not set code" in error.message
    Profile(fields(device_code_param="code", extra_token_params={"device_code": "x"}))


def test_without_an_issuer_both_endpoints_are_needed():
    for name in BOTH:
        left = dict(BOTH)
        del left[name]
        error = raises(ConfigError, Profile, left)
        assert "provider.%s is missing" % name == error.message
    assert not Profile({"issuer": "https://as.example"}).is_complete
    assert Profile(BOTH).is_complete
    raises(ConfigError, Profile, {})


def test_a_board_with_an_account_of_its_own_needs_no_device_endpoint_but_a_secret():
    own = {"token_endpoint": TOKEN_URL, "grant_type": "client_credentials"}
    profile = Profile(own)
    assert profile.is_complete and not profile.needs_person
    assert profile.identity != TOKEN_URL  # a person's tokens are not its own
    assert Profile(BOTH).needs_person
    raises(ConfigError, Profile, {"grant_type": "client_credentials"})
    error = raises(ConfigError, client_from, dict(own, client_id="fob"))
    assert "provider.client_secret" in error.message and error.hint
    assert client_from(dict(own, client_id="fob", client_secret="s3cret")).secret == "s3cret"


def test_addresses_are_https_unless_http_is_allowed_or_stays_here():
    for name in (
        "issuer",
        "device_authorization_endpoint",
        "token_endpoint",
        "revocation_endpoint",
        "userinfo_endpoint",
    ):
        given = fields(**{name: "http://as.example/x"})
        error = raises(ConfigError, Profile, given)
        assert "provider." + name in error.message
        assert getattr(Profile(given, True), name) == "http://as.example/x"
        local = "http://localhost:8080/x"
        assert getattr(Profile(fields(**{name: local})), name) == local


def test_metadata_fills_what_was_left_open_and_nothing_else():
    profile = Profile({"issuer": "https://as.example", "token_endpoint": TOKEN_URL})
    learn(
        profile,
        {
            "device_authorization_endpoint": CODE_URL,
            "token_endpoint": "https://other.example/token",
            "revocation_endpoint": 7,
            "userinfo_endpoint": "https://api.example/me",
            "unknown": "x",
        },
    )
    assert profile.is_complete
    assert profile.token_endpoint == TOKEN_URL
    assert profile.revocation_endpoint is None
    assert profile.userinfo_endpoint == "https://api.example/me"


def test_metadata_cannot_move_secrets_to_http():
    profile = Profile({"issuer": "https://as.example"})
    error = raises(ConfigError, learn, profile, {"token_endpoint": "http://as.example/token"})
    assert "token_endpoint" in error.message


def test_tokens_belong_to_the_issuer_or_else_to_the_token_endpoint():
    assert Profile(fields(issuer="https://as.example")).identity == "https://as.example"
    assert Profile(BOTH).identity == TOKEN_URL


def test_the_client_is_read_from_the_same_object():
    client = client_from(fields(client_id="fob", client_secret="s3cret", client_auth="post"))
    assert (client.client_id, client.secret, client.auth) == ("fob", "s3cret", "post")
    for name in ("client_id", "client_secret", "client_auth"):
        error = raises(ConfigError, client_from, dict({"client_id": "fob"}, **{name: 7}))
        assert "provider." + name in error.message
    raises(ConfigError, client_from, BOTH)
