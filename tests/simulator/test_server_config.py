"""The configuration file: what it changes, and what it says about mistakes."""

import pytest

from keyfob_host.errors import CliError, UsageError
from keyfob_sim.server import MockServer, ServerOptions
from keyfob_sim.server.config import load_config

WHOLE = """
interval = 7
rotation = "off"
default_scope = "openid lights offline_access"

[lifetimes]
device_code = 90
access_token = 60
id_token = 30

[user_code]
charset = "0123456789"
format = "***-***-***"

[scopes]
lights = "switch your lights on and off"

[[users]]
sub = "u-1"
preferred_username = "dora"
name = "Dora"
locale = "sl"

[[clients]]
client_id = "lamp"
name = "Bedside lamp"

[[clients]]
client_id = "oven"
client_auth = "post"
client_secret = "fixed"
"""


def test_everything_can_be_changed(make_bench, clock):
    bench = make_bench(WHOLE)
    assert bench.about["scope"] == "openid lights offline_access"
    assert bench.about["clients"] == [
        {"client_id": "lamp", "client_auth": "none", "client_secret": None},
        {"client_id": "oven", "client_auth": "post", "client_secret": "fixed"},
    ]
    codes = bench.post_form("device_authorization_endpoint", {"client_id": "lamp"}).json
    assert (codes["interval"], codes["expires_in"]) == (7, 90)
    digits = codes["user_code"].split("-")
    assert [len(part) for part in digits] == [3, 3, 3]
    assert all(part.isdigit() for part in digits)
    assert bench.admin("/approve", user_code=codes["user_code"], user="dora").status_code == 200
    tokens = bench.post_form(
        "token_endpoint",
        {
            "client_id": "lamp",
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": codes["device_code"],
        },
    ).json
    assert tokens["expires_in"] == 60
    assert tokens["scope"] == "openid lights offline_access"
    clock.advance(60)
    assert bench.get("api", tokens["access_token"]).status_code == 401


MISTAKES = {
    "interval = 0": "interval",
    'interval = "5"': "interval",
    "interval = true": "interval",
    "intervall = 5": "'intervall' in the top level",
    'rotation = "sometimes"': "rotation",
    'default_scope = "openid teapot"': "default_scope",
    "grace = 0": "grace",
    "lifetimes = 5": "lifetimes",
    "[lifetimes]\ndevice = 5": "'device' in [lifetimes]",
    "[lifetimes]\naccess_token = -1": "lifetimes.access_token",
    '[user_code]\ncharset = "abc"': "user_code.charset",
    '[user_code]\nformat = "box-****"': "user_code.format",
    '[user_code]\nformat = "*"': "user_code allows fewer than 10000",
    "[scopes]\nlights = 5": "scopes.lights",
    '[scopes]\n"two words" = "x"': "scopes.'two words'",
    "users = []": "users",
    '[[users]]\nname = "no sub"': "users[1].sub",
    '[[users]]\nsub = "a"\n[[users]]\nsub = "a"': "same sub twice",
    '[[clients]]\nclient_id = "a"\ncolour = "red"': "'colour' in clients[1]",
    '[[clients]]\nclient_auth = "basic"': "clients[1].client_id",
    '[[clients]]\nclient_id = "a"\nclient_auth = "jwt"': "clients[1].client_auth",
    '[[clients]]\nclient_id = "a"\nclient_secret = "s3cr3t"': "clients[1].client_secret",
    "interval = ": "not TOML",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes_are_named_with_file_and_key(tmp_path, text):
    path = tmp_path / "server.toml"
    path.write_text(text)
    with pytest.raises(CliError) as caught:
        load_config(path)
    assert MISTAKES[text] in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.hint
    assert "s3cr3t" not in caught.value.message + caught.value.hint
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("kind", ["missing", "directory", "binary"])
def test_unreadable_file(tmp_path, kind):
    path = tmp_path / "server.toml"
    if kind == "directory":
        path.mkdir()
    elif kind == "binary":
        path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CliError, match=r"server\.toml"):
        MockServer(ServerOptions(config=path))


def test_the_example_in_the_module_is_valid(tmp_path):
    import keyfob_sim.server.config as module

    path = tmp_path / "server.toml"
    lines = [line[4:] for line in module.__doc__.splitlines() if line.startswith("    ")]
    path.write_text("\n".join(lines), "utf-8")
    config = load_config(path)
    assert config.lifetimes == load_config(None).lifetimes
    assert config.user_code == load_config(None).user_code
    assert config.rotation == load_config(None).rotation


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"personality": "nobody"}, "'nobody'"),
        ({"approve": "maybe"}, "'maybe'"),
        ({"port": 65536}, "65536"),
        ({"port": -1}, "-1"),
    ],
)
def test_options_that_do_not_exist(options, named):
    with pytest.raises(UsageError) as caught:
        ServerOptions(**options)
    assert named in caught.value.message
    assert caught.value.exit_code == 2


def test_defaults_are_those_of_the_rfc():
    options = ServerOptions()
    assert (options.host, options.port, options.personality) == ("127.0.0.1", 0, "rfc8628")
    assert load_config(None).interval == 5
