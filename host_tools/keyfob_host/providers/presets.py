"""The providers keyfob knows: a preset each, and the `provider` object that it makes.

    preset, variables = named("keycloak:domain=id.example.com,realm=home")
    provider_object(preset, variables, client_id="lamp")     # as in /keyfob.json

A preset is data (presets/NAME.toml, described by schemas/preset.json): the object for the board,
and the facts of the page for people (providers/page.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypedDict

from keyfob_host.errors import CliError, UsageError
from keyfob_host.typed_toml import Rule, read_toml

PRESETS = Path(__file__).parents[1] / "presets"
SCHEMAS = Path(__file__).parents[1] / "schemas"
_SCHEME = "https://"


Text = Annotated[str, Rule(least=1)]
Fingerprint = Annotated[str, Rule(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class Variable:
    """What a provider's addresses need to know of the person's own tenant."""

    ask: Annotated[str, Rule("what to ask a person for", least=1)]
    default: Text | None = None
    example: Text | None = None
    optional: Annotated[bool, Rule("whether it may be left out")] = False


class Shown(TypedDict, total=False):
    """An example of each text that the provider has a board show."""

    verification_uri: Text
    verification_uri_complete: Text
    user_code: Text


@dataclass(frozen=True)
class Step:
    """One thing to do at the provider's console."""

    do: Annotated[str, Rule("what to open, to press or to run", least=1)]
    form: Annotated[Mapping[str, Text], Rule("the fields to fill in: each one's value")] = field(
        default_factory=dict
    )
    paste: Annotated[str, Rule("lines to run, or to put into a file, as they are")] = ""


@dataclass(frozen=True)
class Trouble:
    """What goes wrong at this provider, and how to mend it."""

    see: Annotated[str, Rule("what the board, its log or the browser says", least=1)]
    do: Text


@dataclass(frozen=True)
class Preset:
    """One provider, and how far its facts can be trusted.

    `provider` is None where there is no grant for everybody; `instead` then says what to do.
    Texts for people may have {variable} in them.
    """

    name: str
    title: Annotated[str, Rule("what people call the provider", least=1)]
    grade: Annotated[
        Literal["S", "D", "X"],
        Rule("where its facts were seen: S source code, D documentation, X third parties"),
    ]
    checked: Annotated[date, Rule("when")]
    evidence: Annotated[tuple[Text, ...], Rule("where", least=1)]
    unverified: Annotated[
        tuple[Text, ...], Rule("fields and facts that are not seen that well")
    ] = ()
    client: Annotated[
        Literal["public", "secret", "either"] | None, Rule("which client the grant takes")
    ] = None
    scope: Annotated[str | None, Rule("what to ask for unless a person wants something else")] = (
        None
    )
    refresh: Annotated[
        str | None,
        Rule("when there is a refresh token: always, never, or the scope that gives it", least=1),
    ] = None
    instead: Annotated[
        str | None, Rule("what to do, where the grant is not for everybody", least=1)
    ] = None
    console: Annotated[
        str | None,
        Rule("where a client is registered: an address, or the file or command", least=1),
    ] = None
    steps: Annotated[tuple[Step, ...], Rule("how to register one, in order", least=1)] = ()
    people: Annotated[
        str | None, Rule("who may approve: test users, publishing, an admin's consent", least=1)
    ] = None
    scopes: Annotated[
        Mapping[str, Text], Rule("scopes that boards ask for: what each lets them read or do")
    ] = field(default_factory=dict)
    account: Annotated[
        str | None, Rule("where the name of the account on the panel is from", least=1)
    ] = None
    troubles: Annotated[
        tuple[Trouble, ...], Rule("errors of this provider beside those of every one", least=1)
    ] = ()
    notes: Annotated[tuple[Text, ...], Rule("what else is odd about it")] = ()
    variables: Annotated[Mapping[str, Variable], Rule(names="^[a-z_]+$")] = field(
        default_factory=dict
    )
    shows: Annotated[Shown, Rule("an example of each text that a board has to show")] = field(
        default_factory=Shown
    )
    roots: Annotated[
        tuple[Fingerprint, ...], Rule("SHA-256 of root certificates that the provider announces")
    ] = ()
    discovery: Annotated[
        str | None,
        Rule(
            "an issuer whose discovery document tells more, where `provider` has none",
            pattern="^https://",
        ),
    ] = None
    provider: Annotated[
        Mapping[str, Any] | None,
        Rule("the object of /keyfob.json, with {variable} in it and without a client"),
    ] = None

    schema_rules: ClassVar[dict[str, Any]] = {
        "oneOf": [
            {
                "required": [
                    *("provider", "client", "scope", "refresh"),
                    *("console", "steps", "people", "account", "troubles"),
                ]
            },
            {"required": ["instead"]},
        ]
    }

    def as_json(self) -> dict[str, Any]:
        """As `keyfob providers --json` prints it."""
        return asdict(self) | {
            "checked": self.checked.isoformat(),
            "grant": self.provider is not None,
        }


def known_providers() -> list[str]:
    """Names of the presets, sorted."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def load(name: str) -> Preset:
    """The preset of that name.

    Raises UsageError for one that is not known, and CliError for a damaged file.
    """
    names = known_providers()
    if name not in names:
        raise UsageError(
            f"there is no preset {name!r}",
            f"one of {', '.join(names)}, or a file, or --issuer URL",
        )
    path = PRESETS / f"{name}.toml"
    return read_toml(Preset, path, "see host_tools/providers/README.md", name=name)


def is_preset(text: str) -> bool:
    """Whether `text` names a preset, with or without variables."""
    return text.partition(":")[0] in known_providers()


def named(text: str) -> tuple[Preset, dict[str, str]]:
    """A preset and variables from NAME or NAME:variable=value,...; raises UsageError."""
    name, _, rest = text.partition(":")
    preset = load(name)
    variables = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if key not in preset.variables or not equals or not value:
            known = " or ".join(preset.variables) or "none"
            raise UsageError(
                f"{part!r} sets no variable of the preset {name} (it has {known})", usage(preset)
            )
        variables[key] = value
    return preset, variables


def usage(preset: Preset, variables: Mapping[str, str] | None = None) -> str:
    """How to name the preset with `variables` and those that have to be given besides."""
    given = _examples(preset) | dict(variables or {})
    parts = [f"{name}={given[name]}" for name in preset.variables if name in given]
    return f"{preset.name}:{','.join(parts)}" if parts else preset.name


def with_examples(preset: Preset, variables: Mapping[str, str]) -> tuple[Preset, dict[str, Any]]:
    """The preset as people are told of it, and its `provider` object, {} where it has none.

    Examples stand where `variables` have no value; `example` is what stands for a variable.
    """
    given = _examples(preset) | dict(variables)
    values = _values(preset, given)
    texts = ("console", "steps", "people", "scopes", "account", "troubles", "notes", "instead")
    told = {name: _filled(getattr(preset, name), values) for name in texts}
    shown = {
        name: replace(variable, example=values[name] or variable.example)
        for name, variable in preset.variables.items()
    }
    fields: dict[str, Any] = {}
    if preset.provider is not None:
        secret = "***" if preset.client == "secret" else None
        fields = provider_object(preset, given, "ID", secret)
    return replace(preset, variables=shown, **told), fields


def provider_object(
    preset: Preset,
    variables: Mapping[str, str] | None = None,
    client_id: str | None = None,
    client_secret: str | None = None,
    client_auth: str | None = None,
) -> dict[str, Any]:
    """The `provider` object of /keyfob.json.

    A preset's `client_auth` is that of a client with a secret. Raises UsageError for a
    provider that does not offer the grant, and for a variable or a secret that is missing.
    """
    if preset.provider is None:
        raise UsageError(
            f"{preset.title} does not offer the device grant", preset.instead or "another provider"
        )
    if client_id is not None and preset.client == "secret" and not client_secret:
        raise UsageError(
            f"{preset.title} wants a client secret",
            "set KEYFOB_CLIENT_SECRET in the environment to the one it issued",
        )
    fields: dict[str, Any] = _filled(preset.provider, _values(preset, variables or {}))
    if client_auth is None and client_secret is not None:
        client_auth = fields.get("client_auth")
    client = {"client_id": client_id, "client_secret": client_secret, "client_auth": client_auth}
    fields.pop("client_auth", None)
    return fields | {name: value for name, value in client.items() if value is not None}


def discovery_issuer(preset: Preset, variables: Mapping[str, str]) -> str | None:
    """The issuer whose discovery document may say more, though a board needs none."""
    return (
        None if preset.discovery is None else _filled(preset.discovery, _values(preset, variables))
    )


def check_fields(fields: Mapping[str, Any], allow_http: bool = False) -> None:
    """Judge a `provider` object as the board will. Raises CliError that names the field."""
    from keyfob.errors import ConfigError
    from keyfob.oauth.profile import Profile
    from keyfob.oauth.profile_schema import client_from

    try:
        Profile(dict(fields), allow_http)
        client_from(fields)
    except ConfigError as error:
        hint = error.hint or "see the fields of `provider` in firmware/README.md"
        raise CliError(error.message, hint) from None


def _examples(preset: Preset) -> dict[str, str]:
    """An example of each variable that has to be given."""
    return {
        name: variable.example or "..."
        for name, variable in preset.variables.items()
        if variable.default is None and not variable.optional
    }


def _values(preset: Preset, variables: Mapping[str, str]) -> dict[str, str | None]:
    """Each variable's value, None for an optional one. Raises UsageError for one missing.

    A default may have variables before it in it.
    """
    values: dict[str, str | None] = {}
    for name, variable in preset.variables.items():
        values[name] = variables.get(name) or _filled(variable.default, values)
        if values[name] is None and not variable.optional:
            raise UsageError(
                f"{preset.title} needs {name}: {variable.ask}", f"name it as {usage(preset)}"
            )
    return values


def _filled(value: Any, variables: Mapping[str, str | None]) -> Any:
    """`value` with its variables filled in; what needs one that is not given is left out."""
    if isinstance(value, tuple):
        return tuple(_filled(item, variables) for item in value)
    if isinstance(value, Step | Trouble):
        return replace(value, **_filled(vars(value), variables))
    if isinstance(value, Mapping):
        filled = {key: _filled(item, variables) for key, item in value.items()}
        return {key: item for key, item in filled.items() if item not in (None, {})}
    if not isinstance(value, str):
        return value
    for name, given in variables.items():
        mark = "{" + name + "}"
        if mark not in value:
            continue
        if given is None:
            return None
        if _SCHEME + mark in value:  # people copy whole addresses
            given = given.removeprefix(_SCHEME).rstrip("/")
        value = value.replace(mark, given)
    return value
