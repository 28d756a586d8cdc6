"""The server's configuration: what it issues, to whom, and for how long; from TOML.

interval = 5                  # seconds between polls
rotation = "strict"           # off, strict, family or grace; see rotation.py
grace = 60                    # seconds that a retired refresh token still works, with "grace"
default_scope = "openid profile offline_access"

[lifetimes]                   # seconds
device_code = 1800
access_token = 3600
refresh_token = 0             # 0 never expires
id_token = 3600

[user_code]                   # every * becomes a character of charset
charset = "BCDFGHJKLMNPQRSTVWXZ"
format = "****-****"

[scopes]                      # beside the built-in ones: what the consent page says
"lights" = "switch your lights on and off"

[[users]]                     # instead of the ready-made ones; other keys are claims
sub = "u-1"
preferred_username = "dora"

[[clients]]                   # instead of the ready-made ones
client_id = "lamp"
client_auth = "basic"         # none, basic or post
client_secret = "…"           # left out: made up, and remembered in the state file
name = "Bedside lamp"
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from string import ascii_uppercase, digits
from typing import Any, TypeVar

from keyfob.oauth.messages import BASIC, CLIENT_AUTH, NONE, POST
from keyfob_host.errors import CliError

from .rotation import ROTATIONS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# By their registered names (RFC 7591 section 2).
AUTH_METHODS = {"none": NONE, "client_secret_basic": BASIC, "client_secret_post": POST}

# 20 consonants without look-alikes: about 34.5 bits in eight characters (RFC 8628 section 6.1).
CONSONANTS = "BCDFGHJKLMNPQRSTVWXZ"
_FEWEST_USER_CODES = 10_000

_T = TypeVar("_T")


@dataclass(frozen=True)
class Lifetimes:
    """Seconds until each thing expires; a refresh token of 0 never does."""

    device_code: int = 1800
    access_token: int = 3600
    refresh_token: int = 0
    id_token: int = 3600


@dataclass(frozen=True)
class UserCode:
    """The look of a user code: every `*` of `format` becomes a character of `charset`."""

    charset: str = CONSONANTS
    format: str = "****-****"


@dataclass(frozen=True)
class User:
    """An account that can sign in. `claims` are what the scopes may reveal (OIDC Core 5.1)."""

    sub: str
    claims: Mapping[str, Any] = field(default_factory=dict)

    @property
    def username(self) -> str:
        """The claim `preferred_username`, else `sub`; what the admin API takes as `user`."""
        return str(self.claims.get("preferred_username", self.sub))

    @property
    def label(self) -> str:
        """What the pages call the user: the claim `name`, else the user name."""
        return str(self.claims.get("name", self.username))


@dataclass(frozen=True)
class ClientEntry:
    """A client as configured; without a secret, one that needs a secret gets one made up."""

    client_id: str
    client_auth: str = NONE
    name: str = ""
    client_secret: str | None = field(default=None, repr=False)


USERS = (
    User(
        "user-ana",
        {
            "name": "Ana Alves",
            "given_name": "Ana",
            "family_name": "Alves",
            "preferred_username": "ana",
            "email": "ana@example.com",
            "email_verified": True,
        },
    ),
    User(
        "user-ben",
        {
            "name": "Ben Müller",
            "given_name": "Ben",
            "family_name": "Müller",
            "preferred_username": "ben",
            "email": "ben@example.com",
            "email_verified": False,
        },
    ),
    User("user-chris", {"name": "Chris", "preferred_username": "chris"}),
)

CLIENTS = (
    ClientEntry("keyfob-public", NONE, "keyfob board"),
    ClientEntry("keyfob-basic", BASIC, "keyfob board (secret in the header)"),
    ClientEntry("keyfob-post", POST, "keyfob board (secret in the body)"),
)

SCOPES = {
    "openid": "know which account is yours",
    "profile": "see your name and user name",
    "email": "see your e-mail address",
    "offline_access": "stay linked until you unlink it",
}


@dataclass(frozen=True)
class Config:
    """All of it; the defaults are what RFC 8628 suggests and what a demo needs."""

    interval: int = 5
    rotation: str = "strict"
    grace: int = 60
    default_scope: str = "openid profile offline_access"
    lifetimes: Lifetimes = Lifetimes()
    user_code: UserCode = UserCode()
    scopes: Mapping[str, str] = field(default_factory=lambda: dict(SCOPES))
    users: tuple[User, ...] = USERS
    clients: tuple[ClientEntry, ...] = CLIENTS


def load_config(path: Path | None, base: Mapping[str, Any] | None = None) -> Config:
    """Read the configuration from TOML; None gives the defaults.

    `base` has what the TOML leaves out, table by table.
    Raises CliError, naming the file and the key, for one that cannot be read or means nothing.
    """
    table = dict(base or {})
    if path is None:
        return _Reader(Path("the personality")).config(table)
    try:
        own = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CliError(
            f"cannot read {path}: {error.strerror}", "check the path given with --config"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CliError(f"{path} is not TOML: {error}", "correct that line") from None
    for key, value in own.items():
        is_table = isinstance(value, dict) and isinstance(table.get(key), dict)
        table[key] = {**table[key], **value} if is_table else value
    return _Reader(path).config(table)


class _Reader:
    """Turns the parsed TOML into a Config. Methods raise CliError, naming the file and the key."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def config(self, table: dict[str, Any]) -> Config:
        """Read the whole document."""
        sections: dict[str, Callable[[Any], Any]] = {
            "interval": lambda value: self.number("interval", value, 1),
            "rotation": lambda value: self.choice("rotation", value, tuple(ROTATIONS)),
            "grace": lambda value: self.number("grace", value, 1),
            "default_scope": lambda value: self.text("default_scope", value),
            "lifetimes": self.lifetimes,
            "user_code": self.user_code,
            "scopes": self.scopes,
            "users": lambda value: self.each("users", value, self.user, "sub"),
            "clients": lambda value: self.each("clients", value, self.client, "client_id"),
        }
        self.only("the top level", table, tuple(sections))
        config = Config(**{key: sections[key](value) for key, value in table.items()})
        for scope in config.default_scope.split():
            self.choice("default_scope", scope, tuple(config.scopes))
        return config

    def lifetimes(self, value: Any) -> Lifetimes:
        """Read [lifetimes]: whole seconds from 1 up, 0 allowed for the refresh token."""
        table = self.table("lifetimes", value, tuple(f.name for f in fields(Lifetimes)))
        least = {"refresh_token": 0}
        return Lifetimes(
            **{k: self.number(f"lifetimes.{k}", v, least.get(k, 1)) for k, v in table.items()}
        )

    def user_code(self, value: Any) -> UserCode:
        """Read [user_code], which must allow codes enough to be hard to guess."""
        table = self.table("user_code", value, ("charset", "format"))
        look = replace(UserCode(), **{k: self.text(f"user_code.{k}", v) for k, v in table.items()})
        charset = set(look.charset)
        if not charset <= set(ascii_uppercase + digits):
            raise self.wrong("user_code.charset", "may hold A to Z and 0 to 9 only")
        if not look.format.isascii() or not look.format.isprintable():
            raise self.wrong("user_code.format", "may hold printable ASCII only")
        if look.format != look.format.upper():
            raise self.wrong("user_code.format", "may not hold lower-case letters")
        if len(charset) ** look.format.count("*") < _FEWEST_USER_CODES:
            raise self.wrong("user_code", f"allows fewer than {_FEWEST_USER_CODES} codes")
        return look

    def scopes(self, value: Any) -> Mapping[str, str]:
        """Read [scopes] and add the built-in ones."""
        table = self.table("scopes", value)
        for name, words in table.items():
            self.text(f"scopes.{name}", words)
            # scope-token of RFC 6749 section 3.3
            if not name or not all("!" <= c <= "~" and c not in '"\\' for c in name):
                raise self.wrong(f"scopes.{name!r}", "is not a scope of RFC 6749")
        return {**SCOPES, **table}

    def user(self, where: str, table: dict[str, Any]) -> User:
        """Read one [[users]]: all but `sub` are claims."""
        claims = dict(table)
        return User(self.text(f"{where}.sub", claims.pop("sub", None)), claims)

    def client(self, where: str, table: dict[str, Any]) -> ClientEntry:
        """Read one [[clients]]."""
        self.only(where, table, tuple(f.name for f in fields(ClientEntry)))
        for key, value in table.items():
            self.text(f"{where}.{key}", value)
        self.text(f"{where}.client_id", table.get("client_id"))
        entry = ClientEntry(**table)
        self.choice(f"{where}.client_auth", entry.client_auth, CLIENT_AUTH)
        if entry.client_auth == NONE and entry.client_secret is not None:
            raise self.wrong(f"{where}.client_secret", 'cannot go with client_auth "none"')
        return entry

    def each(
        self, key: str, value: Any, read: Callable[[str, dict[str, Any]], _T], identity: str
    ) -> tuple[_T, ...]:
        """Read a list of tables, no two of which may have the same `identity`."""
        if not isinstance(value, list) or not value:
            raise self.wrong(key, f"must be one or more [[{key}]] tables")
        items = []
        for number, table in enumerate(value, 1):
            items.append(read(f"{key}[{number}]", self.table(f"{key}[{number}]", table)))
        names = [getattr(item, identity) for item in items]
        if len(set(names)) < len(names):
            raise self.wrong(key, f"has the same {identity} twice")
        return tuple(items)

    def table(self, key: str, value: Any, known: tuple[str, ...] = ()) -> dict[str, Any]:
        """Demand a table, with no other keys than `known` if that is given."""
        if not isinstance(value, dict):
            raise self.wrong(key, "must be a table")
        if known:
            self.only(f"[{key}]", value, known)
        return value

    def only(self, where: str, table: dict[str, Any], known: tuple[str, ...]) -> None:
        """Raise CliError for a key that is not known."""
        for key in table:
            if key not in known:
                raise CliError(
                    f"{self.path}: unknown key {key!r} in {where}",
                    f"known keys: {', '.join(known)}",
                )

    def number(self, key: str, value: Any, least: int) -> int:
        """Demand a whole number of at least `least`."""
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.wrong(key, f"must be a whole number, {least} or more")
        return value

    def text(self, key: str, value: Any) -> str:
        """Demand a text that is not empty."""
        if not isinstance(value, str) or not value:
            raise self.wrong(key, "must be a text that is not empty")
        return value

    def choice(self, key: str, value: Any, known: tuple[str, ...]) -> str:
        """Demand one of `known`."""
        if value not in known:
            raise self.wrong(key, f"must be one of: {', '.join(known)}")
        return str(value)

    def wrong(self, key: str, what: str) -> CliError:
        """Make the error that names the file and the key."""
        return CliError(f"{self.path}: {key} {what}", "correct it, or leave it out")
