"""The providers keyfob knows: a preset each, and the `provider` object that it makes.

    preset, variables = named("keycloak:domain=id.example.com,realm=home")
    provider_object(preset, variables, client_id="lamp")     # as in /keyfob.json

A preset is data (presets/NAME.toml, described by schemas/preset.json); host_tools/providers
has a page for people on each.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from keyfob_host.errors import CliError, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PRESETS = Path(__file__).parents[1] / "presets"
SCHEMAS = Path(__file__).parents[1] / "schemas"
_SCHEME = "https://"


@dataclass(frozen=True)
class Variable:
    """What a provider's addresses need to know of the person's own tenant."""

    ask: str
    default: str | None = None
    example: str | None = None
    optional: bool = False


@dataclass(frozen=True)
class Preset:
    """One provider, and how far its facts can be trusted.

    `grade` is S (seen in the provider's source code), D (in its documentation) or X (with
    third parties); `unverified` names what is not even that well known. `provider` is the
    object of /keyfob.json with `{variable}` in it, None where there is no grant for everybody;
    `instead` then says what to do. `client` is public, secret or either; `refresh` always,
    never or the scope that gives a refresh token. `shows` has an example of each text that
    the provider has a board show; `roots` are SHA-256 fingerprints of roots it announces;
    `discovery` is an issuer to look up where `provider` has none.
    """

    name: str
    title: str
    grade: str
    checked: date
    evidence: Sequence[str]
    unverified: Sequence[str] = ()
    client: str | None = None
    scope: str | None = None
    refresh: str | None = None
    instead: str | None = None
    variables: Mapping[str, Variable] = field(default_factory=dict)
    shows: Mapping[str, str] = field(default_factory=dict)
    roots: Sequence[str] = ()
    discovery: str | None = None
    provider: Mapping[str, Any] | None = None

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
    """The preset of that name. Raises UsageError for one that is not known."""
    names = known_providers()
    if name not in names:
        raise UsageError(
            f"there is no preset {name!r}",
            f"one of {', '.join(names)}, or a file, or --issuer URL",
        )
    table = tomllib.loads((PRESETS / f"{name}.toml").read_text(encoding="utf-8"))
    variables = {key: Variable(**value) for key, value in table.pop("variables", {}).items()}
    return Preset(name=name, variables=variables, **table)


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


def usage(preset: Preset) -> str:
    """How to name the preset with the variables that have to be given."""
    needed = [
        f"{name}={variable.example or '...'}"
        for name, variable in preset.variables.items()
        if variable.default is None and not variable.optional
    ]
    return f"{preset.name}:{','.join(needed)}" if needed else preset.name


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


def _values(preset: Preset, variables: Mapping[str, str]) -> dict[str, str | None]:
    """Each variable's value, None for an optional one. Raises UsageError for one missing."""
    values: dict[str, str | None] = {}
    for name, variable in preset.variables.items():
        values[name] = variables.get(name) or variable.default
        if values[name] is None and not variable.optional:
            raise UsageError(
                f"{preset.title} needs {name}: {variable.ask}", f"name it as {usage(preset)}"
            )
    return values


def _filled(value: Any, variables: Mapping[str, str | None]) -> Any:
    """`value` with its variables filled in; what needs one that is not given is left out."""
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
