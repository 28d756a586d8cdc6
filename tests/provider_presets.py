"""The presets that offer the grant, as parameters of tests, and the schemas of what is told."""

import json
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from keyfob_host.providers import SCHEMAS as FOLDER
from keyfob_host.providers import Preset, known_providers, load

# What the firmware does not know yet: presets by name, and the fields they wait for.
AWAITED_PRESETS = ("amazon", "aws", "salesforce", "trakt")
AWAITED_FIELDS = {
    "body_format",
    "client_id_param",
    "client_secret_param",
    "default_interval",
    "default_token_type",
    "device_code_param",
    "error_paths",
    "extra_refresh_params",
    "grant_type_param",
    "refresh_token_param",
    "send_user_code",
    "token_aliases",
}

OFFERING = [name for name in known_providers() if load(name).provider is not None]
LOADABLE = [
    pytest.param(
        name, marks=pytest.mark.xfail(name in AWAITED_PRESETS, reason="awaits profile fields")
    )
    for name in OFFERING
]

SCHEMAS: dict[str, Any] = {p.stem: json.loads(p.read_text()) for p in FOLDER.glob("*.json")}
_REGISTRY: Any = Registry().with_resources(
    (schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS.values()
)


def validate(value: Any, schema: str) -> None:
    """Raise ValidationError unless `value` fits the schema of that name."""
    jsonschema.Draft202012Validator(
        SCHEMAS[schema], registry=_REGISTRY, format_checker=jsonschema.FormatChecker()
    ).validate(value)


def examples(preset: Preset) -> dict[str, str]:
    """Variables with which the preset is complete."""
    return {name: v.example for name, v in preset.variables.items() if v.example is not None}


def secret(preset: Preset) -> str | None:
    """A secret where the preset wants one."""
    return "a-test-secret" if preset.client == "secret" else None
