"""Presets: data that fits its schemas, and that a board takes as its provider."""

import json
import re
import shlex
import sys
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import provider_pages
import pytest
from provider_presets import (
    OFFERING,
    SCHEMAS,
    examples,
    secret,
    validate,
)

from keyfob.oauth import profile_schema as profile_fields
from keyfob_host import cli
from keyfob_host.board import configuration, ports, repl
from keyfob_host.errors import CliError, UsageError
from keyfob_host.providers import presets as providers
from keyfob_host.providers.page import page
from keyfob_host.verbs import configure
from keyfob_sim.server.personality import PLAIN, known_personalities, load_personality

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
ENDPOINTS = {
    "device_authorization_endpoint": "https://as.example/device",
    "token_endpoint": "https://as.example/token",
}
GOOD: dict[str, Any] = {"client_id": "lamp", **ENDPOINTS}


def complete(name: str) -> dict[str, Any]:
    preset = providers.load(name)
    return providers.provider_object(preset, examples(preset), "lamp", secret(preset))


@pytest.fixture
def keyfob(capsys):
    def run(*words: str):
        code = cli.main(words)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_are_schemas(name):
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("name", providers.known_providers())
def test_a_preset_fits_its_schema(name):
    table = tomllib.loads((providers.PRESETS / f"{name}.toml").read_text("utf-8"))
    assert table["checked"] <= date.today()
    validate(table | {"checked": table["checked"].isoformat()}, "preset")
    used = set(re.findall(r"\{(\w+)\}", json.dumps(table.get("provider", {})))) - {"user_code"}
    assert used == set(table.get("variables", {}))


@pytest.mark.parametrize("name", OFFERING)
def test_what_a_preset_makes_fits_the_profile_s_schema(name):
    fields = complete(name)
    validate(fields, "provider")
    assert "{" not in json.dumps(fields).replace("{user_code}", "")[1:].replace(': {"', "")


@pytest.mark.parametrize("name", OFFERING)
def test_a_board_takes_what_a_preset_makes(name):
    providers.check_fields(complete(name))


def test_the_schema_has_the_fields_that_the_firmware_has():
    tables = ("_DIALECT", "_COMMON", "_CLIENT")
    known = set(profile_fields.ADDRESSES)
    known |= {field for table in tables for field in getattr(profile_fields, table, ())}
    assert set(SCHEMAS["provider"]["properties"]) == known


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        (GOOD | {"isuer": "https://as.example"}, "provider.isuer"),
        (GOOD | {"scope_param": 1}, "provider.scope_param"),
        (GOOD | {"min_interval": 0}, "provider.min_interval"),
        (GOOD | {"pending_map": {"400": 1}}, "provider.pending_map"),
        (GOOD | {"extra_da_params": {"client_id": "x"}}, "provider.extra_da_params"),
        (GOOD | {"client_auth": "both"}, "client_auth"),
        (GOOD | {"token_endpoint": "http://as.example/token"}, "provider.token_endpoint"),
        (GOOD | {"token_endpoint": "ftp://as.example/token"}, "provider.token_endpoint"),
        (GOOD | {"refresh_endpoint": "http://as.example/new"}, "provider.refresh_endpoint"),
        (GOOD | {"token_endpoint": "http://localhost.evil.example/"}, "provider.token_endpoint"),
        (GOOD | {"token_endpoint": "http://127.0.0.1.evil.example"}, "provider.token_endpoint"),
        (GOOD | {"token_endpoint": "https://user:pass@as.example/"}, "provider.token_endpoint"),
        (GOOD | {"token_endpoint": "https://as.example/a b"}, "provider.token_endpoint"),
        (GOOD | {"token_endpoint": "https://as.example:0/"}, "provider.token_endpoint"),
        (GOOD | {"token_endpoint": "https://"}, "provider.token_endpoint"),
        (GOOD | {"qr_template": "http://as.example/{user_code}"}, "provider.qr_template"),
        (GOOD | {"qr_template": "https://as.example/activate"}, "provider.qr_template"),
        (GOOD | {"scope_sep": ""}, "provider.scope_sep"),
        (GOOD | {"scope_sep": "array"}, "provider.scope_sep"),
        (GOOD | {"client_id_param": ""}, "provider.client_id_param"),
        (GOOD | {"accept": ""}, "provider.accept"),
        (GOOD | {"extra_refresh_params": {"refresh_token": "x"}}, "extra_refresh_params"),
        (GOOD | {"client_auth": "basic"}, "client_secret"),
        (GOOD | {"grant_type": "client_credentials"}, "provider.client_secret"),
        ({"client_id": "x", "token_endpoint": "https://as.example"}, "device_authorization"),
        ({"client_id": "x"}, "provider.device_authorization_endpoint"),
        (ENDPOINTS, "client_id"),
    ],
)
def test_schema_and_board_refuse_the_same_and_name_the_field(fields, named):
    with pytest.raises(CliError) as caught:
        providers.check_fields(fields)
    assert named in caught.value.message
    assert caught.value.hint
    with pytest.raises(jsonschema.ValidationError):
        validate(fields, "provider")


@pytest.mark.parametrize(
    "fields",
    [
        GOOD,
        {"client_id": "x", "issuer": "https://as.example/"},
        GOOD | {"token_endpoint": "http://127.0.0.1:80/t"},
        GOOD | {"refresh_endpoint": "https://[2001:db8::1]:8443/new?a=b"},
        GOOD | {"qr_template": "https://as.example/{user_code}", "grant_type": ""},
        {
            "client_id": "x",
            "client_secret": "s",
            "token_endpoint": "https://as.example/t",
            "grant_type": "client_credentials",
        },
        GOOD | {"pending_map": {"400": "slow_down"}, "min_interval": 5, "client_auth": "none"},
    ],
)
def test_schema_and_board_take_the_same(fields):
    providers.check_fields(fields)
    validate(fields, "provider")


def test_http_where_it_is_allowed():
    providers.check_fields(GOOD | {"token_endpoint": "http://as.example/token"}, allow_http=True)


def test_variables_fill_addresses():
    preset, variables = providers.named("keycloak:domain=https://id.example.com/,realm=home")
    assert providers.provider_object(preset, variables, "lamp") == {
        "issuer": "https://id.example.com/realms/home",
        "device_authorization_endpoint": (
            "https://id.example.com/realms/home/protocol/openid-connect/auth/device"
        ),
        "token_endpoint": "https://id.example.com/realms/home/protocol/openid-connect/token",
        "default_expires": 600,
        "client_id": "lamp",
    }


def test_an_issuer_keeps_its_own_spelling():
    preset, variables = providers.named("hydra:issuer=https://auth.example.com/")
    fields = providers.provider_object(preset, variables)
    assert fields["issuer"] == "https://auth.example.com/"


def test_a_default_stands_in_for_a_variable():
    fields = providers.provider_object(providers.load("github"))
    assert fields["token_endpoint"] == "https://github.com/login/oauth/access_token"
    assert fields["userinfo_endpoint"] == "https://api.github.com/user"
    preset, variables = providers.named("github:domain=git.example.com")
    fields = providers.provider_object(preset, variables)
    assert fields["token_endpoint"].startswith("https://git.example.com/")
    assert fields["userinfo_endpoint"] == "https://api.git.example.com/user"  # never GitHub's own


def test_what_needs_an_optional_variable_is_left_out_without_it():
    preset, variables = providers.named("auth0:domain=x.us.auth0.com")
    assert "extra_da_params" not in providers.provider_object(preset, variables)
    preset, variables = providers.named("auth0:domain=x.us.auth0.com,audience=https://api.x")
    fields = providers.provider_object(preset, variables)
    assert fields["extra_da_params"] == {"audience": "https://api.x"}


def test_a_preset_s_client_auth_is_that_of_a_client_with_a_secret():
    preset, variables = providers.named("dex:issuer=https://dex.example.com")
    assert "client_auth" not in providers.provider_object(preset, variables, "lamp")
    assert providers.provider_object(preset, variables, "lamp", "s")["client_auth"] == "post"
    asked = providers.provider_object(preset, variables, "lamp", "s", "basic")
    assert asked["client_auth"] == "basic"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("nobody", "there is no preset 'nobody'", "keycloak"),
        ("keycloak:relm=x", "'relm=x' sets no variable", "keycloak:domain=id.example.com"),
        ("keycloak:realm", "'realm' sets no variable", "domain"),
        ("github:domain=", "'domain=' sets no variable", "github"),
    ],
)
def test_a_preset_that_is_named_wrongly(text, message, hint):
    with pytest.raises(UsageError) as caught:
        providers.named(text)
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("name", "client", "message"),
    [
        ("keycloak", (), "Keycloak needs domain"),
        ("google", ("lamp",), "Google wants a client secret"),
        ("spotify", ("lamp",), "Spotify does not offer the device grant"),
    ],
)
def test_a_preset_that_cannot_be_used_so(name, client, message):
    with pytest.raises(UsageError) as caught:
        providers.provider_object(providers.load(name), {}, *client)
    assert message in caught.value.message
    assert caught.value.hint


def test_each_preset_has_a_personality_to_talk_to():
    assert known_personalities() == [PLAIN, *OFFERING]
    for name in OFFERING:
        dialect = load_personality(name)
        assert dialect is not None


# The pages.


@pytest.mark.parametrize("name", providers.known_providers())
def test_each_preset_has_its_page_and_its_row(name):
    preset = providers.load(name)
    told = (provider_pages.PAGES / f"{name}.md").read_text("utf-8")
    assert told == page(preset), "run .venv/bin/python tests/provider_pages.py"
    assert f"Facts of {preset.checked.isoformat()}" in told
    overview = provider_pages.OVERVIEW.read_text("utf-8").splitlines()
    assert [line for line in overview if line.startswith("| [")] == provider_pages.rows()


@pytest.mark.parametrize("name", providers.known_providers())
def test_a_page_is_for_a_terminal_of_80_columns(name):
    told, _, board = page(providers.load(name)).partition("\nWhat the board gets\n")
    assert told.isascii()
    assert not re.search(r"\{\w+\}|  \n", told)
    for line in told.splitlines():  # an address may be longer
        assert len(line) <= 80 or max(map(len, line.split())) > 60, line
    board_object = json.loads(board.partition("\n\n")[2] or "{}")
    if board_object:
        validate(board_object["provider"], "provider")


@pytest.mark.parametrize("name", OFFERING)
def test_a_page_is_whole(name):
    preset = providers.load(name)
    told = page(preset)
    assert re.match(r"https://|\{issuer\}|the (file|command|place) ", preset.console)
    assert len(preset.steps) >= 2
    # A form or lines to paste, and the ID that the line below wants.
    assert any(step.form or step.paste for step in preset.steps)
    assert re.search(
        r"[Cc]lient ?I[Dd]|CLIENT ID|App(lication)? ID|Consumer Key|client_id|the ID", told
    )
    assert set((preset.scope or "").split()) <= set(preset.scopes)
    for scope in (preset.scope or "").split():
        assert re.search(rf"^ +{re.escape(scope)} .*\n?.*\(asked\s+for\)", told, re.MULTILINE), (
            scope
        )
    assert len(preset.troubles) >= 5
    assert len({trouble.see for trouble in preset.troubles}) == len(preset.troubles)
    for text in (*preset.notes, preset.people, preset.account):
        assert text.endswith((".", '."')), text
    for trouble in preset.troubles:
        assert not trouble.do.endswith(".")
        assert not trouble.see.endswith(".") or "(" in trouble.see
    for step in preset.steps:
        assert step.do.endswith(":" if step.form or step.paste else "."), step.do


@pytest.mark.parametrize("name", OFFERING)
def test_a_page_has_every_error_that_the_provider_is_known_for(name):
    preset = providers.load(name)
    dialect = load_personality(name)
    waits = ("authorization_pending", "slow_down")
    pending_map = (preset.provider or {}).get("pending_map", {})
    own = {said for said, meant in pending_map.items() if meant not in waits}
    own |= {
        rule["name"]
        for error, rule in dialect.errors.items()
        if error not in waits and "name" in rule
    }
    section = page(preset).partition("When something goes wrong")[2].partition("Good to know")[0]
    sees = " ".join(re.findall(r"You see: (.+?)\n  Do:", section, re.DOTALL))
    for error in own | {"access_denied", "expired_token"}:
        assert error in sees, error


@pytest.mark.parametrize("name", OFFERING)
def test_the_line_of_a_page_configures_a_board(name, keyfob, monkeypatch):
    preset = providers.load(name)
    section = page(preset).partition("Configure the board\n")[2]
    line = re.search(r"^    keyfob configure (.*?)\n\n", section, re.DOTALL | re.MULTILINE)
    words = shlex.split(line[1].replace("\\\n", ""))
    words[words.index("BOARD")] = "esp32-ssd1306"
    monkeypatch.setattr(ports, "choose", lambda *_: SimpleNamespace(device="a port"))
    empty = SimpleNamespace(read=lambda path: None)
    monkeypatch.setattr(repl.Board, "connected", lambda *_: nullcontext(empty))
    monkeypatch.setattr(configuration, "roots_of", lambda *_: None)
    monkeypatch.setattr(configure, "_ask_provider", lambda *_: "")
    monkeypatch.setenv("KEYFOB_WIFI_PASSWORD", "correct horse")
    monkeypatch.setenv("KEYFOB_CLIENT_SECRET", secret(preset) or "")
    code, out, err = keyfob("configure", *words, "--dry-run", "--json")
    assert code == 0, err
    written = json.loads(out)["config"]
    validate(written, "keyfob")
    made = providers.provider_object(preset, examples_needed(preset), "ID", secret(preset))
    assert written["provider"] == made | ({"client_secret": "***"} if secret(preset) else {})
    assert written["scope"] == preset.scope
    assert [network["ssid"] for network in written["wifi"]] == ["NETWORK"]


def examples_needed(preset: providers.Preset) -> dict[str, str]:
    """Variables that have to be given, as the page has them."""
    return {
        name: variable.example
        for name, variable in preset.variables.items()
        if variable.default is None and not variable.optional
    }


@pytest.mark.parametrize("name", sorted(set(providers.known_providers()) - set(OFFERING)))
def test_a_page_without_a_grant_says_what_there_is(name):
    told = " ".join(page(providers.load(name)).split())
    assert "No device grant" in told
    assert "browser-assisted sign-in, which comes next" in told
    assert "authorization code flow" in told
    assert "keyfob configure" not in told


def test_a_page_has_one_s_own_addresses_in_it():
    preset, variables = providers.named("keycloak:domain=sso.example.org:8443/auth,realm=attic")
    told = page(preset, variables)
    assert "example.com" not in told.replace("id.example.com:8443/auth for old", "")
    assert "realm is attic on this page" in told
    assert "Where: https://sso.example.org:8443/auth/admin/" in told
    assert "--provider keycloak:domain=sso.example.org:8443/auth,realm=attic" in told
    assert '"issuer": "https://sso.example.org:8443/auth/realms/attic"' in told
    preset, variables = providers.named("github:domain=git.example.org,api=git.example.org/api/v3")
    told = page(preset, variables)
    assert "https://git.example.org/api/v3/user" in told
    assert "https://github.com" not in told


def test_a_page_does_not_say_twice_what_a_panel_shows():
    told = page(providers.load("microsoft"))
    assert told.count("You see: Refused on the phone") == 1
    assert "authorization_declined" in told
    assert "You see: The code ran out" in told


def test_the_readme_says_how_many_there_are():
    text = (ROOT / "README.md").read_text("utf-8")
    assert f"presets of {len(OFFERING)} providers" in " ".join(text.split())


def test_the_table_names_them_all(keyfob):
    code, out, err = keyfob("providers")
    assert (code, err) == (0, "")
    names = [line.split()[0] for line in out.split("\n\n")[0].splitlines()[1:]]
    assert names == providers.known_providers()
    assert "no grant" in next(line for line in out.splitlines() if line.startswith("spotify"))
    assert "pending_map" in next(line for line in out.splitlines() if line.startswith("twitch"))


def test_the_json_fits_its_schema(keyfob):
    code, out, err = keyfob("providers", "--json")
    assert (code, err) == (0, "")
    (line,) = out.splitlines()
    document = json.loads(line)
    validate(document, "providers")
    assert [entry["name"] for entry in document["providers"]] == providers.known_providers()
    for entry in document["providers"]:
        assert entry["grant"] is (entry["name"] in OFFERING)
        assert entry["grant"] is bool(entry["steps"])


def test_show_as_text_and_as_json(keyfob):
    code, out, _ = keyfob("providers", "show", "keycloak:domain=id.example.com,realm=home")
    assert code == 0
    assert "https://id.example.com/realms/home" in out
    assert "Not verified" in out
    code, out, _ = keyfob("providers", "show", "twitch", "--json")
    assert code == 0
    validate({"providers": [json.loads(out)]}, "providers")
    code, out, _ = keyfob("providers", "show", "spotify")
    assert code == 0
    assert "No device grant" in out


def test_show_of_nobody_is_wrong_usage(keyfob):
    code, out, err = keyfob("providers", "show", "nobody")
    assert (code, out) == (2, "")
    assert err.startswith("keyfob: there is no preset 'nobody'\ntry: ")
