"""The shape of every file that keyfob reads is written once: here it is held to where it is told.

A field that is added in one place and forgotten in another fails here, and the message says where.
"""

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import jsonschema
import pytest
import schemas
from provider_presets import SCHEMAS, validate

from keyfob import config
from keyfob.errors import ConfigError
from keyfob.oauth import profile_schema
from keyfob.oauth.messages import CLIENT_AUTH
from keyfob.ui.texts import languages
from keyfob_host.board import configuration, ports, repl
from keyfob_host.board.configuration import Changes, merged
from keyfob_host.boards import read_board
from keyfob_host.errors import CliError
from keyfob_host.providers import presets
from keyfob_host.verbs.configure import configure
from keyfob_sim import cli
from keyfob_sim.server import personality

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
README = ROOT / "firmware" / "README.md"
SCHEMA_FOLDER = "host_tools/keyfob_host/schemas"

# Options of `configure` that set a field of another name, and those that set none.
OPTIONS = {
    "wifi": {"--wifi-ssid", "--wifi-txpower", "--wifi-address"},
    "provider": {"--provider", "--issuer", "--client-id", "--client-auth"},
}
NO_FIELD = {"--port", "--no-check", "--dry-run", "--yes", "--json", "--timeout"}

PROVIDER_FIELDS: dict[str, tuple[type, object]] = {
    **dict.fromkeys(profile_schema.ADDRESSES, (str, None)),
    **{name: (kind, None) for name, kind in profile_schema._CLIENT.items()},
    **profile_schema._COMMON,
    **profile_schema._DIALECT,
}
TYPES = {str: "string", int: "integer", bool: "boolean", dict: "object", list: "array"}


def same_fields(known: Mapping[str, object], known_in: str, found: set[str], place: str) -> None:
    """Fail, naming the place, unless both have the same fields."""
    assert not set(known) - found, f"of {known_in}, {place} lacks {sorted(set(known) - found)}"
    assert not found - set(known), f"{place} has {sorted(found - set(known))}, {known_in} has not"


def readme_rows(heading: str) -> Iterator[tuple[list[str], str]]:
    """The fields that a row of the tables below a heading is about, and their default."""
    text = README.read_text("utf-8")
    start = text.index(heading)
    end = re.compile(r"^(#|In `provider`)", re.MULTILINE).search(text, start + len(heading))
    for row in re.findall(r"^\| (`.+) \|$", text[start : end.start() if end else None], re.M):
        names, *_, default = row.split(" | ")
        yield re.findall(r"`(\w+)`", names), default


def options(verb: Callable[..., int] = configure) -> dict[str, Any]:
    """The options of a verb by name, as typer has them."""
    parameters = inspect.signature(verb, eval_str=True).parameters.values()
    found = (get_args(parameter.annotation)[1] for parameter in parameters)
    return {option.default: option for option in found}


@pytest.mark.parametrize("path", schemas.MADE, ids=lambda path: path.name)
def test_a_schema_that_is_made_is_up_to_date(path):
    made = schemas.text_of(schemas.MADE[path]())
    assert path.read_text("utf-8") == made, "run .venv/bin/python tests/schemas.py"


@pytest.mark.parametrize("name", personality.known_personalities()[1:])
def test_a_personality_fits_its_schema(name):
    table = tomllib.loads((personality.PERSONALITIES / f"{name}.toml").read_text("utf-8"))
    validate(table, "personality")


# What /keyfob.json may hold.


def test_the_schema_of_the_configuration_has_the_fields_of_the_firmware():
    place = f"{SCHEMA_FOLDER}/keyfob.json"
    found = SCHEMAS["keyfob"]["properties"]
    same_fields(config._FIELDS, "firmware/keyfob/config.py", set(found), place)
    for name, kind in config._FIELDS.items():
        told = found[name].get("type", "string" if "enum" in found[name] else None)
        assert told == TYPES[kind], f"{place}: {name} is of another type in the firmware"
    network = found["wifi"]["items"]["properties"]
    same_fields(dict.fromkeys(config._WIFI), "firmware/keyfob/config.py", set(network), place)


def test_the_readme_has_the_fields_of_the_configuration():
    rows = list(readme_rows("## /keyfob.json"))
    told = [name for names, _ in rows for name in names]
    assert len(told) == len(set(told))
    known = SCHEMAS["keyfob"]["properties"]
    same_fields(known, f"{SCHEMA_FOLDER}/keyfob.json", set(told), "firmware/README.md")
    check_defaults(rows, known)


def test_configure_has_an_option_for_each_field_and_no_other():
    fields = SCHEMAS["keyfob"]["properties"]
    expected = {
        option: name
        for name in fields
        for option in OPTIONS.get(name, {"--" + name.replace("_", "-")})
    }
    place = "keyfob_host/verbs/configure.py"
    same_fields(expected, f"{SCHEMA_FOLDER}/keyfob.json", set(options()) - NO_FIELD, place)


# The fields whose option gives their value as it is, and values where not any text will do.
PLAIN = [name for name in config._FIELDS if name not in OPTIONS and name != "ca"]
VALUES = {
    "country": "DE",
    "board": "esp32-generic",
    "api": "https://api.example.com",
    "language": "de",
}


def value_of(name: str) -> Any:
    """A value for a field of PLAIN."""
    least = SCHEMAS["keyfob"]["properties"][name].get("minimum")
    return VALUES.get(name, {str: "some text", bool: True, int: least}[config._FIELDS[name]])


def test_what_the_options_give_reaches_every_field():
    plain = {name: value_of(name) for name in PLAIN}
    everything = Changes(ssid="home", provider={}, roots=[b""], **plain)
    place = "keyfob_host/board/configuration.py"
    found = set(merged({}, everything))
    same_fields(SCHEMAS["keyfob"]["properties"], f"{SCHEMA_FOLDER}/keyfob.json", found, place)


class LinkedBoard:
    """A board at a port, which holds a configuration."""

    def read(self, path: str) -> bytes:
        return json.dumps({"provider": PROVIDER}).encode()


@pytest.mark.parametrize("name", PLAIN)
def test_configure_takes_an_option_alone_and_writes_its_value(name, monkeypatch, capsys):
    monkeypatch.setattr(ports, "choose", lambda *_: SimpleNamespace(device="a port"))
    monkeypatch.setattr(repl.Board, "connected", lambda *_: nullcontext(LinkedBoard()))
    monkeypatch.setattr(configuration, "roots_of", lambda *_: None)
    value = value_of(name)
    option = "--" + name.replace("_", "-")
    words = [option, *([] if value is True else [str(value)])]
    assert cli.main(["configure", "--dry-run", "--no-check", "--json", *words]) == 0
    written = json.loads(capsys.readouterr().out)["config"]
    assert written.get(name) == value, f"keyfob_host/verbs/configure.py: {name} goes nowhere"
    if config._FIELDS[name] is int:
        assert cli.main(["configure", "--dry-run", option, "abc"]) == 2, "options.whole_number"


def test_languages_are_those_of_the_screens():
    assert SCHEMAS["keyfob"]["properties"]["language"]["enum"] == list(languages())
    assert SCHEMAS["keyfob"]["properties"]["language"]["default"] == languages()[0]
    assert options()["--language"].metavar == "|".join(languages())
    assert options(cli.sim)["--language"].metavar == "|".join(languages())
    (told,) = re.findall(r"^\| `language` \|.*", README.read_text("utf-8"), re.MULTILINE)
    assert all(f"`{name}`" in told.split("|")[2] for name in languages())
    overview = " ".join((ROOT / "README.md").read_text("utf-8").split())
    (told,) = re.findall(r"the address, in ([\w, ]+), from", overview)
    assert len(re.split(r", | and ", told)) == len(languages()), "README.md, Panels"


def test_ways_of_client_authentication_are_those_of_the_firmware():
    ways = "|".join(CLIENT_AUTH)
    assert options()["--client-auth"].metavar == ways
    assert options(cli.sim)["--client-auth"].metavar == ways
    assert SCHEMAS["provider"]["properties"]["client_auth"]["enum"] == list(CLIENT_AUTH)


PROVIDER = {"issuer": "https://login.example.com", "client_id": "lamp"}


@pytest.mark.parametrize(
    "fields",
    [
        {"provider": PROVIDER},
        {
            "wifi": [{"ssid": "home", "password": "correct horse"}, {"ssid": "workshop"}],
            "provider": PROVIDER,
            "scope": "openid profile offline_access",
            "ca": ["/ca/root.der"],
            "api": "https://api.example.com/v1/me",
            "board": "esp32-ssd1306",
            "language": "de",
        },
        {"provider": PROVIDER | {"issuer": "http://192.168.1.2"}, "allow_http": True},
    ],
)
def test_schema_and_board_take_the_same_configuration(fields):
    config.Config(fields)
    validate(fields, "keyfob")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "provider"),
        ({"provider": {"client_id": "lamp"}}, "provider.device_authorization_endpoint"),
        ({"provider": PROVIDER | {"issuer": "http://192.168.1.2"}}, "provider.issuer"),
        ({"provider": PROVIDER, "wifi": {}}, "wifi"),
        ({"provider": PROVIDER, "wifi": [{"password": "x"}]}, "wifi[0].ssid"),
        ({"provider": PROVIDER, "wifi": [{"ssid": ""}]}, "wifi[0].ssid"),
        ({"provider": PROVIDER, "wifi": [{"ssid": "x", "key": "y"}]}, "wifi[0].key"),
        ({"provider": PROVIDER, "ca": "/ca/root.der"}, "ca"),
        ({"provider": PROVIDER, "allow_http": 1}, "allow_http"),
        ({"provider": PROVIDER, "api": "http://192.168.1.2"}, "api"),
        ({"provider": PROVIDER, "lang": "en"}, "lang"),
    ],
)
def test_schema_and_board_refuse_the_same_configuration(fields, named):
    with pytest.raises(ConfigError) as caught:
        config.Config(fields)
    assert named in caught.value.message
    with pytest.raises(jsonschema.ValidationError):
        validate(fields, "keyfob")


@pytest.mark.parametrize("name", config._FIELDS)
def test_schema_and_board_refuse_a_value_of_another_type(name):
    fields = {"provider": PROVIDER, name: 1.5}
    with pytest.raises(ConfigError, match=f"^{name} is of the wrong type"):
        config.Config(fields)
    with pytest.raises(jsonschema.ValidationError):
        validate(fields, "keyfob")


# The numbers in the configuration and in its `provider`, and the limits that such numbers have.
LIMITS = {"keyfob": ("minimum", "maximum"), "provider": ("minimum",)}
NUMBERS = [
    (schema, name)
    for schema in LIMITS
    for name, field in SCHEMAS[schema]["properties"].items()
    if field.get("type") == "integer"
]


@pytest.mark.parametrize(("schema", "name"), NUMBERS)
def test_schema_board_and_readme_have_the_same_limits_of_a_number(schema, name):
    field = SCHEMAS[schema]["properties"][name]
    missing = set(LIMITS[schema]) - set(field)
    assert not missing, f"{SCHEMA_FOLDER}/{schema}.json: {name} has no {missing}"
    limits = [field[limit] for limit in ("minimum", "maximum") if limit in field]
    (row,) = re.findall(rf"^\| `{name}` \|.*", README.read_text("utf-8"), re.MULTILINE)
    told = re.findall(r"-?\d+", row.split("|")[2])
    assert set(map(str, limits)) <= set(told), f"firmware/README.md: the limits of {name}"

    def fields_with(value: object) -> dict[str, Any]:
        own = {name: value}
        return (
            {"provider": PROVIDER, **own} if schema == "keyfob" else {"provider": PROVIDER | own}
        )

    for value in (True, *(limit + step for limit in limits for step in (-1, 0, 1))):
        try:
            validate(fields_with(value), "keyfob")
        except jsonschema.ValidationError:
            with pytest.raises(ConfigError, match=rf"\b{name}\b"):
                config.Config(fields_with(value))
        else:
            config.Config(fields_with(value))
    with pytest.raises(ConfigError):  # for JSON Schema it is an integer, for a board it is none
        config.Config(fields_with(float(limits[0])))


# The `provider` object in it.


def test_the_schema_of_a_provider_has_the_fields_and_defaults_of_the_firmware():
    place = f"{SCHEMA_FOLDER}/provider.json"
    found = SCHEMAS["provider"]["properties"]
    known_in = "firmware/keyfob/oauth/profile_schema.py"
    same_fields(PROVIDER_FIELDS, known_in, set(found), place)
    for name, (kind, default) in PROVIDER_FIELDS.items():
        is_text = "enum" in found[name] or "$ref" in found[name]
        told = "string" if is_text else found[name]["type"]
        assert told == TYPES[kind], f"{place}: {name} is of another type in {known_in}"
        assert found[name].get("default") == default, f"{place}: the default of {name}"
    (enum,) = (found["body_format"]["enum"],)
    assert enum == list(profile_schema._BODY_FORMATS)


def test_the_readme_has_the_fields_of_a_provider():
    rows = list(readme_rows("In `provider`:"))
    told = [name for names, _ in rows for name in names]
    assert len(told) == len(set(told))
    known = SCHEMAS["provider"]["properties"]
    same_fields(known, f"{SCHEMA_FOLDER}/provider.json", set(told), "firmware/README.md")
    check_defaults(rows, known)


def check_defaults(rows: list[tuple[list[str], str]], known: Mapping[str, Any]) -> None:
    """Fail where a row of one field tells another default than the schema has, or none."""
    words = {" ": "a space", True: "`true`", False: "`false`"}
    for names, told in rows:
        for name in names:
            default = known[name].get("default")
            if not default and default is not False:
                continue
            shown = [str(default), f"`{default}`", words.get(default, "")]
            standard = ("the standard's", "the URN of RFC 8628")
            assert told in standard or any(word and word in told for word in shown), (
                f"firmware/README.md: the default of {name} is {default!r}"
            )


# What board.toml may hold.


def leaves(schema: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The fields of a schema without fields of their own, with dots between."""
    for name, field in schema["properties"].items():
        part = field.get("items", field)
        if "properties" in part:
            yield from leaves(part, f"{prefix}{name}.")
        else:
            yield prefix + name


def test_the_readme_of_the_boards_has_every_field_of_their_schema():
    text = (ROOT / "boards" / "README.md").read_text("utf-8")
    rows = {}  # by the field that a row begins with
    for row in re.findall(r"^\| (`[a-z].+) \|$", text, re.MULTILINE):
        name = re.findall(r"`([\w.\[\]]+)`", row)[0].replace("[]", "")
        rows[name] = re.findall(r"`\.?(?:[\w\[\]]+\.)*(\w+)`", row)
    schema = schemas.board()
    for name in leaves(schema):
        table, _, word = name.rpartition(".")
        told = [
            row
            for start, row in rows.items()
            if start.rpartition(".")[0] == table or name.startswith(f"{start}.")
        ]
        assert any(word in row for row in told), f"boards/README.md lacks {name}"
    known = set(leaves(schema)) | {start for name in leaves(schema) for start in tables_of(name)}
    assert set(rows) <= known, f"boards/README.md has {sorted(set(rows) - known)} in addition"


def tables_of(name: str) -> list[str]:
    """The tables that a field is in."""
    words = name.split(".")
    return [".".join(words[:count]) for count in range(1, len(words))]


# What reading refuses.


def test_a_preset_that_is_damaged_is_refused_by_file_and_field(tmp_path, monkeypatch):
    good = (presets.PRESETS / "keycloak.toml").read_text("utf-8")
    monkeypatch.setattr(presets, "PRESETS", tmp_path)
    for old, new, told in (
        ('title = "Keycloak"', "", "needs 'title', of type str"),
        ('title = "Keycloak"', 'title = ""', "needs 'title', and not an empty one"),
        ('grade = "S"', 'grade = "A"', "needs 'grade', one of S, D, X"),
        ("checked = 2026-11-30", 'checked = "2026-11-30"', "needs 'checked', of type date"),
        ('client = "either"', 'client = "any"', "needs 'client', one of public, secret, either"),
        ("[variables.realm]\nask", "[variables.realm]\nasks", "field 'variables.realm.asks'"),
        ("[shows]", "[show]", "unknown field 'show'"),
        ("verification_uri =", "uri =", "unknown field 'shows.uri'"),
        ("[provider]", "[[provider]]", "needs 'provider' as a table"),
        ('title = "Keycloak"', 'title = "Keycloak"\nname = "x"', "unknown field 'name'"),
        ('title = "Keycloak"', "title", "cannot be read"),
        ('console = "https://{domain}/admin/"', 'console = ""', "needs 'console', and not"),
        ("[[steps]]\ndo", "[[steps]]\ndoes", "unknown field 'steps[0].does'"),
        ("[steps.form]", "[steps.forms]", "unknown field 'steps[1].forms'"),
        ("[scopes]\n", "[scopes]\nx = 1\n", "needs 'scopes.x', of type str"),
        ("[[troubles]]\nsee", "[[troubles]]\nlook", "unknown field 'troubles[0].look'"),
    ):
        assert old in good, old
        (tmp_path / "mine.toml").write_text(good.replace(old, new), "utf-8")
        with pytest.raises(CliError) as caught:
            presets.load("mine")
        assert told in caught.value.message
        assert "mine.toml" in caught.value.message
        assert "README.md" in caught.value.hint


def test_a_personality_that_is_damaged_is_refused_by_file_and_field(tmp_path, monkeypatch):
    monkeypatch.setattr(personality, "PERSONALITIES", tmp_path)
    for text, told in (
        ("[request]\nname = 1", "unknown field 'request.name'"),
        ("[request]\noffline = 3", "needs 'request.offline', one of always, never"),
        ("[reply]\nscope = ';'", "needs 'reply.scope', one of  , ,, array"),
        ("[reply]\nwithout = 'x'", "needs 'reply.without' as a list of texts"),
        ("[reply]\nnames = { a = 1 }", "needs 'reply.names.a', of type str"),
        ("[errors.slow_down]\nstatus = 4", "needs 'errors.slow_down.status', 100 or more"),
        ("[errors.slow_down]\nstatus = 600", "needs 'errors.slow_down.status', 599 or less"),
        ("[errors.slow_down]\nmessage = ''", "unknown field 'errors.slow_down.message'"),
        ("_told = 1", "unknown field '_told'"),
    ):
        (tmp_path / "mine.toml").write_text(text, "utf-8")
        with pytest.raises(CliError) as caught:
            personality.load_personality("mine")
        assert told in caught.value.message
        assert "mine.toml" in caught.value.message


def test_a_board_s_bounds_are_those_of_its_schema(tmp_path):
    good = (ROOT / "boards" / "esp32-ssd1306" / "board.toml").read_text("utf-8")
    for old, new, told in (
        ("address = 0x3C", "address = 0x80", "needs 'display.i2c.address', 119 or less"),
        ("address = 0x3C", "address = 0x07", "needs 'display.i2c.address', 8 or more"),
        ("frequency = 400000", "frequency = 0", "needs 'display.i2c.frequency', 1 or more"),
        ("scl = 22", "scl = -1", "needs 'display.i2c.scl', 0 or more"),
        ('download = "ESP32_GENERIC"', 'download = ""', "'download', and not an empty one"),
    ):
        assert old in good
        path = tmp_path / "board.toml"
        path.write_text(good.replace(old, new), "utf-8")
        with pytest.raises(CliError) as caught:
            read_board(path)
        assert told in caught.value.message
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(tomllib.loads(path.read_text("utf-8")), schemas.board())
