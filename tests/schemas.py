"""The JSON Schemas that are made from dataclasses.

`.venv/bin/python tests/schemas.py` writes them anew after a field was added.
"""

import json
from pathlib import Path
from typing import Any

from keyfob.oauth.profile_schema import ADDRESSES
from keyfob_host.boards import BoardFile
from keyfob_host.providers.presets import SCHEMAS, Preset
from keyfob_host.resources import boards_dir
from keyfob_host.typed_toml import json_schema
from keyfob_sim.server.personality import Personality

_NAMED_BY_FILE = ["name"]
_CLIENT = ("client_id", "client_secret")  # whom a preset is for decides those


def board() -> dict[str, Any]:
    return json_schema(
        BoardFile,
        title="board.toml",
        description="One board; boards/README.md says what each field is.",
    )


def preset() -> dict[str, Any]:
    """A preset's `provider` has the fields of the object in /keyfob.json, but for the client's."""
    about = {"$id": _address("preset"), "title": "A provider's preset: presets/NAME.toml"}
    schema = json_schema(Preset, _NAMED_BY_FILE, **about)
    provider = json.loads((SCHEMAS / "provider.json").read_text("utf-8"))
    address = {"type": "string", "pattern": r"^(https://|\{issuer\}$)"}
    schema["properties"]["provider"] |= {
        "properties": {
            name: address if name in ADDRESSES else {"$ref": f"provider.json#/properties/{name}"}
            for name in provider["properties"]
            if name not in _CLIENT
        },
        "additionalProperties": False,
        "anyOf": [
            {"required": ["issuer"]},
            {"required": ["device_authorization_endpoint", "token_endpoint"]},
        ],
    }
    return schema


def personality() -> dict[str, Any]:
    about = {"$id": _address("personality"), "title": "How the mock server talks like a provider"}
    return json_schema(Personality, _NAMED_BY_FILE, **about)


MADE = {
    boards_dir() / "board.schema.json": board,
    SCHEMAS / "preset.json": preset,
    SCHEMAS / "personality.json": personality,
}


def text_of(schema: dict[str, Any]) -> str:
    """A schema as its file has it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _address(name: str) -> str:
    return f"https://keyfob.invalid/schemas/{name}.json"


def renew() -> None:
    """Write them all."""
    for path, make in MADE.items():
        Path(path).write_text(text_of(make()), "utf-8")


if __name__ == "__main__":
    renew()
