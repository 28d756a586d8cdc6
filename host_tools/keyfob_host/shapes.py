"""What JSON from outside may be: shapes to hold a value against, made of smaller ones.

    person = record({"name": text, "age": maybe(whole(0, 150))})
    person({"name": "Ana", "age": None})     # True
    person({"name": 5, "age": None})         # False

A shape is a function from a value to whether the value has it.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

Shape = Callable[[Any], bool]

_LONGEST_TEXT = 8192  # characters: a board prints no longer ones
_MOST_ITEMS = 1000
_DEEPEST = 8  # lists and objects within each other, of what is passed on unread


def text(value: Any) -> bool:
    """A text of at most 8192 characters."""
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT


def ascii_text(most: int) -> Shape:
    """A text of at most this many characters, ASCII that prints, without blanks around it."""
    return lambda value: (
        isinstance(value, str)
        and len(value) <= most
        and value.isascii()
        and value.isprintable()
        and value == value.strip()
    )


def word(value: Any) -> bool:
    """A name of ours: at most 40 letters, digits and underscores of ASCII."""
    return isinstance(value, str) and value.isascii() and value.isidentifier() and len(value) <= 40


def flag(value: Any) -> bool:
    """True or false."""
    return isinstance(value, bool)


def nothing(value: Any) -> bool:
    """Null."""
    return value is None


def whole(least: int, most: int) -> Shape:
    """A whole number in this range."""
    return lambda value: type(value) is int and least <= value <= most


def number(least: float, most: float) -> Shape:
    """A number in this range."""
    return lambda value: type(value) in (int, float) and least <= value <= most


def one_of(*values: str) -> Shape:
    """One of these texts."""
    return lambda value: isinstance(value, str) and value in values


def maybe(shape: Shape) -> Shape:
    """Null, or what has the shape."""
    return lambda value: value is None or shape(value)


def either(*shapes: Shape) -> Shape:
    """What has one of the shapes."""
    return lambda value: any(shape(value) for shape in shapes)


def each(shape: Shape) -> Shape:
    """A list of at most 1000 items that have the shape."""

    def has_it(value: Any) -> bool:
        return isinstance(value, list) and len(value) <= _MOST_ITEMS and all(map(shape, value))

    return has_it


def row(*shapes: Shape) -> Shape:
    """A list of as many items, each with its own shape."""

    def has_it(value: Any) -> bool:
        return (
            isinstance(value, list)
            and len(value) == len(shapes)
            and all(shape(item) for shape, item in zip(shapes, value, strict=True))
        )

    return has_it


def record(needed: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """An object with these members; others may be any JSON value that is not nested deeply."""
    known = {**needed, **(optional or {})}

    def has_it(value: Any) -> bool:
        return (
            isinstance(value, dict)
            and needed.keys() <= value.keys()
            and all(known.get(name, anything)(member) for name, member in value.items())
        )

    return has_it


def anything(value: Any, depth: int = 0) -> bool:
    """Any JSON value that is not nested deeply, without the NaN that JSON has no word for."""
    if depth > _DEEPEST:
        return False
    if isinstance(value, dict):
        return all(anything(member, depth + 1) for member in value.values())
    if isinstance(value, list):
        return all(anything(item, depth + 1) for item in value)
    return not isinstance(value, float) or math.isfinite(value)
