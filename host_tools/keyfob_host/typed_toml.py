"""TOML files as dataclasses: the types of the fields say what a file may hold.

    @dataclass(frozen=True)
    class Led:
        pin: Annotated[int, Rule(minimum=0)]
        on: Literal[0, 1]

    read_toml(Led, path, "see boards/README.md")
    json_schema(Led)                                 # the same, for editors that check TOML

A field may be left out where it has a default. Types are str, int, float, bool, date, Any,
Literal, tuples and lists of one type, mappings from str, unions of these, dataclasses and
TypedDicts; None stands for what is not in the file. What types cannot say of a table, a class adds
to its schema as a dict called `schema_rules`.
"""

import sys
from collections.abc import Collection, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from keyfob_host.errors import CliError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")

_SIMPLE = {str: "string", int: "integer", float: "number", bool: "boolean"}
_SEQUENCES = (tuple, list)
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class FieldError(Exception):
    """What is wrong with a field, as the rest of a sentence that begins with the file's name."""


@dataclass(frozen=True)
class Rule:
    """What a type alone does not say of a field: bounds, and words for its schema.

    `least` is the fewest characters of a text, items of a list. Patterns are for the schema, to
    which tests hold the files that keyfob brings; reading does not check them.
    """

    description: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    least: int | None = None
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    names: str | None = None  # the pattern of a mapping's names


@dataclass(frozen=True)
class _Field:
    """One field of a table: its type with its rules, and whether it may be left out."""

    name: str
    kind: Any
    optional: bool


def read_toml(kind: type[T], path: Path, hint: str, **given: Any) -> T:
    """The file as an object of the dataclass `kind`; `given` are the fields that no file holds.

    Raises CliError, which names the file and the field, with `hint`.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return kind(**given, **_members(kind, table, "", given))
    except FieldError as error:
        raise CliError(f"{path} {error}", hint) from None
    except (OSError, ValueError) as error:
        raise CliError(f"{path} cannot be read: {error}", hint) from None


def json_schema(kind: type, leave_out: Collection[str] = (), **about: str) -> dict[str, Any]:
    """The JSON Schema of a dataclass, without the fields to leave out, which no file holds.

    `about` are the words that a schema has for people, such as its title.
    """
    return {"$schema": _DIALECT, **about, **_table_schema(kind, leave_out)}


def _fields(kind: Any, leave_out: Collection[str] = ()) -> list[_Field]:
    hints = get_type_hints(kind, include_extras=True)
    if _is_typed_dict(kind):
        return [_Field(name, hints[name], name in kind.__optional_keys__) for name in hints]
    return [
        _Field(
            field.name,
            hints[field.name],
            field.default is not MISSING or field.default_factory is not MISSING,
        )
        for field in fields(kind)
        if field.init and field.name not in leave_out
    ]


def _plain(kind: Any) -> tuple[Any, list[Rule]]:
    """A type without its rules and its None, and the rules."""
    rules = []
    while True:
        if get_origin(kind) is Annotated:
            kind, *extra = get_args(kind)
            rules += [rule for rule in extra if isinstance(rule, Rule)]
        elif len(_kinds(kind)) == 1 and _kinds(kind) != [kind]:
            (kind,) = _kinds(kind)
        else:
            return kind, rules


def _kinds(kind: Any) -> list[Any]:
    """The types of a union but None; the type itself where it is no union."""
    if get_origin(kind) not in (UnionType, Union):
        return [kind]
    return [one for one in get_args(kind) if one is not NoneType]


def _is_table(kind: Any) -> bool:
    return is_dataclass(kind) or _is_typed_dict(kind)


def _is_typed_dict(kind: Any) -> bool:
    return hasattr(kind, "__optional_keys__")


# Reading.


def _members(kind: Any, value: Any, name: str, given: Collection[str] = ()) -> dict[str, Any]:
    """The fields of the table `name` that are there, each of its type."""
    if not isinstance(value, dict):
        raise FieldError(f"needs {name!r} as a table")
    prefix = name and f"{name}."
    known = {field.name: field for field in _fields(kind, given)}
    for key in value:
        if key not in known:
            raise FieldError(f"has an unknown field {prefix + key!r}")
    found = {}
    for field in known.values():
        if field.name in value:
            found[field.name] = _read(field.kind, value[field.name], prefix + field.name)
        elif not field.optional:
            found[field.name] = _read(field.kind, None, prefix + field.name)  # says what is needed
    return found


def _read(kind: Any, value: Any, name: str) -> Any:
    """`value` of the field `name` as the type `kind`. Raises FieldError."""
    kind, rules = _plain(kind)
    value = _read_plain(kind, value, name)
    for rule in rules:
        _check(rule, value, name)
    return value


def _read_plain(kind: Any, value: Any, name: str) -> Any:
    if len(_kinds(kind)) > 1:
        return _read_either(_kinds(kind), value, name)
    origin, items = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin is Literal:
        if type(value) is not type(items[0]) or value not in items:
            raise FieldError(f"needs {name!r}, one of {', '.join(map(str, items))}")
        return value
    if origin in _SEQUENCES:
        if not isinstance(value, list):
            what = "texts" if _plain(items[0])[0] is str else "tables"
            raise FieldError(f"needs {name!r} as a list of {what}")
        found = [_read(items[0], item, f"{name}[{index}]") for index, item in enumerate(value)]
        return origin(found)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            raise FieldError(f"needs {name!r} as a table")
        return {key: _read(items[1], item, f"{name}.{key}") for key, item in value.items()}
    if _is_table(kind):
        return kind(**_members(kind, value, name))
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise FieldError(f"needs {name!r}, of type {kind.__name__}")
    return value


def _read_either(kinds: list[Any], value: Any, name: str) -> Any:
    """`value` as the first of these types that it is."""
    errors = []
    for kind in kinds:
        try:
            return _read(kind, value, name)
        except FieldError as error:
            errors.append(error)
    raise errors[0]


def _check(rule: Rule, value: Any, name: str) -> None:
    """Raise FieldError unless `value` keeps the rule."""
    if rule.choices and value not in rule.choices:
        raise FieldError(f"needs {name!r}, one of {', '.join(rule.choices)}")
    if rule.minimum is not None and value < rule.minimum:
        raise FieldError(f"needs {name!r}, {rule.minimum} or more")
    if rule.maximum is not None and value > rule.maximum:
        raise FieldError(f"needs {name!r}, {rule.maximum} or less")
    if rule.least is not None and len(value) < rule.least:
        raise FieldError(f"needs {name!r}, and not an empty one")


# Describing.


def _schema(kind: Any) -> dict[str, Any]:
    kind, rules = _plain(kind)
    schema = _plain_schema(kind)
    for rule in rules:
        schema = {"enum": list(rule.choices)} if rule.choices else schema
        schema |= _rule_schema(rule, kind)
    return schema


def _plain_schema(kind: Any) -> dict[str, Any]:
    if len(_kinds(kind)) > 1:
        return {"anyOf": [_schema(one) for one in _kinds(kind)]}
    origin, items = get_origin(kind), get_args(kind)
    if kind is Any:
        return {}
    if kind is date:
        return {"type": "string", "format": "date"}
    if origin is Literal:
        return {"enum": list(items)}
    if origin in _SEQUENCES:
        return {"type": "array", "items": _schema(items[0])}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(items[1])}
    if _is_table(kind):
        return _table_schema(kind)
    return {"type": _SIMPLE[kind]}


def _table_schema(kind: Any, leave_out: Collection[str] = ()) -> dict[str, Any]:
    known = _fields(kind, leave_out)
    return {
        "type": "object",
        "properties": {field.name: _schema(field.kind) for field in known},
        "required": [field.name for field in known if not field.optional],
        "additionalProperties": False,
        **getattr(kind, "schema_rules", {}),
    }


def _rule_schema(rule: Rule, kind: Any) -> dict[str, Any]:
    is_list = get_origin(kind) in _SEQUENCES
    words = {
        "description": rule.description,
        "minimum": rule.minimum,
        "maximum": rule.maximum,
        "minItems" if is_list else "minLength": rule.least,
        "pattern": rule.pattern,
        "propertyNames": rule.names and {"pattern": rule.names},
    }
    return {word: value for word, value in words.items() if value is not None}
