"""A mock authorization server without a socket, its clock in the test's hand."""

from __future__ import annotations

import base64
import contextlib
import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc.jwk import RSAKey

from keyfob_sim.run import board_files
from keyfob_sim.server import certificates
from keyfob_sim.server.app import make_app
from keyfob_sim.server.config import load_config
from keyfob_sim.server.discovery import describe
from keyfob_sim.server.personality import PLAIN, load_personality
from keyfob_sim.server.realm import Realm
from keyfob_sim.server.request_log import RequestLog
from keyfob_sim.server.store import Store

ISSUER = "http://127.0.0.1:8400"
DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Clock:
    """Unix seconds that move only when told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.25

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(scope="session")
def signing_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


@pytest.fixture(autouse=True)
def quick_keys(signing_key: RSAKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have new servers take the one key of all tests: making one takes longer than most."""
    monkeypatch.setattr(RSAKey, "generate_key", lambda *_, **__: signing_key)


@pytest.fixture(scope="session", autouse=True)
def few_certificate_keys() -> Iterator[None]:
    """Have certificates take RSA keys in turn from a few: one of 4096 bits takes half a second.

    They are as many as a chain has, so those of a chain differ.
    """
    with pytest.MonkeyPatch.context() as patch:
        for kind, count in (("RSA-2048", 3), ("RSA-4096", 2)):
            make = certificates._KINDS[kind]
            keys = itertools.cycle(
                [cache(partial(kept_key, f"{kind}-{i}", make)) for i in range(count)]
            )
            patch.setitem(certificates._KINDS, kind, lambda keys=keys: next(keys)())
        yield


def kept_key(name: str, make: Callable[[], Any]) -> Any:
    """A key of that name that all runs share, made when it is first asked for."""
    path = Path(__file__).parents[2] / "build" / "tests" / f"{name}.pem"
    with contextlib.suppress(OSError):
        return load_pem_private_key(path.read_bytes(), None)
    key = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as new:
        new.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    os.replace(new.name, path)  # at once: another worker may read it
    return key


class Bench:
    """A server and what a device, an API and a test do to it.

    Requests are made as one of the ready-made clients: "public", "basic" or "post".
    """

    def __init__(
        self,
        clock: Clock,
        toml: Path | None = None,
        state: Path | None = None,
        approve: str | None = None,
        personality: str = PLAIN,
    ) -> None:
        self.clock = clock
        dialect = load_personality(personality)
        self.realm = Realm(
            load_config(toml, dialect.server if dialect else None),
            Store(clock, state),
            RequestLog(clock),
            clock,
            approve,
            personality=dialect,
        )
        self.realm.issuer = ISSUER
        self.app = make_app(self.realm)
        self.http = self.app.test_client()
        self.about = describe(self.realm, None)

    def path(self, endpoint: str) -> str:
        return urlsplit(self.about[endpoint]).path

    def secret(self, client: str) -> str:
        return str(self.realm.clients[f"keyfob-{client}"].client_secret)

    def credentials(self, client: str) -> tuple[dict[str, str], dict[str, str]]:
        """Return the form members and headers with which a client authenticates."""
        name = f"keyfob-{client}"
        if client == "basic":
            return {}, {"Authorization": basic(name, self.secret(client))}
        if client == "post":
            return {"client_id": name, "client_secret": self.secret(client)}, {}
        return {"client_id": name}, {}

    def post(self, endpoint: str, client: str = "public", **members: str) -> Any:
        form, headers = self.credentials(client)
        return self.post_form(endpoint, {**form, **members}, headers)

    def post_form(
        self, endpoint: str, form: dict[str, str] | str, headers: dict[str, str] | None = None
    ) -> Any:
        return self.http.post(
            self.path(endpoint),
            data=form if isinstance(form, str) else urlencode(form),
            headers={"Content-Type": "application/x-www-form-urlencoded", **(headers or {})},
        )

    def authorize(self, client: str = "public", **members: str) -> dict[str, Any]:
        answer = self.post("device_authorization_endpoint", client, **members)
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    def poll(self, device_code: str, client: str = "public") -> Any:
        return self.post(
            "token_endpoint", client, grant_type=DEVICE_CODE_GRANT, device_code=device_code
        )

    def refresh(self, token: str, client: str = "public", **members: str) -> Any:
        return self.post(
            "token_endpoint", client, grant_type="refresh_token", refresh_token=token, **members
        )

    def link(self, client: str = "public", user: str = "ana", **members: str) -> dict[str, Any]:
        """Go the whole way; return the token answer."""
        codes = self.authorize(client, **members)
        self.realm.decide(codes["user_code"], self.realm.user(user), "admin")
        answer = self.poll(codes["device_code"], client)
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    def get(self, endpoint: str, token: str | None = None) -> Any:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.http.get(self.path(endpoint), headers=headers)

    def admin(self, path: str, **body: Any) -> Any:
        return self.http.post(f"/admin{path}", json=body)


def basic(client_id: str, secret: str) -> str:
    """Make an Authorization header as RFC 6749 section 2.3.1 says."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Have boards run another main.py."""
    program = board_files._program

    def replace(text: bytes) -> None:
        monkeypatch.setattr(
            board_files, "_program", lambda *about: {**program(*about), "/main.py": text}
        )

    return replace


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_bench(clock: Clock, tmp_path: Path) -> Callable[..., Bench]:
    """Make a server from TOML text, a state file and an approval mode."""

    def make(toml: str = "", **options: Any) -> Bench:
        path = None
        if toml:
            path = tmp_path / "server.toml"
            path.write_text(toml, "utf-8")
        return Bench(clock, path, **options)

    return make


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """A server as it comes."""
    return make_bench()
