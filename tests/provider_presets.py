"""The presets that offer the grant, as parameters of tests, and the schemas of what is told."""

import json
from typing import Any

import jsonschema
from referencing import Registry, Resource

from keyfob_host.providers.presets import SCHEMAS as FOLDER
from keyfob_host.providers.presets import Preset, known_providers, load

OFFERING = [name for name in known_providers() if load(name).provider is not None]
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
