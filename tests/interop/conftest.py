"""One oidc-provider for all interoperability tests, behind every kind of address they need."""

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from interop.oidc_server import Client, Listener, NotHere, OidcServer, install
from interop.owner import Owner
from interop.parties import BASIC, POST, PUBLIC, Trust
from interop.sim_run import Event, SimRun, gives_away, run_sim

from keyfob_sim.server.certificates import make_ca


def pytest_itemcollected(item: pytest.Item) -> None:
    item.add_marker("interop")


@pytest.fixture(scope="session")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    folder = tmp_path_factory.mktemp("trust")
    return Trust(make_ca(folder / "ca"), make_ca(folder / "other", "somebody else"), folder)


@pytest.fixture(scope="session")
def server(trust: Trust, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcServer]:
    try:
        install()
    except NotHere as reason:
        pytest.skip(f"oidc-provider cannot run: {reason}")
    yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)

    def shown(host: str, named: str, until: datetime.datetime | None = None) -> Listener:
        issued = trust.ca.issue([named], tmp_path_factory.mktemp("leaf"), not_after=until)
        return Listener(host, cert=str(issued.cert_path), key=str(issued.key_path))

    listeners = {
        "http": Listener(),
        "https by name": shown("localhost", "localhost"),
        "https by address": shown("127.0.0.1", "127.0.0.1"),
        "another name": shown("localhost", "device.example"),
        "expired": shown("localhost", "localhost", yesterday),
        "no device flow": Listener(device_flow=False),
        "short codes": Listener(code_seconds=60),
        "path": Listener(path="/realms/home"),
    }
    folder = tmp_path_factory.mktemp("oidc_provider")
    with OidcServer([PUBLIC, BASIC, POST], listeners, folder) as running:
        yield running


@pytest.fixture(scope="session")
def owner(server: OidcServer, trust: Trust) -> Owner:
    return Owner("ada", str(trust.pem))


@pytest.fixture
def sim(server: OidcServer, tmp_path: Path) -> Callable[..., SimRun]:
    """`run_sim` against a listener; whatever comes of it, nothing may give a secret away."""

    def run(
        listener: str,
        *arguments: str | Path,
        client: Client = PUBLIC,
        environment: dict[str, str] | None = None,
        on_code: Callable[[Event], object] | None = None,
    ) -> SimRun:
        issuer = server.issuer.get(listener, listener)
        words = ["--issuer", issuer, "--client-id", client.client_id, *map(str, arguments)]
        if "--scope" not in words:
            words += ["--scope", "openid offline_access"]
        secret = {"KEYFOB_CLIENT_SECRET": client.client_secret} if client.client_secret else {}
        done = run_sim(*words, environment=secret | (environment or {}), on_code=on_code)
        urls = "\n".join(line for name in server.issuer for line in server.requests(name))
        secrets = server.secrets() | set(secret.values())
        for text in (done.stdout, done.stderr, urls):
            assert not [word for word in secrets if gives_away(text, word, client.client_id)]
        return done

    return run
